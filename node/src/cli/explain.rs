//! What needs neither node nor file: pages, the version, completions.

use clap::CommandFactory as _;
use serde_json::{Value, json};
use tollgate_protocol::codes;

use super::Context;
use super::arguments::{Arguments, CompletionsArguments, ExplainArguments, Format};
use super::failure::{Failure, USAGE};
use super::names::near;
use super::table::table;

/// `tollgate explain [CODE]`
pub(super) fn run(arguments: &ExplainArguments, context: &Context) -> Result<(), Failure> {
    let Some(wanted) = &arguments.code else {
        list(context);
        return Ok(());
    };
    // "7" and "tg7" are what people type.
    let digits = wanted.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let padded = format!("TG{digits:0>4}");
    let Some(code) = codes::find(wanted).or_else(|| codes::find(&padded)) else {
        let all: Vec<&str> = codes::ALL.iter().map(|code| code.code).collect();
        let near = near(&padded, &all);
        let hint = if near.is_empty() {
            "tollgate explain lists all codes".to_owned()
        } else {
            format!("near it: {}; tollgate explain lists all", near.join(", "))
        };
        return Err(Failure::new(format!("there is no code {wanted}"))
            .hint(hint)
            .exit(USAGE));
    };
    match context.format {
        Format::Text => context.output.data(code.page.trim_end()),
        Format::Json => context
            .output
            .json(&json!({"code": code.code, "title": code.title, "page": code.page})),
    }
    Ok(())
}

fn list(context: &Context) {
    if context.format == Format::Json {
        let all = codes::ALL
            .iter()
            .map(|code| json!({"code": code.code, "title": code.title}));
        context.output.json(&all.collect::<Value>());
        return;
    }
    let rows: Vec<Vec<String>> = codes::ALL
        .iter()
        .map(|code| vec![code.code.to_owned(), code.title.to_owned()])
        .collect();
    if let Some(text) = table(&["CODE", "WHAT HAPPENED"], &rows) {
        context.output.data(&text);
    }
}

/// `tollgate version`
pub(super) fn version(context: &Context) {
    let version = env!("CARGO_PKG_VERSION");
    match context.format {
        Format::Text => context.output.data(&format!("tollgate {version}")),
        Format::Json => context.output.json(&json!({"version": version})),
    }
}

/// `tollgate completions SHELL`
pub(super) fn completions(
    arguments: &CompletionsArguments,
    context: &Context,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "tollgate", &mut script);
    let script = String::from_utf8(script)
        .map_err(|_| Failure::new("the completion script is not UTF-8"))?;
    context.output.data(script.trim_end());
    Ok(())
}
