//! AWS's SDKs beside boto3, each on the same walk: every kind of resource is made, read back, used,
//! changed and deleted, and every error is caught as its class.

use std::path::PathBuf;
use std::process::Command;

use tollgate_harness::{Backend, bar, sdk_javascript, workspace_root};
use tollgate_tests::drivers;

use crate::shop;

/// Runs a walk, which says at its end how many of its steps passed.
#[track_caller]
fn walk(name: &str, command: &mut Command) {
    let node = shop::start();
    let limited = shop::start_limited();
    let (key, secret) = shop::nobody(&node);
    let backend = Backend::echo();
    command
        .env("BACKEND_URL", backend.url())
        .env(
            "LIMITED_URL",
            format!("http://{}", limited.addresses().admin),
        )
        .env("NOBODY_KEY", key)
        .env("NOBODY_SECRET", secret);
    let said = drivers::run(&node, command);
    let passed = said.lines().last().expect("the walk says what passed");
    bar(2, &format!("{name}: {passed}"));
}

#[test]
fn the_sdk_for_javascript_walks() {
    let script = sdk_javascript().join("walk.mjs");
    walk("SDK for JavaScript", Command::new("node").arg(script));
}

/// The folder of the programs of `tests/sdk/rust`. `make test` has built them before, so that this
/// says only that they are there; alone it builds them.
pub(crate) fn built() -> PathBuf {
    let root = workspace_root();
    let target = root.join("target/rust-sdk");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--manifest-path"])
        .arg(root.join("tests/sdk/rust/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .output()
        .expect("run cargo");
    let complained = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{complained}");
    target.join("debug")
}

#[test]
fn the_sdk_for_rust_walks() {
    walk("SDK for Rust", &mut Command::new(built().join("walk")));
}
