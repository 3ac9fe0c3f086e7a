//! Quotas: escrow leases with cumulative counters.
//!
//! Invariant of every window: `spent + assumed + held <= cap`, or at most what was out when the cap
//! was lowered below it. Tokens leave `free` only by a committed grant; they come back only when
//! their holder says so. Nothing expires: when a holder dies nobody knows how much of its lease it
//! spent, so all of it counts as spent (`assumed`). No clock and no leader property is needed for
//! safety.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use tollgate_model::{Model, Quota};
use tollgate_protocol::Millis;
use tollgate_protocol::codec::{Decode, Encode};
use tollgate_protocol::ids::{KeyId, PlanId};
use tollgate_protocol::limits::USAGE_DAYS_KEPT;

use crate::command::{LeaseBatch, LeaseItem, LeaseReply, LeaseVerdict, NodeId};
use crate::period::{Window, window_at};

/// All that holders have out at once stays near this share of a cap: one in `STRAND_DIVISOR`.
const STRAND_DIVISOR: u64 = 20;
/// A grant covers at least this much demand, so that a quiet key does not ask for every request.
const DEMAND_MIN: u64 = 32;

/// One life's lease on one key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct LeaseId {
    /// The holder.
    pub node: NodeId,
    /// The holder's life.
    pub incarnation: u32,
    /// Counts the leases of a life.
    pub lease: u32,
}

/// What a holder got, used and gave back: cumulative, never decreasing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct Lease {
    /// Tokens granted.
    pub granted: u64,
    /// Requests admitted, as last reported.
    pub used: u64,
    /// Tokens given back.
    pub returned: u64,
    /// The numbers reported could not be true: no more grants.
    pub barred: bool,
}

impl Lease {
    /// Tokens that the holder may still spend, or has spent without reporting it yet.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.granted
            .saturating_sub(self.used)
            .saturating_sub(self.returned)
    }
}

/// One window of one key.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct WindowState {
    /// When it began.
    pub start: Millis,
    /// When it ends.
    pub end: Millis,
    /// Requests admitted, as reported.
    pub spent: u64,
    /// Tokens of dead holders that count as spent.
    pub assumed: u64,
    /// What an adjustment set as cap instead of the plan's limit.
    pub adjusted_cap: Option<u64>,
    /// The open leases.
    pub open: BTreeMap<LeaseId, Lease>,
}

impl WindowState {
    fn new(window: Window) -> Self {
        Self {
            start: window.start,
            end: window.end,
            ..Self::default()
        }
    }

    /// Tokens that holders have out.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.open.values().map(Lease::held).sum()
    }

    /// The limit in force.
    #[must_use]
    pub fn cap(&self, quota: &Quota) -> u64 {
        self.adjusted_cap.unwrap_or(quota.limit)
    }

    /// Tokens that can still be granted.
    #[must_use]
    pub fn free(&self, quota: &Quota) -> u64 {
        let out = self
            .spent
            .saturating_add(self.assumed)
            .saturating_add(self.held());
        self.cap(quota).saturating_sub(out)
    }

    fn assume_where(&mut self, dead: impl Fn(&LeaseId) -> bool) {
        let mut assumed = 0;
        self.open.retain(|id, lease| {
            let dead = dead(id);
            if dead {
                assumed += lease.held();
            }
            !dead
        });
        self.assumed += assumed;
    }
}

/// A key's quota in a plan: the current window, the one before it, and its use by day.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct Bucket {
    /// The window before the current one, for late reports.
    pub previous: Option<WindowState>,
    /// The current window.
    pub current: WindowState,
    /// Requests by day since the epoch.
    pub days: BTreeMap<u64, u64>,
}

/// A node's current life.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
struct Session {
    incarnation: u32,
    last_seq: u64,
}

/// All quotas.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct QuotaTable {
    buckets: BTreeMap<(PlanId, KeyId), Bucket>,
    sessions: BTreeMap<NodeId, Session>,
}

impl QuotaTable {
    /// A key's quota in a plan, if it was ever used.
    #[must_use]
    pub fn bucket(&self, plan: &PlanId, key: &KeyId) -> Option<&Bucket> {
        self.buckets.get(&(plan.clone(), key.clone()))
    }

