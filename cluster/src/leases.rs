//! The node's side of quotas: which slots exist, what they hold, and what to tell the state
//! machine. A plain struct: it owns no task and reads no clock.

mod held;
#[cfg(test)]
mod tests;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use tollgate_config::cells::QuotaSlot;
use tollgate_model::Quota;
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{KeyId, PlanId};
use tollgate_state::{LeaseBatch, LeaseItem, LeaseReply, LeaseVerdict, NodeId};

pub use held::Times;
use held::{Held, Open};
use turns::Turns;

/// A key in a plan.
pub type Place = (PlanId, KeyId);

/// Items of one batch: 2,000 of at most 100 bytes stay well below a record's limit.
const BATCH_ITEMS_MAX: usize = 2_000;
/// Items of a batch that are kept for slots that only tell, when there are such: however many ask for
/// tokens, who waits for what was spent hears it.
const REPORTS_KEPT: usize = 256;
/// Slots that [`Leases::report_some`] looks at, and that it has tell: twice a second by every node,
/// so that three nodes write at most 192 of them a second, however many keys are in use.
const LOOKED_AT_MAX: usize = 512;
const REPORTED_MAX: usize = 32;
/// With more slots than this, their sum for metrics is that of the last sweep: a walk over a million
/// at each scrape would keep requests waiting that are the first of their key.
const SUMMED_MAX: usize = 10_000;
/// Before the first and any further ask for tokens that other nodes hold, doubled each time.
const RETRY_MS_MIN: u64 = 20;
const RETRY_MS_MAX: u64 = 500;
/// Asks in vain (20 + 40 + ... + 500 ms, 1.6 s together) before waiting requests are refused: who
/// holds the tokens is then cut off or dead. Later requests wait for one more ask.
const RETRIES_MAX: u32 = 6;

/// Every quota slot of this node.
#[derive(Debug)]
pub struct Leases {
    node: NodeId,
    incarnation: u32,
    seq: u64,
    /// When the last batch was made, by this node's clock.
    asked: Millis,
    next_lease: u32,
    held: BTreeMap<Place, Held>,
    /// Slots that hold a lease, or held one a moment ago: of very many keys those in use, and the
    /// only ones that can have something to report.
    in_use: BTreeSet<Place>,
    /// Slots that need tokens: they come first, for requests may wait.
    wants: Turns,
    /// Slots that have something to tell.
    reports: Turns,
    /// How far the last look for something to tell came.
    looked: Place,
    /// Leases that are over and must be reported.
    closing: Vec<LeaseItem>,
    grants: u64,
    /// What was held at the last sweep.
    swept_held: u64,
}

/// What an answer means for the requests that wait for a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The slot.
    pub place: Place,
    /// Wake those that wait: to take again, or with `false` to give up.
    pub wake: Option<bool>,
    /// Call [`Leases::retry`] after this many milliseconds.
    pub retry_ms: Option<u64>,
}

/// Sums over all slots, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeaseNumbers {
    /// Slots.
    pub slots: u64,
    /// Tokens held and not spent; of very many slots, as of the last [`Leases::retain_used`].
    pub held: u64,
    /// Grants received.
    pub grants: u64,
}

impl Leases {
    /// No slot yet.
    #[must_use]
    pub fn new(node: NodeId, incarnation: u32) -> Self {
        Self {
            node,
            incarnation,
            seq: 0,
            asked: Millis(0),
            next_lease: 1,
            held: BTreeMap::new(),
            in_use: BTreeSet::new(),
            wants: Turns::default(),
            reports: Turns::default(),
            looked: Place::default(),
            closing: Vec::new(),
            grants: 0,
            swept_held: 0,
        }
    }

    /// The slot of a key in a plan, with its quota set anew.
    pub fn slot(&mut self, plan: &PlanId, key: &KeyId, quota: Quota) -> Arc<QuotaSlot> {
        let place = (plan.clone(), key.clone());
        if let Some(held) = self.held.get_mut(&place) {
            let closed = held.set_quota(quota, self.seq, &mut self.next_lease);
            self.closing.extend(closed);
            return Arc::clone(&held.slot);
        }
        let slot = Arc::new(QuotaSlot::new(plan.clone(), key.clone(), quota));
        let held = Held::new(Arc::clone(&slot), self.next_lease);
        self.next_lease += 1;
        self.held.insert(place, held);
        slot
    }

    /// Sets the quota of the slots of a plan anew.
    pub fn set_quota(&mut self, plan: &PlanId, quota: Quota) {
        let first = (plan.clone(), KeyId::default());
        let of_plan = self.held.range_mut(first..);
        for (_, held) in of_plan.take_while(|((of, _), _)| of == plan) {
            let closed = held.set_quota(quota, self.seq, &mut self.next_lease);
            self.closing.extend(closed);
        }
    }

