//! A connection in the hands of one request, and its way back.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http2};

use crate::h1::{H1, Rest};
use crate::send_body::SendBody;
use crate::spec::Scheme;

use super::Pool;
use super::conn::Conn;

pub(crate) type SentH2 = Result<http::Response<Incoming>, TrySendError<http::Request<SendBody>>>;

/// A connection in the hands of one request. Dropped before [`Lease::finish`], an HTTP/1
/// connection is closed at once, since a half-read one is of no use; an HTTP/2 stream is reset.
pub(crate) struct Lease {
    pool: Rc<Pool>,
    conn: Option<Conn>,
    /// Whether the connection had carried a request before.
    pub(crate) reused: bool,
    /// How long connecting took, microseconds; 0 when it was open.
    pub(crate) connect_us: u32,
}

impl Lease {
    pub(super) fn new(pool: &Rc<Pool>, conn: Conn, reused: bool, connect_us: u32) -> Self {
        if let Conn::H2(h2) = &conn {
            h2.active.set(h2.active.get() + 1);
        }
        let pool = Rc::clone(pool);
        Self {
            pool,
            conn: Some(conn),
            reused,
            connect_us,
        }
    }

    /// The connection, when it speaks HTTP/1.
    pub(crate) fn h1(&self) -> Option<&Rc<RefCell<H1>>> {
        match &self.conn {
            Some(Conn::H1(h1)) => Some(h1),
            _ => None,
        }
    }

    /// A sender on the connection, when it speaks HTTP/2, and the scheme to name.
    pub(crate) fn h2(&self) -> Option<(http2::SendRequest<SendBody>, Scheme)> {
        match &self.conn {
            Some(Conn::H2(h2)) => Some((h2.tx.clone(), self.pool.server.reach.scheme)),
            _ => None,
        }
    }

    /// Whether bytes came since the lease began; not known for HTTP/2.
    pub(crate) fn head_started(&self) -> bool {
        self.h1().is_some_and(|h1| h1.borrow().head_started())
    }

    /// Gives the connection back after the end of the response. A request body that still flows
    /// goes on in the background.
    pub(crate) fn finish(self, rest: Option<Rest>) {
        let lease = match rest {
            Some(rest) => rest.keep(self),
            None => Some(self),
        };
        let Some(mut lease) = lease else { return };
        match lease.conn.take() {
            Some(Conn::H1(h1)) => lease.pool.put_back(h1, Instant::now()),
            shared => lease.conn = shared,
        }
    }

    /// Takes the connection for good, as after an upgrade. `None` when it is shared.
    pub(crate) fn into_h1(mut self) -> Option<H1> {
        match self.conn.take() {
            Some(Conn::H1(h1)) => Rc::try_unwrap(h1).ok().map(RefCell::into_inner),
            shared => {
                self.conn = shared;
                None
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(Conn::H2(h2)) = self.conn.take() {
            h2.active.set(h2.active.get() - 1);
            h2.idle_since.set(Instant::now());
            self.pool.pass_on();
        }
    }
}
