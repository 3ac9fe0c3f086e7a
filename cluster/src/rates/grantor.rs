//! The leader's side of leased shares: who may use how much of every bucket, and until when.
//!
//! A plain struct that is told the time. It lives in memory and never in the log: a share is
//! worthless after seconds. What must hold at every instant, for every bucket: what the nodes may
//! use of its pool, together, is at most the pool. It does, because
//!
//! - of each node the larger of two leases counts, the one that it is known to have taken and the
//!   one that was sent last, until that lease has ended for certain. So shares fall before others
//!   rise;
//! - a lease ends before the word of a majority of voters does that they follow this term. A later
//!   leader was elected by a majority that gave no such word after its vote, and it waits for
//!   [`WAIT_US`] before it grants anything. So no two leaders' leases overlap.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_config::cells::WHOLE;
use tollgate_state::NodeId;

use super::division::divide;
use super::limits::{COOL_US, HOT_MAX, TERM_US, WAIT_US, divided_from, drift_us, floor};
use super::wire::{Answer, Beat, Lease, Want};
use crate::faults::{Bug, planted};

/// What a leader knows beside the beats.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// This node.
    pub(crate) me: NodeId,
    /// The term in which this node leads; `None` when it does not.
    pub(crate) leads: Option<u64>,
    /// The nodes that belong to the cluster.
    pub(crate) nodes: BTreeSet<NodeId>,
    /// Who votes: two sets while it changes, of which each must agree.
    pub(crate) voters: Vec<BTreeSet<NodeId>>,
}

/// What is known of a node.
#[derive(Debug, Default)]
struct Seat {
    incarnation: u32,
    number: u64,
    heard_us: u64,
    /// The newest stamp that came back: the node followed this term after that.
    confirmed_us: Option<u64>,
    /// The stamps of `taken` and `sent`.
    taken_stamp: u64,
    sent_stamp: u64,
    taken: Lease,
    sent: Lease,
    /// When every lease that was sent has ended.
    ends_us: u64,
    /// What it has of every bucket without a lease, at most; that does not end.
    floor: u16,
    wants: BTreeMap<u128, u16>,
}

impl Seat {
    /// What it may be using of a pool.
    fn uses(&self, now: u64, of: impl Fn(&Lease) -> u16) -> u16 {
        if now >= self.ends_us {
            0
        } else {
            of(&self.taken).max(of(&self.sent))
        }
    }

    fn divided_from(&self, now: u64, pick: impl Fn(u16, u16) -> u16) -> Option<u16> {
        let both = || match self.taken.divided_from {
            0 => self.sent.divided_from,
            taken => pick(taken, self.sent.divided_from),
        };
        (now < self.ends_us).then(both)
    }
}

/// The books of a leader; empty on everybody else.
#[derive(Debug, Default)]
pub(crate) struct Grantor {
    term: Option<u64>,
    ready_us: u64,
    seats: BTreeMap<NodeId, Seat>,
    /// Buckets that are divided by demand, and when a node was last short of them.
    hot: BTreeMap<u128, u64>,
}

impl Grantor {
    /// Begins anew when this node begins to lead, or leads another term.
    pub(crate) fn follow(&mut self, now: u64, leads: Option<u64>) {
        if self.term != leads {
            *self = Self {
                term: leads,
                ready_us: now + WAIT_US,
                ..Self::default()
            };
        }
    }

    /// Answers a node's beat.
    pub(crate) fn answer(&mut self, now: u64, view: &View, from: NodeId, beat: &Beat) -> Answer {
        self.follow(now, view.leads);
        let nothing = Answer {
            number: beat.number,
            stamp: 0,
            lease: None,
        };
        if self.term != Some(beat.term)
            || !view.nodes.contains(&from)
            || !self.hear(now, from, beat)
        {
            return nothing;
        }
        self.seats
            .retain(|id, seat| view.nodes.contains(id) || now < seat.ends_us);
        self.cool(now, view);
        let lease = self.lease(now, view, from);
        let Some(seat) = self.seats.get_mut(&from) else {
            return nothing;
        };
        // Never the same twice, also when the clock stands still.
        seat.sent_stamp = now.max(seat.sent_stamp + 1);
        let stamp = seat.sent_stamp;
        match &lease {
            Some(lease) => {
                let ends = now + lease.valid_us + drift_us(lease.valid_us) + 1;
                seat.ends_us = seat.ends_us.max(ends);
                seat.sent = lease.clone();
                seat.floor = seat.floor.max(lease.floor);
            }
            None => seat.sent = seat.taken.clone(),
        }
        Answer {
            number: beat.number,
            stamp,
            lease,
        }
    }

