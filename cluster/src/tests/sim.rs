//! Whole clusters in one thread, on a network that is cut, delayed and healed, with disks that are
//! slow and machines that crash: faults, delays, clocks and elections by a seed.
//!
//! One seed replays one run, to the byte of every call between nodes: what waits for a value is
//! woken in order (`mark`), choices between events are `biased`, what a crash ends ends in order
//! (`wire`), and no thread, hash order or clock of this machine has a say.
//!
//! What runs is the product: consensus, log, store, links, proposer, autopilot and leases. Only the
//! network (`net`), the clock (`world`), the random numbers of consensus (`raft::runtime`) and the
//! thread of the disk (`raft::disk`) are simulated. `make prove` runs as many seeds as it is told.

mod chaos;
mod host;
mod memory;
mod net;
mod oracle;
mod quota;
mod random;
mod rate;
mod runs;
mod wire;
mod world;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openraft::ServerState;
use tollgate_protocol::Millis;
use tollgate_state::NodeId;
use turmoil::Sim;

use self::chaos::Chaos;
pub(crate) use self::memory::Memory;
use self::oracle::Oracle;
use self::random::Random;
use self::world::World;
use super::hub::NOON;
use crate::raft::disk::lock;
use crate::raft::{Entry, runtime};

const TICK_MS: u64 = 5;
const LATENCY_MS_MAX: u64 = 20;
/// How long a cluster takes to be founded and complete.
const FOUNDED_WITHIN: Duration = Duration::from_secs(20);
/// How long things go wrong.
const CHAOS: Duration = Duration::from_secs(12);
/// How long a healed cluster may take until every node writes again and no membership change is
/// left half-way.
const LIVE_WITHIN: Duration = Duration::from_secs(10);
/// How long the rest of a quota may take to be found and used up.
const DRAINED_WITHIN: Duration = Duration::from_secs(30);
/// After the last request: its report is on every node.
const QUIET: Duration = Duration::from_secs(3);

std::thread_local! {
    static WITNESS: RefCell<Option<Arc<Mutex<Oracle>>>> = const { RefCell::new(None) };
}

/// Makes an event a part of the run's digest.
fn note(event: &[u64]) {
    WITNESS.with_borrow(|it| {
        if let Some(oracle) = it {
            lock(oracle).note(event);
        }
    });
}

/// Called by the state machine for every entry; nothing outside a simulation.
pub(crate) fn applied(node: NodeId, entry: &Entry) {
    WITNESS.with_borrow(|it| {
        if let Some(oracle) = it {
            lock(oracle).applied(node, entry);
        }
    });
}

/// Called by the state machine for every snapshot that takes the place of entries.
pub(crate) fn installed(node: NodeId, index: u64) {
    WITNESS.with_borrow(|it| {
        if let Some(oracle) = it {
            lock(oracle).installed(node, index);
        }
    });
}

/// What a run without anything wrong amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Summary {
    trace: Vec<oracle::Event>,
    elections: u64,
    changes: u64,
    admitted: u64,
    /// By the rate.
    rated: u64,
    lost_lives: u64,
    simulated: Duration,
}

/// One run.
struct Run<'a> {
    sim: Sim<'a>,
    world: Arc<World>,
    chaos: Chaos,
    calm: bool,
}

/// One machine's log in so many is in a real file; see [`Memory`].
const FILES_EVERY: u64 = 20;

/// Runs a seed; says what was wrong, if anything.
fn run(seed: u64) -> Result<Summary, String> {
    run_with(seed, seed % FILES_EVERY == 1)
}

/// Runs a seed with logs in files or in memory. What happens is the same.
fn run_with(seed: u64, files: bool) -> Result<Summary, String> {
    runtime::seed(Some(seed));
    wire::begin();
    let mut random = Random::new(seed, 2);
    let world = world(seed, files, &mut random);
    WITNESS.set(Some(Arc::clone(&world.oracle)));
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_secs(600))
        .tick_duration(Duration::from_millis(TICK_MS))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(LATENCY_MS_MAX))
        .build();
    for node in world.machines.keys().copied() {
        let world = Arc::clone(&world);
        sim.host(host::name(node), move || {
            host::life(Arc::clone(&world), node)
        });
    }
    let run = Run {
        sim,
        world,
        chaos: Chaos::new(seed),
        // Without a fault a quota is used up to the last request.
        calm: seed.is_multiple_of(8),
    };
    let ended = run.whole();
    WITNESS.set(None);
    runtime::seed(None);
    ended.map_err(|wrong| format!("seed {seed}: {wrong}"))
}

