//! Nodes that share one key's quota over a network that loses, repeats and reorders, and what must
//! be true of them after every step.
//!
//! The state is the real one; the holders do what `cluster`'s leases do, written down as plainly
//! as possible, so that their rules can be broken on purpose.

use tollgate_protocol::codec::{Decode, Encode};

use super::*;

/// Faults of a holder that tests plant; those of the state are [`crate::quota::Bug`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HolderBug {
    /// A repeated answer adds its grant again.
    GrantCountedTwice,
    /// Tokens are reported as given back while requests can still take them.
    ReturnedBeforeTaken,
    /// Nothing is forgotten when a key is reopened.
    DeafToReopening,
}

/// One node's books on the key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(super) struct Holder {
    pub(super) incarnation: u32,
    pub(super) removed: bool,
    pub(super) seq: u64,
    pub(super) lease: u32,
    pub(super) start: Option<Millis>,
    pub(super) granted: u64,
    pub(super) left: u64,
    pub(super) returned: u64,
    /// Requests that this lease let in, which only the oracle knows exactly.
    pub(super) admitted: u64,
    /// Told that nothing is left anywhere.
    pub(super) exhausted: bool,
    /// The batch that was the last one made when something came free.
    pub(super) reopened_in: u64,
    /// `returned` when the last batch was made.
    pub(super) sent_returned: u64,
    /// Reported as given back and not yet taken away, by a faulty holder.
    pub(super) owed: u64,
    pub(super) waiting: bool,
    pub(super) in_flight: Option<Vec<u8>>,
    pub(super) closing: Vec<(u32, Option<Millis>, u64, u64)>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(super) enum Message {
    /// A batch on its way to the log.
    Batch(Vec<u8>),
    /// An answer on its way back.
    Answer(NodeId, u32, u64, Vec<u8>),
    /// Advice to give back.
    Recall(NodeId),
    /// A node applies what reopened the key.
    Reopened(NodeId, u32),
}

#[derive(Clone)]
pub(super) struct World {
    pub(super) talk: Talk,
    pub(super) holders: Vec<Holder>,
    pub(super) net: Vec<Message>,
    pub(super) bug: Option<HolderBug>,
    /// Requests let in, by window.
    pub(super) admitted: BTreeMap<Millis, u64>,
    /// The highest cap of the current window.
    ceiling: u64,
    ceilings: BTreeMap<Millis, u64>,
    /// The fewest nodes that there were.
    fewest: u64,
    /// The leases as they were after the last step.
    before: BTreeMap<LeaseId, Lease>,
}

const BATCH: u8 = 90;

impl World {
    pub(super) fn new(nodes: usize, limit: u64) -> Self {
        let mut talk = Talk::new(limit);
        let mut holders = Vec::new();
        for node in 1..=nodes as u64 {
            if node > 1 {
                talk.boot(node, 1);
            }
            holders.push(Holder {
                incarnation: 1,
                lease: 1,
                ..Holder::default()
            });
        }
        Self {
            talk,
            holders,
            net: Vec::new(),
            bug: None,
            admitted: BTreeMap::new(),
            ceiling: limit,
            ceilings: BTreeMap::new(),
            fewest: nodes as u64,
            before: BTreeMap::new(),
        }
    }

    /// A node makes a batch out of what it has to say, wanting `want` tokens.
    pub(super) fn ask(&mut self, node: usize, tokens: u64) {
        let holder = &mut self.holders[node];
        if holder.in_flight.is_some() || holder.removed {
            return;
        }
        if holder
            .start
            .is_some_and(|it| it.day() != self.talk.at.day())
        {
            holder.renew();
        }
        let mut items: Vec<LeaseItem> = Vec::new();
        for (lease, start, used, returned) in holder.closing.drain(..) {
            items.push(LeaseItem {
                start,
                close: true,
                ..want(lease, used, returned, 0)
            });
        }
        holder.seq += 1;
        holder.sent_returned = holder.returned;
        items.push(LeaseItem {
            start: holder.start,
            waiting: u64::from(holder.waiting),
            ..want(holder.lease, holder.used(), holder.returned, tokens)
        });
        let batch = LeaseBatch {
            node: node as u64 + 1,
            incarnation: holder.incarnation,
            seq: holder.seq,
            items,
        };
        let bytes = tollgate_protocol::codec::seal(BATCH, &batch).unwrap();
        holder.in_flight = Some(bytes.clone());
        self.net.push(Message::Batch(bytes));
    }

