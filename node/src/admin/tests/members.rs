//! Nodes that come and go, by the admin listener.

use serde_json::json;
use tollgate_protocol::{Clock as _, Millis};
use tollgate_state::{Addresses, Command, ProposalId, Reply};

use super::support::{ACCESS_KEY, Admin};
use crate::clock::SystemClock;

fn propose(admin: &Admin, command: Command) -> Reply {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let proposed = admin.door.propose(ProposalId::default(), command);
    runtime.block_on(proposed).unwrap()
}

/// Lets another node into the cluster of the first.
fn companion(admin: &Admin) {
    let token = Command::CreateToken {
        id: "t".into(),
        secret_hash: [9; 32],
        expires: Millis(SystemClock::start().now().0 + 3_600_000),
        uses: 1,
        who: "root".into(),
    };
    let admit = Command::AdmitNode {
        token: "t".into(),
        secret_hash: [9; 32],
        key_hash: [2; 32],
        name: "two".into(),
        addresses: Addresses::default(),
    };
    assert_eq!(propose(admin, token), Reply::Done);
    assert_eq!(propose(admin, admit), Reply::Admitted(2));
}

#[test]
fn the_last_node_neither_leaves_nor_is_removed() {
    let admin = Admin::start();
    for (method, target) in [("POST", "leave"), ("DELETE", "members/1")] {
        let refused = admin.send(method, &format!("/tollgate/v1/{target}"), "");
        assert_eq!(refused.error(), "ConflictException", "{refused:?}");
    }
    assert!(admin.played.left.lock().unwrap().is_empty());
}

#[test]
fn a_node_with_companions_leaves_and_says_who_wanted_it() {
    let admin = Admin::start();
    companion(&admin);
    let accepted = admin.send("POST", "/tollgate/v1/leave", "");
    assert_eq!(accepted.status, 202, "{accepted:?}");
    assert_eq!(accepted.json(), json!({"nodeId": 1}));
    assert_eq!(*admin.played.left.lock().unwrap(), [ACCESS_KEY]);
}

#[test]
fn a_node_whose_vote_is_needed_is_not_removed() {
    let admin = Admin::start();
    companion(&admin);
    let needed = admin.send("DELETE", "/tollgate/v1/members/1", "");
    assert_eq!(needed.error(), "ConflictException", "{needed:?}");
    assert!(needed.body.contains("tollgate leave"), "{needed:?}");
    let spared = admin.send("DELETE", "/tollgate/v1/members/2", "");
    assert_eq!(spared.status, 200, "{spared:?}");
}
