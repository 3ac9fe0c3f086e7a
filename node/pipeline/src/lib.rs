//! The request path as plain functions over a snapshot.
//!
//! [`serve`] takes a request through the stages in AWS's order: address, CORS, route, admission
//! (key, rates, quota), cache, integration with its mappings, response. A stage is a plain
//! function over the [`Snapshot`](tollgate_config::snapshot::Snapshot) and the request; what it
//! needs of the world it asks of [`Ports`]. Nothing here opens a socket, spawns, sleeps or reads a
//! clock, so the whole path runs in a test as it runs in a node.
//!
//! Every request, good or bad, ends in one [`Finished`] event.
#![forbid(unsafe_code)]

pub mod access_log;
mod address;
mod admit;
mod cache;
mod client;
mod connections;
mod context;
mod cors;
mod event;
mod exec_log;
mod fault;
mod finished;
mod forwarded;
mod hop;
mod integrate;
mod mapping;
mod ports;
mod respond;
mod route;
mod serve;
mod text;
mod trace;
mod websocket;

pub use cache::{Cached, ResponseCache};
pub use client::{ClientInfo, Scheme, TlsInfo};
pub use connections::ConnectionCall;
pub use fault::{FaultKind, Side};
pub use finished::{CacheStatus, Completion, Finished, Head, IntegrationRecord, Record};
pub use ports::{
    FunctionReply, HttpReply, IntegrationError, IntegrationErrorKind, InvokeMeta, Ports,
};
pub use serve::serve;
pub use trace::Trace;
pub use websocket::{
    Ended, HandshakeRefusal, Message, Opening, Socket, SocketEvent, SocketEventKind, disconnect,
    message,
};
