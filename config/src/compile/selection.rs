//! What WebSocket APIs say about messages (reference 6.2): selection expressions, data mappings,
//! and as much of mapping templates as is served.
//!
//! A template is text with the references that need no engine: `$input.body`, `$input.json(..)`,
//! `$context.NAME` and `$stageVariables.NAME`. What needs one (directives, methods, variables of
//! its own) is refused by name and never sent as it stands.

use super::expression::{ExpressionError, Variables, json_path, mapping_value, push_text};
use crate::snapshot::{ContextVar, Piece, Template, Variable};

/// Which body a template speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The message.
    Request,
    /// The integration's answer.
    Response,
}

/// Parses a selection expression: `$request.body.x`, `${request.body.x}` any number of times, `\$`
/// for a dollar sign, and text.
pub(super) fn selection(text: &str) -> Result<Template, ExpressionError> {
    let mut pieces = Vec::new();
    // AWS's own examples write the key both with and without the backslash.
    if text == "$default" {
        push_text(&mut pieces, text);
        return Ok(Template(pieces));
    }
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        if let Some(before) = before.strip_suffix('\\') {
            push_text(&mut pieces, before);
            push_text(&mut pieces, "$");
            rest = after;
            continue;
        }
        push_text(&mut pieces, before);
        let (name, behind) = match after.strip_prefix('{') {
            Some(inside) => inside.split_once('}').ok_or(ExpressionError::Unclosed)?,
            None => {
                let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || "._-[]".contains(c)));
                after.split_at(end.unwrap_or(after.len()))
            }
        };
        pieces.push(Piece::Variable(selected(name)?));
        rest = behind;
    }
    push_text(&mut pieces, rest);
    Ok(Template(pieces))
}

/// A variable of a selection expression.
fn selected(name: &str) -> Result<Variable, ExpressionError> {
    let path = |rest: &str| {
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        (!rest.is_empty()).then(|| json_path(rest)).transpose()
    };
    if let Some(rest) = name.strip_prefix("request.body") {
        return Ok(Variable::RequestBody(path(rest)?));
    }
    let unknown = || ExpressionError::UnknownVariable(format!("${name}"));
    let rest = name
        .strip_prefix("integration.response.")
        .ok_or_else(unknown)?;
    if rest == "statuscode" {
        return Ok(Variable::ResponseStatus);
    }
    if let Some(rest) = rest.strip_prefix("body") {
        return Ok(Variable::ResponseBody(path(rest)?));
    }
    let field = rest
        .strip_prefix("header.")
        .or_else(|| rest.strip_prefix("multivalueheader."))
        .ok_or_else(unknown)?;
    Ok(Variable::ResponseHeader(field.to_ascii_lowercase().into()))
}

/// Parses the right side of a data mapping: `'text'`, `route.request.body.x`, `context.x`,
/// `stageVariables.x`, or as HTTP APIs write it.
pub(super) fn mapped(text: &str, variables: &Variables) -> Result<Template, ExpressionError> {
    let quoted = text
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    if let Some(text) = quoted {
        let mut pieces = Vec::new();
        push_text(&mut pieces, text);
        return Ok(Template(pieces));
    }
    let unknown = || ExpressionError::UnknownVariable(text.into());
    if let Some(rest) = text.strip_prefix("route.request.") {
        if rest == "body" {
            return Ok(one(Variable::RequestBody(None)));
        }
        let (place, name) = rest.split_once('.').ok_or_else(unknown)?;
        return Ok(one(match place {
            "header" | "multivalueheader" => {
                Variable::RequestHeader(name.to_ascii_lowercase().into())
            }
            "querystring" | "multivaluequerystring" => Variable::RequestQuery(name.into()),
            "body" => Variable::RequestBody(Some(json_path(name)?)),
            _ => return Err(unknown()),
        }));
    }
    if let Some(name) = text.strip_prefix("context.") {
        return Ok(one(Variable::Context(ContextVar::parse(name))));
    }
    if text.starts_with("stageVariables.") {
        return mapping_value(&format!("${text}"), variables);
    }
    if text.starts_with('$') {
        return mapping_value(text, variables);
    }
    Err(unknown())
}

fn one(variable: Variable) -> Template {
    Template(vec![Piece::Variable(variable)])
}

/// Parses a mapping template.
///
/// # Errors
/// What of it needs a template engine.
pub(super) fn template(text: &str, side: Side, variables: &Variables) -> Result<Template, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['$', '#']) {
        push_text(&mut pieces, &rest[..at]);
        let (sign, after) = rest[at..].split_at(1);
        if sign == "#" {
            if after.starts_with(|c: char| c.is_ascii_alphabetic() || "#*@{[".contains(c)) {
                return Err(refused(&rest[at..]));
            }
            push_text(&mut pieces, sign);
            rest = after;
            continue;
        }
        if !after.starts_with(|c: char| c.is_ascii_alphabetic() || "!{_".contains(c)) {
            push_text(&mut pieces, sign);
            rest = after;
            continue;
        }
        let (piece, behind) =
            reference(after, side, variables).ok_or_else(|| refused(&rest[at..]))?;
        match piece {
            Piece::Text(text) => push_text(&mut pieces, &text),
            variable @ Piece::Variable(_) => pieces.push(variable),
        }
        rest = behind;
    }
    push_text(&mut pieces, rest);
    Ok(Template(pieces))
}

