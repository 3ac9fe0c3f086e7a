//! A random model of nodes, leaders and messages around the real rules; `busy` has what a cluster
//! that loses nothing lets in.
//!
//! What is checked after every step: the shares that nodes let requests in by are together at most
//! the whole, and every request that was let in anywhere is one that a single bucket of the whole
//! limit would have let in, its rate a thousandth higher. That is the bound `b + r * t * 1.001`
//! over every interval at once.

mod busy;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tollgate_config::cells::{BucketId, TokenBucket, WHOLE};
use tollgate_model::Throttle;
use tollgate_protocol::{Clock, Millis, Rate};
use tollgate_state::NodeId;

use super::Rates;
use super::grantor::View;
use super::wire::{Answer, Beat};
use crate::faults::Bug;
use crate::tests::plant;

const MS: u64 = 1_000;
const STEP_US: u64 = 2 * MS;
/// Runs of sixteen seconds each.
const SEEDS: u64 = 60;

struct Script(AtomicU64);

impl Clock for Script {
    fn now(&self) -> Millis {
        Millis(0)
    }

    fn monotonic_us(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, below: u64) -> u64 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A limit of the model, and the one bucket that it promises.
struct Limit {
    id: BucketId,
    throttle: Throttle,
    /// In millionths of a token.
    level: u128,
    admitted: u64,
}

impl Limit {
    fn new(name: &str, burst: u32, rate: u64) -> Self {
        Self {
            id: BucketId::Key("plan".into(), name.into()),
            throttle: Throttle {
                burst_limit: burst,
                rate_limit: Rate::from_micros(rate * 1_000_000),
            },
            level: u128::from(burst) * 1_000_000,
            admitted: 0,
        }
    }

    /// The time goes on; a thousandth faster for the rate.
    fn refill(&mut self) {
        let micros = u128::from(self.throttle.rate_limit.micros());
        // Rounded up.
        self.level += (micros * u128::from(STEP_US) * 1001).div_ceil(1_000_000_000);
        let burst = u128::from(self.throttle.burst_limit) * 1_000_000;
        self.level = self.level.min(burst);
    }

    fn admit(&mut self) -> Result<(), String> {
        self.admitted += 1;
        match self.level.checked_sub(1_000_000) {
            Some(level) => self.level = level,
            None => return Err(format!("one too many of {:?}", self.id)),
        }
        Ok(())
    }
}

struct Node {
    rates: Rates,
    clock: Arc<Script>,
    /// Its clock at the beginning, and parts in a million by which it is fast.
    offset: u64,
    fast: u64,
    incarnation: u32,
    buckets: Vec<Arc<TokenBucket>>,
    term: u64,
    /// Who it believes leads in its term.
    leader: Option<NodeId>,
    leads: Option<u64>,
    nodes: usize,
    next_beat: u64,
}

enum Message {
    Beat(Beat),
    Answer(u64, Answer),
}

struct Flight {
    at: u64,
    from: usize,
    to: usize,
    message: Message,
}

struct Model {
    now: u64,
    nodes: Vec<Node>,
    limits: Vec<Limit>,
    flights: Vec<Flight>,
    dice: Dice,
    /// Nodes in the table, as its newest version says.
    table: usize,
    /// Of a hundred.
    lost: u64,
    cut: Option<usize>,
}

fn id(at: usize) -> NodeId {
    at as NodeId + 1
}

fn place(node: NodeId) -> usize {
    usize::try_from(node).unwrap() - 1
}

impl Model {
    fn new(seed: u64, count: usize, limits: Vec<Limit>) -> Self {
        let mut model = Self {
            now: 0,
            nodes: Vec::new(),
            limits,
            flights: Vec::new(),
            dice: Dice(seed),
            table: count,
            lost: 0,
            cut: None,
        };
        for at in 0..count {
            let node = model.life(at, 1, count);
            model.nodes.push(node);
        }
        model.elect(0, &(0..count).collect::<Vec<_>>());
        model
    }

