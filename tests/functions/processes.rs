//! How many processes there are, when they start and who waits.

use std::collections::BTreeSet;
use std::thread;

use tollgate_harness::{DEADLINE, Node, wait_until};

use crate::code::{RUNTIMES, get, start};

fn sum(node: &Node, name: &str, function: &str) -> f64 {
    node.metrics()
        .sum(name, &[("function", function)])
        .unwrap_or(0.0)
}

/// Waits until a process has been started ahead of any request.
fn wait_warm(node: &Node, function: &str) {
    wait_until(DEADLINE, "an idle process", || {
        let labels = [("function", function), ("state", "idle")];
        let idle = node
            .metrics()
            .sum("tollgate_function_processes", &labels)
            .unwrap_or(0.0);
        if idle >= 1.0 {
            Ok(())
        } else {
            Err(format!("{idle} idle"))
        }
    });
}

#[test]
fn a_warm_function_has_no_cold_start_on_the_request_path() {
    let node = start(", warm: 1");
    for function in RUNTIMES {
        wait_warm(&node, function);
        for _ in 0..5 {
            assert_eq!(get(&node, &format!("{function}-2"), "/context").status, 200);
        }
        let cold = sum(&node, "tollgate_function_cold_starts_total", function);
        assert!(cold < 0.5, "{cold} cold starts of {function}");
    }
}

#[test]
fn a_function_without_warm_processes_starts_one_on_demand() {
    let node = start(", warm: 0");
    for function in RUNTIMES {
        let api = format!("{function}-2");
        let pids: BTreeSet<u64> = (0..3)
            .map(|_| get(&node, &api, "/context").json()["pid"].as_u64().unwrap())
            .collect();
        assert_eq!(pids.len(), 1, "an idle process is used again");
        let cold = sum(&node, "tollgate_function_cold_starts_total", function);
        assert!(
            (0.5..1.5).contains(&cold),
            "{cold} cold starts of {function}"
        );
    }
}

#[test]
fn concurrency_is_a_bound_and_is_used() {
    const CLIENTS: usize = 12;
    let node = start(", concurrency: 3");
    for function in RUNTIMES {
        let api = format!("{function}-2");
        let pids: BTreeSet<String> = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| scope.spawn(|| get(&node, &api, "/nap")))
                .collect();
            clients
                .into_iter()
                .map(|client| {
                    let response = client.join().expect("a client does not panic");
                    assert_eq!(response.status, 200, "{response:?}");
                    response.text()
                })
                .collect()
        });
        assert!(
            (2..=3).contains(&pids.len()),
            "{} processes served {CLIENTS} requests",
            pids.len()
        );
    }
}

#[test]
fn a_process_keeps_its_globals() {
    let node = start(", concurrency: 1");
    for function in RUNTIMES {
        let api = format!("{function}-2");
        let served = || get(&node, &api, "/context").json()["served"].as_u64();
        let first = served().expect("a count");
        assert_eq!(served(), Some(first + 1), "{function}");
    }
}

#[test]
fn processes_end_with_their_node() {
    let mut node = start("");
    let pid = get(&node, "python-2", "/context").json()["pid"]
        .as_u64()
        .expect("a process id");
    assert!(node.stop().success());
    let path = std::path::PathBuf::from(format!("/proc/{pid}"));
    wait_until(DEADLINE, "the function's process to be gone", || {
        if path.exists() {
            Err("it is there")
        } else {
            Ok(())
        }
    });
}