    /// Every key that used a quota.
    pub fn buckets(&self) -> impl Iterator<Item = (&(PlanId, KeyId), &Bucket)> {
        self.buckets.iter()
    }

    /// A node begins a new life, which the caller found to be newer than the known one: what its
    /// older lives held counts as spent.
    pub(crate) fn begin_life(&mut self, node: NodeId, incarnation: u32) {
        let session = Session {
            incarnation,
            last_seq: 0,
        };
        self.sessions.insert(node, session);
        self.assume(|id| id.node == node && id.incarnation < incarnation);
    }

    /// A node is removed: its batches are stale from here on, and what it held counts as spent.
    pub(crate) fn end(&mut self, node: NodeId) {
        self.sessions.remove(&node);
        self.assume(|id| id.node == node);
    }

    fn assume(&mut self, dead: impl Fn(&LeaseId) -> bool) {
        for bucket in self.buckets.values_mut() {
            bucket.current.assume_where(&dead);
            if let Some(previous) = &mut bucket.previous {
                previous.assume_where(&dead);
            }
        }
    }

    /// Takes in a node's news. `None` when the batch is not of the node's current life.
    pub(crate) fn lease(
        &mut self,
        model: &Model,
        now: Millis,
        batch: &LeaseBatch,
    ) -> Option<Vec<LeaseReply>> {
        let session = self.sessions.get_mut(&batch.node)?;
        if session.incarnation != batch.incarnation {
            return None;
        }
        let fresh = batch.seq > session.last_seq;
        session.last_seq = session.last_seq.max(batch.seq);
        let replies = batch.items.iter().map(|item| LeaseReply {
            plan: item.plan.clone(),
            key: item.key.clone(),
            lease: item.lease,
            verdict: self.item(model, now, batch, item, fresh),
        });
        Some(replies.collect())
    }

    fn item(
        &mut self,
        model: &Model,
        now: Millis,
        batch: &LeaseBatch,
        item: &LeaseItem,
        fresh: bool,
    ) -> LeaseVerdict {
        let quota = quota_of(model, &item.plan, &item.key);
        let id = LeaseId {
            node: batch.node,
            incarnation: batch.incarnation,
            lease: item.lease,
        };
        let place = (item.plan.clone(), item.key.clone());
        if quota.is_none() && !self.buckets.contains_key(&place) {
            return LeaseVerdict::NoQuota;
        }
        let bucket = self.buckets.entry(place).or_default();
        if let Some(quota) = quota {
            bucket.roll(window_at(&quota, now));
        }
        let Some(window) = bucket.window_mut(item.start) else {
            return LeaseVerdict::Closed;
        };
        if !window.open.contains_key(&id) {
            let opens = fresh && !item.close && item.used == 0 && item.returned == 0;
            if !opens || quota.is_none() || now >= window.end {
                return LeaseVerdict::Closed;
            }
            window.open.insert(id, Lease::default());
        }
        let (start, end) = (window.start, window.end);
        let Some(used) = window.report(&id, item) else {
            return LeaseVerdict::Impossible;
        };
        bucket.count(used, now, start, end);
        let Some(quota) = quota else {
            return LeaseVerdict::NoQuota;
        };
        let Some(window) = bucket.window_mut(Some(start)) else {
            return LeaseVerdict::Closed;
        };
        if item.close {
            window.open.remove(&id);
            return LeaseVerdict::Closed;
        }
        if now >= end {
            return LeaseVerdict::Closed;
        }
        if fresh {
            window.grant(&id, item, &quota);
        }
        let granted = window.open.get(&id).map_or(0, |lease| lease.granted);
        let free = window.free(&quota);
        LeaseVerdict::Open {
            start,
            end,
            granted,
            cap: window.cap(&quota),
            free,
        }
    }

    /// Sets what is left of the current window.
    pub(crate) fn adjust(
        &mut self,
        model: &Model,
        now: Millis,
        plan: &PlanId,
        key: &KeyId,
        remaining: u64,
    ) -> bool {
        let Some(quota) = quota_of(model, plan, key) else {
            return false;
        };
        let bucket = self.buckets.entry((plan.clone(), key.clone())).or_default();
        bucket.roll(window_at(&quota, now));
        let window = &mut bucket.current;
        let out = window.spent.saturating_add(window.assumed);
        window.adjusted_cap = Some(out.saturating_add(remaining));
        true
    }

