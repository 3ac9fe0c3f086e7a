//! `docs/metrics.md` says what `protocol/src/metrics.rs` says: it is generated, and this test
//! fails when it is not the newest. `UPDATE=1 cargo test -p tollgate-protocol --test metrics_doc`
//! writes it. The dashboard may only ask for metrics that there are.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use tollgate_protocol::metrics::{ALL, Kind, Metric};

const PAGE: &str = "docs/metrics.md";
const DASHBOARD: &str = "docs/grafana/tollgate.json";

const HEAD: &str = "\
# Metrics

`GET /metrics` of the ops listener answers in Prometheus's text format. This page is generated from
`protocol/src/metrics.rs`; `docs/grafana/tollgate.json` is a Grafana dashboard over these names.

A scrape configuration:

```yaml
scrape_configs:
  - job_name: tollgate
    static_configs: [{targets: [\"127.0.0.1:8082\"]}]
```

Times are in seconds, sizes in bytes. A histogram has the series `_bucket`, `_sum` and `_count`.

| Metric | Kind | Labels | Meaning |
|---|---|---|---|
";

const LABELS: &str = "
## Labels

Every label has a bounded set of values, so that no client can make series.

| Label | Values |
|---|---|
| `api`, `stage` | the API's id and the stage's name; `-` for requests that reached none. From the 1001st stage on both are `_other` |
| `route` | the route key (`GET /pets/{id}`), never the path; `-` when no route matched. From the 2001st route on `_other` |
| `class` | `1xx` to `5xx` |
| `reason` | of refused requests `api_key`, `rate`, `quota`; of bad requests what was wrong with them, for example `head`, `framing`, `head_timeout`, `tls` |
| `kind` | `connect`, `dns`, `tls`, `timeout`, `reset`, `protocol`, `overloaded`, `unknown`, `too_large`, `function`, `bad_output`, `request_body`, `invalid_request` |
| `group`, `server` | an upstream group and one of its servers, as in the configuration |
| `function` | a function's name |
| `role` | `leader`, `follower`, `candidate`, `learner` |
| `node` | the id of a node that is or was in the cluster |

Labels never hold API keys, client addresses or paths.

## CloudWatch's names

What stands for the metrics that API Gateway sends to CloudWatch:

| CloudWatch | Here |
|---|---|
";

const QUESTIONS: &str = "
## Questions and queries

| Question | Query |
|---|---|
| Requests a second by API | `sum by (api) (rate(tollgate_edge_requests_total[1m]))` |
| Share of server errors | `sum(rate(tollgate_edge_requests_total{class=\"5xx\"}[5m])) / sum(rate(tollgate_edge_requests_total[5m]))` |
| Latency, 99th percentile | `histogram_quantile(0.99, sum by (le, api) (rate(tollgate_edge_request_duration_seconds_bucket[5m])))` |
| What the gateway itself adds to a request, on average | `(sum(rate(tollgate_edge_request_duration_seconds_sum[5m])) - sum(rate(tollgate_upstream_request_duration_seconds_sum[5m]))) / sum(rate(tollgate_edge_request_duration_seconds_count[5m]))` |
| Cache hits as a share | `sum(rate(tollgate_cache_hits_total[5m])) / (sum(rate(tollgate_cache_hits_total[5m])) + sum(rate(tollgate_cache_misses_total[5m])))` |
| Servers that are out | `tollgate_upstream_server_up == 0` |
| Nodes that know no leader | `tollgate_cluster_has_leader == 0` |
| Nodes that serve different configurations | `max(tollgate_config_revision) - min(tollgate_config_revision) > 0` |
| A configuration that is not served | `increase(tollgate_config_rejected_total[10m]) > 0` |
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn row(metric: &Metric) -> String {
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let labels: Vec<String> = metric.labels.iter().map(|it| format!("`{it}`")).collect();
    let (name, help) = (metric.name, metric.help);
    format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "))
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.extend(ALL.iter().map(row));
    page.push_str(LABELS);
    for metric in ALL {
        // `Count; class 4xx: 4XXError, class 5xx: 5XXError`.
        for part in metric
            .aws
            .unwrap_or_default()
            .split([';', ','])
            .map(str::trim)
        {
            let (label, name) = match part.split_once(": ") {
                Some((label, name)) => (label.replace(' ', "=\"") + "\"", name),
                None => (String::new(), part),
            };
            if name.is_empty() {
                continue;
            }
            let labels = if label.is_empty() {
                String::new()
            } else {
                format!("{{{label}}}")
            };
            writeln!(page, "| `{name}` | `{}{labels}` |", metric.name).expect("a string grows");
        }
    }
    page.push_str(QUESTIONS);
    page
}

/// Names of our metrics in a text, without the suffixes of a histogram's series.
fn names(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.match_indices("tollgate_")
        .map(|(at, _)| {
            let rest = &text[at..];
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let name = &rest[..end];
            ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .unwrap_or(name)
        })
        .collect()
}

#[test]
fn the_page_is_generated() {
    let (path, wanted) = (root().join(PAGE), page());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &wanted).expect("write the page");
    }
    let actual = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = wanted
        .lines()
        .zip(actual.lines())
        .find(|(wanted, actual)| wanted != actual);
    assert!(
        actual == wanted,
        "{PAGE} is not what protocol/src/metrics.rs says, first at {differs:?}; write it with: \
         UPDATE=1 cargo test -p tollgate-protocol --test metrics_doc"
    );
}

#[test]
fn queries_ask_for_what_there_is() {
    let known: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
    let dashboard = std::fs::read_to_string(root().join(DASHBOARD)).expect("read the dashboard");
    let (page, asked) = (page(), names(&dashboard));
    assert!(asked.len() > 15, "the dashboard asks for {asked:?} only");
    let unknown: Vec<_> = asked
        .union(&names(&page))
        .copied()
        .filter(|it| !known.contains(it))
        .collect();
    assert!(unknown.is_empty(), "no such metrics: {unknown:?}");
}

#[test]
fn every_metric_has_a_name_of_the_house() {
    let areas = [
        "audit",
        "websocket",
        "edge",
        "route",
        "auth",
        "throttle",
        "quota",
        "cache",
        "upstream",
        "function",
        "config",
        "cluster",
        "process",
    ];
    let mut seen = BTreeSet::new();
    for metric in ALL {
        let rest = metric.name.strip_prefix("tollgate_").unwrap_or_default();
        let area = rest.split('_').next().unwrap_or_default();
        assert!(areas.contains(&area), "{}: no area {area:?}", metric.name);
        assert!(seen.insert(metric.name), "{} is there twice", metric.name);
        assert_eq!(
            metric.kind == Kind::Counter,
            metric.name.ends_with("_total"),
            "{}",
            metric.name
        );
        assert!(
            metric.help.ends_with('.') && !metric.help.contains('|'),
            "{}",
            metric.name
        );
        if metric.kind == Kind::Histogram {
            assert!(metric.name.ends_with("_seconds"), "{}", metric.name);
        }
    }
}
