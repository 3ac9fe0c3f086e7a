//! A state that goes on as another cluster's: what stays, what does not, and that no quota is
//! exceeded by it.

use super::*;

/// Node 1 got 4 of 100, of which it reported 3; node 2 is in the cluster.
fn used() -> Talk {
    let mut talk = Talk::new(100);
    talk.boot(2, 1);
    talk.lease(1, 1, 1, want(1, 0, 0, 2));
    talk.lease(1, 1, 2, want(1, 2, 0, 3));
    talk.lease(1, 1, 3, want(1, 3, 0, 0));
    let unused = ApiKey {
        id: "unused".into(),
        usage_plans: vec!["gold".into()],
        ..ApiKey::default()
    };
    talk.configure(&[Change::PutApiKey(Arc::new(unused))]);
    talk
}

/// The state in the hands of a new cluster, whose first node lives.
fn successor(quotas: Quotas, kept: Option<NodeId>, at: Millis) -> Talk {
    let mut talk = used();
    talk.state.succeed(at, kept, quotas);
    assert_eq!(
        (talk.state.founding(), talk.state.tokens().len()),
        (None, 0)
    );
    talk.at = at;
    let founded = match (nodes::found(), kept) {
        (
            Command::Found {
                cluster,
                authority,
                sealed_key,
                key_hash,
                name,
                addresses,
                ..
            },
            Some(node),
        ) => Command::Found {
            cluster,
            authority,
            sealed_key,
            node,
            key_hash,
            name,
            addresses,
        },
        (first, _) => first,
    };
    assert_eq!(talk.say(0, founded).reply, Reply::Done);
    let (node, incarnation) = kept.map_or((1, 1), |kept| (kept, 2));
    talk.boot(node, incarnation);
    talk
}

/// How many requests a key gets until nothing is left, in a new life of the node.
fn all(talk: &mut Talk, node: NodeId, key: &str) -> u64 {
    let incarnation = talk.state.nodes()[&node].incarnation + 1;
    talk.boot(node, incarnation);
    let (mut got, mut seq) = (0, 0);
    loop {
        seq += 1;
        let item = LeaseItem {
            key: key.into(),
            ..want(1, got, 0, 1000)
        };
        let now = granted(&talk.lease(node, incarnation, seq, item));
        if now == got {
            return got;
        }
        got = now;
    }
}

#[test]
fn current_windows_have_nothing_left_and_the_next_ones_everything() {
    let mut talk = successor(Quotas::Exhausted, None, NOON);
    let before = talk.state.revision;
    for key in ["k", "unused"] {
        assert_eq!(all(&mut talk, 1, key), 0, "{key}");
    }
    // A key that is made now was never used anywhere.
    let new = ApiKey {
        id: "new".into(),
        usage_plans: vec!["gold".into()],
        ..ApiKey::default()
    };
    talk.configure(&[Change::PutApiKey(Arc::new(new))]);
    assert_eq!(talk.state.revision, Revision(before.0 + 1));
    assert_eq!(all(&mut talk, 1, "new"), 100);
    talk.at = Millis(NOON.0 + Millis::DAY);
    for key in ["k", "unused"] {
        assert_eq!(all(&mut talk, 1, key), 100, "{key}");
    }
}

/// A backup of yesterday: today's window, of which it knows nothing, is the exhausted one.
#[test]
fn windows_are_those_of_the_moment_and_not_of_the_backup() {
    let tomorrow = Millis(NOON.0 + Millis::DAY);
    let mut talk = successor(Quotas::Exhausted, None, tomorrow);
    for key in ["k", "unused"] {
        assert_eq!(all(&mut talk, 1, key), 0, "{key}");
    }
    // A clock that is behind the state's does not open a window again.
    let early = Millis(NOON.0 - 1);
    let mut talk = successor(Quotas::Exhausted, None, early);
    assert_eq!(all(&mut talk, 1, "k"), 0);
}

#[test]
fn what_nodes_held_counts_as_spent() {
    for kept in [None, Some(1), Some(2)] {
        let mut talk = successor(Quotas::AsKnown, kept, NOON);
        assert_eq!(talk.out(), 4, "{kept:?}");
        let node = kept.unwrap_or(1);
        assert_eq!(all(&mut talk, node, "k"), 96, "{kept:?}");
        assert_eq!(talk.out(), 100);
        let bucket = talk.state.quota.bucket(&"gold".into(), &"k".into());
        let window = bucket.unwrap().current;
        assert!(window.is_consistent() && window.assumed == 1, "{window:?}");
    }
}

#[test]
fn a_kept_node_keeps_its_id_and_the_others_are_out_for_ever() {
    let mut talk = successor(Quotas::AsKnown, Some(2), NOON);
    assert_eq!(talk.state.live_ids().collect::<Vec<_>>(), [2]);
    assert!(talk.state.nodes()[&1].removed.is_some());
    let stranger = talk.say(0, nodes::up(1, 99));
    assert!(matches!(stranger.reply, Reply::Refused(_)), "{stranger:?}");
    talk.say(0, nodes::token("t2", 3, Millis(NOON.0 + 5000)));
    // Its first node's key was 1: it is the founder's now. The next id was never given.
    let joined = talk.say(0, nodes::admit("t2", 77));
    assert_eq!(joined.reply, Reply::Admitted(3));
}

#[test]
fn names_of_proposals_begin_anew_where_ids_do() {
    let mut talk = used();
    let made = |talk: &mut Talk| {
        talk.say(9, nodes::token("mine", 1, Millis(NOON.0 + 5000)))
            .reply
    };
    assert_eq!(made(&mut talk), Reply::Done);
    let mut kept = talk.clone();
    talk.state.succeed(NOON, None, Quotas::AsKnown);
    kept.state.succeed(NOON, Some(1), Quotas::AsKnown);
    assert_eq!(
        (made(&mut talk), made(&mut kept)),
        (Reply::Done, Reply::Done)
    );
    assert_eq!(talk.state.tokens().len(), 1);
    assert_eq!(kept.state.tokens().len(), 0, "answered from memory");
}

/// The same after a node wrote it to disk and read it.
#[test]
fn a_successor_survives_its_snapshot() {
    for kept in [None, Some(2)] {
        let mut state = used().state;
        state.succeed(NOON, kept, Quotas::Exhausted);
        let bytes = state.snapshot().unwrap();
        assert_eq!(State::restore(&bytes).as_ref(), Ok(&state));
    }
}