    /// The same bytes again: the answer may be lost.
    pub(super) fn resend(&mut self, node: usize) {
        if let Some(bytes) = &self.holders[node].in_flight {
            self.net.push(Message::Batch(bytes.clone()));
        }
    }

    pub(super) fn deliver(&mut self, at: usize) {
        match self.net.remove(at) {
            Message::Batch(bytes) => self.commit(&bytes),
            Message::Answer(node, incarnation, seq, reply) => {
                let reply: Vec<LeaseReply> = tollgate_protocol::codec::open(BATCH, &reply).unwrap();
                let bug = self.bug;
                let holder = &mut self.holders[node as usize - 1];
                if holder.incarnation == incarnation {
                    holder.answer(seq, &reply, bug);
                }
            }
            Message::Recall(node) => {
                let bug = self.bug;
                self.holders[node as usize - 1].recall(bug);
            }
            Message::Reopened(node, incarnation) => {
                let holder = &mut self.holders[node as usize - 1];
                let deaf = self.bug == Some(HolderBug::DeafToReopening);
                if holder.incarnation == incarnation && !deaf {
                    holder.exhausted = false;
                    holder.reopened_in = holder.seq;
                }
            }
        }
    }

    fn commit(&mut self, bytes: &[u8]) {
        let batch: LeaseBatch = tollgate_protocol::codec::open(BATCH, bytes).unwrap();
        let (node, incarnation, seq) = (batch.node, batch.incarnation, batch.seq);
        let applied = self.talk.say(0, Command::Lease(batch));
        self.note(&applied.effects);
        if let Reply::Leased(replies) = applied.reply {
            let bytes = tollgate_protocol::codec::seal(BATCH, &replies).unwrap();
            self.net
                .push(Message::Answer(node, incarnation, seq, bytes));
        }
    }

