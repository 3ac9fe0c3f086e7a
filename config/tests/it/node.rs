//! The layers of the node's configuration and what is said about mistakes in them.

use std::path::Path;

use tollgate_config::diagnostic::{render, render_json};
use tollgate_config::node_config::{LogFormat, NodeConfig, Overrides, schema};

use crate::golden;

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

fn load(
    file: Option<&str>,
    flags: &Overrides,
    pairs: &[(&str, &str)],
) -> Result<NodeConfig, String> {
    let path = file.map(|name| Path::new("testdata/node").join(name));
    match NodeConfig::load(path.as_deref(), flags, environment(pairs)) {
        Ok((config, warnings)) if warnings.is_empty() => Ok(config),
        Ok((_, findings)) | Err(findings) => Err(render(&findings)),
    }
}

#[test]
fn flags_beat_variables_which_beat_the_file_which_beats_defaults() {
    let flags = Overrides {
        http: Some("127.0.0.1:1".into()),
        ..Overrides::default()
    };
    let pairs = [
        ("TOLLGATE_HTTP", "127.0.0.1:2"),
        ("TOLLGATE_DRAIN_SECONDS", "7"),
        ("TOLLGATE_TRUSTED_PROXIES", "10.0.0.0/8, 192.168.1.1"),
        ("HOME", "/root"),
    ];
    let config = load(Some("good.toml"), &flags, &pairs).unwrap();
    assert_eq!(config.http.unwrap().to_string(), "127.0.0.1:1");
    assert_eq!(config.drain_seconds, 7);
    assert_eq!(config.workers, 3);
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.ops, None);
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(config.data_dir, Path::new("testdata/node/data"));
    assert_eq!(config.log_dir, Path::new("testdata/node/data/logs"));
    assert_eq!(config.cache_bytes_max, 64 * 1024 * 1024);
    assert_eq!(config.body_bytes_max, None);
}

#[test]
fn without_anything_there_are_defaults() {
    let config = load(None, &Overrides::default(), &[]).unwrap();
    assert_eq!(config.http.unwrap().to_string(), "127.0.0.1:8080");
    assert_eq!(config.https, None);
    assert_eq!(config.admin.unwrap().to_string(), "127.0.0.1:8081");
    assert_eq!(config.ops.unwrap().to_string(), "127.0.0.1:8082");
    assert_eq!(config.peer.unwrap().to_string(), "127.0.0.1:7400");
    assert_eq!(config.body_bytes_max, None);
    assert!(config.workers >= 1);
}

#[test]
fn a_certificate_opens_the_tls_listener() {
    let flags = Overrides {
        tls_cert: Some("a.pem".into()),
        tls_key: Some("b.pem".into()),
        ..Overrides::default()
    };
    let config = load(None, &flags, &[]).unwrap();
    assert_eq!(config.https.unwrap().port(), 8443);
}

#[test]
fn all_mistakes_come_at_once_and_no_secret_with_them() {
    let flags = Overrides {
        peer: Some("nowhere".into()),
        root_secret_key: Some("short-secret".into()),
        ..Overrides::default()
    };
    let pairs = [
        ("TOLLGATE_WORKERS", "many"),
        ("TOLLGATE_LOG_LEVL", "info"),
        ("TOLLGATE_PROXY_PROTOCOL", "10.0.0.0/99"),
    ];
    let text = load(Some("bad.toml"), &flags, &pairs).unwrap_err();
    assert!(!text.contains("short-secret"), "{text}");
    golden::check("testdata/node/bad.stderr", &text);
}

#[test]
fn sockets_are_closed_within_the_drain() {
    let drained = |pairs: &[(&str, &str)]| {
        let defaults = Overrides::default();
        let found = NodeConfig::load(None, &defaults, environment(pairs));
        found
            .map(|(it, _)| it.websocket.drain_ms)
            .map_err(|findings| {
                let text = render_json(&findings);
                assert!(text.contains("websocket_drain_ms"), "{text}");
            })
    };
    let seconds = ("TOLLGATE_DRAIN_SECONDS", "2");
    let ms = |ms| ("TOLLGATE_WEBSOCKET_DRAIN_MS", ms);
    assert_eq!(drained(&[]), Ok(5_000));
    assert_eq!(drained(&[ms("30000")]), Ok(30_000));
    assert_eq!(drained(&[ms("30001")]), Err(()));
    assert_eq!(drained(&[seconds]), Ok(2_000));
    assert_eq!(drained(&[seconds, ms("2000")]), Ok(2_000));
    assert_eq!(drained(&[seconds, ms("2001")]), Err(()));
}

#[test]
fn a_missing_file_and_broken_toml_are_findings() {
    let text = load(Some("missing.toml"), &Overrides::default(), &[]).unwrap_err();
    assert!(text.contains("testdata/node/missing.toml"), "{text}");
    let pairs = environment(&[("TOLLGATE_CONFIG", "testdata/node/broken.toml")]);
    let findings = NodeConfig::load(None, &Overrides::default(), pairs).unwrap_err();
    golden::check("testdata/node/broken.json", &render_json(&findings));
}

#[test]
fn the_published_schema_is_the_one_in_the_code() {
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    golden::check("schema/node.schema.json", &text);
}

#[test]
fn a_webhook_without_a_trail_is_a_mistake() {
    let webhook = ("TOLLGATE_AUDIT_WEBHOOK", "https://siem.example.com/x");
    let flags = Overrides::default();
    let refused = load(None, &flags, &[webhook, ("TOLLGATE_AUDIT", "false")]).unwrap_err();
    assert!(
        refused.contains("`audit_webhook` needs `audit`"),
        "{refused}"
    );
    for pairs in [
        &[webhook][..],
        &[webhook, ("TOLLGATE_AUDIT", "true")],
        &[("TOLLGATE_AUDIT", "false")],
    ] {
        load(None, &flags, pairs).unwrap();
    }
}
