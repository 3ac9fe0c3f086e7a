//! From a function's output to a response (reference 7.3).
//!
//! Format 2.0 infers: JSON without `statusCode` is the body itself. Format 1.0 on HTTP APIs wants
//! the envelope with no other keys. What is neither is the function's fault and becomes a 500.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use tollgate_message::{Body, HeaderList, Response};

use crate::hop;
use crate::text::{is_field_value, is_token};

/// Header fields of a reply. AWS allows 10,240 bytes for all of them, which is no more than a
/// thousand; libraries of listeners and clients end at a few thousand.
const FIELDS_MAX: usize = 1_024;
/// Bytes of all names and values of a reply's header: what HTTP back ends are allowed too.
const FIELD_BYTES_MAX: usize = 256 * 1024;

/// Why output is no reply. Goes to logs only; it names the place, never the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadReply {
    #[error("the function's output is no JSON")]
    NotJson,
    #[error("the function's output is no reply envelope")]
    NotAnEnvelope,
    #[error("the reply's status code is no integer from 200 to 599")]
    Status,
    #[error("the reply has a header that HTTP cannot carry")]
    Header,
    #[error("the reply's headers are more than {FIELDS_MAX} or {FIELD_BYTES_MAX} bytes")]
    Headers,
    #[error("the reply's body is marked as base64 and is not")]
    Base64,
}

/// The members of an envelope; absent ones and `null` are alike.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Envelope<'a> {
    status_code: Option<Value>,
    headers: Option<Map<String, Value>>,
    multi_value_headers: Option<Map<String, Value>>,
    cookies: Option<Vec<String>>,
    #[serde(borrow)]
    body: Option<Cow<'a, str>>,
    is_base64_encoded: Option<bool>,
}

/// Format 1.0 accepts these members and no others.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct StrictEnvelope<'a> {
    status_code: Option<Value>,
    headers: Option<Map<String, Value>>,
    multi_value_headers: Option<Map<String, Value>>,
    #[serde(borrow)]
    body: Option<Cow<'a, str>>,
    is_base64_encoded: Option<bool>,
}

/// Tells an envelope from a bare value without building either.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Probe<'a> {
    #[serde(borrow)]
    status_code: Option<&'a serde_json::value::RawValue>,
}

/// A reply of format 1.0.
pub(crate) fn v1(output: &[u8]) -> Result<Response, BadReply> {
    if first_byte(output) != Some(b'{') || is_empty_object(output) {
        return Err(BadReply::NotAnEnvelope);
    }
    let strict: StrictEnvelope<'_> =
        serde_json::from_slice(output).map_err(|_| BadReply::NotAnEnvelope)?;
    let envelope = Envelope {
        status_code: strict.status_code,
        headers: strict.headers,
        multi_value_headers: strict.multi_value_headers,
        cookies: None,
        body: strict.body,
        is_base64_encoded: strict.is_base64_encoded,
    };
    from_envelope(envelope, "application/json")
}

/// A reply of format 2.0. Large output is parsed once: as an envelope, and only when that fails to
/// see whether it was meant to be one.
pub(crate) fn v2(output: &Bytes) -> Result<Response, BadReply> {
    match first_byte(output) {
        Some(b'{') => match serde_json::from_slice::<Envelope<'_>>(output) {
            Ok(envelope) if envelope.status_code.is_some() => {
                from_envelope(envelope, "text/plain;charset=UTF-8")
            }
            Ok(_) => Ok(inferred(output.clone())),
            Err(_) => {
                let probe: Probe<'_> =
                    serde_json::from_slice(output).map_err(|_| BadReply::NotJson)?;
                match probe.status_code {
                    Some(_) => Err(BadReply::NotAnEnvelope),
                    None => Ok(inferred(output.clone())),
                }
            }
        },
        Some(b'"') => {
            let text: String = serde_json::from_slice(output).map_err(|_| BadReply::NotJson)?;
            Ok(inferred(text.into()))
        }
        _ => {
            serde_json::from_slice::<IgnoredAny>(output).map_err(|_| BadReply::NotJson)?;
            Ok(inferred(output.clone()))
        }
    }
}

/// A reply of a WebSocket API's function, and whether its body was base64. AWS takes no output
/// without an envelope there.
pub(crate) fn socket(output: &[u8]) -> Result<(Response, bool), BadReply> {
    let envelope: Envelope<'_> =
        serde_json::from_slice(output).map_err(|_| BadReply::NotAnEnvelope)?;
    if envelope.status_code.is_none() {
        return Err(BadReply::NotAnEnvelope);
    }
    let binary = envelope.is_base64_encoded.unwrap_or_default();
    from_envelope(envelope, "text/plain;charset=UTF-8").map(|response| (response, binary))
}