    /// Every node applies the log, so every node sees an effect, sooner or later.
    fn note(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Recall { node, .. } => self.send(Message::Recall(*node)),
                Effect::Reopened { .. } | Effect::QuotaChanged { .. } => {
                    for at in 0..self.holders.len() {
                        let incarnation = self.holders[at].incarnation;
                        self.send(Message::Reopened(at as u64 + 1, incarnation));
                    }
                }
                Effect::PublishConfig(_) | Effect::PublishIam(_) | Effect::NodesChanged => {}
            }
        }
    }

    /// Advice is worth the same however often it is on its way.
    fn send(&mut self, advice: Message) {
        if !self.net.contains(&advice) {
            self.net.push(advice);
        }
    }

    /// A request comes. Says whether it was let in at once.
    pub(super) fn admit(&mut self, node: usize) -> bool {
        let holder = &mut self.holders[node];
        let window = holder
            .start
            .filter(|start| start.day() == self.talk.at.day());
        let (Some(start), true) = (window, holder.left > 0) else {
            holder.waiting = true;
            return false;
        };
        holder.left -= 1;
        holder.admitted += 1;
        holder.waiting = false;
        *self.admitted.entry(start).or_default() += 1;
        true
    }

    /// The node's process is killed and starts anew.
    pub(super) fn crash(&mut self, node: usize) {
        if self.holders[node].removed {
            return;
        }
        let incarnation = self.holders[node].incarnation + 1;
        self.holders[node] = Holder {
            incarnation,
            lease: 1,
            ..Holder::default()
        };
        self.talk.boot(node as u64 + 1, incarnation);
    }

    pub(super) fn remove(&mut self, node: usize) {
        let command = Command::RemoveNode {
            node: node as u64 + 1,
            who: "root".into(),
        };
        if self.talk.say(0, command).reply == Reply::Done {
            // It runs on for a while, and spends what it holds.
            self.holders[node].removed = true;
            self.fewest = self.fewest.min(self.talk.state.nodes.live());
        }
    }

    pub(super) fn limit(&mut self, limit: u64) {
        let applied = self.talk.configure(&[plan(limit)]);
        self.note(&applied.effects);
        self.ceiling = self.ceiling.max(limit);
    }

    pub(super) fn next_day(&mut self) {
        self.ceilings
            .insert(Millis(self.talk.at.day() * Millis::DAY), self.ceiling);
        self.talk.at = Millis(self.talk.at.0 + Millis::DAY);
        self.ceiling = self.talk.state.model.usage_plans["gold"]
            .quota
            .unwrap()
            .limit;
        self.before.clear();
    }

    pub(super) fn close(&mut self, node: usize) {
        self.holders[node].renew();
    }

    /// What is wrong, if anything.
    pub(super) fn wrong(&mut self) -> Result<(), alloc::string::String> {
        let state = &self.talk.state;
        if let Some(window) = state.quota.windows().find(|it| !it.is_consistent()) {
            return Err(alloc::format!("sums: {window:?}"));
        }
        for (start, admitted) in &self.admitted {
            let ceiling = self.ceilings.get(start).unwrap_or(&self.ceiling);
            if admitted > ceiling {
                return Err(alloc::format!("{admitted} of {ceiling} admitted"));
            }
        }
        for holder in &self.holders {
            if holder.admitted + holder.left + holder.returned != holder.granted {
                return Err(alloc::format!("I2: {holder:?}"));
            }
        }
        let Some(bucket) = state.quota.bucket(&"gold".into(), &"k".into()) else {
            return Ok(());
        };
        let window = &bucket.current;
        if window.start.day() != self.talk.at.day() {
            return Ok(());
        }
        self.wrong_window(&bucket, window)?;
        self.wrong_told(window)?;
        self.before = window.leases().map(|(id, it)| (*id, *it)).collect();
        Ok(())
    }

    fn wrong_window(
        &self,
        bucket: &Bucket,
        window: &WindowState,
    ) -> Result<(), alloc::string::String> {
        let out = window.spent + window.assumed + window.held();
        if out > self.ceiling {
            return Err(alloc::format!("I1: {out} > {}", self.ceiling));
        }
        let admitted = self.admitted.get(&window.start).copied().unwrap_or(0);
        if admitted > out {
            return Err(alloc::format!("I3: {admitted} > {out}"));
        }
        for (id, lease) in window.leases() {
            let old = self.before.get(id).copied().unwrap_or_default();
            let grew = lease.granted >= old.granted
                && lease.used >= old.used
                && lease.returned >= old.returned;
            let holder = &self.holders[id.node as usize - 1];
            let same = holder.incarnation == id.incarnation && holder.lease == id.lease;
            if same && holder.granted > lease.granted {
                return Err(alloc::format!("I2: {holder:?} has more than {lease:?}"));
            }
            if !grew || lease.barred {
                return Err(alloc::format!("I4: {old:?} {lease:?}"));
            }
            let most = (self.ceiling / 20 / self.fewest.min(8)).max(1);
            if lease.held() > most {
                return Err(alloc::format!("I6: {lease:?} of {most}"));
            }
        }
        let reported = bucket.days.get(&window.start.day()).copied().unwrap_or(0);
        if reported != window.spent || reported > admitted {
            return Err(alloc::format!("I5: {reported} {} {admitted}", window.spent));
        }
        Ok(())
    }

    /// Who refuses by itself must be right, or about to hear better.
    fn wrong_told(&self, window: &WindowState) -> Result<(), alloc::string::String> {
        let quota = self.talk.state.model.usage_plans["gold"].quota.unwrap();
        for (at, holder) in self.holders.iter().enumerate() {
            let node = at as u64 + 1;
            if !holder.exhausted || holder.start != Some(window.start) || holder.removed {
                continue;
            }
            let told = Message::Reopened(node, holder.incarnation);
            let elsewhere: u64 = window
                .leases()
                .filter(|(id, _)| id.node != node)
                .map(|(_, lease)| lease.held())
                .sum();
            let something = window.free(&quota) > 0 || elsewhere > 0;
            if something && !self.net.contains(&told) {
                return Err(alloc::format!("I7: node {node} refuses, {window:?}"));
            }
        }
        Ok(())
    }

    /// With nothing lost any more, requests come to every node until all refuse. Says how many were
    /// let in, or that there was no end.
    pub(super) fn drain(&mut self) -> Result<u64, alloc::string::String> {
        let before: u64 = self.admitted.values().sum();
        for _ in 0..2_000 {
            let mut refused = 0;
            let quiet = self.net.is_empty();
            for node in 0..self.holders.len() {
                if self.holders[node].removed || (!self.admit(node) && self.refuses(node)) {
                    refused += 1;
                }
                let holder = &self.holders[node];
                let news = !holder.closing.is_empty() || holder.waiting && !self.refuses(node);
                if news && !holder.removed {
                    self.resend(node);
                    self.ask(node, 50);
                    refused = 0;
                }
                self.wrong()?;
            }
            while !self.net.is_empty() {
                self.deliver(0);
                self.wrong()?;
            }
            if quiet && refused == self.holders.len() {
                return Ok(self.admitted.values().sum::<u64>() - before);
            }
        }
        Err(alloc::format!("no end: {:?}", self.holders))
    }

    /// Whether a node refuses the requests of today by itself.
    fn refuses(&self, node: usize) -> bool {
        let holder = &self.holders[node];
        let today = holder
            .start
            .is_some_and(|it| it.day() == self.talk.at.day());
        today && holder.exhausted && holder.left == 0
    }

    /// Everything that is different between two worlds that will not behave the same.
    pub(super) fn key(&self) -> Vec<u8> {
        let mut net = self.net.clone();
        net.sort();
        let told = (&self.talk.state.quota, &self.holders, net, &self.admitted);
        tollgate_protocol::codec::seal(BATCH, &told).unwrap()
    }
}

