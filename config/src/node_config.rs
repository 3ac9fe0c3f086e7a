//! The node's own configuration: flags over `TOLLGATE_*` variables over `node.toml` over defaults.
//!
//! Every setting has one name in all layers: the key `header_bytes_max` in the file, the variable
//! `TOLLGATE_HEADER_BYTES_MAX`, the flag `--header-bytes-max`. All layers are checked together, so
//! that all mistakes come at once, each with the line, the variable or the flag that it is in.
//! Nothing here reads the environment: the caller passes it in.

mod layers;
mod resolve;
mod settings;
mod toml_tree;
mod websocket;

pub use settings::{LogFormat, LogLevel, Settings};
pub use websocket::WebSocketConfig;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde_json::Value as Json;
use tollgate_model::Throttle;

use crate::diagnostic::Diagnostic;

/// The flags of the command line: what is set here wins over everything else.
pub type Overrides = Settings;

/// The file that is read from the working directory when none is named and it is there.
pub const DEFAULT_FILE: &str = "node.toml";
/// What the names of environment variables begin with.
pub const ENVIRONMENT_PREFIX: &str = "TOLLGATE_";

/// A node's configuration, complete and checked.
#[derive(Clone)]
pub struct NodeConfig {
    /// Where the node keeps its data.
    pub data_dir: PathBuf,
    /// The plain listener for clients.
    pub http: Option<SocketAddr>,
    /// The TLS listener for clients.
    pub https: Option<SocketAddr>,
    /// The certificate chain (PEM file) for hosts without one of their own.
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM file).
    pub tls_key: Option<PathBuf>,
    /// The listener of the management API.
    pub admin: Option<SocketAddr>,
    /// The listener of health checks and metrics.
    pub ops: Option<SocketAddr>,
    /// The listener for the other nodes.
    pub peer: Option<SocketAddr>,
    /// The host under which other nodes reach this one; as bound when not given.
    pub advertise: Option<String>,
    /// What people call this node; the machine's name when not given.
    pub name: Option<String>,
    /// At most this many nodes vote: 1, 3 or 5.
    pub voters: usize,
    /// API files that are applied at the start.
    pub apply: Vec<PathBuf>,
    /// The AWS region that ids, hosts and ARNs carry.
    pub region: String,
    /// The account id that ARNs carry, 12 digits.
    pub account_id: String,
    /// What generated hosts end in: `{apiId}.execute-api.{region}.{suffix}`.
    pub execute_api_suffix: String,
    /// Threads that serve requests.
    pub workers: usize,
    /// Bytes of a request head.
    pub header_bytes_max: usize,
    /// Header fields of a request.
    pub header_fields_max: usize,
    /// Bytes of a request target.
    pub url_bytes_max: usize,
    /// Bytes of a request body; `None` is unlimited.
    pub body_bytes_max: Option<u64>,
    /// Milliseconds for a request head to arrive.
    pub header_timeout_ms: u64,
    /// Milliseconds that a connection without a request stays open.
    pub keep_alive_ms: u64,
    /// Milliseconds that a body may make no progress because of the client.
    pub body_idle_timeout_ms: u64,
    /// Open connections of clients.
    pub connections_max: usize,
    /// Concurrent streams of an HTTP/2 connection.
    pub h2_streams_max: u32,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Networks that must send a PROXY protocol header; empty when nobody may.
    pub proxy_protocol: Vec<IpNet>,
    /// How WebSocket connections are held.
    pub websocket: WebSocketConfig,
    /// What is logged.
    pub log_level: LogLevel,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Where access logs with `file:NAME` go.
    pub log_dir: PathBuf,
    /// Whether the node keeps an audit trail.
    pub audit: bool,
    /// Where the audit trail goes.
    pub audit_dir: PathBuf,
    /// Bytes of a file of the audit trail before the next one is begun.
    pub audit_file_bytes: u64,
    /// Files of the audit trail that are kept.
    pub audit_files: usize,
    /// Where events of the audit trail are sent.
    pub audit_webhook: Option<AuditWebhook>,
    /// Calls that the admin listener takes from AWS's clients.
    pub management: Throttle,
    /// Bytes of all cached responses.
    pub cache_bytes_max: u64,
    /// Seconds that a cached response may live, whatever a stage says.
    pub cache_ttl_seconds_max: u64,
    /// Seconds that requests in flight get to finish when the node stops.
    pub drain_seconds: u64,
    /// `PATH` of functions, by which `python3` and `node` are found too.
    pub function_path: String,
    /// Bytes of an event for a function.
    pub function_request_bytes_max: usize,
    /// Bytes of a buffered response of a function.
    pub function_response_bytes_max: usize,
    /// The access key of the first administrator.
    pub root_access_key: Option<String>,
    /// Its secret.
    pub root_secret_key: Option<String>,
}

/// An endpoint for events of the audit trail.
#[derive(Clone)]
pub struct AuditWebhook {
    /// `http://` or `https://`, a host, and perhaps a port, a path and a query.
    pub url: String,
    /// What signs what is sent.
    pub secret: Option<String>,
    /// The bearer token.
    pub token: Option<String>,
    /// The PEM file of the authorities to trust.
    pub ca: Option<PathBuf>,
}

impl fmt::Debug for AuditWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditWebhook").finish_non_exhaustive()
    }
}

impl fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeConfig")
            .field("data_dir", &self.data_dir)
            .field("http", &self.http)
            .field("https", &self.https)
            .field("admin", &self.admin)
            .field("ops", &self.ops)
            .field("peer", &self.peer)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

impl NodeConfig {
    /// The configuration from all layers, and warnings. `file` is the file that the command line
    /// names; else the variable `TOLLGATE_CONFIG` may name one, else [`DEFAULT_FILE`] is read when
    /// it is there. Relative paths in a file start at the file, all others at the working
    /// directory.
    ///
    /// # Errors
    /// Everything that is wrong in any layer.
    pub fn load(
        file: Option<&Path>,
        flags: &Overrides,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let environment = environment
            .into_iter()
            .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
            .collect();
        layers::load(file, flags, environment)
    }
}

/// The JSON Schema of `node.toml`.
#[must_use]
pub fn schema() -> Json {
    crate::document::schema_of::<Settings>()
}
