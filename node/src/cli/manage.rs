//! Commands about the node itself: status, cache, log level.

use serde_json::{Map, Value, json};

use super::Context;
use super::arguments::{CacheArguments, CacheCommand, Format, LogLevelArguments, StatusArguments};
use super::client::Client;
use super::failure::Failure;
use super::members;

/// `tollgate status`
pub(super) async fn status(arguments: &StatusArguments, context: &Context) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection, context)?;
    let status = client.native("GET", "status", &[], None).await?;
    if context.format == Format::Json {
        context.output.json(&status);
        return Ok(());
    }
    let empty = Map::new();
    let members = status.as_object().unwrap_or(&empty);
    let plain = || members.iter().filter(|(_, value)| !value.is_object());
    let activity = members.get("activity").and_then(Value::as_object);
    let lines: Vec<_> = plain().chain(activity.unwrap_or(&empty)).collect();
    let width = lines.iter().map(|(name, _)| spaced(name).len()).max();
    for (name, value) in lines {
        let name = spaced(name);
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Null => "-".to_owned(),
            other => other.to_string(),
        };
        let width = width.unwrap_or_default();
        context.output.data(&format!("{name:<width$}  {value}"));
    }
    if let Some(cluster) = members.get("cluster") {
        context.output.data("");
        context.output.data(&members::picture(cluster));
    }
    Ok(())
}

/// `servedRevision` as `served revision`.
fn spaced(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push(' ');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// `tollgate cache flush`
pub(super) async fn cache(arguments: &CacheArguments, context: &Context) -> Result<(), Failure> {
    let CacheCommand::Flush {
        api,
        stage,
        connection,
    } = &arguments.command;
    let client = Client::new(connection, context)?;
    let body = json!({"apiId": api, "stage": stage}).to_string();
    let answer = client
        .native("POST", "cache/flush", &[], Some(body.into_bytes()))
        .await?;
    if context.format == Format::Json {
        context.output.json(&answer);
    } else {
        let flushed = answer.get("flushed").and_then(Value::as_u64);
        let flushed = flushed.unwrap_or_default();
        context
            .output
            .talk(&format!("{flushed} cached responses forgotten"));
    }
    Ok(())
}

/// `tollgate log-level LEVEL`
pub(super) async fn log_level(
    arguments: &LogLevelArguments,
    context: &Context,
) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection, context)?;
    let body = json!({"level": arguments.level}).to_string();
    let answer = client
        .native("PUT", "log-level", &[], Some(body.into_bytes()))
        .await?;
    if context.format == Format::Json {
        context.output.json(&answer);
    } else {
        let level = &arguments.level;
        context.output.talk(&format!(
            "the node logs {level} from now on, until it stops"
        ));
    }
    Ok(())
}
