//! Planted faults: what a test turns on is on for its thread.

use std::cell::Cell;

use crate::faults::Bug;

std::thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Whether this fault is on.
pub(crate) fn planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Turns a fault on, or all off.
pub(crate) fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}
