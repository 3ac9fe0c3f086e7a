//! Runs a scenario under callgrind and reads what it counted.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::measure::REGION;
use crate::scenarios::Scenario;

/// What one operation costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// Instructions.
    pub(crate) instructions: f64,
    /// Calls that allocate or grow a block of memory.
    pub(crate) allocations: f64,
}

/// The functions of the C library that give memory. Rust's allocator calls no others.
const ALLOCATORS: [&str; 6] = [
    "malloc",
    "calloc",
    "realloc",
    "posix_memalign",
    "aligned_alloc",
    "memalign",
];

/// Operations that are counted together: enough that growth which happens once in a while, of a
/// map for example, is spread as in real life.
const TIMES: usize = 600;
/// Operations of the run that is subtracted from it where allocations are counted: callgrind
/// collects costs inside of the region only, but counts calls from the program's start.
const TIMES_BEFORE: usize = 100;

/// Runs a scenario under valgrind. The output stays in `directory` as `SCENARIO.out`, for
/// `callgrind_annotate`.
pub(crate) fn count(scenario: &Scenario, directory: &Path) -> anyhow::Result<Cost> {
    let before = totals(scenario, TIMES_BEFORE, directory)?;
    let all = totals(scenario, TIMES, directory)?;
    Ok(Cost {
        instructions: all.instructions / TIMES as f64,
        allocations: (all.allocations - before.allocations) / (TIMES - TIMES_BEFORE) as f64,
    })
}

/// The sums over `times` operations.
fn totals(scenario: &Scenario, times: usize, directory: &Path) -> anyhow::Result<Cost> {
    let out: PathBuf = directory.join(format!("{}.out", scenario.name));
    let myself = std::env::current_exe().context("cannot find this program's own file")?;
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--quiet"])
        .args(["--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--toggle-collect={REGION}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(myself)
        .args(["run", scenario.name, &times.to_string()])
        // The environment lies on the stack and shifts what is aligned there.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .context("cannot run valgrind (Debian: apt-get install valgrind)")?;
    if !run.status.success() {
        bail!(
            "{} failed under valgrind ({}): {}",
            scenario.name,
            run.status,
            String::from_utf8_lossy(&run.stderr)
        );
    }
    let text =
        std::fs::read_to_string(&out).with_context(|| format!("cannot read {}", out.display()))?;
    let total = parse(&text).with_context(|| format!("cannot make sense of {}", out.display()))?;
    ensure!(
        total.instructions >= times as f64,
        "{}: nothing was counted; is the program stripped of its symbols?",
        scenario.name
    );
    Ok(total)
}

/// The totals of a callgrind profile written without name compression. The format is described in
/// valgrind's manual, "Callgrind Format Specification".
fn parse(text: &str) -> anyhow::Result<Cost> {
    let mut instructions = None;
    let mut allocations = 0.0;
    let mut callee = "";
    for line in text.lines() {
        if let Some(total) = line.strip_prefix("totals: ") {
            instructions = Some(total.trim().parse().context("totals: not a number")?);
        } else if let Some(name) = line.strip_prefix("cfn=") {
            callee = name;
        } else if let Some(call) = line.strip_prefix("calls=") {
            let calls: f64 = call
                .split_whitespace()
                .next()
                .and_then(|it| it.parse().ok())
                .context("calls: not a number")?;
            if ALLOCATORS.contains(&callee) {
                allocations += calls;
            }
        }
    }
    Ok(Cost {
        instructions: instructions.context("no totals")?,
        allocations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_summed_up() {
        let text = "\
# callgrind format
events: Ir

fn=main
12 100
cfi=malloc.c
cfn=malloc
calls=7 0
12 700
cfn=malloc_consolidate
calls=1 0
12 50
fn=other
3 9
cfn=realloc
calls=2 0
3 200

totals: 1059
";
        let cost = parse(text).unwrap();
        assert_eq!((cost.instructions, cost.allocations), (1059.0, 9.0));
    }

    #[test]
    fn what_is_no_profile_is_an_error() {
        assert!(parse("").is_err());
        assert!(parse("totals: many\n").is_err());
        assert!(parse("cfn=malloc\ncalls=x 0\ntotals: 1\n").is_err());
    }
}
