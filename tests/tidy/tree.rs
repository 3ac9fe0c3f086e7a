//! The tracked files, read once per rule.

use std::fs;
use std::process::Command;

use tollgate_harness::workspace_root;

/// A tracked text file.
pub(crate) struct Tracked {
    /// Its path from the root of the repository.
    pub(crate) path: String,
    /// Its content.
    pub(crate) text: String,
}

impl Tracked {
    /// The name's part after the last dot.
    pub(crate) fn extension(&self) -> &str {
        self.path
            .rsplit('/')
            .next()
            .and_then(|name| name.rsplit_once('.'))
            .map_or("", |(_, e)| e)
    }

    /// Whether a program wrote it, so that nobody reads it from top to bottom.
    pub(crate) fn is_generated(&self) -> bool {
        self.path.ends_with("/generated.rs")
            || self.path.contains("/testdata/")
            || self.path.ends_with(".lock")
            || self.path.ends_with("package-lock.json")
    }
}

/// Every path that git tracks and that is still there.
pub(crate) fn paths() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(workspace_root())
        .output()
        .expect("run git");
    assert!(
        listed.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&listed.stderr)
    );
    String::from_utf8_lossy(&listed.stdout)
        .split('\0')
        .filter(|path| !path.is_empty() && workspace_root().join(path).is_file())
        .map(str::to_owned)
        .collect()
}

/// Every tracked file that is text.
pub(crate) fn texts() -> Vec<Tracked> {
    let texts: Vec<Tracked> = paths()
        .into_iter()
        .filter_map(|path| {
            let text = String::from_utf8(fs::read(workspace_root().join(&path)).ok()?).ok()?;
            Some(Tracked { path, text })
        })
        .collect();
    assert!(
        texts.len() > 20,
        "git lists only {} files here",
        texts.len()
    );
    texts
}

/// Every finding of `rule` over all tracked text files.
pub(crate) fn check(rule: impl Fn(&Tracked) -> Vec<String>) -> Vec<String> {
    texts().iter().flat_map(rule).collect()
}

/// `path:line: message` for every line that `is_bad`.
pub(crate) fn lines(file: &Tracked, message: &str, is_bad: impl Fn(&str) -> bool) -> Vec<String> {
    let found = file
        .text
        .lines()
        .enumerate()
        .filter(|(_, line)| is_bad(line));
    found
        .map(|(at, _)| format!("{}:{}: {message}", file.path, at + 1))
        .collect()
}
