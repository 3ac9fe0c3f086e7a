//! The command `tollgate-loadtest`.

use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use tollgate_loadtest::cli::Cli;
use tollgate_loadtest::stop;

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (stopper, stop) = stop::pair();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut work = tokio::task::spawn_blocking(move || cli.execute(&stop));
        // The work is always waited for: only its return ends the processes that it started.
        let result = loop {
            tokio::select! {
                result = &mut work => break result?,
                _ = interrupt.recv() => stopper.stop(),
                _ = terminate.recv() => stopper.stop(),
            }
        };
        Ok(match result {
            Ok(()) => ExitCode::SUCCESS,
            // The chain of causes, and no backtrace: what went wrong is on the machine, not in here.
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        })
    })
}
