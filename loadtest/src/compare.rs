//! `tollgate-loadtest compare`: Tollgate beside nginx, same back end, same load, same minute.

pub mod gateways;
pub mod measure;
pub mod process;
pub mod result;
pub mod table;
pub mod usage;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{bail, ensure};

use self::gateways::{Peer, Programs, Scenario};
use self::measure::Settings;
use self::result::{Comparison, Machine};
use crate::cli::{
    Output, connections, create_folder_of, print, seconds, threads, threads_default, write_report,
};
use crate::limits::ROUNDS_MAX;
use crate::report;
use crate::stop::Stop;

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
pub struct CompareArguments {
    /// Rounds per gateway and kind of load; figures are medians over them.
    #[arg(long, default_value = "5", value_parser = clap::value_parser!(u32).range(1..=i64::from(ROUNDS_MAX)))]
    rounds: u32,
    /// Seconds measured per round.
    #[arg(long, default_value = "4", value_parser = seconds)]
    seconds: Duration,
    /// Seconds of load before.
    #[arg(long, default_value = "1", value_parser = seconds)]
    warmup: Duration,
    /// Connections to each gateway.
    #[arg(short, long, default_value = "64", value_parser = connections)]
    connections: usize,
    /// Threads of the generator [default: all processors but one].
    #[arg(long, value_parser = threads)]
    threads: Option<usize>,
    /// What to compare.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "nginx,tollgate"
    )]
    peers: Vec<Peer>,
    /// What the gateways have to do.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "plain,keyed")]
    scenarios: Vec<Scenario>,
    /// The tollgate executable [default: the one beside this program].
    #[arg(long, value_name = "PATH")]
    tollgate: Option<PathBuf>,
    /// The nginx executable.
    #[arg(long, value_name = "PATH", default_value = "nginx")]
    nginx: PathBuf,
    /// Keep the gateways on the first processor, the back end and the generator on the others.
    #[arg(long)]
    pin: bool,
    /// Fail when keyed tollgate needs more than this many times the CPU of plain nginx.
    #[arg(long, value_name = "RATIO", value_parser = ratio)]
    max_ratio: Option<f64>,
    /// Where to write the HTML report.
    #[arg(long, value_name = "FILE", default_value = "target/bench/report.html")]
    report: PathBuf,
    /// What to print.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

/// A bound that can be missed: a comparison with NaN never is.
fn ratio(text: &str) -> Result<f64, String> {
    let ratio: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if ratio.is_finite() && ratio > 0.0 {
        Ok(ratio)
    } else {
        Err("must be above 0".to_owned())
    }
}

impl CompareArguments {
    /// Starts, measures, ends what was started, writes the report and prints the result.
    pub(crate) fn execute(mut self, stop: &Stop) -> anyhow::Result<()> {
        self.peers.sort_unstable();
        self.peers.dedup();
        self.scenarios.sort_unstable();
        self.scenarios.dedup();
        ensure!(!self.seconds.is_zero(), "--seconds must be above 0");
        self.ensure_ratio_is_measured()?;
        let comparison = self.measure(stop)?;
        write_report(&self.report, &report::compare_page(&comparison))?;
        print(self.output, &table::text(&comparison), &comparison)?;
        eprintln!("report: {}", self.report.display());
        self.max_ratio
            .map_or(Ok(()), |max| comparison.ensure_ratio(max))
    }

    fn measure(&self, stop: &Stop) -> anyhow::Result<Comparison> {
        let machine = Machine::read();
        let others = self.others(machine.processors)?;
        let programs = Programs {
            nginx: self.nginx.clone(),
            tollgate: self.tollgate()?,
            gateway_cpus: self.pin.then(|| "0".to_owned()),
            back_end_cpus: self.pin.then(|| format!("1-{}", machine.processors - 1)),
        };
        let settings = Settings {
            rounds: self.rounds,
            duration: self.seconds,
            warmup: self.warmup,
            connections: self.connections,
            threads: self
                .threads
                .unwrap_or_else(threads_default)
                .min(self.connections),
            cpus: others,
        };
        // Not the system's folder for temporary files, which may be in memory: an access log of
        // millions of lines would compete with what is measured.
        let folder = create_folder_of(&self.report)?;
        let bench = gateways::start(&programs, &folder, &self.scenarios, &self.peers, stop)?;
        let progress = |line: &str| eprintln!("{line}");
        let (fixed_rate_per_s, cells) = measure::measure(&bench, &settings, stop, progress)?;
        let comparison = Comparison {
            machine,
            rounds: self.rounds,
            seconds: self.seconds.as_secs_f64(),
            connections: self.connections,
            pinned: self.pin,
            fixed_rate_per_s,
            cells,
            cpu_ratio_to_nginx: Default::default(),
        };
        Ok(comparison.with_ratios())
    }

    /// Says before minutes of measuring what would be missing after them.
    fn ensure_ratio_is_measured(&self) -> anyhow::Result<()> {
        let peers = [Peer::Nginx, Peer::Tollgate]
            .iter()
            .all(|peer| self.peers.contains(peer));
        let scenarios = [Scenario::Plain, Scenario::Keyed];
        let scenarios = scenarios
            .iter()
            .all(|scenario| self.scenarios.contains(scenario));
        ensure!(
            self.max_ratio.is_none() || (peers && scenarios),
            "--max-ratio needs the peers nginx and tollgate and the scenarios plain and keyed"
        );
        Ok(())
    }

    /// With `--pin`, the processors that are not the gateways'.
    fn others(&self, processors: usize) -> anyhow::Result<Option<Vec<usize>>> {
        match (self.pin, processors) {
            (false, _) => Ok(None),
            (true, 0 | 1) => bail!("--pin needs two processors"),
            (true, _) => Ok(Some((1..processors).collect())),
        }
    }

    fn tollgate(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = &self.tollgate {
            return Ok(path.clone());
        }
        let path = std::env::current_exe()?.with_file_name("tollgate");
        if self.peers.contains(&Peer::Tollgate) && !path.exists() {
            bail!(
                "there is no {}; name the executable with --tollgate",
                path.display()
            );
        }
        Ok(path)
    }
}
