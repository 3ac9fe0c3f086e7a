//! A crash at every moment of a history, with what was not flushed lost, torn, or written in
//! another order: what was acknowledged is there, the step under way happened whole or not at all.

use std::fs;
use std::path::Path;

use super::disk::{Disk, Done, SECTOR, carry_out};
use super::script::{Held, first, furnish, open, play, script, wanted};
use crate::{Store, snapshot_file};

/// What became of a change that was not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Whole,
    Lost,
    /// The first so many sectors were written.
    Head(usize),
    /// All but the first so many sectors were written.
    Tail(usize),
}

/// SplitMix64 (Steele and others 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end.max(1) as u64).unwrap()
    }
}

/// How thorough a run is: rounds of the history, and random fates of each moment.
#[expect(clippy::disallowed_methods, reason = "who runs the test chooses")]
fn effort() -> (u64, usize) {
    let thorough = std::env::var("THOROUGH").is_ok();
    if thorough { (6, 64) } else { (2, 2) }
}

fn sectors(done: &Done) -> usize {
    match done {
        Done::Write { bytes, .. } => bytes.len().div_ceil(SECTOR),
        _ => 1,
    }
}

/// The file after a crash.
fn crashed(flushed: &[u8], pending: &[Done], fates: &[(usize, Fate)]) -> Vec<u8> {
    let mut file = flushed.to_vec();
    for (which, fate) in fates {
        let done = &pending[*which];
        let part = match (done, fate) {
            (_, Fate::Lost) => continue,
            (Done::Write { at, bytes }, Fate::Head(count)) => Done::Write {
                at: *at,
                bytes: bytes[..count * SECTOR].to_vec(),
            },
            (Done::Write { at, bytes }, Fate::Tail(count)) => Done::Write {
                at: at + count * SECTOR,
                bytes: bytes[count * SECTOR..].to_vec(),
            },
            _ => done.clone(),
        };
        carry_out(&mut file, &part);
    }
    file
}

/// What may have become of the changes before the last flush, the last of which was just made.
fn fates(pending: &[Done], random: &mut Random, many: usize) -> Vec<Vec<(usize, Fate)>> {
    let last = pending.len() - 1;
    let all = |fate: &dyn Fn(usize) -> Fate| (0..=last).map(|at| (at, fate(at))).collect();
    let mut found: Vec<Vec<(usize, Fate)>> = vec![all(&|_| Fate::Whole)];
    let only = |it: usize| move |at| if at == it { Fate::Whole } else { Fate::Lost };
    found.push(all(&only(last)));
    for lost in 0..last {
        found.push(all(&|at| if at == lost { Fate::Lost } else { Fate::Whole }));
    }
    let count = sectors(&pending[last]);
    for cut in [1, count / 2, count - 1] {
        if cut > 0 && cut < count {
            for torn in [Fate::Head(cut), Fate::Tail(cut)] {
                found.push(all(&|at| if at == last { torn } else { Fate::Whole }));
            }
        }
    }
    for _ in 0..many {
        let mut some: Vec<(usize, Fate)> = Vec::new();
        for (at, done) in pending.iter().enumerate() {
            let cut = random.below(sectors(done));
            let fate = match random.below(4) {
                0 => Fate::Lost,
                1 if cut > 0 => Fate::Head(cut),
                2 if cut > 0 => Fate::Tail(cut),
                _ => Fate::Whole,
            };
            some.insert(random.below(some.len() + 1), (at, fate));
        }
        found.push(some);
    }
    found
}

/// Where a history stood.
#[derive(Clone, Copy)]
struct Stand {
    /// The step that began last, and whether it was acknowledged.
    step: usize,
    acknowledged: bool,
}

/// A history that was played, and what must be true after a crash of it.
struct History {
    done: Vec<Done>,
    wanted: Vec<Held>,
}

impl History {
    fn play(rounds: u64) -> Self {
        let deeds = script(rounds);
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        assert_eq!(play(dir.path(), &disk, &deeds), deeds.len() + 1);
        Self {
            done: disk.done(),
            wanted: wanted(&deeds),
        }
    }

    /// Opens what a crash left and looks at it. Returns what the opening did to the disk.
    fn check(&self, stand: Stand, file: Vec<u8>, told: &dyn Fn() -> String) -> Vec<Done> {
        let dir = tempfile::tempdir().unwrap();
        let before = &self.wanted[stand.step.saturating_sub(1)];
        let after = &self.wanted[stand.step];
        let beside = if stand.acknowledged { after } else { before };
        let is_first_start = stand.step == 0 && !stand.acknowledged;
        furnish(dir.path(), beside, is_first_start);
        let disk = Disk::holding(file.clone());
        // A first start looks at the file itself: it may not be a log yet.
        let opened = if is_first_start {
            fs::write(dir.path().join("raft.redb"), file).unwrap();
            Store::open(dir.path(), first)
        } else {
            open(dir.path(), &disk)
        };
        let opened = opened.unwrap_or_else(|error| panic!("{}: {error}", told()));
        let held = Held::of(&opened).unwrap();
        let (store, loaded) = opened;
        drop(store);
        let right = held == *after || (held == *before && !stand.acknowledged);
        assert!(right, "{}: {held:?}", told());
        // The life that the first start counted is not counted again.
        let least = if is_first_start { 1 } else { 2 };
        assert!(loaded.incarnation >= least, "{}: a life again", told());
        disk.done()
    }
}

