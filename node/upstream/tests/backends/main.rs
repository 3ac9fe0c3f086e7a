//! The client against real sockets on loopback: well-behaved, slow and hostile back ends.
#![allow(
    clippy::unwrap_used,
    reason = "a test crate: its helpers are tests as well"
)]

mod balancing;
mod duplex;
mod failures;
mod http2_tls;
mod pooling;
mod streaming;
mod support;
mod syncing;
mod upgrades;
