//! What goes wrong in a simulation, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use tollgate_state::{Command, NodeId};
use turmoil::Sim;

use super::host::{admission, name};
use super::random::Random;
use super::wire;
use super::world::{Order, World};
use crate::tests::quota::configuration;

/// The slowest flush of a slow disk: two leader leases.
const FLUSH_MS_MAX: u64 = 1_500;
/// The longest that a crashed machine stays away.
const AWAY_MS_MAX: u64 = 4_000;

/// Everything that can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Cut,
    CutOneWay,
    Isolate,
    Bridge,
    Hold,
    Slow,
    Heal,
    Crash,
    CrashAll,
    SlowDisk,
    FailedDisk,
    ClockStep,
    Join,
    Remove,
    Leave,
    Snapshot,
    Limit,
    HandOver,
}

const FAULTS: [Fault; 20] = [
    Fault::Cut,
    Fault::CutOneWay,
    Fault::Isolate,
    Fault::Bridge,
    Fault::Hold,
    Fault::Slow,
    Fault::Heal,
    Fault::Heal,
    Fault::Crash,
    Fault::Crash,
    Fault::CrashAll,
    Fault::SlowDisk,
    Fault::FailedDisk,
    Fault::ClockStep,
    Fault::Join,
    Fault::Remove,
    Fault::Leave,
    Fault::Snapshot,
    Fault::Limit,
    Fault::HandOver,
];

/// Breaks things, and mends them.
pub(super) struct Chaos {
    random: Random,
    next: Duration,
    away: BTreeMap<NodeId, Duration>,
    held: BTreeSet<(NodeId, NodeId)>,
    orders: u64,
    /// Somebody was told to leave, which may take a while.
    leaves: bool,
    /// What this seed has.
    menu: Vec<Fault>,
    /// Whether windows and limits stay what they were.
    pub(super) steady: bool,
}

