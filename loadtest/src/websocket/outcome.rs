//! What a WebSocket run measured: the report of any run, and what the server took for it.

use std::time::Duration;

use serde::Serialize;

use super::{Plan, Scenario};
use crate::compare::usage::CpuTimes;
use crate::generator::tally::Tally;
use crate::latency::{Latencies, Summary};
use crate::outcome::{Mode, Outcome};
use crate::schedule::Arrivals;

/// The result of a run. Of an idle one the latencies are those of the handshakes.
#[derive(Debug, Clone, Serialize)]
pub struct SocketOutcome {
    /// What the connections did.
    pub scenario: Scenario,
    /// How long opening a connection took, from when it was due.
    pub handshakes: Summary,
    /// What the server took, if its process was named.
    pub server: Option<ServerUse>,
    /// Deliveries and their latencies.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What the server's processes took.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct ServerUse {
    /// Resident memory before the first connection, in bytes.
    pub before_bytes: u64,
    /// With all of them open.
    pub open_bytes: u64,
    /// At the end.
    pub after_bytes: u64,
    /// What each connection took.
    pub connection_bytes: u64,
    /// CPU time from the beginning of the measured part until the last delivery, in seconds.
    pub cpu_s: f64,
}

impl ServerUse {
    pub(super) fn new(
        before: Option<u64>,
        open: Option<u64>,
        after: Option<u64>,
        cpu: (Option<CpuTimes>, Option<CpuTimes>),
        plan: &Plan,
    ) -> Option<Self> {
        let (before, open) = (before?, open?);
        let cpu_s = match cpu {
            (Some(began), Some(ended)) => {
                let ticks = rustix::param::clock_ticks_per_second();
                began.until(&ended, ticks).total().as_secs_f64()
            }
            _ => 0.0,
        };
        Some(Self {
            before_bytes: before,
            open_bytes: open,
            after_bytes: after.unwrap_or(open),
            connection_bytes: open.saturating_sub(before) / plan.connections.max(1) as u64,
            cpu_s,
        })
    }
}

/// Puts the figures together.
pub(super) fn outcome(
    plan: &Plan,
    tally: &Tally,
    handshakes: &Latencies,
    server: Option<ServerUse>,
    measured: Duration,
) -> SocketOutcome {
    let idle = plan.scenario == Scenario::Idle;
    let latencies = if idle { handshakes } else { &tally.latencies };
    let target = &plan.dialer.target;
    let scheme = if target.tls { "wss" } else { "ws" };
    let duration_s = measured.max(tally.last_answer_at).as_secs_f64();
    let per_s = |count: u64| {
        if duration_s > 0.0 {
            count as f64 / duration_s
        } else {
            0.0
        }
    };
    SocketOutcome {
        scenario: plan.scenario,
        handshakes: handshakes.summary(),
        server,
        outcome: Outcome {
            url: format!("{scheme}://{}{}", target.authority, target.path),
            mode: Mode::Open {
                rate_per_s: if idle {
                    plan.ramp_per_s
                } else {
                    plan.rate_per_s
                },
                arrivals: Arrivals::Constant,
            },
            connections: plan.connections,
            threads: 1,
            warmup_s: plan.warmup.as_secs_f64(),
            duration_s,
            answers: latencies.count(),
            answers_per_s: if idle { 0.0 } else { per_s(latencies.count()) },
            answers_total: tally.answers_total,
            unsent: 0,
            statuses: tally.statuses.clone(),
            errors: tally.errors.clone(),
            read_bytes_total: tally.read_bytes,
            written_bytes_total: tally.written_bytes,
            latency: latencies.summary(),
            generator_lag: tally.generator_lag.summary(),
            curve: latencies.curve(),
            timeline: tally.timeline.points(),
        },
    }
}

impl SocketOutcome {
    /// The result for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let what = match self.scenario {
            Scenario::Idle => "idle: answers are handshakes",
            Scenario::Echo => "echo: answers are messages that came back",
            Scenario::FanOut => "fan-out: answers are deliveries",
        };
        let handshakes = &self.handshakes;
        let mut text = format!("scenario     {what}\n{}", self.outcome.text());
        text += &format!(
            "handshake us p50 {:.0}  p99 {:.0}  max {:.0}\n",
            handshakes.p50_us, handshakes.p99_us, handshakes.max_us
        );
        if let Some(server) = &self.server {
            text += &format!(
                "server       {} bytes a connection, {:.1} MiB before, {:.1} MiB open, {:.1} MiB \
                 after\nserver CPU   {:.3} s in {:.1} s ({:.2} % of a core)\n",
                server.connection_bytes,
                mebibytes(server.before_bytes),
                mebibytes(server.open_bytes),
                mebibytes(server.after_bytes),
                server.cpu_s,
                self.outcome.duration_s,
                server.cpu_s * 100.0 / self.outcome.duration_s.max(f64::MIN_POSITIVE)
            );
            if self.scenario != Scenario::Idle && server.cpu_s > 0.0 {
                let per_cpu_s = self.outcome.answers as f64 / server.cpu_s;
                text += &format!("             {per_cpu_s:.0} messages a CPU second\n");
            }
        }
        text
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
