//! Rates and bursts of the whole cluster: every node holds a share of each token bucket, leased
//! for seconds by the leader, from memory.
//!
//! `grantor` is the leader's side and `holder` every node's; both are plain structs that are told
//! the time. `run` carries their words. Nothing of it is in the log: losing it costs seconds of
//! rate, and waiting for a disk at every change of demand would cost more.

mod division;
mod grantor;
mod holder;
mod limits;
mod run;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;
use tollgate_config::cells::{BucketId, BucketKey, Tenure, TokenBucket};
use tollgate_model::Throttle;
use tollgate_protocol::Clock;
use tollgate_state::NodeId;

use self::grantor::{Grantor, View};
use self::holder::Holder;
use self::limits::{BUSY_BEAT_US, HOT_MAX, QUIET_BEAT_US, WAIT_US, divided_from, floor};
use self::wire::{Answer, Asked, Beat};
use crate::raft::disk::lock;

pub(crate) use self::run::{answer, ask, run};

/// The token buckets of this node and its part in dividing them. Clones share it.
#[derive(Clone)]
pub struct Rates(Arc<Shared>);

impl std::fmt::Debug for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rates")
            .field("me", &self.0.me)
            .finish_non_exhaustive()
    }
}

struct Shared {
    me: NodeId,
    clock: Arc<dyn Clock>,
    parts: Mutex<Parts>,
    /// A bucket ran dry that nobody watches yet.
    pressed: Arc<Notify>,
}

struct Parts {
    holder: Holder,
    grantor: Grantor,
    low: Receiver<BucketKey>,
    /// Since when the table of nodes says that there is nobody else, if it ever said otherwise.
    alone_since: Option<u64>,
    was_among: bool,
}

impl Rates {
    pub(crate) fn new(me: NodeId, incarnation: u32, clock: Arc<dyn Clock>) -> Self {
        let (sender, low) = sync_channel(HOT_MAX);
        let pressed = Arc::new(Notify::new());
        let told = Arc::clone(&pressed);
        let tenure = Tenure::new(move |key| match sender.try_send(key) {
            Ok(()) => {
                told.notify_one();
                true
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        });
        Self(Arc::new(Shared {
            me,
            clock,
            parts: Mutex::new(Parts {
                holder: Holder::new(incarnation, Arc::new(tenure)),
                grantor: Grantor::default(),
                low,
                alone_since: None,
                was_among: false,
            }),
            pressed,
        }))
    }

    /// The parts and the time, which is read once they are held: whoever waited for them with a time
    /// of before would not see the end of a lease that requests saw meanwhile.
    fn parts(&self) -> (MutexGuard<'_, Parts>, u64) {
        let parts = lock(&self.0.parts);
        (parts, self.now())
    }

    fn now(&self) -> u64 {
        self.0.clock.monotonic_us()
    }

    /// The bucket of this id, with its limit set anew.
    #[must_use]
    pub fn bucket(&self, id: &BucketId, limit: Throttle) -> Arc<TokenBucket> {
        let (mut parts, now) = self.parts();
        parts.holder.bucket(now, id.key(), limit)
    }

    /// The bucket of this id, with the limit that it has; `None` when no snapshot holds one.
    #[must_use]
    pub fn find(&self, id: &BucketId) -> Option<Arc<TokenBucket>> {
        lock(&self.0.parts).holder.find(id.key())
    }

    /// Forgets buckets that no snapshot holds any more.
    pub fn sweep(&self) {
        lock(&self.0.parts).holder.sweep();
    }

    /// The buckets of the configuration that this life began with are there: any other is new.
    pub fn begin(&self) {
        lock(&self.0.parts).holder.begin();
    }

    /// Whether this node has its part of every rate, and not the floor alone.
    #[must_use]
    pub fn is_leased(&self) -> bool {
        let (parts, now) = self.parts();
        !parts.holder.is_lapsed(now)
    }

    /// Takes in which nodes there are.
    pub(crate) fn sync(&self, nodes: &BTreeSet<NodeId>) {
        let (mut parts, now) = self.parts();
        parts.sync(now, self.0.me, nodes);
    }

    /// Takes a token for a request of another node, of a bucket that this node holds whole.
    fn take(&self, key: BucketKey) -> Asked {
        let Some(bucket) = lock(&self.0.parts).holder.find(key) else {
            return Asked::NotHere;
        };
        match bucket.try_take(self.now()) {
            Ok(()) => Asked::Admitted,
            Err(refused) if refused.elsewhere => Asked::NotHere,
            Err(refused) => Asked::Refused(refused.retry_after_us),
        }
    }

    /// What to say to who leads; `None` while there is nobody to share with.
    fn beat(&self, leader: NodeId, term: u64) -> Option<Beat> {
        let (mut parts, now) = self.parts();
        let Parts { holder, low, .. } = &mut *parts;
        if holder.is_alone() {
            return None;
        }
        for key in low.try_iter() {
            holder.watch(key);
        }
        Some(holder.beat(now, leader, term))
    }

    fn take_in(&self, of: (NodeId, u64), answer: Answer) -> bool {
        let (mut parts, now) = self.parts();
        parts.holder.take_in(now, of, answer)
    }

    /// Answers a beat of another node; its own, first, so that nobody is given what this node
    /// still has.
    fn serve(&self, view: &View, from: NodeId, beat: &Beat) -> Answer {
        let (mut parts, now) = self.parts();
        parts.sync(now, view.me, &view.nodes);
        parts.grantor.answer(now, view, from, beat)
    }

    /// This node's own beat, where it leads.
    fn beat_oneself(&self, view: &View) {
        let (mut parts, now) = self.parts();
        parts.grantor.follow(now, view.leads);
        for key in parts.low.try_iter().collect::<Vec<_>>() {
            parts.holder.watch(key);
        }
        // Before it hears that it is not alone any more: from the whole to its part in one step.
        if !parts.holder.is_alone() || view.nodes.len() > 1 {
            parts.beat_oneself(now, view);
        }
        parts.sync(now, view.me, &view.nodes);
    }

    /// The same before another node is answered, when this node still has more than it should: it
    /// was alone until now.
    fn beat_oneself_if_due(&self, view: &View) {
        if lock(&self.0.parts).holder.is_alone() && view.nodes.len() > 1 {
            self.beat_oneself(view);
        }
    }

    /// How long until the next beat, in microseconds.
    fn pause_us(&self) -> u64 {
        let (parts, now) = self.parts();
        if parts.holder.is_busy() || parts.holder.is_lapsed(now) {
            BUSY_BEAT_US
        } else {
            QUIET_BEAT_US
        }
    }
}

impl Parts {
    fn sync(&mut self, now: u64, me: NodeId, nodes: &BTreeSet<NodeId>) {
        let alone = nodes.len() == 1 && nodes.contains(&me);
        if !alone {
            self.alone_since = None;
            if !nodes.is_empty() {
                self.was_among = true;
                let among = (floor(nodes.len()), divided_from(nodes.len()));
                self.holder.be_among(now, among.0, among.1);
            }
            return;
        }
        // Nodes that were removed may still use what they were leased.
        let since = *self.alone_since.get_or_insert(now);
        if !self.was_among || now >= since + WAIT_US {
            self.was_among = false;
            self.holder.be_alone(now);
        }
    }

    fn beat_oneself(&mut self, now: u64, view: &View) {
        let Some(term) = view.leads else { return };
        let beat = self.holder.beat(now, view.me, term);
        let answer = self.grantor.answer(now, view, view.me, &beat);
        self.holder.take_in(now, (view.me, term), answer);
    }
}
