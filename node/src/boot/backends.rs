//! What the model says of back ends and functions, in the terms of those who run them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_config::snapshot::Snapshot;
use tollgate_functions::{FunctionSpec, Runtime};
use tollgate_model::{self as model, Function, Upstream};
use tollgate_upstream::{
    Balance, Ejection, GroupSpec, HealthCheck, Protocol, Scheme, ServerSpec, TlsSpec,
};

/// The statuses of a good health check, 200 to 399.
const HEALTHY: (u16, u16) = (200, 399);

/// The upstream groups of a snapshot, and those that only older ones name: requests that still
/// read one of these find their groups.
pub(super) fn groups(snapshot: &Snapshot, older: &[Arc<Snapshot>]) -> Vec<GroupSpec> {
    let mut groups: BTreeMap<&str, &Upstream> = BTreeMap::new();
    for snapshot in oldest_first(snapshot, older) {
        groups.extend(
            snapshot
                .upstreams
                .iter()
                .map(|it| (it.name.as_str(), &**it)),
        );
    }
    groups.into_values().map(group).collect()
}

/// The functions that this node runs itself, and those that only older snapshots name.
pub(super) fn functions(snapshot: &Snapshot, older: &[Arc<Snapshot>]) -> Vec<FunctionSpec> {
    let mut functions: BTreeMap<&str, &Function> = BTreeMap::new();
    for snapshot in oldest_first(snapshot, older) {
        functions.extend(
            snapshot
                .functions
                .iter()
                .map(|it| (it.name.as_str(), &**it)),
        );
    }
    functions.into_values().filter_map(spec).collect()
}

/// The newest one has the last word on a name.
fn oldest_first<'s>(
    snapshot: &'s Snapshot,
    older: &'s [Arc<Snapshot>],
) -> impl Iterator<Item = &'s Snapshot> {
    older.iter().map(|it| &**it).chain([snapshot])
}

fn group(upstream: &Upstream) -> GroupSpec {
    let servers = upstream
        .servers
        .iter()
        .filter_map(|it| server(&it.url, it.weight))
        .collect();
    let mut group = GroupSpec::new(upstream.name.clone(), servers);
    group.balance = match upstream.balance {
        model::Balance::RoundRobin => Balance::RoundRobin,
        model::Balance::LeastOutstanding => Balance::LeastOutstanding,
    };
    group.protocol = match upstream.protocol {
        model::UpstreamProtocol::Auto => Protocol::Auto,
        model::UpstreamProtocol::Http1 => Protocol::Http1,
        model::UpstreamProtocol::Http2 => Protocol::Http2,
    };
    if let Some(ms) = upstream.connect_timeout_ms {
        group.connect_timeout_ms = ms;
    }
    if let Some(ms) = upstream.idle_timeout_ms {
        group.idle_timeout_ms = ms;
    }
    if let Some(max) = upstream.connections_max {
        group.connections_max = max as usize;
    }
    group.health_check = upstream.health_check.as_ref().map(|it| HealthCheck {
        path: it.path.clone(),
        interval_ms: it.interval_ms,
        timeout_ms: it.timeout_ms,
        healthy_threshold: it.healthy_threshold,
        unhealthy_threshold: it.unhealthy_threshold,
        status_min: HEALTHY.0,
        status_max: HEALTHY.1,
    });
    group.ejection = upstream.ejection.as_ref().map(|it| Ejection {
        consecutive_failures: it.consecutive_failures,
        duration_ms: it.duration_ms,
    });
    group.tls = tls_spec(upstream);
    group
}

/// The TLS settings of a group.
pub(crate) fn tls_spec(upstream: &Upstream) -> TlsSpec {
    TlsSpec {
        verify: !upstream.insecure_skip_verification,
        ca_pem: upstream.ca_certificate.clone(),
        server_name: upstream.server_name_to_verify.clone(),
        client_cert_pem: upstream.client_certificate.clone(),
        key_pem: upstream.client_private_key.clone(),
    }
}

/// A server of `http://host:port`; the port is the scheme's own where it is left out.
pub(super) fn server(url: &str, weight: u32) -> Option<ServerSpec> {
    let (scheme, rest) = match url.split_once("://")? {
        ("http", rest) => (Scheme::Http, rest),
        ("https", rest) => (Scheme::Https, rest),
        _ => return None,
    };
    let authority = rest.split(['/', '?']).next()?;
    let default = if scheme == Scheme::Https { 443 } else { 80 };
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an IPv6 address stand inside of brackets.
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (authority, default),
    };
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    (!host.is_empty()).then_some(ServerSpec {
        scheme,
        host,
        port,
        weight,
    })
}

fn spec(function: &Function) -> Option<FunctionSpec> {
    let runtime = match function.runtime {
        model::Runtime::Python => Runtime::Python,
        model::Runtime::Nodejs => Runtime::NodeJs,
        model::Runtime::Provided => Runtime::Provided,
        model::Runtime::Lambda => return None,
    };
    let mut spec = FunctionSpec::new(
        function.name.clone(),
        runtime,
        function.directory.clone(),
        function.handler.clone(),
    );
    spec.command.clone_from(&function.command);
    spec.environment.clone_from(&function.environment);
    spec.timeout_ms = function.timeout_ms;
    spec.concurrency = function.concurrency as usize;
    spec.warm = function.warm as usize;
    spec.memory_mib = function.memory_mib;
    Some(spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_older_snapshots_name_stays_as_long_as_they_are_read() {
        let snapshot = |upstreams: &[(&str, &str)]| Snapshot {
            upstreams: upstreams
                .iter()
                .map(|(name, url)| Arc::new(upstream(name, url)))
                .collect(),
            ..Snapshot::default()
        };
        let old = Arc::new(snapshot(&[("a", "http://old"), ("gone", "http://gone")]));
        let new = snapshot(&[("a", "http://new"), ("b", "http://b")]);
        let hosts = |groups: Vec<GroupSpec>| -> Vec<String> {
            groups
                .into_iter()
                .map(|it| format!("{} {}", it.name, it.servers[0].host))
                .collect()
        };
        assert_eq!(hosts(groups(&new, &[old])), ["a new", "b b", "gone gone"]);
        assert_eq!(hosts(groups(&new, &[])), ["a new", "b b"]);
    }

    fn upstream(name: &str, url: &str) -> Upstream {
        let json = serde_json::json!({"name": name, "servers": [{"url": url, "weight": 1}]});
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn urls_become_servers() {
        let at = |url: &str| server(url, 1).map(|it| (it.scheme, it.host, it.port));
        assert_eq!(at("http://a"), Some((Scheme::Http, "a".into(), 80)));
        assert_eq!(
            at("https://a.b/x"),
            Some((Scheme::Https, "a.b".into(), 443))
        );
        assert_eq!(
            at("http://[::1]:81"),
            Some((Scheme::Http, "::1".into(), 81))
        );
        assert_eq!(
            at("https://[::1]"),
            Some((Scheme::Https, "::1".into(), 443))
        );
        for bad in ["ftp://a", "http://", "a:80", "http://a:99999"] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }
}
