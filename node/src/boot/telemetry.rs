//! The node's own log, the lines of functions in it, and what dev mode shows of each request.

use tollgate_config::node_config::{LogFormat, NodeConfig};
use tollgate_functions::{LogSink, LogSource};
use tollgate_pipeline::Finished;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use super::Mode;
use crate::runtime::SetLogLevel;

/// Starts the log on standard error and returns what changes its level.
pub(super) fn start(config: &NodeConfig, mode: &Mode) -> SetLogLevel {
    let filter = EnvFilter::new(directives(config.log_level.as_str()));
    let (filter, handle) = reload::Layer::new(filter);
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let started = match (config.log_format, mode) {
        (LogFormat::Json, _) => registry.with(lines.json().flatten_event(true)).try_init(),
        (LogFormat::Text, Mode::Dev(_)) => registry
            .with(lines.without_time().with_target(false))
            .try_init(),
        (LogFormat::Text, Mode::Start | Mode::Join(_)) => {
            registry.with(lines.with_ansi(false)).try_init()
        }
    };
    if started.is_err() {
        crate::console::talk("another log is in use in this process");
    }
    Box::new(move |level| {
        let filter = EnvFilter::try_new(directives(level)).map_err(|error| error.to_string())?;
        handle.reload(filter).map_err(|error| error.to_string())
    })
}

/// A bare level is meant for what we say ourselves: the servers' own talk about their threads
/// stays one level quieter, and consensus, whose warnings are about races that it resolves itself,
/// speaks only when it fails.
fn directives(level: &str) -> String {
    match level {
        "error" | "warn" => format!("{level},openraft=error"),
        "info" => "info,actix_server=warn,actix_web=warn,openraft=error".into(),
        other => other.into(),
    }
}

/// What functions print goes to the node's log with its request id.
pub(super) fn function_sink(_mode: &Mode) -> LogSink {
    LogSink::new(|record| {
        let stream = match record.source {
            LogSource::Stdout => "stdout",
            LogSource::Stderr => "stderr",
            LogSource::Platform => "platform",
        };
        let request_id = record.request_id.as_deref().unwrap_or("-");
        tracing::info!(
            target: "function",
            function = &*record.function,
            process = record.process_id,
            request_id,
            stream,
            "{}",
            record.text
        );
    })
}

/// A readable line for a request: `12:30:01 GET /hello 200 3.1ms GET /hello`.
pub(super) fn dev_line(finished: &Finished, out: &mut Vec<u8>) {
    let (head, record) = (&finished.head, &finished.record);
    let seconds = head.received_ms / 1000 % 86_400;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let tenths = record.total_latency_us / 100;
    let printable = |c: char| if c.is_control() { '?' } else { c };
    let path: String = head.path.chars().map(printable).collect();
    let route = record.route.as_ref().map_or("-", |route| &*route.route_key);
    let mut line = format!(
        "{hour:02}:{minute:02}:{second:02} {:<6} {path} {} {}.{}ms [{route}]",
        head.method.as_str(),
        record.status,
        tenths / 10,
        tenths % 10,
    );
    if let Some(message) = &record.error_message {
        line.push_str(" — ");
        line.extend(message.chars().map(printable));
    }
    if let Some(message) = &record.integration.error_message {
        line.push_str(" — ");
        line.extend(message.chars().map(printable));
    }
    out.extend_from_slice(line.as_bytes());
}
