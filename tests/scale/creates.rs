//! Creates at a steady rate through all nodes of a cluster, as a tool that sets up many APIs makes
//! them, and then lists of everything: an API, what answers its requests, and its routes.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tollgate_harness::{Cluster, bar, prove};
use tollgate_tests::drivers;
use tollgate_tests::signed::SignedConnection;

use super::{alone, ms, profile};

const NODES: usize = 3;
/// Clients of each node, each with a connection that it keeps.
const CLIENTS: usize = 8;
/// The promise: creates a second, of all nodes together.
const RATE: u32 = 500;
/// The promise: a walk through the list of [`PROMISED_APIS`].
const LISTED_SECONDS_MAX: f64 = 2.0;
const PROMISED_APIS: usize = 5_000;
/// How long after it was due the last create may be answered.
const BEHIND_MAX: Duration = Duration::from_secs(1);
/// Integrations and routes of each API.
const INTEGRATIONS: usize = 2;
const ROUTES: usize = 3;
/// Creates for one API with all that it consists of.
const CREATES: usize = 1 + INTEGRATIONS + ROUTES;
/// APIs that each client creates in `make test`.
const APIS_OF_CLIENT: usize = 5;

/// What one client saw.
#[derive(Default)]
struct Seen {
    /// How long after it was due each create was answered.
    late: Vec<Duration>,
    failed: Vec<String>,
}

/// A client with a turn of its own in every round of creates.
struct Creator {
    connection: SignedConnection,
    began: Instant,
    number: usize,
    turns: usize,
    seen: Seen,
}

impl Creator {
    /// Creates when it is due; a create that comes late makes the next ones no later.
    async fn create(&mut self, path: &str, body: &Value) -> Value {
        let turn = self.turns * NODES * CLIENTS + self.number;
        self.turns += 1;
        let turn = u32::try_from(turn).expect("a few thousand creates");
        let due = self.began + Duration::from_secs(1) * turn / RATE;
        sleep_until(due).await;
        let answer = self.connection.call("POST", path, body.to_string()).await;
        self.seen.late.push(due.elapsed());
        let (status, body) = answer;
        if status != 201 {
            let said = String::from_utf8_lossy(&body);
            self.seen.failed.push(format!("{path}: {status} {said}"));
        }
        serde_json::from_slice(&body).unwrap_or_default()
    }

    async fn run(mut self, apis: usize) -> Seen {
        for at in 0..apis {
            let name = format!("of-{}-{at}", self.number);
            let api = json!({"name": name, "protocolType": "HTTP"});
            let made = self.create("/v2/apis", &api).await;
            let api = format!("/v2/apis/{}", text(&made, "apiId"));
            let mut targets = Vec::new();
            for uri in 0..INTEGRATIONS {
                let integration = json!({
                    "integrationType": "HTTP_PROXY", "integrationMethod": "ANY",
                    "integrationUri": format!("http://127.0.0.1:9/{uri}"),
                    "payloadFormatVersion": "1.0",
                });
                let path = format!("{api}/integrations");
                let made = self.create(&path, &integration).await;
                targets.push(format!("integrations/{}", text(&made, "integrationId")));
            }
            for route in 0..ROUTES {
                let route = json!({
                    "routeKey": format!("GET /things-{route}/{{id}}"),
                    "target": targets[route % INTEGRATIONS],
                });
                self.create(&format!("{api}/routes"), &route).await;
            }
        }
        self.seen
    }
}

fn text(made: &Value, name: &str) -> String {
    made[name].as_str().unwrap_or_default().to_owned()
}

/// All clients at work; what they saw, and how long it took.
fn create_all(admins: &[SocketAddr], apis: usize) -> (Seen, Duration) {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut connections = Vec::new();
        for number in 0..NODES * CLIENTS {
            connections.push(SignedConnection::open(admins[number % NODES]).await);
        }
        let began = Instant::now();
        let mut working = JoinSet::new();
        for (number, connection) in connections.into_iter().enumerate() {
            let creator = Creator {
                connection,
                began,
                number,
                turns: 0,
                seen: Seen::default(),
            };
            working.spawn(creator.run(apis));
        }
        let mut all = Seen::default();
        for seen in working.join_all().await {
            all.late.extend(seen.late);
            all.failed.extend(seen.failed);
        }
        all.late.sort_unstable();
        (all, began.elapsed())
    })
}

#[test]
fn creates_are_sustained_on_all_nodes_and_listed_at_once() {
    let of_client = prove(APIS_OF_CLIENT, PROMISED_APIS.div_ceil(NODES * CLIENTS));
    let apis = of_client * NODES * CLIENTS;
    let _alone = alone();
    let cluster = Cluster::start(NODES, "apis: []\n");
    let admins: Vec<_> = cluster
        .nodes()
        .iter()
        .map(|it| it.addresses().admin)
        .collect();
    let cpu = || -> Duration { cluster.nodes().iter().map(|it| it.usage().cpu).sum() };
    let before = cpu();
    let (seen, took) = create_all(&admins, of_client);
    let cpu_us = (cpu() - before).as_secs_f64() * 1e6 / seen.late.len() as f64;
    let walked: Vec<Vec<f64>> = cluster
        .nodes()
        .iter()
        .map(|node| {
            let said = drivers::drive(node, "scale/list.py", &[("APIS", &apis.to_string())]);
            let seconds = said
                .split_whitespace()
                .map(|it| it.parse().expect("seconds"));
            seconds.collect()
        })
        .collect();
    let slowest = |at: usize| walked.iter().map(|it| it[at]).fold(0.0, f64::max);
    let late = |percent: usize| ms(seen.late[(seen.late.len() * percent).div_ceil(100) - 1]);
    bar(
        7,
        &format!(
            "{} creates (APIs, integrations, routes) through {NODES} nodes in {:.1} s: {:.0} a \
             second (at least {RATE} for 60 s), answered after {:.1} ms (p50), {:.1} ms (p99), at \
             worst {:.0} ms from when they were due; {cpu_us:.0} us of CPU of all nodes each; {} \
             failed; {apis} APIs listed by boto3 in {:.2} s in pages of the default size and {:.2} \
             s in those of the largest, on the slowest node (at most {LISTED_SECONDS_MAX} for \
             {PROMISED_APIS}); this build is `{}`",
            seen.late.len(),
            took.as_secs_f64(),
            seen.late.len() as f64 / took.as_secs_f64(),
            late(50),
            late(99),
            late(100),
            seen.failed.len(),
            slowest(0),
            slowest(1),
            profile(),
        ),
    );
    assert!(seen.failed.is_empty(), "{:?}", seen.failed.first());
    assert_eq!(seen.late.len(), apis * CREATES);
    // A few creates say nothing about a rate that lasts.
    if apis >= PROMISED_APIS {
        let due = Duration::from_secs(1) * u32::try_from(apis * CREATES).expect("few") / RATE;
        assert!(took <= due + BEHIND_MAX, "{took:?}, due after {due:?}");
        assert!(
            slowest(0).max(slowest(1)) <= LISTED_SECONDS_MAX,
            "{walked:?}"
        );
    }
}
