//! One connection: the HTTP library's handles, and the task that drives its socket.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::timeout_at;

use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::limits::{
    H1_BUFFER_BYTES_MAX, H2_CONNECTION_WINDOW_BYTES, H2_PING_INTERVAL, H2_PING_TIMEOUT,
    H2_SEND_BUFFER_BYTES_MAX, H2_STREAM_WINDOW_BYTES, H2_STREAMS_MAX, HEADER_BYTES_MAX,
};
use crate::send_body::SendBody;
use crate::server::Server;
use crate::transport::{Opened, Purpose, Transport};

use super::Slot;

/// An open connection.
pub(super) enum Conn {
    H1(H1),
    H2(Rc<H2>),
}

/// An HTTP/1 connection, owned by one request at a time.
pub(super) struct H1 {
    pub(super) tx: http1::SendRequest<SendBody>,
    pub(super) task: AbortHandle,
    pub(super) bytes_read: Rc<Cell<u64>>,
    pub(super) peer: IpAddr,
    pub(super) addresses_version: usize,
    /// Whether another request may use it; not when it was made for an upgrade.
    pub(super) is_poolable: bool,
    pub(super) slot: Rc<Slot>,
}

impl H1 {
    pub(super) fn is_ready(&self) -> bool {
        self.tx.is_ready() && !self.tx.is_closed()
    }
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
    slot: Rc<Slot>,
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
    let addresses_version = server.addresses.version();
    let peer = opened.peer;
    let bytes_read = Rc::new(Cell::new(0));
    let mut builder = http1::Builder::new();
    builder.max_buf_size(H1_BUFFER_BYTES_MAX);
    let held = Rc::clone(&slot);
    let (tx, task) = if purpose == Purpose::Upgrade {
        // The library wants a `Send` stream here, so bytes are not counted.
        let io = TokioIo::new(opened.stream);
        let (tx, conn) = builder.handshake(io).await.map_err(handshake_error)?;
        (tx, drive(conn.with_upgrades(), held))
    } else {
        let io = TokioIo::new(Counted {
            stream: opened.stream,
            read: Rc::clone(&bytes_read),
        });
        let (tx, conn) = builder.handshake(io).await.map_err(handshake_error)?;
        (tx, drive(conn, held))
    };
    let is_poolable = purpose == Purpose::Requests;
    Ok(Conn::H1(H1 {
        tx,
        task,
        bytes_read,
        peer,
        addresses_version,
        is_poolable,
        slot,
    }))
}

async fn start_h2(opened: Opened, slot: Rc<Slot>) -> Result<Conn, UpstreamError> {
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
    drop(drive(driver, slot));
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

fn drive(conn: impl Future<Output = hyper::Result<()>> + 'static, slot: Rc<Slot>) -> AbortHandle {
    let task = spawn_local(async move {
        if let Err(error) = conn.await {
            tracing::debug!(%error, "connection ended");
        }
        drop(slot);
    });
    task.abort_handle()
}

/// Runs the library's tasks on this worker: the bodies that they carry cannot leave it.
#[derive(Clone, Copy)]
struct LocalTasks;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalTasks {
    fn execute(&self, task: F) {
        drop(spawn_local(task));
    }
}

/// Counts the bytes that came, which tells whether a failed request may have been answered.
struct Counted {
    stream: Transport,
    read: Rc<Cell<u64>>,
}

impl AsyncRead for Counted {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        this.read
            .set(this.read.get() + (buf.filled().len() - before) as u64);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
