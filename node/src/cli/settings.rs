//! The flags of `start` and `dev`: one per setting of `node.toml`, of the same name.

use std::path::PathBuf;

use clap::Args;
use tollgate_cluster::JoinToken;
use tollgate_config::diagnostic::render;
use tollgate_config::node_config::{LogFormat, LogLevel, NodeConfig, Overrides};

use super::Context;
use super::arguments::DirectoryArguments;
use super::failure::{Failure, USAGE};
use super::resolve::OWN_VARIABLES;
use crate::boot::Invitation;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate start\n  \
    tollgate start --http :8080 --data-dir /var/lib/tollgate --apply api.yaml\n  \
    TOLLGATE_LOG_FORMAT=json tollgate start --config node.toml\n\n\
    Every flag is also a key of node.toml (header_bytes_max) and an environment variable \
    (TOLLGATE_HEADER_BYTES_MAX). Flags win over variables, variables over the file.")]
pub(super) struct StartArguments {
    /// The node's configuration file; else TOLLGATE_CONFIG, else node.toml if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate token create                              on a member: prints the whole command\n  \
    tollgate join 10.0.0.1:7400 --token tg1.... --advertise 10.0.0.2 --peer :7400\n\n\
    Run again it starts the node that it made: fit for a service.")]
pub(super) struct JoinArguments {
    /// The peer address of any member, HOST:PORT.
    #[arg(value_name = "HOST:PORT")]
    address: String,
    /// The join token that a member printed.
    #[arg(
        long,
        env = "TOLLGATE_JOIN_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    token: JoinToken,
    /// The node's configuration file; else TOLLGATE_CONFIG, else node.toml if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate dev api.yaml\n  \
    tollgate dev apis/ --http :9000\n\n\
    The node keeps nothing: its data directory is a temporary one unless --data-dir names one.")]
pub(super) struct DevArguments {
    /// An API file, an OpenAPI document or a directory of API files.
    file: PathBuf,
    /// The node's configuration file; else TOLLGATE_CONFIG, else node.toml if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

macro_rules! flags {
    ($($(#[$attribute:meta])* $name:ident: $type:ty = $value:literal),* $(,)?) => {
        #[derive(Debug, Default, Args)]
        struct Flags {
            $($(#[$attribute])* #[arg(long, value_name = $value)] $name: Option<$type>,)*
            /// An API file or directory to apply at the start. May be repeated.
            #[arg(long, value_name = "FILE")]
            apply: Vec<PathBuf>,
            /// Networks whose X-Forwarded-For is believed, separated by commas.
            #[arg(long, value_name = "CIDR", value_delimiter = ',')]
            trusted_proxies: Vec<String>,
            /// Networks that must send a PROXY protocol header, separated by commas.
            #[arg(long, value_name = "CIDR", value_delimiter = ',')]
            proxy_protocol: Vec<String>,
            /// What is logged.
            #[arg(long, value_enum, value_name = "LEVEL")]
            log_level: Option<Level>,
            /// How it is logged.
            #[arg(long, value_enum, value_name = "FORMAT")]
            log_format: Option<Form>,
        }

        impl Flags {
            fn into_overrides(self) -> Overrides {
                Overrides {
                    $($name: self.$name,)*
                    apply: some(self.apply),
                    trusted_proxies: some(self.trusted_proxies),
                    proxy_protocol: some(self.proxy_protocol),
                    log_level: self.log_level.map(Into::into),
                    log_format: self.log_format.map(Into::into),
                    ..Overrides::default()
                }
            }
        }
    };
}

flags! {
    /// The directory of the node's data.
    data_dir: PathBuf = "DIR",
    /// The plain listener for clients, or off.
    http: String = "ADDRESS",
    /// The TLS listener for clients, or off.
    https: String = "ADDRESS",
    /// PEM file of the certificate chain for hosts without one of their own.
    tls_cert: PathBuf = "FILE",
    /// PEM file of its private key.
    tls_key: PathBuf = "FILE",
    /// The listener of the management API, or off.
    admin: String = "ADDRESS",
    /// The listener of health checks and metrics, or off.
    ops: String = "ADDRESS",
    /// The listener for other nodes, or off.
    peer: String = "ADDRESS",
    /// Host name or address under which other nodes reach this one.
    advertise: String = "HOST",
    /// What people call this node.
    name: String = "NAME",
    /// At most this many nodes vote on changes: 1, 3 or 5.
    voters: u32 = "COUNT",
    /// The AWS region in ids, hosts and ARNs.
    region: String = "REGION",
    /// The account id in ARNs, 12 digits.
    account_id: String = "DIGITS",
    /// What generated host names end in.
    execute_api_suffix: String = "SUFFIX",
    /// Threads that serve requests.
    workers: u32 = "COUNT",
    /// Bytes of a request head.
    header_bytes_max: u32 = "BYTES",
    /// Header fields of a request.
    header_fields_max: u32 = "COUNT",
    /// Bytes of a request target.
    url_bytes_max: u32 = "BYTES",
    /// Bytes of a request body; 0 is unlimited.
    body_bytes_max: u64 = "BYTES",
    /// Milliseconds for a request head to arrive.
    header_timeout_ms: u64 = "MS",
    /// Milliseconds that a connection without a request stays open.
    keep_alive_ms: u64 = "MS",
    /// Milliseconds that a body may make no progress because of the client.
    body_idle_timeout_ms: u64 = "MS",
    /// Open connections of clients.
    connections_max: u32 = "COUNT",
    /// Concurrent streams of an HTTP/2 connection.
    h2_streams_max: u32 = "COUNT",
    /// Bytes of a frame of a WebSocket client.
    websocket_frame_bytes_max: u64 = "BYTES",
    /// Bytes of a message of a WebSocket client.
    websocket_message_bytes_max: u64 = "BYTES",
    /// Whether WebSocket clients may send binary messages.
    websocket_binary: bool = "BOOL",
    /// Whether WebSocket messages are compressed for clients that offer it.
    websocket_compression: bool = "BOOL",
    /// Milliseconds without a message after which a WebSocket connection is closed; 0 is never.
    websocket_idle_ms: u64 = "MS",
    /// Milliseconds that a WebSocket connection may last; 0 is for ever.
    websocket_age_ms: u64 = "MS",
    /// Milliseconds of silence after which a WebSocket client is pinged; 0 is never.
    websocket_ping_ms: u64 = "MS",
    /// Messages that may wait for a WebSocket client.
    websocket_queue_frames_max: u64 = "COUNT",
    /// Bytes that may wait for a WebSocket client.
    websocket_queue_bytes_max: u64 = "BYTES",
    /// Milliseconds over which WebSocket connections are closed when the node stops.
    websocket_drain_ms: u64 = "MS",
    /// The directory of access logs.
    log_dir: PathBuf = "DIR",
    /// Whether an audit trail of management calls is kept.
    audit: bool = "BOOL",
    /// The directory of the audit trail.
    audit_dir: PathBuf = "DIR",
    /// Bytes of a file of the audit trail.
    audit_file_bytes: u64 = "BYTES",
    /// Files of the audit trail that are kept.
    audit_files: u32 = "COUNT",
    /// Where events of the audit trail are sent.
    audit_webhook: String = "URL",
    /// PEM file of the authorities of that server.
    audit_webhook_ca: PathBuf = "FILE",
    /// Calls of AWS's clients to the admin listener, a second.
    management_rate: u32 = "CALLS",
    /// How many of them may come at once.
    management_burst: u32 = "CALLS",
    /// Bytes of all cached responses.
    cache_bytes_max: u64 = "BYTES",
    /// Seconds that a cached response may live, whatever a stage says.
    cache_ttl_seconds_max: u64 = "SECONDS",
    /// Seconds that requests in flight get to finish when the node stops.
    drain_seconds: u64 = "SECONDS",
    /// PATH of functions.
    function_path: String = "PATH",
    /// Bytes of an event for a function.
    function_request_bytes_max: u64 = "BYTES",
    /// Bytes of a buffered response of a function.
    function_response_bytes_max: u64 = "BYTES",
}

/// What is logged.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::Error,
            Level::Warn => Self::Warn,
            Level::Info => Self::Info,
            Level::Debug => Self::Debug,
            Level::Trace => Self::Trace,
        }
    }
}

/// How it is logged.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Form {
    Text,
    Json,
}

impl From<Form> for LogFormat {
    fn from(form: Form) -> Self {
        match form {
            Form::Text => Self::Text,
            Form::Json => Self::Json,
        }
    }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// The configuration of `start`.
pub(super) fn load(
    arguments: Box<StartArguments>,
    context: &Context,
) -> Result<NodeConfig, Failure> {
    config(arguments.config, arguments.flags, context)
}

/// The configuration of `join`, and the cluster to join.
pub(super) fn load_join(
    arguments: Box<JoinArguments>,
    context: &Context,
) -> Result<(NodeConfig, Invitation), Failure> {
    let invitation = Invitation {
        address: arguments.address,
        token: arguments.token,
    };
    let config = config(arguments.config, arguments.flags, context)?;
    Ok((config, invitation))
}

/// The configuration of `dev`, and what it serves.
pub(super) fn load_dev(
    arguments: Box<DevArguments>,
    context: &Context,
) -> Result<(NodeConfig, PathBuf), Failure> {
    let file = arguments.file;
    if !file.exists() {
        let what = format!("{} is not there", file.display());
        return Err(Failure::new(what).exit(USAGE));
    }
    let mut flags = arguments.flags;
    if flags.data_dir.is_none() && context.variable("TOLLGATE_DATA_DIR").is_none() {
        flags.data_dir = Some(crate::boot::throw_away_dir());
    }
    let config = config(arguments.config, flags, context)?;
    Ok((config, file))
}

/// The data directory of a node that does not run.
pub(super) fn data_dir(
    arguments: &DirectoryArguments,
    context: &Context,
) -> Result<PathBuf, Failure> {
    let flags = Flags {
        data_dir: arguments.data_dir.clone(),
        ..Flags::default()
    };
    config(arguments.config.clone(), flags, context).map(|config| config.data_dir)
}

fn config(file: Option<PathBuf>, flags: Flags, context: &Context) -> Result<NodeConfig, Failure> {
    // Those that tell commands who asks are no settings of a node.
    let mut environment = context.environment.clone();
    environment.retain(|name, _| !OWN_VARIABLES.contains(&name.as_str()));
    let loaded = NodeConfig::load(file.as_deref(), &flags.into_overrides(), environment);
    match loaded {
        Ok((config, warnings)) => {
            if !warnings.is_empty() {
                context.output.talk(render(&warnings).trim_end());
            }
            Ok(config)
        }
        Err(found) => Err(Failure::findings(&found, USAGE, context)),
    }
}
