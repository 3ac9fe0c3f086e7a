//! From a server to an open byte stream: resolve, connect, TLS.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::unconstrained;
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::deadline::after;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::limits::ADDRESS_ATTEMPT_MIN;
use crate::server::Server;
use crate::spec::Protocol;
use crate::tls::chose_h2;

/// What a new connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Requests in whatever protocol the group allows.
    Requests,
    /// An upgrade, which only HTTP/1.1 has.
    Upgrade,
}

/// An open connection.
pub(crate) struct Opened {
    pub(crate) stream: Transport,
    pub(crate) is_h2: bool,
    pub(crate) peer: IpAddr,
}

/// The bytes to and from a server.
pub(crate) enum Transport {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Opens a connection until `due` at the latest.
pub(crate) async fn open(
    server: &Server,
    purpose: Purpose,
    due: Instant,
) -> Result<Opened, UpstreamError> {
    if let Some(Err(error)) = &server.tls {
        return Err(tls_error(error.clone()));
    }
    let due = due.min(after(Instant::now(), server.reach.connect_timeout));
    let (tcp, peer) = match timeout_at(due.into(), resolve_and_connect(server, due)).await {
        Ok(connected) => connected?,
        Err(_) => return Err(connect_error("connect timeout")),
    };
    tcp.set_nodelay(true)
        .map_err(|e| connect_error(e.to_string()))?;
    let prior_knowledge = server.reach.protocol == Protocol::Http2;
    let Some(Ok(tls)) = &server.tls else {
        let is_h2 = prior_knowledge && purpose == Purpose::Requests;
        return Ok(Opened {
            stream: Transport::Tcp(tcp),
            is_h2,
            peer,
        });
    };
    let config = if purpose == Purpose::Upgrade {
        &tls.http1
    } else {
        &tls.any
    };
    let handshake = TlsConnector::from(Arc::clone(config)).connect(tls.name.clone(), tcp);
    let stream = match timeout_at(due.into(), handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => return Err(tls_error(e.to_string())),
        Err(_) => return Err(connect_error("connect timeout in the TLS handshake")),
    };
    let is_h2 = chose_h2(stream.get_ref().1.alpn_protocol());
    if prior_knowledge && purpose == Purpose::Requests && !is_h2 {
        return Err(tls_error("the server does not offer HTTP/2"));
    }
    Ok(Opened {
        stream: Transport::Tls(Box::new(stream)),
        is_h2,
        peer,
    })
}

/// Tries the addresses in turn, each with a fair share of the time that is left.
async fn resolve_and_connect(
    server: &Server,
    due: Instant,
) -> Result<(TcpStream, IpAddr), UpstreamError> {
    let addresses = server
        .addresses
        .get(&server.resolver)
        .await
        .map_err(|error| {
            UpstreamError::new(
                UpstreamErrorKind::Dns,
                format!("{}: {error}", server.reach.host),
            )
        })?;
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    let mut last = connect_error("no address");
    for address in addresses {
        let now = Instant::now();
        let share = due.saturating_duration_since(now) / left.max(1);
        let until = now + share.max(ADDRESS_ATTEMPT_MIN);
        let target = SocketAddr::new(address, server.reach.port);
        match timeout_at(until.into(), TcpStream::connect(target)).await {
            Ok(Ok(stream)) => return Ok((stream, address)),
            Ok(Err(e)) => last = connect_error(format!("{target}: {e}")),
            Err(_) => last = connect_error(format!("{target}: connect timeout")),
        }
        left -= 1;
    }
    Err(last)
}

fn connect_error(detail: impl Into<String>) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Connect, detail)
}

fn tls_error(detail: impl Into<String>) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Tls, detail)
}

impl Transport {
    /// Whether the stream is open and nothing waits to be read, as far as the reactor has seen:
    /// without news of the socket this asks no system call. A byte that is there gets lost.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        match self {
            Self::Tcp(tcp) => {
                let read = tcp.try_read(&mut byte);
                read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            }
            // Session tickets and the like are no bytes of the stream: only its reader can tell.
            // It must tell, whatever is left of the task's budget.
            Self::Tls(tls) => {
                let mut buf = ReadBuf::new(&mut byte);
                let read = poll_fn(|cx| Pin::new(&mut **tls).poll_read(cx, &mut buf));
                let mut cx = Context::from_waker(Waker::noop());
                pin!(unconstrained(read)).poll(&mut cx).is_pending()
            }
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
