//! Counts every scenario and compares with the baseline.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::baseline::{Baseline, Kept};
use crate::callgrind;
use crate::clock;
use crate::scenarios::{ALL, PEERS, Scenario};

/// Compares with the baseline; whether all is well.
pub(crate) fn check() -> anyhow::Result<bool> {
    let baseline = Baseline::load(&baseline_path())?;
    let facts = facts()?;
    let counted = count_all()?;
    let mut passed = true;
    println!(
        "{:<24} {:>10} {:>10} {:>8} {:>7} {:>7}",
        "instructions of one", "baseline", "now", "change", "allocs", "now"
    );
    for (scenario, now) in &counted {
        let verdict = baseline.judge(scenario.name, *now);
        passed &= !verdict.fails();
        let kept = baseline.scenarios.get(scenario.name);
        let column = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        println!(
            "{:<24} {:>10} {:>10} {:>8} {:>7} {:>7}  {}",
            scenario.name,
            column(kept.map(|it| it.instructions.to_string())),
            now.instructions,
            column(kept.map(|it| format!("{:+.1} %", it.change(*now) * 100.0))),
            column(kept.map(|it| it.allocations.to_string())),
            now.allocations,
            verdict.as_str()
        );
    }
    let names: Vec<&str> = counted.iter().map(|(it, _)| it.name).collect();
    for gone in baseline.missing(&names) {
        println!("{gone}: in the baseline, but no scenario any more: gate.sh --update");
        passed = false;
    }
    print_peers()?;
    let differences = differences(&baseline.made_with, &facts);
    if !differences.is_empty() {
        println!("\nNot judged, because the baseline was made with something else:");
        differences.iter().for_each(|it| println!("  {it}"));
        passed = true;
    }
    let quick = clock::allowances()?;
    println!(
        "\n{}; details: callgrind_annotate {}/SCENARIO.out",
        if passed && quick { "passed" } else { "FAILED" },
        out_directory()?.display()
    );
    Ok(passed && quick)
}

/// Counts and keeps the result as the new baseline.
pub(crate) fn update() -> anyhow::Result<bool> {
    let path = baseline_path();
    let old = Baseline::load(&path).unwrap_or_default();
    let counted = count_all()?;
    for (scenario, now) in &counted {
        let kept = old.scenarios.get(scenario.name);
        println!(
            "{:<24} {:>10} -> {:>10}, {} -> {} allocations",
            scenario.name,
            kept.map_or_else(|| "-".to_owned(), |it| it.instructions.to_string()),
            now.instructions,
            kept.map_or_else(|| "-".to_owned(), |it| it.allocations.to_string()),
            now.allocations
        );
    }
    let baseline = Baseline {
        made_with: facts()?,
        scenarios: counted
            .into_iter()
            .map(|(scenario, now)| (scenario.name.to_owned(), now))
            .collect(),
    };
    baseline.store(&path)?;
    Ok(true)
}

fn count_all() -> anyhow::Result<Vec<(&'static Scenario, Kept)>> {
    ensure!(
        !cfg!(debug_assertions),
        "counts hold for the published profile only: run benches/gate.sh"
    );
    let directory = out_directory()?;
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    ALL.iter()
        .map(|scenario| Ok((scenario, Kept::of(callgrind::count(scenario, &directory)?))))
        .collect()
}

/// What others need for the same; printed and not judged.
fn print_peers() -> anyhow::Result<()> {
    let directory = out_directory()?;
    println!("\nfor comparison");
    for scenario in PEERS {
        let now = Kept::of(callgrind::count(scenario, &directory)?);
        println!(
            "{:<24} {:>10} {:>10} {:>8} {:>7} {:>7}  {}",
            scenario.name, "", now.instructions, "", "", now.allocations, scenario.what
        );
    }
    Ok(())
}

/// Where profiles are kept: beside the profile's folder in `target`.
fn out_directory() -> anyhow::Result<PathBuf> {
    let myself = std::env::current_exe().context("cannot find this program's own file")?;
    let target = myself.parent().and_then(Path::parent);
    Ok(target
        .context("this program lies outside of target")?
        .join("callgrind"))
}

fn baseline_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline.json")
}

/// What counts depend on beside our code: another compiler compiles otherwise, another C library
/// allocates and copies otherwise, and copies and searches take wider steps where the processor
/// (as valgrind shows it) has AVX2.
fn facts() -> anyhow::Result<BTreeMap<String, String>> {
    let first_line = |program: &str, arguments: &[&str]| -> anyhow::Result<String> {
        let output = Command::new(program)
            .args(arguments)
            .output()
            .with_context(|| format!("cannot run {program}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().next().unwrap_or_default().trim().to_owned())
    };
    Ok([
        ("architecture", std::env::consts::ARCH.to_owned()),
        ("avx2", has_avx2().to_string()),
        ("libc", first_line("getconf", &["GNU_LIBC_VERSION"])?),
        ("rustc", first_line("rustc", &["--version"])?),
        ("valgrind", first_line("valgrind", &["--version"])?),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into())
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

fn differences(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    now.iter()
        .filter(|(name, value)| then.get(*name) != Some(value))
        .map(|(name, value)| {
            let old = then.get(name).map_or("nothing", String::as_str);
            format!("{name}: {old} then, {value} now")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Baseline;

    #[test]
    fn another_compiler_is_told() {
        let facts = |rustc: &str| BTreeMap::from([("rustc".to_owned(), format!("rustc {rustc}"))]);
        assert!(differences(&facts("1.95.0"), &facts("1.95.0")).is_empty());
        assert_eq!(
            differences(&facts("1.95.0"), &facts("1.96.0")),
            ["rustc: rustc 1.95.0 then, rustc 1.96.0 now"]
        );
    }

    #[test]
    fn the_baseline_in_the_repository_names_all_scenarios() {
        let baseline = Baseline::load(&baseline_path()).unwrap();
        let names: Vec<&str> = ALL.iter().map(|it| it.name).collect();
        assert_eq!(baseline.missing(&names), [""; 0]);
        for name in names {
            assert!(baseline.scenarios.contains_key(name), "{name}");
        }
    }
}
