//! Limits that come into force when a configuration is served.

use std::sync::Arc;

use tollgate_model::{Quota, Throttle};
use tollgate_protocol::ids::PlanId;

use crate::cells::{BucketId, CellSource, SlotSource, TokenBucket};

/// Hands out buckets and leaves those that requests use as they are: a configuration that turns out
/// wrong further on must not have set a rate.
#[derive(Debug)]
pub(super) struct Pending<'a> {
    cells: &'a mut dyn CellSource,
    /// To be set when the configuration can be served, at most one for each route of a stage.
    pub(super) throttles: Vec<(BucketId, Throttle)>,
}

impl<'a> Pending<'a> {
    pub(super) fn new(cells: &'a mut dyn CellSource) -> Self {
        Self {
            cells,
            throttles: Vec::new(),
        }
    }
}

impl CellSource for Pending<'_> {
    fn find(&mut self, id: &BucketId) -> Option<Arc<TokenBucket>> {
        self.cells.find(id)
    }

    fn bucket(&mut self, id: BucketId, throttle: Throttle) -> Arc<TokenBucket> {
        match self.cells.find(&id) {
            Some(bucket) => {
                self.throttles.push((id, throttle));
                bucket
            }
            None => self.cells.bucket(id, throttle),
        }
    }

    fn quota(&mut self, plan: &PlanId, quota: Quota) -> Arc<dyn SlotSource> {
        self.cells.quota(plan, quota)
    }
}
