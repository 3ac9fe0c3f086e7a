//! A node's side of leased shares: what it asks for, what it was given, and what each of its
//! buckets has by that. It is told the time and touches buckets only through their shares.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Weak};

use tollgate_config::cells::{BucketKey, Tenure, TokenBucket, WHOLE};
use tollgate_model::Throttle;
use tollgate_state::NodeId;

use super::limits::{HOT_MAX, drift_us};
use super::wire::{Answer, Beat, Lease, Want};

/// Looks in a row without a refusal after which a bucket is not watched any more: the leader
/// divides it by demand for as long as somebody is pressed, and this node's word counts then.
const QUIET_LOOKS_MAX: u8 = 25;

/// The demand of a bucket that ran dry and was not measured yet: half of the whole.
const UNKNOWN: u64 = WHOLE as u64 / 2;

/// A bucket whose demand is watched.
#[derive(Debug, Default)]
struct Watched {
    /// The demand of the whole node as a part of [`WHOLE`], smoothed; `None` before the first look.
    demand: Option<u64>,
    pressed: bool,
    quiet: u8,
}

/// The shares of a node.
#[derive(Debug)]
pub(crate) struct Holder {
    incarnation: u32,
    tenure: Arc<Tenure>,
    buckets: HashMap<BucketKey, Weak<TokenBucket>>,
    /// Whether there is nobody to share with.
    alone: bool,
    /// The last lease that was taken; it may be over.
    lease: Lease,
    floor: u16,
    number: u64,
    sent_us: u64,
    /// Whose answer was the last one that was taken, and its stamp.
    echo: (NodeId, u64, u64),
    watched: BTreeMap<BucketKey, Watched>,
    looked_us: u64,
    /// Whether buckets that appear now had no chance to be used before.
    begun: bool,
}

impl Holder {
    pub(crate) fn new(incarnation: u32, tenure: Arc<Tenure>) -> Self {
        Self {
            incarnation,
            tenure,
            buckets: HashMap::new(),
            alone: false,
            lease: Lease::default(),
            floor: 0,
            number: 0,
            sent_us: 0,
            echo: (0, 0, 0),
            watched: BTreeMap::new(),
            looked_us: 0,
            begun: false,
        }
    }

    /// From here on a new bucket is new to the cluster, and full. Before, it is one of a life that
    /// ended, which may have spent it: it begins empty.
    pub(crate) fn begin(&mut self) {
        self.begun = true;
    }

    /// The bucket of this name, with its limit set anew.
    pub(crate) fn bucket(&mut self, now: u64, key: BucketKey, limit: Throttle) -> Arc<TokenBucket> {
        if let Some(bucket) = self.buckets.get(&key).and_then(Weak::upgrade) {
            if bucket.limit() != limit {
                bucket.set(limit, now);
                bucket.set_share(self.share(now, &bucket), now);
            }
            return bucket;
        }
        let empty_at = (!self.begun).then_some(now);
        let tenure = Arc::clone(&self.tenure);
        let bucket = TokenBucket::shared(limit, key, tenure, 0, None);
        // What it has is known only by the bucket's own burst.
        let share = self.share(now, &bucket);
        let tenure = Arc::clone(&self.tenure);
        let bucket = Arc::new(TokenBucket::shared(limit, key, tenure, share, empty_at));
        self.buckets.insert(key, Arc::downgrade(&bucket));
        bucket
    }

    pub(crate) fn find(&self, key: BucketKey) -> Option<Arc<TokenBucket>> {
        self.buckets.get(&key).and_then(Weak::upgrade)
    }

    /// Forgets buckets that no snapshot holds any more.
    pub(crate) fn sweep(&mut self) {
        self.buckets.retain(|_, bucket| bucket.strong_count() > 0);
    }

    pub(crate) fn is_alone(&self) -> bool {
        self.alone
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.watched.is_empty()
    }

    /// Whether what the node holds is over.
    pub(crate) fn is_lapsed(&self, now: u64) -> bool {
        now >= self.tenure.until_us()
    }

