//! A state goes on as another cluster's: of a backup, or of the one node that is left.
//!
//! The configuration, its history and the use of quotas stay. Who is in the cluster does not: the
//! new one has another authority, so that no node of the old one can come back into it. What nodes
//! held of quotas counts as spent. What was admitted after the state was written is not known; so
//! that no quota is exceeded, the windows that are current begin with nothing left, unless a person
//! decides otherwise.

use alloc::sync::Arc;

use tollgate_model::{Model, Quota};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{KeyId, PlanId};

use crate::State;
use crate::command::NodeId;
use crate::nodes::Nodes;
use crate::period::window_at;
use crate::proposals::Proposals;
use crate::quota::{Bucket, QuotaTable};
use crate::tokens::Tokens;

/// What the current windows of quotas begin with in the new cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quotas {
    /// Nothing: whatever was admitted after the state was written, no quota is exceeded.
    Exhausted,
    /// What the state says is left. What was admitted after it was written can be admitted again.
    AsKnown,
}

impl State {
    /// Makes this the first state of a new cluster, which is not founded yet. `now` is the wall
    /// clock: the windows that hold it are the current ones. A node that is kept keeps its id, all
    /// others count as removed; with `None` ids begin anew.
    pub fn succeed(&mut self, now: Millis, kept: Option<NodeId>, quotas: Quotas) {
        self.now = self.now.max(now);
        match kept {
            Some(kept) => Arc::make_mut(&mut self.nodes).only(self.now, kept),
            None => {
                self.nodes = Arc::new(Nodes::default());
                // The new nodes have the old ones' ids and lives, and so name proposals alike.
                self.proposals = Arc::new(Proposals::default());
                // A copy of the state alone is no way to the root of another cluster.
                Arc::make_mut(&mut self.iam).forget_root();
            }
        }
        self.tokens = Arc::new(Tokens::default());
        self.quota.end_all();
        if quotas == Quotas::Exhausted {
            self.quota.exhaust(&self.model, self.now);
        }
    }
}

impl QuotaTable {
    /// Ends every life: what any node held counts as spent, and nobody was told anything yet.
    fn end_all(&mut self) {
        self.forget_lives();
        for bucket in self.all_mut() {
            let Bucket {
                previous, current, ..
            } = Arc::make_mut(bucket);
            for window in previous.iter_mut().chain([current]) {
                window.end_all();
            }
        }
    }

    /// Leaves nothing of the window that holds `now`, for every key of every plan with a quota,
    /// also for those that were never used as far as is known.
    fn exhaust(&mut self, model: &Model, now: Millis) {
        for (place, quota) in places(model) {
            let bucket = self.bucket_mut(place);
            bucket.roll(window_at(&quota, now));
            bucket.current.exhaust(&quota);
        }
    }
}

fn places(model: &Model) -> impl Iterator<Item = ((PlanId, KeyId), Quota)> {
    let keys = model.api_keys.values();
    keys.flat_map(move |key| {
        key.usage_plans.iter().filter_map(move |plan| {
            let quota = model.usage_plans.get(plan)?.quota?;
            Some(((plan.clone(), key.id.clone()), quota))
        })
    })
}
