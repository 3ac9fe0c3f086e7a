//! A leader that lost its majority must not keep the rest from electing another.
//!
//! openraft 0.9 has no check-quorum: an old leader whose answers do not come back goes on sending,
//! and every node that hears it refuses to vote (openraft issue 2080). So after two leases without
//! an answer of a majority the leader falls silent for as long as an election may take, then tries
//! again for a moment, and so on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::heard::Heard;
use super::{ELECTION_MAX_MS, Raft};

/// How long a majority may be silent before its leader falls silent too.
const PATIENCE_MS: u64 = 2 * ELECTION_MAX_MS;
/// How long it stays silent: its lease, an election, and a second one, because the first candidate
/// may be the one whose log is shorter. While silence was only a lease and an election the old
/// leader spoke again just as the vote began, and an election took eight seconds.
const SILENT_MS: u64 = 4 * ELECTION_MAX_MS;
/// How long it then tries: several heartbeats.
const SPEAK_MS: u64 = ELECTION_MAX_MS;

/// Whether a leader may speak whose majority last answered so long ago.
fn may_speak(since_answer: Duration) -> bool {
    let silent = u64::try_from(since_answer.as_millis()).unwrap_or(u64::MAX);
    match silent.checked_sub(PATIENCE_MS) {
        None => true,
        Some(over) => over % (SILENT_MS + SPEAK_MS) >= SILENT_MS,
    }
}

/// The gate that what a leader sends goes through. Clones share it.
#[derive(Clone)]
pub(crate) struct Gate {
    raft: Arc<OnceLock<Raft>>,
    heard: Heard,
    retired: Arc<AtomicBool>,
    doubted: Arc<AtomicBool>,
}

/// The leader is silent for a while.
#[derive(Debug, thiserror::Error)]
#[error("this leader lost its majority and is silent for a while")]
pub(crate) struct Silent;

impl Gate {
    pub(crate) fn new(heard: Heard) -> Self {
        Self {
            raft: Arc::default(),
            heard,
            retired: Arc::default(),
            doubted: Arc::default(),
        }
    }

    /// Consensus exists only after its network does.
    pub(crate) fn set(&self, raft: Raft) {
        if self.raft.set(raft).is_err() {
            tracing::error!("the gate was set twice");
        }
    }

    /// Somebody said that this node was removed.
    pub(crate) fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    /// Whether somebody said that since this was asked last.
    pub(crate) fn take_doubt(&self) -> bool {
        self.doubted.swap(false, Ordering::Relaxed)
    }

    /// This node was removed: it asks for no votes any more. It would raise the term of every
    /// node that has not heard of the removal, and each of those would depose the leader that
    /// could tell it.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
        if let Some(raft) = self.raft.get() {
            raft.runtime_config().elect(false);
        }
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`Silent`] while nothing should be sent.
    pub(crate) fn pass(&self) -> Result<(), Silent> {
        let Some(raft) = self.raft.get() else {
            return Ok(());
        };
        let silent = self.heard.majority_silent_for(&raft.metrics().borrow());
        if silent.is_none_or(may_speak) {
            Ok(())
        } else {
            Err(Silent)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_begins_after_two_leases_and_is_broken_by_tries() {
        let speaks = |ms| may_speak(Duration::from_millis(ms));
        assert!(speaks(0) && speaks(PATIENCE_MS - 1));
        for turn in 0..3 {
            let begins = PATIENCE_MS + turn * (SILENT_MS + SPEAK_MS);
            assert!(!speaks(begins) && !speaks(begins + SILENT_MS - 1));
            assert!(speaks(begins + SILENT_MS) && speaks(begins + SILENT_MS + SPEAK_MS - 1));
        }
    }
}