    fn life(&mut self, at: usize, incarnation: u32, nodes: usize) -> Node {
        let (offset, fast) = (self.dice.below(1 << 40), self.dice.below(900));
        let clock = Arc::new(Script(AtomicU64::new(offset + self.now)));
        let rates = Rates::new(
            id(at),
            incarnation,
            Arc::<Script>::clone(&clock) as Arc<dyn Clock>,
        );
        let mut node = Node {
            rates,
            clock,
            offset: offset.wrapping_sub(self.now * fast / 1_000_000),
            fast,
            incarnation,
            buckets: Vec::new(),
            term: 0,
            leader: None,
            leads: None,
            nodes,
            next_beat: 0,
        };
        let bucket = |limit: &Limit| node.rates.bucket(&limit.id, limit.throttle);
        node.buckets = self.limits.iter().map(bucket).collect();
        node.rates.begin();
        node
    }

    fn view(&self, at: usize) -> View {
        let nodes = (0..self.nodes[at].nodes).map(id).collect();
        View {
            me: id(at),
            leads: self.nodes[at].leads,
            voters: vec![(0..self.table.min(3)).map(id).collect()],
            nodes,
        }
    }

    /// A majority of the voters makes a node the leader of a new term.
    fn elect(&mut self, leader: usize, by: &[usize]) {
        let term = self.nodes.iter().map(|it| it.term).max().unwrap_or(0) + 1;
        for at in by {
            let node = &mut self.nodes[*at];
            (node.term, node.leader, node.leads) = (term, None, None);
        }
        self.nodes[leader].leads = Some(term);
        self.nodes[leader].leader = Some(id(leader));
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        let cut = self.cut.is_some_and(|it| (it == from) != (it == to));
        if cut || self.dice.chance(self.lost) {
            return;
        }
        let slow = if self.dice.chance(5) { 1_500 } else { 20 };
        let at = self.now + MS + self.dice.below(slow * MS);
        self.flights.push(Flight {
            at,
            from,
            to,
            message,
        });
    }

    fn beat(&mut self, at: usize) {
        let Some(leader) = self.nodes[at].leader.map(place) else {
            return;
        };
        if leader == at {
            self.nodes[at].rates.beat_oneself(&self.view(at));
        } else {
            let (rates, term) = (&self.nodes[at].rates, self.nodes[at].term);
            rates.sync(&self.view(at).nodes);
            if let Some(beat) = rates.beat(id(leader), term) {
                self.send(at, leader, Message::Beat(beat));
            }
        }
        let pause = self.nodes[at].rates.pause_us();
        self.nodes[at].next_beat = self.now + pause;
    }

    fn deliver(&mut self, flight: Flight) {
        let Flight {
            from, to, message, ..
        } = flight;
        match message {
            Message::Beat(beat) => {
                let (view, term) = (self.view(to), beat.term);
                self.nodes[to].rates.beat_oneself_if_due(&view);
                let answer = self.nodes[to].rates.serve(&view, id(from), &beat);
                self.send(to, from, Message::Answer(term, answer));
            }
            Message::Answer(term, answer) => {
                self.nodes[to].rates.take_in((id(from), term), answer);
            }
        }
    }

    fn step(&mut self) -> Result<(), String> {
        self.now += STEP_US;
        for node in &self.nodes {
            let now = node
                .offset
                .wrapping_add(self.now + self.now * node.fast / 1_000_000);
            node.clock.0.store(now, Ordering::Relaxed);
        }
        self.limits.iter_mut().for_each(Limit::refill);
        let due = self.flights.iter().position(|it| it.at <= self.now);
        if let Some(due) = due {
            let flight = self.flights.swap_remove(due);
            self.deliver(flight);
        }
        for at in 0..self.nodes.len() {
            if self.nodes[at].next_beat <= self.now {
                self.beat(at);
            }
        }
        self.check()
    }

    /// So many requests come to a node for a limit.
    fn ask(&mut self, at: usize, limit: usize, times: u64) -> Result<u64, String> {
        let (node, limits) = (&self.nodes[at], &mut self.limits[limit]);
        let mut admitted = 0;
        for _ in 0..times {
            if node.buckets[limit]
                .try_take(node.clock.monotonic_us())
                .is_ok()
            {
                admitted += 1;
                limits.admit()?;
            }
        }
        Ok(admitted)
    }

