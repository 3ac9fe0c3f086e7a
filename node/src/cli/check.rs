//! `tollgate check`: what is wrong with API files, without a node.

use tollgate_config::diagnostic::{Diagnostic, render, render_json};
use tollgate_config::document::load;
use tollgate_model::Model;

use super::Context;
use super::apply::load_context;
use super::arguments::{CheckArguments, Format};
use super::failure::{FAILED, Failure};

pub(super) fn run(arguments: &CheckArguments, context: &Context) -> Result<(), Failure> {
    let load_context = load_context(context);
    let mut findings: Vec<Diagnostic> = Vec::new();
    for file in &arguments.files {
        match load(file, &load_context) {
            Ok(loaded) => {
                findings.extend(loaded.warnings);
                if context.format == Format::Text {
                    let what = describe(&loaded.model);
                    context
                        .output
                        .data(&format!("{}: ok ({what})", file.display()));
                }
            }
            Err(found) => findings.extend(found),
        }
    }
    if context.format == Format::Json {
        context.output.data(&render_json(&findings));
    } else if !findings.is_empty() {
        context.output.talk(render(&findings).trim_end());
    }
    if findings.iter().any(Diagnostic::is_error) {
        return Err(Failure::told(FAILED));
    }
    Ok(())
}

fn describe(model: &Model) -> String {
    let routes = model
        .apis
        .values()
        .map(|api| api.definition.routes.len())
        .sum();
    let counts = [
        (model.apis.len(), "API"),
        (routes, "route"),
        (model.upstreams.len(), "upstream group"),
        (model.functions.len(), "function"),
        (model.usage_plans.len(), "usage plan"),
        (model.api_keys.len(), "API key"),
        (model.domain_names.len(), "domain name"),
        (model.certificates.len(), "certificate"),
    ];
    let named: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| format!("{count} {noun}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    if named.is_empty() {
        return "empty".to_owned();
    }
    named.join(", ")
}
