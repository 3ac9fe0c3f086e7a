//! A history that touches everything a store does, and what a store must hold after each step.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tollgate_protocol::Millis;

use super::all;
use super::disk::{Disk, Done};
use crate::log::Log;
use crate::{Change, Error, Identity, Loaded, Store, snapshot_file};

/// One step of the history.
#[derive(Debug, Clone)]
pub(super) enum Deed {
    Commit(Vec<Change>, Option<Vec<u8>>),
    Snapshot(u64),
}

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) entries: BTreeMap<u64, Vec<u8>>,
    pub(super) vote: Option<Vec<u8>>,
    pub(super) committed: Option<Vec<u8>>,
    pub(super) purged: Option<(u64, Vec<u8>)>,
    pub(super) snapshot: Option<(u64, Vec<u8>)>,
}

impl Held {
    pub(super) fn of((store, loaded): &(Store, Loaded)) -> Result<Self, Error> {
        let snapshot = loaded.snapshot.as_ref().map(|file| {
            let mut bytes = vec![0; usize::try_from(file.file().bytes()).unwrap()];
            file.file().read_at(0, &mut bytes).unwrap();
            (file.index(), bytes)
        });
        Ok(Self {
            entries: all(store, loaded)?.into_iter().collect(),
            vote: loaded.vote.clone(),
            committed: loaded.committed.clone(),
            purged: loaded.purged.clone(),
            snapshot,
        })
    }

    fn after(&self, deed: &Deed) -> Self {
        let mut held = self.clone();
        match deed {
            Deed::Snapshot(index) => held.snapshot = Some((*index, image(*index))),
            Deed::Commit(changes, committed) => {
                for change in changes {
                    held.change(change);
                }
                held.committed = committed.clone().or(held.committed);
            }
        }
        held
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Append { first, records } => {
                self.entries.extend((*first..).zip(records.iter().cloned()));
            }
            Change::Truncate { from } => self.entries.retain(|index, _| index < from),
            Change::Purge { upto, mark } => {
                self.entries.retain(|index, _| index > upto);
                self.purged = Some((*upto, mark.clone()));
            }
            Change::Vote(vote) => self.vote = Some(vote.clone()),
        }
    }
}

fn image(index: u64) -> Vec<u8> {
    format!("everything up to {index}").repeat(40).into_bytes()
}

fn append(first: u64, lengths: &[usize]) -> Change {
    let record = |(at, length): (usize, &usize)| {
        let text = format!("entry {} ", first + at as u64);
        text.bytes().cycle().take(*length).collect()
    };
    let records = lengths.iter().enumerate().map(record).collect();
    Change::Append { first, records }
}

fn vote(term: u64) -> Change {
    Change::Vote(format!("vote {term}").into_bytes())
}

fn purge(upto: u64) -> Change {
    let mark = format!("mark {upto}").into_bytes();
    Change::Purge { upto, mark }
}

/// The history: small and large entries, votes between them, entries replaced by another leader's,
/// snapshots and purges, `rounds` times over.
pub(super) fn script(rounds: u64) -> Vec<Deed> {
    let mut deeds = Vec::new();
    let mut commit = |changes: Vec<Change>, committed: Option<u64>| {
        let committed = committed.map(|index| format!("agreed {index}").into_bytes());
        deeds.push(Deed::Commit(changes, committed));
    };
    commit(vec![vote(1)], None);
    for round in 0..rounds {
        let base = round * 10;
        commit(vec![append(base, &[20])], None);
        commit(vec![append(base + 1, &[300, 5_000, 40])], Some(base));
        commit(vec![vote(2 + round)], None);
        // Another leader's log goes on differently; its vote came before.
        commit(vec![Change::Truncate { from: base + 2 }], Some(base + 1));
        commit(
            vec![append(base + 2, &[700, 700]), append(base + 4, &[12_000])],
            None,
        );
        commit(vec![append(base + 5, &[60; 5])], Some(base + 4));
        commit(Vec::new(), Some(base + 9));
        if round % 2 == 1 {
            commit(vec![purge(base + 3), vote(40 + round)], None);
        }
    }
    // A snapshot before each purge that needs it.
    let mut with_snapshots = Vec::new();
    for deed in deeds {
        if let Deed::Commit(changes, _) = &deed
            && let Some(Change::Purge { upto, .. }) = changes.first()
        {
            with_snapshots.push(Deed::Snapshot(*upto + 1));
        }
        with_snapshots.push(deed);
    }
    with_snapshots
}

/// What must be there after each step, the first before any.
pub(super) fn wanted(deeds: &[Deed]) -> Vec<Held> {
    let mut held = vec![Held::default()];
    for deed in deeds {
        let next = held[held.len() - 1].after(deed);
        held.push(next);
    }
    held
}

pub(super) fn first() -> Identity {
    Identity::first("c".repeat(32), Millis(7))
}

/// Opens a directory whose log is on this disk.
pub(super) fn open(dir: &Path, disk: &Disk) -> Result<(Store, Loaded), Error> {
    let disk = disk.clone();
    Store::open_with(dir, first, || {
        Log::open_with(dir, |builder| builder.create_with_backend(disk))
    })
}

/// Plays the history on a new store until something fails; step 0 is opening it. Returns how many
/// steps were acknowledged. After a failure nothing may be acknowledged any more.
pub(super) fn play(dir: &Path, disk: &Disk, deeds: &[Deed]) -> usize {
    disk.note(Done::Begins(0));
    let Ok((mut store, _)) = open(dir, disk) else {
        return 0;
    };
    disk.note(Done::Ends(0));
    let mut acknowledged = 1;
    let mut failed = false;
    for (step, deed) in (1..).zip(deeds) {
        disk.note(Done::Begins(step));
        let result = match deed {
            Deed::Commit(changes, committed) => store.commit(changes, committed.as_deref()),
            // A node whose log failed ends; its snapshots do not matter any more.
            Deed::Snapshot(_) if failed => continue,
            Deed::Snapshot(index) => {
                let snapshots = store.snapshots();
                let written = snapshots.write(*index, |file| file.write_all(&image(*index)));
                written.and_then(|it| snapshots.keep(&it)).map(drop)
            }
        };
        match result {
            Ok(()) => {
                assert!(!failed, "step {step} was acknowledged after a failure");
                disk.note(Done::Ends(step));
                acknowledged = step + 1;
            }
            Err(Error::Failed(_)) => failed = true,
            Err(other) => panic!("step {step}: {other}"),
        }
    }
    acknowledged
}

/// Puts the files beside the log into a directory as they are once a step is done.
pub(super) fn furnish(dir: &Path, held: &Held, is_first_start: bool) {
    if !is_first_start {
        first().write(dir).unwrap();
    }
    if let Some((index, bytes)) = &held.snapshot {
        fs::write(snapshot_file::path(dir, *index), bytes).unwrap();
    }
}
