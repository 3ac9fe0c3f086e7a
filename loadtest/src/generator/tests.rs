//! Whole runs against small servers in this process, each with one behaviour.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant as StdInstant;

use super::*;
use crate::schedule::{Arrivals, Schedule};
use crate::stop;
use crate::target::Target;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server with one thread per connection that answers each request head with what `answer` gives,
/// and closes when that is `None`. Ends, with all its threads, when dropped.
struct Server {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    requests: Arc<AtomicU64>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    fn start(answer: impl Fn(u64) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (ended, requests) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (end, count, answer) = (Arc::clone(&ended), Arc::clone(&requests), Arc::new(answer));
        let thread = thread::spawn(move || {
            thread::scope(|scope| {
                for connection in listener.incoming() {
                    if end.load(Ordering::SeqCst) {
                        return;
                    }
                    let (count, answer) = (&count, &answer);
                    scope.spawn(move || serve(connection.unwrap(), count, answer.as_ref()));
                }
            });
        });
        Self {
            address,
            ended,
            requests,
            thread: Some(thread),
        }
    }

    fn plan(&self, mode: Mode) -> Plan {
        let target: Target = format!("http://{}/x", self.address).parse().unwrap();
        Plan {
            request: Request::new(&target, "GET", &[], b"").unwrap(),
            dialer: Dialer { target, tls: None },
            mode,
            connections: 4,
            threads: 2,
            warmup: Duration::ZERO,
            duration: Duration::from_millis(500),
            timeout: Duration::from_secs(5),
            requests_max: None,
            seed: 1,
            cpus: None,
        }
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the accept; connections end when the generator closes its side.
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn serve(
    mut connection: TcpStream,
    count: &AtomicU64,
    answer: &(impl Fn(u64) -> Option<Vec<u8>> + ?Sized),
) {
    let mut head = Vec::new();
    let mut byte = [0u8; 1024];
    while let Ok(size @ 1..) = connection.read(&mut byte) {
        head.extend_from_slice(&byte[..size]);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        head.clear();
        match answer(count.fetch_add(1, Ordering::SeqCst)) {
            Some(bytes) if connection.write_all(&bytes).is_ok() => {}
            _ => return,
        }
    }
}

fn open(rate_per_s: f64) -> Mode {
    Mode::Open {
        rate_per_s,
        arrivals: Arrivals::Constant,
    }
}

#[test]
fn an_open_loop_sends_exactly_its_schedule() {
    let server = Server::start(|_| Some(OK.to_vec()));
    let plan = Plan {
        warmup: Duration::from_millis(200),
        ..server.plan(open(400.0))
    };
    let outcome = run(&plan, &Stop::never()).unwrap();
    assert!(outcome.is_clean(), "{}", outcome.complaint());
    assert_eq!(outcome.answers, 200, "400 per second for half a second");
    assert_eq!(outcome.answers_total, 280, "and the warm-up");
    assert_eq!(server.requests(), 280);
    assert_eq!(outcome.statuses[&200], 200);
    assert_eq!(outcome.latency.count, 200);
    assert_eq!(outcome.read_bytes_total, 280 * OK.len() as u64);
    assert_eq!(
        outcome.written_bytes_total,
        280 * plan.request.bytes().len() as u64
    );
    assert!(
        (outcome.answers_per_s - 400.0).abs() < 40.0,
        "{}",
        outcome.answers_per_s
    );
}

#[test]
fn a_stall_is_seen_by_every_request_that_was_due_in_it() {
    // The 50th request blocks all connections for 300 ms: the server sleeps while it holds the lock.
    let lock = std::sync::Mutex::new(());
    let server = Server::start(move |index| {
        let held = lock.lock().unwrap();
        if index == 50 {
            thread::sleep(Duration::from_millis(300));
        }
        drop(held);
        Some(OK.to_vec())
    });
    let plan = Plan {
        duration: Duration::from_secs(1),
        ..server.plan(open(200.0))
    };
    let outcome = run(&plan, &Stop::never()).unwrap();
    assert_eq!(outcome.answers, 200, "{}", outcome.complaint());
    // 60 of the 200 requests were due during the stall, 50 of them in its first 250 ms, so a
    // quarter of all waited 50 ms or longer. Timed from the sending, at most the 4 requests in
    // flight would have seen it, and the 90th percentile would be a fraction of a millisecond.
    assert!(outcome.latency.max_us >= 300_000.0, "{:?}", outcome.latency);
    assert!(outcome.latency.p90_us >= 100_000.0, "{:?}", outcome.latency);
}

#[test]
fn a_closed_loop_counts_what_the_server_counts() {
    let server = Server::start(|_| Some(OK.to_vec()));
    let outcome = run(&server.plan(Mode::Closed), &Stop::never()).unwrap();
    assert!(outcome.is_clean(), "{}", outcome.complaint());
    assert_eq!(outcome.answers_total, server.requests());
    assert!(outcome.answers > 100, "{}", outcome.answers);
    assert!(outcome.answers <= outcome.answers_total);
}

#[test]
fn a_number_of_requests_is_a_bound() {
    for mode in [Mode::Closed, open(10_000.0)] {
        let server = Server::start(|_| Some(OK.to_vec()));
        let plan = Plan {
            requests_max: Some(101),
            ..server.plan(mode)
        };
        let outcome = run(&plan, &Stop::never()).unwrap();
        assert_eq!(outcome.answers, 101, "{mode:?}");
        assert_eq!(server.requests(), 101);
        assert_eq!(
            outcome.unsent, 0,
            "what the bound cut off is not the server's fault"
        );
    }
}

#[test]
fn statuses_and_closed_connections_are_told_apart() {
    let close = b"HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(move |index| match index % 4 {
        0 => Some(OK.to_vec()),
        1 => Some(close.to_vec()),
        2 => Some(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".to_vec(),
        ),
        _ => None,
    });
    let plan = Plan {
        connections: 1,
        threads: 1,
        ..server.plan(open(200.0))
    };
    let outcome = run(&plan, &Stop::never()).unwrap();
    assert_eq!(outcome.statuses[&200], 50);
    assert_eq!(outcome.statuses[&503], 25);
    assert_eq!(outcome.errors[&ErrorKind::Closed], 25);
    assert_eq!(outcome.errors_sum(), 25);
    assert!(!outcome.is_clean());
}

