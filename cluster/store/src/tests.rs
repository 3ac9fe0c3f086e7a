//! What survives, and what is refused.

use std::fs;
use std::io::Write;
use std::path::Path;

use tollgate_protocol::Millis;

mod crash;
mod disk;
mod faults;
mod script;

use crate::{Change, Error, Identity, Loaded, Rewrite, Store, Successor, belongs_to_a_node};

fn open(dir: &Path) -> Result<(Store, Loaded), Error> {
    Store::open(dir, || Identity::first("c".repeat(32), Millis(7)))
}

fn append(store: &mut Store, from: u64, to: u64) {
    let records = entries(from, to);
    let change = Change::Append {
        first: from,
        records,
    };
    store.commit(&[change], None).unwrap();
}

fn purge(store: &mut Store, upto: u64) {
    let mark = format!("mark {upto}").into_bytes();
    store.commit(&[Change::Purge { upto, mark }], None).unwrap();
}

fn entries(from: u64, to: u64) -> Vec<Vec<u8>> {
    (from..=to)
        .map(|n| format!("entry {n}").into_bytes())
        .collect()
}

fn save(store: &Store, index: u64, bytes: &[u8]) {
    let snapshots = store.snapshots();
    let written = snapshots
        .write(index, |file| file.write_all(bytes))
        .unwrap();
    assert_eq!(snapshots.keep(&written).unwrap().index(), index);
}

/// What a reopened store has in its log, read in pieces.
fn all(store: &Store, loaded: &Loaded) -> Result<Vec<(u64, Vec<u8>)>, Error> {
    let mut found = Vec::new();
    let mut from = loaded.log.start;
    while from < loaded.log.end {
        let piece = store.reader().entries(from, loaded.log.end, 100)?;
        from = piece.last().map_or(u64::MAX, |(index, _)| index + 1);
        found.extend(piece);
    }
    Ok(found)
}

#[test]
fn the_newest_entries_within_so_many_bytes_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path()).unwrap();
    append(&mut store, 0, 9);
    let reader = store.reader();
    // "entry 0" to "entry 9" have seven bytes each.
    for (end, bytes_max, first) in [(10, 21, 7), (10, 20, 8), (10, 6, 10), (5, 7, 4), (5, 70, 0)] {
        let found = reader.first_within(end, bytes_max).unwrap();
        assert_eq!(found, first, "{bytes_max} bytes before {end}");
    }
}

#[test]
fn what_was_appended_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, loaded) = open(dir.path()).unwrap();
    assert!(loaded.first_start && loaded.snapshot.is_none() && loaded.log.is_empty());
    assert_eq!(loaded.incarnation, 1);
    append(&mut store, 0, 5);
    save(&store, 3, b"three");
    purge(&mut store, 2);
    append(&mut store, 6, 9);
    let cut = [Change::Truncate { from: 8 }, Change::Vote(b"me".to_vec())];
    store.commit(&cut, Some(b"seven")).unwrap();
    let middle = store.reader().entries(4, 7, 8).unwrap();
    assert_eq!(middle, [(4, b"entry 4".to_vec())]);
    drop(store);
    let (store, loaded) = open(dir.path()).unwrap();
    assert!(!loaded.first_start);
    assert_eq!(loaded.incarnation, 2);
    let snapshot = loaded.snapshot.clone().unwrap();
    let mut piece = [0; 3];
    let file = snapshot.file();
    file.read_at(2, &mut piece).unwrap();
    assert_eq!((snapshot.index(), file.bytes(), &piece), (3, 5, b"ree"));
    assert!(file.read_at(3, &mut piece).is_err(), "it is too short");
    assert_eq!(loaded.purged, Some((2, b"mark 2".to_vec())));
    assert_eq!(loaded.vote.as_deref(), Some(b"me".as_slice()));
    assert_eq!(loaded.committed.as_deref(), Some(b"seven".as_slice()));
    let wanted: Vec<(u64, Vec<u8>)> = (3..=7).zip(entries(3, 7)).collect();
    assert_eq!(loaded.log, 3..8);
    assert_eq!(all(&store, &loaded).unwrap(), wanted);
}

