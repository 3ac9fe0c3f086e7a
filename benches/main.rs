//! What a request costs in instructions and allocations, scenario by scenario.
//!
//! Instructions, not time: a count hardly moves between runs and machines, so a change of three per
//! cent means something and a gate can hold it. `gate.sh` builds the published profile and runs
//! `gate`, which runs `run` under valgrind, once for each scenario. A harness of our own and not
//! `gungraun`: that one needs a runner of the very same version installed beside it, and does not
//! count allocations.
#![forbid(unsafe_code)]

mod baseline;
mod callgrind;
mod clock;
mod gate;
mod measure;
mod scenarios;
mod world;

use std::process::ExitCode;

use anyhow::{Context as _, bail};

/// The allocator of the node.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: tollgate-benches gate [--update] | time | list | run SCENARIO TIMES";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let passed = match arguments[..] {
        ["gate"] => gate::check()?,
        ["gate", "--update"] => gate::update()?,
        ["time"] => clock::report()?,
        ["list"] => {
            for scenario in scenarios::ALL {
                println!("{:<24} {}", scenario.name, scenario.what);
            }
            true
        }
        // What runs under valgrind.
        ["run", name, times] => {
            let scenario = scenarios::find(name)
                .with_context(|| format!("no scenario {name:?}; `list` names them"))?;
            let times = times.parse().context("TIMES is a number")?;
            // Counting ends with the process: nothing is taken down before.
            let _kept = measure::run(scenario, times);
            std::process::exit(0)
        }
        _ => bail!(USAGE),
    };
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
