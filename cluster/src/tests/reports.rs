//! Every node tells what its leases spent before somebody reads it.

use std::collections::BTreeSet;

use tollgate_state::Command;

use crate::{Place, Scope};

use super::hub::{TestNode, cluster, until};

/// As a node of the product: it tells by a change, here one that can be counted.
fn tells(node: &TestNode) -> tokio::task::JoinHandle<()> {
    let (door, reports) = (node.door.clone(), node.door.reports());
    tokio::spawn(async move {
        loop {
            let told = reports.asked().await;
            let command = Command::Configure {
                expected: None,
                rests_on: None,
                changes: b"[]".to_vec(),
                who: "root".into(),
            };
            door.propose(Default::default(), command).await.unwrap();
            told.answer();
        }
    })
}

#[tokio::test]
async fn who_reads_one_key_has_the_others_tell_of_that_one() {
    let (_hub, nodes, _) = cluster(3).await;
    let place: Place = ("p".into(), "k".into());
    for (of, scope) in [
        (
            Some(place.clone()),
            Scope::Of(BTreeSet::from([place.clone()])),
        ),
        (None, Scope::All),
    ] {
        let asked = nodes[1..].iter().map(|node| {
            let reports = node.door.reports();
            tokio::spawn(async move {
                let told = reports.asked().await;
                let scope = told.scope();
                told.answer();
                scope
            })
        });
        let asked: Vec<_> = asked.collect();
        assert!(nodes[0].door.reported_everywhere(of).await);
        for asked in asked {
            assert_eq!(asked.await.unwrap(), scope);
        }
    }
}

#[tokio::test]
async fn what_others_spent_is_shown_where_it_is_read() {
    let (hub, nodes, _) = cluster(3).await;
    let mut telling: Vec<_> = nodes.iter().map(tells).collect();
    for reader in &nodes {
        let before = nodes.iter().map(TestNode::revision).max().unwrap();
        assert!(reader.door.reported_everywhere(None).await);
        assert_eq!(reader.revision(), before + 2, "the two others told");
    }
    // One that is asked and cannot tell is not said to have told.
    telling[1].abort();
    let reports = nodes[1].door.reports();
    let mute = tokio::spawn(async move {
        loop {
            drop(reports.asked().await);
        }
    });
    assert!(!nodes[0].door.reported_everywhere(None).await);
    mute.abort();
    telling[1] = tells(&nodes[1]);
    assert!(nodes[0].door.reported_everywhere(None).await);
    // Of one that cannot be reached the numbers are old, and that is said.
    hub.part(&[3], &[1, 2]);
    let leads = |node: &TestNode| node.door.members().leader;
    let led = || [leads(&nodes[0]), leads(&nodes[1])];
    until("a leader of the others", led, |[one, other]| {
        one == other && one.is_some_and(|it| it != 3)
    })
    .await;
    assert!(!nodes[0].door.reported_everywhere(None).await);
    hub.heal();
    telling.iter().for_each(|it| it.abort());
}
