//! A connection in the hands of one request, and its way back.

use std::rc::Rc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::head::Wire;
use crate::limits::SETTLE_TIMEOUT;
use crate::send_body::{SendBody, Upload};
use crate::transport::Purpose;

use super::conn::{Conn, H1};
use super::{Pool, Slot};

type Sent = Result<http::Response<Incoming>, TrySendError<http::Request<SendBody>>>;

/// A connection in the hands of one request. Dropped before [`Lease::finish`], an HTTP/1
/// connection is closed at once, since a half-read one is of no use; an HTTP/2 stream is reset.
pub(crate) struct Lease {
    pool: Rc<Pool>,
    conn: Option<Conn>,
    /// Whether the connection had carried a request before.
    pub(crate) reused: bool,
    /// How long connecting took, microseconds; 0 when it was open.
    pub(crate) connect_us: u32,
    bytes_read_before: u64,
}

impl Lease {
    pub(super) fn new(pool: &Rc<Pool>, conn: Conn, reused: bool, connect_us: u32) -> Self {
        let bytes_read_before = match &conn {
            Conn::H1(h1) => h1.bytes_read.get(),
            Conn::H2(h2) => {
                h2.active.set(h2.active.get() + 1);
                0
            }
        };
        let pool = Rc::clone(pool);
        Self {
            pool,
            conn: Some(conn),
            reused,
            connect_us,
            bytes_read_before,
        }
    }

    pub(crate) fn wire(&self, purpose: Purpose) -> Wire {
        match (&self.conn, purpose) {
            (Some(Conn::H2(_)), _) => Wire::Http2(self.pool.server.reach.scheme),
            (_, Purpose::Upgrade) => Wire::Http1Upgrade,
            (_, Purpose::Requests) => Wire::Http1,
        }
    }

    /// Sends a request and waits for the head of its response.
    pub(crate) async fn send(&mut self, request: http::Request<SendBody>) -> Sent {
        match self
            .conn
            .as_mut()
            .expect("a lease has its connection until it is finished")
        {
            Conn::H1(h1) => h1.tx.try_send_request(request).await,
            Conn::H2(h2) => {
                let mut tx = h2.tx.clone();
                tx.try_send_request(request).await
            }
        }
    }

    /// Whether bytes came since the lease began; not known for HTTP/2.
    pub(crate) fn head_started(&self) -> bool {
        match &self.conn {
            Some(Conn::H1(h1)) => h1.bytes_read.get() != self.bytes_read_before,
            _ => false,
        }
    }

    /// The connection's place, to keep it taken when the connection becomes a tunnel.
    pub(crate) fn slot(&self) -> Option<Rc<Slot>> {
        match &self.conn {
            Some(Conn::H1(h1)) => Some(Rc::clone(&h1.slot)),
            _ => None,
        }
    }

    /// Gives the connection back after the end of the response. A request body that still flows
    /// goes on in the background while it makes progress within `upload_idle`.
    pub(crate) fn finish(mut self, upload: Option<Rc<Upload>>, upload_idle: Duration) {
        match self.conn.take() {
            Some(Conn::H1(h1)) if h1.is_ready() => self.pool.put_back(h1, Instant::now()),
            Some(Conn::H1(h1)) if h1.is_poolable || upload.is_some() => {
                let pool = Rc::clone(&self.pool);
                drop(spawn_local(settle(pool, h1, upload, upload_idle)));
            }
            // Nothing to wait for: the task ends by itself, as the sender is gone.
            Some(Conn::H1(_)) | None => {}
            shared @ Some(Conn::H2(_)) => self.conn = shared,
        }
    }

    /// Lets go of a connection that was upgraded: its task hands the socket over and ends.
    pub(crate) fn hand_over(mut self) {
        if let Some(Conn::H1(h1)) = self.conn.take() {
            drop(h1);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        match self.conn.take() {
            Some(Conn::H1(h1)) => h1.task.abort(),
            Some(Conn::H2(h2)) => {
                h2.active.set(h2.active.get() - 1);
                h2.idle_since.set(Instant::now());
                self.pool.pass_on();
            }
            None => {}
        }
    }
}

/// Waits until the connection can take another request.
async fn settle(pool: Rc<Pool>, mut h1: H1, upload: Option<Rc<Upload>>, upload_idle: Duration) {
    let wait = if upload.is_some() {
        upload_idle
    } else {
        SETTLE_TIMEOUT
    };
    let mut seen = Instant::now();
    loop {
        match timeout(wait, h1.tx.ready()).await {
            Ok(Ok(())) => return pool.put_back(h1, Instant::now()),
            Ok(Err(_)) => return,
            Err(_) => {
                let progress = upload.as_ref().map_or(seen, |upload| upload.progress.get());
                if progress <= seen {
                    return h1.task.abort();
                }
                seen = progress;
            }
        }
    }
}