/// A streamed reply: the prelude holds everything but the body.
pub(crate) fn streaming(prelude: &[u8], body: Body) -> Result<Response, BadReply> {
    let mut envelope: Envelope<'_> =
        serde_json::from_slice(prelude).map_err(|_| BadReply::NotAnEnvelope)?;
    envelope.body = None;
    let mut response = from_envelope(envelope, "application/octet-stream")?;
    response.body = body;
    Ok(response)
}

fn inferred(body: Bytes) -> Response {
    Response::json(200, Body::from(body))
}

fn first_byte(output: &[u8]) -> Option<u8> {
    output.trim_ascii_start().first().copied()
}

fn is_empty_object(output: &[u8]) -> bool {
    let inner = output
        .trim_ascii()
        .strip_prefix(b"{")
        .and_then(|it| it.strip_suffix(b"}"));
    inner.is_some_and(|it| it.trim_ascii().is_empty())
}

fn from_envelope(envelope: Envelope<'_>, content_type: &str) -> Result<Response, BadReply> {
    let status = match &envelope.status_code {
        None | Some(Value::Null) => 200,
        Some(code) => status_of(code).ok_or(BadReply::Status)?,
    };
    let mut headers = HeaderList::new();
    let mut left = FIELD_BYTES_MAX;
    // The multi-value ones first, then the single ones: what the live service does.
    for (name, values) in envelope.multi_value_headers.iter().flatten() {
        let Value::Array(values) = values else {
            return Err(BadReply::Header);
        };
        for value in values {
            append(&mut headers, &mut left, name, value)?;
        }
    }
    for (name, value) in envelope.headers.iter().flatten() {
        let repeats = headers
            .get_all(name)
            .any(|it| Some(it) == value.as_str().map(str::as_bytes));
        if !repeats {
            append(&mut headers, &mut left, name, value)?;
        }
    }
    for cookie in envelope.cookies.iter().flatten() {
        append_text(&mut headers, &mut left, "set-cookie", cookie)?;
    }
    headers.remove_if(|name, _| hop::is_hop_by_hop(name) || name == "content-length");
    if !headers.contains("content-type") {
        headers.append("content-type", content_type);
    }
    let body = envelope.body.unwrap_or_default();
    let body = if envelope.is_base64_encoded.unwrap_or_default() {
        Bytes::from(
            STANDARD
                .decode(body.trim().as_bytes())
                .map_err(|_| BadReply::Base64)?,
        )
    } else {
        Bytes::from(body.into_owned())
    };
    Ok(Response {
        status,
        headers,
        body: Body::from(body),
    })
}

/// An integer from 200 to 599, as a number (`200.0` too) or as text.
fn status_of(code: &Value) -> Option<u16> {
    let number = match code {
        Value::Number(number) => match number.as_u64() {
            Some(number) => number,
            None => number
                .as_f64()
                .filter(|it| it.fract() == 0.0 && (200.0..600.0).contains(it))?
                as u64,
        },
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (200..=599).contains(&number).then_some(number as u16)
}

fn append(
    headers: &mut HeaderList,
    left: &mut usize,
    name: &str,
    value: &Value,
) -> Result<(), BadReply> {
    match value {
        Value::String(text) => append_text(headers, left, name, text),
        Value::Bool(true) => append_text(headers, left, name, "true"),
        Value::Bool(false) => append_text(headers, left, name, "false"),
        Value::Number(number) => append_text(headers, left, name, &number.to_string()),
        Value::Null => append_text(headers, left, name, ""),
        Value::Array(_) | Value::Object(_) => Err(BadReply::Header),
    }
}

/// A value with a line break would be another header: refused, not repaired.
fn append_text(
    headers: &mut HeaderList,
    left: &mut usize,
    name: &str,
    value: &str,
) -> Result<(), BadReply> {
    if !is_token(name) || !is_field_value(value.as_bytes()) {
        return Err(BadReply::Header);
    }
    headers.append(name, value.trim());
    *left = left
        .checked_sub(name.len() + value.len())
        .filter(|_| headers.len() <= FIELDS_MAX)
        .ok_or(BadReply::Headers)?;
    Ok(())
}
