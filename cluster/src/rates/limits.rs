//! The times and bounds of leased shares, and what follows from them.

use tollgate_config::cells::WHOLE;

/// How long a voter's word counts that it follows this leader, and so the longest lease. Ten missed
/// beats of a busy bucket, four of a quiet one.
pub(crate) const TERM_US: u64 = 2_000_000;
/// How far two monotonic clocks drift apart: 0.1 %, ten times what crystals do.
pub(crate) const fn drift_us(us: u64) -> u64 {
    us.div_ceil(1000)
}
/// A new leader grants nothing for so long after it began to lead: every lease of the one before
/// has ended then. The margin is for voters whose own view of the term lags behind their vote.
pub(crate) const WAIT_US: u64 = TERM_US + 2 * drift_us(TERM_US) + 250_000;
/// How often a node asks while a bucket is in demand, and otherwise.
pub(crate) const BUSY_BEAT_US: u64 = 200_000;
pub(crate) const QUIET_BEAT_US: u64 = 500_000;
/// Buckets in demand that a node tells of, and that a leader divides by demand. All others are
/// divided equally.
pub(crate) const HOT_MAX: usize = 256;
/// How long a bucket is divided by demand after the last node was short of it.
pub(crate) const COOL_US: u64 = 5_000_000;

/// What every node has of each bucket without a lease, once it was in contact in its life: a tenth
/// of the whole over all nodes. It steps with the size of the cluster, so that a node that joins
/// changes nobody's floor but at a step.
pub(crate) fn floor(nodes: usize) -> u16 {
    let slots = nodes.next_power_of_two().max(4);
    u16::try_from(usize::from(WHOLE) / 10 / slots).unwrap_or(0)
}

/// The smallest burst that is divided among so many nodes: of a smaller one an equal part holds no
/// token. It is the number of nodes, and one more in fourteen at most where [`WHOLE`] is not a
/// multiple of it.
pub(crate) fn divided_from(nodes: usize) -> u16 {
    // `NODES_MAX` nodes have 15 each.
    let part = (usize::from(WHOLE) / nodes.max(1)).max(1);
    u16::try_from(usize::from(WHOLE).div_ceil(part)).unwrap_or(WHOLE)
}

#[cfg(test)]
mod tests {
    use tollgate_protocol::limits::NODES_MAX;

    use super::*;

    #[test]
    fn floors_are_at_most_a_tenth_and_equal_parts_lose_nothing() {
        for nodes in 1..=NODES_MAX as usize {
            assert!(floor(nodes) > 0, "{nodes}");
            let floors = usize::from(floor(nodes)) * nodes;
            assert!(floors * 10 <= usize::from(WHOLE), "{nodes}");
        }
        for nodes in 2..=10 {
            let each = usize::from(floor(nodes));
            let part = each + (usize::from(WHOLE) - each * nodes) / nodes;
            assert_eq!(part, usize::from(WHOLE) / nodes, "{nodes}");
        }
    }

    #[test]
    fn of_a_burst_that_is_divided_every_node_has_a_token_and_all_together_no_more() {
        for nodes in 1..=NODES_MAX as usize {
            let each = usize::from(floor(nodes));
            let part = each + (usize::from(WHOLE) - each * nodes) / nodes;
            assert!(part * nodes <= usize::from(WHOLE), "{nodes}");
            let burst = usize::from(divided_from(nodes));
            assert!(part * burst >= usize::from(WHOLE), "{nodes}: {burst}");
            assert!(part * (burst - 1) < usize::from(WHOLE), "{nodes}: {burst}");
            assert!(burst <= nodes + nodes / 14 + 1, "{nodes}: {burst}");
            if nodes <= 10 {
                assert_eq!(burst, nodes);
            }
        }
    }
}
