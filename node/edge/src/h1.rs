//! HTTP/1.1.
//!
//! actix-http's dispatcher does the work, behind a [`wire::Wire`] that reads every request head
//! and every chunk itself, by the strict reading of RFC 9112, and hands the dispatcher a canonical
//! head of its own making instead of the client's bytes. So there is nothing left that two
//! parsers could read differently, and the service gets the head as it was parsed once. Why not
//! the dispatcher alone (actix-http 3.20, by test and by reading its source): it takes bare line
//! feeds and any `Host`; its head timer runs for the first request of a connection only; it
//! answers a pipelined GET as if it were the HEAD that came after it; it writes chunks to
//! HTTP/1.0 clients; its errors have no body. And it has no hook for any of it.

mod canonical;
mod chunked;
mod exchange;
mod head;
mod service;
mod upload;
mod wire;

pub(crate) use exchange::Exchange;
pub(crate) use service::{Handler, handler};
pub(crate) use wire::Wire;
