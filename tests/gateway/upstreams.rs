//! Several servers behind one name: shared work, a dead server, a slow one, none at all.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use tollgate_harness::{Answer, Backend, DEADLINE, Node, NodeOptions, Request, wait_until};
use tollgate_tests::files;

/// An address where nothing listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a loopback port");
    format!("http://{}", listener.local_addr().expect("a bound address"))
}

/// One route to an upstream group with these members: lines of YAML.
fn group(members: &str) -> String {
    files::api("      - {routeKey: 'ANY /{proxy+}', integration: 'http://pool/{proxy}'}\n")
        + &format!("upstreams:\n  pool:\n{members}")
}

fn get(node: &Node) -> u16 {
    node.send(&Request::get("/x").host(files::HOST)).status
}

#[test]
fn work_is_shared_by_weight() {
    let (light, heavy) = (Backend::echo(), Backend::echo());
    let members = format!(
        "    servers:\n      - {{url: {}, weight: 1}}\n      - {{url: {}, weight: 3}}\n",
        light.url(),
        heavy.url()
    );
    let node = Node::start(NodeOptions::api(group(&members)));
    for _ in 0..200 {
        assert_eq!(get(&node), 200);
    }
    let (light, heavy) = (light.requests(), heavy.requests());
    assert_eq!(light + heavy, 200);
    assert!(
        (40..=60).contains(&light),
        "{light} to {heavy}, not 50 to 150"
    );
}

#[test]
fn a_dead_server_costs_no_request() {
    let living = Backend::echo();
    let members = format!("    servers: ['{}', '{}']\n", living.url(), nobody());
    let node = Node::start(NodeOptions::api(group(&members)));
    for turn in 0..50 {
        assert_eq!(
            get(&node),
            200,
            "turn {turn}: a refused connection was not tried elsewhere"
        );
    }
    assert_eq!(living.requests(), 50);
}

#[test]
fn a_server_that_fails_its_checks_gets_nothing_until_it_is_well() {
    let (good, ill) = (
        Backend::echo(),
        Backend::start(|_| Answer::status(500, "ill")),
    );
    let members = format!(
        "    servers: ['{}', '{}']
    healthCheck: {{path: /health, intervalMs: 100, timeoutMs: 1000, healthyThreshold: 1, unhealthyThreshold: 1}}
",
        good.url(),
        ill.url()
    );
    let node = Node::start(NodeOptions::api(group(&members)));
    wait_until(
        DEADLINE,
        "ten answers in a row from the good server",
        || {
            let statuses: Vec<u16> = (0..10).map(|_| get(&node)).collect();
            if statuses.iter().all(|status| *status == 200) {
                Ok(())
            } else {
                Err(format!("{statuses:?}"))
            }
        },
    );
    ill.set(|_| Answer::Echo);
    let asked = |backend: &Backend| {
        backend
            .received()
            .iter()
            .filter(|request| request.target == "/x")
            .count()
    };
    let before = asked(&ill);
    wait_until(DEADLINE, "the recovered server to be asked again", || {
        assert_eq!(get(&node), 200);
        if asked(&ill) > before {
            Ok(())
        } else {
            Err("not yet")
        }
    });
}

#[test]
fn no_server_is_503_at_once() {
    let node = Node::start(NodeOptions::api(files::proxy(&nobody())));
    let began = Instant::now();
    let response = node.send(&Request::get("/x").host(files::HOST));
    assert_eq!(response.status, 503);
    assert_eq!(response.text(), r#"{"message":"Service Unavailable"}"#);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_silent_server_is_given_up_in_time() {
    let backend = Backend::start(|_| Answer::Hang);
    let text = files::api(&format!(
        "      - routeKey: ANY /{{proxy+}}
        integration: {{integrationUri: '{}/{{proxy}}', timeoutInMillis: 300}}
",
        backend.url()
    ));
    let node = Node::start(NodeOptions::api(text));
    let began = Instant::now();
    let response = node.send(&Request::post("/x", "once").host(files::HOST));
    let waited = began.elapsed();
    assert_eq!(response.status, 503);
    assert!(
        waited >= Duration::from_millis(300),
        "given up after {waited:?}"
    );
    assert!(
        waited < Duration::from_secs(5),
        "given up only after {waited:?}"
    );
}

#[test]
fn only_what_may_be_repeated_is_repeated() {
    let backend = Backend::start(|_| Answer::Drop);
    let members = format!("    servers: ['{}']\n", backend.url());
    let node = Node::start(NodeOptions::api(group(&members)));
    assert_eq!(
        node.send(&Request::post("/x", "pay").host(files::HOST))
            .status,
        503
    );
    assert_eq!(backend.requests(), 1, "a payment was made twice");
}
