//! Several nodes: what one agrees to all have, and nothing agreed on is lost.

use std::time::Duration;

use tollgate_state::{Command, Reply};

use super::hub::{TestNode, cluster, until};
use crate::DoorError;

fn change(who: &str) -> Command {
    Command::Configure {
        expected: None,
        rests_on: None,
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

/// Found by seed 58 of the simulation.
#[tokio::test]
async fn a_change_is_not_answered_by_a_node_that_does_not_show_it() {
    let (hub, nodes, _clock) = cluster(3).await;
    for node in &nodes {
        until("voters", || node.door.members().voters.len(), |it| *it == 3).await;
    }
    until(
        "the leader",
        || nodes[0].door.members().leader,
        Option::is_some,
    )
    .await;
    let leader = nodes[0].door.members().leader.unwrap();
    let deaf = nodes.iter().find(|it| it.id != leader).unwrap();
    // It reaches the leader and is answered, but nobody can send it the log.
    hub.forget_address(deaf.id);
    let before = deaf.revision();
    let name = tollgate_state::ProposalId([5; 16]);
    let answer = deaf.door.propose(name, change("deaf")).await;
    assert!(answer.is_err(), "{answer:?}");
    let there = nodes.iter().find(|it| it.id == leader).unwrap();
    until("the revision", || there.revision(), |it| *it == before + 1).await;
    assert_eq!(deaf.revision(), before);
    hub.heal();
    until("the revision", || deaf.revision(), |it| *it == before + 1).await;
    // The same name, the same answer.
    let again = loop {
        match deaf.door.propose(name, change("deaf")).await {
            Err(DoorError::Unknown | DoorError::NoMajority) => {}
            answer => break answer,
        }
    };
    let first = Reply::Configured(tollgate_protocol::ids::Revision(before + 1));
    assert_eq!(again, Ok(first));
    assert_eq!(deaf.revision(), before + 1);
}

/// Found by seeds 26 and 154 of the simulation.
#[tokio::test]
async fn a_removed_node_that_runs_on_keeps_nobody_from_a_leader() {
    let (hub, mut nodes, _clock) = cluster(5).await;
    for node in &nodes {
        until("voters", || node.door.members().voters.len(), |it| *it == 5).await;
    }
    until(
        "the leader",
        || nodes[0].door.members().leader,
        Option::is_some,
    )
    .await;
    let leader = nodes[0].door.members().leader.unwrap();
    // The leader and two others remove one; a fourth voter does not hear of it.
    nodes.sort_by_key(|node| node.id != leader);
    let ids: Vec<u64> = nodes.iter().map(|node| node.id).collect();
    let (gone, late) = (ids[4], ids[3]);
    hub.part(&ids[..3], &ids[3..]);
    let remove = Command::RemoveNode {
        node: gone,
        who: "root".into(),
    };
    assert_eq!(nodes[0].propose(remove).await, Reply::Done);
    let voters = || nodes[0].door.members().voters;
    until("voters", voters, |it| !it.contains(&gone)).await;
    assert!(nodes[3].door.members().voters.contains(&gone));
    hub.heal();
    let revision = write(&nodes[0]).await;
    let lagging = nodes.iter().find(|it| it.id == late).unwrap();
    until("the revision", || lagging.revision(), |it| *it >= revision).await;
    // From now on it disturbs nobody: it would ask every second.
    let (asked, term) = (hub.votes(gone), nodes[0].door.members().term);
    let began = tokio::time::Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        write(&nodes[1]).await;
    }
    assert_eq!(hub.votes(gone), asked);
    assert_eq!(nodes[0].door.members().term, term);
}