    /// Takes a beat into the books; `false` for one that is older than what is there.
    fn hear(&mut self, now: u64, from: NodeId, beat: &Beat) -> bool {
        let seat = self.seats.entry(from).or_default();
        if beat.incarnation < seat.incarnation
            || (beat.incarnation == seat.incarnation && beat.number <= seat.number)
        {
            return false;
        }
        if beat.incarnation > seat.incarnation {
            // The life before is over, and its leases with it: a node holds its directory alone.
            *seat = Seat {
                incarnation: beat.incarnation,
                ..Seat::default()
            };
        }
        (seat.number, seat.heard_us, seat.floor) = (beat.number, now, beat.floor);
        if now >= seat.ends_us {
            (seat.taken, seat.sent) = (Lease::default(), Lease::default());
        }
        if beat.echo != 0 && beat.echo == seat.sent_stamp {
            (seat.taken, seat.taken_stamp) = (seat.sent.clone(), seat.sent_stamp);
        } else {
            // The last answer was not taken, and will not be: the node has gone on to this beat.
            seat.sent = seat.taken.clone();
        }
        if beat.echo != 0 && beat.echo == seat.taken_stamp {
            seat.confirmed_us = seat.confirmed_us.max(Some(beat.echo));
        }
        let wants = beat.hot.iter().take(HOT_MAX);
        seat.wants = wants.map(|it| (it.key, it.share)).collect();
        for Want { key, pressed, .. } in beat.hot.iter().take(HOT_MAX) {
            if *pressed && (self.hot.len() < HOT_MAX || self.hot.contains_key(key)) {
                self.hot.insert(*key, now);
            }
        }
        true
    }

    /// When the word of a majority ends that they follow this term.
    fn confirmed_until(&self, now: u64, view: &View) -> Option<u64> {
        let of = |voter: &NodeId| {
            let seat = self.seats.get(voter);
            if *voter == view.me {
                Some(now)
            } else {
                seat.and_then(|seat| seat.confirmed_us)
            }
        };
        let majority = |voters: &BTreeSet<NodeId>| {
            let mut confirmed: Vec<Option<u64>> = voters.iter().map(of).collect();
            confirmed.sort_unstable_by(|a, b| b.cmp(a));
            confirmed.get(voters.len() / 2).copied().flatten()
        };
        let oldest = view.voters.iter().map(majority).min().flatten()?;
        Some(oldest + TERM_US - drift_us(TERM_US))
    }

    /// What a node gets now; `None` while nothing may be granted.
    fn lease(&self, now: u64, view: &View, to: NodeId) -> Option<Lease> {
        if now < self.ready_us && !planted(Bug::SharesWithoutWait) {
            return None;
        }
        let valid_us = self.confirmed_until(now, view)?.checked_sub(now)?;
        let floor = self.floor(now, view, to);
        let pool = WHOLE.saturating_sub(self.floors(now, view, to).saturating_add(floor));
        let present = self.present(now);
        let part = part(view, present.len());
        // Buckets that somebody still has a share of his own of count as every bucket does.
        let lingering = self.listed().filter(|key| !self.hot.contains_key(key));
        let room = |of: &dyn Fn(&Lease) -> u16| pool.saturating_sub(self.used(now, to, of));
        let common = lingering
            .map(|key| room(&move |lease| lease.of(key)))
            .fold(part.min(room(&|lease| lease.common)), u16::min);
        let own = self.hot.keys().map(|key| {
            let wants: Vec<u16> = present
                .iter()
                .map(|id| self.wanted(*id, *key, now, part))
                .collect();
            let parts = divide(pool, &wants);
            let mine = present.iter().position(|id| *id == to);
            let target = mine.map_or(0, |at| parts[at]);
            (*key, target.min(room(&|lease| lease.of(*key))))
        });
        Some(Lease {
            valid_us,
            divided_from: self.divided_from(now, view, to),
            central: to == view.me,
            floor,
            common,
            own: own.collect(),
        })
    }

