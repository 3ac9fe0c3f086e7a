//! Seeds that are run: a few always, many when asked for, and some with a fault planted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::super::planted::plant;
use super::oracle::Event;
use super::{Summary, run, run_with};
use crate::faults::Bug;
use crate::raft::disk::lock;

/// Seeds of a run that is not asked for more: what fits into a test.
const SEEDS: u64 = 24;
/// A long run says how it does after so many seeds.
const PRINTED_EVERY: u64 = 250;
/// Seeds that are run twice, to see that nothing but the seed decides.
const REPLAYS: u64 = 24;
/// Each planted fault is found within so many seeds.
const FOUND_WITHIN: u64 = 40;

#[expect(
    clippy::disallowed_methods,
    reason = "who runs the test chooses the seeds"
)]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn first() -> u64 {
    number("SEED").unwrap_or(0)
}

/// What runs of many seeds amount to.
#[derive(Default)]
struct Sum {
    seeds: u64,
    simulated: f64,
    elections: u64,
    lost_lives: u64,
    admitted: u64,
    rated: u64,
    wrong: Vec<String>,
}

impl Sum {
    fn add(&mut self, result: Result<Summary, String>) {
        self.seeds += 1;
        match result {
            Ok(summary) => {
                self.simulated += summary.simulated.as_secs_f64();
                self.elections += summary.elections;
                self.lost_lives += summary.lost_lives;
                self.admitted += summary.admitted;
                self.rated += summary.rated;
            }
            Err(text) => {
                println!("{text}");
                keep(&text);
                self.wrong.push(text);
            }
        }
    }

    fn print(&self, first: u64, (began, worked): (Instant, f64)) {
        let seconds = began.elapsed().as_secs_f64();
        let worked = (processor_seconds() - worked).max(0.01);
        println!(
            "{} seeds from {first}: {} violated an invariant; {:.0} s simulated in {seconds:.0} s, \
             {:.1} seeds a processor's second; {} leaders, {} crashes, {} requests let in by \
             quotas and {} by rates",
            self.seeds,
            self.wrong.len(),
            self.simulated,
            self.seeds as f64 / worked,
            self.elections,
            self.lost_lives,
            self.admitted,
            self.rated,
        );
    }
}

/// The processor's time that this process had, all threads together, in seconds: what a machine
/// that is busy with other things does not change much.
fn processor_seconds() -> f64 {
    /// The unit of the numbers that Linux tells, which is the same on all its machines.
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name may hold anything, also blanks; the numbers follow it.
    let (_, numbers) = stat.rsplit_once(") ").unwrap();
    let of_user_and_kernel = numbers.split(' ').skip(11).take(2);
    let ticks: f64 = of_user_and_kernel
        .map(|it| it.parse::<f64>().unwrap())
        .sum();
    ticks / TICKS_A_SECOND
}

/// Adds what a seed violated to the file `FAILED`, when one is named: a long run may be cut short.
#[expect(
    clippy::disallowed_methods,
    reason = "who runs the test names the file"
)]
fn keep(text: &str) {
    use std::io::Write as _;
    if let Ok(path) = std::env::var("FAILED") {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(path).unwrap();
        writeln!(file, "{text}").unwrap();
    }
}

/// `SEEDS=n` runs so many; `SEED=n` begins there, and alone means that one. `THREADS` share them,
/// and `MINUTES` end the run before it is through.
#[test]
fn no_seed_violates_an_invariant() {
    let (first, count) = match (number("SEED"), number("SEEDS")) {
        (Some(first), count) => (first, count.unwrap_or(1)),
        (None, count) => (0, count.unwrap_or(SEEDS)),
    };
    let minutes = number("MINUTES").map(|minutes| Duration::from_secs(60 * minutes));
    let (began, worked) = (Instant::now(), processor_seconds());
    let next = AtomicU64::new(first);
    let sum = Mutex::new(Sum::default());
    std::thread::scope(|scope| {
        for _ in 0..number("THREADS").unwrap_or(1) {
            scope.spawn(|| {
                while minutes.is_none_or(|most| began.elapsed() < most) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first.saturating_add(count) {
                        break;
                    }
                    let result = run(seed);
                    let mut sum = lock(&sum);
                    sum.add(result);
                    if sum.seeds.is_multiple_of(PRINTED_EVERY) {
                        sum.print(first, (began, worked));
                    }
                }
            });
        }
    });
    let sum = lock(&sum);
    sum.print(first, (began, worked));
    assert!(sum.wrong.is_empty(), "{:#?}", sum.wrong);
}

/// Every call between nodes, every entry, every leader and every request let in, in order. A log
/// in memory is to a cluster what a file is.
#[test]
fn one_seed_replays_one_run() {
    let count = number("REPLAYS").unwrap_or(REPLAYS);
    let mut other = Vec::new();
    for seed in first()..first() + count {
        let (one, again) = (run_with(seed, true), run_with(seed, false));
        if let (Ok(one), Ok(again)) = (&one, &again) {
            let pairs = one.trace.iter().zip(&again.trace);
            let same = pairs.take_while(|(a, b)| a == b).count();
            if one.trace.len().max(again.trace.len()) > same {
                let around = |trace: &[Event]| {
                    let end = (same + 3).min(trace.len());
                    format!("{:?}", &trace[same.saturating_sub(3)..end])
                };
                println!(
                    "seed {seed}, event {same}: {} or {}",
                    around(&one.trace),
                    around(&again.trace)
                );
            }
        }
        if one != again {
            other.push(seed);
        }
    }
    assert!(other.is_empty(), "of {count} seeds these differ: {other:?}");
    assert_ne!(run(8), run(16));
}

/// What the first seed that finds a planted fault says.
fn finds(bug: Bug) -> String {
    plant(Some(bug));
    let found = (1..=FOUND_WITHIN).find_map(|seed| run(seed).err());
    plant(None);
    found.unwrap_or_default()
}

#[test]
fn a_grant_that_is_counted_twice_is_found() {
    let found = finds(Bug::GrantCountedTwice);
    assert!(found.contains("quota:"), "{found}");
}

#[test]
fn a_token_that_is_returned_after_it_was_spent_is_found() {
    let found = finds(Bug::ReturnedAfterSpent);
    assert!(found.contains("quota:"), "{found}");
}

#[test]
fn a_vote_that_is_not_on_disk_is_found() {
    let found = finds(Bug::VoteNotPersisted);
    assert!(found.contains("vote:"), "{found}");
}

#[test]
fn a_stale_read_that_is_served_as_fresh_is_found() {
    let found = finds(Bug::AnsweredBeforeApplied);
    assert!(found.contains("read:"), "{found}");
}
