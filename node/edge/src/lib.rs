//! The data plane's listeners: from a TCP connection to a [`Request`](tollgate_message::Request),
//! and from a [`Response`](tollgate_message::Response) back.
//!
//! HTTP/1.1 is served by a loop of our own with a strict reader, HTTP/2 by hyper, both on
//! actix-server's worker threads; TLS is rustls with the caller's certificates. Every worker
//! accepts from its own `SO_REUSEPORT` socket and has its own instance of the [`Service`].
#![forbid(unsafe_code)]

mod bind;
mod call;
mod config;
mod conn;
mod counters;
mod deadline;
mod error;
mod h1;
mod h2;
mod proxy;
mod reject;
mod response;
mod scratch;
mod server;
mod stage;
mod target;
mod transport;
mod worker;

pub use bind::{Sockets, bind};
pub use call::Service;
pub use config::{EdgeConfig, EdgeLimits, ListenerConfig, TrustedPeers};
pub use conn::{ConnInfo, TlsInfo};
pub use counters::{BadRequest, Observation};
pub use error::Error;
pub use server::{Drained, Edge, EdgeHandle, Observer};
