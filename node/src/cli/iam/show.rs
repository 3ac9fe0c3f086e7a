//! What there is, as tables and lines for people.

use serde_json::Value;

use crate::cli::Context;
use crate::cli::arguments::Format;
use crate::cli::names::text;
use crate::cli::table::table;

fn list(items: &[Value], context: &Context, head: &[&str], row: impl Fn(&Value) -> Vec<String>) {
    if context.format == Format::Json {
        context.output.json(&items);
        return;
    }
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    if let Some(table) = table(head, &rows) {
        context.output.data(&table);
    }
}

/// The texts of a list, or the pairs of an object, joined.
fn joined(item: &Value, member: &str) -> String {
    let parts: Vec<String> = match item.get(member) {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Some(Value::Object(members)) => members
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect(),
        Some(_) | None => Vec::new(),
    };
    match parts.is_empty() {
        true => "-".to_owned(),
        false => parts.join(", "),
    }
}

pub(super) fn users(items: &[Value], context: &Context) {
    let head = ["NAME", "GROUPS", "ATTACHED", "INLINE", "TAGS", "CREATED"];
    list(items, context, &head, |it| {
        vec![
            text(it, "userName").to_owned(),
            joined(it, "groups"),
            joined(it, "attachedPolicies"),
            joined(it, "inlinePolicies"),
            joined(it, "tags"),
            text(it, "createDate").to_owned(),
        ]
    });
}

pub(super) fn groups(items: &[Value], context: &Context) {
    let head = ["NAME", "ATTACHED", "INLINE", "CREATED"];
    list(items, context, &head, |it| {
        vec![
            text(it, "groupName").to_owned(),
            joined(it, "attachedPolicies"),
            joined(it, "inlinePolicies"),
            text(it, "createDate").to_owned(),
        ]
    });
}

pub(super) fn policies(items: &[Value], context: &Context) {
    let head = ["NAME", "ATTACHED", "UPDATED", "DESCRIPTION"];
    list(items, context, &head, |it| {
        let count = it.get("attachmentCount").and_then(Value::as_u64);
        vec![
            text(it, "policyName").to_owned(),
            count.unwrap_or_default().to_string(),
            text(it, "updateDate").to_owned(),
            text(it, "description").to_owned(),
        ]
    });
}

pub(super) fn keys(items: &[Value], context: &Context) {
    let head = ["KEY", "STATUS", "CREATED"];
    list(items, context, &head, |it| {
        ["accessKeyId", "status", "createDate"]
            .map(|member| text(it, member).to_owned())
            .into()
    });
}

/// A user or a group: a line for each member.
pub(super) fn record(item: &Value) -> String {
    let members = item.as_object().into_iter().flatten();
    let lines = members.map(|(name, value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            _ => joined(item, name),
        };
        format!("{name:<16}  {value}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The document of a policy, as it would be written to a file.
pub(super) fn document(policy: &Value) -> String {
    let document = policy.get("document").unwrap_or(&Value::Null);
    serde_json::to_string_pretty(document).unwrap_or_default()
}

/// An access key as variables of the environment, which the aws command and SDKs read too.
pub(super) fn key(made: &Value) -> String {
    format!(
        "AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}",
        text(made, "accessKeyId"),
        text(made, "secretAccessKey")
    )
}
