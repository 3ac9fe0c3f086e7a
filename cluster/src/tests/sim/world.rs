//! What all nodes of a simulation share with the one who runs it: clocks, disks, orders, and what
//! was seen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tempfile::TempDir;
use tollgate_model::Throttle;
use tollgate_protocol::{Clock, Millis};
use tollgate_state::{Command, NodeId, ProposalId};

use super::Memory;
use super::oracle::Oracle;
use super::rate::Bound;
use crate::Door;
use crate::raft::disk::lock;

/// One simulation.
pub(super) struct World {
    pub(super) seed: u64,
    /// Nodes that found the cluster together.
    pub(super) first_nodes: u64,
    pub(super) voters_max: usize,
    pub(super) limit: u64,
    /// The rate of some seeds.
    pub(super) rate: Option<Throttle>,
    pub(super) began: Millis,
    pub(super) elapsed_ms: Arc<AtomicU64>,
    pub(super) machines: BTreeMap<NodeId, Machine>,
    pub(super) oracle: Arc<Mutex<Oracle>>,
    shared: Mutex<Shared>,
}

/// What outlives a node's crash.
pub(super) struct Machine {
    dir: TempDir,
    /// The log, where it is not in a file.
    pub(super) memory: Option<Memory>,
    pub(super) clock: Arc<Skewed>,
    /// Milliseconds that a flush takes at most.
    pub(super) flush_ms: Arc<AtomicU64>,
    /// Whether the next flush fails, and whether one has failed in the node's present life.
    pub(super) fails: Arc<AtomicBool>,
    pub(super) failed: Arc<AtomicBool>,
}

/// A node that runs.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) door: Door,
    /// Whether it said that it lives, and the cluster heard it.
    pub(super) up: bool,
}

/// What a node is told to do.
pub(super) enum Order {
    Propose(Box<Command>, ProposalId),
    Snapshot,
    HandOver,
    /// Leave the cluster.
    Leave,
}

/// A change whose outcome nobody knows.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) id: ProposalId,
    pub(super) tag: String,
    pub(super) floor: u64,
}

#[derive(Default)]
pub(super) struct Shared {
    pub(super) live: BTreeMap<NodeId, Live>,
    /// Nodes that were let in, and those removed.
    pub(super) admitted: BTreeSet<NodeId>,
    pub(super) removed: BTreeSet<NodeId>,
    /// Nodes that serve nobody any more, because they leave.
    pub(super) leaving: BTreeSet<NodeId>,
    pub(super) orders: BTreeMap<NodeId, VecDeque<Order>>,
    pub(super) pending: Vec<Pending>,
    pub(super) done: Vec<Pending>,
    pub(super) writes: u64,
    /// Nodes whose last request was told that the quota is used up.
    pub(super) refusing: BTreeSet<NodeId>,
    /// Whether changes and requests still come.
    pub(super) changes: bool,
    pub(super) requests: bool,
}

/// The simulation's time, with this machine's error.
#[derive(Debug)]
pub(super) struct Skewed {
    began: Millis,
    elapsed_ms: Arc<AtomicU64>,
    pub(super) error_ms: AtomicI64,
}

impl Clock for Skewed {
    fn now(&self) -> Millis {
        let error = self.error_ms.load(Ordering::Relaxed);
        let right = self.began.0 + self.elapsed_ms.load(Ordering::Relaxed);
        Millis(right.saturating_add_signed(error))
    }

    fn monotonic_us(&self) -> u64 {
        self.elapsed_ms.load(Ordering::Relaxed) * 1000
    }
}

impl World {
    pub(super) fn new(
        (seed, files): (u64, bool),
        (first_nodes, all_nodes): (u64, u64),
        voters_max: usize,
        (limit, rate): (u64, Option<Throttle>),
        began: Millis,
    ) -> Arc<Self> {
        let elapsed_ms = Arc::new(AtomicU64::new(0));
        let machine = |_| Machine {
            dir: tempfile::tempdir_in("/dev/shm")
                .or_else(|_| tempfile::tempdir())
                .unwrap(),
            memory: (!files).then(Memory::default),
            clock: Arc::new(Skewed {
                began,
                elapsed_ms: Arc::clone(&elapsed_ms),
                error_ms: AtomicI64::new(0),
            }),
            flush_ms: Arc::default(),
            fails: Arc::default(),
            failed: Arc::default(),
        };
        let machines = (1..=all_nodes).map(|node| (node, machine(node))).collect();
        let mut oracle = Oracle::default();
        oracle.ceiling = limit;
        oracle.rate = rate.map(Bound::new);
        let shared = Shared {
            admitted: BTreeSet::from([1]),
            changes: true,
            requests: true,
            ..Shared::default()
        };
        Arc::new(Self {
            seed,
            first_nodes,
            voters_max,
            limit,
            rate,
            began,
            elapsed_ms,
            machines,
            oracle: Arc::new(Mutex::new(oracle)),
            shared: Mutex::new(shared),
        })
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }

    pub(super) fn oracle(&self) -> MutexGuard<'_, Oracle> {
        lock(&self.oracle)
    }

    pub(super) fn dir(&self, node: NodeId) -> PathBuf {
        self.machines[&node].dir.path().to_owned()
    }

    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Ordering::Relaxed))
    }

    /// A name for a proposal of the simulation.
    pub(super) fn name(kind: u8, count: u64) -> ProposalId {
        let mut name = [0xff; 16];
        name[0] = kind;
        name[8..].copy_from_slice(&count.to_le_bytes());
        ProposalId(name)
    }

    /// Leaves an order for a node; a node that crashes forgets its orders.
    pub(super) fn order(&self, node: NodeId, order: Order) {
        self.shared()
            .orders
            .entry(node)
            .or_default()
            .push_back(order);
    }
}
