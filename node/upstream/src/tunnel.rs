//! An upgraded connection: bytes both ways, each way ending on its own.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::timeout;
use tollgate_message::{Body, BodyError};

use crate::deadline::{Deadline, after};
use crate::limits::TUNNEL_CHUNK_BYTES;
use crate::transport::Transport;

/// Copies `client` to the server in a task of its own, and returns the server's bytes as a body,
/// `early` first: what came with the response head.
///
/// The end of one direction is passed on as the end of that direction only. The tunnel ends with
/// both, with a reset, when the body is dropped before its end, or when neither direction carried
/// a byte for `idle`. `kept` is held until the reading side is done.
pub(crate) fn open<K: 'static>(
    (upgraded, early): (Transport, Bytes),
    client: Body,
    idle: Duration,
    deadline: Deadline,
    kept: K,
) -> Body {
    let (from_server, to_server) = tokio::io::split(upgraded);
    let active = Rc::new(Cell::new(Instant::now()));
    let kept = Rc::new(kept);
    let upload = copy(
        client,
        to_server,
        idle,
        Rc::clone(&active),
        Rc::clone(&kept),
    );
    let stream = Download {
        early,
        from_server,
        chunk: vec![0; TUNNEL_CHUNK_BYTES].into_boxed_slice(),
        idle,
        deadline,
        active,
        upload: Some(spawn_local(upload).abort_handle()),
        _kept: kept,
    };
    Body::Stream {
        stream: Box::pin(stream),
        length: None,
    }
}

async fn copy<K>(
    mut client: Body,
    mut to_server: WriteHalf<Transport>,
    idle: Duration,
    active: Rc<Cell<Instant>>,
    kept: Rc<K>,
) {
    loop {
        match timeout(idle, client.chunk()).await {
            Ok(Some(Ok(chunk))) => {
                active.set(Instant::now());
                let written = async {
                    to_server.write_all(&chunk).await?;
                    to_server.flush().await
                };
                if !matches!(timeout(idle, written).await, Ok(Ok(()))) {
                    break;
                }
            }
            // Dropping the half leaves the reader to see what the server makes of it.
            Ok(Some(Err(_))) => break,
            Ok(None) => {
                if let Ok(Err(error)) = timeout(idle, to_server.shutdown()).await {
                    tracing::debug!(%error, "end of an upgraded connection not passed on");
                }
                break;
            }
            Err(_) if active.get().elapsed() < idle => {}
            Err(_) => break,
        }
    }
    drop(kept);
}

struct Download<K> {
    early: Bytes,
    from_server: ReadHalf<Transport>,
    chunk: Box<[u8]>,
    idle: Duration,
    deadline: Deadline,
    active: Rc<Cell<Instant>>,
    /// Until the server's end; ended with us when nobody reads on.
    upload: Option<AbortHandle>,
    _kept: Rc<K>,
}

impl<K> Stream for Download<K> {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.upload.is_none() {
            return Poll::Ready(None);
        }
        if !this.early.is_empty() {
            return Poll::Ready(Some(Ok(core::mem::take(&mut this.early))));
        }
        let mut buf = ReadBuf::new(&mut this.chunk);
        match Pin::new(&mut this.from_server).poll_read(cx, &mut buf) {
            Poll::Ready(Ok(())) if buf.filled().is_empty() => {
                this.upload = None;
                Poll::Ready(None)
            }
            Poll::Ready(Ok(())) => {
                this.active.set(Instant::now());
                Poll::Ready(Some(Ok(Bytes::copy_from_slice(buf.filled()))))
            }
            Poll::Ready(Err(_)) => this.fail(BodyError::Closed),
            Poll::Pending => loop {
                let due = after(this.active.get(), this.idle);
                ready!(this.deadline.poll(cx, due));
                if after(this.active.get(), this.idle) <= Instant::now() {
                    return this.fail(BodyError::Stalled);
                }
            },
        }
    }
}

impl<K> Download<K> {
    fn fail(&mut self, error: BodyError) -> Poll<Option<Result<Bytes, BodyError>>> {
        if let Some(upload) = self.upload.take() {
            upload.abort();
        }
        Poll::Ready(Some(Err(error)))
    }
}

impl<K> Drop for Download<K> {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            upload.abort();
        }
    }
}
