//! What of a request is still to be sent when its answer begins: rare, and the only time that a
//! connection has two users.
//!
//! A task of its own goes on sending, as the client may want to send everything before it reads
//! anything. Whoever comes last, the end of the request or the end of the response, gives the
//! connection back.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::task::{AbortHandle, spawn_local};
use tokio::time::timeout;

use crate::pool::Lease;

use super::sending::{SendFault, Sending};
use super::{H1, Turn};

/// The rest of a request. Dropped, it is not sent any more.
pub(crate) struct Rest {
    shared: Rc<Shared>,
    /// `None` once the connection was left to the task.
    task: Option<AbortHandle>,
}

struct Shared {
    state: Cell<State>,
    /// The connection, when its response ended first.
    lease: Cell<Option<Lease>>,
    /// Who reads the response.
    reader: Cell<Option<Waker>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Flowing,
    /// It is sent, or the connection takes no more; the connection knows which.
    Done,
    /// The sender failed: the request will never be whole.
    Failed,
}

impl Rest {
    /// Goes on sending in the background; `None` when there is nothing to send. When the response
    /// has ended, sending may pause for `idle` at most.
    pub(crate) fn start(conn: &Rc<RefCell<H1>>, turn: Turn, idle: Duration) -> Option<Self> {
        let sending = turn.sending?;
        let shared = Rc::new(Shared {
            state: Cell::new(State::Flowing),
            lease: Cell::new(None),
            reader: Cell::new(None),
        });
        let task = spawn_local(send(Rc::clone(conn), sending, Rc::clone(&shared), idle));
        Some(Self {
            shared,
            task: Some(task.abort_handle()),
        })
    }

    /// Whether the sender failed; otherwise the reader of the response is woken when it does.
    pub(crate) fn has_failed(&self, cx: &Context<'_>) -> bool {
        match self.shared.state.get() {
            State::Flowing => {
                self.shared.reader.set(Some(cx.waker().clone()));
                false
            }
            State::Done => false,
            State::Failed => true,
        }
    }

    /// Takes the connection after the end of its response, to give it back when all is sent.
    /// Returns it when there is nothing to wait for.
    pub(crate) fn keep(mut self, lease: Lease) -> Option<Lease> {
        if self.shared.state.get() == State::Flowing {
            self.task = None;
            self.shared.lease.set(Some(lease));
            return None;
        }
        Some(lease)
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn send(conn: Rc<RefCell<H1>>, mut sending: Sending, shared: Rc<Shared>, idle: Duration) {
    let mut before = sending.written;
    let sent = loop {
        let writing = poll_fn(|cx| conn.borrow_mut().wire.poll_rest(cx, &mut sending));
        match timeout(idle, writing).await {
            Ok(sent) => break sent,
            Err(_) => {
                let lease = shared.lease.take();
                if lease.is_some() && sending.written == before {
                    return;
                }
                shared.lease.set(lease);
                before = sending.written;
            }
        }
    };
    drop(conn);
    let is_failed = matches!(sent, Err(SendFault::Body(_)));
    shared.state.set(if is_failed {
        State::Failed
    } else {
        State::Done
    });
    if let Some(lease) = shared.lease.take() {
        lease.finish(None);
    } else if let Some(reader) = shared.reader.take() {
        reader.wake();
    }
}
