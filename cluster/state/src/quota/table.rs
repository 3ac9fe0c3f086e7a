//! All quotas: which windows there are, whose batches count, and what is answered.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use tollgate_model::{Model, Quota};
use tollgate_protocol::codec::{Decode, Encode};
use tollgate_protocol::ids::{KeyId, PlanId};
use tollgate_protocol::{Millis, Table};

use super::{Bucket, Bug, LeaseId, WindowState, planted, quota_of};
use crate::command::{Effect, LeaseBatch, LeaseItem, LeaseReply, LeaseVerdict, NodeId};
use crate::period::window_at;

/// Keys that are looked at when the configuration changes, to find those that are gone.
const PRUNED_AT_ONCE: usize = 256;

/// A node's current life.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
struct Session {
    incarnation: u32,
    last_seq: u64,
}

/// The current life of every node.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) struct Sessions {
    by_node: BTreeMap<NodeId, Session>,
    /// How many lives began or ended.
    lives: u64,
}

impl Sessions {
    /// Whether the life that holds a lease is over.
    fn is_dead(&self, id: &LeaseId) -> bool {
        let session = self.by_node.get(&id.node);
        session.is_none_or(|it| it.incarnation != id.incarnation)
    }

    fn settle(&self, window: &mut WindowState) {
        window.settle(self.lives, |id| self.is_dead(id));
    }
}

/// What a batch is judged by.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) model: &'a Model,
    pub(crate) now: Millis,
    /// Nodes that are in the cluster.
    pub(crate) live: u64,
}

/// All quotas.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct QuotaTable {
    buckets: Table<(PlanId, KeyId), Arc<Bucket>>,
    sessions: Sessions,
    /// How far the last look for keys that are gone came.
    pruned: (PlanId, KeyId),
}

impl QuotaTable {
    /// A key's quota in a plan, if it was ever used.
    #[must_use]
    pub fn bucket(&self, plan: &PlanId, key: &KeyId) -> Option<Bucket> {
        let bucket = self.buckets.get(&(plan.clone(), key.clone()))?;
        Some(self.settled(bucket))
    }

