//! Seeds that are run: a few always, many when asked for, and some with a fault planted.

use std::time::Instant;

use super::super::planted::plant;
use super::oracle::Event;
use super::run;
use crate::faults::Bug;

/// Seeds of a run that is not asked for more: what fits into a test.
const SEEDS: u64 = 24;
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

/// `SEEDS=n` runs so many; `SEED=n` begins there, and alone means that one.
#[test]
fn no_seed_violates_an_invariant() {
    let (first, count) = match (number("SEED"), number("SEEDS")) {
        (Some(first), count) => (first, count.unwrap_or(1)),
        (None, count) => (0, count.unwrap_or(SEEDS)),
    };
    let began = Instant::now();
    let (mut simulated, mut elections, mut lost) = (0.0, 0, 0);
    let mut wrong = Vec::new();
    for seed in first..first + count {
        match run(seed) {
            Ok(summary) => {
                simulated += summary.simulated.as_secs_f64();
                elections += summary.elections;
                lost += summary.lost_lives;
            }
            Err(text) => {
                println!("{text}");
                wrong.push(text);
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{count} seeds from {first}: {} violated an invariant; {simulated:.0} s simulated in \
         {seconds:.0} s, {:.2} seeds/s; {elections} leaders, {lost} crashes",
        wrong.len(),
        count as f64 / seconds,
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every call between nodes, every entry, every leader and every request let in, in order.
#[test]
fn one_seed_replays_one_run() {
    let count = number("REPLAYS").unwrap_or(REPLAYS);
    let mut other = Vec::new();
    for seed in first()..first() + count {
        let (one, again) = (run(seed), run(seed));
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
