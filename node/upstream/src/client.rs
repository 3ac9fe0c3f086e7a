//! The way of a request: choose a server, get a connection, exchange, and try again where that is
//! safe.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tollgate_message::{Request, Response};

use crate::balance::Tried;
use crate::deadline::after;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::exchange::Exchange;
use crate::head::asks_upgrade;
use crate::pool::{Lease, Pool};
use crate::registry::Upstreams;
use crate::send_body::SendBody;
use crate::server::Outstanding;
use crate::spec::Protocol;
use crate::transport::Purpose;
use crate::worker::{Worker, WorkerGroup};

/// Limits of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendLimits {
    /// From the call to the head of the response, connecting and queueing included. While a
    /// streamed request body flows it is counted from the last chunk, so a long upload may take
    /// its time.
    pub head_timeout: Duration,
    /// How long the response body may be silent while it is read.
    pub body_idle_timeout: Duration,
    /// How long an upgraded connection may be silent in both directions.
    pub tunnel_idle_timeout: Duration,
}

impl SendLimits {
    /// Upgraded connections may be silent for 10 minutes, as WebSocket APIs of AWS allow.
    #[must_use]
    pub const fn new(head_timeout: Duration, body_idle_timeout: Duration) -> Self {
        Self {
            head_timeout,
            body_idle_timeout,
            tunnel_idle_timeout: Duration::from_secs(600),
        }
    }
}

/// How a response came about, for logs.
#[derive(Debug, Clone)]
pub struct SendInfo {
    /// Whether the connection had carried a request before.
    pub reused: bool,
    /// The server, `scheme://host:port`.
    pub server: Arc<str>,
    /// How long connecting took, microseconds; 0 on an open connection.
    pub connect_us: u32,
    /// Attempts before this one: servers that could not be reached, or a stale connection.
    pub retries: u8,
}

/// One worker's client. Cheap to clone; never leaves its thread. Must be used inside a
/// [`tokio::task::LocalSet`].
#[derive(Clone)]
pub struct Client {
    worker: Rc<Worker>,
}

impl Client {
    /// A client of these groups.
    #[must_use]
    pub fn new(upstreams: Arc<Upstreams>) -> Self {
        Self {
            worker: Rc::new(Worker::new(upstreams)),
        }
    }

    /// Sends a request to a server of the group and returns its response, as soon as the head is
    /// there; the bodies flow on.
    ///
    /// Path, query and header fields are written as given, except those that concern one
    /// connection only (RFC 9110, section 7.6.1) and `Expect`. A request that asks for an upgrade
    /// is sent without body; after a 101 the request's body is the client's side of the upgraded
    /// connection and the response's body the server's.
    ///
    /// Another server is tried when one cannot be connected to, at most three in all. A request
    /// is repeated once, on a fresh connection, when a reused connection proved closed: any
    /// request of which nothing was sent, and an idempotent one whose body is at hand.
    ///
    /// # Errors
    /// Why there is no response.
    pub async fn send(
        &self,
        group: &str,
        mut request: Request,
        limits: &SendLimits,
    ) -> Result<(Response, SendInfo), UpstreamError> {
        let group = self.worker.group(group)?;
        let now = Instant::now();
        let due = after(now, limits.head_timeout);
        let asks_upgrade = asks_upgrade(&request);
        let purpose = match group.group.spec.protocol {
            // HTTP/2 has no upgrades: the request goes without, as RFC 9110 allows.
            Protocol::Http2 => Purpose::Requests,
            _ if asks_upgrade => Purpose::Upgrade,
            _ => Purpose::Requests,
        };
        let mut body = if asks_upgrade {
            SendBody::Empty
        } else {
            SendBody::new(core::mem::take(&mut request.body), now)
        };
        let mut tried = Tried::default();
        let mut retries = 0_u8;
        let mut repeated = false;
        let mut last = None;
        loop {
            let Some(index) = group.turns.pick(&group.group, &tried, now) else {
                return Err(last.unwrap_or_else(no_server));
            };
            let (lease, outstanding, pool) = match self.connect(&group, index, purpose, due).await {
                Ok(connected) => connected,
                Err(error) => {
                    if !tried.add(index) || Instant::now() >= due {
                        return Err(error);
                    }
                    last = Some(error);
                    retries += 1;
                    continue;
                }
            };
            let info = SendInfo {
                reused: lease.reused,
                server: Arc::clone(&pool.server.label),
                connect_us: lease.connect_us,
                retries,
            };
            let repeatable = lease.reused && request.method.is_idempotent();
            let replay = if repeatable { body.replay() } else { None };
            let exchange = Exchange {
                timers: &self.worker.timers,
                limits,
                due,
                group: &group.group,
                server: &pool.server,
                purpose,
            };
            let failed = match exchange.run(&mut request, body, lease, outstanding).await {
                Ok(response) => return Ok((response, info)),
                Err(failed) => *failed,
            };
            match again(&failed.error, failed.unsent, replay).filter(|_| !repeated) {
                Some(next) => body = next,
                None => {
                    if failed.error.kind.blames_server() {
                        group.group.failed(&pool.server, Instant::now());
                    }
                    return Err(failed.error);
                }
            }
            repeated = true;
            retries += 1;
            // The stale one was the latest of the idle ones: the others are older.
            pool.drop_idle();
            // Lets the task of a broken shared connection mark it closed before the next choice.
            tokio::task::yield_now().await;
        }
    }

    /// A connection to a server of the group.
    async fn connect<'g>(
        &self,
        group: &'g WorkerGroup,
        index: usize,
        purpose: Purpose,
        due: Instant,
    ) -> Result<(Lease, Outstanding, &'g Rc<Pool>), UpstreamError> {
        let pool = &group.pools[index];
        let outstanding = Outstanding::new(&pool.server);
        if purpose == Purpose::Requests
            && let Some(lease) = pool.reuse(Instant::now())
        {
            return Ok((lease, outstanding, pool));
        }
        self.worker.start_sweeping();
        match pool.wait(purpose, due).await {
            Ok(lease) => Ok((lease, outstanding, pool)),
            Err(mut error) => {
                error.server = Some(Arc::clone(&pool.server.label));
                if error.kind.blames_server() {
                    group.group.failed(&pool.server, Instant::now());
                }
                Err(error)
            }
        }
    }
}

/// What to send again after a failure, if it may be sent again.
fn again(
    error: &UpstreamError,
    unsent: Option<SendBody>,
    replay: Option<SendBody>,
) -> Option<SendBody> {
    let stale = error.reused && !error.head_started && error.kind == UpstreamErrorKind::Reset;
    // Of a request that comes back whole nothing was sent, whatever its method.
    unsent.or(replay).filter(|_| stale)
}

fn no_server() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Connect, "the group has no server")
}
