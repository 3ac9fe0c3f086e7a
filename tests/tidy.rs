//! Style as a test: what STYLE.md and the layout demand and a machine can check. Every finding says
//! how to mend it. Only files that git tracks are read.
//!
//! A rule is a function from a file to findings, so that each can be shown a planted violation:
//! a rule that never found anything is decoration.

#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/lock.rs"]
mod lock;
#[path = "tidy/packages.rs"]
mod packages;
#[path = "tidy/sources.rs"]
mod sources;
#[path = "tidy/tree.rs"]
mod tree;

/// Fails with every finding at once: one run shows all there is to mend.
#[track_caller]
fn assert_tidy(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} to mend:\n  {}",
        findings.len(),
        findings.join("\n  ")
    );
}