    /// What the others have without a lease, together. Of one that was not heard of it is the most
    /// that any node ever has.
    fn floors(&self, now: u64, view: &View, but: NodeId) -> u16 {
        let unheard = view.nodes.iter().filter(|id| !self.seats.contains_key(id));
        let unheard = unheard.map(|_| floor(2));
        let known = self.seats.iter().filter(|(id, _)| **id != but);
        let known = known.map(|(id, seat)| {
            let counts = view.nodes.contains(id) || now < seat.ends_us;
            if counts { seat.floor } else { 0 }
        });
        unheard.chain(known).fold(0, u16::saturating_add)
    }

    /// What a node has without a lease from now on: less at once, more when nobody uses it.
    fn floor(&self, now: u64, view: &View, of: NodeId) -> u16 {
        let wanted = floor(view.nodes.len());
        let has = self.seats.get(&of).map_or(0, |seat| seat.floor);
        if wanted <= has {
            return wanted;
        }
        let floors = self.floors(now, view, of).saturating_add(wanted);
        let leased = |lease: &dyn Fn(&Lease) -> u16| self.used(now, NodeId::MAX, lease);
        let fits = |used: u16| floors.saturating_add(used) <= WHOLE;
        let all = fits(leased(&|lease| lease.common))
            && self
                .listed()
                .all(|key| fits(leased(&move |lease| lease.of(key))));
        if all { wanted } else { has }
    }

    /// What all but one may be using together.
    fn used(&self, now: u64, but: NodeId, of: &dyn Fn(&Lease) -> u16) -> u16 {
        let others = self.seats.iter().filter(|(id, _)| **id != but);
        others.fold(0, |sum, (_, seat)| sum.saturating_add(seat.uses(now, of)))
    }

    /// Nodes that are heard of, or may still use something.
    fn present(&self, now: u64) -> Vec<NodeId> {
        let fresh = |seat: &Seat| now < seat.ends_us || now < seat.heard_us + TERM_US;
        let seats = self.seats.iter().filter(|(_, seat)| fresh(seat));
        seats.map(|(id, _)| *id).collect()
    }

    /// What a node wants of a bucket; an equal part once nobody is short of it any more.
    fn wanted(&self, id: NodeId, key: u128, now: u64, part: u16) -> u16 {
        let pressed = self.hot.get(&key).copied().unwrap_or(0);
        if now >= pressed + COOL_US {
            return part;
        }
        let seat = self.seats.get(&id);
        seat.and_then(|seat| seat.wants.get(&key))
            .copied()
            .unwrap_or(0)
    }

    /// Every bucket that a lease names.
    fn listed(&self) -> impl Iterator<Item = u128> {
        let leases = self.seats.values().flat_map(|it| [&it.taken, &it.sent]);
        leases.flat_map(|it| it.own.iter().map(|(key, _)| *key))
    }

    /// Forgets buckets that are divided equally again.
    fn cool(&mut self, now: u64, view: &View) {
        let part = part(view, self.present(now).len());
        let seats = &self.seats;
        self.hot.retain(|key, pressed| {
            let level = |seat: &Seat| seat.uses(now, |lease| lease.of(*key)) <= part;
            now < *pressed + COOL_US || !seats.values().all(level)
        });
    }

    /// The smallest burst that a node is told is divided. A smaller one is the leader's alone: when
    /// there are more such buckets the others let go first, when there are fewer the leader does.
    fn divided_from(&self, now: u64, view: &View, to: NodeId) -> u16 {
        let least = divided_from(view.nodes.len());
        if to != view.me {
            let mine = self.seats.get(&view.me);
            let mine = mine.and_then(|seat| seat.divided_from(now, u16::max));
            return least.max(mine.unwrap_or(0));
        }
        let mut others = self.seats.iter().filter(|(id, _)| **id != view.me);
        let let_go = others.all(|(_, seat)| {
            let told = seat.divided_from(now, u16::min);
            told.is_none_or(|told| told >= least)
        });
        if let_go {
            return least;
        }
        let told = self
            .seats
            .values()
            .filter_map(|seat| seat.divided_from(now, u16::min));
        told.fold(least, u16::min)
    }
}

/// An equal part of what is left once every node has its floor.
fn part(view: &View, present: usize) -> u16 {
    let floors = usize::from(floor(view.nodes.len())) * view.nodes.len();
    let part = usize::from(WHOLE).saturating_sub(floors) / present.max(1);
    // At most WHOLE.
    u16::try_from(part).unwrap_or(WHOLE)
}
