//! openraft's own tests of a log and a state machine, on ours.

use openraft::StorageError;
use openraft::testing::{StoreBuilder, Suite};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::sync::watch;
use tollgate_protocol::Millis;
use tollgate_store::{Identity, Store};

use crate::mark::Mark;
use crate::raft::Types;
use crate::raft::beside::Beside;
use crate::raft::disk::{Disk, End, Owner};
use crate::raft::keeper::Keeper;
use crate::raft::log::LogStore;
use crate::raft::machine::{Feeds, Machine, Saved};
use crate::{Effects, Published};

struct Builder;

impl StoreBuilder<Types, LogStore, Machine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStore, Machine), StorageError<u64>> {
        let dir = tempfile::tempdir().unwrap();
        let first = || Identity::first("c".repeat(32), Millis(1));
        let (store, loaded) = Store::open(dir.path(), first).unwrap();
        let committed = Arc::new(Mutex::new(None));
        let keeper = Keeper::File(store);
        let (reader, snapshots) = (keeper.reader(), keeper.snapshots());
        let (end, _ended) = End::new();
        let disk = Disk::start(Owner::new(keeper, Arc::clone(&committed), end)).unwrap();
        // The suite purges logs without a snapshot: it tests the log alone.
        let anything = Saved {
            index: u64::MAX,
            failed: false,
        };
        let (saved, saved_seen) = watch::channel(anything);
        let log = LogStore::new(disk, reader, committed, saved_seen, &loaded).unwrap();
        let feeds = Feeds {
            saved,
            publish: watch::channel(Published::default()).0,
            applied: Mark::default(),
            effects: Effects::default(),
        };
        let machine = Machine::new(&loaded, snapshots, feeds, Beside::Thread).unwrap();
        Ok((dir, log, machine))
    }
}

#[test]
fn the_log_and_the_state_machine_pass_the_suite_of_openraft() {
    Suite::test_all(Builder).unwrap();
}
