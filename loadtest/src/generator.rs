//! Runs a plan: starts the workers together, waits for them, and adds up what they counted.

pub mod connection;
pub(crate) mod pacer;
pub mod tally;
pub mod tls;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use self::connection::{Connection, Dialer};
use self::tally::Tally;
use crate::outcome::{ErrorKind, Mode, Outcome};
use crate::request::Request;
use crate::response::Answer;
use crate::stop::Stop;

/// Time between the last worker being ready and the first arrival, so that all begin together.
const LEAD: Duration = Duration::from_millis(20);

/// Why a run did not take place. Failures of single requests are counted, not returned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A connection could not be opened before the start.
    #[error("cannot open a connection to {address}: {kind}")]
    Open {
        /// Where to.
        address: SocketAddr,
        /// The kind of failure, as in reports.
        kind: &'static str,
    },
    /// A worker could not get what it needs from the system.
    #[error("a worker of the generator failed")]
    Worker(#[source] io::Error),
    /// Another worker failed first.
    #[error("the run was abandoned")]
    Abandoned,
}

/// A run, complete and bounded. The command line checks the bounds of `limits`.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where to connect.
    pub dialer: Dialer,
    /// What to send.
    pub request: Request,
    /// When to send it.
    pub mode: Mode,
    /// Connections, at least one per thread.
    pub connections: usize,
    /// Worker threads, at least one.
    pub threads: usize,
    /// Load before the measured part, not counted.
    pub warmup: Duration,
    /// The measured part.
    pub duration: Duration,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// Most requests to send in all, the warm-up included.
    pub requests_max: Option<u64>,
    /// Seed of Poisson arrivals.
    pub seed: u64,
    /// Processors to keep the workers on.
    pub cpus: Option<Vec<usize>>,
}

/// Runs `plan` to its end, or until `stop`, blocking the calling thread. A stopped run returns what
/// it measured until then.
///
/// # Errors
/// If connections cannot be opened or a worker fails as a whole.
pub fn run(plan: &Plan, stop: &Stop) -> Result<Outcome, Error> {
    let (ready_sender, ready) = sync_channel(plan.threads);
    let (tally, cut, start) = thread::scope(|scope| {
        let mut workers = Vec::new();
        let mut starts = Vec::new();
        for index in 0..plan.threads {
            let (start_sender, start) = oneshot::channel();
            let (ready, stop) = (ready_sender.clone(), stop.clone());
            starts.push(start_sender);
            let worker = thread::Builder::new().name(format!("load-{index}"));
            let body = move || worker::run(plan, index, stop, &ready, start);
            workers.push(worker.spawn_scoped(scope, body).map_err(Error::Worker)?);
        }
        drop(ready_sender);
        for _ in 0..plan.threads {
            ready.recv().map_err(|_| Error::Abandoned)??;
        }
        let start = Instant::now() + LEAD;
        for sender in starts {
            sender.send(start).map_err(|_| Error::Abandoned)?;
        }
        let mut tally = Tally::new(plan.duration);
        let mut cut = None;
        for worker in workers {
            let panicked = |_| Error::Worker(io::Error::other("a worker panicked"));
            let finished = worker.join().map_err(panicked)??;
            tally.add(&finished.tally);
            cut = cut.max(finished.cut);
        }
        Ok((tally, cut, start))
    })?;
    Ok(outcome(plan, tally, cut, start))
}

fn outcome(plan: &Plan, tally: Tally, cut: Option<Instant>, start: Instant) -> Outcome {
    let from = start + plan.warmup;
    let planned = match cut {
        Some(cut) => cut.saturating_duration_since(from).min(plan.duration),
        None => plan.duration,
    };
    // An overloaded server answers part of the backlog after the schedule's end. Dividing by the
    // schedule's length would then report the offered rate as if it had been achieved.
    let elapsed_s = planned.max(tally.last_answer_at).as_secs_f64();
    let answers = tally.latencies.count();
    let target = &plan.dialer.target;
    let scheme = if target.tls { "https" } else { "http" };
    Outcome {
        url: format!("{scheme}://{}{}", target.authority, target.path),
        mode: plan.mode,
        connections: plan.connections,
        threads: plan.threads,
        warmup_s: plan.warmup.as_secs_f64(),
        duration_s: elapsed_s,
        answers,
        answers_per_s: if elapsed_s > 0.0 {
            answers as f64 / elapsed_s
        } else {
            0.0
        },
        answers_total: tally.answers_total,
        unsent: tally.unsent,
        latency: tally.latencies.summary(),
        generator_lag: tally.generator_lag.summary(),
        curve: tally.latencies.curve(),
        timeline: tally.timeline.points(),
        statuses: tally.statuses,
        errors: tally.errors,
        read_bytes_total: tally.read_bytes,
        written_bytes_total: tally.written_bytes,
    }
}

/// Sends one request on a new connection and returns the answer with up to
/// [`crate::limits::PROBE_BODY_BYTES_MAX`] bytes of its body, blocking the calling thread.
///
/// # Errors
/// The kind of failure; [`ErrorKind::Connect`] also when no runtime can be had.
pub fn probe(
    dialer: &Dialer,
    request: &Request,
    timeout: Duration,
) -> Result<(Answer, Vec<u8>), ErrorKind> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.map_err(|_| ErrorKind::Connect)?.block_on(async {
        let mut connection = Connection::probing(Arc::new(dialer.clone()), request.is_head());
        let answer = connection.exchange(request, timeout).await?;
        Ok((answer, connection.into_body()))
    })
}

#[cfg(test)]
#[path = "generator/tests.rs"]
mod tests;
