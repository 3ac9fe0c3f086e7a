//! What all workers share: the groups by name, and what is known of their servers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use tokio::runtime::Handle;

use crate::dns::Resolver;
use crate::group::Group;
use crate::health;
use crate::server::{Reach, Server};
use crate::spec::GroupSpec;
use crate::tls::Roots;

type Groups = HashMap<String, Arc<Group>, RandomState>;

/// The groups of back-end servers, shared by all workers.
pub struct Upstreams {
    runtime: Handle,
    resolver: Arc<Resolver>,
    roots: Roots,
    groups: ArcSwap<Groups>,
    /// Raised after each change of `groups`, so that workers see a change by one atomic load.
    generation: AtomicU64,
    syncing: Mutex<()>,
}

/// A group's state, for metrics and administration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupState {
    /// The group's name.
    pub name: String,
    /// Its servers, in the configured order.
    pub servers: Vec<ServerState>,
}

/// A server's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// `scheme://host:port`.
    pub server: Arc<str>,
    /// Its configured weight.
    pub weight: u32,
    /// Whether it gets requests.
    pub condition: ServerCondition,
    /// Requests in flight, to the end of the response body.
    pub outstanding: u32,
    /// Open connections, over all workers.
    pub connections: u32,
    /// Requests ever sent or tried to send.
    pub requests: u64,
    /// Failures ever, as [`crate::Ejection`] counts them.
    pub failures: u64,
    /// Why its TLS settings cannot be used, if so.
    pub tls_error: Option<String>,
}

/// Whether a server gets requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerCondition {
    /// It does.
    Up,
    /// Not for a while, after failures of requests.
    Ejected,
    /// Not until its active checks are good again.
    Unhealthy,
}

impl ServerCondition {
    /// A short, stable name for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Ejected => "ejected",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl Upstreams {
    /// No groups yet. Look-ups and active checks run on `runtime`, whose timers and sockets must
    /// be enabled.
    #[must_use]
    pub fn new(runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            resolver: Arc::new(Resolver::new(runtime.clone())),
            runtime,
            roots: Roots::default(),
            groups: ArcSwap::default(),
            generation: AtomicU64::new(0),
            syncing: Mutex::new(()),
        })
    }

    /// Makes the set of groups equal to `specs`. An unchanged group keeps its state and
    /// connections; in a changed one those servers do whose way of being reached is unchanged.
    /// Of two groups with one name the last is taken. Requests in flight end as they began.
    pub fn sync(&self, specs: Vec<GroupSpec>) {
        let _one_at_a_time = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.groups.load_full();
        let mut groups = Groups::with_capacity_and_hasher(specs.len(), RandomState::default());
        for spec in specs {
            let old = before.get(&spec.name);
            let group = match old {
                Some(old) if old.spec == spec => Arc::clone(old),
                _ => self.build(spec, old),
            };
            groups.insert(group.spec.name.clone(), group);
        }
        for (name, group) in &groups {
            if !before.get(name).is_some_and(|old| Arc::ptr_eq(old, group)) {
                group.own_checks(health::start(&self.runtime, group));
            }
        }
        for (name, old) in before.iter() {
            if !groups
                .get(name)
                .is_some_and(|group| Arc::ptr_eq(old, group))
            {
                old.stop();
            }
        }
        self.groups.store(Arc::new(groups));
        self.generation.fetch_add(1, Ordering::Release);
    }

    fn build(&self, spec: GroupSpec, old: Option<&Arc<Group>>) -> Arc<Group> {
        let mut kept: Vec<Arc<Server>> = old.map(|old| old.servers.clone()).unwrap_or_default();
        let servers = spec.servers.iter().map(|server| {
            let reach = Reach::new(&spec, server);
            match kept.iter().position(|known| known.reach == reach) {
                Some(index) => kept.swap_remove(index),
                None => Arc::new(Server::new(reach, Arc::clone(&self.resolver), &self.roots)),
            }
        });
        let servers = servers.collect();
        Arc::new(Group::new(spec, servers))
    }

    /// The state of every group, in the order of their names.
    #[must_use]
    pub fn observe(&self) -> Vec<GroupState> {
        let now = Instant::now();
        let groups = self.groups.load();
        let mut states: Vec<_> = groups.values().map(|group| observe(group, now)).collect();
        states.sort_by(|a, b| a.name.cmp(&b.name));
        states
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn group(&self, name: &str) -> Option<Arc<Group>> {
        self.groups.load().get(name).map(Arc::clone)
    }
}

impl Drop for Upstreams {
    fn drop(&mut self) {
        for group in self.groups.load().values() {
            group.stop();
        }
    }
}

fn observe(group: &Group, now: Instant) -> GroupState {
    let servers = group
        .servers
        .iter()
        .zip(&group.spec.servers)
        .map(|(server, spec)| ServerState {
            server: Arc::clone(&server.label),
            weight: spec.weight,
            condition: if server.is_unhealthy() {
                ServerCondition::Unhealthy
            } else if server.is_ejected(now) {
                ServerCondition::Ejected
            } else {
                ServerCondition::Up
            },
            outstanding: server.load.outstanding.load(Ordering::Relaxed),
            connections: server.load.connections.load(Ordering::Relaxed),
            requests: server.load.requests.load(Ordering::Relaxed),
            failures: server.load.failures.load(Ordering::Relaxed),
            tls_error: server
                .tls
                .as_ref()
                .and_then(|tls| tls.as_ref().err().cloned()),
        });
    GroupState {
        name: group.spec.name.clone(),
        servers: servers.collect(),
    }
}
