//! Users and the root key on several nodes: what one node agreed to holds on all, and also after one
//! of them was away.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use tollgate_harness::{Cluster, Node, NodeOptions, wait_until};
use tollgate_tests::{drivers, files};

/// All nodes follow within milliseconds; a loaded machine may take longer.
const EVERYWHERE_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn a_user_of_one_node_is_known_to_all_and_a_disabled_key_to_none() {
    let api = files::api("      - {routeKey: $default, integration: {fixedResponse: {}}}\n");
    let cluster = Cluster::start(3, &api);
    let endpoints = cluster.nodes().iter().map(|node| node.addresses().admin);
    let endpoints: Vec<String> = endpoints.map(|it| format!("http://{it}")).collect();
    let environment = [("ENDPOINTS", &*endpoints.join(" ")), ("BACKEND_URL", "")];
    let said = drivers::drive(&cluster.nodes()[0], "sdk/users.py", &environment);
    assert_eq!(said.trim(), "users: ok on 3 nodes");
}

/// What `whoami` says with the key in a node's own file.
fn whoami(node: &Node) -> Result<(), String> {
    let said = node.cli(&["iam", "whoami", "-o", "json"]);
    match said.code {
        0 if said.json()["arn"] == "arn:aws:iam::000000000000:root" => Ok(()),
        _ => Err(format!("{said:?}")),
    }
}

fn key_file(node: &Node) -> Value {
    let text = fs::read_to_string(node.data_dir().join("root-key.json")).expect("a root key");
    serde_json::from_str(&text).expect("a key")
}

/// Waits until a node's file holds this key and the node accepts it.
fn follows(node: &Node, id: &str) {
    wait_until(EVERYWHERE_WITHIN, "the new root key", || {
        match key_file(node)["accessKeyId"].as_str() {
            Some(kept) if kept == id => whoami(node),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn all_nodes_follow_a_rotation_of_the_root_key_also_one_that_was_off() {
    let first = Node::start(NodeOptions::new().own_root_key().fixed_ports());
    let join = || {
        let made = first.cli(&["token", "create", "-o", "json"]).json();
        let token = made["token"].as_str().expect("a token").to_owned();
        let options = NodeOptions::join(first.addresses().peer, &token);
        Node::start(options.own_root_key().fixed_ports())
    };
    let (second, mut third) = (join(), join());
    let old = key_file(&first);
    assert_eq!(key_file(&third), old);
    let old_file = first.home().join("old-key.json");
    fs::write(&old_file, old.to_string()).expect("keep the old key");
    let with_old = |node: &Node| {
        let file = old_file.to_str().expect("a path");
        node.cli(&["iam", "whoami", "--credentials", file]).code
    };
    third.stop();
    let rotated = second.cli(&["iam", "rotate-root", "--overlap", "1h", "-o", "json"]);
    let id = rotated.json()["accessKeyId"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_ne!(old["accessKeyId"], id.as_str());
    follows(&first, &id);
    follows(&second, &id);
    assert_eq!((with_old(&first), with_old(&second)), (0, 0), "the overlap");
    third.restart();
    follows(&third, &id);
    // Without an overlap the key before it, and the one before that, end everywhere.
    let rotated = first.cli(&["iam", "rotate-root", "--overlap", "0s", "-o", "json"]);
    let id = rotated.json()["accessKeyId"]
        .as_str()
        .expect("an id")
        .to_owned();
    for node in [&first, &second, &third] {
        follows(node, &id);
        assert_eq!(with_old(node), 1, "the first key ended");
    }
    // Who joins now gets the key of now.
    let fourth = join();
    follows(&fourth, &id);
}

#[test]
fn access_keys_come_back_with_a_backup_and_the_cluster_s_key() {
    let first = Node::start(NodeOptions::new());
    let done = |node: &Node, line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let said = node.cli(&words);
        assert_eq!(said.code, 0, "{line}: {said:?}");
        said.stdout
    };
    let folder = first.home().to_owned();
    let path = |name: &str| folder.join(name).to_str().expect("a path").to_owned();
    done(&first, "iam user create ci");
    fs::write(path("key.json"), done(&first, "iam key create ci -o json")).expect("keep the key");
    done(&first, &format!("backup {}", path("b.tgb")));
    let cluster_key = first.data_dir().join("tls/cluster.key");
    let cluster_key = cluster_key.to_str().expect("a path");
    for (name, more, code) in [
        ("with", format!("--cluster-key {cluster_key}"), 0),
        ("without", String::new(), 1),
    ] {
        let dir = path(name);
        done(
            &first,
            &format!("restore {} --data-dir {dir} {more}", path("b.tgb")),
        );
        let restored = Node::start(NodeOptions::new().data_dir(dir.as_ref()));
        let key = path("key.json");
        let who = restored.cli(&["iam", "whoami", "--credentials", &key]);
        assert_eq!(who.code, code, "{name}: {who:?}");
        let listed = restored
            .cli(&["iam", "key", "list", "ci", "-o", "json"])
            .json();
        let status = if code == 0 { "Active" } else { "Unusable" };
        assert_eq!(listed[0]["status"], status, "{name}");
    }
}
