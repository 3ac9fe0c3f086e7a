//! Which route a message is for (reference 6.2).

use std::sync::Arc;

use serde_json::Value;
use tollgate_config::snapshot::{JsonPath, Piece, RoutePlan, StagePlan, Template, Variable};

use crate::mapping::{self, MappedBody, Scope};

/// The key of what no other route is for.
const DEFAULT: &str = "$default";

/// The route of a message; `None` when there is neither one of its key nor `$default`.
pub(crate) fn route<'a>(stage: &'a StagePlan, body: &MappedBody) -> Option<&'a Arc<RoutePlan>> {
    let plan = stage.sockets.as_ref()?;
    let key = key(&plan.selection, body, None);
    // `$connect` and `$disconnect` are no routes of messages, whatever a message says.
    let named = key.filter(|key| !key.starts_with('$'));
    let at = named.and_then(|key| plan.routes.get(&*key));
    stage.routes.get(*at.or_else(|| plan.routes.get(DEFAULT))?)
}

/// The route of this key, one that the gateway itself calls.
pub(crate) fn own_route<'a>(stage: &'a StagePlan, key: &str) -> Option<&'a Arc<RoutePlan>> {
    let plan = stage.sockets.as_ref()?;
    stage.routes.get(*plan.routes.get(key)?)
}

/// What a selection expression gives for a message and, where there is one, its answer; `None`
/// when it looks into one that is no JSON, or into an answer that is not there.
pub(crate) fn key(
    expression: &Template,
    message: &MappedBody,
    answered: Option<&Scope<'_>>,
) -> Option<String> {
    let mut out = String::new();
    for piece in &expression.0 {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Variable(Variable::RequestBody(path)) => {
                push_of(message, path.as_ref(), &mut out)?;
            }
            Piece::Variable(Variable::ResponseBody(path)) => {
                push_of(answered?.response?.body?, path.as_ref(), &mut out)?;
            }
            Piece::Variable(of_answer) => {
                let mut value = Vec::new();
                mapping::write(of_answer, answered?, &mut value);
                out.push_str(core::str::from_utf8(&value).ok()?);
            }
        }
    }
    Some(out)
}

/// Appends a body or the first value at a path of it.
fn push_of(body: &MappedBody, path: Option<&JsonPath>, out: &mut String) -> Option<()> {
    let Some(path) = path else {
        out.push_str(body.text()?);
        return Some(());
    };
    body.json()?;
    if let Some(value) = body.find(path).first() {
        push(value, out);
    }
    Some(())
}

/// A value as text: `[a, b]` for lists and `{k=v}` for objects, as AWS writes them.
fn push(value: &Value, out: &mut String) {
    match value {
        Value::Null => {}
        Value::String(text) => out.push_str(text),
        Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::Array(values) => {
            out.push('[');
            for (at, value) in values.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                push(value, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (at, (name, value)) in members.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                out.push_str(name);
                out.push('=');
                push(value, out);
            }
            out.push('}');
        }
    }
}