    /// Every key of a plan that used its quota, by key.
    pub fn buckets_of<'a>(&'a self, plan: &PlanId) -> impl Iterator<Item = (&'a KeyId, Bucket)> {
        let first = (plan.clone(), KeyId::default());
        let plan = plan.clone();
        self.buckets
            .range_from(&first)
            .take_while(move |((of, _), _)| *of == plan)
            .map(|((_, key), bucket)| (key, self.settled(bucket)))
    }

    /// A copy in which what dead holders had counts as spent: apply does that when it next touches
    /// a window.
    fn settled(&self, bucket: &Bucket) -> Bucket {
        let mut bucket = bucket.clone();
        self.sessions.settle(&mut bucket.current);
        bucket
    }

    /// A node begins a new life, which the caller found to be newer than the known one: what its
    /// older lives held counts as spent.
    pub(crate) fn begin_life(&mut self, node: NodeId, incarnation: u32) {
        let session = Session {
            incarnation,
            last_seq: 0,
        };
        self.sessions.by_node.insert(node, session);
        self.sessions.lives += 1;
    }

    /// A node is removed: its batches are stale from here on, and what it held counts as spent.
    pub(crate) fn end(&mut self, node: NodeId) {
        self.sessions.by_node.remove(&node);
        self.sessions.lives += 1;
    }

    /// No node lives any more.
    pub(crate) fn forget_lives(&mut self) {
        self.sessions.by_node.clear();
        self.sessions.lives += 1;
    }

    /// Every bucket, to change it.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Arc<Bucket>> {
        self.buckets.values_mut()
    }

    /// A key's bucket in a plan, made when there is none.
    pub(crate) fn bucket_mut(&mut self, place: (PlanId, KeyId)) -> &mut Bucket {
        Arc::make_mut(self.buckets.get_or_insert_with(place, Arc::default))
    }

    /// Takes in a node's news. `None` when the batch is not of the node's current life.
    pub(crate) fn lease(
        &mut self,
        scene: Scene<'_>,
        batch: &LeaseBatch,
        effects: &mut Vec<Effect>,
    ) -> Option<Vec<LeaseReply>> {
        let session = self.sessions.by_node.get_mut(&batch.node)?;
        if session.incarnation != batch.incarnation {
            return None;
        }
        let fresh = batch.seq > session.last_seq || planted(Bug::SeqGuardDropped);
        session.last_seq = session.last_seq.max(batch.seq);
        let replies = batch.items.iter().map(|item| LeaseReply {
            plan: item.plan.clone(),
            key: item.key.clone(),
            lease: item.lease,
            verdict: self.item(scene, batch, item, fresh, effects),
        });
        Some(replies.collect())
    }

    fn item(
        &mut self,
        scene: Scene<'_>,
        batch: &LeaseBatch,
        item: &LeaseItem,
        fresh: bool,
        effects: &mut Vec<Effect>,
    ) -> LeaseVerdict {
        let quota = quota_of(scene.model, &item.plan, &item.key);
        let place = (item.plan.clone(), item.key.clone());
        if quota.is_none() && !self.buckets.contains_key(&place) {
            return LeaseVerdict::NoQuota;
        }
        let id = LeaseId {
            node: batch.node,
            incarnation: batch.incarnation,
            lease: item.lease,
        };
        let bucket = Arc::make_mut(self.buckets.get_or_insert_with(place, Arc::default));
        if let Some(quota) = quota {
            bucket.roll(window_at(&quota, scene.now));
        }
        let Some((window, is_current)) = bucket.window_mut(item.start, &id) else {
            return LeaseVerdict::Closed;
        };
        self.sessions.settle(window);
        let (start, end) = (window.start, window.end);
        // One before it may not have passed: its period was changed, and nothing more is granted.
        let current = is_current && scene.now < end;
        if !window.open.contains_key(&id) {
            let opens = fresh && !item.close && item.used == 0 && item.returned == 0;
            if !opens || quota.is_none() || !current {
                return LeaseVerdict::Closed;
            }
            if !window.open(id) {
                return LeaseVerdict::Impossible;
            }
        }
        let Some(used) = window.report(&id, item) else {
            return LeaseVerdict::Impossible;
        };
        if item.close {
            window.close(&id);
        }
        let verdict = match quota {
            Some(quota) if current => {
                let wish = fresh.then_some(item);
                answer(scene, window, &id, item, (&quota, wish), effects)
            }
            Some(_) => LeaseVerdict::Closed,
            None => LeaseVerdict::NoQuota,
        };
        bucket.count(used, scene.now, start, end);
        verdict
    }

    /// Sets what is left of the current window.
    pub(crate) fn adjust(
        &mut self,
        model: &Model,
        now: Millis,
        place: (&PlanId, &KeyId),
        remaining: u64,
    ) -> Option<Vec<Effect>> {
        let (plan, key) = place;
        let quota = quota_of(model, plan, key)?;
        let owned = (plan.clone(), key.clone());
        let bucket = Arc::make_mut(self.buckets.get_or_insert_with(owned, Arc::default));
        bucket.roll(window_at(&quota, now));
        let window = &mut bucket.current;
        self.sessions.settle(window);
        let out = window.spent.saturating_add(window.assumed);
        window.adjusted_cap = Some(out.saturating_add(remaining));
        let reopened = window.reopened(&quota).then(|| reopen(plan, key));
        let mut effects: Vec<Effect> = reopened.into_iter().collect();
        if window.free(&quota) == 0 {
            // More is out than is left: no node has the id 0, so all holders are asked.
            effects.extend(recalls(window, 0, place));
        }
        Some(effects)
    }

    /// Forgets keys and plans that are gone, once their windows have passed. Looks at a few at a
    /// time, each time at the next ones: a change of one key must not cost a walk over all.
    pub(crate) fn prune(&mut self, model: &Model, now: Millis) {
        let mut next = self.buckets.range_from(&self.pruned);
        let gone: Vec<(PlanId, KeyId)> = (&mut next)
            .take(PRUNED_AT_ONCE)
            .filter(|((plan, key), bucket)| {
                now >= bucket.current.end && quota_of(model, plan, key).is_none()
            })
            .map(|(place, _)| place.clone())
            .collect();
        self.pruned = next
            .next()
            .map(|(place, _)| place.clone())
            .unwrap_or_default();
        for place in &gone {
            self.buckets.remove(place);
        }
    }

    /// What a state snapshot has beside the buckets.
    pub(crate) fn head(&self) -> (Sessions, (PlanId, KeyId)) {
        (self.sessions.clone(), self.pruned.clone())
    }

    /// A table of a state snapshot, before its buckets come.
    pub(crate) fn with_head(sessions: Sessions, pruned: (PlanId, KeyId)) -> Self {
        Self {
            sessions,
            pruned,
            buckets: Table::new(),
        }
    }

    /// The buckets from a place on.
    pub(crate) fn range_from(
        &self,
        from: &(PlanId, KeyId),
    ) -> impl Iterator<Item = (&(PlanId, KeyId), &Bucket)> {
        let range = self.buckets.range_from(from);
        range.map(|(place, bucket)| (place, &**bucket))
    }

    /// Puts buckets of a state snapshot in, in their order.
    pub(crate) fn extend(&mut self, buckets: Vec<((PlanId, KeyId), Arc<Bucket>)>) {
        self.buckets.extend(buckets);
    }

    /// Every window, for tests.
    #[cfg(test)]
    pub(crate) fn windows(&self) -> impl Iterator<Item = &WindowState> {
        self.buckets
            .values()
            .flat_map(|bucket| bucket.previous.iter().chain([&bucket.current]))
    }
}

/// What a node is told of its lease in the current window; its wish is looked at when there is one.
fn answer(
    scene: Scene<'_>,
    window: &mut WindowState,
    id: &LeaseId,
    item: &LeaseItem,
    (quota, wish): (&Quota, Option<&LeaseItem>),
    effects: &mut Vec<Effect>,
) -> LeaseVerdict {
    // Before a wish takes what came back: others were told that nothing is left.
    if window.reopened(quota) {
        effects.push(reopen(&item.plan, &item.key));
    }
    let Some(known) = window.open.get(id).copied() else {
        return LeaseVerdict::Closed;
    };
    let more = wish.map_or(0, |wish| window.grant(id, wish, quota, scene.live));
    let (free, elsewhere) = (window.free(quota), window.elsewhere(id.node));
    if more == 0 && item.waiting > 0 && free == 0 {
        effects.extend(recalls(window, id.node, (&item.plan, &item.key)));
    }
    if free == 0 && elsewhere == 0 {
        window.tell();
    }
    LeaseVerdict::Open {
        start: window.start,
        end: window.end,
        granted: known.granted + more,
        cap: window.cap(quota),
        free,
        elsewhere,
    }
}

/// Asks the nodes beside one to give back.
fn recalls<'a>(
    window: &WindowState,
    beside: NodeId,
    (plan, key): (&'a PlanId, &'a KeyId),
) -> impl Iterator<Item = Effect> + use<'a> {
    let holders = window.holders_beside(beside).into_iter();
    holders.map(|node| Effect::Recall {
        node,
        plan: plan.clone(),
        key: key.clone(),
    })
}

fn reopen(plan: &PlanId, key: &KeyId) -> Effect {
    Effect::Reopened {
        plan: plan.clone(),
        key: key.clone(),
    }
}
