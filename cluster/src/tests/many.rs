//! Several nodes: what one agrees to all have, and nothing agreed on is lost.

use std::time::Duration;

use tollgate_state::{Command, Reply};

use super::hub::{TestNode, cluster, until};
use crate::DoorError;

fn change(who: &str) -> Command {
    Command::Configure {
        expected: None,
        changes: b"[]".to_vec(),
        who: who.into(),
    }
}

async fn write(node: &TestNode) -> u64 {
    match node.propose(change("root")).await {
        Reply::Configured(revision) => revision.0,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_write_to_any_node_is_visible_there_at_once_and_everywhere_soon() {
    let (_hub, nodes, _clock) = cluster(3).await;
    for node in &nodes {
        let revision = write(node).await;
        assert!(node.revision() >= revision, "node {}", node.id);
        for other in &nodes {
            until("the revision", || other.revision(), |it| *it >= revision).await;
        }
    }
}

#[tokio::test]
async fn three_nodes_become_three_voters_and_survive_the_loss_of_the_leader() {
    let (hub, mut nodes, _clock) = cluster(3).await;
    for node in &nodes {
        until("voters", || node.door.members().voters.len(), |it| *it == 3).await;
    }
    let before = write(&nodes[1]).await;
    let leader = nodes[0].door.members().leader.unwrap();
    let place = nodes.iter().position(|it| it.id == leader).unwrap();
    let dead = nodes.remove(place);
    hub.part(&[dead.id], &[nodes[0].id, nodes[1].id]);
    let after = write(&nodes[0]).await;
    assert!(after > before);
    for node in &nodes {
        until("the revision", || node.revision(), |it| *it >= after).await;
    }
    hub.heal();
    until("the revision", || dead.revision(), |it| *it >= after).await;
    // Whoever led alone takes nothing on that the others do not know.
    assert!(write(&dead).await > after);
}

#[tokio::test]
async fn the_smaller_side_serves_what_it_has_and_agrees_on_nothing() {
    let (hub, nodes, _clock) = cluster(3).await;
    until(
        "voters",
        || nodes[0].door.members().voters.len(),
        |it| *it == 3,
    )
    .await;
    let before = write(&nodes[0]).await;
    hub.part(&[1], &[2, 3]);
    let lonely = nodes[0].door.clone();
    let attempt = tokio::spawn(async move {
        let name = tollgate_state::ProposalId([5; 16]);
        loop {
            match lonely.propose(name, change("lonely")).await {
                Err(DoorError::Unknown | DoorError::NoMajority) => {}
                answer => return answer,
            }
        }
    });
    let after = write(&nodes[1]).await;
    assert!(after > before);
    assert_eq!(nodes[0].revision(), before);
    assert!(!attempt.is_finished());
    hub.heal();
    // The line is back: the very same proposal is carried out, once.
    let reply = tokio::time::timeout(Duration::from_secs(30), attempt).await;
    assert!(
        matches!(reply, Ok(Ok(Ok(Reply::Configured(_))))),
        "{reply:?}"
    );
    until("both", || nodes[2].revision(), |it| *it == after + 1).await;
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_all_nodes_restart() {
    let (_hub, nodes, _clock) = cluster(3).await;
    until(
        "voters",
        || nodes[0].door.members().voters.len(),
        |it| *it == 3,
    )
    .await;
    let mut revision = 0;
    for node in &nodes {
        revision = write(node).await;
    }
    let mut again = Vec::new();
    let mut starting = tokio::task::JoinSet::new();
    for node in nodes {
        starting.spawn(node.restart());
    }
    while let Some(node) = starting.join_next().await {
        again.push(node.unwrap());
    }
    for node in &again {
        until("the revision", || node.revision(), |it| *it == revision).await;
    }
    assert_eq!(write(&again[0]).await, revision + 1);
}

#[tokio::test]
async fn a_node_that_comes_late_gets_the_state_and_large_entries_reach_it() {
    let (hub, mut nodes, _clock) = cluster(2).await;
    let late = nodes.pop().unwrap();
    until(
        "listener",
        || nodes[0].door.members().learners.len(),
        |it| *it == 1,
    )
    .await;
    hub.part(&[1], &[2]);
    // More than is kept behind a snapshot: what the other missed is not in the log any more.
    let filler = "x".repeat(256 * 1024);
    for _ in 0..12 {
        let reply = nodes[0].propose(change(&filler)).await;
        assert!(matches!(reply, Reply::Configured(_)), "{reply:?}");
    }
    until(
        "entries that are in the snapshot only",
        || nodes[0].door.members().purged,
        |it| *it > late.door.members().last_log,
    )
    .await;
    let revision = write(&nodes[0]).await;
    hub.heal();
    until("the revision", || late.revision(), |it| *it == revision).await;
    let there = nodes[0].door.read(Clone::clone);
    let here = late.door.read(Clone::clone);
    assert!(there == here, "the states differ");
    assert!(late.door.members().snapshot > 0, "it got entries only");
    // An entry that takes longer to send than an append may take.
    let large = "y".repeat(16 * 1024 * 1024);
    let reply = nodes[0].propose(change(&large)).await;
    assert_eq!(
        reply,
        Reply::Configured(tollgate_protocol::ids::Revision(revision + 1))
    );
    until("the revision", || late.revision(), |it| *it == revision + 1).await;
}

#[tokio::test]
async fn a_node_that_moved_is_heard_though_nobody_can_call_it() {
    let (hub, mut nodes, _clock) = cluster(3).await;
    until(
        "voters",
        || nodes[0].door.members().voters.len(),
        |it| *it == 3,
    )
    .await;
    let moved = nodes.pop().unwrap();
    hub.forget_address(moved.id);
    // Its start says to the cluster where it is now, without having heard of a leader.
    let moved = moved.restart().await;
    hub.heal();
    until("agreement", || moved.door.members().agrees(), |it| *it).await;
    until("cut off", || *moved.door.cut_off().borrow(), |it| !*it).await;
    let revision = write(&moved).await;
    until("the revision", || nodes[0].revision(), |it| *it == revision).await;
}
