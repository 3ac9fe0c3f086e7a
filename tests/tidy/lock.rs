//! What may and may not be linked; deny.toml says the same to cargo-deny.
//!
//! Asked of `cargo tree` and not of Cargo.lock: a lock file also names packages that an optional
//! feature would bring and that nothing compiles.

use std::process::Command;

use tollgate_harness::workspace_root;

use crate::assert_tidy;

/// Packages that may not be linked, and what is used instead.
const BANNED: [(&str, &str); 7] = [
    (
        "ring",
        "aws-lc-rs is the one provider; two make rustls panic at run time",
    ),
    ("openssl", "rustls is the one TLS library"),
    ("openssl-sys", "rustls is the one TLS library"),
    ("native-tls", "rustls is the one TLS library"),
    ("serde_yaml", "unmaintained; serde-saphyr reads YAML"),
    (
        "rsa",
        "RUSTSEC-2023-0071, timing of private keys; aws-lc-rs verifies RSA",
    ),
    ("reqwest", "hyper is the one client"),
];

/// The last working release; 3.0.0 is a compile error and nothing else.
const BINCODE: &str = "2.0.1";

/// `name v1.2.3` of everything that building or testing any package compiles.
fn compiled() -> String {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--workspace",
            "--locked",
            "--edges",
            "normal,build,dev",
            "--prefix",
            "none",
        ])
        .current_dir(workspace_root())
        .output()
        .expect("run cargo");
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    String::from_utf8_lossy(&tree.stdout).into_owned()
}

fn findings(tree: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in tree.lines() {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        let version = words.next().unwrap_or_default().trim_start_matches('v');
        if let Some((_, instead)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            found.push(format!(
                "{name}: {instead}; `cargo tree -i {name}` says who brings it"
            ));
        }
        if name == "bincode" && version != BINCODE {
            let why = "the bytes on disk depend on it";
            found.push(format!(
                "bincode is {version}; pin ={BINCODE} in Cargo.toml, {why}"
            ));
        }
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn nothing_banned_is_compiled() {
    let tree = compiled();
    let pinned = format!("bincode v{BINCODE}");
    assert!(
        tree.lines().any(|line| line.starts_with(&pinned)),
        "no {pinned} in:\n{tree}"
    );
    assert_tidy(&findings(&tree));
}

#[test]
fn planted_violations_are_found() {
    let tree = "ring v0.17.8\nring v0.17.8 (*)\nbincode v3.0.0\nserde v1.0.0\n";
    assert_eq!(findings(tree).len(), 2);
}
