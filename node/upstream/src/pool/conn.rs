//! One connection: HTTP/1.1 of our own, or the HTTP library's handle of an HTTP/2 connection and
//! the task that drives its socket.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Instant;

use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::spawn_local;
use tokio::time::timeout_at;

use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::h1::H1;
use crate::limits::{
    H2_CONNECTION_WINDOW_BYTES, H2_PING_INTERVAL, H2_PING_TIMEOUT, H2_SEND_BUFFER_BYTES_MAX,
    H2_STREAM_WINDOW_BYTES, H2_STREAMS_MAX, HEADER_BYTES_MAX,
};
use crate::send_body::SendBody;
use crate::server::Server;
use crate::transport::{Opened, Purpose};

use super::Slot;

/// An open connection.
pub(super) enum Conn {
    /// Owned by one request at a time.
    H1(Rc<RefCell<H1>>),
    H2(Rc<H2>),
}

/// An HTTP/2 connection, shared by requests.
pub(super) struct H2 {
    pub(super) tx: http2::SendRequest<SendBody>,
    pub(super) active: Cell<usize>,
    /// What the peer allows.
    pub(super) streams_max: Rc<Cell<usize>>,
    pub(super) idle_since: Cell<Instant>,
}

impl H2 {
    pub(super) fn is_closed(&self) -> bool {
        self.tx.is_closed()
    }
}

/// Speaks HTTP on an open stream.
pub(super) async fn start(
    opened: Opened,
    purpose: Purpose,
    server: &Server,
    slot: Slot,
    due: Instant,
) -> Result<Conn, UpstreamError> {
    if opened.is_h2 {
        return match timeout_at(due.into(), start_h2(opened, slot)).await {
            Ok(started) => started,
            Err(_) => Err(UpstreamError::new(
                UpstreamErrorKind::Connect,
                "HTTP/2 handshake timeout",
            )),
        };
    }
    let known = (opened.peer, server.addresses.version());
    let is_poolable = purpose == Purpose::Requests;
    let h1 = H1::new(opened.stream, known, is_poolable, slot);
    Ok(Conn::H1(Rc::new(RefCell::new(h1))))
}

async fn start_h2(opened: Opened, slot: Slot) -> Result<Conn, UpstreamError> {
    let (tx, mut conn) = http2::Builder::new(LocalTasks)
        .timer(TokioTimer::new())
        .initial_stream_window_size(H2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(H2_CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(H2_SEND_BUFFER_BYTES_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .keep_alive_interval(H2_PING_INTERVAL)
        .keep_alive_timeout(H2_PING_TIMEOUT)
        .handshake(TokioIo::new(opened.stream))
        .await
        .map_err(handshake_error)?;
    let streams_max = Rc::new(Cell::new(H2_STREAMS_MAX));
    let seen = Rc::clone(&streams_max);
    let driver = poll_fn(move |cx| {
        let done = Pin::new(&mut conn).poll(cx);
        seen.set(conn.current_max_send_streams());
        done
    });
    // Not kept to abort: closing an HTTP/2 connection is dropping its last sender.
    drop(spawn_local(async move {
        if let Err(error) = driver.await {
            tracing::debug!(%error, "connection ended");
        }
        drop(slot);
    }));
    let idle_since = Cell::new(Instant::now());
    Ok(Conn::H2(Rc::new(H2 {
        tx,
        active: Cell::new(0),
        streams_max,
        idle_since,
    })))
}

fn handshake_error(error: hyper::Error) -> UpstreamError {
    UpstreamError::new(
        UpstreamErrorKind::Connect,
        format!("HTTP handshake: {error}"),
    )
}

/// Runs the library's tasks on this worker: the bodies that they carry cannot leave it.
#[derive(Clone, Copy)]
struct LocalTasks;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalTasks {
    fn execute(&self, task: F) {
        drop(spawn_local(task));
    }
}
