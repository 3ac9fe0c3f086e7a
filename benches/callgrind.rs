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

/// What Rust's code calls for memory, of mimalloc (by the crate of this name) and, for C code, of
/// the C library.
const ALLOCATORS: [&str; 7] = [
    "mi_malloc_aligned",
    "mi_zalloc_aligned",
    "mi_realloc_aligned",
    "malloc",
    "calloc",
    "realloc",
    "posix_memalign",
];

/// Operations that are counted together: enough that growth which happens once in a while, of a
/// map for example, is spread as in real life.
const TIMES: usize = 600;

/// Runs a scenario under valgrind. The output stays in `directory` as `SCENARIO.out`, for
/// `callgrind_annotate`.
pub(crate) fn count(scenario: &Scenario, directory: &Path) -> anyhow::Result<Cost> {
    let out: PathBuf = directory.join(format!("{}.out", scenario.name));
    let myself = std::env::current_exe().context("cannot find this program's own file")?;
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .args(["--compress-strings=no", "--compress-pos=no"])
        // What came before goes to a file of its own, `SCENARIO.out.1`. `--toggle-collect` would
        // not do: it leaves out costs, but counts calls from the program's start.
        .arg(format!("--dump-before=*{REGION}*"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(myself)
        .args(["run", scenario.name, &TIMES.to_string()])
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
    let all = parse(&text).with_context(|| format!("cannot make sense of {}", out.display()))?;
    ensure!(
        all.instructions >= TIMES as f64,
        "{}: hardly anything was counted",
        scenario.name
    );
    Ok(Cost {
        instructions: all.instructions / TIMES as f64,
        allocations: all.allocations / TIMES as f64,
    })
}

/// What a callgrind profile without name compression says: the cost of the call of the measured
/// region with all that it calls, and the calls of allocators. The format is described in
/// valgrind's manual, "Callgrind Format Specification".
fn parse(text: &str) -> anyhow::Result<Cost> {
    let mut instructions = None;
    let mut allocations = 0.0;
    let mut callee = "";
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("cfn=") {
            callee = name;
        } else if let Some(call) = line.strip_prefix("calls=") {
            if callee.contains(REGION) {
                let cost = lines.next().and_then(|it| it.split_whitespace().nth(1));
                let cost: f64 = cost
                    .and_then(|it| it.parse().ok())
                    .context("the measured region has no cost")?;
                *instructions.get_or_insert(0.0) += cost;
            } else if ALLOCATORS.contains(&callee) {
                let calls = call.split_whitespace().next();
                let calls: f64 = calls
                    .and_then(|it| it.parse().ok())
                    .context("calls: not a number")?;
                allocations += calls;
            }
        }
    }
    Ok(Cost {
        instructions: instructions
            .context("the measured region is missing; is the program stripped of its symbols?")?,
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
cfn=benches::tollgate_measured_region
calls=1 0
12 4096
fn=other
3 9
cfn=realloc
calls=2 0
3 200

totals: 5155
";
        let cost = parse(text).unwrap();
        assert_eq!((cost.instructions, cost.allocations), (4096.0, 9.0));
    }

    #[test]
    fn what_is_no_profile_is_an_error() {
        assert!(parse("").is_err());
        assert!(parse("cfn=malloc\ncalls=1 0\n1 2\ntotals: 1\n").is_err());
        assert!(parse("cfn=tollgate_measured_region\ncalls=1 0\n").is_err());
        assert!(parse("cfn=malloc\ncalls=x 0\n1 2\n").is_err());
    }
}
