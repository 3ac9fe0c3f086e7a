//! What a comparison found: rounds, their medians, and the ratios to nginx.

use std::fs;

use anyhow::{Context, bail};
use serde::Serialize;

use super::gateways::{Peer, Scenario};
use super::usage::CpuUsed;
use crate::latency::{Summary, median};
use crate::outcome::Outcome;

/// One round at one gateway.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// Answers per second.
    pub answers_per_s: f64,
    /// CPU time of the gateway in user mode per answer, in microseconds.
    pub cpu_user_us: f64,
    /// The same in the kernel.
    pub cpu_system_us: f64,
    /// Latency, from the intended time when there was a rate.
    pub latency: Summary,
    /// 99th percentile of how late the generator itself sent; zero without a rate.
    pub generator_lag_p99_us: f64,
    /// Memory of the gateway after the round.
    pub resident_bytes: u64,
    /// Latency by quantile.
    #[serde(skip)]
    pub curve: Vec<(f64, f64)>,
}

impl Round {
    /// From a run and what the gateway spent during all of it.
    pub fn new(outcome: &Outcome, used: CpuUsed, resident_bytes: u64) -> Self {
        let per_answer = |spent: std::time::Duration| {
            spent.as_secs_f64() * 1e6 / outcome.answers_total.max(1) as f64
        };
        Self {
            answers_per_s: outcome.answers_per_s,
            cpu_user_us: per_answer(used.user),
            cpu_system_us: per_answer(used.system),
            latency: outcome.latency,
            generator_lag_p99_us: outcome.generator_lag.p99_us,
            resident_bytes,
            curve: outcome.curve.clone(),
        }
    }

    /// CPU time per answer, in microseconds.
    pub fn cpu_us(&self) -> f64 {
        self.cpu_user_us + self.cpu_system_us
    }
}

/// Medians over rounds of one kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Medians {
    /// Answers per second.
    pub answers_per_s: f64,
    /// CPU time per answer in user mode, in microseconds.
    pub cpu_user_us: f64,
    /// In the kernel.
    pub cpu_system_us: f64,
    /// In all.
    pub cpu_us: f64,
    /// The round with the least CPU time per answer.
    pub cpu_us_min: f64,
    /// The round with the most.
    pub cpu_us_max: f64,
    /// Median latency.
    pub p50_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// 99.9th percentile.
    pub p999_us: f64,
    /// 99th percentile of how late the generator itself sent.
    pub generator_lag_p99_us: f64,
    /// Memory after a round.
    pub resident_bytes: f64,
}

impl Medians {
    /// Of at least one round; all zero of none.
    pub fn of(rounds: &[Round]) -> Self {
        let values = |value: fn(&Round) -> f64| -> Vec<f64> { rounds.iter().map(value).collect() };
        let middle = |value: fn(&Round) -> f64| median(&values(value)).unwrap_or(0.0);
        let cpu = values(Round::cpu_us);
        Self {
            answers_per_s: middle(|round| round.answers_per_s),
            cpu_user_us: middle(|round| round.cpu_user_us),
            cpu_system_us: middle(|round| round.cpu_system_us),
            cpu_us: middle(Round::cpu_us),
            cpu_us_min: cpu.iter().copied().reduce(f64::min).unwrap_or(0.0),
            cpu_us_max: cpu.iter().copied().reduce(f64::max).unwrap_or(0.0),
            p50_us: middle(|round| round.latency.p50_us),
            p99_us: middle(|round| round.latency.p99_us),
            p999_us: middle(|round| round.latency.p999_us),
            generator_lag_p99_us: middle(|round| round.generator_lag_p99_us),
            resident_bytes: middle(|round| round.resident_bytes as f64),
        }
    }
}

/// One gateway in one scenario.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// What it had to do.
    pub scenario: Scenario,
    /// What it is.
    pub peer: Peer,
    /// Medians with every connection always busy.
    pub saturated: Medians,
    /// Medians at the fixed rate.
    pub paced: Medians,
    /// All rounds with every connection always busy.
    pub saturated_rounds: Vec<Round>,
    /// All rounds at the fixed rate.
    pub paced_rounds: Vec<Round>,
}