    fn check(&self) -> Result<(), String> {
        for (at, limit) in self.limits.iter().enumerate() {
            // A share that holds no whole token lets nothing in.
            let burst = u64::from(limit.throttle.burst_limit);
            let counts = |share: &u16| u64::from(*share) * burst >= u64::from(WHOLE);
            let shares = self.nodes.iter().map(|it| it.share(at));
            let shares: Vec<u16> = shares.filter(counts).collect();
            if shares.iter().map(|it| u32::from(*it)).sum::<u32>() > WHOLE.into() {
                return Err(format!("{:?}: shares {shares:?}", limit.id));
            }
        }
        Ok(())
    }

    fn disturb(&mut self) {
        let at = self.dice.below(self.nodes.len() as u64) as usize;
        match self.dice.below(7) {
            0 => self.lost = self.dice.below(60),
            1 => self.cut = Some(at),
            2 | 3 => self.cut = None,
            4 => {
                // Any two of the three voters do. The one before may go on believing.
                let voters = self.table.min(3) as u64;
                let one = self.dice.below(voters) as usize;
                let other = (one + 1 + self.dice.below(voters - 1) as usize) % voters as usize;
                self.elect(one, &[one, other]);
            }
            5 => {
                let (term, leads) = (self.nodes[at].term, self.nodes[at].leads);
                let incarnation = self.nodes[at].incarnation + 1;
                let mut node = self.life(at, incarnation, self.nodes[at].nodes);
                // Consensus remembers its vote, and who led may lead on.
                (node.term, node.leads) = (term, leads);
                node.leader = leads.map(|_| id(at));
                self.nodes[at] = node;
            }
            _ => self.hear_of_leaders(),
        }
    }

    /// Everybody that is not cut off hears who leads.
    fn hear_of_leaders(&mut self) {
        let leaders = self.nodes.iter().enumerate();
        let newest = leaders.filter_map(|(at, it)| Some((it.leads?, at))).max();
        let Some((term, leader)) = newest else { return };
        if self.cut == Some(leader) {
            return;
        }
        for at in 0..self.nodes.len() {
            if self.nodes[at].term <= term && self.cut != Some(at) {
                self.nodes[at].term = term;
                self.nodes[at].leader = Some(id(leader));
                if at != leader {
                    self.nodes[at].leads = None;
                }
            }
        }
    }
}

impl Node {
    /// What requests are let in by now.
    fn share(&self, limit: usize) -> u16 {
        let bucket = &self.buckets[limit];
        // A request that is refused or let in does what has to be done at the end of a tenure; this
        // one is none.
        bucket.share_at(self.clock.monotonic_us())
    }
}

fn limits() -> Vec<Limit> {
    vec![
        Limit::new("wide", 100, 200),
        Limit::new("narrow", 5, 40),
        Limit::new("single", 1, 10),
        Limit::new("pair", 2, 7),
    ]
}

/// A run in which everything goes wrong; says what was broken.
fn wild(seed: u64) -> Result<u64, String> {
    let count = 2 + (seed % 4) as usize;
    let mut model = Model::new(seed, count, limits());
    let mut hot = 0;
    for step in 0..8_000 {
        if model.dice.chance(1) && model.dice.chance(60) {
            model.disturb();
        }
        if step % 400 == 0 {
            model.hear_of_leaders();
            hot = model.dice.below(count as u64) as usize;
        }
        for limit in 0..model.limits.len() {
            let anywhere = model.dice.below(count as u64) as usize;
            let at = if model.dice.chance(70) { hot } else { anywhere };
            let times = model.dice.below(4);
            model.ask(at, limit, times)?;
        }
        model.step()?;
    }
    Ok(model.limits.iter().map(|it| it.admitted).sum())
}

#[test]
fn shares_are_never_more_than_the_whole_whatever_happens() {
    let mut admitted = 0;
    for seed in 0..SEEDS {
        admitted += wild(seed).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
    }
    assert!(admitted > SEEDS * 1_000, "{admitted}");
}

#[test]
fn a_new_leader_that_does_not_wait_is_found() {
    plant(Some(Bug::SharesWithoutWait));
    let found = (0..200).find_map(|seed| wild(seed).err());
    plant(None);
    assert!(found.is_some());
}
