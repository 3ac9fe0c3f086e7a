//! A worker: from an accepted socket to a protocol that is served.

use core::panic::AssertUnwindSafe;
use core::pin::pin;
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsAcceptor;
use tollgate_message::Upgraded;

use crate::call::panic_text;
use crate::conn::TlsInfo;
use crate::h1::{self, HandOver, Wire};
use crate::scratch::Scratch;
use crate::server::Shared;
use crate::stage::{DRAIN_GRACE, Draining, WorkerStage};
use crate::transport::{Rewind, Transport};
use crate::{BadRequest, ConnInfo, Service, TrustedPeers, h2, proxy};

/// What a client of HTTP/2 says first when there was no ALPN (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A listener, as its workers see it.
pub(crate) struct Listener {
    pub(crate) index: usize,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) proxy_protocol: Option<TrustedPeers>,
}

/// The service of a worker thread and what is needed to serve with it.
pub(crate) struct Worker<S: Service> {
    service: Rc<S>,
    shared: Arc<Shared>,
    stage: Rc<WorkerStage>,
    scratch: Rc<Scratch>,
}

/// Counts a connection while it lasts.
struct Open {
    shared: Arc<Shared>,
    serial: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.counters.close_connection();
        self.shared.connection_closed.notify_one();
    }
}

enum Protocol {
    Http1,
    Http2,
}

/// Why a connection ends before a protocol is served.
enum Refused {
    /// The client went away or said nothing.
    Quiet,
    /// For this reason.
    For(BadRequest),
}

impl From<io::Error> for Refused {
    fn from(_: io::Error) -> Self {
        Self::Quiet
    }
}

impl<S: Service> Worker<S> {
    /// On the thread of the worker, in its runtime.
    pub(crate) fn new(service: S, shared: Arc<Shared>) -> Self {
        Self {
            service: Rc::new(service),
            stage: WorkerStage::follow(&shared),
            scratch: Rc::default(),
            shared,
        }
    }

    /// Serves a connection to its end, or until the edge aborts.
    pub(crate) async fn serve(&self, listener: &Listener, tcp: TcpStream) {
        let Some(serial) = self
            .shared
            .counters
            .open_connection(self.shared.limits.connections_max)
        else {
            return;
        };
        let open = Open {
            shared: Arc::clone(&self.shared),
            serial,
        };
        let draining = Draining::new(&self.stage);
        // Pinned here: a future that is handed on by value takes its room twice.
        let serving = pin!(self.connect(listener, tcp, open.serial, &draining));
        self.stage.run(open.serial, serving).await;
    }

    async fn connect(&self, listener: &Listener, tcp: TcpStream, serial: u64, draining: &Draining) {
        let header_timeout = Duration::from_millis(self.shared.limits.header_timeout_ms);
        let deadline = Instant::now() + header_timeout;
        // A connection that has not said anything has nothing to lose in a drain.
        let drained = async {
            draining.begun().await;
            sleep(DRAIN_GRACE).await;
        };
        // A handshake and HTTP/2 take more room than a connection of HTTP/1.1, which should not
        // hold it while it is idle.
        let establishing = Box::pin(self.establish(listener, tcp, serial, deadline));
        let established = tokio::select! {
            established = establishing => established,
            () = drained => return,
        };
        match established {
            Ok((transport, conn, Protocol::Http1)) => {
                self.serve_h1(transport, conn, deadline, draining).await;
            }
            Ok((transport, conn, Protocol::Http2)) => {
                let service = &self.service;
                Box::pin(h2::serve(transport, service, conn, &self.shared, draining)).await;
            }
            Err(Refused::For(reason)) => self.shared.counters.bad_request(reason),
            Err(Refused::Quiet) => {}
        }
    }

