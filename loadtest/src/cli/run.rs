//! `tollgate-loadtest run`: one URL, one load.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::{Output, connections, print, rate, seconds, threads, threads_default, timeout};
use crate::generator::connection::Dialer;
use crate::generator::tls::{self, TlsClient};
use crate::generator::{self, Plan};
use crate::limits::REQUEST_BODY_BYTES_MAX;
use crate::outcome::Mode;
use crate::report;
use crate::request::Request;
use crate::schedule::Arrivals;
use crate::stop::Stop;
use crate::target::Target;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("load").required(true).args(["rate", "saturate"]))]
pub struct RunArguments {
    /// The URL; it must be of this machine (127.0.0.0/8, [::1] or localhost).
    url: Target,
    /// Open loop: requests per second, sent on schedule whatever the answers do.
    #[arg(long, value_parser = rate)]
    rate: Option<f64>,
    /// Closed loop: every connection sends as soon as its answer came.
    #[arg(long)]
    saturate: bool,
    /// How the requests of an open loop are spaced.
    #[arg(long, value_enum, default_value = "constant")]
    arrivals: Arrivals,
    /// Seed of Poisson arrivals.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Connections kept open.
    #[arg(short, long, default_value = "64", value_parser = connections)]
    connections: usize,
    /// Worker threads [default: all processors but one].
    #[arg(long, value_parser = threads)]
    threads: Option<usize>,
    /// Seconds to measure.
    #[arg(short, long, default_value = "10", value_parser = seconds)]
    duration: Duration,
    /// Seconds of load before measuring.
    #[arg(long, default_value = "1", value_parser = seconds)]
    warmup: Duration,
    /// Most requests to send, the warm-up included.
    #[arg(long, value_name = "N")]
    requests: Option<u64>,
    /// Seconds to wait for one answer.
    #[arg(long, default_value = "10", value_parser = timeout)]
    timeout: Duration,
    /// Method [default: GET, or POST with a body].
    #[arg(long)]
    method: Option<String>,
    /// A header, "NAME: VALUE"; may be repeated.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Send this file as the body.
    #[arg(long, value_name = "FILE", conflicts_with = "body_bytes")]
    body_file: Option<PathBuf>,
    /// Send a body of this many bytes.
    #[arg(long, value_name = "N")]
    body_bytes: Option<usize>,
    /// Certificates (PEM) to trust for an https URL.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Server name to ask for with TLS [default: the URL's host].
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Write a self-contained HTML report.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// What to print.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

impl RunArguments {
    /// Runs the load, writes the report and prints the result.
    pub(super) fn execute(self, stop: &Stop) -> anyhow::Result<()> {
        let plan = self.plan()?;
        let outcome = generator::run(&plan, stop)?;
        if let Some(path) = &self.report {
            write_report(path, &report::run_page(&outcome))?;
        }
        print(self.output, &outcome.text(), &outcome)
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        ensure!(!self.duration.is_zero(), "--duration must be above 0");
        let body = self.body()?;
        let method = match (&self.method, body.is_empty()) {
            (Some(method), _) => method.as_str(),
            (None, true) => "GET",
            (None, false) => "POST",
        };
        let threads = self
            .threads
            .unwrap_or_else(threads_default)
            .min(self.connections);
        let mode = match self.rate {
            Some(rate_per_s) => Mode::Open {
                rate_per_s,
                arrivals: self.arrivals,
            },
            None => Mode::Closed,
        };
        Ok(Plan {
            request: Request::new(&self.url, method, &self.headers, &body)?,
            dialer: Dialer {
                target: self.url.clone(),
                tls: self.tls()?,
            },
            mode,
            connections: self.connections,
            threads,
            warmup: self.warmup,
            duration: self.duration,
            timeout: self.timeout,
            requests_max: self.requests,
            seed: self.seed,
            cpus: None,
        })
    }

    fn body(&self) -> anyhow::Result<Vec<u8>> {
        let max = REQUEST_BODY_BYTES_MAX;
        match (&self.body_file, self.body_bytes) {
            (Some(path), _) => {
                let cannot_read = || format!("cannot read the body {}", path.display());
                let size = fs::metadata(path).with_context(cannot_read)?.len();
                ensure!(size <= max as u64, "the body is larger than {max} bytes");
                fs::read(path).with_context(cannot_read)
            }
            (None, Some(bytes)) => {
                ensure!(bytes <= max, "the body is larger than {max} bytes");
                Ok(vec![b'x'; bytes])
            }
            (None, None) => Ok(Vec::new()),
        }
    }

    fn tls(&self) -> anyhow::Result<Option<TlsClient>> {
        if !self.url.tls {
            return Ok(None);
        }
        let Some(path) = &self.ca else {
            bail!("an https URL needs --ca with the certificates to trust");
        };
        let pem = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = self.server_name.as_deref().unwrap_or(&self.url.host);
        Ok(Some(tls::client(&pem, name)?))
    }
}

/// Writes a report, creating the folder it goes into.
pub(crate) fn write_report(path: &Path, page: &str) -> anyhow::Result<()> {
    create_folder_of(path)?;
    fs::write(path, page).with_context(|| format!("cannot write the report {}", path.display()))
}

/// Creates the folder of a file and returns its absolute path.
pub(crate) fn create_folder_of(path: &Path) -> anyhow::Result<PathBuf> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let cannot_create = || format!("cannot create the folder {}", folder.display());
    fs::create_dir_all(folder).with_context(cannot_create)?;
    folder.canonicalize().with_context(cannot_create)
}
