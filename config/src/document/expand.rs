//! `${env.NAME}` in texts. Nothing else is expanded, and nothing twice: what a variable holds is
//! taken as it is.

use super::LoadContext;
use super::report::Report;
use super::tree::{Node, Path, Value};
use crate::diagnostic::nearest;

const START: &str = "${env.";

/// Fills in the environment variables of a tree. A missing one is an error at its place.
pub(crate) fn expand(node: &mut Node, path: &Path, report: &mut Report, context: &LoadContext) {
    match &mut node.value {
        Value::String(text) if text.contains(START) => {
            let mut missing = Vec::new();
            let expanded = replace(text, context, &mut missing);
            for name in missing {
                let known = context.environment.keys().map(String::as_str);
                let suggestion = nearest(&name, known).map(str::to_owned);
                let reason = format!("the environment variable `{name}` is not set");
                report.error(node.place, path, reason).nearest = suggestion;
            }
            node.value = Value::String(expanded);
            node.expanded = true;
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                if needs_work(item) {
                    expand(item, &path.index(index), report, context);
                }
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                if needs_work(&entry.node) {
                    expand(&mut entry.node, &path.key(&entry.key), report, context);
                }
            }
        }
        _ => {}
    }
}

/// Spares the paths of scalars that hold no variable.
fn needs_work(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => text.contains(START),
        Value::Sequence(_) | Value::Mapping(_) => true,
        _ => false,
    }
}

fn replace(text: &str, context: &LoadContext, missing: &mut Vec<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(START) {
        out.push_str(&rest[..start]);
        let after = &rest[start + START.len()..];
        let Some(end) = after.find('}') else {
            rest = &rest[start..];
            break;
        };
        let name = &after[..end];
        match context.environment.get(name) {
            Some(value) => out.push_str(value),
            None => missing.push(name.to_owned()),
        }
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    out
}