#[test]
fn a_silent_server_costs_timeouts_and_never_hangs_the_run() {
    let server = Server::start(|_| Some(b"HTTP/1.1 200 OK\r\n".to_vec()));
    let plan = Plan {
        timeout: Duration::from_millis(200),
        duration: Duration::from_millis(400),
        ..server.plan(open(100.0))
    };
    let outcome = run(&plan, &Stop::never()).unwrap();
    assert_eq!(outcome.answers, 0);
    let timeouts = outcome.errors[&ErrorKind::Timeout];
    let unfinished = outcome
        .errors
        .get(&ErrorKind::Unfinished)
        .copied()
        .unwrap_or(0);
    assert_eq!(
        timeouts + unfinished + outcome.unsent,
        40,
        "every arrival is accounted for"
    );
    assert!(timeouts >= 4);
}

#[test]
fn garbage_is_a_protocol_error() {
    let server = Server::start(|_| Some(b"hello\r\n\r\n".to_vec()));
    let plan = Plan {
        requests_max: Some(5),
        ..server.plan(open(100.0))
    };
    let outcome = run(&plan, &Stop::never()).unwrap();
    assert_eq!(outcome.errors[&ErrorKind::Protocol], 5);
}

#[test]
fn nobody_listening_is_an_error_and_not_a_result() {
    let server = Server::start(|_| None);
    let plan = server.plan(Mode::Closed);
    drop(server);
    assert!(matches!(
        run(&plan, &Stop::never()),
        Err(Error::Open {
            kind: "connect",
            ..
        })
    ));
}

#[test]
fn a_stop_ends_a_long_run_with_what_was_measured() {
    let (stopper, stop) = stop::pair();
    let server = Server::start(move |index| {
        if index == 20 {
            stopper.stop();
        }
        Some(OK.to_vec())
    });
    let plan = Plan {
        duration: Duration::from_secs(600),
        ..server.plan(open(100.0))
    };
    let begun = StdInstant::now();
    let outcome = run(&plan, &stop).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!((20..100).contains(&outcome.answers), "{}", outcome.answers);
    assert!(outcome.duration_s < 60.0 && outcome.unsent == 0 && outcome.errors_sum() == 0);
}

