//! The books of one slot: which lease it has, what came in, what went back.
//!
//! `used` is never counted: it is what was granted less what went back and what is left, so it is
//! exact at any instant, whatever requests do meanwhile.

use std::sync::Arc;

use tollgate_config::cells::QuotaSlot;
use tollgate_model::Quota;
use tollgate_protocol::Millis;
use tollgate_state::{LeaseItem, LeaseVerdict};

use crate::faults::{Bug, planted};

/// A grant should cover the demand of this time, so that a warm key asks rarely: with a quarter of
/// it left. What a crash strands does not grow with it: the state bounds what a node holds.
const DEMAND_MS: u64 = 30_000;
/// Demand is measured over at least this time.
const DEMAND_MS_MIN: u64 = 100;
/// What was spent since a slot last asked may all have been spent in the last second: after a quiet
/// time a burst begins, and an average over both would have it run dry.
const BURST_MS: u64 = 1_000;
/// Tokens to ask for however little the demand is: the state decides what there is.
const WANT_MIN: u64 = tollgate_state::GRANT_FLOOR_MAX;

/// What an open lease is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) start: Millis,
    pub(super) end: Millis,
    cap: u64,
    /// From when to before when it is that period by this node's clock.
    since: Millis,
    until: Millis,
}

impl Period {
    /// The state says that the lease is of the period that it is now, and windows follow its clock
    /// alone. Where this node's clock disagrees, it reads the ends of the period with its error:
    /// else no lease would ever be of a period that its requests are in.
    ///
    /// A process that stood still over the end of a period while it was answered has no such error:
    /// its clock was of the period when it asked.
    fn of(open: &Open, asked: Millis, times: Times) -> Self {
        let (mut since, mut until) = (open.start, open.end);
        if [asked, times.own]
            .iter()
            .all(|it| *it < since || *it >= until)
        {
            let error = i128::from(times.own.0) - i128::from(times.cluster.0);
            let shifted = |at: Millis| {
                let at = (i128::from(at.0) + error).clamp(0, i128::from(u64::MAX));
                Millis(u64::try_from(at).unwrap_or(u64::MAX))
            };
            (since, until) = (shifted(since), shifted(until));
        }
        Self {
            start: open.start,
            end: open.end,
            cap: open.cap,
            since,
            until,
        }
    }
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) slot: Arc<QuotaSlot>,
    pub(super) lease: u32,
    /// The period and the limit of the lease that is open, as the state said.
    pub(super) open: Option<Period>,
    pub(super) granted: u64,
    returned: u64,
    /// `used` and `returned` as the last item said.
    reported: u64,
    sent_returned: u64,
    /// The batch that was the last one made when the quota was reopened or something went back:
    /// an answer to it may be older than that and must not say that nothing is left.
    reopened_in: u64,
    /// Answers in a row that brought nothing.
    pub(super) tries: u32,
    /// The next ask is a timer's.
    pub(super) retrying: bool,
    /// With so many left the slot asks for more.
    low_water: u64,
    /// For the demand estimate.
    asked_at: Millis,
    asked_used: u64,
}

impl Held {
    pub(super) fn new(slot: Arc<QuotaSlot>, lease: u32) -> Self {
        Self {
            slot,
            lease,
            open: None,
            granted: 0,
            returned: 0,
            reported: 0,
            sent_returned: 0,
            reopened_in: 0,
            tries: 0,
            retrying: false,
            low_water: 0,
            asked_at: Millis(0),
            asked_used: 0,
        }
    }

    pub(super) fn left(&self) -> u64 {
        self.slot.cell().left()
    }

    fn used(&self) -> u64 {
        self.granted - self.returned - self.left()
    }

    pub(super) fn has_news(&self) -> bool {
        self.used() != self.reported || self.returned != self.sent_returned
    }

    /// What there is to say, wanting nothing.
    pub(super) fn report(&mut self) -> LeaseItem {
        self.reported = self.used();
        self.sent_returned = self.returned;
        LeaseItem {
            plan: self.slot.plan.clone(),
            key: self.slot.key.clone(),
            start: self.open.map(|it| it.start),
            lease: self.lease,
            used: self.reported,
            returned: self.returned,
            want: 0,
            waiting: 0,
            demand: 0,
            close: false,
        }
    }

    /// The same, and asks for enough for the demand seen since the last time.
    pub(super) fn ask(&mut self, now: Millis) -> LeaseItem {
        let item = self.report();
        let since = self.since_asked(now);
        let elapsed = since.clamp(DEMAND_MS_MIN, DEMAND_MS);
        let recent = item.used.saturating_sub(self.asked_used);
        if since >= DEMAND_MS_MIN {
            self.asked_at = now;
            self.asked_used = item.used;
        }
        let waiting = self.slot.waiting();
        let demand = (recent.saturating_mul(DEMAND_MS) / elapsed).saturating_add(waiting);
        LeaseItem {
            want: demand.max(WANT_MIN),
            waiting,
            demand,
            ..item
        }
    }

    /// How long ago the slot asked. A clock that was set back says nothing, so demand is measured
    /// anew.
    fn since_asked(&mut self, now: Millis) -> u64 {
        self.asked_at = self.asked_at.min(now);
        now.0 - self.asked_at.0
    }

    /// How long what is left lasts, in milliseconds, at the demand seen since the last ask.
    pub(super) fn lasts_ms(&mut self, now: Millis) -> u64 {
        let recent = self.used().saturating_sub(self.asked_used);
        let since = self.since_asked(now);
        // A steady demand spends three quarters of a grant in the most of its time.
        let elapsed = if since > DEMAND_MS { BURST_MS } else { since };
        self.left().saturating_mul(elapsed) / recent.max(1)
    }

