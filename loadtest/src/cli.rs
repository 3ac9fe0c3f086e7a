//! The command line: what may be asked for, checked against the bounds before anything starts.

mod run;
mod socket;

use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};

pub use self::run::RunArguments;
pub(crate) use self::run::{create_folder_of, write_report};
pub use self::socket::SocketArguments;
use crate::compare::CompareArguments;
use crate::limits::{CONNECTIONS_MAX, DURATION_MAX, RATE_MAX, THREADS_MAX, TIMEOUT_MAX};
use crate::stop::Stop;

/// Loads an HTTP server of this machine and says how it coped.
#[derive(Debug, Parser)]
#[command(name = "tollgate-loadtest", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load one URL.
    Run(RunArguments),
    /// Load one WebSocket URL.
    Socket(SocketArguments),
    /// Start gateways in front of the same back end and compare them under the same load.
    Compare(CompareArguments),
}

/// What goes to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table for people.
    Text,
    /// One JSON document.
    Json,
}

impl Cli {
    /// Does what was asked, blocking until it is done or `stop` says so.
    ///
    /// # Errors
    /// If a run could not take place, or a comparison missed its bound.
    pub fn execute(self, stop: &Stop) -> anyhow::Result<()> {
        match self.command {
            Command::Run(arguments) => arguments.execute(stop),
            Command::Socket(arguments) => arguments.execute(stop),
            Command::Compare(arguments) => arguments.execute(stop),
        }
    }
}

/// Prints `text` or `document` as asked.
pub(crate) fn print(
    output: Output,
    text: &str,
    document: &impl serde::Serialize,
) -> anyhow::Result<()> {
    use std::io::Write;
    let json = match output {
        Output::Text => text.to_owned(),
        Output::Json => serde_json::to_string_pretty(document)? + "\n",
    };
    std::io::stdout()
        .lock()
        .write_all(json.as_bytes())
        .context("cannot write to standard output")
}

/// Seconds with a fraction, up to [`DURATION_MAX`].
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| *duration <= DURATION_MAX)
        .ok_or_else(|| format!("must be between 0 and {} seconds", DURATION_MAX.as_secs()))
}

fn timeout(text: &str) -> Result<Duration, String> {
    seconds(text)
        .ok()
        .filter(|timeout| !timeout.is_zero() && *timeout <= TIMEOUT_MAX)
        .ok_or_else(|| {
            format!(
                "must be above 0 and at most {} seconds",
                TIMEOUT_MAX.as_secs()
            )
        })
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if rate > 0.0 && rate <= RATE_MAX {
        Ok(rate)
    } else {
        Err(format!("must be above 0 and at most {RATE_MAX} per second"))
    }
}

pub(crate) fn connections(text: &str) -> Result<usize, String> {
    between(text, CONNECTIONS_MAX)
}

pub(crate) fn threads(text: &str) -> Result<usize, String> {
    between(text, THREADS_MAX)
}

fn between(text: &str, max: usize) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| "not a whole number".to_owned())?;
    if (1..=max).contains(&number) {
        Ok(number)
    } else {
        Err(format!("must be 1 to {max}"))
    }
}

/// All processors but one, which is left to the server; at least one.
pub(crate) fn threads_default() -> usize {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cpus.saturating_sub(1).clamp(1, THREADS_MAX)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        for rate_text in ["0", "-1", "nan", "inf", "1000001", "x"] {
            assert!(rate(rate_text).is_err(), "{rate_text}");
        }
        for seconds_text in ["-1", "nan", "3601", "1e300", "x"] {
            assert!(seconds(seconds_text).is_err(), "{seconds_text}");
        }
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert!(timeout("0").is_err() && timeout("601").is_err());
        assert!(connections("0").is_err() && connections("10001").is_err());
        assert_eq!(connections("64"), Ok(64));
    }

    #[test]
    fn a_run_needs_exactly_one_kind_of_load() {
        let parse = |arguments: &[&str]| Cli::try_parse_from(arguments).is_ok();
        assert!(parse(&["x", "run", "http://127.0.0.1/", "--saturate"]));
        assert!(parse(&["x", "run", "http://127.0.0.1/", "--rate", "10"]));
        assert!(!parse(&["x", "run", "http://127.0.0.1/"]));
        assert!(!parse(&[
            "x",
            "run",
            "http://127.0.0.1/",
            "--rate",
            "10",
            "--saturate"
        ]));
        assert!(!parse(&["x", "run", "http://192.0.2.1/", "--saturate"]));
    }

    #[test]
    fn a_ratio_that_cannot_be_missed_is_refused() {
        let parse = |ratio: &str| {
            Cli::try_parse_from(["x", "compare", &format!("--max-ratio={ratio}")]).is_ok()
        };
        assert!(parse("1.5"));
        for ratio in ["nan", "inf", "0", "-1", "x"] {
            assert!(!parse(ratio), "{ratio}");
        }
    }
}
