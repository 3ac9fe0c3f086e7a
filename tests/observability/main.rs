//! What an operator can see: access logs, execution logs, metrics, traces, the node's own log.

mod access;
mod execution;
mod scrape;
mod trace;
mod webhook;

use std::fs;

use tollgate_harness::{DEADLINE, Node, wait_until};

/// Waits until a file of the node's log directory has `count` lines and returns them.
fn lines(node: &Node, name: &str, count: usize) -> Vec<String> {
    let path = node.data_dir().join("logs").join(name);
    wait_until(DEADLINE, &format!("{count} lines in {name}"), || {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if lines.len() >= count && text.ends_with('\n') {
            Ok(lines)
        } else {
            Err(format!("{text:?}"))
        }
    })
}
