//! The module as the product has it, over loom's atomics.

#[expect(
    dead_code,
    unreachable_pub,
    reason = "the product uses more of it, and exports it"
)]
#[path = "../../src/cells/quota.rs"]
pub(crate) mod quota;

mod atomic {
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering};
}

/// One request on a cell, at a time.
pub(super) fn take(cell: &quota::LeaseCell, now: u64) -> quota::Take {
    cell.take(tollgate_protocol::Millis(now))
}
