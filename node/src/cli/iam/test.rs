//! `tollgate iam test`: the policy simulator.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Iam, read};
use crate::cli::arguments::Format;
use crate::cli::arguments::iam::{Pair, TestArguments};
use crate::cli::failure::{FAILED, Failure};
use crate::cli::names::text;

pub(super) async fn run(iam: &Iam<'_>, arguments: &TestArguments) -> Result<(), Failure> {
    let mut body = json!({"actions": arguments.actions, "context": keys(&arguments.context)});
    if !arguments.resources.is_empty() {
        body["resources"] = json!(arguments.resources);
    }
    if let Some(user) = &arguments.user {
        body["userName"] = json!(user);
    }
    let policies = arguments.policies.iter().map(|file| read(file));
    body["policies"] = json!(policies.collect::<Result<Vec<String>, Failure>>()?);
    let answer = iam.send("POST", "simulate", Some(&body)).await?;
    let none = Vec::new();
    let items = answer
        .get("items")
        .and_then(Value::as_array)
        .unwrap_or(&none);
    let output = &iam.context.output;
    if iam.context.format == Format::Json {
        output.json(&answer);
    } else {
        for item in items {
            output.data(&line(item));
        }
    }
    match items.iter().all(|it| text(it, "decision") == "allowed") {
        true => Ok(()),
        false => Err(Failure::told(FAILED)),
    }
}

/// Values by key; a key that is named again has many.
fn keys(pairs: &[Pair]) -> BTreeMap<&str, Vec<&str>> {
    let mut keys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Pair(key, value) in pairs {
        keys.entry(key).or_default().push(value);
    }
    keys
}

/// What was decided, and why.
fn line(item: &Value) -> String {
    let (action, resource) = (text(item, "action"), text(item, "resource"));
    let decision = match text(item, "decision") {
        "allowed" => "allowed",
        "explicitDeny" => "denied",
        _ => "not allowed",
    };
    let why = match (item.get("policy"), item.get("statement")) {
        (Some(policy @ Value::Object(_)), Some(statement @ Value::Object(_))) => {
            format!("by {} of {}", place(statement), whose(policy))
        }
        (Some(policy @ Value::Object(_)), _) => {
            format!("because this release cannot read {}", whose(policy))
        }
        _ => "because no statement allows it".to_owned(),
    };
    format!("{decision}: {action} on {resource}, {why}")
}

/// Statements count from 1 for people.
fn place(statement: &Value) -> String {
    let index = statement.get("index").and_then(Value::as_u64);
    let number = index.unwrap_or_default() + 1;
    match text(statement, "sid") {
        "" => format!("statement {number}"),
        sid => format!("statement {number} ({sid})"),
    }
}

fn whose(policy: &Value) -> String {
    let name = text(policy, "name");
    let managed = policy.get("managed").and_then(Value::as_bool) == Some(true);
    let kind = if managed { "managed policy" } else { "policy" };
    match text(policy, "group") {
        "" => format!("{kind} {name}"),
        group => format!("{kind} {name} of group {group}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_and_why() {
        let item = json!({
            "action": "apigateway:GET", "resource": "*", "decision": "explicitDeny",
            "statement": {"index": 1, "sid": "Far"},
            "policy": {"name": "own", "managed": false, "group": "ops"}});
        assert_eq!(
            line(&item),
            "denied: apigateway:GET on *, by statement 2 (Far) of policy own of group ops"
        );
        let silent = json!({"action": "a:b", "resource": "*", "decision": "implicitDeny"});
        assert_eq!(
            line(&silent),
            "not allowed: a:b on *, because no statement allows it"
        );
    }
}
