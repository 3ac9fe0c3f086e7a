//! `tollgate audit`: who called what.

use std::path::Path;

use serde_json::{Value, json};
use tollgate_audit::{Head, verify};

use super::Context;
use super::arguments::{AuditArguments, AuditCommand, AuditVerifyArguments, Format};
use super::client::Client;
use super::failure::Failure;
use super::names::text;
use super::table::table;

/// `tollgate audit` and `tollgate audit verify`
pub(super) async fn run(arguments: &AuditArguments, context: &Context) -> Result<(), Failure> {
    match &arguments.command {
        Some(AuditCommand::Verify(arguments)) => check(arguments, context),
        None => list(arguments, context).await,
    }
}

async fn list(arguments: &AuditArguments, context: &Context) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection, context)?;
    let limit = arguments.limit.to_string();
    let mut query = vec![("limit", limit.as_str())];
    let texts = [
        ("from", &arguments.from),
        ("to", &arguments.to),
        ("who", &arguments.who),
        ("event", &arguments.event),
        ("requestId", &arguments.request_id),
    ];
    for (name, value) in texts {
        query.extend(value.as_deref().map(|value| (name, value)));
    }
    if arguments.refused {
        query.push(("refused", "true"));
    }
    if arguments.changes {
        query.push(("readOnly", "false"));
    }
    let found = client.native("GET", "audit", &query, None).await?;
    if context.format == Format::Json {
        context.output.json(&found);
        return Ok(());
    }
    let none = Vec::new();
    let items = found
        .get("items")
        .and_then(Value::as_array)
        .unwrap_or(&none);
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    match table(&["WHEN", "WHO", "FROM", "WHAT", "RESULT", "REQUEST"], &rows) {
        Some(table) => context.output.data(&table),
        None => context.output.talk("no call fits"),
    }
    if found.get("more").and_then(Value::as_bool) == Some(true) {
        context
            .output
            .talk("there are older ones; ask for more with --limit");
    }
    let silent = found
        .get("silentNodes")
        .and_then(Value::as_array)
        .unwrap_or(&none);
    for node in silent {
        context.output.talk(&format!(
            "node {node} did not answer; its calls are not here"
        ));
    }
    Ok(())
}

fn row(event: &Value) -> Vec<String> {
    let identity = event.get("userIdentity").unwrap_or(&Value::Null);
    let who = ["userName", "accessKeyId", "type"]
        .into_iter()
        .map(|name| text(identity, name))
        .find(|name| !name.is_empty());
    let result = match text(event, "errorCode") {
        "" => "ok",
        code => code,
    };
    vec![
        text(event, "eventTime").to_owned(),
        who.unwrap_or_default().to_owned(),
        text(event, "sourceIPAddress").to_owned(),
        text(event, "eventName").to_owned(),
        result.to_owned(),
        text(event, "requestID").to_owned(),
    ]
}

/// Checks the files of a node: each line follows the one before.
fn check(arguments: &AuditVerifyArguments, context: &Context) -> Result<(), Failure> {
    let kept = match &arguments.head {
        None => None,
        Some(text) => Some(text.parse::<Head>().map_err(|_| {
            Failure::new(format!(
                "`{text}` is no head; `tollgate status -o json` shows one"
            ))
        })?),
    };
    let dir: &Path = &arguments.dir;
    let checked = verify(dir, kept).map_err(|error| Failure::new(error.to_string()))?;
    let verified =
        checked.map_err(|broken| Failure::new(format!("the chain is broken: {broken}")))?;
    if context.format == Format::Json {
        let body = json!({"first": verified.first, "head": verified.head.to_string()});
        context.output.json(&body);
    } else {
        let (first, last) = (verified.first, verified.head.number);
        let text = match last {
            0 => "there is no line".to_owned(),
            _ => format!(
                "lines {first} to {last} are whole; the head is {}",
                verified.head
            ),
        };
        context.output.data(&text);
    }
    Ok(())
}
