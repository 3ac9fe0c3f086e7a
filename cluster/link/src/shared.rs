//! What the tasks of one node's links have in common.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;
use tollgate_protocol::ids::NodeId;

use crate::Pin;
use crate::accepted::Accepted;
use crate::closing::Closing;
use crate::contact::Contacts;
use crate::dial::Dialled;
use crate::handler::{Handler, Lane};
use crate::jitter::Jitter;
use crate::limits::{
    GREETINGS_MAX, GREETINGS_PER_ADDRESS_MAX, JOINERS_BURST, JOINERS_MAX, JOINERS_PER_SECOND,
};
use crate::name::Member;
use crate::net::Net;
use crate::nodes::Nodes;
use crate::strangers::Strangers;
use crate::tls::Identity;

/// How this node proves who it is. Only [`crate::net::Simulated`] networks get the second.
#[derive(Clone)]
pub(crate) enum Guard {
    Tls(Identity),
    /// Everybody is believed.
    Claimed(Member),
}

impl Guard {
    pub(crate) fn member(&self) -> Member {
        match self {
            Self::Tls(identity) => identity.member(),
            Self::Claimed(member) => *member,
        }
    }
}

/// The lanes of callers, with the key that each proved to have where there is TLS.
pub(crate) type AcceptedLanes = BTreeMap<(NodeId, Lane), (Arc<Accepted>, Option<Pin>)>;

/// See the module. Locks are held for a few instructions and never across an await.
pub(crate) struct Shared<N: Net> {
    pub(crate) net: N,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) join_kind: Option<u8>,
    pub(crate) contacts: Arc<Contacts>,
    pub(crate) lanes: Mutex<BTreeMap<(NodeId, Lane), Arc<Dialled>>>,
    pub(crate) accepted: Mutex<AcceptedLanes>,
    guard: RwLock<Guard>,
    nodes: Mutex<Nodes>,
    pub(crate) strangers: Strangers,
    jitter: Mutex<Jitter>,
    lobby: Mutex<Lobby>,
    pub(crate) closing: Closing,
}

/// What one joiner takes of the allowance.
const JOINER_COST: Duration = Duration::from_nanos(1_000_000_000 / JOINERS_PER_SECOND as u64);

/// Who is not known yet.
struct Lobby {
    greeting: BTreeMap<IpAddr, usize>,
    joiners: usize,
    /// A token bucket of time, each joiner costing its share of a second: no rounding, which a
    /// flood of attempts could turn into no refill.
    allowance: Duration,
    filled: Instant,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<N: Net> Shared<N> {
    pub(crate) fn new(
        net: N,
        guard: Guard,
        handler: Arc<dyn Handler>,
        join_kind: Option<u8>,
        seed: u64,
    ) -> Self {
        Self {
            net,
            handler,
            join_kind,
            contacts: Arc::default(),
            lanes: Mutex::default(),
            accepted: Mutex::default(),
            guard: RwLock::new(guard),
            nodes: Mutex::default(),
            strangers: Strangers::default(),
            jitter: Mutex::new(Jitter::new(seed)),
            lobby: Mutex::new(Lobby {
                greeting: BTreeMap::new(),
                joiners: 0,
                allowance: JOINER_COST * JOINERS_BURST,
                filled: Instant::now(),
            }),
            closing: Closing::new(),
        }
    }

    pub(crate) fn guard(&self) -> Guard {
        self.guard
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set_guard(&self, guard: Guard) {
        *self.guard.write().unwrap_or_else(PoisonError::into_inner) = guard;
    }

    pub(crate) fn with_nodes<T>(&self, read: impl FnOnce(&Nodes) -> T) -> T {
        read(&lock(&self.nodes))
    }

    /// Replaces who is a member, and returns what was said before.
    pub(crate) fn set_nodes(&self, nodes: Nodes) -> Nodes {
        std::mem::replace(&mut *lock(&self.nodes), nodes)
    }

    pub(crate) fn pause(&self, failures: u32) -> Duration {
        lock(&self.jitter).pause(failures)
    }

    /// A place for a connection that has not said who it is.
    pub(crate) fn enter(self: &Arc<Self>, from: IpAddr) -> Option<Greeting<N>> {
        let mut lobby = lock(&self.lobby);
        let all: usize = lobby.greeting.values().sum();
        let here = lobby.greeting.get(&from).copied().unwrap_or_default();
        if all >= GREETINGS_MAX || here >= GREETINGS_PER_ADDRESS_MAX {
            return None;
        }
        lobby.greeting.insert(from, here + 1);
        Some(Greeting {
            shared: Arc::clone(self),
            from,
        })
    }

    /// A place for a joiner.
    pub(crate) fn admit_joiner(self: &Arc<Self>, now: Instant) -> Option<Joining<N>> {
        let mut lobby = lock(&self.lobby);
        let passed = now.saturating_duration_since(lobby.filled);
        let full = JOINER_COST * JOINERS_BURST;
        lobby.filled = now;
        lobby.allowance = lobby.allowance.saturating_add(passed).min(full);
        if lobby.joiners >= JOINERS_MAX || lobby.allowance < JOINER_COST {
            return None;
        }
        lobby.allowance -= JOINER_COST;
        lobby.joiners += 1;
        Some(Joining(Arc::clone(self)))
    }
}

/// The place of a connection that has not said who it is; given back when dropped.
pub(crate) struct Greeting<N: Net> {
    shared: Arc<Shared<N>>,
    from: IpAddr,
}

impl<N: Net> Drop for Greeting<N> {
    fn drop(&mut self) {
        let mut lobby = lock(&self.shared.lobby);
        if let Some(here) = lobby.greeting.get_mut(&self.from) {
            *here -= 1;
            if *here == 0 {
                lobby.greeting.remove(&self.from);
            }
        }
    }
}

/// The place of a joiner; given back when dropped.
pub(crate) struct Joining<N: Net>(Arc<Shared<N>>);

impl<N: Net> Drop for Joining<N> {
    fn drop(&mut self) {
        lock(&self.0.lobby).joiners -= 1;
    }
}