/// A reference behind its dollar sign, and what follows it; `None` for what is not served.
fn reference<'t>(text: &'t str, side: Side, variables: &Variables) -> Option<(Piece, &'t str)> {
    let (braced, text) = match text.strip_prefix('{') {
        Some(inside) => (true, inside),
        None => (false, text),
    };
    let (piece, rest) = if let Some(rest) = text.strip_prefix("input.body") {
        (Piece::Variable(whole(side)), rest)
    } else if let Some(rest) = text.strip_prefix("input.json(") {
        let (argument, rest) = rest.split_once(')')?;
        let path = argument.trim().strip_prefix(['\'', '"'])?;
        let path = path.strip_suffix(['\'', '"'])?.strip_prefix('$')?;
        let variable = match path.strip_prefix('.').unwrap_or(path) {
            "" => whole(side),
            path => {
                let path = json_path(path).ok()?;
                match side {
                    Side::Request => Variable::RequestJson(path),
                    Side::Response => Variable::ResponseJson(path),
                }
            }
        };
        (Piece::Variable(variable), rest)
    } else if let Some(rest) = text.strip_prefix("context.") {
        let (name, rest) = name(rest);
        let var = ContextVar::parse(name);
        if matches!(var, ContextVar::Unknown(_)) {
            return None;
        }
        (Piece::Variable(Variable::Context(var)), rest)
    } else {
        let (name, rest) = name(text.strip_prefix("stageVariables.")?);
        let value = variables.get(name).map_or("", |value| value);
        (Piece::Text(value.into()), rest)
    };
    match braced {
        true => Some((piece, rest.strip_prefix('}')?)),
        // A method of the value, or another member of it.
        false if rest.starts_with(['(', '[']) => None,
        false => {
            let more = rest.strip_prefix('.');
            let calls = more.is_some_and(|it| it.starts_with(|c: char| c.is_ascii_alphabetic()));
            (!calls && !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
                .then_some((piece, rest))
        }
    }
}

fn whole(side: Side) -> Variable {
    match side {
        Side::Request => Variable::RequestBody(None),
        Side::Response => Variable::ResponseBody(None),
    }
}

/// The name at the beginning of a text, without a sentence's full stop.
fn name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
    let name = text[..end.unwrap_or(text.len())].trim_end_matches(['.', '-']);
    text.split_at(name.len())
}

/// Characters of a template that an error shows.
const SHOWN_CHARS_MAX: usize = 24;

fn refused(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    format!(
        "a mapping template is text with $input.body, $input.json('$.x'), $context.x and \
         $stageVariables.x; {shown:?} needs more than that"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        [("greeting".to_owned(), "hello".to_owned())].into()
    }

    #[test]
    fn templates_without_an_engine_are_read_and_others_are_refused_by_name() {
        let pieces = |text| template(text, Side::Request, &variables()).unwrap().0;
        assert_eq!(
            pieces("{\"statusCode\": 200}"),
            [Piece::Text("{\"statusCode\": 200}".into())]
        );
        assert_eq!(
            pieces("costs $5, #1: $stageVariables.greeting."),
            [Piece::Text("costs $5, #1: hello.".into())]
        );
        assert_eq!(
            pieces("$input.json('$')"),
            [Piece::Variable(Variable::RequestBody(None))]
        );
        let Piece::Variable(Variable::RequestJson(path)) = &pieces("$input.json(\"$.a.b\")")[0]
        else {
            panic!("a value of the message");
        };
        assert_eq!(path.0.len(), 2);
        let context = pieces("\"${context.connectionId}\"");
        assert_eq!(
            context[1],
            Piece::Variable(Variable::Context(ContextVar::ConnectionId))
        );
        for text in [
            "#set($x = 1)",
            "#if(true)a#end",
            "## a comment",
            "$input.path('$.a')",
            "$input.body.length()",
            "$util.escapeJavaScript($input.body)",
            "$!input.body",
            "$context.nothing",
            "${input.body",
            "$x",
        ] {
            assert!(
                template(text, Side::Request, &variables()).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn selection_expressions_are_those_of_the_guide() {
        let body = |name: &str| Piece::Variable(Variable::RequestBody(json_path(name).ok()));
        let text = |text: &str| Piece::Text(text.into());
        for (expression, wanted) in [
            ("$request.body.action", vec![body("action")]),
            (
                "${request.body.service}/${request.body.action}",
                vec![body("service"), text("/"), body("action")],
            ),
            ("\\$default", vec![text("$default")]),
            ("$default", vec![text("$default")]),
            ("static", vec![text("static")]),
            ("$request.body.items[0].name", vec![body("items[0].name")]),
        ] {
            assert_eq!(selection(expression).unwrap().0, wanted, "{expression}");
        }
        let status = selection("${integration.response.statuscode}").unwrap();
        assert_eq!(status.0, [Piece::Variable(Variable::ResponseStatus)]);
        assert!(selection("$request.header.x").is_err());
        assert!(selection("${request.body.x").is_err());
    }

    #[test]
    fn data_mappings_are_those_of_the_guide() {
        let of = |text| mapped(text, &variables()).unwrap().0;
        assert_eq!(of("'plain'"), [Piece::Text("plain".into())]);
        assert_eq!(of("stageVariables.greeting"), [Piece::Text("hello".into())]);
        assert_eq!(
            of("route.request.multivalueheader.X-A"),
            [Piece::Variable(Variable::RequestHeader("x-a".into()))]
        );
        assert_eq!(
            of("context.connectionId"),
            [Piece::Variable(Variable::Context(ContextVar::ConnectionId))]
        );
        assert!(mapped("route.request.cookie.x", &variables()).is_err());
        assert!(mapped("integration.response.body.x", &variables()).is_err());
    }
}
