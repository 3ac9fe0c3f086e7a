//! Runs the `bash run` blocks of a page and compares what they print.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tollgate_harness::Process;

use crate::blocks::{Block, blocks};
use crate::{bin, pages, path_with};

/// A page starts nodes, functions and clients; nothing in it takes minutes.
const PAGE_MAX: Duration = Duration::from_secs(120);
/// The addresses that documents use, and the settings that move them.
const ADDRESSES: [(&str, &str); 5] = [
    ("127.0.0.1:8080", "TOLLGATE_HTTP"),
    ("127.0.0.1:8081", "TOLLGATE_ADMIN"),
    ("127.0.0.1:8082", "TOLLGATE_OPS"),
    ("127.0.0.1:7400", "TOLLGATE_PEER"),
    ("127.0.0.1:8443", ""),
];

/// Addresses that are free now, in the place of the documents' own: pages run beside other tests.
pub(crate) fn free_addresses() -> Vec<(&'static str, &'static str, String)> {
    let listeners = ADDRESSES.map(|_| TcpListener::bind("127.0.0.1:0").expect("bind"));
    ADDRESSES
        .iter()
        .zip(&listeners)
        .map(|((shown, setting), listener)| {
            let address = listener.local_addr().expect("a bound address");
            (*shown, *setting, address.to_string())
        })
        .collect()
}

/// One script of all blocks. What a block prints goes to a file of its own, and so does what a
/// program that it leaves running prints later.
fn script(page: &[Block], folder: &Path) -> String {
    let mut script = String::from("set -euo pipefail\n");
    for (at, block) in page.iter().enumerate() {
        if block.info == "bash run" {
            let to = folder.join(format!("block-{at}")).display().to_string();
            script.push_str(&format!("exec >{to}\n{}\n", block.text));
        }
    }
    script
}

fn run_page(name: &str, page: &[Block]) -> Vec<String> {
    let (bin, folder) = (
        bin(),
        tempfile::tempdir().expect("make a temporary directory"),
    );
    let work = folder.path().join("work");
    fs::create_dir(&work).expect("make a folder");
    let mut text = script(page, folder.path());
    let mut command = Command::new("bash");
    command.env("PATH", path_with(&bin)).current_dir(&work);
    for (shown, setting, free) in free_addresses() {
        text = text.replace(shown, &free);
        if !setting.is_empty() {
            command.env(setting, free);
        }
    }
    let file = folder.path().join("page.sh");
    fs::write(&file, text).expect("write the script");
    let mut shell = Process::spawn(unsettled(command.arg(&file)), folder.path(), "page")
        .unwrap_or_else(|error| panic!("{name}: {error:#}"));
    let status = shell.wait_exit(PAGE_MAX);
    let mut failed = Vec::new();
    if !status.success() {
        failed.push(format!("{name}: {status}\n{}", shell.tail()));
    }
    for (at, pair) in page.windows(2).enumerate() {
        if pair[0].info != "bash run" || pair[1].info != "text output" {
            continue;
        }
        let printed = fs::read_to_string(folder.path().join(format!("block-{at}")));
        let printed = printed.unwrap_or_default();
        if printed.trim_end() != pair[1].text.trim_end() {
            failed.push(format!(
                "{name}:{}: prints\n{printed}instead of\n{}",
                pair[0].line, pair[1].text
            ));
        }
    }
    failed
}

/// Takes the command out of its builder, without settings that the caller has for itself.
fn unsettled(command: &mut Command) -> Command {
    let mut own = Command::new(command.get_program());
    own.args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        own.current_dir(folder);
    }
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TOLLGATE_") {
            own.env_remove(name);
        }
    }
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            own.env(name, value);
        }
    }
    own
}

#[test]
fn pages_do_what_they_say() {
    let mut ran = 0;
    let mut failed = Vec::new();
    for (name, text) in pages() {
        let page = blocks(&text);
        if page.iter().any(|block| block.info == "bash run") {
            ran += 1;
            failed.extend(run_page(&name, &page));
        }
    }
    assert!(ran > 0, "no page has a block to run");
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn an_output_stands_behind_what_prints_it() {
    for (name, text) in pages() {
        let page = blocks(&text);
        for (at, block) in page.iter().enumerate() {
            let after_run = at > 0 && page[at - 1].info == "bash run";
            let is_output = block.info == "text output";
            assert!(after_run || !is_output, "{name}:{}", block.line);
        }
    }
}