impl Holder {
    /// Never counted, always derived: exact at any instant.
    fn used(&self) -> u64 {
        (self.granted - self.returned).saturating_sub(self.left)
    }

    /// Seals the lease and begins another.
    fn renew(&mut self) {
        if self.granted > 0 || self.start.is_some() {
            let used = self.used();
            let returned = self.returned + self.left;
            self.closing.push((self.lease, self.start, used, returned));
        }
        *self = Self {
            incarnation: self.incarnation,
            removed: self.removed,
            seq: self.seq,
            lease: self.lease + 1,
            reopened_in: self.seq,
            in_flight: self.in_flight.take(),
            closing: core::mem::take(&mut self.closing),
            waiting: self.waiting,
            ..Self::default()
        };
    }

    fn answer(&mut self, seq: u64, replies: &[LeaseReply], bug: Option<HolderBug>) {
        if seq == self.seq && self.in_flight.is_some() {
            self.in_flight = None;
        } else if bug != Some(HolderBug::GrantCountedTwice) {
            return;
        }
        for reply in replies {
            if reply.lease != self.lease {
                // Its close may have come before it was opened: nothing of it was ever used.
                if let LeaseVerdict::Open { start, .. } = reply.verdict {
                    self.closing.push((reply.lease, Some(start), 0, 0));
                }
                continue;
            }
            match &reply.verdict {
                LeaseVerdict::Open {
                    start,
                    granted,
                    free,
                    elsewhere,
                    ..
                } => {
                    let twice = bug == Some(HolderBug::GrantCountedTwice) && *granted > 0;
                    let more = granted.saturating_sub(self.granted) + u64::from(twice);
                    self.start = Some(*start);
                    self.granted += more;
                    self.left += more;
                    let unmoved = self.returned == self.sent_returned && seq > self.reopened_in;
                    self.exhausted = *free == 0 && *elsewhere == 0 && unmoved;
                }
                LeaseVerdict::Closed => self.renew(),
                LeaseVerdict::NoQuota | LeaseVerdict::Impossible => {}
            }
        }
    }

    /// Gives back all that no waiting request needs.
    fn recall(&mut self, bug: Option<HolderBug>) {
        self.exhausted = false;
        self.reopened_in = self.seq;
        let many = self.left.saturating_sub(u64::from(self.waiting));
        if bug == Some(HolderBug::ReturnedBeforeTaken) {
            self.owed += many;
        } else {
            self.left -= many;
        }
        self.returned += many;
    }
}
