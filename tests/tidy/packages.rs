//! The layout: which package may use which, and which packages keep a dependency to themselves.

use std::process::Command;

use serde_json::Value;
use tollgate_harness::workspace_root;

use crate::assert_tidy;
use crate::tree::{Tracked, check, lines, texts};

/// Packages by row, without their prefix. A package may use those of earlier rows only, so that no
/// two packages of a row can grow into one.
const ROWS: [&[&str]; 10] = [
    &["protocol", "mutate"],
    &["aws", "policy"],
    &["model"],
    &["config", "link", "state", "store"],
    &["cluster"],
    &["audit", "message"],
    &["upstream", "functions", "edge", "pipeline", "websocket"],
    &["node"],
    &["harness"],
    &["tests", "benches"],
];

/// Packages outside the rows: they use none of ours, and none of ours uses them.
const ALONE: [&str; 1] = ["loadtest"];

/// Dependencies that only these packages may name in their manifests, and why.
const FENCES: [(&str, &[&str], &str); 7] = [
    ("chrono", &[], "time is the one calendar"),
    (
        "actix",
        &["node"],
        "actors are shells in node around structs tested without them",
    ),
    (
        "actix-web",
        &["node"],
        "only the admin API is written with it",
    ),
    (
        "openraft",
        &["cluster"],
        "consensus is behind cluster's handle",
    ),
    (
        "bincode",
        &["protocol", "state"],
        "its end is near; protocol's codec is its one door",
    ),
    (
        "moka",
        &["pipeline", "node"],
        "its clock is real, so nothing deterministic may hold one",
    ),
    (
        "redb",
        &["store"],
        "what the bytes on disk mean is nobody else's business",
    ),
];

/// Manifests of programs that are not ours but like our users': workspaces of their own.
const GUESTS: [&str; 2] = [
    "tests/functions/code/rust/Cargo.toml",
    "tests/sdk/rust/Cargo.toml",
];

/// The only packages that may name a dependency whose name begins with `actix`.
const ACTIX: [&str; 2] = ["edge", "node"];

struct Package {
    name: String,
    /// Names of dependencies as their crates call themselves, whatever the manifest renames.
    uses: Vec<String>,
}

fn packages() -> Vec<Package> {
    let metadata = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(workspace_root())
        .output()
        .expect("run cargo");
    assert!(
        metadata.status.success(),
        "{}",
        String::from_utf8_lossy(&metadata.stderr)
    );
    let json: Value = serde_json::from_slice(&metadata.stdout).expect("cargo writes JSON");
    let text = |value: &Value| value.as_str().expect("a name").to_owned();
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let packages: Vec<Package> = list(&json["packages"])
        .iter()
        .map(|package| Package {
            name: short(&text(&package["name"])),
            uses: list(&package["dependencies"])
                .iter()
                .map(|used| text(&used["name"]))
                .collect(),
        })
        .collect();
    assert!(
        packages.len() > 10,
        "cargo lists only {} packages",
        packages.len()
    );
    packages
}

fn short(name: &str) -> String {
    name.strip_prefix("tollgate-").unwrap_or(name).to_owned()
}

fn row(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&name))
}

fn wrong_arrows(package: &Package) -> Vec<String> {
    let from = &package.name;
    if row(from).is_none() && !ALONE.contains(&from.as_str()) {
        return vec![format!(
            "{from} is in no row; give it one in tests/tidy/packages.rs"
        )];
    }
    let ours = package
        .uses
        .iter()
        .filter(|used| used.starts_with("tollgate-"));
    ours.filter_map(|used| {
        let to = short(used);
        match (row(from), row(&to)) {
            (Some(from), Some(to)) if to < from => None,
            _ => Some(format!(
                "{from} may not use {to}; move what they share to an earlier row, or pass it in"
            )),
        }
    })
    .collect()
}

fn broken_fences(package: &Package) -> Vec<String> {
    let mut found = Vec::new();
    for used in &package.uses {
        let name = package.name.as_str();
        if used.starts_with("actix") && !ACTIX.contains(&name) {
            found.push(format!(
                "{name} names {used}; only edge and node may, everything else runs without actix"
            ));
        }
        for (fenced, allowed, why) in FENCES {
            if used == fenced && !allowed.contains(&name) {
                found.push(format!("{name} names {used}; only {allowed:?} may: {why}"));
            }
        }
    }
    found
}

