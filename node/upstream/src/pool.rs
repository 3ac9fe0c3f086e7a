//! The connections of one worker to one server.
//!
//! HTTP/1 connections wait in a stack: the one used last is the least likely to be stale, and
//! those below age out. HTTP/2 connections are shared. The number of connections is bounded, and
//! so is the queue of requests that wait for one.

mod conn;
mod lease;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::timeout_at;

use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::h1::H1;
use crate::limits::{H2_STREAMS_MAX, WAITERS_MAX};
use crate::server::Server;
use crate::spec::{Protocol, Scheme};
use crate::transport::{Purpose, open};

use conn::{Conn, H2};
pub(crate) use lease::{Lease, SentH2};

/// The connections of one worker to one server.
pub(crate) struct Pool {
    pub(crate) server: Arc<Server>,
    idle: RefCell<Vec<Idle>>,
    shared: RefCell<Vec<Rc<H2>>>,
    /// Connections that exist or are being made.
    open: Cell<usize>,
    opening: Cell<usize>,
    /// What the last new connection spoke.
    speaks_h2: Cell<Option<bool>>,
    waiting: Cell<usize>,
    freed: Notify,
    retired: Cell<bool>,
}

struct Idle {
    h1: Rc<RefCell<H1>>,
    since: Instant,
}

impl Idle {
    /// Whether a request may be sent on it: it did not idle too long, and the server neither
    /// closed it nor said anything that nobody asked for.
    fn is_good(&self, now: Instant, limit: Duration) -> bool {
        now.saturating_duration_since(self.since) < limit && self.h1.borrow_mut().is_quiet()
    }
}

impl Pool {
    pub(crate) fn new(server: Arc<Server>) -> Rc<Self> {
        let speaks_h2 = match (server.reach.protocol, server.reach.scheme) {
            (Protocol::Http2, _) => Some(true),
            (Protocol::Http1, _) | (Protocol::Auto, Scheme::Http) => Some(false),
            (Protocol::Auto, Scheme::Https) => None,
        };
        Rc::new(Self {
            server,
            idle: RefCell::new(Vec::new()),
            shared: RefCell::new(Vec::new()),
            open: Cell::new(0),
            opening: Cell::new(0),
            speaks_h2: Cell::new(speaks_h2),
            waiting: Cell::new(0),
            freed: Notify::new(),
            retired: Cell::new(false),
        })
    }

    /// A connection that is open already, if there is one and nobody waits for it.
    pub(crate) fn reuse(self: &Rc<Self>, now: Instant) -> Option<Lease> {
        if self.waiting.get() == 0 {
            self.take_open(now)
        } else {
            None
        }
    }

    /// A connection: an open one, a new one, or, at the limit, the next that gets free.
    ///
    /// # Errors
    /// Why none could be made, or kind `overloaded`.
    pub(crate) async fn wait(
        self: &Rc<Self>,
        purpose: Purpose,
        due: Instant,
    ) -> Result<Lease, UpstreamError> {
        let mut queue_first = self.waiting.get() > 0;
        loop {
            if !queue_first {
                let reused = match purpose {
                    Purpose::Requests => self.take_open(Instant::now()),
                    Purpose::Upgrade => None,
                };
                if let Some(lease) = reused {
                    self.pass_on();
                    return Ok(lease);
                }
                if self.may_open(purpose) {
                    return self.open(purpose, due).await;
                }
            }
            queue_first = false;
            self.queue(due).await?;
        }
    }

    async fn queue(&self, due: Instant) -> Result<(), UpstreamError> {
        if self.waiting.get() >= WAITERS_MAX {
            return Err(overloaded("the queue for a connection is full"));
        }
        let _waiter = Raised::new(&self.waiting);
        // A waiter that is woken and dropped hands its turn on: `Notified` sees to that.
        let turn = timeout_at(due.into(), self.freed.notified()).await;
        turn.map_err(|_| overloaded("no connection got free in time"))
    }

    fn take_open(self: &Rc<Self>, now: Instant) -> Option<Lease> {
        if let Some(h2) = self.take_shared() {
            return Some(Lease::new(self, Conn::H2(h2), true, 0));
        }
        let limit = self.server.reach.idle_timeout;
        loop {
            let idle = self.idle.borrow_mut().pop()?;
            // What lies below is older still; the sweep closes it.
            if idle.is_good(now, limit) {
                return Some(Lease::new(self, Conn::H1(idle.h1), true, 0));
            }
        }
    }

