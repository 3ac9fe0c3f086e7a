//! `tollgate-loadtest socket`: WebSocket connections to one URL.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::{Output, print, rate, seconds, timeout, write_report};
use crate::generator::connection::Dialer;
use crate::generator::tls;
use crate::limits::{BURST_MAX, MESSAGE_BYTES_MAX, WEBSOCKETS_MAX};
use crate::report;
use crate::stop::Stop;
use crate::target::Target;
use crate::websocket::{self, Plan, Scenario};

/// Arguments of `socket`.
#[derive(Debug, clap::Args)]
pub struct SocketArguments {
    /// The URL, ws:// or wss://; it must be of this machine (127.0.0.0/8, [::1] or localhost).
    #[arg(value_parser = socket_target)]
    url: Target,
    /// What the connections do.
    #[arg(long, value_enum, default_value = "echo")]
    scenario: Scenario,
    /// Connections.
    #[arg(short, long, default_value = "100", value_parser = sockets)]
    connections: usize,
    /// Connections that open in a second.
    #[arg(long, default_value = "1000", value_parser = rate)]
    ramp: f64,
    /// Messages, or bursts of them, in a second, sent on schedule whatever comes back.
    #[arg(long, default_value = "100", value_parser = rate)]
    rate: f64,
    /// Messages that leave together.
    #[arg(long, default_value = "1", value_parser = burst)]
    burst: usize,
    /// Bytes of a message's payload, at least 23.
    #[arg(long, default_value = "64", value_name = "N")]
    bytes: usize,
    /// What a message looks like; PAYLOAD stands for the payload.
    #[arg(long, default_value = "PAYLOAD", value_name = "TEXT")]
    message: String,
    /// Fan-out: publish by POST to this URL [default: over a connection of its own].
    #[arg(long, value_name = "URL")]
    publish: Option<Target>,
    /// A header of handshakes and publications, "NAME: VALUE"; may be repeated.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Seconds to measure.
    #[arg(short, long, default_value = "10", value_parser = seconds)]
    duration: Duration,
    /// Seconds of load before measuring.
    #[arg(long, default_value = "1", value_parser = seconds)]
    warmup: Duration,
    /// Seconds to wait for a handshake.
    #[arg(long, default_value = "10", value_parser = timeout)]
    timeout: Duration,
    /// The server's process: say what memory and CPU time it took, with its children.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Certificates (PEM) to trust for a wss URL.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Write a self-contained HTML report.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// What to print.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

impl SocketArguments {
    /// Runs the load, writes the report and prints the result.
    pub(super) fn execute(self, stop: &Stop) -> anyhow::Result<()> {
        let plan = self.plan()?;
        let outcome = websocket::run(&plan, stop)?;
        if let Some(path) = &self.report {
            write_report(path, &report::run_page(&outcome.outcome))?;
        }
        print(self.output, &outcome.text(), &outcome)
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        ensure!(!self.duration.is_zero(), "--duration must be above 0");
        ensure!(
            (websocket::PAYLOAD_BYTES_MIN..=MESSAGE_BYTES_MAX).contains(&self.bytes),
            "--bytes must be {} to {MESSAGE_BYTES_MAX}",
            websocket::PAYLOAD_BYTES_MIN
        );
        ensure!(
            self.message.contains("PAYLOAD"),
            "--message must say where the PAYLOAD goes"
        );
        let wrong = |header: &&String| !header.contains(':') || header.contains(['\r', '\n']);
        if let Some(header) = self.headers.iter().find(wrong) {
            bail!("not a header: {header:?}");
        }
        let tls = match (&self.ca, self.url.tls) {
            (_, false) => None,
            (None, true) => bail!("a wss URL needs --ca with the certificates to trust"),
            (Some(path), true) => {
                let pem = fs::read(path);
                let pem = pem.with_context(|| format!("cannot read {}", path.display()))?;
                Some(tls::client(&pem, &self.url.host)?)
            }
        };
        Ok(Plan {
            dialer: Dialer {
                target: self.url.clone(),
                tls,
            },
            scenario: self.scenario,
            connections: self.connections,
            ramp_per_s: self.ramp,
            rate_per_s: self.rate,
            burst: self.burst,
            message_bytes: self.bytes,
            template: self.message.clone(),
            publish: self.publish.clone(),
            headers: self.headers.clone(),
            warmup: self.warmup,
            duration: self.duration,
            timeout: self.timeout,
            server_pid: self.server_pid,
        })
    }
}

fn socket_target(url: &str) -> Result<Target, String> {
    let http = match (url.strip_prefix("ws://"), url.strip_prefix("wss://")) {
        (Some(rest), _) => format!("http://{rest}"),
        (None, Some(rest)) => format!("https://{rest}"),
        (None, None) => return Err("must begin with ws:// or wss://".to_owned()),
    };
    http.parse::<Target>().map_err(|error| error.to_string())
}

fn sockets(text: &str) -> Result<usize, String> {
    super::between(text, WEBSOCKETS_MAX)
}

fn burst(text: &str) -> Result<usize, String> {
    super::between(text, BURST_MAX)
}
