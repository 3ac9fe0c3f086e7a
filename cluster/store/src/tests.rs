//! What survives, and what is refused.

use std::fs;
use std::path::Path;

use tollgate_protocol::Millis;

mod crash;
mod disk;
mod faults;
mod script;

use crate::{Change, Error, Identity, Loaded, Store};

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

#[test]
fn what_was_appended_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, loaded) = open(dir.path()).unwrap();
    assert!(loaded.first_start && loaded.snapshot.is_none() && loaded.entries.is_empty());
    assert_eq!(loaded.incarnation, 1);
    append(&mut store, 0, 5);
    store.snapshots().save(3, b"three").unwrap();
    purge(&mut store, 2);
    append(&mut store, 6, 9);
    let cut = [Change::Truncate { from: 8 }, Change::Vote(b"me".to_vec())];
    store.commit(&cut, Some(b"seven")).unwrap();
    let middle = store.reader().entries(4, 7, 8).unwrap();
    assert_eq!(middle, [(4, b"entry 4".to_vec())]);
    drop(store);
    let (_store, loaded) = open(dir.path()).unwrap();
    assert!(!loaded.first_start);
    assert_eq!(loaded.incarnation, 2);
    assert_eq!(loaded.snapshot, Some((3, b"three".to_vec())));
    assert_eq!(loaded.purged, Some((2, b"mark 2".to_vec())));
    assert_eq!(loaded.vote.as_deref(), Some(b"me".as_slice()));
    assert_eq!(loaded.committed.as_deref(), Some(b"seven".as_slice()));
    let wanted: Vec<(u64, Vec<u8>)> = (3..=7).zip(entries(3, 7)).collect();
    assert_eq!(loaded.entries, wanted);
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
    store.snapshots().save(5, b"five").unwrap();
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
        match open(dir.path()) {
            // An unused page was hit: everything is still there.
            Ok((_, loaded)) if loaded.entries == wanted => {}
            Ok((_, loaded)) => panic!("step {step}: {} wrong entries", loaded.entries.len()),
            Err(Error::Corrupt { .. } | Error::Failed(_) | Error::Io { .. }) => refused += 1,
            Err(other) => panic!("step {step}: {other}"),
        }
        fs::write(&path, &good).unwrap();
    }
    assert!(refused >= 12, "{refused}");
    assert_eq!(open(dir.path()).unwrap().1.entries, wanted);
}
