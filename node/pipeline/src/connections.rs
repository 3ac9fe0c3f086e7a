//! `@connections`: back ends write to the connections of a WebSocket stage by a path under it
//! (reference 6.5). Who may do so and where the connection is, is the node's to say.

use percent_encoding::percent_decode_str;
use tollgate_message::{Body, HeaderList, Method};
use tollgate_model::ProtocolType;

use crate::address::Address;

/// The segment before a connection's id.
const SEGMENT: &str = "@connections";

/// A call that nobody has looked at yet: neither its signature nor its size.
#[derive(Debug)]
pub struct ConnectionCall<'a> {
    /// The API that the address names.
    pub api_id: &'a str,
    /// The stage that it names.
    pub stage: &'a str,
    /// The connection, decoded.
    pub connection_id: String,
    /// The method.
    pub method: &'a Method,
    /// The whole path as it came.
    pub path: &'a str,
    /// The query as it came.
    pub query: Option<&'a str>,
    /// The header fields.
    pub headers: &'a HeaderList,
    /// The client's address, behind proxies that are believed.
    pub source_ip: &'a str,
    /// Whether it came over TLS.
    pub secure: bool,
    /// The body.
    pub body: Body,
}

/// The connection that a request to a WebSocket stage is about, decoded: that of
/// `/@connections/{id}`, also where `@` is written `%40`, with or without a slash at the end.
pub(crate) fn id_of(address: &Address<'_>) -> Option<String> {
    if address.api.protocol != ProtocolType::Websocket {
        return None;
    }
    let (before, id) = segments(address.path)?;
    before.is_empty().then_some(())?;
    let id = percent_decode_str(id).decode_utf8().ok()?;
    Some(id.into_owned())
}

/// What stands before the segment `@connections`, and the one segment behind it.
fn segments(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let (rest, id) = path.rsplit_once('/')?;
    let (before, segment) = rest.rsplit_once('/')?;
    let segment = percent_decode_str(segment).decode_utf8().ok()?;
    (segment == SEGMENT && !id.is_empty()).then_some((before, id))
}
