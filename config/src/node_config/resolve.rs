//! Settings as the types that the node uses, with defaults and ranges.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use tollgate_model::Throttle;
use tollgate_protocol::{Rate, limits};

use super::{AuditWebhook, NodeConfig, Settings};
use crate::document::{Node, Report, TreePath};

/// Bytes of all cached responses unless configured.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of a file of the audit trail unless configured.
const AUDIT_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Management calls a second unless configured. AWS has 10, which is what its users wait for; this
/// one keeps a script that runs wild from the processors and is no hindrance to one that works.
const MANAGEMENT_RATE: u64 = 5000;
/// Management calls at once unless configured: two seconds' worth.
const MANAGEMENT_BURST: u64 = 10_000;
/// More than any node answers.
const MANAGEMENT_MAX: u64 = 1_000_000;
/// Seconds that requests in flight get to finish unless configured.
pub(super) const DRAIN_SECONDS: u64 = 30;
/// Where the usual interpreters are.
const FUNCTION_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// A day, the longest timeout.
const TIMEOUT_MS_MAX: u64 = 86_400_000;
/// AWS's secrets have 40 characters; a shorter one than this can be guessed.
const SECRET_CHARS_MIN: usize = 16;

pub(super) struct Resolver<'r> {
    root: &'r Node,
    report: &'r mut Report,
}

pub(super) fn resolve(s: &Settings, root: &Node, report: &mut Report) -> NodeConfig {
    let mut it = Resolver { root, report };
    let data_dir = it.path("data_dir", s.data_dir.as_deref());
    let data_dir = data_dir.unwrap_or_else(|| PathBuf::from("tollgate-data"));
    let https_default = s.tls_cert.as_ref().and_then(|_| local(8443));
    it.rules(s);
    NodeConfig {
        http: it.address("http", s.http.as_deref(), local(8080)),
        https: it.address("https", s.https.as_deref(), https_default),
        tls_cert: it.path("tls_cert", s.tls_cert.as_deref()),
        tls_key: it.path("tls_key", s.tls_key.as_deref()),
        admin: it.address("admin", s.admin.as_deref(), local(8081)),
        ops: it.address("ops", s.ops.as_deref(), local(8082)),
        peer: it.address("peer", s.peer.as_deref(), local(7400)),
        advertise: it.host("advertise", s.advertise.as_deref()),
        name: s.name.clone(),
        voters: it.voters(s.voters),
        apply: it.paths("apply", s.apply.as_deref()),
        region: text(s.region.as_ref(), "us-east-1"),
        account_id: text(s.account_id.as_ref(), "000000000000"),
        execute_api_suffix: text(s.execute_api_suffix.as_ref(), "localhost"),
        workers: it.number("workers", s.workers.map(u64::from), processors(), 1..=512),
        header_bytes_max: it.header_bytes(s),
        header_fields_max: it.header_fields(s),
        url_bytes_max: it.number(
            "url_bytes_max",
            s.url_bytes_max.map(u64::from),
            limits::TARGET_BYTES_MAX as u64,
            256..=1024 * 1024,
        ),
        body_bytes_max: s.body_bytes_max.filter(|it| *it > 0),
        header_timeout_ms: it.timeout("header_timeout_ms", s.header_timeout_ms, 10_000),
        keep_alive_ms: it.timeout("keep_alive_ms", s.keep_alive_ms, 75_000),
        body_idle_timeout_ms: it.timeout("body_idle_timeout_ms", s.body_idle_timeout_ms, 30_000),
        connections_max: it.number(
            "connections_max",
            s.connections_max.map(u64::from),
            20_000,
            1..=10_000_000,
        ),
        h2_streams_max: s.h2_streams_max.unwrap_or(128).max(1),
        trusted_proxies: it.networks("trusted_proxies", s.trusted_proxies.as_deref()),
        proxy_protocol: it.networks("proxy_protocol", s.proxy_protocol.as_deref()),
        websocket: it.websocket(s),
        log_level: s.log_level.unwrap_or_default(),
        log_format: s.log_format.unwrap_or_default(),
        log_dir: it
            .path("log_dir", s.log_dir.as_deref())
            .unwrap_or_else(|| data_dir.join("logs")),
        audit: s.audit.unwrap_or(true),
        audit_dir: it
            .path("audit_dir", s.audit_dir.as_deref())
            .unwrap_or_else(|| data_dir.join("audit")),
        audit_file_bytes: it.audit_file_bytes(s),
        audit_files: it.number("audit_files", s.audit_files.map(u64::from), 16, 1..=10_000),
        audit_webhook: it.audit_webhook(s),
        management: it.management(s),
        cache_bytes_max: s.cache_bytes_max.unwrap_or(CACHE_BYTES),
        cache_ttl_seconds_max: s
            .cache_ttl_seconds_max
            .unwrap_or(limits::CACHE_TTL_SECONDS_MAX),
        drain_seconds: s.drain_seconds.unwrap_or(DRAIN_SECONDS),
        function_path: text(s.function_path.as_ref(), FUNCTION_PATH),
        function_request_bytes_max: it
            .payload("function_request_bytes_max", s.function_request_bytes_max),
        function_response_bytes_max: it
            .payload("function_response_bytes_max", s.function_response_bytes_max),
        root_access_key: s.root_access_key.clone(),
        root_secret_key: s.root_secret_key.clone(),
        data_dir,
    }
}