/// What a seed's cluster is like.
fn world(seed: u64, files: bool, random: &mut Random) -> Arc<World> {
    let first_nodes = random.pick(&[3, 3, 3, 4, 5]);
    let all_nodes = first_nodes + random.below(2);
    let limit = random.pick(&[1, 2, 10, 100, 1_000]);
    let near_midnight = NOON.0 + Millis::DAY / 2 - 15_000;
    let began = if !seed.is_multiple_of(8) && random.chance(25) {
        Millis(near_midnight)
    } else {
        NOON
    };
    let voters_max = random.pick(&[3, 5]);
    World::new(
        (seed, files),
        (first_nodes, all_nodes),
        voters_max,
        (limit, rate::limit(random)),
        began,
    )
}

impl Run<'_> {
    fn whole(mut self) -> Result<Summary, String> {
        self.until(
            "the cluster is not complete",
            FOUNDED_WITHIN,
            Self::is_complete,
        )?;
        let chaos_ends = self.world.elapsed() + CHAOS;
        while self.world.elapsed() < chaos_ends {
            if !self.calm {
                let Self {
                    sim, world, chaos, ..
                } = &mut self;
                chaos.step(sim, world);
            }
            self.step()?;
        }
        self.chaos.end(&mut self.sim, &self.world);
        let newest = self.world.oracle().newest();
        self.until("liveness", LIVE_WITHIN, |run| run.is_live(newest))?;
        self.drain()?;
        let mut shared = self.world.shared();
        (shared.changes, shared.requests) = (false, false);
        drop(shared);
        self.during(QUIET)?;
        self.until("the nodes differ", LIVE_WITHIN, Self::agree)?;
        self.look_at_end();
        let mut oracle = self.world.oracle();
        if let Some(wrong) = oracle.wrong() {
            return Err(wrong.to_owned());
        }
        let (elections, changes) = oracle.counts();
        Ok(Summary {
            trace: oracle.take_trace(),
            elections,
            changes,
            admitted: oracle.admitted.values().sum(),
            rated: oracle.rate.as_ref().map_or(0, |rate| rate.admitted),
            lost_lives: oracle.lost_lives,
            simulated: self.world.elapsed(),
        })
    }

    /// One tick, and a look at every node.
    fn step(&mut self) -> Result<(), String> {
        self.world.elapsed_ms.fetch_add(TICK_MS, Ordering::Relaxed);
        self.sim
            .step()
            .map_err(|error| format!("a node ended: {error}"))?;
        let mut shared = self.world.shared();
        let live: Vec<_> = shared.live.values().cloned().collect();
        let mut oracle = self.world.oracle();
        for node in live {
            let metrics = node.door.raft.metrics().borrow().clone();
            let failed = &self.world.machines[&metrics.id].failed;
            if let Err(fatal) = &metrics.running_state
                && !failed.load(Ordering::Relaxed)
            {
                oracle.fail(format!("consensus ended: {fatal}"));
            }
            node.door.read(|state| {
                oracle.look(&metrics, state);
                for (id, known) in state.nodes() {
                    shared.admitted.insert(*id);
                    if known.removed.is_some() {
                        shared.removed.insert(*id);
                    }
                }
            });
        }
        match oracle.wrong() {
            Some(wrong) => Err(wrong.to_owned()),
            None => Ok(()),
        }
    }

    fn during(&mut self, time: Duration) -> Result<(), String> {
        let end = self.world.elapsed() + time;
        while self.world.elapsed() < end {
            self.step()?;
        }
        Ok(())
    }

    fn until(
        &mut self,
        what: &str,
        within: Duration,
        right: impl Fn(&Self) -> Result<(), String>,
    ) -> Result<(), String> {
        let end = self.world.elapsed() + within;
        loop {
            self.step()?;
            let Err(not_yet) = right(self) else {
                return Ok(());
            };
            if self.world.elapsed() >= end {
                let picture = self.picture();
                return Err(format!("{what} after {within:?}: {not_yet}; {picture}"));
            }
        }
    }

    /// How every node that runs sees the cluster, for whoever looks for a reason.
    fn picture(&self) -> String {
        let shared = self.world.shared();
        let mut picture = format!("away {:?}", self.chaos.away());
        for (node, live) in &shared.live {
            let metrics = live.door.raft.metrics().borrow().clone();
            let seen = format!(
                "; node {node}: {:?} of term {}, leader {:?}, entries {:?}, applied {:?}, \
                 replication {:?}, {:?}",
                metrics.state,
                metrics.current_term,
                metrics.current_leader,
                metrics.last_log_index,
                metrics.last_applied.map(|id| id.index),
                metrics.replication,
                metrics.running_state,
            );
            picture.push_str(&seen);
            if live.door.office.yielding.get() {
                picture.push_str(", hands over");
            }
        }
        picture
    }

    /// Nodes that belong to the cluster.
    fn belong(&self) -> BTreeSet<NodeId> {
        let shared = self.world.shared();
        shared
            .admitted
            .difference(&shared.removed)
            .copied()
            .collect()
    }

    /// Every node runs and is known to, and who should vote does.
    fn is_complete(&self) -> Result<(), String> {
        let shared = self.world.shared();
        if (shared.admitted.len() as u64) < self.world.first_nodes {
            return Err(format!("only {:?} were let in", shared.admitted));
        }
        drop(shared);
        self.votes()
    }

    /// Every node is up, has the same voters, who leads is one of them, and no membership change is
    /// half done.
    fn votes(&self) -> Result<(), String> {
        let belong = self.belong();
        let shared = self.world.shared();
        let odd = |count: usize| {
            if count.is_multiple_of(2) {
                count - 1
            } else {
                count
            }
        };
        let wanted = odd(belong.len()).min(self.world.voters_max);
        for node in &belong {
            let Some(live) = shared.live.get(node).filter(|it| it.up) else {
                return Err(format!("node {node} is not up"));
            };
            let metrics = live.door.raft.metrics().borrow().clone();
            let config = metrics.membership_config.membership().get_joint_config();
            if config.len() != 1 || config[0].len() != wanted || !config[0].is_subset(&belong) {
                return Err(format!(
                    "node {node} sees the voters {config:?} of {belong:?}"
                ));
            }
            if metrics.state == ServerState::Leader && !config[0].contains(node) {
                return Err(format!("node {node} leads and does not vote: {config:?}"));
            }
        }
        Ok(())
    }

    /// The cluster is whole, and a change that was begun after the healing is on every node.
    fn is_live(&self, newest: u64) -> Result<(), String> {
        self.votes()?;
        let acked = self.world.oracle().newest();
        if acked <= newest {
            return Err(format!("nothing was written after {newest}"));
        }
        let shared = self.world.shared();
        for node in self.world.machines.keys() {
            let revision = shared
                .live
                .get(node)
                .map(|it| it.door.read(|s| s.revision.0));
            if !shared.removed.contains(node) && revision.is_some_and(|it| it <= newest) {
                return Err(format!("node {node} is at {revision:?} of {newest}"));
            }
        }
        Ok(())
    }

    /// Requests go on until every node refuses: in a steady window all of the quota was let in,
    /// less what lost lives may have held.
    fn drain(&mut self) -> Result<(), String> {
        if !self.chaos.steady || self.world.began != NOON {
            return Ok(());
        }
        self.until("the quota is not used up", DRAINED_WITHIN, |run| {
            let belong = run.belong();
            let shared = run.world.shared();
            let waits = belong.iter().find(|it| !shared.refusing.contains(it));
            waits.map_or(Ok(()), |it| Err(format!("node {it} does not refuse")))
        })?;
        let limit = self.world.limit;
        let oracle = self.world.oracle();
        let admitted: u64 = oracle.admitted.values().sum();
        let stranded = oracle.lost_lives * (limit / 20).max(1);
        if admitted + stranded < limit {
            let lives = oracle.lost_lives;
            return Err(format!(
                "quota: {admitted} of {limit} let in with {lives} lives lost"
            ));
        }
        Ok(())
    }

    /// All nodes are at the same entry with the same state.
    fn agree(&self) -> Result<(), String> {
        let shared = self.world.shared();
        let belong = shared
            .live
            .iter()
            .filter(|(id, _)| !shared.removed.contains(id));
        let mut states = belong.map(|(id, live)| {
            let image = live.door.read(|state| state.snapshot().unwrap());
            (*id, live.door.members().applied, image)
        });
        let Some((_, index, image)) = states.next() else {
            return Err("no node runs".into());
        };
        for (node, at, other) in states {
            if at != index || other != image {
                return Err(format!("node {node} is at {at}, the first one at {index}"));
            }
        }
        Ok(())
    }

    fn look_at_end(&self) {
        let shared = self.world.shared();
        let mut oracle = self.world.oracle();
        for (node, live) in &shared.live {
            if !shared.removed.contains(node) {
                live.door.read(|state| oracle.end(*node, state));
            }
        }
    }
}
