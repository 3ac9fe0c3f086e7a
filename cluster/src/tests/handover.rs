//! A leader that goes leaves no gap.

use std::time::Duration;

use tokio::time::Instant;
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

/// Where the leader is among these.
async fn leader(nodes: &[TestNode]) -> usize {
    let place = || {
        nodes
            .iter()
            .position(|it| it.door.members().role == "leader")
    };
    until("a leader", place, Option::is_some).await;
    place().expect("found a moment ago")
}

#[tokio::test]
async fn the_office_goes_from_node_to_node_while_all_of_them_write() {
    let (_hub, nodes, _clock) = cluster(3).await;
    three_voters(&nodes).await;
    let before = write(&nodes[0]).await;
    let writers = nodes.iter().map(|node| async {
        for _ in 0..40 {
            write(node).await;
        }
    });
    let turns = async {
        let mut took = Vec::new();
        while took.len() < 8 {
            let place = leader(&nodes).await;
            let began = Instant::now();
            if nodes[place].door.office.hand_over().await {
                took.push(began.elapsed());
                assert_ne!(nodes[place].door.members().role, "leader");
            }
        }
        took.sort();
        took
    };
    let (took, _) = tokio::join!(turns, futures_util::future::join_all(writers));
    println!("handovers: {took:?}");
    // A third of the lease that a voter would have to wait out.
    assert!(took[0] < Duration::from_millis(230), "{took:?}");
    assert_eq!(write(&nodes[0]).await, before + 3 * 40 + 1);
}

#[tokio::test]
async fn when_a_leader_stops_another_one_leads_before_it_is_gone() {
    let (hub, mut nodes, _clock) = cluster(3).await;
    three_voters(&nodes).await;
    let gone = nodes.remove(leader(&nodes).await);
    let (id, term) = (gone.id, gone.door.members().term);
    let voted = || nodes.iter().map(|it| hub.votes(it.id)).sum::<usize>();
    let before = voted();
    let began = Instant::now();
    gone.stop().await;
    let stopped = began.elapsed();
    for node in &nodes {
        let members = node.door.members();
        assert_eq!(members.term, term + 1, "{members:?}");
        assert_ne!(members.leader, Some(id));
    }
    // One node asked the two others, and nobody else did.
    assert_eq!(voted() - before, 2);
    write(&nodes[0]).await;
    println!(
        "stopped in {stopped:?}, written after {:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_leader_without_anybody_to_hand_over_to_goes_at_once() {
    let (_hub, mut nodes, _clock) = cluster(1).await;
    assert!(!nodes[0].door.office.hand_over().await);
    write(&nodes[0]).await;
    nodes.remove(0).stop().await;
}
