//! A connection that speaks HTTP/1.1 (RFC 9112), owned by one request at a time.
//!
//! There is no task behind a connection: whoever waits for the response polls the socket, in
//! both directions at once, so a request costs one write, one read and one wake-up. A connection
//! that waits for its next request costs nothing; whether it is still good is asked when it is
//! taken. The alternative, a general HTTP library with a task per connection, spends more on
//! handing a message from task to task than on reading it.

mod framing;
mod request;
mod response;
mod rest;
mod sending;
mod wire;

use std::net::IpAddr;

use bytes::Bytes;

use crate::pool::Slot;
use crate::transport::Transport;

pub(crate) use rest::Rest;
pub(crate) use wire::{Answer, Piece, Turn, Unanswered, Wire};

/// A connection that speaks HTTP/1.1.
pub(crate) struct H1 {
    pub(crate) wire: Wire<Transport>,
    pub(crate) peer: IpAddr,
    pub(crate) addresses_version: usize,
    /// Whether another request may use it; not when it was made for an upgrade.
    is_poolable: bool,
    slot: Slot,
}

impl H1 {
    pub(crate) fn new(
        io: Transport,
        (peer, addresses_version): (IpAddr, usize),
        is_poolable: bool,
        slot: Slot,
    ) -> Self {
        let fails_whole = matches!(io, Transport::Tcp(_));
        Self {
            wire: Wire::new(io, fails_whole),
            peer,
            addresses_version,
            is_poolable,
            slot,
        }
    }

    /// Whether a byte came since the present request began.
    pub(crate) fn head_started(&self) -> bool {
        self.wire.head_started
    }

    /// Whether the next request may be sent on it, after the end of a response.
    pub(crate) fn is_reusable(&self) -> bool {
        self.is_poolable && self.wire.is_clean()
    }

    /// Whether it is open and silent. Costs a system call only when something was heard of it.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.wire.io.is_quiet()
    }

    /// Prepares for a wait of any length.
    pub(crate) fn idle(&mut self) {
        self.wire.shrink();
    }

    /// The bare stream behind a 101, what was read of it already, and its place.
    pub(crate) fn into_parts(self) -> (Transport, Bytes, Slot) {
        (self.wire.io, self.wire.inbox.freeze(), self.slot)
    }
}
