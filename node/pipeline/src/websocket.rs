//! The life of a WebSocket connection on the request path (reference 6.1): the handshake, which is
//! held until `$connect` is answered, each message, and the end.
//!
//! Every one of the three is one [`Finished`](crate::Finished) event, with the same admission,
//! integrations, logs and metrics as a request. What holds the connection meanwhile is the node's;
//! it keeps a [`Socket`] and calls [`message`] and [`disconnect`] with the snapshot of that moment,
//! so a change of the configuration drops no connection and holds for the next message.

mod answer;
mod connect;
mod ending;
mod integrate;
mod message;
mod select;

use std::sync::Arc;

use bytes::Bytes;
use tollgate_config::snapshot::{KeyDigest, Snapshot, StagePlan};
use tollgate_message::{Method, Version};

use crate::finished::{FinishGuard, Head};
use crate::ports::Ports;
use crate::trace::Trace;

pub(crate) use connect::{Handshake, connect};
pub use ending::disconnect;
pub use message::message;

/// What is kept of a handshake as long as its connection is open. Some hundred bytes, most of them
/// texts that the client sent or that are shared.
#[derive(Debug)]
pub struct Socket {
    /// The connection's id.
    pub connection_id: Arc<str>,
    /// The API.
    pub api_id: Arc<str>,
    /// The stage.
    pub stage: Arc<str>,
    /// When the handshake came, milliseconds since the epoch.
    pub connected_at_ms: u64,
    /// The client's address.
    pub source_ip: Arc<str>,
    /// What the client calls itself.
    pub user_agent: Option<Box<str>>,
    /// The host that it connected to, in lower case, without port.
    pub domain: Box<str>,
    /// The API key that it showed, where `$connect` needs one: its plan's limits hold for messages
    /// too.
    pub key: Option<Box<KeyDigest>>,
}

/// A handshake that was let through.
#[derive(Debug)]
pub struct Opening {
    /// What to keep.
    pub socket: Socket,
    /// The subprotocol that the integration chose among those that the client offered.
    pub subprotocol: Option<String>,
}

/// Why a handshake is refused before anybody is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeRefusal {
    /// The request is no handshake, or one of another version: 426.
    NotOne,
    /// Its fields are wrong: 400.
    Malformed,
    /// The node holds as many connections as it may: 503.
    Full,
}

/// What a client sent.
#[derive(Debug, Clone)]
pub struct Message {
    /// The whole message.
    pub data: Bytes,
    /// Whether it came as bytes and not as text.
    pub binary: bool,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The close code (RFC 6455, section 7.4.1), 1006 where no close frame came.
    pub code: u16,
    /// Why, in words.
    pub reason: Box<str>,
}

/// What of a connection's life an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketEventKind {
    /// The handshake.
    Connect,
    /// A message of the client.
    Message,
    /// The end.
    Disconnect,
}

impl SocketEventKind {
    /// AWS's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Message => "MESSAGE",
            Self::Disconnect => "DISCONNECT",
        }
    }
}

/// What only events of WebSocket connections have.
#[derive(Debug)]
pub struct SocketEvent {
    /// Which of the three.
    pub kind: SocketEventKind,
    /// The connection.
    pub connection_id: Arc<str>,
    /// When its handshake came, milliseconds since the epoch.
    pub connected_at_ms: u64,
    /// The message's id.
    pub message_id: Option<String>,
    /// How the connection ended.
    pub ended: Option<Ended>,
}

/// The stage of an open connection as the snapshot has it now; `None` when it was removed.
fn stage_of<'a>(snapshot: &'a Snapshot, socket: &Socket) -> Option<&'a Arc<StagePlan>> {
    snapshot
        .apis
        .get(&*socket.api_id)?
        .stages
        .get(&*socket.stage)
}

/// The event of something that came over an open connection, with a trace of its own.
fn begin<P: Ports>(
    ports: &P,
    snapshot: &Snapshot,
    socket: &Socket,
    event: SocketEvent,
) -> (FinishGuard<P>, Trace) {
    let received_ms = ports.now_ms();
    let head = Head {
        request_id: ports.request_id(),
        method: Method::Get,
        path: "/".to_owned(),
        version: Version::Http11,
        domain: socket.domain.to_string(),
        user_agent: socket.user_agent.clone(),
        source_ip: Arc::clone(&socket.source_ip),
        received_ms,
        started_us: ports.monotonic_us(),
    };
    let trace = Trace::of(&tollgate_message::HeaderList::new(), ports, received_ms);
    let mut guard = FinishGuard::new(ports, head);
    let record = &mut guard.finished.record;
    record.trace = Some(trace);
    record.socket = Some(Arc::new(event));
    record.account_id = Some(Arc::clone(&snapshot.account_id));
    record.stage = stage_of(snapshot, socket).cloned();
    (guard, trace)
}
