//! A rolling upgrade with real logs: releases of two levels side by side, and one that cannot
//! follow.

use tollgate_state::{Addresses, AdmitRefusal, Command, Reply};

use super::hub::{TestNode, cluster, until};
use super::links;
use crate::JoinFailure;

/// Begins a life of a node with a release of these levels, as a restart would.
async fn up(node: &TestNode, levels: (u16, u16)) -> Reply {
    let incarnation = node.door.read(|state| state.nodes()[&node.id].incarnation);
    node.propose(Command::NodeUp {
        node: node.id,
        incarnation: incarnation + 1,
        addresses: Addresses::default(),
        version: "0.2.0".into(),
        levels,
    })
    .await
}

fn level(node: &TestNode) -> u16 {
    node.door.read(tollgate_state::State::level)
}

#[tokio::test]
async fn the_level_rises_on_all_nodes_when_the_last_was_upgraded() {
    let (_hub, nodes, _clock) = cluster(3).await;
    until(
        "voters",
        || nodes[0].door.members().voters.len(),
        |it| *it == 3,
    )
    .await;
    // Two of three run tomorrow's release; one of them is taken back to today's.
    assert_eq!(up(&nodes[1], (1, 2)).await, Reply::Done);
    assert_eq!(up(&nodes[2], (1, 2)).await, Reply::Done);
    assert_eq!(up(&nodes[2], (1, 1)).await, Reply::Done);
    assert_eq!(up(&nodes[0], (1, 2)).await, Reply::Done);
    assert!(nodes.iter().all(|it| level(it) == 1));
    assert_eq!(up(&nodes[2], (1, 2)).await, Reply::Done);
    for node in &nodes {
        until("level 2", || level(node), |it| *it == 2).await;
    }
    // It is agreed on: today's release is refused from now on, whichever node begins with it.
    for node in &nodes {
        assert_eq!(up(node, (1, 1)).await, Reply::Level(2), "node {}", node.id);
    }
    assert_eq!(up(&nodes[2], (2, 3)).await, Reply::Done);
    assert_eq!(level(&nodes[2]), 2);
}

#[tokio::test]
async fn a_machine_whose_release_is_too_old_or_too_new_is_not_let_in() {
    let one = links::alone().await;
    let token = one.token(2).await;
    for levels in [(0, 0), (2, 3)] {
        let refused = one.ask(&token, levels).await;
        let told = matches!(refused, Err(JoinFailure::NotAdmitted(AdmitRefusal::Level)));
        assert!(told, "{levels:?}: {refused:?}");
    }
    // Neither took a use of the token, nor an id.
    for id in [2, 3] {
        let joined = one.ask(&token, (1, 2)).await.unwrap();
        assert_eq!(joined.identity.node_id, id);
    }
    one.stop().await;
}
