//! The events of a WebSocket API's life (reference 6.4): CONNECT, MESSAGE and DISCONNECT.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use tollgate_message::HeaderList;

use super::maps::{Headers, Query, Repeats, variables};
use super::payload::Payload;
use super::v1::{Multi, Single};
use crate::finished::{Head, Record};
use crate::text::clf_time;
use crate::websocket::{Ended, SocketEvent};

/// What an event is made of.
#[derive(Clone, Copy)]
pub(crate) struct SocketInput<'a> {
    pub(crate) head: &'a Head,
    pub(crate) record: &'a Record,
    pub(crate) event: &'a SocketEvent,
    /// The handshake's fields and query; of a message there are none.
    pub(crate) headers: Option<&'a HeaderList>,
    pub(crate) query: Option<&'a str>,
    /// The message and whether it came as bytes.
    pub(crate) body: Option<(&'a [u8], bool)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Headers<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<Headers<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string_parameters: Option<Single<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_query_string_parameters: Option<Multi<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_variables: Option<&'a BTreeMap<String, String>>,
    request_context: Context<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Payload<'a>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    route_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_status_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
    event_type: &'static str,
    extended_request_id: &'a str,
    request_time: String,
    message_direction: &'static str,
    stage: &'a str,
    connected_at: u64,
    request_time_epoch: u64,
    identity: Identity<'a>,
    request_id: &'a str,
    domain_name: &'a str,
    connection_id: &'a str,
    api_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    source_ip: &'a str,
}

/// The event as JSON.
pub(crate) fn socket(input: &SocketInput<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let query = Query::of(input.query).map(std::rc::Rc::new);
    let payload = input
        .body
        .map(|(data, binary)| match core::str::from_utf8(data) {
            Ok(text) if !binary => Payload::Text(text),
            _ => Payload::Base64(data),
        });
    let headers = |repeats| {
        input.headers.map(|list| Headers {
            list,
            repeats,
            keep: |_| true,
            spell: spelled,
        })
    };
    let stage = input.record.stage.as_deref();
    let event = Event {
        headers: headers(Repeats::Last),
        multi_value_headers: headers(Repeats::All),
        query_string_parameters: query.clone().map(Single),
        multi_value_query_string_parameters: query.map(Multi),
        stage_variables: stage.and_then(|it| variables(&it.variables)),
        request_context: Context::new(input),
        body: payload,
        is_base64_encoded: payload.is_some_and(Payload::is_base64),
    };
    let body = input.body.map_or(0, |(data, _)| data.len());
    let fields = input.headers.map_or(0, HeaderList::byte_len);
    let mut out = Vec::with_capacity(1_024 + fields * 2 + body + body / 3);
    serde_json::to_writer(&mut out, &event)?;
    Ok(out)
}

impl<'a> Context<'a> {
    fn new(input: &SocketInput<'a>) -> Self {
        let (head, record, event) = (input.head, input.record, input.event);
        let stage = record.stage.as_deref();
        let ended = event.ended.as_ref();
        Self {
            route_key: record.route.as_deref().map_or("", |it| &it.route_key),
            disconnect_status_code: ended.map(|it| it.code),
            disconnect_reason: ended.map(|Ended { reason, .. }| &**reason),
            message_id: event.message_id.as_deref(),
            event_type: event.kind.as_str(),
            extended_request_id: &head.request_id,
            request_time: clf_time(head.received_ms),
            message_direction: "IN",
            stage: stage.map_or("", |it| &it.name),
            connected_at: event.connected_at_ms,
            request_time_epoch: head.received_ms,
            identity: Identity {
                api_key_id: record.key.as_ref().map(|(key, _)| key.key_id.as_str()),
                user_agent: head.user_agent.as_deref(),
                source_ip: &head.source_ip,
            },
            request_id: &head.request_id,
            domain_name: &head.domain,
            connection_id: &event.connection_id,
            api_id: stage.map_or("", |it| &it.api_id),
        }
    }
}

/// A field's name as AWS spells it in these events: `Sec-WebSocket-Key`, `X-Forwarded-For`.
fn spelled(name: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(name.len());
    for (at, word) in name.split('-').enumerate() {
        if at > 0 {
            out.push('-');
        }
        if word == "websocket" {
            out.push_str("WebSocket");
            continue;
        }
        let mut letters = word.chars();
        out.extend(letters.next().map(|it| it.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::spelled;

    #[test]
    fn fields_are_spelled_as_aws_does() {
        for (name, wanted) in [
            ("host", "Host"),
            ("sec-websocket-protocol", "Sec-WebSocket-Protocol"),
            ("x-forwarded-for", "X-Forwarded-For"),
            ("x--a", "X--A"),
        ] {
            assert_eq!(spelled(name), wanted);
        }
    }
}