#[test]
fn a_probe_brings_the_body() {
    let server = Server::start(|_| Some(OK.to_vec()));
    let plan = server.plan(Mode::Closed);
    let (answer, body) = probe(&plan.dialer, &plan.request, plan.timeout).unwrap();
    assert_eq!((answer.status, body.as_slice()), (200, b"ok".as_slice()));
}

#[test]
fn poisson_arrivals_are_all_sent() {
    let server = Server::start(|_| Some(OK.to_vec()));
    let mode = Mode::Open {
        rate_per_s: 400.0,
        arrivals: Arrivals::Poisson,
    };
    let plan = server.plan(mode);
    let scheduled: usize = (0..plan.threads)
        .map(|worker| {
            let seed = plan.seed;
            Schedule::new(
                Arrivals::Poisson,
                400.0,
                plan.duration,
                worker,
                plan.threads,
                seed,
            )
            .count()
        })
        .sum();
    let outcome = run(&plan, &Stop::never()).unwrap();
    assert!(outcome.is_clean(), "{}", outcome.complaint());
    assert_eq!(outcome.answers, scheduled as u64);
    assert!(outcome.generator_lag.count > 0);
}

#[test]
fn an_early_answer_to_a_long_body_counts_by_its_status() {
    // The server never reads the body: it answers the head and closes, as a gateway does with 413.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        // One connection opened before the start, on which the one request comes.
        let (mut connection, _) = listener.accept().unwrap();
        let mut some = [0u8; 64];
        assert!(connection.read(&mut some).unwrap() > 0);
        let answer = b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        connection.write_all(answer).unwrap();
        connection.shutdown(std::net::Shutdown::Write).unwrap();
        // Reading on would hide what is tested; staying open lets the answer arrive.
        let mut rest = Vec::new();
        connection.read_to_end(&mut rest).unwrap_or_default();
    });
    let target: Target = url.parse().unwrap();
    let plan = Plan {
        request: Request::new(&target, "POST", &[], &vec![b'x'; 4 * 1024 * 1024]).unwrap(),
        dialer: Dialer { target, tls: None },
        mode: Mode::Closed,
        connections: 1,
        threads: 1,
        warmup: Duration::ZERO,
        duration: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
        requests_max: Some(1),
        seed: 1,
        cpus: None,
    };
    let outcome = run(&plan, &Stop::never()).unwrap();
    server.join().unwrap();
    assert_eq!(
        outcome.statuses.get(&413),
        Some(&1),
        "{}",
        outcome.complaint()
    );
}

#[test]
fn a_tls_target_is_verified_and_driven() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "https://localhost:{}/",
        listener.local_addr().unwrap().port()
    );
    // Two connections: one that trusts the certificate, one that trusts another.
    let server = thread::spawn(move || {
        for _ in 0..2 {
            let (tcp, _) = listener.accept().unwrap();
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(session, tcp);
            let mut head = [0u8; 1024];
            while matches!(tls.read(&mut head), Ok(1..)) && tls.write_all(OK).is_ok() {}
        }
    });
    let target: Target = url.parse().unwrap();
    let request = Request::new(&target, "GET", &[], b"").unwrap();
    let dialer = |pem: &str| Dialer {
        target: target.clone(),
        tls: Some(tls::client(pem.as_bytes(), "localhost").unwrap()),
    };
    let plan = |dialer| Plan {
        dialer,
        request: request.clone(),
        mode: open(100.0),
        connections: 1,
        threads: 1,
        warmup: Duration::ZERO,
        duration: Duration::from_millis(300),
        timeout: Duration::from_secs(5),
        requests_max: None,
        seed: 1,
        cpus: None,
    };
    let outcome = run(&plan(dialer(&made.cert.pem())), &Stop::never()).unwrap();
    assert!(outcome.is_clean(), "{}", outcome.complaint());
    assert_eq!(outcome.answers, 30);
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let refused = run(&plan(dialer(&other.cert.pem())), &Stop::never());
    assert!(
        matches!(refused, Err(Error::Open { kind: "tls", .. })),
        "{refused:?}"
    );
    server.join().unwrap();
    assert!(tls::client(b"no certificate", "localhost").is_err());
}
