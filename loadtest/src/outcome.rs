//! What a run measured, as it is printed, written as JSON and drawn.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::latency::{Point, Summary};
use crate::schedule::Arrivals;

/// Why a request brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The connection could not be opened.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The request could not be written, and no answer came either.
    Write,
    /// Reading failed.
    Read,
    /// The connection ended before the answer did.
    Closed,
    /// The answer broke HTTP/1.1.
    Protocol,
    /// No complete answer within the timeout.
    Timeout,
    /// Still unanswered when the run ended.
    Unfinished,
}

/// How the load was made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "loop")]
pub enum Mode {
    /// On a schedule that does not wait for answers; latency counts from the intended time.
    Open {
        /// Arrivals per second.
        rate_per_s: f64,
        /// How they are spaced.
        arrivals: Arrivals,
    },
    /// Each connection sends when its last answer came; latency counts from the sending.
    Closed,
}

/// The result of one run. Counts are of the measured part unless they say `total`.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The URL.
    pub url: String,
    /// How the load was made.
    pub mode: Mode,
    /// Connections kept.
    pub connections: usize,
    /// Worker threads of the generator.
    pub threads: usize,
    /// Seconds before the measured part.
    pub warmup_s: f64,
    /// Seconds measured; shorter than asked for when the run was ended early.
    pub duration_s: f64,
    /// Complete answers of any status.
    pub answers: u64,
    /// Answers per second.
    pub answers_per_s: f64,
    /// Complete answers of the whole run, warm-up and drain included: the divisor for CPU time.
    pub answers_total: u64,
    /// Scheduled requests never sent, because every connection was busy until the run ended.
    pub unsent: u64,
    /// Answers by status code.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without answer by cause.
    pub errors: BTreeMap<ErrorKind, u64>,
    /// Bytes read from connections in the whole run, heads included.
    pub read_bytes_total: u64,
    /// Bytes written to connections in the whole run, heads included.
    pub written_bytes_total: u64,
    /// Latency of complete answers.
    pub latency: Summary,
    /// How late the generator itself sent when a connection stood ready: its share in `latency`.
    pub generator_lag: Summary,
    /// Latency by quantile: pairs of quantile (0 to 1) and microseconds.
    pub curve: Vec<(f64, f64)>,
    /// Throughput and latency by time of completion.
    pub timeline: Vec<Point>,
}

impl Outcome {
    /// Requests without answer, of any cause.
    pub fn errors_sum(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Whether every request was sent and answered with a 2xx status, and there was at least one.
    pub fn is_clean(&self) -> bool {
        self.answers > 0
            && self.errors_sum() == 0
            && self.unsent == 0
            && self
                .statuses
                .keys()
                .all(|status| (200..300).contains(status))
    }

    /// What was not clean, in one line, empty when all was.
    pub fn complaint(&self) -> String {
        let mut text = String::new();
        let odd = self
            .statuses
            .iter()
            .filter(|(status, _)| !(200..300).contains(*status));
        for (status, count) in odd {
            text += &format!("{count} answers with status {status}, ");
        }
        for (kind, count) in &self.errors {
            text += &format!("{count} errors of kind {}, ", kind.name());
        }
        if self.unsent > 0 {
            text += &format!("{} scheduled requests never sent, ", self.unsent);
        }
        if self.answers == 0 {
            text += "no answer at all, ";
        }
        text.truncate(text.trim_end_matches(", ").len());
        text
    }

    /// The result for a terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let latency = &self.latency;
        let mode = match self.mode {
            Mode::Open { rate_per_s, .. } => format!("open loop at {rate_per_s} requests/s"),
            Mode::Closed => "closed loop, saturating".to_owned(),
        };
        let lines = [
            format!("url          {}", self.url),
            format!(
                "load         {mode}, {} connections, {} threads",
                self.connections, self.threads
            ),
            format!(
                "measured     {:.2} s after {:.2} s of warm-up",
                self.duration_s, self.warmup_s
            ),
            format!(
                "answers      {} ({:.1}/s)",
                self.answers, self.answers_per_s
            ),
            format!(
                "latency us   p50 {:.0}  p90 {:.0}  p99 {:.0}  p99.9 {:.0}  p99.99 {:.0}  max {:.0}  mean {:.0}",
                latency.p50_us,
                latency.p90_us,
                latency.p99_us,
                latency.p999_us,
                latency.p9999_us,
                latency.max_us,
                latency.mean_us
            ),
            format!(
                "bytes        {} read, {} written",
                self.read_bytes_total, self.written_bytes_total
            ),
        ];
        for line in lines {
            text += &line;
            text.push('\n');
        }
        if self.generator_lag.count > 0 {
            let lag = &self.generator_lag;
            text += &format!(
                "generator    late by us p50 {:.0}  p99 {:.0}  max {:.0}\n",
                lag.p50_us, lag.p99_us, lag.max_us
            );
        }
        for (status, count) in &self.statuses {
            text += &format!("status {status}   {count}\n");
        }
        for (kind, count) in &self.errors {
            text += &format!("error        {} {count}\n", kind.name());
        }
        if self.unsent > 0 {
            writeln!(
                text,
                "unsent       {}: the percentiles are a lower bound",
                self.unsent
            )
            .expect("a string takes what is written");
        }
        text
    }
}

impl ErrorKind {
    /// The name in reports and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Write => "write",
            Self::Read => "read",
            Self::Closed => "closed",
            Self::Protocol => "protocol",
            Self::Timeout => "timeout",
            Self::Unfinished => "unfinished",
        }
    }
}
