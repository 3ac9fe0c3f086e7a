//! What is counted of connections beside their events.

use tollgate_protocol::metrics as names;
use tollgate_websocket::{Cause, Closed};

use crate::connections::Error;
use crate::metrics::Metrics;

/// Close codes with a label of their own: those of RFC 6455 that an end can have. Others, those
/// that applications choose among them, share one.
const CODES: [u16; 10] = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011];

/// Counts what becomes of connections.
#[derive(Clone)]
pub(crate) struct Tally(Metrics);

impl Tally {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self(metrics.clone())
    }

    /// A connection ended.
    pub(crate) fn closed(&self, closed: &Closed) {
        let code = match CODES.contains(&closed.code) {
            true => closed.code.to_string(),
            false => "other".to_owned(),
        };
        let counter = self.0.counter(&names::SOCKETS_CLOSED, &[&code]);
        counter.increment(1);
        if closed.cause == Cause::Slow {
            self.slow();
        }
    }

    /// A client did not take what waited for it.
    pub(crate) fn slow(&self) {
        self.0.counter(&names::SOCKETS_SLOW, &[]).increment(1);
    }

    /// A back end sent a message.
    pub(super) fn sent(&self, outcome: &str) {
        self.0
            .counter(&names::SOCKET_POSTS, &[outcome])
            .increment(1);
    }

    /// Another node was asked.
    pub(super) fn hop(&self, answered: bool) {
        let outcome = if answered { "answered" } else { "unknown" };
        self.0.counter(&names::SOCKET_HOPS, &[outcome]).increment(1);
    }
}

/// What became of a message, for the label.
pub(super) fn outcome(sent: Result<(), Error>) -> &'static str {
    match sent {
        Ok(()) => "queued",
        Err(Error::Gone) => "gone",
        Err(Error::Busy) => "full",
        Err(Error::Unknown) => "unknown",
    }
}