/// Writes a snapshot as a process does that is killed before it puts it in its place.
fn leave_unfinished(store: &Store, index: u64) {
    let written = store
        .snapshots()
        .write(index, |file| file.write_all(b"all"));
    std::mem::forget(written.unwrap());
}

/// How many snapshots a directory has, and how many of them are not whole.
fn snapshots_in(dir: &Path) -> (usize, usize) {
    let names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .filter(|it| it.starts_with("snapshot-"))
        .collect();
    let unfinished = names.iter().filter(|it| !it.ends_with(".tgs")).count();
    (names.len(), unfinished)
}

#[test]
fn what_a_killed_process_had_not_finished_is_gone_after_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).unwrap();
    save(&store, 3, b"three");
    for index in [3, 4, 4] {
        leave_unfinished(&store, index);
    }
    assert_eq!(snapshots_in(dir.path()), (4, 3));
    // Whoever is refused has not touched what another one may be writing.
    assert!(matches!(open(dir.path()), Err(Error::InUse { .. })));
    assert_eq!(snapshots_in(dir.path()), (4, 3));
    drop(store);
    let (_store, loaded) = open(dir.path()).unwrap();
    assert_eq!(snapshots_in(dir.path()), (1, 0));
    assert_eq!(all_of(&loaded), (3, b"three".to_vec()));
}

#[test]
fn one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let _store = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(Error::InUse { .. })));
}

#[test]
fn a_newer_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    fs::write(dir.path().join("node.json"), r#"{"format": 9}"#).unwrap();
    assert!(matches!(
        open(dir.path()),
        Err(Error::Newer { found: 9, .. })
    ));
}

#[test]
fn a_log_without_its_identity_or_with_a_gap_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path()).unwrap();
    append(&mut store, 0, 9);
    save(&store, 5, b"five");
    purge(&mut store, 5);
    drop(store);
    fs::remove_file(dir.path().join("snapshot-00000000000000000005.tgs")).unwrap();
    assert!(matches!(open(dir.path()), Err(Error::Corrupt { .. })));
    fs::remove_file(dir.path().join("node.json")).unwrap();
    assert!(matches!(open(dir.path()), Err(Error::Corrupt { .. })));
}

/// A damaged log is refused or read whole; it never yields other entries and never panics.
#[test]
fn a_cut_or_overwritten_log_never_yields_wrong_entries() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path()).unwrap();
    for round in 0..20 {
        append(&mut store, round * 10, round * 10 + 9);
    }
    drop(store);
    let path = dir.path().join("raft.redb");
    let good = fs::read(&path).unwrap();
    let wanted: Vec<(u64, Vec<u8>)> = (0..200).zip(entries(0, 199)).collect();
    let mut refused = 0;
    for step in 0..24 {
        let mut bad = good.clone();
        if step % 2 == 0 {
            bad.truncate(good.len() * step / 24);
        } else {
            let at = good.len() * step / 24;
            let end = (at + 4096).min(bad.len());
            bad[at..end].fill(0xA5);
        }
        fs::write(&path, &bad).unwrap();
        let read = |(store, loaded): (Store, Loaded)| all(&store, &loaded);
        match open(dir.path()).and_then(read) {
            // An unused page was hit: everything is still there.
            Ok(entries) if entries == wanted => {}
            Ok(entries) => panic!("step {step}: {} wrong entries", entries.len()),
            Err(Error::Corrupt { .. } | Error::Failed(_) | Error::Io { .. }) => refused += 1,
            Err(other) => panic!("step {step}: {other}"),
        }
        fs::write(&path, &good).unwrap();
    }
    assert!(refused >= 12, "{refused}");
    let (store, loaded) = open(dir.path()).unwrap();
    assert_eq!(all(&store, &loaded).unwrap(), wanted);
}

/// The snapshot of a directory: its index and its bytes.
fn all_of(loaded: &Loaded) -> (u64, Vec<u8>) {
    let file = loaded.snapshot.as_ref().unwrap();
    let mut bytes = vec![0; usize::try_from(file.file().bytes()).unwrap()];
    file.file().read_at(0, &mut bytes).unwrap();
    (file.index(), bytes)
}

fn successor(index: u64) -> Successor {
    Successor {
        identity: Identity {
            node_id: 4,
            ..Identity::first("d".repeat(32), Millis(9))
        },
        index,
        mark: b"mark".to_vec(),
        vote: b"vote".to_vec(),
    }
}

