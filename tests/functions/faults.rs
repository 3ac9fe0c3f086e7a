//! Functions that die, hang, flood or are too large: the documented status, and the next request
//! is served.

use std::time::{Duration, Instant};

use tollgate_harness::{Node, Request};

use crate::code::{RUNTIMES, get, host, options, start};

const MIB: usize = 1 << 20;

fn serves(node: &Node, api: &str) {
    let response = get(node, api, "/context");
    assert_eq!(response.status, 200, "{api}: {response:?}");
}

#[test]
fn a_process_that_dies_costs_its_own_request() {
    let node = start(", concurrency: 1");
    for runtime in RUNTIMES {
        let api = format!("{runtime}-2");
        serves(&node, &api);
        for _ in 0..3 {
            let response = get(&node, &api, "/exit");
            assert_eq!(response.status, 500, "{api}: {response:?}");
            serves(&node, &api);
        }
    }
}

#[test]
fn a_function_that_hangs_is_ended_at_its_timeout() {
    let node = start(", concurrency: 1, timeoutMs: 1000");
    for runtime in RUNTIMES {
        let api = format!("{runtime}-2");
        serves(&node, &api);
        let began = Instant::now();
        let response = get(&node, &api, "/sleep");
        assert!(
            [500, 503, 504].contains(&response.status),
            "{api}: {response:?}"
        );
        assert!(began.elapsed() >= Duration::from_millis(900), "{api}");
        // The only process was killed; another one serves.
        serves(&node, &api);
    }
}

#[test]
fn output_without_end_is_read_and_bounded() {
    let mut node = start(", concurrency: 1");
    for runtime in RUNTIMES {
        let api = format!("{runtime}-2");
        let response = get(&node, &api, "/flood");
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "flooded"),
            "{api}"
        );
        serves(&node, &api);
    }
    // 80 MB were written; 1000 lines a second for each output, 2000 at once, are kept.
    let logged = node.process().stderr().len();
    assert!(logged < 40 << 20, "{logged} bytes of log");
}

#[test]
fn six_mebibytes_pass_both_ways_and_more_do_not() {
    let node = start("");
    for runtime in RUNTIMES {
        let api = format!("{runtime}-2");
        // The reply's envelope and escapes count too: a little below the limit.
        let bytes = 6 * MIB - 4096;
        let response = get(&node, &api, &format!("/large?bytes={bytes}"));
        assert_eq!(
            (response.status, response.body.len()),
            (200, bytes),
            "{api}: {:?}",
            response.headers
        );
        let too_large = get(&node, &api, &format!("/large?bytes={}", 6 * MIB + 1));
        assert_eq!(too_large.status, 500, "{api}");
        serves(&node, &api);

        let post = |bytes: usize| {
            let request = Request::post("/length", vec![b'z'; bytes])
                .host(&host(&api))
                .header("Content-Type", "text/plain");
            node.send(&request)
        };
        let bytes = 6 * MIB - 8192;
        let whole = post(bytes);
        assert_eq!(
            (whole.status, whole.text()),
            (200, bytes.to_string()),
            "{api}"
        );
        assert_eq!(post(6 * MIB + 1).status, 413, "{api}");
        serves(&node, &api);
    }
}

#[test]
fn a_function_that_does_not_load_says_so_in_the_log_and_fails_at_once() {
    let broken = options("").file("code/app.py", "import a_module_that_is_not_there\n");
    let mut node = Node::start(broken);
    let began = Instant::now();
    let response = get(&node, "python-2", "/context");
    assert_eq!(response.status, 500, "{response:?}");
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "nobody waits for what will not start"
    );
    serves(&node, "nodejs-2");
    let log = node.process().stderr();
    assert!(
        log.contains("a_module_that_is_not_there"),
        "the reason is not in the log"
    );
}
