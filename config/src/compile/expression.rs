//! Parsing of `$request.header.x`, `${context.stage}` and access log templates.

use std::collections::BTreeMap;

use crate::snapshot::{
    ContextVar, JsonPath, MappingAction, MappingTarget, PathStep, Piece, Template, Variable,
};

/// Why an expression cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// Not a variable that exists here.
    #[error(
        "{0:?} is no variable; there are $request.header.NAME, $request.querystring.NAME, \
         $request.path[.NAME], $request.body[.JSONPATH], $response.header.NAME, \
         $response.body[.JSONPATH], $context.NAME and $stageVariables.NAME"
    )]
    UnknownVariable(String),
    /// A `${` without its `}`.
    #[error("`${{` without a closing brace")]
    Unclosed,
    /// JSONPath beyond members and indexes.
    #[error("JSONPath {0:?}: only members, [index] and [*] are supported")]
    JsonPath(String),
    /// Not `ACTION:LOCATION`.
    #[error(
        "{0:?} is no mapping; write append|overwrite|remove:header.NAME, \
         append|overwrite|remove:querystring.NAME, overwrite:path or, for responses, \
         overwrite:statuscode"
    )]
    MappingKey(String),
}

/// The values of stage variables, constants once a stage is compiled.
pub(super) type Variables = BTreeMap<String, String>;

/// Parses the right side of a parameter mapping: a constant, one variable (`$request.path`), or
/// text with `${...}` variables.
///
/// # Errors
/// [`ExpressionError`] for the first part that cannot be read.
pub fn mapping_value(text: &str, variables: &Variables) -> Result<Template, ExpressionError> {
    if let Some(name) = text.strip_prefix('$')
        && !name.starts_with('{')
    {
        return Ok(Template(vec![variable(name, variables)?]));
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        push_text(&mut pieces, before);
        let (name, after) = after.split_once('}').ok_or(ExpressionError::Unclosed)?;
        pieces.push(variable(name, variables)?);
        rest = after;
    }
    push_text(&mut pieces, rest);
    Ok(Template(pieces))
}

/// Parses an access log template: `$context.NAME` anywhere.
#[must_use]
pub(super) fn log_template(text: &str) -> Template {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$context.") {
        push_text(&mut pieces, before);
        let end = after
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))
            .unwrap_or(after.len());
        // A sentence's full stop or dash does not belong to the name.
        let name = after[..end].trim_end_matches(['.', '-']);
        pieces.push(Piece::Variable(Variable::Context(ContextVar::parse(name))));
        rest = &after[name.len()..];
    }
    push_text(&mut pieces, rest);
    Template(pieces)
}

/// Parses the left side of a parameter mapping.
///
/// # Errors
/// [`ExpressionError::MappingKey`].
pub fn mapping_key(text: &str) -> Result<(MappingAction, MappingTarget), ExpressionError> {
    let bad = || ExpressionError::MappingKey(text.into());
    let (action, location) = text.split_once(':').ok_or_else(bad)?;
    let action = match action {
        "append" => MappingAction::Append,
        "overwrite" => MappingAction::Overwrite,
        "remove" => MappingAction::Remove,
        _ => return Err(bad()),
    };
    let target = match location.split_once('.') {
        Some(("header", name)) if !name.is_empty() => {
            MappingTarget::Header(name.to_ascii_lowercase().into())
        }
        Some(("querystring", name)) if !name.is_empty() => MappingTarget::Query(name.into()),
        None if location == "path" && action == MappingAction::Overwrite => MappingTarget::Path,
        None if location == "statuscode" && action == MappingAction::Overwrite => {
            MappingTarget::StatusCode
        }
        _ => return Err(bad()),
    };
    Ok((action, target))
}

/// Replaces `${stageVariables.NAME}` in text that must be constant (URIs, ARNs, ids). Unset
/// variables become empty, as AWS does.
pub(super) fn constants(text: &str, variables: &Variables) -> Result<String, ExpressionError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${stageVariables.") {
        out.push_str(before);
        let (name, after) = after.split_once('}').ok_or(ExpressionError::Unclosed)?;
        out.push_str(variables.get(name).map_or("", |value| value));
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

pub(super) fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if text.is_empty() {
        return;
    }
    if let Some(Piece::Text(last)) = pieces.last_mut() {
        *last = format!("{last}{text}").into();
    } else {
        pieces.push(Piece::Text(text.into()));
    }
}

fn variable(name: &str, variables: &Variables) -> Result<Piece, ExpressionError> {
    if let Some(name) = name.strip_prefix("stageVariables.") {
        let value = variables.get(name).map_or("", |value| value);
        return Ok(Piece::Text(value.into()));
    }
    let unknown = || ExpressionError::UnknownVariable(format!("${name}"));
    let (root, rest) = name.split_once('.').ok_or_else(unknown)?;
    let (location, rest) = match rest.split_once('.') {
        Some((location, rest)) => (location, Some(rest)),
        None => (rest, None),
    };
    let variable = match (root, location, rest) {
        ("request", "header", Some(it)) => Variable::RequestHeader(it.to_ascii_lowercase().into()),
        ("request", "querystring", Some(it)) => Variable::RequestQuery(it.into()),
        ("request", "path", None) => Variable::RequestPath,
        ("request", "path", Some(it)) => Variable::RequestPathParam(it.into()),
        ("request", "body", it) => Variable::RequestBody(it.map(json_path).transpose()?),
        ("response", "header", Some(it)) => {
            Variable::ResponseHeader(it.to_ascii_lowercase().into())
        }
        ("response", "body", it) => Variable::ResponseBody(it.map(json_path).transpose()?),
        ("context", ..) => {
            let name = name.strip_prefix("context.").unwrap_or_default();
            Variable::Context(ContextVar::parse(name))
        }
        _ => return Err(unknown()),
    };
    Ok(Piece::Variable(variable))
}

/// `a.b[0].c`, `[*]`, `['with.dot']`.
pub(super) fn json_path(text: &str) -> Result<JsonPath, ExpressionError> {
    let bad = || ExpressionError::JsonPath(text.into());
    let mut steps = Vec::new();
    let mut rest = text.strip_prefix("$.").unwrap_or(text);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = after.split_once(']').ok_or_else(bad)?;
            steps.push(match inside {
                "*" => PathStep::All,
                _ => match inside
                    .strip_prefix('\'')
                    .and_then(|it| it.strip_suffix('\''))
                {
                    Some(name) => PathStep::Member(name.into()),
                    None => PathStep::Index(inside.parse().map_err(|_| bad())?),
                },
            });
            rest = after.strip_prefix('.').unwrap_or(after);
            continue;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return Err(bad());
        }
        steps.push(if name == "*" {
            PathStep::All
        } else {
            PathStep::Member(name.into())
        });
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    if steps.is_empty() {
        Err(bad())
    } else {
        Ok(JsonPath(steps))
    }
}