#[test]
fn a_rewritten_directory_holds_its_successor_and_goes_on_counting_lives() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path()).unwrap();
    append(&mut store, 0, 9);
    drop(store);
    let first = || unreachable!("it has an owner");
    let (store, loaded) = Store::open_to_rewrite(dir.path(), Rewrite::Recovery, first).unwrap();
    assert_eq!((loaded.log.clone(), loaded.incarnation), (0..10, 2));
    // Interrupted here, no node starts on it, and only the same may go on.
    drop(store);
    let refused = open(dir.path()).map(|_| ()).unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Unfinished {
                command: "recover",
                ..
            }
        ),
        "{refused:?}"
    );
    assert!(belongs_to_a_node(dir.path()).unwrap());
    let (store, _) = Store::open_to_rewrite(dir.path(), Rewrite::Recovery, first).unwrap();
    let all = |file: &mut dyn Write| file.write_all(b"all");
    store.rewrite(dir.path(), &successor(9), all).unwrap();
    let (_store, loaded) = open(dir.path()).unwrap();
    assert_eq!(loaded.identity, successor(9).identity);
    assert_eq!((loaded.log.is_empty(), loaded.incarnation), (true, 4));
    assert_eq!(all_of(&loaded), (9, b"all".to_vec()));
    assert_eq!(loaded.purged, Some((9, b"mark".to_vec())));
    assert_eq!(loaded.vote.as_deref(), Some(b"vote".as_slice()));
}

#[test]
fn an_interrupted_restore_begins_again_from_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!belongs_to_a_node(&dir.path().join("not there")).unwrap());
    assert!(!belongs_to_a_node(dir.path()).unwrap());
    // Of a node that left, everything but the word that it did may be gone.
    crate::mark_removed(dir.path(), Millis(1)).unwrap();
    assert!(belongs_to_a_node(dir.path()).unwrap());
    fs::remove_file(dir.path().join("removed.json")).unwrap();
    let first = || successor(1).identity;
    let begin = || Store::open_to_rewrite(dir.path(), Rewrite::Restore, first).unwrap();
    let (store, _) = begin();
    save(&store, 77, b"half");
    leave_unfinished(&store, 78);
    drop(store);
    let refused = open(dir.path()).map(|_| ()).unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Unfinished {
                command: "restore",
                ..
            }
        ),
        "{refused:?}"
    );
    assert!(!belongs_to_a_node(dir.path()).unwrap());
    let (store, loaded) = begin();
    assert!(loaded.first_start && loaded.snapshot.is_none());
    assert_eq!(snapshots_in(dir.path()), (0, 0));
    let all = |file: &mut dyn Write| file.write_all(b"all");
    store.rewrite(dir.path(), &successor(5), all).unwrap();
    assert!(belongs_to_a_node(dir.path()).unwrap());
    let (_store, loaded) = open(dir.path()).unwrap();
    assert_eq!(all_of(&loaded), (5, b"all".to_vec()));
    assert_eq!(loaded.identity.node_id, 4);
}

#[test]
fn what_may_not_be_looked_for_is_not_taken_for_absent() {
    let dir = tempfile::tempdir().unwrap();
    // Nobody can look into it, whoever runs the test.
    let circle = dir.path().join("circle");
    std::os::unix::fs::symlink(&circle, &circle).unwrap();
    for looked in [
        crate::has_identity(&circle),
        crate::is_removed(&circle),
        belongs_to_a_node(&circle),
    ] {
        assert!(matches!(looked, Err(Error::Io { .. })), "{looked:?}");
    }
    assert!(!crate::has_identity(dir.path()).unwrap());
}

#[test]
fn a_directory_that_is_used_for_something_else_is_told_from_a_fresh_one() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = || crate::foreign_file(dir.path()).unwrap();
    assert_eq!(
        crate::foreign_file(&dir.path().join("not there")).unwrap(),
        None
    );
    fs::write(dir.path().join("root-key.json"), "{}").unwrap();
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    assert_eq!(foreign(), None);
    fs::write(dir.path().join("letter.txt"), "dear").unwrap();
    assert_eq!(foreign(), Some("letter.txt".into()));
}
