//! The node's side of quotas: which slots exist, what they hold, and what to tell the state
//! machine. A plain struct: it owns no task and reads no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tollgate_config::cells::{LeaseCell, QuotaSlot};
use tollgate_model::Quota;
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{KeyId, PlanId};
use tollgate_state::{LeaseBatch, LeaseItem, LeaseReply, LeaseVerdict, NodeId};

type Place = (PlanId, KeyId);

/// Items of one batch: 2,000 of at most 100 bytes stay well below a record's limit.
const BATCH_ITEMS_MAX: usize = 2_000;
/// A grant should cover the demand of this time, so that a warm key asks rarely.
const DEMAND_MS: u64 = 5_000;

/// Every quota slot of this node.
#[derive(Debug)]
pub struct Leases {
    node: NodeId,
    incarnation: u32,
    seq: u64,
    next_lease: u32,
    held: BTreeMap<Place, Held>,
    /// Slots that want more.
    wanted: BTreeSet<Place>,
    /// Leases that are over and must be reported.
    closing: Vec<LeaseItem>,
    grants: u64,
}

/// Sums over all slots, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeaseNumbers {
    /// Slots.
    pub slots: u64,
    /// Tokens held and not spent.
    pub held: u64,
    /// Grants received.
    pub grants: u64,
}

#[derive(Debug)]
struct Held {
    slot: Arc<QuotaSlot>,
    lease: u32,
    cell: Option<Arc<LeaseCell>>,
    granted: u64,
    reported: u64,
    /// For the demand estimate.
    asked_at: Millis,
    asked_used: u64,
}

impl Held {
    fn used(&self) -> u64 {
        self.cell
            .as_ref()
            .map_or(0, |cell| self.granted - cell.left())
    }

    fn item(&self, want: u64, demand: u64) -> LeaseItem {
        LeaseItem {
            plan: self.slot.plan.clone(),
            key: self.slot.key.clone(),
            start: self.cell.as_ref().map(|cell| cell.start),
            lease: self.lease,
            used: self.used(),
            returned: 0,
            want,
            demand,
            close: false,
        }
    }

    /// The last word on this lease, `None` when it was never opened. Sealing comes first: what is
    /// reported as used can then not grow any more.
    fn close(&mut self) -> Option<LeaseItem> {
        let cell = self.cell.take()?;
        self.slot.replace(None);
        let left = cell.seal();
        let item = LeaseItem {
            start: Some(cell.start),
            used: self.granted - left,
            returned: left,
            close: true,
            ..self.item(0, 0)
        };
        self.granted = 0;
        self.reported = 0;
        self.asked_used = 0;
        Some(item)
    }
}

impl Leases {
    /// No slot yet.
    #[must_use]
    pub fn new(node: NodeId, incarnation: u32) -> Self {
        Self {
            node,
            incarnation,
            seq: 0,
            next_lease: 1,
            held: BTreeMap::new(),
            wanted: BTreeSet::new(),
            closing: Vec::new(),
            grants: 0,
        }
    }

    /// The slot of a key in a plan, with its quota set anew.
    pub fn slot(&mut self, plan: &PlanId, key: &KeyId, quota: Quota) -> Arc<QuotaSlot> {
        let place = (plan.clone(), key.clone());
        if let Some(held) = self.held.get_mut(&place) {
            let before = held.slot.quota();
            if before != quota {
                held.slot.set_quota(quota);
                if quota.limit < before.limit {
                    // What is held may be more than what is left: it goes back before another
                    // request is admitted.
                    self.closing.extend(held.close());
                    held.lease = self.next_lease;
                    self.next_lease += 1;
                } else if let Some(cell) = &held.cell {
                    cell.reopen();
                    self.wanted.insert(place);
                }
            }
            return Arc::clone(&held.slot);
        }
        let slot = Arc::new(QuotaSlot::new(plan.clone(), key.clone(), quota));
        let held = Held {
            slot: Arc::clone(&slot),
            lease: self.next_lease,
            cell: None,
            granted: 0,
            reported: 0,
            asked_at: Millis(0),
            asked_used: 0,
        };
        self.next_lease += 1;
        self.held.insert(place, held);
        slot
    }

    /// Forgets slots that no snapshot holds any more; what they hold goes back.
    pub fn retain_used(&mut self) {
        let closing = &mut self.closing;
        self.held.retain(|_, held| {
            let used = Arc::strong_count(&held.slot) > 1;
            if !used {
                closing.extend(held.close());
            }
            used
        });
    }

    /// A slot needs more tokens, or wants to hear whether there are any.
    pub fn want(&mut self, plan: &PlanId, key: &KeyId) {
        let place = (plan.clone(), key.clone());
        if self.held.contains_key(&place) {
            self.wanted.insert(place);
        }
    }

    /// Marks every slot that admitted requests since its last report.
    pub fn report(&mut self) {
        for (place, held) in &self.held {
            if held.used() != held.reported {
                self.wanted.insert(place.clone());
            }
        }
    }