/// bincode is unmaintained: one module calls it, so that a successor replaces one module. Derives
/// may name its two traits.
fn bincode_outside_the_codec(file: &Tracked) -> Vec<String> {
    if file.extension() != "rs"
        || file.path == "protocol/src/codec.rs"
        || file.path.starts_with("tests/tidy/")
    {
        return Vec::new();
    }
    lines(
        file,
        "only protocol/src/codec.rs calls bincode; use its functions",
        |line| {
            let code = line.split("//").next().unwrap_or_default();
            code.match_indices("bincode::").any(|(at, name)| {
                let rest = &code[at + name.len()..];
                !["Encode", "Decode", "{Decode, Encode}"]
                    .iter()
                    .any(|ok| rest.starts_with(ok))
            })
        },
    )
}

/// Where the compiler itself must deny clocks, threads, files, sockets and randomly seeded maps.
fn std_in_pure_packages() -> Vec<String> {
    let roots = [
        "config/model/src/lib.rs",
        "cluster/state/src/lib.rs",
        "protocol/policy/src/lib.rs",
    ];
    let texts = texts();
    roots
        .iter()
        .filter(|root| {
            let file = texts.iter().find(|file| &file.path == *root);
            !file.is_some_and(|file| file.text.lines().any(|line| line.trim() == "#![no_std]"))
        })
        .map(|root| format!("{root}: add #![no_std]; its results must not depend on the machine"))
        .collect()
}

fn is_member(file: &Tracked) -> bool {
    file.path.ends_with("/Cargo.toml") && !GUESTS.contains(&file.path.as_str())
}

fn lints_not_inherited(file: &Tracked) -> Vec<String> {
    if !is_member(file) || file.text.contains("[lints]\nworkspace = true") {
        return Vec::new();
    }
    vec![format!("{}: add [lints] with workspace = true", file.path)]
}

/// One version and one feature set of everything, named in the root manifest.
fn own_versions(file: &Tracked) -> Vec<String> {
    if !is_member(file) {
        return Vec::new();
    }
    lines(
        file,
        "name the version in the root Cargo.toml and write .workspace = true",
        |line| line.contains("version = \"") || line.contains("path = \"../"),
    )
}

#[test]
fn arrows_point_to_earlier_rows() {
    assert_tidy(&packages().iter().flat_map(wrong_arrows).collect::<Vec<_>>());
}

#[test]
fn fenced_dependencies_stay_behind_their_fence() {
    assert_tidy(
        &packages()
            .iter()
            .flat_map(broken_fences)
            .collect::<Vec<_>>(),
    );
    assert_tidy(&check(bincode_outside_the_codec));
}

#[test]
fn pure_packages_are_no_std() {
    assert_tidy(&std_in_pure_packages());
}

#[test]
fn members_inherit_lints_and_versions() {
    assert_tidy(&check(lints_not_inherited));
    assert_tidy(&check(own_versions));
}

#[test]
fn planted_violations_are_found() {
    let package = |name: &str, uses: &[&str]| Package {
        name: name.to_owned(),
        uses: uses.iter().map(|used| (*used).to_owned()).collect(),
    };
    for (from, to) in [
        ("protocol", "tollgate-model"),
        ("edge", "tollgate-pipeline"),
        ("loadtest", "tollgate-protocol"),
        ("node", "tollgate-loadtest"),
        ("newcomer", "serde"),
    ] {
        assert_eq!(
            wrong_arrows(&package(from, &[to])).len(),
            1,
            "{from} -> {to}"
        );
    }
    assert!(wrong_arrows(&package("node", &["tollgate-edge", "serde"])).is_empty());
    for (name, used) in [
        ("pipeline", "actix-rt"),
        ("edge", "actix-web"),
        ("node", "bincode"),
    ] {
        assert!(
            !broken_fences(&package(name, &[used])).is_empty(),
            "{name} {used}"
        );
    }
    assert!(broken_fences(&package("edge", &["actix-http"])).is_empty());
    let file = |path: &str, text: &str| Tracked {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let call = file(
        "cluster/state/src/x.rs",
        "let x = bincode::encode_to_vec(y, z);\n",
    );
    assert_eq!(bincode_outside_the_codec(&call).len(), 1);
    assert_eq!(
        lints_not_inherited(&file("node/Cargo.toml", "[package]\n")).len(),
        1
    );
    assert_eq!(
        own_versions(&file("node/Cargo.toml", "x = { version = \"1\" }\n")).len(),
        1
    );
}
