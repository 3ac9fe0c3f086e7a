//! What the two ends of an HTTP/1.1 connection tell each other past the dispatcher: the wire,
//! which reads heads, and the service, which answers them.

use core::cell::{Cell, RefCell};
use core::task::{Context, Waker};
use std::rc::Rc;
use std::sync::Arc;

use tollgate_message::BodyError;

use super::head::Head;
use crate::reject::Rejection;
use crate::server::Shared;
use crate::stage::Draining;
use crate::{BadRequest, ConnInfo};

/// A request, or what became of it.
pub(crate) enum Incoming {
    Request(Head),
    Rejected(Rejection),
}

/// Why the body of the current request ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// The client closed.
    Closed,
    /// The chunks are broken; the request is answered 400 whatever the service says.
    Framing,
    /// Nothing came for too long.
    Stalled,
}

/// The state of one connection. One request at a time is with the dispatcher: the next head is
/// handed on when the response before it is written, so that responses cannot be mixed up.
pub(crate) struct Exchange {
    pub(crate) conn: Rc<ConnInfo>,
    pub(crate) shared: Arc<Shared>,
    next: RefCell<Option<Incoming>>,
    busy: Cell<bool>,
    closing: Cell<bool>,
    broken: Cell<bool>,
    draining: Draining,
    fault: Cell<Option<BodyFault>>,
    reader: Cell<Option<Waker>>,
}

impl Exchange {
    pub(crate) fn new(conn: Rc<ConnInfo>, shared: Arc<Shared>, draining: Draining) -> Self {
        Self {
            conn,
            shared,
            next: RefCell::new(None),
            busy: Cell::new(false),
            closing: Cell::new(false),
            broken: Cell::new(false),
            draining,
            fault: Cell::new(None),
            reader: Cell::new(None),
        }
    }

    /// Hands a request to the service. It stays current until [`Exchange::response_ended`].
    pub(crate) fn offer(&self, incoming: Incoming) {
        debug_assert!(!self.busy.get(), "one request at a time");
        self.busy.set(true);
        self.fault.set(None);
        self.next.replace(Some(incoming));
    }

    pub(crate) fn take(&self) -> Option<Incoming> {
        self.next.take()
    }

    /// Whether a request is with the dispatcher.
    pub(crate) fn busy(&self) -> bool {
        self.busy.get()
    }

    /// The response is written, or given up.
    pub(crate) fn response_ended(&self) {
        self.busy.set(false);
        self.wake_reader();
    }

    /// The response says `Connection: close`, so no other request will be read.
    pub(crate) fn close(&self) {
        self.closing.set(true);
    }

    pub(crate) fn closing(&self) -> bool {
        self.closing.get()
    }

    /// The response broke off: the connection must not end as if it were complete.
    pub(crate) fn break_off(&self) {
        self.broken.set(true);
    }

    pub(crate) fn broken(&self) -> bool {
        self.broken.get()
    }

    /// Whether every response is the last, and an idle connection ends soon.
    pub(crate) fn draining(&self) -> bool {
        self.draining.has_begun()
    }

    pub(crate) fn fail_body(&self, fault: BodyFault) {
        self.fault.set(Some(fault));
        match fault {
            BodyFault::Closed => {}
            BodyFault::Framing => self.shared.counters.bad_request(BadRequest::BodyFraming),
            BodyFault::Stalled => self.shared.counters.bad_request(BadRequest::BodyTimeout),
        }
    }

    pub(crate) fn fault(&self) -> Option<BodyFault> {
        self.fault.get()
    }

    /// The error for the reader of the body.
    pub(crate) fn body_error(&self) -> BodyError {
        match self.fault.get() {
            Some(BodyFault::Framing) => BodyError::Framing("bad chunk".to_owned()),
            Some(BodyFault::Stalled) => BodyError::Stalled,
            Some(BodyFault::Closed) | None => BodyError::Closed,
        }
    }

    /// Wakes this task when the response ends.
    pub(crate) fn register_reader(&self, cx: &Context<'_>) {
        let waker = match self.reader.take() {
            Some(waker) if waker.will_wake(cx.waker()) => waker,
            _ => cx.waker().clone(),
        };
        self.reader.set(Some(waker));
    }

    fn wake_reader(&self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }
}