    fn take_shared(&self) -> Option<Rc<H2>> {
        let mut shared = self.shared.borrow_mut();
        if shared.is_empty() {
            return None;
        }
        shared.retain(|h2| !h2.is_closed());
        let least = shared.iter().min_by_key(|h2| h2.active.get())?;
        let streams_max = least.streams_max.get().clamp(1, H2_STREAMS_MAX);
        (least.active.get() < streams_max).then(|| Rc::clone(least))
    }

    fn may_open(&self, purpose: Purpose) -> bool {
        if self.open.get() >= self.server.reach.connections_max {
            // An idle connection is no use to an upgrade, but its place is.
            if purpose == Purpose::Upgrade && !self.idle.borrow().is_empty() {
                self.idle.borrow_mut().remove(0);
            }
            return false;
        }
        // A connection that may turn out to be shared is waited for rather than multiplied.
        purpose == Purpose::Upgrade
            || self.opening.get() == 0
            || self.speaks_h2.get() == Some(false)
    }

    async fn open(self: &Rc<Self>, purpose: Purpose, due: Instant) -> Result<Lease, UpstreamError> {
        let slot = Slot::new(self);
        let _opening = Opening::new(self, purpose);
        self.pass_on();
        let begun = Instant::now();
        let opened = open(&self.server, purpose, due).await?;
        let conn = conn::start(opened, purpose, &self.server, slot, due).await?;
        if purpose == Purpose::Requests {
            self.speaks_h2.set(Some(matches!(conn, Conn::H2(_))));
        }
        if let Conn::H2(h2) = &conn
            && !self.retired.get()
        {
            self.shared.borrow_mut().push(Rc::clone(h2));
        }
        let connect_us = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
        Ok(Lease::new(self, conn, false, connect_us.max(1)))
    }

    /// Takes an HTTP/1 connection back for the next request, or closes it.
    fn put_back(&self, h1: Rc<RefCell<H1>>, now: Instant) {
        let is_welcome = {
            let h1 = h1.borrow();
            let moved = h1.addresses_version != self.server.addresses.version()
                && !self.server.addresses.contains(h1.peer);
            h1.is_reusable() && !moved && !self.retired.get()
        };
        if is_welcome {
            h1.borrow_mut().idle();
            self.idle.borrow_mut().push(Idle { h1, since: now });
            self.pass_on();
        }
    }

    /// Wakes one waiter, if any: something got free.
    fn pass_on(&self) {
        if self.waiting.get() > 0 {
            self.freed.notify_one();
        }
    }

    /// Forgets the idle connections, after one of them proved stale: the others idled longer.
    pub(crate) fn drop_idle(&self) {
        self.idle.borrow_mut().clear();
    }

    /// Closes what idled for too long.
    pub(crate) fn sweep(&self, now: Instant) {
        let limit = self.server.reach.idle_timeout;
        self.idle
            .borrow_mut()
            .retain(|idle| idle.is_good(now, limit));
        self.shared.borrow_mut().retain(|h2| {
            let idled = now.saturating_duration_since(h2.idle_since.get());
            !h2.is_closed() && (h2.active.get() > 0 || idled < limit)
        });
    }

    /// Ends the pool: what is in use finishes, nothing comes back.
    pub(crate) fn retire(&self) {
        self.retired.set(true);
        self.idle.borrow_mut().clear();
        self.shared.borrow_mut().clear();
    }
}

fn overloaded(detail: &str) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Overloaded, detail)
}

/// A count that is one higher while this lives.
struct Raised<'a>(&'a Cell<usize>);

impl<'a> Raised<'a> {
    fn new(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// One connection being made. When it is done, well or not, the next waiter looks again.
struct Opening<'a> {
    pool: &'a Pool,
    _count: Option<Raised<'a>>,
}

impl<'a> Opening<'a> {
    fn new(pool: &'a Pool, purpose: Purpose) -> Self {
        let counts = purpose == Purpose::Requests;
        Self {
            pool,
            _count: counts.then(|| Raised::new(&pool.opening)),
        }
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self._count = None;
        self.pool.pass_on();
    }
}

/// The place of one connection under the limit, held until its socket is closed.
pub(crate) struct Slot {
    pool: Weak<Pool>,
    server: Arc<Server>,
}

impl Slot {
    fn new(pool: &Rc<Pool>) -> Self {
        pool.open.set(pool.open.get() + 1);
        pool.server.load.connections.fetch_add(1, Ordering::Relaxed);
        Self {
            pool: Rc::downgrade(pool),
            server: Arc::clone(&pool.server),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.server.load.connections.fetch_sub(1, Ordering::Relaxed);
        if let Some(pool) = self.pool.upgrade() {
            pool.open.set(pool.open.get() - 1);
            pool.pass_on();
        }
    }
}
