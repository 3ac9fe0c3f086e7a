//! Requests against a rate that all nodes have together, and the bound that they must stay within.

use std::sync::Arc;

use tollgate_config::cells::{BucketId, TokenBucket};
use tollgate_model::Throttle;
use tollgate_protocol::{Clock, Rate};
use tollgate_state::NodeId;

use super::random::Random;
use super::world::World;
use crate::Door;

/// What any interval may let in: the burst, and the rate with a part in a thousand for clocks that
/// drift.
#[derive(Debug)]
pub(super) struct Bound {
    burst: f64,
    rate: f64,
    /// What was let in and is not paid off by the rate yet.
    level: f64,
    at_us: u64,
    /// All that was let in.
    pub(super) admitted: u64,
}

impl Bound {
    pub(super) fn new(limit: Throttle) -> Self {
        Self {
            burst: limit.burst_limit.into(),
            rate: limit.rate_limit.micros() as f64 / 1e6,
            level: 0.0,
            at_us: 0,
            admitted: 0,
        }
    }

    /// Takes a request in that was let in now; says by how much that is too many.
    pub(super) fn admit(&mut self, now_us: u64) -> Option<f64> {
        let passed = now_us.saturating_sub(self.at_us) as f64 / 1e6;
        self.at_us = now_us;
        self.level = (self.level - passed * self.rate * 1.001).max(0.0) + 1.0;
        self.admitted += 1;
        let over = self.level - self.burst;
        (over > 1e-6).then_some(over)
    }
}

/// The limit of a seed that has one.
pub(super) fn limit(random: &mut Random) -> Option<Throttle> {
    let has = random.chance(50);
    let limit = Throttle {
        burst_limit: random.pick(&[8, 20, 100]),
        rate_limit: Rate::from_micros(random.pick(&[10, 40, 200]) * 1_000_000),
    };
    has.then_some(limit)
}

/// The bucket of a life that begins.
pub(super) fn bucket(world: &World, door: &Door) -> Option<Arc<TokenBucket>> {
    let id = BucketId::Key("gold".into(), "k".into());
    let bucket = world.rate.map(|limit| door.rates().bucket(&id, limit));
    door.rates().begin();
    bucket
}

/// More requests than are let in for a while and then none for a while, so that shares follow the
/// demand from node to node. Where all want the same, all shares are equal, whoever gives them.
pub(super) async fn requests(
    world: Arc<World>,
    node: NodeId,
    bucket: Arc<TokenBucket>,
    mut random: Random,
) {
    let pace = 5 + random.below(40);
    let clock = &world.machines[&node].clock;
    let (mut busy, mut until_us) = (false, 0);
    loop {
        tokio::time::sleep(random.millis(1, 2 * pace)).await;
        if clock.monotonic_us() >= until_us {
            busy = !busy;
            until_us = clock.monotonic_us() + 1_000 * (500 + random.below(4_000));
        }
        // Outside the promise: a node that was removed has its floor until it hears of it.
        let out = {
            let shared = world.shared();
            shared.leaving.contains(&node) || shared.removed.contains(&node)
        };
        if !busy || out || !world.shared().requests {
            continue;
        }
        for _ in 0..=random.below(12) {
            let now_us = clock.monotonic_us();
            if bucket.try_take(now_us).is_ok() {
                world.oracle().admit_by_rate(node, now_us);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_the_burst_and_then_the_rate() {
        let mut bound = Bound::new(Throttle {
            burst_limit: 3,
            rate_limit: Rate::from_micros(10_000_000),
        });
        let mut over = |at_us| bound.admit(at_us).is_some();
        assert!(!over(5) && !over(5) && !over(5));
        assert!(!over(100_005), "one was paid off");
        assert!(over(100_005));
    }
}