    /// The same, and every slot that was told that its quota is used up: somebody may have changed
    /// that.
    pub fn report_and_ask(&mut self) {
        self.report();
        for (place, held) in &self.held {
            if held.cell.as_ref().is_some_and(|cell| cell.is_exhausted()) {
                self.wanted.insert(place.clone());
            }
        }
    }

    /// Whether there is anything to say.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.wanted.is_empty() || !self.closing.is_empty()
    }

    /// The next batch. It must be answered (or sent again unchanged) before another is made.
    pub fn batch(&mut self, now: Millis) -> Option<LeaseBatch> {
        let mut items: Vec<LeaseItem> = Vec::new();
        let closed = self.closing.len().min(BATCH_ITEMS_MAX);
        items.extend(self.closing.drain(..closed));
        while items.len() + 2 <= BATCH_ITEMS_MAX {
            let Some(place) = self.wanted.pop_first() else {
                break;
            };
            let Some(held) = self.held.get_mut(&place) else {
                continue;
            };
            if held.cell.as_ref().is_some_and(|cell| now >= cell.end) {
                items.extend(held.close());
                held.lease = self.next_lease;
                self.next_lease += 1;
            }
            items.push(ask(held, now));
        }
        if items.is_empty() {
            return None;
        }
        self.seq += 1;
        Some(LeaseBatch {
            node: self.node,
            incarnation: self.incarnation,
            seq: self.seq,
            items,
        })
    }

    /// Takes in the answer to the last batch.
    pub fn answer(&mut self, replies: Vec<LeaseReply>) {
        for reply in replies {
            let Some(held) = self.held.get_mut(&(reply.plan, reply.key)) else {
                continue;
            };
            // A reply to a lease that was closed meanwhile.
            if held.lease != reply.lease {
                continue;
            }
            match reply.verdict {
                LeaseVerdict::Open {
                    start,
                    end,
                    granted,
                    cap,
                    free,
                } => {
                    let same = held.cell.as_ref().is_some_and(|cell| cell.start == start);
                    if same && free == 0 && held.cell.as_ref().is_some_and(|it| cap < it.limit) {
                        // The limit was lowered to less than what is out: what is held here goes
                        // back before another request, and is granted again if it may be.
                        self.closing.extend(held.close());
                        held.lease = self.next_lease;
                        self.next_lease += 1;
                        continue;
                    }
                    if !same || held.cell.as_ref().is_some_and(|cell| cell.limit != cap) {
                        renew_cell(held, start, end, cap);
                    }
                    self.grants += u64::from(granted > held.granted);
                    take_grant(held, granted, free);
                }
                LeaseVerdict::Closed => {
                    // Its window passed or nobody knows it: what is left in it is void.
                    self.closing.extend(held.close());
                    held.lease = self.next_lease;
                    self.next_lease += 1;
                }
                LeaseVerdict::NoQuota | LeaseVerdict::Impossible => drop(held.close()),
            }
        }
    }

    /// Closes everything, for a stop: what is not used goes back.
    pub fn close_all(&mut self) {
        self.wanted.clear();
        for held in self.held.values_mut() {
            self.closing.extend(held.close());
            held.lease = self.next_lease;
            self.next_lease += 1;
        }
    }

    /// Sums over all slots.
    #[must_use]
    pub fn numbers(&self) -> LeaseNumbers {
        let left = |held: &Held| held.cell.as_ref().map_or(0, |cell| cell.left());
        LeaseNumbers {
            slots: self.held.len() as u64,
            held: self.held.values().map(left).sum(),
            grants: self.grants,
        }
    }
}

/// Asks for enough for the demand seen since the last time.
fn ask(held: &mut Held, now: Millis) -> LeaseItem {
    let used = held.used();
    let elapsed = now.0.saturating_sub(held.asked_at.0).max(1);
    let recent = used.saturating_sub(held.asked_used);
    let demand = recent.saturating_mul(DEMAND_MS) / elapsed.min(DEMAND_MS);
    if elapsed >= 100 {
        held.asked_at = now;
        held.asked_used = used;
    }
    held.reported = used;
    held.item(demand.max(DEMAND_MS), demand)
}

/// A new cell in the slot: of another window, or with another limit to show. Tokens of the old one
/// that nobody took move over when the window is the same.
fn renew_cell(held: &mut Held, start: Millis, end: Millis, cap: u64) {
    let cell = Arc::new(LeaseCell::new(start, end, cap));
    let same_window = held.cell.as_ref().is_some_and(|old| old.start == start);
    held.slot.replace(Some(Arc::clone(&cell)));
    let left = held
        .cell
        .replace(Arc::clone(&cell))
        .map_or(0, |old| old.seal());
    if same_window {
        cell.grant(left, 0, 0, false);
    } else {
        held.granted = 0;
    }
}

fn take_grant(held: &mut Held, granted: u64, free: u64) {
    let Some(cell) = &held.cell else { return };
    let more = granted.saturating_sub(held.granted);
    held.granted += more;
    // Ask again when a quarter of the grant is left.
    cell.grant(more, more / 4, free, free == 0);
}
