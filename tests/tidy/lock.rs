//! What `Cargo.lock` may and may not hold; deny.toml says the same to cargo-deny.

use std::fs;

use tollgate_harness::workspace_root;

use crate::assert_tidy;

/// Packages that may not be linked, and what is used instead.
const BANNED: [(&str, &str); 7] = [
    (
        "ring",
        "aws-lc-rs is the one provider; two make rustls panic at run time",
    ),
    ("openssl", "rustls is the one TLS library"),
    ("native-tls", "rustls is the one TLS library"),
    ("serde_yaml", "unmaintained; serde-saphyr reads YAML"),
    (
        "rsa",
        "RUSTSEC-2023-0071, timing of private keys; aws-lc-rs verifies RSA",
    ),
    ("chrono", "time is the one calendar"),
    ("reqwest", "hyper is the one client"),
];

/// The last working release; 3.0.0 is a compile error and nothing else.
const BINCODE: &str = "2.0.1";

/// `(name, version)` of every package of a lock file.
fn locked(text: &str) -> Vec<(&str, &str)> {
    text.split("[[package]]")
        .filter_map(|package| {
            let field = |key: &str| {
                let line = package.lines().find(|line| line.starts_with(key))?;
                line.split('"').nth(1)
            };
            Some((field("name = ")?, field("version = ")?))
        })
        .collect()
}

fn findings(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, version) in locked(text) {
        if let Some((_, instead)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            found.push(format!(
                "Cargo.lock holds {name}: {instead}; `cargo tree -i {name}` says who brings it"
            ));
        }
        if name == "bincode" && version != BINCODE {
            found.push(format!(
                "bincode is {version}; pin ={BINCODE} in Cargo.toml, the bytes on disk depend on it"
            ));
        }
    }
    found
}

#[test]
fn holds_nothing_that_is_banned() {
    let text = fs::read_to_string(workspace_root().join("Cargo.lock")).unwrap();
    assert!(
        locked(&text).contains(&("bincode", BINCODE)),
        "bincode {BINCODE} is not locked"
    );
    assert_tidy(&findings(&text));
}

#[test]
fn planted_violations_are_found() {
    let text = "[[package]]\nname = \"ring\"\nversion = \"0.17.8\"\n\n\
                [[package]]\nname = \"bincode\"\nversion = \"3.0.0\"\n";
    assert_eq!(findings(text).len(), 2);
}
