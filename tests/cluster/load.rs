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
    answered: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<String>>>,
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
        let answered = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..clients)
            .map(|_| {
                let (answered, stop) = (Arc::clone(&answered), Arc::clone(&stop));
                let request = request.clone();
                thread::spawn(move || client(to, &request, &answered, &stop))
            })
            .collect();
        Self {
            began: Instant::now(),
            answered,
            stop,
            threads,
        }
    }

    /// Waits until so many more requests were answered.
    pub(crate) fn wait_more(&self, more: usize) {
        let target = self.answered.load(Ordering::SeqCst) + more;
        wait_until(tollgate_harness::DEADLINE, "more answers", || {
            let answered = self.answered.load(Ordering::SeqCst);
            if answered >= target {
                Ok(())
            } else {
                Err(format!("{answered} of {target}"))
            }
        });
    }

    /// Ends the clients.
    pub(crate) fn finish(self) -> Report {
        self.stop.store(true, Ordering::SeqCst);
        let seconds = self.began.elapsed().as_secs_f64();
        let joined = self
            .threads
            .into_iter()
            .flat_map(|it| it.join().expect("a client does not panic"));
        let failed = joined.collect();
        let answered = self.answered.load(Ordering::SeqCst);
        Report {
            answered,
            per_second: (answered as f64 / seconds) as usize,
            failed,
        }
    }
}

fn client(
    to: SocketAddr,
    request: &Request,
    answered: &AtomicUsize,
    stop: &AtomicBool,
) -> Vec<String> {
    let began = Instant::now();
    let mut failed = Vec::new();
    let mut kept = None;
    while !stop.load(Ordering::SeqCst) {
        let opened = kept.take().map_or_else(|| Connection::open(to), Ok);
        let outcome = opened.and_then(|mut connection| {
            let response = connection.request(request)?;
            Ok((connection, response))
        });
        match outcome {
            Ok((connection, response)) if response.status == 200 => {
                answered.fetch_add(1, Ordering::SeqCst);
                let closes = response.header("connection") == Some("close");
                kept = (!closes).then_some(connection);
            }
            Ok((_, response)) => failed.push(format!("{:?}: {response:?}", began.elapsed())),
            Err(error) => failed.push(format!("{:?}: {error}", began.elapsed())),
        }
    }
    failed
}