    /// Forgets keys and plans that are gone, once their windows have passed.
    pub(crate) fn prune(&mut self, model: &Model, now: Millis) {
        self.buckets.retain(|(plan, key), bucket| {
            now < bucket.current.end || quota_of(model, plan, key).is_some()
        });
    }

    /// Every window keeps its invariant; for tests and debug builds.
    pub(crate) fn check(&self) {
        for bucket in self.buckets.values() {
            for window in bucket.previous.iter().chain([&bucket.current]) {
                for lease in window.open.values() {
                    debug_assert!(lease.used + lease.returned <= lease.granted, "{lease:?}");
                }
            }
        }
    }
}

impl Bucket {
    /// Makes `window` the current one. A window that begins earlier than the current one is not
    /// gone back to: entry times never decrease, so it can only mean a changed period.
    fn roll(&mut self, window: Window) {
        if self.current.start == window.start && self.current.end == window.end {
            return;
        }
        let fresh = WindowState::new(window);
        let old = core::mem::replace(&mut self.current, fresh);
        if old.end > Millis(0) {
            self.previous = Some(old);
        }
        let oldest = window.start.day().saturating_sub(USAGE_DAYS_KEPT);
        self.days = self.days.split_off(&oldest);
    }

    fn window_mut(&mut self, start: Option<Millis>) -> Option<&mut WindowState> {
        match start {
            None => Some(&mut self.current),
            Some(start) if start == self.current.start => Some(&mut self.current),
            Some(start) => self
                .previous
                .as_mut()
                .filter(|window| window.start == start),
        }
    }

    /// Counts requests on the day of their report, inside their window.
    fn count(&mut self, used: u64, now: Millis, start: Millis, end: Millis) {
        if used > 0 {
            let last = Millis(end.0.saturating_sub(1));
            let day = now.clamp(start, last.max(start)).day();
            *self.days.entry(day).or_default() += used;
        }
    }
}

impl WindowState {
    /// Takes in a lease's numbers; says how many requests are new. `None` when they cannot be
    /// true: more was used and returned than was ever granted.
    fn report(&mut self, id: &LeaseId, item: &LeaseItem) -> Option<u64> {
        let lease = self.open.get_mut(id)?;
        let used = item.used.max(lease.used);
        let returned = item.returned.max(lease.returned);
        if used
            .checked_add(returned)
            .is_none_or(|sum| sum > lease.granted)
        {
            lease.barred = true;
            return None;
        }
        let new = used - lease.used;
        lease.used = used;
        lease.returned = returned;
        self.spent += new;
        Some(new)
    }

    /// Gives a lease more tokens: at most half of an equal share of what is free, so that grants
    /// shrink geometrically and end at single tokens, and never so much that a crash would strand
    /// more than a small share of the cap.
    fn grant(&mut self, id: &LeaseId, item: &LeaseItem, quota: &Quota) {
        let free = self.free(quota);
        let holders = self.holders();
        let cap = self.cap(quota);
        let Some(lease) = self.open.get_mut(id) else {
            return;
        };
        if free == 0 || item.want == 0 || lease.barred {
            return;
        }
        let fair = free / (2 * holders);
        let strand = (cap / STRAND_DIVISOR / holders).saturating_sub(lease.held());
        let demand = item.demand.max(DEMAND_MIN).saturating_sub(lease.held());
        let size = item
            .want
            .min(demand.max(1))
            .min(free)
            .min(fair.min(strand).max(1));
        lease.granted += size;
    }

    /// The nodes with an open lease, at least one.
    fn holders(&self) -> u64 {
        let mut last = None;
        let mut count = 0;
        for id in self.open.keys() {
            if last != Some(id.node) {
                count += 1;
                last = Some(id.node);
            }
        }
        count.max(1)
    }
}

/// The quota of a key in a plan, if both are there and belong together.
fn quota_of(model: &Model, plan: &PlanId, key: &KeyId) -> Option<Quota> {
    let member = model.api_keys.get(key)?.usage_plans.contains(plan);
    model.usage_plans.get(plan).filter(|_| member)?.quota
}