    /// Forgets slots that no snapshot holds any more; what they hold goes back.
    pub fn retain_used(&mut self) {
        let (closing, next_lease, seq) = (&mut self.closing, &mut self.next_lease, self.seq);
        let mut sum = 0;
        self.held.retain(|_, held| {
            let used = Arc::strong_count(&held.slot) > 1;
            if used {
                sum += held.left();
            } else {
                closing.extend(held.close(seq, next_lease));
            }
            used
        });
        self.swept_held = sum;
    }

    /// A slot needs more tokens. `false` when there is no such slot any more. While a retry is on
    /// its way nothing is asked before it.
    pub fn want(&mut self, place: &Place) -> bool {
        let Some(held) = self.held.get(place) else {
            return false;
        };
        if !held.retrying {
            self.wants.insert(place.clone());
        }
        true
    }

    /// How long what a slot holds lasts at its present demand, in milliseconds; for ever when there is
    /// no such slot.
    #[must_use]
    pub fn lasts_ms(&mut self, place: &Place, now: Millis) -> u64 {
        let held = self.held.get_mut(place);
        held.map_or(u64::MAX, |held| held.lasts_ms(now))
    }

    /// The time of a retry has come.
    pub fn retry(&mut self, place: &Place) {
        if let Some(held) = self.held.get_mut(place) {
            held.retrying = false;
            self.wants.insert(place.clone());
        }
    }

    /// Another node needs tokens (`Effect::Recall`): what no request waits for goes back.
    pub fn recall(&mut self, place: &Place) {
        if let Some(held) = self.held.get_mut(place) {
            held.give_back(self.seq);
            if held.has_news() {
                self.reports.insert(place.clone());
            }
        }
    }

    /// A quota that was used up has something left again (`Effect::Reopened`).
    pub fn reopen(&mut self, place: &Place) {
        if let Some(held) = self.held.get_mut(place) {
            held.reopen(self.seq);
        }
    }

    /// The quota of a plan changed (`Effect::QuotaChanged`): what its keys were told may not hold.
    pub fn reopen_plan(&mut self, plan: &PlanId) {
        let first = (plan.clone(), KeyId::default());
        let of_plan = self.held.range_mut(first..);
        for (_, held) in of_plan.take_while(|((of, _), _)| of == plan) {
            held.reopen(self.seq);
        }
    }

    /// Marks slots that admitted requests since their last word, some at a time and all in turn.
    /// Nothing waits for it: who reads what was used asks for all of it ([`Leases::report`]), and a
    /// crash strands no more for it, as what a node may have unspent does not depend on what it
    /// told. It keeps what the state shows fresh where few keys are in use, and bounds what very
    /// many cost. One that asks for tokens tells of itself with that.
    pub fn report_some(&mut self) {
        let mut told = 0;
        for _ in 0..LOOKED_AT_MAX.min(self.in_use.len()) {
            let after = (Bound::Excluded(&self.looked), Bound::Unbounded);
            let next = self.in_use.range(after).next();
            let Some(place) = next.or_else(|| self.in_use.first()).cloned() else {
                return;
            };
            self.looked = place;
            if self.report_one() {
                told += 1;
                if told >= REPORTED_MAX {
                    return;
                }
            }
        }
    }

    /// Looks at the slot that is looked at; whether there is something to tell.
    fn report_one(&mut self) -> bool {
        let held = self.held.get(&self.looked);
        let Some(held) = held.filter(|held| held.open.is_some()) else {
            self.in_use.remove(&self.looked);
            return false;
        };
        held.has_news() && self.reports.insert(self.looked.clone())
    }

    /// Marks a slot, if it admitted requests since its last word.
    pub fn report_of(&mut self, place: &Place) {
        if self.held.get(place).is_some_and(Held::has_news) {
            self.reports.insert(place.clone());
        }
    }

    /// Marks every slot that admitted requests since its last word.
    pub fn report(&mut self) {
        let (all, reports) = (&self.held, &mut self.reports);
        self.in_use.retain(|place| {
            let Some(held) = all.get(place) else {
                return false;
            };
            if held.has_news() {
                reports.insert(place.clone());
            }
            held.open.is_some()
        });
    }

    /// The same, and every slot that was told that its quota is used up: for a node that does not
    /// see effects.
    pub fn report_and_ask(&mut self) {
        self.report();
        for (place, held) in &self.held {
            if held.slot.cell().is_exhausted() {
                self.wants.insert(place.clone());
            }
        }
    }

    /// Whether slots that were marked, or leases that are over, have not told yet.
    #[must_use]
    pub fn has_reports(&self) -> bool {
        !self.reports.is_empty() || !self.closing.is_empty()
    }