    /// PROXY header, TLS handshake, choice of the protocol.
    async fn establish(
        &self,
        listener: &Listener,
        tcp: TcpStream,
        serial: u64,
        deadline: Instant,
    ) -> Result<(Transport, Rc<ConnInfo>, Protocol), Refused> {
        let limits = &self.shared.limits;
        tcp.set_nodelay(true)?;
        let (mut peer, mut local) = (tcp.peer_addr()?, tcp.local_addr()?);
        let mut io = Rewind::new(tcp);
        if let Some(trusted) = &listener.proxy_protocol {
            let named = timeout_at(
                deadline,
                read_proxy_header(&mut io, trusted.contains(peer.ip())),
            )
            .await
            .map_err(|_| Refused::For(BadRequest::ProxyProtocol))??;
            (peer, local) = named.unwrap_or((peer, local));
        }
        let stall_max = Duration::from_millis(limits.body_idle_timeout_ms);
        let (transport, protocol, tls) = match &listener.tls {
            Some(acceptor) => {
                let accepted = timeout_at(deadline, acceptor.accept(io)).await;
                let Ok(Ok(stream)) = accepted else {
                    return Err(Refused::For(BadRequest::Tls));
                };
                let info = TlsInfo::of(stream.get_ref().1);
                let h2 = info.alpn.as_deref() == Some("h2");
                let protocol = if h2 { Protocol::Http2 } else { Protocol::Http1 };
                (Transport::tls(stream, stall_max), protocol, Some(info))
            }
            None => {
                let protocol = match timeout_at(deadline, sniff(&mut io)).await {
                    Ok(sniffed) => sniffed?,
                    Err(_) if io.ahead().is_empty() => return Err(Refused::Quiet),
                    // Too slow to tell, so it is a slow head and answered as one.
                    Err(_) => Protocol::Http1,
                };
                (Transport::plain(io, stall_max), protocol, None)
            }
        };
        let conn = Rc::new(ConnInfo {
            peer: canonical(peer),
            local: canonical(local),
            tls,
            listener: listener.index,
            connection_serial: serial,
        });
        Ok((transport, conn, protocol))
    }

    async fn serve_h1(
        &self,
        transport: Transport,
        conn: Rc<ConnInfo>,
        deadline: Instant,
        draining: &Draining,
    ) {
        let wire = Wire::new(
            transport,
            Arc::clone(&self.shared),
            Rc::clone(&self.scratch),
            draining.clone(),
            deadline,
        );
        // In a box of its own, so that a connection that is upgraded gives its room back.
        let served = Box::pin(h1::serve(wire, &*self.service, &conn, &self.shared)).await;
        drop(conn);
        match served {
            Ok(None) => {}
            Ok(Some(handed)) => self.upgrade(handed, draining.clone()).await,
            Err(error) => tracing::debug!(%error, "http1 connection ended"),
        }
    }

    /// Lets another protocol have the connection, on this task.
    async fn upgrade(&self, mut handed: HandOver<Transport>, draining: Draining) {
        handed.io.lift_stall_limit();
        let upgraded = Upgraded {
            io: Box::new(handed.io),
            ahead: handed.ahead,
            draining: Box::new(move || draining.has_begun()),
        };
        let upgrade = handed.upgrade;
        let life = AssertUnwindSafe(async { upgrade.begin(upgraded).await });
        if let Err(panic) = life.catch_unwind().await {
            self.shared.counters.panicked();
            tracing::error!(
                panic = panic_text(&*panic),
                "an upgraded connection panicked"
            );
        }
    }
}

/// A socket on `[::]` tells IPv4 clients as `::ffff:a.b.c.d`; policies and logs mean `a.b.c.d`.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Reads the header of a trusted peer, or makes sure that there is none.
async fn read_proxy_header(
    io: &mut Rewind,
    trusted: bool,
) -> Result<Option<(SocketAddr, SocketAddr)>, Refused> {
    let refused = Refused::For(BadRequest::ProxyProtocol);
    loop {
        if trusted {
            match proxy::parse(io.ahead()) {
                Ok(Some(header)) => {
                    io.advance(header.length);
                    return Ok(header.addresses);
                }
                Ok(None) => {}
                Err(_) => return Err(refused),
            }
        } else if !io.ahead().is_empty() {
            match proxy::is_header(io.ahead()) {
                Some(true) => return Err(refused),
                Some(false) => return Ok(None),
                None => {}
            }
        }
        if io.read_ahead().await? == 0 {
            return Err(if io.ahead().is_empty() {
                Refused::Quiet
            } else {
                refused
            });
        }
    }
}

/// Tells HTTP/2 with prior knowledge from HTTP/1.1 by the first bytes.
async fn sniff(io: &mut Rewind) -> Result<Protocol, Refused> {
    loop {
        let seen = io.ahead();
        if seen.starts_with(PREFACE) {
            return Ok(Protocol::Http2);
        }
        if !seen.is_empty() && !PREFACE.starts_with(seen) {
            return Ok(Protocol::Http1);
        }
        if io.read_ahead().await? == 0 {
            return Err(Refused::Quiet);
        }
    }
}
