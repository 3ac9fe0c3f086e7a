//! The byte stream of a connection: TCP whose first bytes may have been looked at, plain or under
//! TLS, with a limit on how long a write may stall.
//!
//! The limit is here and not in a protocol, because no protocol can be trusted to have one: a
//! client that never reads would otherwise hold its response for ever. What takes a connection over
//! has limits of its own, which know what the connection is for.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io::{self, IoSlice};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tollgate_message::Duplex;

use crate::deadline::Deadline;
use crate::scratch::BUFFER_BYTES;

/// A connection's byte stream, as a protocol sees it.
pub(crate) trait Io: Duplex + 'static {
    /// Takes what was read ahead, unless a layer in between must see it first.
    fn take_ahead(&mut self) -> BytesMut;
}

/// A TCP stream that can be read ahead of the protocol that will read it.
pub(crate) struct Rewind {
    ahead: BytesMut,
    tcp: TcpStream,
}

impl Rewind {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self {
            ahead: BytesMut::new(),
            tcp,
        }
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// What was read ahead.
    pub(crate) fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// Takes bytes out of what was read ahead.
    pub(crate) fn advance(&mut self, count: usize) {
        self.ahead.advance(count);
    }

    /// Reads more ahead; 0 is the end of the stream.
    pub(crate) async fn read_ahead(&mut self) -> io::Result<usize> {
        self.ahead.reserve(BUFFER_BYTES);
        self.tcp.read_buf(&mut self.ahead).await
    }
}

impl AsyncRead for Rewind {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.tcp).poll_read(cx, buf);
        }
        let count = buf.remaining().min(self.ahead.len());
        buf.put_slice(&self.ahead[..count]);
        self.ahead.advance(count);
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewind {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

enum Channel {
    Plain(Rewind),
    Tls(Box<TlsStream<Rewind>>),
}

/// A connection's byte stream.
pub(crate) struct Transport {
    channel: Channel,
    stall: Deadline,
    /// `None` when it is not our matter any more.
    stall_max: Option<Duration>,
}

impl Transport {
    /// `stall_max` bounds how long a write may make no progress.
    pub(crate) fn plain(io: Rewind, stall_max: Duration) -> Self {
        Self {
            channel: Channel::Plain(io),
            stall: Deadline::default(),
            stall_max: Some(stall_max),
        }
    }

    /// As [`Transport::plain`], under TLS.
    pub(crate) fn tls(io: TlsStream<Rewind>, stall_max: Duration) -> Self {
        Self {
            channel: Channel::Tls(Box::new(io)),
            stall: Deadline::default(),
            stall_max: Some(stall_max),
        }
    }

    /// Leaves it to whoever has the connection from now on how long a write may stall.
    pub(crate) fn lift_stall_limit(&mut self) {
        self.stall = Deadline::default();
        self.stall_max = None;
    }

    fn timed<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let Some(stall_max) = self.stall_max else {
            return done;
        };
        if done.is_ready() {
            self.stall.clear();
            return done;
        }
        self.stall.start(|| Instant::now() + stall_max);
        if self.stall.poll_expired(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl Io for Transport {
    fn take_ahead(&mut self) -> BytesMut {
        match &mut self.channel {
            Channel::Plain(io) => core::mem::take(&mut io.ahead),
            Channel::Tls(_) => BytesMut::new(),
        }
    }
}

impl Duplex for Transport {
    fn reset_on_drop(&mut self) -> io::Result<()> {
        let tcp = match &self.channel {
            Channel::Plain(io) => io.tcp(),
            Channel::Tls(io) => io.get_ref().0.tcp(),
        };
        tcp.set_zero_linger()
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.channel {
            Channel::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Channel::Tls(io) => {
                // Closing TCP without closing TLS is common; the framing above tells whether
                // anything is missing.
                match ready!(Pin::new(io).poll_read(cx, buf)) {
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                        Poll::Ready(Ok(()))
                    }
                    result => Poll::Ready(result),
                }
            }
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = match &mut self.channel {
            Channel::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Channel::Tls(io) => Pin::new(io).poll_write(cx, buf),
        };
        self.timed(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = match &mut self.channel {
            Channel::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Channel::Tls(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        };
        self.timed(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = match &mut self.channel {
            Channel::Plain(io) => Pin::new(io).poll_flush(cx),
            Channel::Tls(io) => Pin::new(io).poll_flush(cx),
        };
        self.timed(cx, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = match &mut self.channel {
            Channel::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Channel::Tls(io) => Pin::new(io).poll_shutdown(cx),
        };
        self.timed(cx, done)
    }
}
