//! A token bucket admits its burst at once and then its rate, counted over HTTP.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tollgate_harness::{Connection, DEADLINE, Node, NodeOptions, Request, wait_until};
use tollgate_tests::files;

const CLIENTS: usize = 8;

fn fixed(settings: &str) -> String {
    files::api("      - {routeKey: GET /x, integration: {fixedResponse: {body: fine}}}\n")
        + &format!("    stages: [{{stageName: $default, defaultRouteSettings: {{{settings}}}}}]\n")
}

/// What clients that ask without a pause got.
struct Hammered {
    admitted: u64,
    refused: u64,
    /// From before the first request was sent until the last answer was there.
    outer: Duration,
    /// From the first answer until the clients were told to stop.
    inner: Duration,
}

fn hammer(node: &Node, request: &Request, time: Duration) -> Hammered {
    let (admitted, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let count = |connection: &mut Connection| {
        let response = connection.request(request).expect("an answer");
        match response.status {
            200 => admitted.fetch_add(1, Ordering::SeqCst),
            429 => refused.fetch_add(1, Ordering::SeqCst),
            other => panic!("{other}: {response:?}"),
        };
    };
    let mut first = Connection::open(node.http()).expect("connect");
    let began = Instant::now();
    count(&mut first);
    let answered = Instant::now();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut connection = Connection::open(node.http()).expect("connect");
                while answered.elapsed() < time {
                    count(&mut connection);
                }
            });
        }
    });
    Hammered {
        admitted: admitted.load(Ordering::SeqCst),
        refused: refused.load(Ordering::SeqCst),
        outer: began.elapsed(),
        inner: time,
    }
}

#[test]
fn exactly_the_burst_at_once_and_then_the_rate() {
    // Each bucket takes a second or more to fill: a machine that pauses the clients for less than
    // that lets no token overflow.
    for (burst, rate) in [(20, 10.0), (80, 50.0), (100, 3.0)] {
        let settings = format!("throttlingBurstLimit: {burst}, throttlingRateLimit: {rate}");
        let node = Node::start(NodeOptions::api(fixed(&settings)));
        let request = Request::get("/x").host(files::HOST);
        let got = hammer(&node, &request, Duration::from_secs(3));
        assert!(got.refused > 0, "the clients were too slow to find a limit");
        // Of the bucket's whole life no more than this can have come out.
        let most = f64::from(burst) + rate * got.outer.as_secs_f64();
        // With somebody always asking, every token is taken; the last may be due just after.
        let least = f64::from(burst) + rate * got.inner.as_secs_f64() - 2.0;
        let admitted = got.admitted as f64;
        assert!(
            admitted <= most,
            "{admitted} of at most {most:.2} ({burst} at once, {rate} a second)"
        );
        assert!(
            admitted >= least,
            "{admitted} of at least {least:.2} ({burst} at once, {rate} a second)"
        );
    }
}

#[test]
fn whoever_waits_as_told_is_admitted() {
    let settings = "throttlingBurstLimit: 1, throttlingRateLimit: 1";
    let node = Node::start(NodeOptions::api(fixed(settings)));
    let request = Request::get("/x").host(files::HOST);
    assert_eq!(node.send(&request).status, 200);
    let refused = node.send(&request);
    assert_eq!(refused.status, 429);
    let seconds: u64 = refused
        .header("retry-after")
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("{refused:?}"));
    assert_eq!(seconds, 1, "{refused:?}");
    let told = Instant::now();
    wait_until(DEADLINE, "as long as the answer says", || {
        let waited = told.elapsed();
        if waited >= Duration::from_secs(seconds) {
            Ok(())
        } else {
            Err(format!("{waited:?}"))
        }
    });
    assert_eq!(node.send(&request).status, 200);
}

#[test]
fn a_plan_may_limit_one_route_of_a_key() {
    let text = format!(
        "apis:
  - name: {api}
    routes:
      - {{routeKey: GET /tight, apiKeyRequired: true, integration: {{fixedResponse: {{}}}}}}
      - {{routeKey: GET /wide, apiKeyRequired: true, integration: {{fixedResponse: {{}}}}}}
usagePlans:
  plan:
    throttle: {{burstLimit: 5, rateLimit: 0.001}}
    apiStages: [{{api: {api}, throttle: {{GET /tight: {{burstLimit: 2, rateLimit: 0.001}}}}}}]
apiKeys:
  - {{id: {id}, name: {id}, value: {key}, usagePlans: [plan]}}
",
        api = files::API,
        id = files::KEY_ID,
        key = files::KEY
    );
    let node = Node::start(NodeOptions::api(text));
    let get = |target: &str| {
        let request = Request::get(target).host(files::HOST);
        node.send(&request.header("x-api-key", files::KEY)).status
    };
    let tight: Vec<u16> = (0..3).map(|_| get("/tight")).collect();
    assert_eq!(tight, [200, 200, 429]);
    // Two of the key's five are spent; what the route refused cost none.
    let wide: Vec<u16> = (0..4).map(|_| get("/wide")).collect();
    assert_eq!(wide, [200, 200, 200, 429]);
}