    /// The share of a bucket by what the node holds now.
    fn share(&self, now: u64, bucket: &TokenBucket) -> u16 {
        if self.is_lapsed(now) {
            self.tenure.floor(bucket.limit().burst_limit)
        } else {
            self.leased(&self.lease, bucket)
        }
    }

    /// The share of a bucket by a lease.
    fn leased(&self, lease: &Lease, bucket: &TokenBucket) -> u16 {
        if self.alone {
            return WHOLE;
        }
        if bucket.limit().burst_limit < u32::from(lease.divided_from) {
            return if lease.central { WHOLE } else { 0 };
        }
        lease.floor + lease.of(bucket.key().0)
    }

    /// Nobody shares with this node.
    pub(crate) fn be_alone(&mut self, now: u64) {
        let was_alone = self.alone;
        if !was_alone {
            self.settle(now);
            self.alone = true;
            self.tenure.set_floor(WHOLE, 1);
            self.tenure.set_until_us(u64::MAX);
        }
        // A request may still have lowered a bucket by the end that there was.
        if self.tenure.take_lapsed() || !was_alone {
            self.spread(now, None, |_, _, share| share);
        }
    }

    /// Others share with this node from now on. What it holds until its next lease is the floor.
    pub(crate) fn be_among(&mut self, now: u64, floor: u16, divided_from: u16) {
        if self.alone {
            self.alone = false;
            (self.floor, self.lease) = (floor, Lease::default());
            self.tenure.set_floor(floor, divided_from.into());
            self.tenure.set_until_us(now);
            self.settle(now);
        }
    }

    /// A bucket ran dry.
    pub(crate) fn watch(&mut self, key: BucketKey) {
        let Some(bucket) = self.find(key) else {
            return;
        };
        // One that is not divided is nobody's to ask more of.
        if self.tenure.is_central(bucket.limit().burst_limit) {
            bucket.demand();
        } else if self.watched.len() < HOT_MAX || self.watched.contains_key(&key) {
            self.watched.entry(key).or_default().quiet = 0;
        }
    }

    /// What to say to the one who leads this term.
    pub(crate) fn beat(&mut self, now: u64, leader: NodeId, term: u64) -> Beat {
        self.look(now);
        self.number += 1;
        self.sent_us = now;
        let (of, in_term, stamp) = self.echo;
        let echo = if (of, in_term) == (leader, term) {
            stamp
        } else {
            0
        };
        let hot = self.watched.iter().map(|(key, it)| Want {
            key: key.0,
            share: self.wanted(it),
            pressed: it.pressed,
        });
        Beat {
            term,
            incarnation: self.incarnation,
            number: self.number,
            echo,
            floor: if self.alone { 0 } else { self.floor },
            hot: hot.collect(),
        }
    }

    /// A little more than the demand, so that a demand that grows is not refused at once.
    fn wanted(&self, watched: &Watched) -> u16 {
        let demand = watched.demand.unwrap_or(UNKNOWN);
        let wanted = (demand + demand / 4 + 8).saturating_sub(self.floor.into());
        // At most WHOLE.
        wanted.min(WHOLE.into()) as u16
    }

    /// Measures the demand of what is watched.
    fn look(&mut self, now: u64) {
        let elapsed = now.saturating_sub(self.looked_us).max(1);
        self.looked_us = now;
        for (key, _) in self.lease.own.iter().take(HOT_MAX) {
            if self.watched.len() < HOT_MAX {
                self.watched.entry(BucketKey(*key)).or_default();
            }
        }
        let equal = u64::from(WHOLE) / u64::from(self.lease.divided_from.max(1));
        let (buckets, lease) = (&self.buckets, &self.lease);
        self.watched.retain(|key, watched| {
            let listed = lease
                .own
                .binary_search_by_key(&key.0, |(it, _)| *it)
                .is_ok();
            let Some(bucket) = buckets.get(key).and_then(Weak::upgrade) else {
                return false;
            };
            let seen = bucket.demand();
            let asked = u64::from(seen.taken) + u64::from(seen.refused);
            let rate = bucket.limit().rate_limit.micros().max(1);
            let part = u128::from(asked) * u128::from(WHOLE) * 1_000_000_000_000
                / (u128::from(elapsed) * u128::from(rate));
            let part = u64::try_from(part).unwrap_or(u64::MAX).min(WHOLE.into());
            // What was let in before the first look is not known to be recent.
            watched.demand = match watched.demand {
                None if seen.refused == 0 && !listed => None,
                None => Some(part),
                Some(before) => Some((before + part).div_ceil(2)),
            };
            watched.pressed = seen.refused > 0 || watched.demand.is_some_and(|it| it > equal);
            watched.quiet = if watched.pressed {
                0
            } else {
                watched.quiet + 1
            };
            listed || watched.quiet < QUIET_LOOKS_MAX
        });
    }