/// Every moment of what was done to a file: what is flushed, what is not yet, and where the script
/// stood.
fn moments(file: Vec<u8>, done: &[Done], mut each: impl FnMut(&[u8], &[Done], Stand)) {
    let (mut flushed, mut pending) = (file, Vec::new());
    let mut stand = Stand {
        step: 0,
        acknowledged: false,
    };
    for done in done {
        match done {
            Done::Begins(step) => {
                stand = Stand {
                    step: *step,
                    acknowledged: false,
                };
            }
            Done::Ends(_) => stand.acknowledged = true,
            Done::Flush => pending
                .drain(..)
                .for_each(|done| carry_out(&mut flushed, &done)),
            Done::Lost => pending.clear(),
            Done::Write { .. } | Done::Length(_) => pending.push(done.clone()),
        }
        each(&flushed, &pending, stand);
    }
}

#[test]
fn a_crash_at_any_moment_loses_nothing_that_was_acknowledged() {
    let (rounds, many) = effort();
    let history = History::play(rounds);
    let mut random = Random(1);
    let (mut count, mut crashes) = (0, 0);
    moments(Vec::new(), &history.done, |flushed, pending, stand| {
        count += 1;
        let told = |fates: &[(usize, Fate)]| format!("step {}, {fates:?}", stand.step);
        if pending.is_empty() {
            history.check(stand, flushed.to_vec(), &|| told(&[]));
            crashes += 1;
            return;
        }
        for fates in fates(pending, &mut random, many) {
            let file = crashed(flushed, pending, &fates);
            history.check(stand, file, &|| told(&fates));
            crashes += 1;
        }
    });
    println!("{crashes} crashes at {count} moments of {rounds} rounds");
    assert!(crashes > 1_000, "{crashes}");
}

/// A crash of a start that follows a crash: recovery itself may be cut short anywhere.
#[test]
fn a_crash_while_recovering_loses_nothing_either() {
    let (rounds, _) = effort();
    let history = History::play(rounds);
    let every = if rounds > 2 { 3 } else { 23 };
    let (mut moment, mut crashes) = (0, 0);
    moments(Vec::new(), &history.done, |flushed, pending, stand| {
        moment += 1;
        if moment % every != 0 {
            return;
        }
        let whole: Vec<_> = (0..pending.len()).map(|at| (at, Fate::Whole)).collect();
        let file = crashed(flushed, pending, &whole);
        let told = || format!("step {}, moment {moment}", stand.step);
        let recovery = history.check(stand, file.clone(), &told);
        moments(file, &recovery, |flushed, pending, _| {
            let all: Vec<_> = (0..pending.len()).map(|at| (at, Fate::Whole)).collect();
            let file = crashed(flushed, pending, &all);
            history.check(stand, file, &told);
            crashes += 1;
        });
    });
    println!("{crashes} crashes of recoveries");
    assert!(crashes > 100, "{crashes}");
}

/// A snapshot is written beside: until it is renamed, the one before it counts.
#[test]
fn a_crash_while_a_snapshot_is_written_leaves_the_one_before() {
    let history = History::play(4);
    let snapshots = |at: &usize| history.wanted[*at].snapshot != history.wanted[at - 1].snapshot;
    let steps: Vec<usize> = (1..history.wanted.len()).filter(snapshots).collect();
    assert!(steps.len() > 1);
    let mut checked = 0;
    moments(Vec::new(), &history.done, |flushed, _, stand| {
        if !steps.contains(&stand.step) || stand.acknowledged {
            return;
        }
        let (before, after) = (&history.wanted[stand.step - 1], &history.wanted[stand.step]);
        let (index, bytes) = after.snapshot.clone().unwrap();
        for length in [0, 1, bytes.len() / 2, bytes.len()] {
            let dir = tempfile::tempdir().unwrap();
            furnish(dir.path(), before, false);
            let beside = snapshot_file::beside(&snapshot_file::path(dir.path(), index), 3);
            fs::write(&beside, &bytes[..length]).unwrap();
            assert_eq!(held(dir.path(), flushed), *before);
            assert!(!beside.exists(), "what was not finished stays");
            checked += 1;
        }
        let dir = tempfile::tempdir().unwrap();
        furnish(dir.path(), before, false);
        furnish(dir.path(), after, false);
        assert_eq!(held(dir.path(), flushed), *after);
    });
    assert!(checked >= 8, "{checked}");
}

fn held(dir: &Path, file: &[u8]) -> Held {
    let opened = open(dir, &Disk::holding(file.to_vec())).unwrap();
    Held::of(&opened).unwrap()
}