    /// Whether there is anything to say.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.wants.is_empty() || self.has_reports()
    }

    /// The next batch. It must be answered (or sent again unchanged) before another is made.
    pub fn batch(&mut self, now: Millis) -> Option<LeaseBatch> {
        let mut items: Vec<LeaseItem> = Vec::new();
        let closed = self.closing.len().min(BATCH_ITEMS_MAX);
        items.extend(self.closing.drain(..closed));
        while items.len() + 2 <= BATCH_ITEMS_MAX && self.closing.is_empty() {
            let Some((place, wants)) = self.next_place(items.len()) else {
                break;
            };
            let Some(held) = self.held.get_mut(&place) else {
                continue;
            };
            if held.is_past(now) {
                items.extend(held.close(self.seq, &mut self.next_lease));
            }
            if wants {
                items.push(held.ask(now));
            } else if held.has_news() {
                items.push(held.report());
            }
        }
        if items.is_empty() {
            return None;
        }
        self.seq += 1;
        self.asked = now;
        Some(LeaseBatch {
            node: self.node,
            incarnation: self.incarnation,
            seq: self.seq,
            items,
        })
    }

    /// The slot whose turn it is, and whether it wants tokens, in a batch of so many items: those
    /// that want come first, but for a few items.
    fn next_place(&mut self, items: usize) -> Option<(Place, bool)> {
        let wants_first = items + REPORTS_KEPT < BATCH_ITEMS_MAX || self.reports.is_empty();
        if wants_first && let Some(place) = self.wants.take_next() {
            return Some((place, true));
        }
        let report = self.reports.take_next().map(|place| (place, false));
        report.or_else(|| self.wants.take_next().map(|place| (place, true)))
    }

    /// Takes in the answer to the last batch, at this time; says what it means for requests that wait.
    pub fn answer(&mut self, replies: Vec<LeaseReply>, times: Times) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for reply in replies {
            let place = (reply.plan.clone(), reply.key.clone());
            let current = self.held.get(&place).map(|held| held.lease);
            if current == Some(reply.lease) {
                outcomes.extend(self.take_in(place, &reply.verdict, times));
            } else {
                self.closing.extend(orphan(&reply));
            }
        }
        outcomes
    }

    fn take_in(&mut self, place: Place, verdict: &LeaseVerdict, times: Times) -> Option<Outcome> {
        let held = self.held.get_mut(&place)?;
        let (seq, asked) = (self.seq, self.asked);
        let wake = match verdict {
            LeaseVerdict::Open { .. } => {
                let open = Open::of(verdict)?;
                if !held.is_over(&open) {
                    if held.open.is_none() {
                        self.in_use.insert(place.clone());
                    }
                    let more = held.open(seq, &open, asked, times);
                    self.grants += u64::from(more > 0);
                    return Some(outcome(held, place, more));
                }
                // Less is left than what is out: what is held here goes back before another
                // request, and is granted again if it may be.
                true
            }
            // Its window passed or nobody knows it: requests ask for another.
            LeaseVerdict::Closed => true,
            LeaseVerdict::NoQuota | LeaseVerdict::Impossible => false,
        };
        self.closing.extend(held.close(seq, &mut self.next_lease));
        Some(Outcome {
            place,
            wake: Some(wake),
            retry_ms: None,
        })
    }

    /// Closes everything, for a stop: what is not used goes back.
    pub fn close_all(&mut self) {
        self.wants.clear();
        self.reports.clear();
        for held in self.held.values_mut() {
            self.closing
                .extend(held.close(self.seq, &mut self.next_lease));
        }
    }

    /// How many slots there are.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.held.len()
    }

    /// When the window began that a slot's tokens are of.
    #[cfg(test)]
    pub(crate) fn window(&self, place: &Place) -> Option<Millis> {
        Some(self.held.get(place)?.open?.start)
    }

    /// Sums over all slots.
    #[must_use]
    pub fn numbers(&self) -> LeaseNumbers {
        LeaseNumbers {
            slots: self.held.len() as u64,
            held: if self.held.len() <= SUMMED_MAX {
                self.held.values().map(Held::left).sum()
            } else {
                self.swept_held
            },
            grants: self.grants,
        }
    }
}

/// What an open lease means for the requests that wait for it.
fn outcome(held: &mut Held, place: Place, more: u64) -> Outcome {
    if more > 0 {
        held.tries = 0;
    }
    if held.is_ready() || held.slot.waiting() == 0 || more > 0 {
        return Outcome {
            place,
            wake: Some(true),
            retry_ms: None,
        };
    }
    if held.retrying {
        return Outcome {
            place,
            wake: None,
            retry_ms: None,
        };
    }
    let retry_ms = (RETRY_MS_MIN << held.tries.min(RETRIES_MAX)).min(RETRY_MS_MAX);
    held.tries = held.tries.saturating_add(1);
    held.retrying = true;
    Outcome {
        place,
        wake: (held.tries > RETRIES_MAX).then_some(false),
        retry_ms: Some(retry_ms),
    }
}

/// A lease that was closed here before its opening was answered: nothing of it was ever used, and
/// it would hold its tokens for good. One that was used has its close in the queue already, before
/// this one.
fn orphan(reply: &LeaseReply) -> Option<LeaseItem> {
    let LeaseVerdict::Open { start, .. } = reply.verdict else {
        return None;
    };
    Some(LeaseItem {
        plan: reply.plan.clone(),
        key: reply.key.clone(),
        start: Some(start),
        lease: reply.lease,
        used: 0,
        returned: 0,
        want: 0,
        waiting: 0,
        demand: 0,
        close: true,
    })
}
