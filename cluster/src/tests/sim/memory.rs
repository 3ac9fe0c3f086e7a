//! A machine's log in memory, which outlives the crashes of what runs on the machine: to whoever
//! writes and reads it, the store's file.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tollgate_store::{Change, Identity, Loaded, Snapshots};

use crate::raft::disk::lock;

/// The log. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    incarnation: u32,
    entries: BTreeMap<u64, Vec<u8>>,
    vote: Option<Vec<u8>>,
    committed: Option<Vec<u8>>,
    purged: Option<(u64, Vec<u8>)>,
}

impl Memory {
    /// Begins a life with what was kept, as [`tollgate_store::Store::open`] does.
    pub(crate) fn open(&self, identity: Identity, snapshots: &Snapshots) -> Loaded {
        let mut kept = lock(&self.0);
        kept.incarnation += 1;
        let snapshot = snapshots.newest().unwrap();
        let held = snapshot.as_ref().map(tollgate_store::SnapshotFile::index);
        let purged = kept.purged.as_ref().map(|(index, _)| *index);
        assert!(
            purged <= held,
            "up to {purged:?} is purged, not in {held:?}"
        );
        let first = kept.entries.keys().next().copied().unwrap_or_default();
        let end = kept.entries.keys().next_back().map_or(0, |last| last + 1);
        assert_eq!(
            end - first,
            kept.entries.len() as u64,
            "entries are missing"
        );
        if end > 0 {
            assert_eq!(first, purged.map_or(0, |purged| purged + 1));
        }
        Loaded {
            identity,
            first_start: kept.incarnation == 1,
            incarnation: kept.incarnation,
            vote: kept.vote.clone(),
            committed: kept.committed.clone(),
            purged: kept.purged.clone(),
            snapshot,
            log: first..end,
        }
    }

    pub(crate) fn commit(&self, changes: &[Change], committed: Option<&[u8]>) {
        let mut kept = lock(&self.0);
        for change in changes {
            match change {
                Change::Append { first, records } => {
                    kept.entries.extend((*first..).zip(records.iter().cloned()));
                }
                Change::Truncate { from } => drop(kept.entries.split_off(from)),
                Change::Purge { upto, mark } => {
                    kept.purged = Some((*upto, mark.clone()));
                    kept.entries = kept.entries.split_off(&(upto + 1));
                }
                Change::Vote(vote) => kept.vote = Some(vote.clone()),
            }
        }
        if let Some(committed) = committed {
            kept.committed = Some(committed.to_vec());
        }
    }

    pub(crate) fn entries(&self, from: u64, to: u64, bytes_max: usize) -> Vec<(u64, Vec<u8>)> {
        let kept = lock(&self.0);
        let mut sum = 0;
        let within = |(index, _): &(&u64, &Vec<u8>)| {
            sum += kept.entries[index].len();
            **index == from || sum <= bytes_max
        };
        let some = kept.entries.range(from..to).take_while(within);
        some.map(|(index, record)| (*index, record.clone()))
            .collect()
    }

    pub(crate) fn first_within(&self, end: u64, bytes_max: u64) -> u64 {
        let kept = lock(&self.0);
        let (mut first, mut sum) = (end, 0);
        for (index, record) in kept.entries.range(..end).rev() {
            sum += record.len() as u64;
            if sum > bytes_max {
                break;
            }
            first = *index;
        }
        first
    }
}
