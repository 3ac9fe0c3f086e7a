//! A node that leaves takes nothing with it that the others need.

use tollgate_state::{Command, Reply};

use super::hub::{TestNode, cluster, until};

async fn write(node: &TestNode) -> u64 {
    let change = Command::Configure {
        expected: None,
        rests_on: None,
        changes: b"[]".to_vec(),
        who: "root".into(),
    };
    match node.propose(change).await {
        Reply::Configured(revision) => revision.0,
        other => panic!("{other:?}"),
    }
}

async fn three_voters(nodes: &[TestNode]) {
    for node in nodes {
        until("voters", || node.door.members().voters.len(), |it| *it == 3).await;
    }
}

/// Lets the node at this place leave; the others go on.
async fn leaves(mut nodes: Vec<TestNode>, place: usize) -> Vec<TestNode> {
    let leaver = nodes.remove(place);
    let before = write(&nodes[0]).await;
    leaver.door.leave("root").await.unwrap();
    let id = leaver.id;
    assert!(!leaver.door.members().voters.contains(&id));
    leaver.stop().await;
    for node in &nodes {
        let revision = write(node).await;
        assert!(revision > before);
        until("the others", || node.revision(), |it| *it >= revision).await;
        assert!(node.door.read(|it| it.nodes()[&id].removed.is_some()));
    }
    nodes
}

#[tokio::test]
async fn a_follower_leaves() {
    let (_hub, nodes, _clock) = cluster(3).await;
    three_voters(&nodes).await;
    let leader = nodes[0].door.members().leader;
    let place = nodes.iter().position(|it| Some(it.id) != leader).unwrap();
    let nodes = leaves(nodes, place).await;
    // Two voters would stop at one failure, as one does.
    let votes = || nodes[0].door.members().voters.len();
    until("voters", votes, |it| *it == 1).await;
}

#[tokio::test]
async fn the_leader_leaves_and_then_the_next_until_one_is_left() {
    let (_hub, mut nodes, _clock) = cluster(3).await;
    three_voters(&nodes).await;
    while nodes.len() > 1 {
        let mut leader = None;
        until(
            "the leader",
            || {
                leader = nodes[0].door.members().leader;
                leader
            },
            Option::is_some,
        )
        .await;
        let leader = nodes[0].door.members().leader;
        let place = nodes.iter().position(|it| Some(it.id) == leader);
        let place = place.unwrap_or_else(|| panic!("{leader:?} has left"));
        nodes = leaves(nodes, place).await;
    }
    let refused = nodes[0].door.leave("root");
    // Nobody is there to take its vote; the caller need not wait for that to be said.
    let waited = tokio::time::timeout(std::time::Duration::from_secs(1), refused).await;
    assert!(waited.is_err(), "{waited:?}");
    write(&nodes[0]).await;
}

#[tokio::test]
async fn a_leader_that_lost_its_vote_does_not_lead_on() {
    let (_hub, nodes, _clock) = cluster(5).await;
    for node in &nodes {
        until("voters", || node.door.members().voters.len(), |it| *it == 5).await;
    }
    let id = nodes[0].door.members().leader.unwrap();
    let (leader, others): (Vec<_>, Vec<_>) = nodes.iter().partition(|it| it.id == id);
    // As when it could not hand over before it leaves.
    let says = || {
        leader[0].door.leaving.said(id);
        leader[0].door.members().role
    };
    until("the role", says, |it| *it != "leader").await;
    let leads = || others[0].door.members().leader;
    until("the next leader", leads, |it| it.is_some_and(|it| it != id)).await;
    write(leader[0]).await;
}

#[tokio::test]
async fn a_node_leaves_while_another_is_away_and_the_rest_still_agrees() {
    let (hub, mut nodes, _clock) = cluster(3).await;
    three_voters(&nodes).await;
    let leader = nodes[0].door.members().leader.unwrap();
    let place = nodes.iter().position(|it| it.id != leader).unwrap();
    let away = nodes.remove(place);
    hub.part(&[away.id], &[nodes[0].id, nodes[1].id]);
    let place = nodes.iter().position(|it| it.id != leader).unwrap();
    let nodes = leaves(nodes, place).await;
    let revision = write(&nodes[0]).await;
    hub.heal();
    until("the revision", || away.revision(), |it| *it >= revision).await;
}

#[tokio::test]
async fn one_node_s_word_that_another_was_removed_costs_that_one_nothing() {
    let (hub, mut nodes, _clock) = cluster(3).await;
    three_voters(&nodes).await;
    let leader = nodes[0].door.members().leader.unwrap();
    let place = nodes.iter().position(|it| it.id == leader).unwrap();
    let leader = nodes.remove(place);
    let (victim, liar) = (&nodes[0], &nodes[1]);
    hub.slander(liar.id, victim.id, true);
    hub.part(&[leader.id], &[victim.id, liar.id]);
    until("lies", || hub.slandered(), |it| *it >= 3).await;
    hub.slander(liar.id, victim.id, false);
    write(victim).await;
    // Only the victim has both what was written and somebody to vote for it.
    let lies = hub.slandered();
    hub.part(&[liar.id], &[victim.id]);
    hub.join(&[leader.id], &[victim.id]);
    write(victim).await;
    assert_eq!(hub.slandered(), lies);
    assert_eq!(victim.door.members().leader, Some(victim.id));
    assert!(!*victim.door.removed().borrow());
    let revision = victim.revision();
    until("the revision", || leader.revision(), |it| *it == revision).await;
}

#[tokio::test]
async fn a_node_that_was_removed_while_it_was_away_hears_it_of_most_voters() {
    let (hub, mut nodes, _clock) = cluster(3).await;
    three_voters(&nodes).await;
    let leader = nodes[0].door.members().leader.unwrap();
    let place = nodes.iter().position(|it| it.id != leader).unwrap();
    let away = nodes.remove(place);
    hub.part(&[away.id], &[nodes[0].id, nodes[1].id]);
    let remove = Command::RemoveNode {
        node: away.id,
        who: "root".into(),
    };
    assert_eq!(nodes[0].propose(remove).await, Reply::Done);
    for node in &nodes {
        let members = || node.door.machine.members();
        until("members", members, |it| !it.contains(&away.id)).await;
    }
    assert!(!*away.door.removed().borrow());
    hub.heal();
    until("the word", || *away.door.removed().borrow(), |it| *it).await;
    assert!(
        away.door
            .read(|state| state.nodes()[&away.id].removed.is_none())
    );
}