    /// Takes in the answer to the last beat. `false` when it is to another one, or says nothing.
    pub(crate) fn take_in(
        &mut self,
        now: u64,
        (leader, term): (NodeId, u64),
        answer: Answer,
    ) -> bool {
        if answer.number != self.number || answer.stamp == 0 {
            return false;
        }
        // One answer to a number.
        self.number += 1;
        let echo = (leader, term, answer.stamp);
        let Some(lease) = answer.lease else {
            self.echo = echo;
            return true;
        };
        let valid = lease.valid_us.saturating_sub(drift_us(lease.valid_us));
        let until = self.sent_us.saturating_add(valid);
        if until <= now {
            // Too late to be taken, so it is not said to be: a larger one may still be in force.
            return true;
        }
        self.echo = echo;
        self.settle(now);
        let was_alone = std::mem::take(&mut self.alone);
        let all = was_alone || self.is_lapsed(now) || !lease.is_alike(&self.lease);
        // While a bucket is in demand each answer gives it another share: nearly always a few
        // buckets move, of perhaps a million.
        let moved = if all {
            None
        } else {
            Some(moved(&self.lease, &lease))
        };
        // First what falls, while it is still held by what was before; then the new end; then what
        // rises.
        self.spread(now, moved.as_deref(), |holder, bucket, _| {
            holder.leased(&lease, bucket).min(bucket.share())
        });
        (self.floor, self.lease) = (lease.floor, lease);
        self.tenure
            .set_floor(self.floor, self.lease.divided_from.into());
        self.tenure.set_until_us(until);
        // Requests may have seen the end before pass, which this node did not: what they lowered is
        // not known by name.
        let lapsed = self.tenure.take_lapsed();
        let moved = moved.filter(|_| !lapsed);
        self.spread(now, moved.as_deref(), |_, _, share| share);
        true
    }

    /// Lowers every bucket that the end of a lease went by unnoticed.
    fn settle(&mut self, now: u64) {
        let until = self.tenure.until_us();
        if now >= until {
            for bucket in self.buckets.values().filter_map(Weak::upgrade) {
                let floor = self.tenure.floor(bucket.limit().burst_limit);
                if bucket.share() > floor {
                    bucket.set_share(floor, until);
                }
            }
        }
    }

    /// Gives buckets, of these names or all, the share that `share` says, of the bucket and what it
    /// has by the lease.
    fn spread(
        &self,
        now: u64,
        names: Option<&[BucketKey]>,
        share: impl Fn(&Self, &TokenBucket, u16) -> u16,
    ) {
        let give = |bucket: &TokenBucket| {
            let leased = self.share(now, bucket);
            bucket.set_share(share(self, bucket, leased), now);
        };
        match names {
            Some(names) => {
                let named = names.iter().filter_map(|key| self.find(*key));
                named.for_each(|bucket| give(&bucket));
            }
            None => {
                let all = self.buckets.values().filter_map(Weak::upgrade);
                all.for_each(|bucket| give(&bucket));
            }
        }
    }
}

/// The buckets that two leases, which are alike, give different shares.
fn moved(before: &Lease, after: &Lease) -> Vec<BucketKey> {
    let named = before.own.iter().chain(&after.own);
    let named: BTreeSet<u128> = named.map(|(key, _)| *key).collect();
    let moved = named
        .into_iter()
        .filter(|key| before.of(*key) != after.of(*key));
    moved.map(BucketKey).collect()
}

#[cfg(test)]
mod tests;
