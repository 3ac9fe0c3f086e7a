//! A disk that fails while it is used, and one that brings back other bytes than it was given.

use super::disk::{Disk, Done, Fails, carry_out};
use super::script::{Deed, Held, first, furnish, open, play, script, wanted};
use crate::{Error, Store};

/// What is on disk once the process is gone: a failed flush lost what came before it for good.
fn left(done: &[Done]) -> Vec<u8> {
    let (mut file, mut pending) = (Vec::new(), Vec::new());
    for done in done {
        match done {
            Done::Flush => pending.drain(..).for_each(|it| carry_out(&mut file, &it)),
            Done::Lost => pending.clear(),
            other => pending.push(other.clone()),
        }
    }
    file
}

fn played(deeds: &[Deed]) -> (tempfile::TempDir, Disk) {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    assert_eq!(play(dir.path(), &disk, deeds), deeds.len() + 1);
    (dir, disk)
}

/// After one failed write or flush nothing is acknowledged any more, though the disk works again:
/// nobody knows what the failed flush lost. What was acknowledged before is there.
#[test]
fn every_failure_of_the_disk_ends_the_log_and_loses_nothing() {
    let deeds = script(2);
    let wanted = wanted(&deeds);
    let changes = played(&deeds).1.changes();
    let mut failures = 0;
    for which in 0..changes {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::failing(Vec::new(), Fails::Change(which));
        let acknowledged = play(dir.path(), &disk, &deeds);
        // The last ones are of closing the log, which acknowledges nothing.
        failures += usize::from(acknowledged <= deeds.len());
        let right = |held: &Held| {
            let least = acknowledged.saturating_sub(1);
            let most = acknowledged.min(deeds.len());
            *held == wanted[least] || *held == wanted[most]
        };
        for file in [disk.now(), left(&disk.done())] {
            let dir = tempfile::tempdir().unwrap();
            let beside = &wanted[acknowledged.saturating_sub(1)];
            furnish(dir.path(), beside, acknowledged == 0);
            let opened = if acknowledged == 0 {
                std::fs::write(dir.path().join("raft.redb"), file).unwrap();
                Store::open(dir.path(), first)
            } else {
                open(dir.path(), &Disk::holding(file))
            };
            let opened = match opened {
                Ok(opened) => opened,
                Err(error) => panic!("change {which}: {error}"),
            };
            let held = Held::of(&opened).unwrap();
            assert!(right(&held), "change {which}, {acknowledged}: {held:?}");
        }
    }
    assert!(failures > 100, "{failures} of {changes}");
}

/// A read that fails is said with a code.
#[test]
fn every_failed_read_is_an_error_and_never_a_panic() {
    let deeds = script(2);
    let (dir, disk) = played(&deeds);
    let file = disk.now();
    let good = Disk::holding(file.clone());
    drop(open(dir.path(), &good).unwrap());
    let mut refused = 0;
    for which in 0..good.reads() {
        let disk = Disk::failing(file.clone(), Fails::Read(which));
        match open(dir.path(), &disk).and_then(|it| Held::of(&it)) {
            Ok(held) => assert_eq!(held, wanted(&deeds)[deeds.len()]),
            Err(Error::Io { .. } | Error::Corrupt { .. } | Error::Failed(_)) => refused += 1,
            Err(other) => panic!("read {which}: {other}"),
        }
    }
    assert!(refused > 0, "{refused}");
}

/// One wrong bit anywhere in a log that was closed: the log is as it was, or refused with a code.
#[test]
fn a_wrong_bit_is_refused_or_harmless() {
    let deeds = script(2);
    let wanted = wanted(&deeds);
    let (dir, disk) = played(&deeds);
    let file = disk.now();
    furnish(dir.path(), &wanted[deeds.len()], false);
    let (mut refused, mut harmless) = (0, 0);
    let mut other = Vec::new();
    for at in (0..file.len()).filter(|at| file[*at] != 0 || at % 64 == 0) {
        if at % 97 != 0 {
            continue;
        }
        let mut file = file.clone();
        file[at] ^= 1 << (at % 8);
        match open(dir.path(), &Disk::holding(file)).and_then(|it| Held::of(&it)) {
            Ok(held) if held == wanted[deeds.len()] => harmless += 1,
            Ok(held) => other.push((at, held.entries.len())),
            Err(Error::Io { .. } | Error::Corrupt { .. } | Error::Failed(_)) => refused += 1,
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
    println!(
        "{refused} refused, {harmless} harmless, {} others",
        other.len()
    );
    assert!(other.is_empty(), "{other:?}");
    assert!(refused > 20, "{refused}");
}
