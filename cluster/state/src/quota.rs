//! Quotas: escrow leases with cumulative counters.
//!
//! Invariant of every window: `spent + assumed + held <= cap`, or at most what was out when the cap
//! was lowered below it. Tokens leave `free` only by a committed grant; they come back only when
//! their holder says so. Nothing expires: when a holder dies nobody knows how much of its lease it
//! spent, so all of it counts as spent (`assumed`). No clock and no leader property is needed for
//! safety.
//!
//! A node that is told `free == 0` and `elsewhere == 0` refuses locally from then on. That stays
//! right until tokens come free again; the window remembers that it `told` somebody, and the first
//! change that leaves something free emits [`crate::Effect::Reopened`], which every node sees
//! because every node applies the log. So nobody has to ask whether anything changed.

mod grant;
mod table;

pub use grant::GRANT_FLOOR_MAX;
pub use table::QuotaTable;
pub(crate) use table::{Scene, Sessions};

use alloc::collections::BTreeMap;

use tollgate_model::{Model, Quota};
use tollgate_protocol::Millis;
use tollgate_protocol::codec::{Decode, Encode};
use tollgate_protocol::ids::{KeyId, PlanId};
use tollgate_protocol::limits::USAGE_DAYS_KEPT;

use crate::command::NodeId;
use crate::period::Window;

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
    /// The open leases, at most [`LEASES_PER_NODE_MAX`](grant::LEASES_PER_NODE_MAX) of a node.
    pub(crate) open: BTreeMap<LeaseId, Lease>,
    /// The sum of what the open leases hold.
    held: u64,
    /// The nodes with an open lease.
    holders: u64,
    /// How many lives had begun or ended when dead holders were last looked for.
    lives: u64,
    /// Somebody was told that nothing is left and nobody holds anything.
    told: bool,
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
        self.held
    }

    /// The open leases.
    pub fn leases(&self) -> impl Iterator<Item = (&LeaseId, &Lease)> {
        self.open.iter()
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
            .saturating_add(self.held);
        self.cap(quota).saturating_sub(out)
    }

    /// Counts what dead holders have as spent. Looks only when a life began or ended since the
    /// last time.
    fn settle(&mut self, lives: u64, dead: impl Fn(&LeaseId) -> bool) {
        if self.lives == lives {
            return;
        }
        self.lives = lives;
        let mut assumed = 0;
        self.open.retain(|id, lease| {
            let dead = dead(id);
            if dead {
                assumed += lease.held();
            }
            !dead
        });
        self.held -= assumed;
        if !planted(Bug::AssumedLeftOut) {
            self.assumed += assumed;
        }
        self.holders = self.count_holders();
    }

    /// Counts what all holders have as spent, and forgets what nodes were told.
    pub(crate) fn end_all(&mut self) {
        self.assumed = self.assumed.saturating_add(self.held);
        self.open.clear();
        self.held = 0;
        self.holders = 0;
        self.lives = 0;
        self.told = false;
    }

    /// Counts what is free as spent.
    pub(crate) fn exhaust(&mut self, quota: &Quota) {
        self.assumed = self.assumed.saturating_add(self.free(quota));
    }

    fn count_holders(&self) -> u64 {
        let mut last = None;
        let mut count = 0;
        for id in self.open.keys() {
            if last != Some(id.node) {
                count += 1;
                last = Some(id.node);
            }
        }
        count
    }

    /// The cached sums are those of the leases, and no lease has impossible numbers.
    #[cfg(test)]
    pub(crate) fn is_consistent(&self) -> bool {
        self.held == self.open.values().map(Lease::held).sum::<u64>()
            && self.holders == self.count_holders()
            && self
                .open
                .values()
                .all(|lease| lease.used + lease.returned <= lease.granted)
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

impl Bucket {
    /// About how many bytes it takes in a record: numbers take at most nine, most take five.
    pub(crate) fn bytes(&self) -> usize {
        let leases = self.current.open.len() + self.previous.as_ref().map_or(0, |it| it.open.len());
        100 + leases * 40 + self.days.len() * 12
    }

    /// Makes `window` the current one. A window that begins earlier than the current one is not
    /// gone back to: entry times never decrease, so it can only mean a changed period.
    pub(crate) fn roll(&mut self, window: Window) {
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

    /// The window that a lease is of, and whether it is the current one. A changed period may begin a
    /// window where the one before began (DAY and MONTH, on the first): a lease that is open in that
    /// one is not also one of the next.
    fn window_mut(
        &mut self,
        start: Option<Millis>,
        id: &LeaseId,
    ) -> Option<(&mut WindowState, bool)> {
        let is_current = start.is_none_or(|start| start == self.current.start);
        let previous = self
            .previous
            .as_mut()
            .filter(|it| Some(it.start) == start && (!is_current || it.open.contains_key(id)));
        match previous {
            Some(previous) => Some((previous, false)),
            None => is_current.then_some((&mut self.current, true)),
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

/// The quota of a key in a plan, if both are there and belong together.
fn quota_of(model: &Model, plan: &PlanId, key: &KeyId) -> Option<Quota> {
    let member = model.api_keys.get(key)?.usage_plans.contains(plan);
    model.usage_plans.get(plan).filter(|_| member)?.quota
}

/// Faults that tests plant, to prove that they would be found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bug {
    /// A dead holder's tokens are free again.
    AssumedLeftOut,
    /// A repeated batch is taken for a new one.
    SeqGuardDropped,
}

#[cfg(test)]
pub(crate) use crate::tests::planted;

#[cfg(not(test))]
const fn planted(_: Bug) -> bool {
    false
}
