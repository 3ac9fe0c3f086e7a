//! How long an operation takes on this machine. For eyes, with one bound that is far enough away
//! to hold on a busy machine: an allowance check takes less than 100 ns.

use std::time::Instant;

use anyhow::Context as _;

use crate::measure::tollgate_measured_region;
use crate::scenarios::{ALL, PEERS, Scenario, find};

/// An allowance check must take less, in nanoseconds.
const ALLOWANCE_NS_MAX: f64 = 100.0;
/// Odd, so that there is a median.
const BATCHES: usize = 101;
/// Long enough that reading the clock does not count, short enough that most batches are not
/// interrupted.
const BATCH: usize = 1_000;

/// Prints the time of every scenario.
pub(crate) fn report() -> anyhow::Result<bool> {
    for scenario in ALL.iter().chain(PEERS) {
        println!("{:<24} {:>9.1} ns", scenario.name, median_ns(scenario)?);
    }
    Ok(true)
}

/// Prints the time of the allowance checks and tells whether it is within the bound.
pub(crate) fn allowances() -> anyhow::Result<bool> {
    let mut quick = true;
    println!();
    for name in ["allowance.bucket", "allowance.quota", "allowance.all"] {
        let scenario = find(name).with_context(|| format!("no scenario {name}"))?;
        let took_ns = median_ns(scenario)?;
        quick &= took_ns < ALLOWANCE_NS_MAX;
        println!(
            "{name:<24} {took_ns:>9.1} ns, must be below {ALLOWANCE_NS_MAX} ns: {}",
            if took_ns < ALLOWANCE_NS_MAX {
                "yes"
            } else {
                "NO"
            }
        );
    }
    Ok(quick)
}

/// The median over batches, in nanoseconds per operation.
fn median_ns(scenario: &Scenario) -> anyhow::Result<f64> {
    let mut operation = (scenario.build)();
    let mut batches: Vec<f64> = (0..BATCHES)
        .map(|_| {
            operation.prepare(BATCH);
            let began = Instant::now();
            tollgate_measured_region(&mut *operation, BATCH);
            began.elapsed().as_secs_f64() * 1e9 / BATCH as f64
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches
        .get(BATCHES / 2)
        .copied()
        .context("no batch was measured")
}
