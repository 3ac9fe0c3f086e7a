//! One server: how to reach it, and what all workers know of its state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::dns::{HostAddresses, Resolver};
use crate::spec::{GroupSpec, Protocol, Scheme, ServerSpec, TlsSpec};
use crate::tls::{Roots, TlsClient};

/// What makes a connection to a server what it is. Servers that agree in it may share
/// connections and state across changes of their group.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    pub(crate) connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) connections_max: usize,
    tls: Option<TlsSpec>,
}

impl Reach {
    pub(crate) fn new(group: &GroupSpec, server: &ServerSpec) -> Self {
        Self {
            scheme: server.scheme,
            host: server.host.clone(),
            port: server.port,
            protocol: group.protocol,
            connect_timeout: Duration::from_millis(group.connect_timeout_ms),
            idle_timeout: Duration::from_millis(group.idle_timeout_ms),
            connections_max: group.connections_max.max(1),
            tls: (server.scheme == Scheme::Https).then(|| group.tls.clone()),
        }
    }
}

/// One server, shared by all workers. Counters are relaxed: they steer and inform, nothing is
/// ordered by them.
pub(crate) struct Server {
    pub(crate) reach: Reach,
    /// `scheme://host:port`, for logs and metrics.
    pub(crate) label: Arc<str>,
    pub(crate) addresses: HostAddresses,
    pub(crate) resolver: Arc<Resolver>,
    /// `Err` when the group's TLS settings cannot be used.
    pub(crate) tls: Option<Result<TlsClient, String>>,
    pub(crate) load: Load,
    health: Health,
}

/// What workers count.
#[derive(Default)]
pub(crate) struct Load {
    /// Requests from the choice of this server to the end of the response body.
    pub(crate) outstanding: AtomicU32,
    pub(crate) requests: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) connections: AtomicU32,
}

struct Health {
    epoch: Instant,
    consecutive_failures: AtomicU32,
    /// Milliseconds since `epoch`; 0: never ejected.
    ejected_until_ms: AtomicU64,
    unhealthy: AtomicBool,
}

impl Server {
    pub(crate) fn new(reach: Reach, resolver: Arc<Resolver>, roots: &Roots) -> Self {
        let host = &reach.host;
        let bracketed = host.contains(':') && !host.starts_with('[');
        let label = if bracketed {
            format!("{}://[{host}]:{}", reach.scheme.as_str(), reach.port)
        } else {
            format!("{}://{host}:{}", reach.scheme.as_str(), reach.port)
        };
        let tls = reach.tls.as_ref().map(|spec| {
            TlsClient::new(spec, host, reach.protocol, roots).map_err(|e| e.to_string())
        });
        if let Some(Err(error)) = &tls {
            tracing::error!(server = %label, %error, "unusable TLS settings");
        }
        Self {
            addresses: HostAddresses::new(host),
            label: label.into(),
            resolver,
            tls,
            load: Load::default(),
            health: Health {
                epoch: Instant::now(),
                consecutive_failures: AtomicU32::new(0),
                ejected_until_ms: AtomicU64::new(0),
                unhealthy: AtomicBool::new(false),
            },
            reach,
        }
    }

    /// Whether requests should go here.
    pub(crate) fn is_up(&self, now: Instant) -> bool {
        !self.is_unhealthy() && !self.is_ejected(now)
    }

    pub(crate) fn is_unhealthy(&self) -> bool {
        self.health.unhealthy.load(Ordering::Relaxed)
    }

    pub(crate) fn set_unhealthy(&self, unhealthy: bool) {
        self.health.unhealthy.store(unhealthy, Ordering::Relaxed);
    }

    pub(crate) fn is_ejected(&self, now: Instant) -> bool {
        let until = self.health.ejected_until_ms.load(Ordering::Relaxed);
        until != 0 && self.millis(now) < until
    }

    pub(crate) fn eject(&self, now: Instant, duration_ms: u64) {
        self.health.consecutive_failures.store(0, Ordering::Relaxed);
        let until = self.millis(now).saturating_add(duration_ms).max(1);
        self.health.ejected_until_ms.store(until, Ordering::Relaxed);
    }

    /// Lifts an ejection, for a group that no longer ejects.
    pub(crate) fn pardon(&self) {
        self.health.ejected_until_ms.store(0, Ordering::Relaxed);
    }

    /// Counts a failure and returns how many came in a row.
    pub(crate) fn failed(&self) -> u32 {
        self.load.failures.fetch_add(1, Ordering::Relaxed);
        self.health
            .consecutive_failures
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1)
    }

    pub(crate) fn succeeded(&self) {
        // Mostly it is zero already; a load leaves the cache line shared between workers.
        if self.health.consecutive_failures.load(Ordering::Relaxed) != 0 {
            self.health.consecutive_failures.store(0, Ordering::Relaxed);
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.health.epoch);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Counts one request of a server as outstanding until it is dropped.
pub(crate) struct Outstanding(Arc<Server>);

impl Outstanding {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        server.load.outstanding.fetch_add(1, Ordering::Relaxed);
        server.load.requests.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(server))
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.0.load.outstanding.fetch_sub(1, Ordering::Relaxed);
    }
}
