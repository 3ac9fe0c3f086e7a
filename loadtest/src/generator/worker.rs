//! One worker: a thread with its own runtime, its share of the connections and of the schedule.
//!
//! Nothing is shared between workers while they run, so the generator scales with cores and its own
//! locks cannot show up as latency.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, oneshot};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use super::connection::Connection;
use super::pacer::Pacer;
use super::tally::{Tally, Window};
use super::{Error, Plan};
use crate::limits::{DRAIN, RECONNECT_PAUSE};
use crate::outcome::{ErrorKind, Mode};
use crate::schedule::Schedule;
use crate::stop::Stop;

/// What a worker brings home.
pub(super) struct Finished {
    pub(super) tally: Tally,
    /// When the worker ended before the schedule did: asked to stop, or all requests sent.
    pub(super) cut: Option<Instant>,
}

/// Runs worker `index` to its end on the calling thread. Opens the connections, says so on `ready`,
/// and begins at the instant that comes on `start`.
pub(super) fn run(
    plan: &Plan,
    index: usize,
    stop: Stop,
    ready: &std::sync::mpsc::SyncSender<Result<(), Error>>,
    start: oneshot::Receiver<Instant>,
) -> Result<Finished, Error> {
    if let Some(cpus) = &plan.cpus {
        pin(cpus).map_err(Error::Worker)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Worker)?;
    LocalSet::new().block_on(&runtime, async {
        let connections = match open_all(plan, index).await {
            Ok(connections) => connections,
            Err(error) => {
                // Nobody waits any more when another worker failed first.
                ready.send(Err(error)).ok();
                return Err(Error::Abandoned);
            }
        };
        ready.send(Ok(())).map_err(|_| Error::Abandoned)?;
        let start = start.await.map_err(|_| Error::Abandoned)?;
        drive(plan, index, stop, connections, start).await
    })
}

async fn open_all(plan: &Plan, index: usize) -> Result<Vec<Connection>, Error> {
    let dialer = Arc::new(plan.dialer.clone());
    let mut connections = Vec::new();
    for _ in 0..share(plan.connections as u64, index, plan.threads) {
        let mut connection = Connection::new(Arc::clone(&dialer), plan.request.is_head());
        connection
            .open(plan.timeout)
            .await
            .map_err(|kind| Error::Open {
                address: plan.dialer.target.address,
                kind: kind.name(),
            })?;
        connections.push(connection);
    }
    Ok(connections)
}

async fn drive(
    plan: &Plan,
    index: usize,
    mut stop: Stop,
    connections: Vec<Connection>,
    start: Instant,
) -> Result<Finished, Error> {
    let from = start + plan.warmup;
    let window = Window {
        start,
        from,
        until: from + plan.duration,
    };
    let pacer = match plan.mode {
        Mode::Closed => None,
        Mode::Open {
            rate_per_s,
            arrivals,
        } => {
            let end = plan.warmup + plan.duration;
            let schedule = Schedule::new(arrivals, rate_per_s, end, index, plan.threads, plan.seed);
            Some(Mutex::new(
                Pacer::new(schedule, start).map_err(Error::Worker)?,
            ))
        }
    };
    let shared = Rc::new(Shared {
        request: plan.request.clone(),
        timeout: plan.timeout,
        window,
        pacer,
        budget: Cell::new(
            plan.requests_max
                .map_or(u64::MAX, |all| share(all, index, plan.threads)),
        ),
        in_flight: Cell::new(0),
        tally: RefCell::new(Tally::new(plan.duration)),
    });
    tokio::time::sleep_until(start).await;
    let mut tasks = JoinSet::new();
    for connection in connections {
        tasks.spawn_local(Rc::clone(&shared).run_connection(connection));
    }
    let stopped = tokio::select! {
        () = stop.stopped() => true,
        () = tokio::time::sleep_until(window.until + DRAIN) => false,
        failed = join_all(&mut tasks) => failed.map(|()| false)?,
    };
    drop(tasks);
    Ok(shared.finish(stopped).await)
}

