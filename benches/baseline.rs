//! The counts that were agreed on, and how far a change may move them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::callgrind::Cost;

/// More than this above the baseline fails.
const GROWTH_MAX: f64 = 0.03;
/// Up to so many instructions more are no growth: of thirty, one is already three per cent.
const SLACK_INSTRUCTIONS: f64 = 2.0;
/// Allocations are whole numbers, but what happens once in a while counts in part: the cache's
/// housekeeping comes by the clock.
const SLACK_ALLOCATIONS: f64 = 0.5;

/// The committed counts.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    /// What the counts depend on beside our code. Counts are judged only where all of it is equal.
    pub(crate) made_with: BTreeMap<String, String>,
    /// Per operation, by scenario.
    pub(crate) scenarios: BTreeMap<String, Kept>,
}

/// What is kept of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Instructions per operation.
    pub(crate) instructions: u64,
    /// Allocations per operation.
    pub(crate) allocations: f64,
}

/// How a count compares with the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Within the bounds.
    Same,
    /// Noticeably less: time to update the baseline, so that it cannot creep back.
    Less,
    /// Too many instructions.
    Slower,
    /// More allocations.
    Allocates,
    /// Not in the baseline.
    New,
}

impl Verdict {
    /// Whether it fails the gate.
    pub(crate) fn fails(self) -> bool {
        matches!(self, Self::Slower | Self::Allocates | Self::New)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Less => "less: --update keeps it",
            Self::Slower => "FAILED: more instructions",
            Self::Allocates => "FAILED: more allocations",
            Self::New => "FAILED: not in the baseline",
        }
    }
}

impl Kept {
    /// Rounded as it is kept.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count per operation is small and positive"
    )]
    pub(crate) fn of(cost: Cost) -> Self {
        Self {
            instructions: cost.instructions.round() as u64,
            allocations: (cost.allocations * 100.0).round() / 100.0,
        }
    }

    /// The relative change of instructions: 0.01 is one per cent more.
    pub(crate) fn change(self, now: Self) -> f64 {
        now.instructions as f64 / (self.instructions as f64).max(1.0) - 1.0
    }
}

impl Baseline {
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no baseline", path.display()))
    }

    pub(crate) fn store(&self, path: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(self).context("cannot write the baseline")?;
        text.push('\n');
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Judges a count.
    pub(crate) fn judge(&self, scenario: &str, now: Kept) -> Verdict {
        let Some(kept) = self.scenarios.get(scenario) else {
            return Verdict::New;
        };
        let base = kept.instructions as f64;
        let (now_count, slack) = (now.instructions as f64, SLACK_INSTRUCTIONS);
        if now.allocations > kept.allocations + SLACK_ALLOCATIONS {
            Verdict::Allocates
        } else if now_count > (base * (1.0 + GROWTH_MAX)).max(base + slack) {
            Verdict::Slower
        } else if now_count < (base * (1.0 - GROWTH_MAX)).min(base - slack)
            || now.allocations < kept.allocations - SLACK_ALLOCATIONS
        {
            Verdict::Less
        } else {
            Verdict::Same
        }
    }

    /// The scenarios that the baseline has and `present` has not.
    pub(crate) fn missing<'a>(&'a self, present: &[&str]) -> Vec<&'a str> {
        let names = self.scenarios.keys().map(String::as_str);
        names.filter(|name| !present.contains(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(instructions: u64, allocations: f64) -> Kept {
        Kept {
            instructions,
            allocations,
        }
    }

    fn baseline() -> Baseline {
        Baseline {
            scenarios: [
                ("large".to_owned(), kept(1000, 9.0)),
                ("small".to_owned(), kept(30, 0.0)),
            ]
            .into(),
            ..Baseline::default()
        }
    }

    #[test]
    fn three_per_cent_more_fails_and_three_less_is_told() {
        let judge = |now| baseline().judge("large", kept(now, 9.0));
        assert_eq!(judge(1030), Verdict::Same);
        assert_eq!(judge(1031), Verdict::Slower);
        assert_eq!(judge(970), Verdict::Same);
        assert_eq!(judge(969), Verdict::Less);
        assert!(Verdict::Slower.fails() && !Verdict::Less.fails() && !Verdict::Same.fails());
    }

    #[test]
    fn a_single_instruction_of_a_few_is_no_growth() {
        let judge = |now| baseline().judge("small", kept(now, 0.0));
        assert_eq!(judge(32), Verdict::Same);
        assert_eq!(judge(33), Verdict::Slower);
    }

    #[test]
    fn one_more_allocation_fails() {
        let judge = |now| baseline().judge("large", kept(1000, now));
        assert_eq!(judge(10.0), Verdict::Allocates);
        assert_eq!(judge(9.29), Verdict::Same);
        assert_eq!(judge(8.0), Verdict::Less);
    }

    #[test]
    fn what_is_on_one_side_only_is_noticed() {
        let verdict = baseline().judge("unheard of", kept(1, 0.0));
        assert!(verdict.fails());
        assert_eq!(baseline().missing(&["small"]), ["large"]);
    }

    #[test]
    fn a_baseline_survives_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("baseline.json");
        baseline().store(&path).unwrap();
        assert_eq!(Baseline::load(&path).unwrap(), baseline());
    }
}
