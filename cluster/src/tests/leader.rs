//! Who leads, as nodes believe that do not hear of it.

use std::time::Duration;

use tollgate_state::{Command, ProposalId, Reply};

use super::hub::{TestNode, cluster, until};
use crate::DoorError;
use crate::peers::kind;
use crate::raft::wire::{ProposeV1, ProposeVerdictV1, ProposedV1};

/// Three voters and a learner; the learner comes last.
async fn with_learner() -> (super::hub::Hub, Vec<TestNode>) {
    let (hub, nodes, _clock) = cluster(4).await;
    for node in &nodes {
        let members = || {
            let members = node.door.members();
            (members.voters.len(), members.learners.len())
        };
        until("voters and learners", members, |it| *it == (3, 1)).await;
    }
    let learner = *nodes[0].door.members().learners.first().unwrap();
    let (voters, mut learners): (Vec<_>, Vec<_>) =
        nodes.into_iter().partition(|it| it.id != learner);
    let mut nodes = voters;
    nodes.append(&mut learners);
    (hub, nodes)
}

#[tokio::test]
async fn a_node_that_hears_of_no_leader_believes_in_none() {
    let (hub, nodes) = with_learner().await;
    let leader = nodes[0].door.members().leader.unwrap();
    let voter = nodes.iter().find(|it| it.id != leader).unwrap();
    let learner = &nodes[3];
    let ids: Vec<u64> = nodes.iter().map(|it| it.id).collect();
    for lonely in [voter, learner] {
        until("agreement", || lonely.door.members().agrees(), |it| *it).await;
        let others: Vec<u64> = ids.iter().copied().filter(|it| *it != lonely.id).collect();
        hub.part(&[lonely.id], &others);
        until(
            "the leader",
            || lonely.door.members().leader,
            Option::is_none,
        )
        .await;
        assert!(!lonely.door.members().agrees());
        hub.heal();
        until(
            "the leader",
            || lonely.door.members().leader,
            Option::is_some,
        )
        .await;
    }
}

#[tokio::test]
async fn a_node_that_is_cut_off_says_so_soon_and_takes_changes_again_once_it_is_not() {
    let (hub, nodes, _clock) = cluster(3).await;
    for node in &nodes {
        until("voters", || node.door.members().voters.len(), |it| *it == 3).await;
    }
    let change = |who: &str| Command::Configure {
        expected: None,
        rests_on: None,
        changes: b"[]".to_vec(),
        who: who.into(),
    };
    // Whoever leads, and whoever does not.
    hub.part(&[1], &[2, 3]);
    hub.part(&[2], &[3]);
    for node in &nodes {
        until("cut off", || *node.door.cut_off().borrow(), |it| *it).await;
        let began = tokio::time::Instant::now();
        let answer = node
            .door
            .propose(ProposalId([5; 16]), change("lonely"))
            .await;
        assert_eq!(answer, Err(DoorError::NoMajority), "node {}", node.id);
        // Four times what it should take, for a machine that is busy.
        assert!(began.elapsed() < Duration::from_secs(4));
    }
    hub.heal();
    for node in &nodes {
        until("cut off", || *node.door.cut_off().borrow(), |it| !*it).await;
        let reply = node
            .door
            .propose(ProposalId([5; 16]), change("lonely"))
            .await;
        let done = matches!(reply, Ok(Reply::Configured(_)));
        assert!(done, "node {}: {reply:?}", node.id);
    }
    // However often it was asked for under that name, it was done once.
    until("the revision", || nodes[0].revision(), |it| *it == 1).await;
}

#[tokio::test]
async fn a_node_that_comes_back_follows_the_leader_that_the_others_have() {
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
    let before = nodes[0].door.members();
    let leader = before.leader.unwrap();
    let lonely = nodes.iter().find(|it| it.id != leader).unwrap();
    let others: Vec<u64> = (1..=3).filter(|it| *it != lonely.id).collect();
    for cut in [&others[..], &[leader]] {
        hub.part(&[lonely.id], cut);
        // Long enough for three elections.
        until("cut off", || *lonely.door.cut_off().borrow(), |it| *it).await;
        hub.heal();
        until("cut off", || *lonely.door.cut_off().borrow(), |it| !*it).await;
        for node in &nodes {
            let members = node.door.members();
            let seen = (members.leader, members.term);
            assert_eq!(seen, (before.leader, before.term), "node {}", node.id);
        }
    }
}

#[tokio::test]
async fn a_learner_that_moved_is_heard_though_the_leader_that_it_knew_is_dead() {
    let (hub, mut nodes) = with_learner().await;
    let learner = nodes.pop().unwrap();
    let leader = nodes[0].door.members().leader.unwrap();
    let place = nodes.iter().position(|it| it.id == leader).unwrap();
    hub.forget_address(learner.id);
    nodes.remove(place).stop().await;
    // Its start tells the cluster where it is, and has nobody but itself to find the leader.
    let learner = learner.restart().await;
    hub.heal();
    until(
        "the leader",
        || learner.door.members().leader,
        |it| it.is_some_and(|it| it != leader),
    )
    .await;
}

/// Else two nodes whose changes wait for each other, each sent to the other by a guess, would both
/// wait until the calls are given up.
#[tokio::test]
async fn a_node_that_reaches_nobody_still_says_at_once_that_it_does_not_lead() {
    let (hub, nodes, _clock) = cluster(3).await;
    for node in &nodes {
        until("voters", || node.door.members().voters.len(), |it| *it == 3).await;
    }
    let known = || nodes[0].door.members().leader;
    until("the leader", known, Option::is_some).await;
    let leader = known().unwrap();
    let busy = nodes.iter().find(|it| it.id != leader).unwrap();
    until("the leader", || busy.door.members().leader, Option::is_some).await;
    let others: Vec<u64> = (1..=3).filter(|it| *it != busy.id).collect();
    hub.part(&[busy.id], &others);
    let mut waiting = Vec::new();
    // More batches than may be on their way.
    for number in 1..=3 {
        let door = busy.door.clone();
        let change = Command::Configure {
            expected: None,
            rests_on: None,
            changes: b"[]".to_vec(),
            who: "root".into(),
        };
        let proposal = ProposalId([number; 16]);
        waiting.push(tokio::spawn(
            async move { door.propose(proposal, change).await },
        ));
        tokio::task::yield_now().await;
        let free = || busy.door.groups.capacity();
        until("a queue", free, |it| *it == busy.door.groups.max_capacity()).await;
    }
    let commands = Vec::new();
    let asked = ProposeV1 { commands }.seal().unwrap();
    let answer = hub.call((9, busy.id), kind::PROPOSE, asked).await;
    let verdict = ProposedV1::open(&answer.unwrap()).unwrap().verdict;
    assert!(
        matches!(verdict, ProposeVerdictV1::Elsewhere(_)),
        "{verdict:?}"
    );
    assert!(waiting.iter().all(|it| !it.is_finished()));
}