impl Cell {
    /// From its rounds.
    pub fn new(
        scenario: Scenario,
        peer: Peer,
        saturated_rounds: Vec<Round>,
        paced_rounds: Vec<Round>,
    ) -> Self {
        Self {
            scenario,
            peer,
            saturated: Medians::of(&saturated_rounds),
            paced: Medians::of(&paced_rounds),
            saturated_rounds,
            paced_rounds,
        }
    }

    /// Scenario and peer.
    pub fn name(&self) -> String {
        format!("{} {}", self.scenario.name(), self.peer.name())
    }

    /// The percentile curve of the paced round whose 99th percentile is the (lower) median.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let mut rounds: Vec<&Round> = self.paced_rounds.iter().collect();
        rounds.sort_by(|a, b| a.latency.p99_us.total_cmp(&b.latency.p99_us));
        let middle = rounds.len().saturating_sub(1) / 2;
        rounds
            .get(middle)
            .map(|round| round.curve.clone())
            .unwrap_or_default()
    }
}

/// The machine, as far as it explains the figures.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// How many the generator and the gateways share.
    pub processors: usize,
    /// The kernel's release.
    pub kernel: String,
    /// Load average over one minute before the first round: what else was running.
    pub load_before: f64,
}

impl Machine {
    /// This machine, now.
    pub fn read() -> Self {
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let loadavg = read("/proc/loadavg");
        Self {
            processor: model.map_or_else(|| "unknown".to_owned(), |(_, it)| it.trim().to_owned()),
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: loadavg
                .split(' ')
                .next()
                .and_then(|it| it.parse().ok())
                .unwrap_or(0.0),
        }
    }
}

/// A whole comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Where it ran.
    pub machine: Machine,
    /// Rounds per gateway and kind of load.
    pub rounds: u32,
    /// Measured seconds per round.
    pub seconds: f64,
    /// Connections to each gateway.
    pub connections: usize,
    /// Whether gateways had a processor of their own.
    pub pinned: bool,
    /// The rate at which latency was measured.
    pub fixed_rate_per_s: f64,
    /// What was found.
    pub cells: Vec<Cell>,
    /// CPU time per answer of every gateway at saturation, over that of plain nginx.
    pub cpu_ratio_to_nginx: std::collections::BTreeMap<String, f64>,
}

impl Comparison {
    /// The cell of a gateway in a scenario.
    pub fn cell(&self, scenario: Scenario, peer: Peer) -> Option<&Cell> {
        self.cells
            .iter()
            .find(|cell| cell.scenario == scenario && cell.peer == peer)
    }

    /// `value` of a cell over that of plain nginx; `None` without nginx or with a zero.
    pub fn ratio(&self, cell: &Cell, value: fn(&Cell) -> f64) -> Option<f64> {
        let nginx = value(self.cell(Scenario::Plain, Peer::Nginx)?);
        (nginx > 0.0).then(|| value(cell) / nginx)
    }

    /// The worst gateway's median of the 99th percentile of how late the generator itself sent.
    pub fn generator_lag_p99_us(&self) -> f64 {
        let lags = self
            .cells
            .iter()
            .map(|cell| cell.paced.generator_lag_p99_us);
        lags.fold(0.0, f64::max)
    }

    /// Fills in what is derived from the cells.
    #[must_use]
    pub fn with_ratios(mut self) -> Self {
        let ratio =
            |cell: &Cell| Some((cell.name(), self.ratio(cell, |cell| cell.saturated.cpu_us)?));
        self.cpu_ratio_to_nginx = self.cells.iter().filter_map(ratio).collect();
        self
    }

    /// Passes when keyed Tollgate needs at most `max` times plain nginx's CPU time per answer.
    ///
    /// # Errors
    /// If it needs more, or if one of the two was not measured.
    pub fn ensure_ratio(&self, max: f64) -> anyhow::Result<()> {
        let measured = "--max-ratio needs nginx and tollgate, plain and keyed";
        let keyed = self
            .cell(Scenario::Keyed, Peer::Tollgate)
            .context(measured)?;
        let ratio = self
            .ratio(keyed, |cell| cell.saturated.cpu_us)
            .context(measured)?;
        if ratio > max {
            bail!("keyed tollgate needs {ratio:.2} times the CPU of plain nginx, more than {max}");
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "result/tests.rs"]
mod tests;
