//! How a node ends: finishing what it holds, and keeping what it knows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tollgate_harness::{
    Answer, Backend, Connection, DEADLINE, Node, NodeOptions, Request, wait_until,
};
use tollgate_tests::files;

/// Long against the start of a drain, short against its deadline.
const BACKEND_DELAY: Duration = Duration::from_millis(300);

#[test]
fn a_restart_keeps_apis_that_no_file_names_any_more() {
    let backend = Backend::echo();
    let mut node = Node::start(NodeOptions::new().file("later.yaml", files::proxy(&backend.url())));
    let applied = node.cli(&["apply", "-f", "later.yaml"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    let call = Request::get("/x").host(files::HOST);
    assert_eq!(
        node.send(&call).status,
        200,
        "an apply that succeeded is in force"
    );
    for kill in [false, true] {
        if kill {
            node.kill9();
        } else {
            assert!(node.stop().success());
        }
        node.restart();
        assert_eq!(
            node.send(&call).status,
            200,
            "after a stop (kill -9: {kill})"
        );
    }
}

#[test]
fn a_request_in_flight_is_finished() {
    let backend = Backend::start(|_| Answer::Echo.after(BACKEND_DELAY));
    let mut node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let mut connection = Connection::open(node.http()).unwrap();
    connection
        .send(&Request::get("/slow").host(files::HOST).bytes())
        .unwrap();
    wait_until(DEADLINE, "the back end to have the request", || {
        if backend.requests() == 1 {
            Ok(())
        } else {
            Err("not yet")
        }
    });
    node.process().terminate();
    assert_eq!(connection.read_response("GET").unwrap().status, 200);
    assert!(node.process().wait_exit(DEADLINE).success());
}

#[test]
fn a_second_signal_ends_a_drain_at_once() {
    let backend = Backend::start(|_| Answer::Hang);
    let mut node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let mut connection = Connection::open(node.http()).unwrap();
    connection
        .send(&Request::get("/never").host(files::HOST).bytes())
        .unwrap();
    wait_until(DEADLINE, "the back end to have the connection", || {
        if backend.connections() > 0 {
            Ok(())
        } else {
            Err("not yet")
        }
    });
    node.process().terminate();
    let ops = node.addresses().ops;
    wait_until(
        DEADLINE,
        "the node to say that it is not ready",
        || match Request::get("/readyz").try_send(ops) {
            Ok(response) if response.status == 200 => Err("ready".to_owned()),
            _ => Ok(()),
        },
    );
    node.process().terminate();
    assert!(!node.process().wait_exit(Duration::from_secs(5)).success());
    assert!(
        node.process().tail().contains("TG0013"),
        "{}",
        node.process().tail()
    );
}

/// What a client that reconnects as HTTP/1.1 demands saw while a node drained.
struct Load {
    answered: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Vec<String>>>,
    stop: Arc<AtomicBool>,
}

impl Load {
    fn start(node: SocketAddr, clients: usize) -> Self {
        let answered = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..clients)
            .map(|_| {
                let (answered, stop) = (Arc::clone(&answered), Arc::clone(&stop));
                thread::spawn(move || client(node, &answered, &stop))
            })
            .collect();
        Self {
            answered,
            threads,
            stop,
        }
    }

    fn finish(self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::SeqCst);
        let dropped = self
            .threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("a client does not panic"))
            .collect();
        (self.answered.load(Ordering::SeqCst), dropped)
    }
}

/// Sends over one connection after another until told to stop or refused; what was dropped is a
/// request that was sent on an open connection and got no answer or not 200.
fn client(node: SocketAddr, answered: &AtomicUsize, stop: &AtomicBool) -> Vec<String> {
    let request = Request::get("/load").host(files::HOST);
    let mut dropped = Vec::new();
    'connections: while !stop.load(Ordering::SeqCst) {
        // A closed listener is the honest answer of a node that takes no new work.
        let Ok(mut connection) = Connection::open(node) else {
            break;
        };
        let mut served = false;
        while !stop.load(Ordering::SeqCst) {
            match connection.request(&request) {
                Ok(response) if response.status == 200 => {
                    answered.fetch_add(1, Ordering::SeqCst);
                    served = true;
                    let closes = response.header("connection") == Some("close");
                    if closes {
                        continue 'connections;
                    }
                }
                Ok(response) => dropped.push(format!("answered {}", response.status)),
                // A connection that was never accepted: its request was not taken, so not dropped.
                Err(_) if !served => break 'connections,
                Err(error) => {
                    dropped.push(format!("no answer: {error}"));
                    break 'connections;
                }
            }
        }
    }
    dropped
}

#[test]
fn sigterm_under_load_drops_nothing() {
    const CLIENTS: usize = 16;
    let backend = Backend::start(|_| Answer::Echo.after(Duration::from_millis(5)));
    let mut node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let load = Load::start(node.http(), CLIENTS);
    wait_until(DEADLINE, "every client to be at work", || {
        let answered = load.answered.load(Ordering::SeqCst);
        if answered > CLIENTS * 10 {
            Ok(())
        } else {
            Err(answered.to_string())
        }
    });
    node.process().terminate();
    let status = node.process().wait_exit(DEADLINE);
    let (answered, dropped) = load.finish();
    assert!(status.success(), "{status}");
    assert!(
        dropped.is_empty(),
        "{} of {answered}: {:?}",
        dropped.len(),
        dropped.first()
    );
}
