//! What a start prints, writes and promises.

use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tollgate_harness::{Backend, Node, NodeOptions, Request, bar, tollgate_binary};
use tollgate_tests::files;

/// Every file below a directory.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("read a folder") {
        let path = entry.expect("read a folder").path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_listener_answers_where_addresses_json_says() {
    let backend = Backend::echo();
    let mut node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let addresses = node.addresses();
    assert_eq!(node.send(&Request::get("/x").host(files::HOST)).status, 200);
    for path in ["/livez", "/readyz", "/startupz"] {
        assert_eq!(node.ops(path).status, 200, "{path}");
    }
    assert!(!node.metrics().is_empty());
    // Without a signature the admin API tells nothing, but it answers.
    assert!((400..500).contains(&Request::get("/v2/apis").send(addresses.admin).status));
    let said = node.process().tail();
    for bound in [
        addresses.http,
        addresses.admin,
        addresses.ops,
        addresses.peer,
    ] {
        assert!(
            said.contains(&bound.to_string()),
            "{bound} was not printed:\n{said}"
        );
    }
}

/// The milliseconds that a node says it took: `ready after_ms=41`.
fn ready_after_ms(log: &str) -> u64 {
    let (_, after) = log
        .split_once("after_ms=")
        .unwrap_or_else(|| panic!("the log does not say how long the start took:\n{log}"));
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

#[test]
fn a_node_is_ready_in_a_tenth_of_a_second() {
    let backend = Backend::echo();
    // The best of a few: other tests share the processors.
    let best = (0..5)
        .map(|_| {
            let mut node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
            ready_after_ms(&node.process().stderr())
        })
        .min()
        .expect("some starts");
    bar(7, &format!("start to ready in {best} ms (at most 100)"));
    let folder = tollgate_binary();
    let folder = folder.parent().and_then(Path::file_name);
    // The promise is of optimised builds.
    if folder.is_some_and(|name| name != "debug") {
        assert!(best <= 100, "{best} ms");
    }
}

#[test]
fn health_is_not_served_to_the_apis_clients() {
    let node = Node::start(NodeOptions::new());
    for path in ["/livez", "/readyz", "/metrics"] {
        let response = node.send(&Request::get(path).host(files::HOST));
        assert!(
            (400..500).contains(&response.status),
            "{path}: {response:?}"
        );
    }
}

#[test]
fn the_first_start_shows_its_root_key_once_and_keeps_it_private() {
    let mut node = Node::start(NodeOptions::new().own_root_key());
    let first = node.process().stdout() + &node.process().stderr();
    let keeper = files_below(&node.data_dir())
        .into_iter()
        .find(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("AKIA")))
        .expect("a file of the data directory holds the root access key");
    let kept = fs::read_to_string(&keeper).unwrap();
    let access_key: String = kept[kept.find("AKIA").unwrap()..]
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    assert_eq!(access_key.len(), 20, "{access_key}");
    assert!(
        first.contains(&access_key),
        "the first start did not print {access_key}:\n{first}"
    );
    let mode = fs::metadata(&keeper).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "{} is {mode:o}", keeper.display());
    // The key that it made works for its own administrator without being told again.
    assert_eq!(node.cli(&["get", "apis"]).code, 0);

    node.stop();
    node.restart();
    let second = node.process().stdout() + &node.process().stderr();
    assert!(
        !second.contains(&access_key),
        "the second start printed it again:\n{second}"
    );
    assert_eq!(
        fs::read_to_string(&keeper).unwrap(),
        kept,
        "a restart changed the root key"
    );
}

#[test]
fn a_given_root_key_is_not_written_down() {
    let node = Node::start(NodeOptions::new());
    for path in files_below(&node.data_dir()) {
        let bytes = fs::read(&path).unwrap();
        let secret = tollgate_harness::ROOT_SECRET_KEY.as_bytes();
        let found = bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!found, "{} holds the secret", path.display());
    }
}

#[test]
fn usage_errors_exit_with_64_and_name_the_mistake() {
    let unknown_flag = tollgate_harness::tollgate(["start", "--htpp", "127.0.0.1:0"]);
    assert_eq!(unknown_flag.code, 64, "{unknown_flag:?}");
    assert!(
        unknown_flag.stderr.contains("--http"),
        "no suggestion: {unknown_flag:?}"
    );
    let bad_address = tollgate_harness::tollgate(["start", "--http", "nowhere"]);
    assert_eq!(bad_address.code, 64, "{bad_address:?}");
    assert!(bad_address.stderr.contains("nowhere"), "{bad_address:?}");
}

#[test]
fn an_address_in_use_is_refused_with_its_code() {
    let first = Node::start(NodeOptions::new());
    let taken = first.http().to_string();
    let refused = Node::try_start(NodeOptions::new().arg("--http").arg(&taken)).unwrap_err();
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("TG0001"), "{refused:?}");
    assert!(refused.stderr.contains(&taken), "{refused:?}");
}

#[test]
fn a_variable_that_is_no_text_stops_nothing() {
    let value = std::ffi::OsString::from_vec(b"\xff".to_vec());
    let node = Node::start(NodeOptions::new().env("STRANGE", value));
    assert_eq!(node.ops("/readyz").status, 200);
}

#[test]
fn files_that_break_a_rule_together_are_refused() {
    let file = |name| format!("apiKeys: {{{name}: {{value: the-same-secret-value}}}}\n");
    let options = NodeOptions::new()
        .apply("one.yaml", file("one"))
        .apply("two.yaml", file("two"));
    let refused = Node::try_start(options).expect_err("two keys with one value");
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("TG0007"), "{refused:?}");
    assert!(
        refused.stderr.contains("`one` has this value"),
        "{refused:?}"
    );
    assert!(!refused.stderr.contains("the-same-secret"), "{refused:?}");
}
