//! What survives, and what is refused.

use std::fs;
use std::path::Path;

use tollgate_protocol::Millis;

use crate::{Error, Identity, Loaded, Store};

fn open(dir: &Path) -> Result<(Store, Loaded), Error> {
    Store::open(dir, || Identity::first("c".repeat(32), Millis(7)))
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
    store.append(&entries(1, 5)).unwrap();
    store.save_snapshot(3, b"three").unwrap();
    store.append(&entries(6, 7)).unwrap();
    drop(store);
    let (store, loaded) = open(dir.path()).unwrap();
    assert!(!loaded.first_start);
    assert_eq!((loaded.incarnation, store.last()), (2, 7));
    assert_eq!(loaded.snapshot, Some((3, b"three".to_vec())));
    let wanted: Vec<(u64, Vec<u8>)> = (4..=7).zip(entries(4, 7)).collect();
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
    store.append(&entries(1, 9)).unwrap();
    store.save_snapshot(5, b"five").unwrap();
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
        store
            .append(&entries(round * 10 + 1, round * 10 + 10))
            .unwrap();
    }
    drop(store);
    let path = dir.path().join("raft.redb");
    let good = fs::read(&path).unwrap();
    let wanted: Vec<(u64, Vec<u8>)> = (1..=200).zip(entries(1, 200)).collect();
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
