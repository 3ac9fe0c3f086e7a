//! Keeps the log short: makes snapshots when they are due, and lets go of what they hold.

use tokio::task::JoinSet;

use super::beside::Beside;
use super::log::LogStore;
use super::{LogLimits, Raft};

/// What is done about the log from time to time.
pub(crate) struct Upkeep {
    log: LogStore,
    limits: LogLimits,
    beside: Beside,
    /// The snapshot behind which was measured.
    measured: Option<u64>,
    /// At most one measurement, which reads the disk. Whoever looks after the log does not wait
    /// for it: it has a leader to tell the others about.
    measuring: JoinSet<()>,
}

impl Upkeep {
    pub(crate) fn new(log: LogStore, limits: LogLimits, beside: Beside) -> Self {
        Self {
            log,
            limits,
            beside,
            measured: None,
            measuring: JoinSet::new(),
        }
    }

    /// Does what there is to do, on a node that has applied so many entries.
    pub(crate) async fn check(&mut self, raft: &Raft, applied: u64) {
        self.snapshot_if_due(raft).await;
        self.log.purge_what_is_saved();
        self.purge_if_heavy(raft);
        self.log.shrink(applied);
    }

    async fn snapshot_if_due(&self, raft: &Raft) {
        let growth = self.log.growth();
        let limits = &self.limits;
        if growth.bytes < limits.snapshot_bytes && growth.entries < limits.snapshot_entries {
            return;
        }
        self.log.reset_growth();
        if let Err(error) = raft.trigger().snapshot().await {
            tracing::error!(%error, "no snapshot is made; the log keeps growing");
        }
    }

    /// After a snapshot, lets go of what is heavier than what is kept for followers that were away.
    /// That there are not too many entries is what openraft sees to.
    fn purge_if_heavy(&mut self, raft: &Raft) {
        while self.measuring.try_join_next().is_some() {}
        if !self.measuring.is_empty() {
            return;
        }
        let snapshot = raft.metrics().borrow().snapshot.map(|id| id.index);
        let Some(last) = snapshot.filter(|_| snapshot != self.measured) else {
            return;
        };
        self.measured = snapshot;
        let (log, kept_bytes) = (self.log.clone(), self.limits.kept_bytes);
        let (raft, beside) = (raft.clone(), self.beside.clone());
        self.measuring.spawn(async move {
            let measured = beside.run(move || log.first_within(last + 1, kept_bytes));
            let purged = match measured.await {
                Ok(Ok(0)) => Ok(()),
                Ok(Ok(first)) => {
                    let purged = raft.trigger().purge_log(first - 1).await;
                    purged.map_err(|error| error.to_string())
                }
                Ok(Err(error)) => Err(error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = purged {
                tracing::error!(%error, "the log behind the snapshot is not made smaller");
            }
        });
    }
}
