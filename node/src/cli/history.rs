//! `tollgate history`, `diff` and `rollback`.

use serde_json::{Value, json};

use super::Context;
use super::apply;
use super::arguments::{DiffArguments, Format, HistoryArguments, RollbackArguments};
use super::client::Client;
use super::failure::Failure;
use super::names::text;
use super::table::table;

/// `tollgate history`
pub(super) async fn list(arguments: &HistoryArguments, context: &Context) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection, context)?;
    let limit = arguments.limit.to_string();
    let query = [("limit", limit.as_str())];
    let history = client.native("GET", "history", &query, None).await?;
    if context.format == Format::Json {
        context.output.json(&history);
        return Ok(());
    }
    let none = Vec::new();
    let items = history.get("items").and_then(Value::as_array);
    let rows: Vec<Vec<String>> = items
        .unwrap_or(&none)
        .iter()
        .map(|item| {
            let revision = item.get("revision").and_then(Value::as_u64);
            vec![
                revision.unwrap_or_default().to_string(),
                text(item, "at").to_owned(),
                text(item, "who").to_owned(),
                changed(item),
            ]
        })
        .collect();
    match table(&["REVISION", "WHEN", "WHO", "WHAT"], &rows) {
        Some(table) => context.output.data(&table),
        None => context.output.talk("nothing was changed yet"),
    }
    Ok(())
}

/// What a revision changed, in one line.
fn changed(item: &Value) -> String {
    let none = Vec::new();
    let named = item.get("changed").and_then(Value::as_array);
    let named = named.unwrap_or(&none);
    let mut words: Vec<String> = named
        .iter()
        .map(|it| {
            let sign = apply::sign(text(it, "action"));
            format!("{sign} {} {}", text(it, "kind"), text(it, "name"))
                .trim_end()
                .to_owned()
        })
        .collect();
    let all = item.get("changes").and_then(Value::as_u64).unwrap_or(0);
    let more = all.saturating_sub(named.len() as u64);
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join(", ")
}

/// `tollgate diff`
pub(super) async fn diff(arguments: &DiffArguments, context: &Context) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection, context)?;
    let to = arguments.to.map(|to| to.to_string());
    let query: Vec<(&str, &str)> = to.iter().map(|to| ("to", to.as_str())).collect();
    let operation = format!("history/{}/diff", arguments.from);
    let answer = client.native("GET", &operation, &query, None).await?;
    if context.format == Format::Json {
        context.output.json(&answer);
        return Ok(());
    }
    if apply::show_plan(&answer, context).iter().sum::<usize>() == 0 {
        context.output.talk("nothing changed between the two");
    }
    Ok(())
}

/// `tollgate rollback`
pub(super) async fn back(arguments: &RollbackArguments, context: &Context) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection, context)?;
    let body = json!({"revision": arguments.revision}).to_string();
    let dry_run = if arguments.dry_run { "true" } else { "false" };
    let query = [("dry_run", dry_run)];
    let answer = client
        .native("POST", "rollback", &query, Some(body.into_bytes()))
        .await?;
    if context.format == Format::Json {
        context.output.json(&answer);
    } else {
        apply::show(&answer, context);
    }
    Ok(())
}
