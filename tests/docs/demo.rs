//! `make demo`: the README's lines print what the README says.

use std::process::Command;

use tollgate_harness::{bar, tollgate_binary, workspace_root};

use crate::run::free_addresses;

#[test]
fn the_demo_shows_what_the_readme_says() {
    let root = workspace_root();
    let mut command = Command::new(root.join("examples/demo/run.sh"));
    command
        .env("DEMO_ONCE", "1")
        .env("DEMO_BIN", tollgate_binary());
    for (_, setting, free) in free_addresses() {
        if !setting.is_empty() {
            command.env(setting, free);
        }
    }
    let output = command.output().expect("run the demo");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    let verdict = said
        .lines()
        .find(|line| line.contains("print what README.md says"))
        .unwrap_or_else(|| panic!("{said}"));
    bar(1, &format!("make demo: {verdict}"));
}