    /// Gives back what no waiting request needs. The order matters: a token that is reported as
    /// given back while a request can still take it would be spent twice.
    pub(super) fn give_back(&mut self, seq: u64) {
        self.reopened_in = seq;
        let cell = self.slot.cell();
        self.returned += if planted(Bug::ReturnedAfterSpent) {
            cell.left().saturating_sub(self.slot.waiting())
        } else {
            cell.withdraw(self.slot.waiting())
        };
    }

    /// Somebody changed what is left: the next request asks again.
    pub(super) fn reopen(&mut self, seq: u64) {
        self.reopened_in = seq;
        self.tries = 0;
        self.slot.cell().reopen();
    }

    /// Sets the quota anew. Where what is held may be more than what is left, or of a period that is
    /// none any more, it goes back before another request is admitted.
    pub(super) fn set_quota(
        &mut self,
        quota: Quota,
        seq: u64,
        next_lease: &mut u32,
    ) -> Option<LeaseItem> {
        let before = self.slot.quota();
        if before == quota {
            return None;
        }
        self.slot.set_quota(quota);
        let periods = |it: &Quota| (it.period, it.offset);
        let over = quota.limit < before.limit || periods(&quota) != periods(&before);
        let closed = over.then(|| self.close(seq, next_lease)).flatten();
        self.reopen(seq);
        closed
    }

    /// The last word on this lease, `None` when it was never opened. Sealing comes first: what is
    /// reported as used can then not grow any more. Another lease takes its place.
    pub(super) fn close(&mut self, seq: u64, next_lease: &mut u32) -> Option<LeaseItem> {
        let item = self.open.map(|period| {
            let returned = self.returned + self.slot.cell().seal();
            LeaseItem {
                start: Some(period.start),
                used: self.granted - returned,
                returned,
                close: true,
                ..self.report()
            }
        });
        let (slot, retrying) = (Arc::clone(&self.slot), self.retrying);
        *self = Self {
            reopened_in: seq,
            tries: self.tries,
            retrying,
            ..Self::new(slot, *next_lease)
        };
        *next_lease += 1;
        item
    }

    /// Whether the lease cannot go on: the limit was lowered so far that nothing is free, or the
    /// quota has other periods now.
    pub(super) fn is_over(&self, open: &Open) -> bool {
        self.open.is_some_and(|period| {
            let moved = (period.start, period.end) != (open.start, open.end);
            moved || (open.free == 0 && open.cap < period.cap)
        })
    }

    /// Whether a lease is open that is of another time than `now`.
    pub(super) fn is_past(&self, now: Millis) -> bool {
        self.open
            .is_some_and(|it| now < it.since || now >= it.until)
    }

    /// Takes in what the state says of the lease; says how many tokens that brings.
    pub(super) fn open(&mut self, seq: u64, open: &Open, asked: Millis, times: Times) -> u64 {
        if let Some(period) = &mut self.open {
            period.cap = open.cap;
        } else {
            let period = Period::of(open, asked, times);
            self.slot.cell().open(period.since, period.until);
            self.open = Some(period);
        }
        let known = if planted(Bug::GrantCountedTwice) {
            0
        } else {
            self.granted
        };
        let more = open.granted.saturating_sub(known);
        self.granted += more;
        let unmoved = self.returned == self.sent_returned && seq > self.reopened_in;
        let exhausted = open.free == 0 && open.elsewhere == 0 && unmoved;
        let beside = open.free.saturating_add(open.elsewhere);
        self.low_water = self.next_low_water(more);
        let cell = self.slot.cell();
        cell.grant(more, self.low_water, beside, exhausted);
        more
    }

    /// Ask again when a quarter of what is held now is left. An answer that brings nothing may be to a slot
    /// that only told what it spent: its mark stays, or it would ask when a request already waits.
    /// One that is past its mark asked in vain, and asks again with a quarter of what it has.
    fn next_low_water(&self, more: u64) -> u64 {
        let left = self.left();
        if more > 0 {
            left.saturating_add(more) / 4
        } else if left > self.low_water {
            self.low_water
        } else {
            left / 4
        }
    }

    /// Whether requests need no more patience: there are tokens, or there is certainty.
    pub(super) fn is_ready(&self) -> bool {
        self.left() > 0 || self.slot.cell().is_exhausted()
    }
}

/// What time it is. A node's clock may be wrong by days; the state's never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// By the clock of this node, which requests read.
    pub own: Millis,
    /// In the state, which says when a quota's window begins and ends.
    pub cluster: Millis,
}

#[cfg(test)]
impl Times {
    pub(crate) fn agreed(at: Millis) -> Self {
        Self {
            own: at,
            cluster: at,
        }
    }
}

/// What the state says of an open lease (`LeaseVerdict::Open`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    pub(super) start: Millis,
    pub(super) end: Millis,
    pub(super) granted: u64,
    pub(super) cap: u64,
    pub(super) free: u64,
    pub(super) elsewhere: u64,
}

impl Open {
    pub(super) fn of(verdict: &LeaseVerdict) -> Option<Self> {
        match *verdict {
            LeaseVerdict::Open {
                start,
                end,
                granted,
                cap,
                free,
                elsewhere,
            } => Some(Self {
                start,
                end,
                granted,
                cap,
                free,
                elsewhere,
            }),
            LeaseVerdict::Closed | LeaseVerdict::NoQuota | LeaseVerdict::Impossible => None,
        }
    }
}
