//! What reports and wishes do to one window: the sums, the size of a grant, and who is asked to
//! give back.

use alloc::vec::Vec;

use tollgate_model::Quota;

use super::{Lease, LeaseId, WindowState};
use crate::command::{LeaseItem, NodeId};

/// All that holders have out at once stays near this share of a cap: one in `STRAND_DIVISOR`.
const STRAND_DIVISOR: u64 = 20;
/// A grant covers at least this much demand, so that a quiet key does not ask for every request: one
/// in `FLOOR_DIVISOR` of a cap, within these bounds. Of 100,000 keys in use most are quiet on a node,
/// and what they ask for together is what their quotas cost.
const FLOOR_DIVISOR: u64 = 500;
const GRANT_FLOOR_MIN: u64 = 32;
/// Nobody need ask for less than this: the state grants what fits.
pub const GRANT_FLOOR_MAX: u64 = 256;
/// Nodes that a key's tokens are expected to be spread over at most. More may hold some, but the
/// share that one crash can strand does not shrink further.
const MAX_HOLDERS: u64 = 8;
/// Open leases of one node on one window: the one in use and those whose close is on its way.
pub(crate) const LEASES_PER_NODE_MAX: usize = 8;
/// Holders that one wish asks to give back: the next ones are asked by its repetition.
const RECALLS_MAX: usize = 64;

impl WindowState {
    /// Opens a lease. `false` when its node has too many on this window.
    pub(super) fn open(&mut self, id: LeaseId) -> bool {
        let others = self.of_node(id.node).count();
        if others >= LEASES_PER_NODE_MAX {
            return false;
        }
        self.open.insert(id, Lease::default());
        self.holders += u64::from(others == 0);
        true
    }

    /// Ends a lease: its `used` is final, and what it held is free.
    pub(super) fn close(&mut self, id: &LeaseId) {
        if let Some(lease) = self.open.remove(id) {
            self.held -= lease.held();
            let last = self.of_node(id.node).next().is_none();
            self.holders -= u64::from(last);
        }
    }

    fn of_node(&self, node: NodeId) -> impl Iterator<Item = (&LeaseId, &Lease)> {
        let id = |incarnation, lease| LeaseId {
            node,
            incarnation,
            lease,
        };
        self.open.range(id(0, 0)..=id(u32::MAX, u32::MAX))
    }

    /// Takes in a lease's numbers; says how many requests are new. `None` when they cannot be
    /// true: more was used and returned than was ever granted.
    pub(super) fn report(&mut self, id: &LeaseId, item: &LeaseItem) -> Option<u64> {
        let lease = self.open.get_mut(id)?;
        let used = item.used.max(lease.used);
        let returned = item.returned.max(lease.returned);
        if used
            .checked_add(returned)
            .is_none_or(|sum| sum > lease.granted)
        {
            lease.barred = true;
            return None;
        }
        let new = used - lease.used;
        self.held -= lease.held();
        lease.used = used;
        lease.returned = returned;
        self.held += lease.held();
        self.spent += new;
        Some(new)
    }

    /// Gives a lease more tokens; says how many. At most half of an equal share of what is free,
    /// so that grants shrink geometrically and end at single tokens, and never so much that a
    /// crash would strand more than a small share of the cap.
    pub(super) fn grant(
        &mut self,
        id: &LeaseId,
        item: &LeaseItem,
        quota: &Quota,
        live: u64,
    ) -> u64 {
        let free = self.free(quota);
        let cap = self.cap(quota);
        let holders = self.holders.max(1);
        let Some(lease) = self.open.get_mut(id) else {
            return 0;
        };
        if lease.barred {
            return 0;
        }
        let strand = cap / STRAND_DIVISOR / live.clamp(1, MAX_HOLDERS);
        let room = strand.max(1).saturating_sub(lease.held());
        let fair = (free / (2 * holders)).max(1);
        let floor = (cap / FLOOR_DIVISOR).clamp(GRANT_FLOOR_MIN, GRANT_FLOOR_MAX);
        let demand = item.demand.max(floor).saturating_sub(lease.held());
        let size = item.want.min(demand).min(free).min(fair).min(room);
        lease.granted += size;
        self.held += size;
        size
    }

    /// Tokens that nodes other than this one hold.
    pub(super) fn elsewhere(&self, node: NodeId) -> u64 {
        self.held
            - self
                .of_node(node)
                .map(|(_, lease)| lease.held())
                .sum::<u64>()
    }

    /// The other nodes that hold tokens, from the one after `node` on and around, so that
    /// different askers begin with different holders.
    pub(super) fn holders_beside(&self, node: NodeId) -> Vec<NodeId> {
        let holding = |(_, lease): &(&LeaseId, &Lease)| lease.held() > 0;
        let after = self.open.iter().filter(|(id, _)| id.node > node);
        let before = self.open.iter().filter(|(id, _)| id.node < node);
        let mut nodes: Vec<NodeId> = after
            .chain(before)
            .filter(holding)
            .map(|(id, _)| id.node)
            .take(RECALLS_MAX)
            .collect();
        nodes.dedup();
        nodes
    }

    /// Remembers that a node was told that nothing is left.
    pub(super) fn tell(&mut self) {
        self.told = true;
    }

    /// Whether nodes that were told that nothing is left must hear that something is. Says so once.
    pub(super) fn reopened(&mut self, quota: &Quota) -> bool {
        let reopened = self.told && self.free(quota) > 0;
        self.told &= !reopened;
        reopened
    }
}
