//! Clients that ask again and again while something happens to the nodes, and remember every answer
//! that a customer would complain about.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tollgate_harness::{Connection, Request, wait_until};

/// Clients at work.
pub(crate) struct Load {
    began: Instant,
    asked: Arc<Asked>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

/// What clients ask, and how they are doing.
struct Asked {
    to: SocketAddr,
    /// Of each round the requests that take turns.
    rounds: Vec<Vec<Request>>,
    round: AtomicUsize,
    /// Statuses that no customer complains about.
    fine: Vec<u16>,
    answered: AtomicUsize,
    stop: AtomicBool,
}

/// What they saw.
pub(crate) struct Report {
    pub(crate) answered: usize,
    pub(crate) per_second: usize,
    pub(crate) failed: Vec<String>,
}

impl Load {
    /// Starts clients that send this to one address, each over a connection that it keeps.
    pub(crate) fn start(to: SocketAddr, clients: usize, request: &Request) -> Self {
        Self::rounds(to, clients, vec![vec![request.clone()]], &[200])
    }

    /// [`Load::start`] of clients that send the requests of one round in turn, then those of
    /// another, and expect these statuses.
    pub(crate) fn rounds(
        to: SocketAddr,
        clients: usize,
        rounds: Vec<Vec<Request>>,
        fine: &[u16],
    ) -> Self {
        let asked = Arc::new(Asked {
            to,
            rounds,
            round: AtomicUsize::new(0),
            fine: fine.to_vec(),
            answered: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let threads = (0..clients).map(|first| {
            let asked = Arc::clone(&asked);
            thread::spawn(move || client(&asked, first))
        });
        let threads = threads.collect();
        Self {
            began: Instant::now(),
            asked,
            threads,
        }
    }

    /// Lets the clients go on with another round.
    pub(crate) fn turn_to(&self, round: usize) {
        self.asked.round.store(round, Ordering::SeqCst);
    }

    /// Waits until so many more requests were answered.
    pub(crate) fn wait_more(&self, more: usize) {
        let target = self.asked.answered.load(Ordering::SeqCst) + more;
        wait_until(tollgate_harness::DEADLINE, "more answers", || {
            let answered = self.asked.answered.load(Ordering::SeqCst);
            if answered >= target {
                Ok(())
            } else {
                Err(format!("{answered} of {target}"))
            }
        });
    }

    /// Ends the clients.
    pub(crate) fn finish(self) -> Report {
        self.asked.stop.store(true, Ordering::SeqCst);
        let seconds = self.began.elapsed().as_secs_f64();
        let joined = self
            .threads
            .into_iter()
            .flat_map(|it| it.join().expect("a client does not panic"));
        let failed = joined.collect();
        let answered = self.asked.answered.load(Ordering::SeqCst);
        Report {
            answered,
            per_second: (answered as f64 / seconds) as usize,
            failed,
        }
    }
}

fn client(asked: &Asked, first: usize) -> Vec<String> {
    let began = Instant::now();
    let mut failed = Vec::new();
    let mut kept = None;
    for turn in first.. {
        if asked.stop.load(Ordering::SeqCst) {
            break;
        }
        let round = &asked.rounds[asked.round.load(Ordering::SeqCst)];
        let request = &round[turn % round.len()];
        let opened = kept.take().map_or_else(|| Connection::open(asked.to), Ok);
        let outcome = opened.and_then(|mut connection| {
            let response = connection.request(request)?;
            Ok((connection, response))
        });
        match outcome {
            Ok((connection, response)) if asked.fine.contains(&response.status) => {
                asked.answered.fetch_add(1, Ordering::SeqCst);
                let closes = response.header("connection") == Some("close");
                kept = (!closes).then_some(connection);
            }
            Ok((_, response)) => failed.push(format!("{:?}: {response:?}", began.elapsed())),
            Err(error) => failed.push(format!("{:?}: {error}", began.elapsed())),
        }
    }
    failed
}
