//! Rules for single files: size, left-overs, white space, what belongs to one machine.

use std::env;

use crate::assert_tidy;
use crate::tree::{Tracked, check, lines};

const LINES_MAX: usize = 500;

/// Spelled in two halves, so that this file does not find itself.
const LEFT_OVERS: [(&str, &str); 8] = [
    (concat!("todo", "!("), "finish it"),
    (concat!("unimplemented", "!("), "finish it"),
    (concat!("#[", "ignore"), "mend the test or delete it"),
    (concat!("allow(", "dead_code)"), "delete the dead code"),
    (concat!("expect(", "dead_code"), "delete the dead code"),
    (
        concat!("FIX", "ME"),
        "mend it now, or say in ARCHITECTURE.md what is left",
    ),
    (
        concat!("TO", "DO:"),
        "do it now, or say in ARCHITECTURE.md what is left",
    ),
    (
        concat!("XX", "X:"),
        "mend it now, or say in ARCHITECTURE.md what is left",
    ),
];

const MACHINE_PATHS: [&str; 4] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
];

const REGISTRY_HOSTS: [&str; 7] = [
    concat!("registry.npm", "js"),
    concat!("registry.yarn", "pkg"),
    concat!("files.python", "hosted"),
    concat!("pypi", ".org"),
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("proxy.go", "lang"),
];

/// STYLE.md, rule 1.
fn too_long(file: &Tracked) -> Vec<String> {
    let count = file.text.lines().count();
    if file.extension() != "rs" || file.is_generated() || count <= LINES_MAX {
        return Vec::new();
    }
    vec![format!(
        "{}: {count} lines, at most {LINES_MAX}; cut it where its ideas part",
        file.path
    )]
}

/// STYLE.md, rule 15.
fn mod_file(file: &Tracked) -> Vec<String> {
    if !file.path.ends_with("/mod.rs") {
        return Vec::new();
    }
    vec![format!(
        "{}: move it to <folder>.rs beside its folder",
        file.path
    )]
}

/// STYLE.md, rule 1: the first lines say what the file is about.
fn no_idea(file: &Tracked) -> Vec<String> {
    let says = file.text.starts_with("//!") || file.text.starts_with("#![");
    if file.extension() != "rs" || file.is_generated() || says {
        return Vec::new();
    }
    vec![format!(
        "{}: begin with a //! comment that says the file's one idea",
        file.path
    )]
}

fn left_over(file: &Tracked) -> Vec<String> {
    if file.extension() != "rs" || file.is_generated() {
        return Vec::new();
    }
    let found = LEFT_OVERS.iter().flat_map(|(needle, mend)| {
        lines(file, &format!("{needle} is left over; {mend}"), |line| {
            line.contains(needle)
        })
    });
    found.collect()
}

fn white_space(file: &Tracked) -> Vec<String> {
    let tabs_belong = file.path.ends_with("Makefile") || file.path == "LICENSE";
    if file.is_generated() {
        return Vec::new();
    }
    let mut found = lines(
        file,
        "white space at the end of the line; delete it",
        |line| line.ends_with([' ', '\t', '\r']),
    );
    if !tabs_belong {
        found.extend(lines(file, "a tab; use spaces", |line| line.contains('\t')));
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        found.push(format!("{}: end the last line", file.path));
    }
    found
}

fn machine(file: &Tracked) -> Vec<String> {
    let mut found = Vec::new();
    for needle in MACHINE_PATHS {
        let message = format!("{needle} is a path of one machine; use a relative one");
        found.extend(lines(file, &message, |line| names_path(line, needle)));
    }
    // Cargo.lock names the one index that every Cargo uses.
    for needle in REGISTRY_HOSTS {
        let message = format!("{needle} is a registry's host; leave it to the client's settings");
        found.extend(lines(file, &message, |line| line.contains(needle)));
    }
    found
}

/// Whether `needle` begins an absolute path in `line`, not the middle of a longer one.
fn names_path(line: &str, needle: &str) -> bool {
    line.match_indices(needle).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || ".}_-~".contains(c))
    })
}

/// The folder of this checkout, wherever that is.
fn this_machine(file: &Tracked) -> Vec<String> {
    let root = tollgate_harness::workspace_root()
        .canonicalize()
        .expect("the checkout is there");
    let homes = [Some(root.into_os_string()), env::var_os("HOME")];
    let homes = homes
        .into_iter()
        .flatten()
        .filter_map(|path| path.into_string().ok());
    // A home such as `/` would be found everywhere.
    let homes = homes
        .filter(|path| path.len() > 3)
        .map(|path| format!("{path}/"));
    homes
        .flat_map(|path| {
            lines(file, "a path of this machine; use a relative one", |line| {
                names_path(line, &path)
            })
        })
        .collect()
}

/// STYLE.md, rule 14. The harness has the one sleep there is, in `wait_until`; its back ends may be
/// slow, which is behaviour and not a wait.
fn sleeps(file: &Tracked) -> Vec<String> {
    let is_suite = file.path.starts_with("tests/") && !file.path.starts_with("tests/harness/");
    if file.extension() != "rs" || !is_suite {
        return Vec::new();
    }
    let needle = concat!("sle", "ep(");
    lines(file, "a test sleeps; use wait_until on a value", |line| {
        line.contains(needle)
    })
}

fn careless_script(file: &Tracked) -> Vec<String> {
    let is_bash = file.text.lines().next().is_some_and(|line| {
        line.starts_with("#!")
            && line
                .split(['/', ' '])
                .any(|word| matches!(word, "bash" | "sh"))
    });
    if !is_bash || file.text.contains("set -euo pipefail") {
        return Vec::new();
    }
    vec![format!(
        "{}: begin with `set -euo pipefail`, so that a failure is one",
        file.path
    )]
}

macro_rules! rules {
    ($($rule:ident: $path:literal, $planted:expr;)*) => {$(
        mod $rule {
            use super::*;

            #[test]
            fn holds_everywhere() {
                assert_tidy(&check(super::$rule));
            }

            #[test]
            fn finds_a_planted_violation() {
                let planted = Tracked { path: $path.to_owned(), text: $planted.to_owned() };
                assert!(!super::$rule(&planted).is_empty());
            }
        }
    )*};
}

rules! {
    too_long: "node/src/x.rs", "//! x\n".repeat(LINES_MAX + 1);
    mod_file: "node/src/x/mod.rs", "//! x\n";
    no_idea: "node/src/x.rs", "use std::fs;\n";
    left_over: "node/src/x.rs", format!("    {}\n", LEFT_OVERS[1].0);
    white_space: "docs/x.md", "a \n";
    machine: "docs/x.md", format!("see {}me/x\n", MACHINE_PATHS[0]);
    this_machine: "docs/x.md", format!("{}/x\n", env::current_dir().unwrap().display());
    sleeps: "tests/x/main.rs", format!("thread::{}1);\n", concat!("sle", "ep("));
    careless_script: "tests/x.sh", "#!/usr/bin/env bash\ncd /\n";
}
