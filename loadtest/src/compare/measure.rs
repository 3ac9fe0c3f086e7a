//! Drives the same load at all gateways in turn and reads what each spent.
//!
//! Rounds alternate and begin with another gateway each time, so that a slow minute of the machine
//! falls on all of them. Figures are medians over rounds.

use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::gateways::{Bench, Gateway, Peer};
use super::result::{Cell, Round};
use super::usage::{CpuTimes, resident_bytes};
use crate::generator::{self, Plan};
use crate::latency::median;
use crate::outcome::{Mode, Outcome};
use crate::schedule::Arrivals;
use crate::stop::Stop;

/// Share of the slowest gateway's saturation at which latency is compared: far enough from the edge
/// that it is not the queue's length that is measured.
const FIXED_RATE_SHARE: f64 = 0.5;

/// How long and how hard.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Rounds per gateway and kind of load.
    pub rounds: u32,
    /// Measured part of a round.
    pub duration: Duration,
    /// Load before it.
    pub warmup: Duration,
    /// Connections to the gateway.
    pub connections: usize,
    /// Threads of the generator.
    pub threads: usize,
    /// Processors of the generator.
    pub cpus: Option<Vec<usize>>,
}

/// Measures all gateways: first all rounds at saturation, then all at a rate that each can bear.
/// Returns that rate and what was measured; `progress` is told what happens.
///
/// # Errors
/// If a run fails, a gateway ends, or a request is not answered with a 2xx status.
pub fn measure(
    bench: &Bench,
    settings: &Settings,
    stop: &Stop,
    mut progress: impl FnMut(&str),
) -> anyhow::Result<(f64, Vec<Cell>)> {
    let gateways = &bench.gateways;
    let mut saturated = rounds(gateways, settings, Mode::Closed, stop, &mut progress)?;
    let rate_per_s = fixed_rate(gateways, &saturated).context("nothing to compare")?;
    let mode = Mode::Open {
        rate_per_s,
        arrivals: Arrivals::Constant,
    };
    let mut paced = rounds(gateways, settings, mode, stop, &mut progress)?;
    let cells = gateways.iter().enumerate().map(|(index, gateway)| {
        let saturated = std::mem::take(&mut saturated[index]);
        let paced = std::mem::take(&mut paced[index]);
        Cell::new(gateway.scenario, gateway.peer, saturated, paced)
    });
    Ok((rate_per_s, cells.collect()))
}

/// By gateway, then by round.
fn rounds(
    gateways: &[Gateway],
    settings: &Settings,
    mode: Mode,
    stop: &Stop,
    progress: &mut impl FnMut(&str),
) -> anyhow::Result<Vec<Vec<Round>>> {
    let mut all: Vec<Vec<Round>> = vec![Vec::new(); gateways.len()];
    for round in 0..settings.rounds {
        for position in 0..gateways.len() {
            let index = (position + round as usize) % gateways.len();
            let gateway = &gateways[index];
            let load = match mode {
                Mode::Closed => "saturated".to_owned(),
                Mode::Open { rate_per_s, .. } => format!("at {rate_per_s}/s"),
            };
            progress(&format!(
                "round {} of {}: {} {} {load}",
                round + 1,
                settings.rounds,
                gateway.scenario.name(),
                gateway.peer.name()
            ));
            all[index].push(one(gateway, settings, mode, stop)?);
        }
    }
    Ok(all)
}

fn one(gateway: &Gateway, settings: &Settings, mode: Mode, stop: &Stop) -> anyhow::Result<Round> {
    let plan = Plan {
        dialer: gateway.dialer.clone(),
        request: gateway.request.clone(),
        mode,
        connections: settings.connections,
        threads: settings.threads,
        warmup: settings.warmup,
        duration: settings.duration,
        timeout: Duration::from_secs(10),
        requests_max: None,
        seed: 1,
        cpus: settings.cpus.clone(),
    };
    let lost = || format!("lost {}: {}", gateway.peer.name(), gateway.last_words());
    gateway.ensure_running()?;
    let before = CpuTimes::read(gateway.cost_of).with_context(lost)?;
    let outcome = generator::run(&plan, stop)?;
    if stop.is_stopped() {
        bail!("interrupted");
    }
    let after = CpuTimes::read(gateway.cost_of).with_context(lost)?;
    gateway.ensure_running()?;
    check(gateway, &outcome)?;
    let used = before.until(&after, rustix::param::clock_ticks_per_second());
    let resident = resident_bytes(gateway.cost_of).with_context(lost)?;
    Ok(Round::new(&outcome, used, resident))
}

/// A gateway that refuses quickly must not win.
fn check(gateway: &Gateway, outcome: &Outcome) -> anyhow::Result<()> {
    ensure!(
        outcome.is_clean(),
        "{} {} did not answer all requests: {}\n{}",
        gateway.scenario.name(),
        gateway.peer.name(),
        outcome.complaint(),
        gateway.last_words()
    );
    Ok(())
}

/// [`FIXED_RATE_SHARE`] of the slowest gateway's median, in whole requests; the back end alone does
/// not count.
fn fixed_rate(gateways: &[Gateway], saturated: &[Vec<Round>]) -> Option<f64> {
    let medians = gateways
        .iter()
        .zip(saturated)
        .filter_map(|(gateway, rounds)| {
            let rates: Vec<f64> = rounds.iter().map(|round| round.answers_per_s).collect();
            Some((gateway.peer, median(&rates)?))
        });
    let medians: Vec<(Peer, f64)> = medians.collect();
    slowest(&medians).map(|slowest| (slowest * FIXED_RATE_SHARE).floor().max(1.0))
}

fn slowest(medians: &[(Peer, f64)]) -> Option<f64> {
    let gateways = medians.iter().filter(|(peer, _)| *peer != Peer::Direct);
    let rates: Vec<f64> = gateways.map(|(_, rate)| *rate).collect();
    let all = || medians.iter().map(|(_, rate)| *rate).reduce(f64::min);
    rates.into_iter().reduce(f64::min).or_else(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_gateway_decides_and_not_the_back_end() {
        let medians = [
            (Peer::Direct, 5.0),
            (Peer::Nginx, 30.0),
            (Peer::Tollgate, 20.0),
        ];
        assert_eq!(slowest(&medians), Some(20.0));
        assert_eq!(slowest(&medians[..1]), Some(5.0));
        assert_eq!(slowest(&[]), None);
    }
}
