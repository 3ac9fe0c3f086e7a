//! Metrics as Prometheus reads them: by its own checker and by a server that scrapes a node.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use serde_json::Value;
use tollgate_harness::{
    Backend, DEADLINE, Node, NodeOptions, Process, Request, prometheus, promtool, wait_until,
};
use tollgate_tests::files;

/// A node that has served what makes most series appear.
fn worked(backend: &Backend) -> Node {
    let node = Node::start(NodeOptions::api(files::with_quota(&backend.url(), 5)));
    for _ in 0..7 {
        let request = Request::get("/pets").host(files::HOST);
        node.send(&request.header("x-api-key", files::KEY));
    }
    assert_eq!(node.send(&Request::get("/x").host(files::HOST)).status, 403);
    assert_eq!(node.send(&Request::get("/").host(files::HOST)).status, 404);
    node
}

#[test]
fn promtool_finds_nothing_to_say() {
    let backend = Backend::echo();
    let node = worked(&backend);
    let text = node.ops("/metrics").text();
    let mut checker = Command::new(promtool())
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start promtool");
    let mut stdin = checker.stdin.take().expect("a pipe");
    stdin.write_all(text.as_bytes()).expect("write the scrape");
    drop(stdin);
    let said = checker.wait_with_output().expect("promtool ends");
    let found = String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && found.trim().is_empty(), "{found}");
}

#[test]
fn what_is_counted_is_what_happened() {
    let backend = Backend::echo();
    let node = worked(&backend);
    let metrics = node.metrics();
    let count = |name: &str, labels: &[(&str, &str)]| metrics.sum(name, labels).unwrap_or_default();
    let requests = |class| {
        count(
            "tollgate_edge_requests_total",
            &[("api", "main"), ("class", class)],
        )
    };
    assert_eq!((requests("2xx"), requests("4xx")), (5.0, 4.0));
    let refused = |reason| count("tollgate_throttle_refused_total", &[("reason", reason)]);
    assert_eq!((refused("quota"), refused("api_key")), (2.0, 1.0));
    let seconds = "tollgate_edge_request_duration_seconds_count";
    assert_eq!(count(seconds, &[("api", "main")]), 9.0);
    assert_eq!(count("tollgate_process_build_info", &[]), 1.0);
}

#[test]
fn clients_cannot_make_series() {
    let backend = Backend::echo();
    let node = worked(&backend);
    let before = node.metrics().len();
    for at in 0..300 {
        let request = Request::new(&format!("M{at}"), &format!("/path-{at}?q={at}"));
        node.send(
            &request
                .host(&format!("host-{at}.test"))
                .header("x-api-key", "x"),
        );
        node.send(&Request::get(&format!("/path-{at}")).host(files::HOST));
    }
    let after = node.metrics().len();
    assert!(after < before + 40, "{before} series became {after}");
}

/// A Prometheus server that scrapes one target every second.
fn start_prometheus(target: SocketAddr, folder: &std::path::Path) -> (Process, SocketAddr) {
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: tollgate
    static_configs: [{{targets: ['{target}']}}]
"
    );
    let file = folder.join("prometheus.yml");
    fs::write(&file, config).expect("write its configuration");
    // It has no way to tell which port it got, so one that was just free is given to it.
    let free = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = free.local_addr().expect("a bound address");
    drop(free);
    let mut command = Command::new(prometheus());
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("data").display()
        ))
        .arg(format!("--web.listen-address={address}"));
    let process = Process::spawn(command, folder, "prometheus").expect("start Prometheus");
    (process, address)
}

/// The number that a PromQL query gives; `None` while there is no answer.
fn ask(prometheus: SocketAddr, query: &str) -> Result<f64, String> {
    let encoded: String = query
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let response = Request::get(&format!("/api/v1/query?query={encoded}"))
        .try_send(prometheus)
        .map_err(|error| error.to_string())?;
    let body: Value = serde_json::from_slice(&response.body).map_err(|_| response.text())?;
    body["data"]["result"][0]["value"][1]
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| body.to_string())
}

#[test]
fn a_real_prometheus_scrapes_a_node_and_answers() {
    let backend = Backend::echo();
    let node = worked(&backend);
    let folder = tempfile::tempdir().expect("make a temporary directory");
    let (mut process, server) = start_prometheus(node.addresses().ops, folder.path());
    for (query, wanted) in [
        ("up{job=\"tollgate\"}", 1.0),
        (
            "sum(tollgate_edge_requests_total{api=\"main\",class=\"2xx\"})",
            5.0,
        ),
        ("sum(tollgate_throttle_refused_total) by (api)", 3.0),
        ("count(tollgate_process_build_info)", 1.0),
    ] {
        wait_until(DEADLINE, query, || {
            assert!(process.exited().is_none(), "Prometheus ended");
            match ask(server, query) {
                Ok(value) if (value - wanted).abs() < 0.001 => Ok(()),
                Ok(value) => Err(format!("{value} instead of {wanted}")),
                Err(why) => Err(why),
            }
        });
    }
    let quantile =
        "histogram_quantile(0.5, sum(tollgate_edge_request_duration_seconds_bucket) by (le))";
    let median = wait_until(DEADLINE, quantile, || ask(server, quantile));
    assert!(median > 0.0 && median < 10.0, "{median} s");
}
