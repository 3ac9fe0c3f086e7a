//! Who leads, as nodes believe that do not hear of it.

use super::hub::{TestNode, cluster, until};

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
