//! HTTP/1.1, from bytes to [`tollgate_message::Request`] and back in one step each.
//!
//! Heads and chunks are read by the strict reading of RFC 9112, once, straight into our own types,
//! and responses are written straight from them; between two systems that speak HTTP there is no
//! second parser that could read a message differently. Why not a library's dispatcher
//! (actix-http 3.20, by test and by reading its source): it takes bare line feeds and any `Host`;
//! its head timer runs for the first request of a connection only; it answers a pipelined GET as
//! if it were the HEAD that came after it; it writes chunks to HTTP/1.0 clients; its errors have
//! no body; there is no hook for any of it, and its own header map costs a request more than the
//! rest of the edge. hyper has no hook for the reading of heads either.

mod body;
mod chunked;
mod encode;
mod head;
mod outbox;
mod serve;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use serve::{HandOver, serve};
pub(crate) use wire::Wire;
