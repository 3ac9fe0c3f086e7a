//! One worker's client: the groups as this worker uses them, and the way of a request.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use tokio::task::spawn_local;
use tollgate_message::{Request, Response};

use crate::balance::{Tried, Turns};
use crate::deadline::{Timers, after};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::exchange::Exchange;
use crate::group::Group;
use crate::head::asks_upgrade;
use crate::limits::SWEEP_INTERVAL;
use crate::pool::{Lease, Pool};
use crate::registry::Upstreams;
use crate::send_body::SendBody;
use crate::server::Outstanding;
use crate::spec::Protocol;
use crate::transport::Purpose;

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

struct Worker {
    upstreams: Arc<Upstreams>,
    /// The generation of the registry that `groups` reflects.
    generation: Cell<u64>,
    groups: RefCell<HashMap<Box<str>, Rc<WorkerGroup>, RandomState>>,
    timers: Rc<Timers>,
    sweeps: Cell<bool>,
}

/// A group as this worker uses it.
struct WorkerGroup {
    group: Arc<Group>,
    /// In the order of the group's servers.
    pools: Vec<Rc<Pool>>,
    turns: Turns,
}

impl Client {
    /// A client of these groups.
    #[must_use]
    pub fn new(upstreams: Arc<Upstreams>) -> Self {
        let worker = Worker {
            upstreams,
            generation: Cell::new(0),
            groups: RefCell::new(HashMap::default()),
            timers: Rc::default(),
            sweeps: Cell::new(false),
        };
        Self {
            worker: Rc::new(worker),
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
        let purpose = purpose(&request, &group.group);
        let mut body = match purpose {
            Purpose::Upgrade => SendBody::Empty,
            Purpose::Requests => SendBody::new(core::mem::take(&mut request.body), now),
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
            let replay = body
                .replay()
                .filter(|_| lease.reused && request.method.is_idempotent());
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

fn purpose(request: &Request, group: &Group) -> Purpose {
    if asks_upgrade(request) && group.spec.protocol != Protocol::Http2 {
        Purpose::Upgrade
    } else {
        Purpose::Requests
    }
}

fn no_server() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Connect, "the group has no server")
}

impl Worker {
    fn group(&self, name: &str) -> Result<Rc<WorkerGroup>, UpstreamError> {
        self.refresh();
        if let Some(group) = self.groups.borrow().get(name) {
            return Ok(Rc::clone(group));
        }
        let unknown = || UpstreamError::new(UpstreamErrorKind::UnknownGroup, name);
        let group = self.upstreams.group(name).ok_or_else(unknown)?;
        let group = Rc::new(WorkerGroup::new(group, &[]));
        self.groups
            .borrow_mut()
            .insert(name.into(), Rc::clone(&group));
        Ok(group)
    }

    /// Takes over changes of the registry: one atomic load when there are none.
    fn refresh(&self) {
        let generation = self.upstreams.generation();
        if generation == self.generation.replace(generation) {
            return;
        }
        self.groups.borrow_mut().retain(|name, mine| {
            let current = self.upstreams.group(name);
            if current
                .as_ref()
                .is_some_and(|group| Arc::ptr_eq(group, &mine.group))
            {
                return true;
            }
            let next = current.map(|group| WorkerGroup::new(group, &mine.pools));
            for pool in &mine.pools {
                let kept = next
                    .as_ref()
                    .is_some_and(|next| next.pools.iter().any(|other| Rc::ptr_eq(pool, other)));
                if !kept {
                    pool.retire();
                }
            }
            match next {
                Some(next) => *mine = Rc::new(next),
                None => return false,
            }
            true
        });
    }

    fn start_sweeping(self: &Rc<Self>) {
        if !self.sweeps.replace(true) {
            drop(spawn_local(sweep(Rc::downgrade(self))));
        }
    }
}

impl WorkerGroup {
    /// The group with the pools of those servers that it has in common with its predecessor.
    fn new(group: Arc<Group>, before: &[Rc<Pool>]) -> Self {
        let pools = group
            .servers
            .iter()
            .map(|server| {
                let kept = before.iter().find(|pool| Arc::ptr_eq(&pool.server, server));
                kept.map_or_else(|| Pool::new(Arc::clone(server)), Rc::clone)
            })
            .collect();
        Self {
            group,
            pools,
            turns: Turns::default(),
        }
    }
}

/// Closes idle connections in time, also on a worker that gets no requests any more.
async fn sweep(worker: Weak<Worker>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        let Some(worker) = worker.upgrade() else {
            return;
        };
        worker.refresh();
        let now = Instant::now();
        for group in worker.groups.borrow().values() {
            for pool in &group.pools {
                pool.sweep(now);
            }
        }
    }
}
