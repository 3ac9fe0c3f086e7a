//! The node that tutorials and walks find: a function, a certificate, and beside it one that takes
//! next to no calls.

use std::ffi::OsString;

use tollgate_harness::{Node, NodeOptions, python};
use tollgate_tests::certificates;

const API: &str = "certificates:
  fixed: {certificateFile: fixed.pem, privateKeyFile: fixed.key}
functions:
  hello: {runtime: python, directory: hello, handler: app.handler}
";
const FUNCTION: &str = "import json


def handler(event, context):
    name = event.get('queryStringParameters', {}).get('name', 'World')
    return json.dumps(f'Hello from Lambda, {name}!')
";

/// Where programs are looked for: first among those that the suites' Python brings, as the AWS CLI.
pub(crate) fn path() -> OsString {
    let programs = python().parent().expect("a folder").to_owned();
    let mut path = OsString::from(programs);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

/// A node with the function `hello` and the certificate `fixed`, of `shop.example.com`.
pub(crate) fn start() -> Node {
    let folder = tempfile::tempdir().expect("make a temporary directory");
    certificates::self_signed(folder.path(), "fixed", "shop.example.com");
    let read = |name: &str| {
        std::fs::read_to_string(folder.path().join(name)).expect("read what was just made")
    };
    let options = NodeOptions::api(API).file("hello/app.py", FUNCTION);
    let options = options.file("fixed.pem", read("fixed.pem"));
    Node::start(options.file("fixed.key", read("fixed.key")))
}

/// A node that takes two management calls at once and then one a second, and as many of
/// `@connections`.
pub(crate) fn start_limited() -> Node {
    let options = NodeOptions::new();
    let options = options.arg("--management-rate").arg("1");
    Node::start(options.arg("--management-burst").arg("2"))
}

/// An access key of a new user to whom nothing is allowed: its id and its secret.
pub(crate) fn nobody(node: &Node) -> (String, String) {
    let made = node.cli(&["iam", "user", "create", "nobody"]);
    assert_eq!(made.code, 0, "{made:?}");
    let key = node
        .cli(&["iam", "key", "create", "nobody", "-o", "json"])
        .json();
    let text = |name: &str| key[name].as_str().expect("a text").to_owned();
    (text("accessKeyId"), text("secretAccessKey"))
}
