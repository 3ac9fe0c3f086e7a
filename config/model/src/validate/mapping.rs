//! Parameter mapping: keys, values and the headers that nobody may touch (reference 5.3).

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::Findings;
use super::text::{is_field_value, is_token};

/// Headers that only the gateway sets; `*` ends a prefix.
const RESERVED: &[&str] = &[
    "access-control-*",
    "apigw-*",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "forwarded",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-amz-*",
    "x-amzn-*",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// What a value may refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The request to the back end.
    Request,
    /// The response from the back end.
    Response,
    /// A fixed response: there is no back end.
    Fixed,
}

/// `requestParameters`.
pub(super) fn requests(parameters: &BTreeMap<String, String>, f: &mut Findings) {
    f.inside("requestParameters", |f| pairs(parameters, Side::Request, f));
}

/// `responseParameters`, by status.
pub(super) fn responses(parameters: &BTreeMap<String, BTreeMap<String, String>>, f: &mut Findings) {
    for (status, pairs_of_status) in parameters {
        f.in_two("responseParameters", status, |f| {
            let number = status.parse::<u16>().unwrap_or_default();
            if status.len() != 3 || !(200..=599).contains(&number) {
                f.here("response parameters are kept by a status from 200 to 599");
            }
            pairs(pairs_of_status, Side::Response, f);
        });
    }
}

fn pairs(parameters: &BTreeMap<String, String>, side: Side, f: &mut Findings) {
    for (name, text) in parameters {
        if let Err(message) = key(name, side) {
            f.key(name, message);
            continue;
        }
        // What is removed has no value that matters.
        if name.starts_with("remove:") {
            continue;
        }
        if let Err(message) = value(text, side) {
            f.say(name, message);
        } else if name == "overwrite:statuscode"
            && !text.contains('$')
            && !text
                .parse::<u16>()
                .is_ok_and(|it| (200..=599).contains(&it))
        {
            f.say(name, "a status code is a number from 200 to 599");
        }
    }
}

fn key(text: &str, side: Side) -> Result<(), String> {
    let whole = if side == Side::Request {
        "overwrite:path"
    } else {
        "overwrite:statuscode"
    };
    if text == whole {
        return Ok(());
    }
    let parts = text
        .split_once(':')
        .filter(|(action, _)| matches!(*action, "append" | "overwrite" | "remove"))
        .and_then(|(_, location)| location.split_once('.'));
    match parts {
        Some(("header", name)) if !is_token(name) => Err(format!("{name:?} is no header name")),
        Some(("header", name)) if is_reserved(name) => Err(format!(
            "the header `{name}` is reserved and cannot be mapped"
        )),
        Some(("header", _)) => Ok(()),
        Some(("querystring", name)) if side == Side::Request && !name.is_empty() => Ok(()),
        _ if side == Side::Request => Err(format!(
            "{text:?} is no request parameter; write append:, overwrite: or remove: and \
             header.NAME or querystring.NAME, or {whole}"
        )),
        _ => Err(format!(
            "{text:?} is no response parameter; write append:, overwrite: or remove: and \
             header.NAME, or {whole}"
        )),
    }
}

fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED.iter().any(|it| match it.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *it,
    })
}

/// A constant, one `$variable`, or text with `${variables}`.
pub(super) fn value(text: &str, side: Side) -> Result<(), String> {
    if !is_field_value(text) {
        return Err("a value cannot hold control characters".into());
    }
    match text.strip_prefix('$') {
        Some(name) if !name.starts_with('{') => variable(name, side),
        _ => template(text, side),
    }
}

/// Text with `${variables}`.
pub(super) fn template(text: &str, side: Side) -> Result<(), String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else {
            return Err("`${` without a closing brace".into());
        };
        variable(name, side)?;
        rest = after;
    }
    Ok(())
}

fn variable(name: &str, side: Side) -> Result<(), String> {
    let response = side == Side::Response;
    let ok = match name.split_once('.') {
        Some(("context" | "stageVariables", rest)) => !rest.is_empty(),
        Some(("request", rest)) => rest == "path" || source(rest, true)?,
        Some(("response", rest)) if response => source(rest, false)?,
        Some(("response", _)) => {
            return Err(format!("${name}: there is no response yet"));
        }
        _ => false,
    };
    if ok {
        return Ok(());
    }
    let more = if response {
        ", $response.header.NAME, $response.body[.JSONPATH]"
    } else {
        ""
    };
    Err(format!(
        "${name} is no variable; there are $request.header.NAME, $request.querystring.NAME, \
         $request.path[.NAME], $request.body[.JSONPATH]{more}, $context.NAME and \
         $stageVariables.NAME"
    ))
}

/// What follows `request.` or `response.`.
fn source(rest: &str, request: bool) -> Result<bool, String> {
    Ok(match rest.split_once('.') {
        None => rest == "body",
        Some(("header", name)) => is_token(name),
        Some(("querystring" | "path", name)) => request && !name.is_empty(),
        Some(("body", path)) => {
            json_path(path)?;
            true
        }
        Some(_) => false,
    })
}

/// JSONPath without recursive descent and filters.
fn json_path(path: &str) -> Result<(), String> {
    let bad = || format!("JSONPath {path:?}: only members, [index] and [*] are supported");
    let mut rest = path.strip_prefix("$.").unwrap_or(path);
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let after = if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = after.split_once(']').ok_or_else(bad)?;
            let quoted = inside.len() > 2 && inside.starts_with('\'') && inside.ends_with('\'');
            if inside != "*" && !quoted && inside.parse::<usize>().is_err() {
                return Err(bad());
            }
            after
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                return Err(bad());
            }
            &rest[end..]
        };
        rest = match after.strip_prefix('.') {
            Some("") => return Err(bad()),
            Some(next) => next,
            None => after,
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_reserved_headers() {
        for good in [
            "append:header.x-a",
            "overwrite:querystring.q",
            "remove:header.cookie",
            "overwrite:path",
        ] {
            assert_eq!(key(good, Side::Request), Ok(()), "{good}");
        }
        assert_eq!(key("overwrite:statuscode", Side::Response), Ok(()));
        for bad in [
            "append:path",
            "overwrite:header.",
            "overwrite:header.a b",
            "set:header.a",
            "overwrite:header.Authorization",
            "append:header.X-Amzn-Trace-Id",
            "overwrite:statuscode",
        ] {
            assert!(key(bad, Side::Request).is_err(), "{bad}");
        }
        assert!(key("overwrite:querystring.q", Side::Response).is_err());
    }

    #[test]
    fn values_name_what_is_there() {
        for good in [
            "text",
            "$request.header.x",
            "$request.path",
            "$request.path.id",
            "$request.body",
            "$request.body.a.b[0]['c.d'][*]",
            "$context.requestId",
            "pre-${stageVariables.v}-${context.stage}",
            "costs 5$",
        ] {
            assert_eq!(value(good, Side::Request), Ok(()), "{good}");
        }
        for bad in [
            "$request",
            "$request.cookie.x",
            "$request.body.a..b",
            "$request.body.$..a",
            "$request.body.a[?(@.b)]",
            "$response.header.x",
            "${context.stage",
            "$stage.x",
            "a\r\nb: c",
        ] {
            assert!(value(bad, Side::Request).is_err(), "{bad}");
        }
        assert_eq!(value("$response.body.id", Side::Response), Ok(()));
    }
}