impl Chaos {
    /// A seed has most faults, not all: some bugs need the absence of others.
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 1);
        let menu = FAULTS.into_iter().filter(|_| random.chance(60)).collect();
        Self {
            random,
            next: Duration::ZERO,
            away: BTreeMap::new(),
            held: BTreeSet::new(),
            orders: 0,
            leaves: false,
            menu,
            steady: true,
        }
    }

    /// Machines that came back from a crash, and the next fault when it is time.
    pub(super) fn step(&mut self, sim: &mut Sim<'_>, world: &World) {
        let now = world.elapsed();
        let back: Vec<NodeId> = self
            .away
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(node, _)| *node)
            .collect();
        for node in back {
            self.away.remove(&node);
            start(node, sim, world);
        }
        if now < self.next || self.menu.is_empty() {
            return;
        }
        self.next = now + self.random.millis(100, 2_500);
        let fault = self.random.pick(&self.menu);
        world.oracle().note(&[6, fault as u64]);
        self.carry_out(fault, sim, world);
    }

    fn carry_out(&mut self, fault: Fault, sim: &mut Sim<'_>, world: &World) {
        let nodes: Vec<NodeId> = world.shared().admitted.iter().copied().collect();
        let one = self.random.pick(&nodes);
        let other = self.random.pick(&nodes);
        let others = || nodes.iter().filter(|it| **it != one);
        match fault {
            Fault::Cut if one != other => sim.partition(name(one), name(other)),
            Fault::CutOneWay if one != other => sim.partition_oneway(name(one), name(other)),
            Fault::Isolate => others().for_each(|it| sim.partition(name(one), name(*it))),
            // One node sees all; the others see only it.
            Fault::Bridge => {
                for a in others() {
                    for b in others().filter(|b| *b > a) {
                        sim.partition(name(*a), name(*b));
                    }
                }
            }
            Fault::Hold if one != other => {
                self.held.insert((one, other));
                sim.hold(name(one), name(other));
            }
            Fault::Slow if one != other => {
                let most = self.random.millis(50, 400);
                sim.set_link_max_message_latency(name(one), name(other), most);
            }
            Fault::Heal => self.heal(sim, world),
            Fault::Crash => self.crash(one, sim, world),
            Fault::CrashAll => nodes.iter().for_each(|it| self.crash(*it, sim, world)),
            Fault::SlowDisk => {
                let most = self.random.below(FLUSH_MS_MAX);
                world.machines[&one].flush_ms.store(most, Ordering::Relaxed);
            }
            // Its next flush fails, and the node ends; somebody starts it again.
            Fault::FailedDisk if !self.away.contains_key(&one) => {
                let until = world.elapsed() + self.random.millis(2_000, AWAY_MS_MAX);
                self.away.insert(one, until);
                world.machines[&one].fails.store(true, Ordering::Relaxed);
            }
            Fault::ClockStep => self.step_clock(one, world),
            Fault::Leave => self.leave(one, world),
            Fault::Join | Fault::Remove => self.membership(fault, one, world),
            // Whoever leads is among them.
            Fault::HandOver => {
                for node in &nodes {
                    world.order(*node, Order::HandOver);
                }
            }
            Fault::Snapshot => world.order(one, Order::Snapshot),
            Fault::Limit => self.change_limit(one, world),
            Fault::Cut | Fault::CutOneWay | Fault::Hold | Fault::Slow | Fault::FailedDisk => {}
        }
    }

    fn crash(&mut self, node: NodeId, sim: &mut Sim<'_>, world: &World) {
        let until = world.elapsed() + self.random.millis(50, AWAY_MS_MAX);
        if self.away.insert(node, until).is_some() {
            return;
        }
        lose(node, world);
        wire::crash(sim, name(node));
    }

    fn step_clock(&mut self, node: NodeId, world: &World) {
        const HOUR: i64 = 3_600_000;
        let steps = [-HOUR, -5_000, -300, 0, 300, 5_000, HOUR, 24 * HOUR];
        let step = self.random.pick(&steps);
        self.steady = false;
        let clock = &world.machines[&node].clock;
        clock.error_ms.store(step, Ordering::Relaxed);
    }

    fn membership(&mut self, fault: Fault, through: NodeId, world: &World) {
        let shared = world.shared();
        let next = shared.admitted.len() as u64 + 1;
        let stay = shared.admitted.difference(&shared.removed).count() - usize::from(self.leaves);
        let gone = self
            .random
            .pick(&shared.admitted.iter().copied().collect::<Vec<_>>());
        drop(shared);
        let command = match fault {
            Fault::Join if world.machines.contains_key(&next) => admission(next),
            // Fewer would mean that two crashes lose the cluster for good.
            Fault::Remove if stay > 3 => Command::RemoveNode {
                node: gone,
                who: "root".into(),
            },
            _ => return,
        };
        self.steady &= fault == Fault::Join;
        self.propose(through, command, world);
    }

    /// Once in a run: a node that was told to may still be about it when the next fault comes.
    fn leave(&mut self, node: NodeId, world: &World) {
        let shared = world.shared();
        let stay = shared.admitted.difference(&shared.removed).count();
        let belongs = !shared.removed.contains(&node);
        drop(shared);
        if stay > 3 && belongs && !self.leaves {
            (self.leaves, self.steady) = (true, false);
            world.order(node, Order::Leave);
        }
    }

    fn change_limit(&mut self, through: NodeId, world: &World) {
        let limit = self.random.below(2 * world.limit + 2);
        let mut oracle = world.oracle();
        oracle.ceiling = oracle.ceiling.max(limit);
        drop(oracle);
        self.steady = false;
        self.orders += 1;
        let Command::Configure {
            expected,
            rests_on,
            changes,
            ..
        } = configuration(limit)
        else {
            return;
        };
        let command = Command::Configure {
            expected,
            rests_on,
            changes,
            who: format!("limit {}", self.orders),
        };
        self.propose(through, command, world);
    }

    fn propose(&mut self, through: NodeId, command: Command, world: &World) {
        self.orders += 1;
        let id = World::name(3, self.orders);
        world.order(through, Order::Propose(Box::new(command), id));
    }

    /// Mends the network, the disks and the clocks.
    fn heal(&mut self, sim: &mut Sim<'_>, world: &World) {
        for (one, other) in std::mem::take(&mut self.held) {
            sim.release(name(one), name(other));
        }
        let nodes: Vec<NodeId> = world.machines.keys().copied().collect();
        for one in &nodes {
            for other in nodes.iter().filter(|it| *it > one) {
                sim.repair(name(*one), name(*other));
                let most = super::LATENCY_MS_MAX;
                let most = Duration::from_millis(most);
                sim.set_link_max_message_latency(name(*one), name(*other), most);
            }
        }
        for machine in world.machines.values() {
            machine.flush_ms.store(0, Ordering::Relaxed);
        }
    }

    /// Machines that are away.
    pub(super) fn away(&self) -> Vec<NodeId> {
        self.away.keys().copied().collect()
    }

    /// Mends everything, and brings every machine back.
    pub(super) fn end(&mut self, sim: &mut Sim<'_>, world: &World) {
        self.heal(sim, world);
        for node in std::mem::take(&mut self.away).into_keys() {
            start(node, sim, world);
        }
    }
}

/// A life ends without giving anything back.
fn lose(node: NodeId, world: &World) {
    let mut shared = world.shared();
    shared.live.remove(&node);
    shared.orders.remove(&node);
    shared.refusing.remove(&node);
    drop(shared);
    world.oracle().lost_lives += 1;
}

/// Starts a machine that crashed, or whose disk was to fail: what still runs there ends.
fn start(node: NodeId, sim: &mut Sim<'_>, world: &World) {
    let machine = &world.machines[&node];
    let was_to_fail = machine.fails.swap(false, Ordering::Relaxed);
    let failed = machine.failed.swap(false, Ordering::Relaxed);
    if was_to_fail || failed {
        lose(node, world);
    }
    wire::bounce(sim, name(node));
}