fn text(value: Option<&String>, default: &str) -> String {
    value.map_or_else(|| default.to_owned(), Clone::clone)
}

fn local(port: u16) -> Option<SocketAddr> {
    Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
}

fn processors() -> u64 {
    std::thread::available_parallelism().map_or(1, |it| it.get() as u64)
}

impl Resolver<'_> {
    fn audit_file_bytes(&mut self, s: &Settings) -> u64 {
        let range = 64 * 1024..=1 << 40;
        self.number(
            "audit_file_bytes",
            s.audit_file_bytes,
            AUDIT_FILE_BYTES,
            range,
        ) as u64
    }

    fn audit_webhook(&mut self, s: &Settings) -> Option<AuditWebhook> {
        let Some(url) = &s.audit_webhook else {
            let more = [
                ("audit_webhook_secret", s.audit_webhook_secret.is_some()),
                ("audit_webhook_token", s.audit_webhook_token.is_some()),
                ("audit_webhook_ca", s.audit_webhook_ca.is_some()),
            ];
            for (key, _) in more.into_iter().filter(|(_, given)| *given) {
                self.error(key, format!("`{key}` needs `audit_webhook`"));
            }
            return None;
        };
        if s.audit == Some(false) {
            let reason = "`audit_webhook` needs `audit`: without a trail there is nothing to send";
            self.error("audit_webhook", reason);
        }
        let rest = ["http://", "https://"]
            .iter()
            .find_map(|it| url.strip_prefix(it));
        let authority = rest.and_then(|it| it.split(['/', '?']).next());
        let graphic = url.bytes().all(|it| it.is_ascii_graphic()) && !url.contains('#');
        if !graphic || !authority.is_some_and(|it| !it.is_empty() && !it.contains('@')) {
            // A URL can hold a secret, so it is not shown.
            self.error("audit_webhook", "expected a URL: https://host/path");
        }
        let short = |it: &String| it.len() < SECRET_CHARS_MIN;
        if s.audit_webhook_secret.as_ref().is_some_and(short) {
            let reason = format!("a secret has at least {SECRET_CHARS_MIN} characters");
            self.error("audit_webhook_secret", reason);
        }
        let unfit = |it: &String| it.is_empty() || !it.bytes().all(|it| it.is_ascii_graphic());
        if s.audit_webhook_token.as_ref().is_some_and(unfit) {
            let reason = "a token is made of visible ASCII characters";
            self.error("audit_webhook_token", reason);
        }
        Some(AuditWebhook {
            url: url.clone(),
            secret: s.audit_webhook_secret.clone(),
            token: s.audit_webhook_token.clone(),
            ca: self.path("audit_webhook_ca", s.audit_webhook_ca.as_deref()),
        })
    }

    fn management(&mut self, s: &Settings) -> Throttle {
        let (rate, burst) = (s.management_rate, s.management_burst);
        let range = 1..=MANAGEMENT_MAX;
        let rate = self.number(
            "management_rate",
            rate.map(u64::from),
            MANAGEMENT_RATE,
            range.clone(),
        );
        let burst = self.number(
            "management_burst",
            burst.map(u64::from),
            MANAGEMENT_BURST,
            range,
        );
        Throttle {
            rate_limit: Rate::from_micros((rate as u64).saturating_mul(Rate::ONE.micros())),
            burst_limit: u32::try_from(burst).unwrap_or(u32::MAX),
        }
    }

    fn header_fields(&mut self, s: &Settings) -> usize {
        let most = limits::HEADER_FIELDS_MAX as u64;
        let value = s.header_fields_max.map(u64::from);
        self.number("header_fields_max", value, most, 1..=128)
    }

    fn header_bytes(&mut self, s: &Settings) -> usize {
        self.number(
            "header_bytes_max",
            s.header_bytes_max.map(u64::from),
            limits::HEADER_BYTES_MAX as u64,
            1024..=1024 * 1024,
        )
    }

    /// A host name or address without a port.
    fn host(&mut self, key: &str, value: Option<&str>) -> Option<String> {
        let host = value?;
        let address = host.parse::<IpAddr>().is_ok();
        let name = !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        if address || name {
            return Some(host.to_owned());
        }
        let reason = format!("`{host}` is no host name or address; a port is not part of it");
        self.error(key, reason);
        None
    }

    /// How many nodes vote. An even number would stop on as few failures as one less.
    fn voters(&mut self, value: Option<u32>) -> usize {
        match value {
            None | Some(3) => 3,
            Some(1) => 1,
            Some(5) => 5,
            Some(other) => {
                self.error("voters", format!("`voters` is 1, 3 or 5, not {other}"));
                3
            }
        }
    }

    pub(super) fn error(&mut self, key: &str, reason: impl Into<String>) {
        let path = TreePath::default().key(key);
        self.report.error_at(self.root, &path, reason);
    }

    /// What two settings say together, and the shape of texts.
    fn rules(&mut self, s: &Settings) {
        match (&s.tls_cert, &s.tls_key) {
            (Some(_), None) => self.error("tls_cert", "`tls_cert` needs `tls_key`"),
            (None, Some(_)) => self.error("tls_key", "`tls_key` needs `tls_cert`"),
            _ => {}
        }
        match (&s.root_access_key, &s.root_secret_key) {
            (Some(_), None) => {
                self.error(
                    "root_access_key",
                    "`root_access_key` needs `root_secret_key`",
                );
            }
            (None, Some(_)) => {
                self.error(
                    "root_secret_key",
                    "`root_secret_key` needs `root_access_key`",
                );
            }
            (_, Some(secret)) if secret.len() < SECRET_CHARS_MIN => {
                let reason = format!("a secret has at least {SECRET_CHARS_MIN} characters");
                self.error("root_secret_key", reason);
            }
            _ => {}
        }
        if let Some(id) = &s.account_id
            && !(id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()))
        {
            self.error("account_id", "an account id has 12 digits");
        }
        if let Some(region) = &s.region
            && (region.is_empty()
                || !region
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        {
            let reason = "a region is made of lower case letters, digits and `-`";
            self.error("region", reason);
        }
        if s.h2_streams_max == Some(0) {
            self.error("h2_streams_max", "expected a whole number of at least 1");
        }
    }

    fn address(
        &mut self,
        key: &str,
        text: Option<&str>,
        default: Option<SocketAddr>,
    ) -> Option<SocketAddr> {
        let Some(text) = text else {
            return default;
        };
        if text == "off" {
            return None;
        }
        let complete = if text.starts_with(':') {
            format!("0.0.0.0{text}")
        } else {
            text.to_owned()
        };
        let parsed = complete.parse().ok();
        if parsed.is_none() {
            let reason = format!(
                "expected an address and a port (`127.0.0.1:8080`, `:8080`, `[::]:8080`) or `off`, \
                 not {text:?}"
            );
            self.error(key, reason);
        }
        parsed
    }

    pub(super) fn number(
        &mut self,
        key: &str,
        value: Option<u64>,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> usize {
        let number = value.unwrap_or(default);
        if value.is_some() && !range.contains(&number) {
            let (low, high) = (range.start(), range.end());
            let reason = format!("expected a whole number from {low} to {high}, not {number}");
            self.error(key, reason);
        }
        usize::try_from(number).unwrap_or(usize::MAX)
    }

    pub(super) fn timeout(&mut self, key: &str, value: Option<u64>, default: u64) -> u64 {
        self.number(key, value, default, 1..=TIMEOUT_MS_MAX) as u64
    }

    fn payload(&mut self, key: &str, value: Option<u64>) -> usize {
        let default = limits::FUNCTION_PAYLOAD_BYTES_MAX;
        self.number(key, value, default, 1024..=1 << 32)
    }

    /// Relative paths of a file start at the file.
    fn path(&self, key: &str, value: Option<&Path>) -> Option<PathBuf> {
        value.map(|value| self.based(&TreePath::default().key(key), value))
    }

    fn paths(&self, key: &str, values: Option<&[PathBuf]>) -> Vec<PathBuf> {
        let path = TreePath::default().key(key);
        let values = values.unwrap_or_default().iter().enumerate();
        values
            .map(|(index, value)| self.based(&path.index(index), value))
            .collect()
    }

    fn based(&self, path: &TreePath, value: &Path) -> PathBuf {
        let (_, place) = self.root.locate(&path.0);
        let source = self.report.sources.get(place.file as usize);
        source.map_or_else(|| value.to_path_buf(), |it| it.base.join(value))
    }

    fn networks(&mut self, key: &str, values: Option<&[String]>) -> Vec<IpNet> {
        let path = TreePath::default().key(key);
        let mut out = Vec::new();
        for (index, text) in values.unwrap_or_default().iter().enumerate() {
            let network = text
                .parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            match network {
                Ok(network) => out.push(network),
                Err(_) => {
                    let reason =
                        format!("expected a network (`10.0.0.0/8`) or an address, not {text:?}");
                    self.report.error_at(self.root, &path.index(index), reason);
                }
            }
        }
        out
    }
}
