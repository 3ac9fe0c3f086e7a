//! What `node.toml` may hold: the type that its JSON Schema and the flags are made from.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what a person must act on.
    Error,
    /// Also what the node recovered from.
    Warn,
    /// Also changes of role and actions of operators.
    #[default]
    Info,
    /// Also every request.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// As in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How the node logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// The settings of a node. Every setting is optional and may also come from the environment
/// variable `TOLLGATE_` and its name in capitals, or from the flag of its name.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(title = "Tollgate node configuration")]
pub struct Settings {
    /// The directory of the node's data. Default `./tollgate-data`.
    pub data_dir: Option<PathBuf>,
    /// Address of the plain listener for clients: `127.0.0.1:8080`, `:8080`, or `off`. Default
    /// `127.0.0.1:8080`.
    pub http: Option<String>,
    /// Address of the TLS listener for clients, or `off`. Default `127.0.0.1:8443` with `tls_cert`,
    /// else `off`.
    pub https: Option<String>,
    /// PEM file of the certificate chain for hosts without one of their own.
    pub tls_cert: Option<PathBuf>,
    /// PEM file of its private key.
    pub tls_key: Option<PathBuf>,
    /// Address of the management API, or `off`. Default `127.0.0.1:8081`.
    pub admin: Option<String>,
    /// Address of health checks and metrics, or `off`. Default `127.0.0.1:8082`.
    pub ops: Option<String>,
    /// Address for the other nodes, or `off`. Default `127.0.0.1:7400`.
    pub peer: Option<String>,
    /// Host name or address under which other nodes reach this one. Default: what it is bound to.
    pub advertise: Option<String>,
    /// What people call this node. Default: the machine's name.
    pub name: Option<String>,
    /// At most this many nodes vote on changes: 1, 3 or 5. Default 3.
    pub voters: Option<u32>,
    /// API files or directories that are applied at the start.
    pub apply: Option<Vec<PathBuf>>,
    /// The AWS region that ids, hosts and ARNs carry. Default `us-east-1`.
    pub region: Option<String>,
    /// The account id that ARNs carry, 12 digits. Default `000000000000`.
    pub account_id: Option<String>,
    /// What generated hosts end in, `{apiId}.execute-api.{region}.{suffix}`. Default
    /// `localhost`.
    pub execute_api_suffix: Option<String>,
    /// Threads that serve requests, 1 to 512. Default: one per processor.
    pub workers: Option<u32>,
    /// Bytes of a request head, 1024 to 1048576. Default 32768.
    pub header_bytes_max: Option<u32>,
    /// Header fields of a request, 1 to 128. Default 100.
    pub header_fields_max: Option<u32>,
    /// Bytes of a request target, 256 to 1048576. Default 10240.
    pub url_bytes_max: Option<u32>,
    /// Bytes of a request body; 0 is unlimited, as by default: bodies stream. Functions have a limit of their own.
    pub body_bytes_max: Option<u64>,
    /// Milliseconds for a request head to arrive. Default 10000.
    pub header_timeout_ms: Option<u64>,
    /// Milliseconds that a connection without a request stays open. Default 75000.
    pub keep_alive_ms: Option<u64>,
    /// Milliseconds that a body may make no progress because of the client. Default 30000.
    pub body_idle_timeout_ms: Option<u64>,
    /// Open connections of clients. Default 20000.
    pub connections_max: Option<u32>,
    /// Concurrent streams of an HTTP/2 connection. Default 128.
    pub h2_streams_max: Option<u32>,
    /// Networks (CIDR or address) whose `X-Forwarded-For` is believed. Default none.
    pub trusted_proxies: Option<Vec<String>>,
    /// Networks (CIDR or address) that must send a PROXY protocol header. Default none.
    pub proxy_protocol: Option<Vec<String>>,
    /// Bytes of a frame of a WebSocket client, 126 to 1073741824. Default 32768.
    pub websocket_frame_bytes_max: Option<u64>,
    /// Bytes of a message of a WebSocket client, 126 to 1073741824. Default 131072.
    pub websocket_message_bytes_max: Option<u64>,
    /// Whether WebSocket clients may send binary messages. Default `false`.
    pub websocket_binary: Option<bool>,
    /// Whether WebSocket messages are compressed for clients that offer it. Default `false`.
    pub websocket_compression: Option<bool>,
    /// Milliseconds without a message after which a WebSocket connection is closed; 0 is never.
    /// Default 600000.
    pub websocket_idle_ms: Option<u64>,
    /// Milliseconds that a WebSocket connection may last; 0 is for ever. Default 7200000.
    pub websocket_age_ms: Option<u64>,
    /// Milliseconds of silence after which a WebSocket client is pinged; 0 is never. Default 60000.
    pub websocket_ping_ms: Option<u64>,
    /// Messages that may wait for a WebSocket client, 1 to 1000000. Default 128.
    pub websocket_queue_frames_max: Option<u64>,
    /// Bytes that may wait for a WebSocket client, 262144 to 1073741824. Default 1048576.
    pub websocket_queue_bytes_max: Option<u64>,
    /// Milliseconds over which WebSocket connections are closed when the node stops. Default 5000.
    pub websocket_drain_ms: Option<u64>,
    /// What is logged. Default `info`.
    pub log_level: Option<LogLevel>,
    /// How it is logged. Default `text`.
    pub log_format: Option<LogFormat>,
    /// The directory of access logs with `file:NAME`. Default `logs` in `data_dir`.
    pub log_dir: Option<PathBuf>,
    /// Whether the node keeps an audit trail of management calls. Default `true`.
    pub audit: Option<bool>,
    /// The directory of the audit trail. Default `audit` in `data_dir`.
    pub audit_dir: Option<PathBuf>,
    /// Bytes of a file of the audit trail before the next one is begun, at least 65536. Default
    /// 67108864.
    pub audit_file_bytes: Option<u64>,
    /// Files of the audit trail that are kept, 1 to 10000. Default 16.
    pub audit_files: Option<u32>,
    /// Where events of the audit trail are sent: `https://host/path`. Default nowhere.
    pub audit_webhook: Option<String>,
    /// What signs them there (HMAC-SHA256), at least 16 characters.
    pub audit_webhook_secret: Option<String>,
    /// What is sent with them as a bearer token.
    pub audit_webhook_token: Option<String>,
    /// PEM file of the authorities that its certificate is checked against, in place of the
    /// system's.
    pub audit_webhook_ca: Option<PathBuf>,
    /// Calls that AWS's clients may make to the admin listener, a second: of the management
    /// services together, and as many of `@connections`; 1 to 1000000. Default 5000.
    pub management_rate: Option<u32>,
    /// How many of them may come at once, 1 to 1000000. Default 10000.
    pub management_burst: Option<u32>,
    /// Bytes of all cached responses. Default 67108864.
    pub cache_bytes_max: Option<u64>,
    /// Seconds that a cached response may live, whatever a stage says. Default 3600.
    pub cache_ttl_seconds_max: Option<u64>,
    /// Seconds that requests in flight get to finish when the node stops. Default 30.
    pub drain_seconds: Option<u64>,
    /// `PATH` of functions, by which `python3` and `node` are found too. Default
    /// `/usr/local/bin:/usr/bin:/bin`.
    pub function_path: Option<String>,
    /// Bytes of an event for a function. Default 6291456.
    pub function_request_bytes_max: Option<u64>,
    /// Bytes of a buffered response of a function. Default 6291456.
    pub function_response_bytes_max: Option<u64>,
    /// The access key of the first administrator. By default the node makes one.
    pub root_access_key: Option<String>,
    /// Its secret.
    pub root_secret_key: Option<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("data_dir", &self.data_dir)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}
