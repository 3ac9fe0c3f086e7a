//! What is sent over the socket: the integration's answer of a two-way route, or the error of the
//! gateway itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::json;
use tollgate_config::snapshot::{BodyTemplates, ResponseKey, SocketResponse, Template};
use tollgate_message::HeaderList;
use tollgate_model::ContentHandling;
use tollgate_protocol::limits::CONNECTION_DATA_BYTES_MAX;

use super::Message;
use super::integrate::{Answer, Ask};
use super::select;
use crate::fault::{Fault, FaultKind};
use crate::finished::{Head, Record};
use crate::mapping::{MappedBody, ResponseSide, Scope, evaluate};
use crate::ports::Ports;

/// What the client gets for an answer; `None` when its route is one-way, or nothing is said.
///
/// # Errors
/// `Configuration` when no integration response is for the answer; `BadFunctionOutput` when it is
/// longer than what a back end may send by `@connections`: the client's queue has room for that,
/// and who cannot help the length of an answer is not closed for it.
pub(crate) fn of<P: Ports>(
    ask: &Ask<'_, P>,
    answer: Answer,
    record: &Record,
) -> Result<Option<Message>, Fault> {
    if !ask.socket.two_way {
        return Ok(None);
    }
    let message = match &ask.socket.responses {
        None => Message {
            data: answer.data,
            binary: answer.binary,
        },
        Some(responses) => transformed(ask, responses, answer, record)?,
    };
    if message.data.len() > CONNECTION_DATA_BYTES_MAX {
        let detail = format!("the answer has more than {CONNECTION_DATA_BYTES_MAX} bytes");
        return Err(Fault::new(FaultKind::BadFunctionOutput, detail));
    }
    Ok((!message.data.is_empty()).then_some(message))
}

fn transformed<P: Ports>(
    ask: &Ask<'_, P>,
    responses: &[SocketResponse],
    answer: Answer,
    record: &Record,
) -> Result<Message, Fault> {
    let said = answer
        .error
        .clone()
        .unwrap_or_else(|| match ask.socket.raw {
            true => String::new(),
            false => answer.status.to_string(),
        });
    let fits = |it: &&SocketResponse| match &it.key {
        ResponseKey::Pattern(pattern) => pattern.is_match(&said),
        ResponseKey::Default => false,
    };
    let is_default = |it: &&SocketResponse| matches!(it.key, ResponseKey::Default);
    let found = responses.iter().find(fits);
    let found = found.or_else(|| responses.iter().find(is_default));
    let Some(response) = found else {
        let detail = "no integration response is for the answer";
        return Err(Fault::new(FaultKind::Configuration, detail));
    };
    let body = MappedBody::new(answer.data.clone());
    let none = HeaderList::new();
    let mut scope = ask.scope(record, &none);
    scope.response = Some(ResponseSide {
        headers: &answer.headers,
        body: Some(&body),
    });
    let data = match chosen(ask, &response.templates, &scope) {
        None => answer.data,
        Some(template) => {
            let mut out = Vec::new();
            evaluate(template, &scope, &mut out);
            Bytes::from(out)
        }
    };
    Ok(match response.encoding {
        None => Message {
            binary: core::str::from_utf8(&data).is_err(),
            data,
        },
        Some(ContentHandling::ConvertToText) => Message {
            data: STANDARD.encode(&data).into(),
            binary: false,
        },
        Some(ContentHandling::ConvertToBinary) => {
            let bytes = STANDARD
                .decode(data.trim_ascii())
                .map_err(|_| Fault::new(FaultKind::BadFunctionOutput, "the answer is no base64"))?;
            Message {
                data: bytes.into(),
                binary: true,
            }
        }
    })
}

fn chosen<'t, P: Ports>(
    ask: &Ask<'_, P>,
    of: &'t BodyTemplates,
    scope: &Scope<'_>,
) -> Option<&'t Template> {
    let key = select::key(&of.selection, ask.body, Some(scope))?;
    of.by_key.get(&*key)
}

/// The frame that tells a client of an error, with the cause noted in the record.
pub(crate) fn error(
    fault: Fault,
    connection_id: &str,
    head: &Head,
    record: &mut Record,
) -> Message {
    record.status = fault.kind.status();
    record.fault = Some(fault.kind);
    record.error_message = Some(fault.detail);
    let text = json!({
        "message": message(fault.kind),
        "connectionId": connection_id,
        "requestId": head.request_id,
    });
    Message {
        data: text.to_string().into(),
        binary: false,
    }
}

/// AWS's words on a socket, which are not those of HTTP APIs.
fn message(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::NotFound | FaultKind::InvalidApiKey => "Forbidden",
        FaultKind::BadRequest => "Bad request body",
        FaultKind::Throttled => "Too Many Requests",
        FaultKind::QuotaExceeded => "Limit Exceeded",
        FaultKind::RequestTooLarge => "Message too long",
        _ => "Internal server error",
    }
}