/// Ends when all tasks have, with the first failure of the worker itself.
async fn join_all(tasks: &mut JoinSet<io::Result<()>>) -> Result<(), Error> {
    while let Some(joined) = tasks.join_next().await {
        joined
            .map_err(|error| Error::Worker(io::Error::other(error)))?
            .map_err(Error::Worker)?;
    }
    Ok(())
}

/// What the connections of one worker have in common.
struct Shared {
    request: crate::request::Request,
    timeout: Duration,
    window: Window,
    pacer: Option<Mutex<Pacer>>,
    budget: Cell<u64>,
    in_flight: Cell<u64>,
    tally: RefCell<Tally>,
}

impl Shared {
    async fn run_connection(self: Rc<Self>, mut connection: Connection) -> io::Result<()> {
        while let Some(intended) = self.next().await? {
            let counted = self.window.contains(intended);
            self.in_flight
                .set(self.in_flight.get() + u64::from(counted));
            connection.start();
            let result = connection.exchange(&self.request, self.timeout).await;
            self.in_flight
                .set(self.in_flight.get() - u64::from(counted));
            self.count(
                intended,
                result.map(|answer| answer.status),
                connection.take_bytes(),
            );
            if result.is_err() && self.pacer.is_none() {
                tokio::time::sleep(RECONNECT_PAUSE).await;
            }
        }
        Ok(())
    }

    /// The moment from which the next request's latency counts; `None` when there is none to send.
    async fn next(&self) -> io::Result<Option<Instant>> {
        let left = self.budget.get();
        if left == 0 {
            return Ok(None);
        }
        let intended = match &self.pacer {
            Some(pacer) => {
                let arrival = pacer.lock().await.next().await?;
                if let Some(lag) = arrival.and_then(|arrival| arrival.lag) {
                    self.tally.borrow_mut().generator_lag.record(lag);
                }
                arrival.map(|arrival| arrival.intended)
            }
            None => Some(Instant::now()).filter(|now| *now < self.window.until),
        };
        // Others may have taken from the budget while this one queued for the pacer.
        let left = self.budget.get();
        self.budget.set(left.saturating_sub(1));
        Ok(intended.filter(|_| left > 0))
    }

    fn count(&self, intended: Instant, result: Result<u16, ErrorKind>, bytes: (u64, u64)) {
        let now = Instant::now();
        // An open loop counts what was due in the measured part, however late its answer came; a
        // closed loop has no due time and counts what was answered in it.
        let decisive = if self.pacer.is_some() { intended } else { now };
        let mut tally = self.tally.borrow_mut();
        tally.read_bytes += bytes.0;
        tally.written_bytes += bytes.1;
        tally.answers_total += u64::from(result.is_ok());
        if self.window.contains(decisive) {
            let at = now.saturating_duration_since(self.window.from);
            match result {
                Ok(status) => tally.answer(status, at, now - intended),
                Err(kind) => tally.error(kind, at),
            }
        }
    }

    async fn finish(&self, stopped: bool) -> Finished {
        let mut tally = self.tally.borrow().clone();
        let exhausted = self.budget.get() == 0;
        if !stopped {
            let at = self.window.duration();
            for _ in 0..self.in_flight.get() {
                tally.error(ErrorKind::Unfinished, at);
            }
        }
        if let (Some(pacer), false) = (&self.pacer, stopped || exhausted) {
            tally.unsent = pacer.lock().await.remaining(self.window.from);
        }
        let cut = (stopped || exhausted).then(Instant::now);
        Finished { tally, cut }
    }
}

/// The part of `all` that falls to worker `index` of `workers`; the parts add up to `all`.
fn share(all: u64, index: usize, workers: usize) -> u64 {
    let (index, workers) = (index as u64, workers as u64);
    all / workers + u64::from(index < all % workers)
}

fn pin(cpus: &[usize]) -> io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    for &cpu in cpus {
        set.set(cpu);
    }
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_add_up() {
        for (all, workers) in [(0, 1), (1, 3), (10, 3), (64, 1), (7, 7), (3, 8)] {
            let shares: Vec<u64> = (0..workers)
                .map(|index| share(all, index, workers))
                .collect();
            assert_eq!(shares.iter().sum::<u64>(), all);
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }
}
