//! Founding, joining, starting and removing nodes.

use tollgate_protocol::limits;

use super::*;

pub(super) fn addresses(port: u8) -> Addresses {
    Addresses {
        peer: vec![alloc::format!("10.0.0.1:{port}")],
        ..Addresses::default()
    }
}

pub(super) fn found() -> Command {
    Command::Found {
        cluster: [7; 16],
        authority: vec![1, 2, 3],
        sealed_key: vec![4, 5],
        node: 1,
        key_hash: [1; 32],
        name: "one".into(),
        addresses: addresses(1),
    }
}

pub(super) fn up(node: NodeId, incarnation: u32) -> Command {
    Command::NodeUp {
        node,
        incarnation,
        addresses: addresses(9),
        version: "0.1.0".into(),
        levels: (1, 1),
    }
}

pub(super) fn token(id: &str, uses: u32, expires: Millis) -> Command {
    Command::CreateToken {
        id: id.into(),
        secret_hash: [9; 32],
        expires,
        uses,
        who: "root".into(),
    }
}

pub(super) fn admit(token: &str, key: u8) -> Command {
    Command::AdmitNode {
        token: token.into(),
        secret_hash: [9; 32],
        key_hash: [key; 32],
        name: "another".into(),
        addresses: addresses(key),
    }
}

pub(super) fn remove(node: NodeId) -> Command {
    Command::RemoveNode {
        node,
        who: "root".into(),
    }
}

/// Lets a node with this key in.
pub(super) fn join(talk: &mut Talk, key: u8) {
    let expires = Millis(talk.at.0.max(talk.state.now.0) + 1000);
    let id = alloc::format!("for-{key}");
    assert_eq!(talk.say(0, token(&id, 1, expires)).reply, Reply::Done);
    let reply = talk.say(0, admit(&id, key)).reply;
    assert!(matches!(reply, Reply::Admitted(_)), "{reply:?}");
}

fn refused(reply: &Reply) -> bool {
    matches!(reply, Reply::Refused(_))
}

#[test]
fn a_cluster_is_founded_once() {
    let mut talk = Talk::new(1);
    let again = talk.say(0, found());
    assert_eq!((again.reply, again.effects), (Reply::Done, vec![]));
    let mut other = found();
    if let Command::Found { cluster, .. } = &mut other {
        *cluster = [8; 16];
    }
    let before = talk.state.nodes.clone();
    assert!(refused(&talk.say(0, other).reply));
    assert_eq!(talk.state.nodes, before);
    assert_eq!(talk.state.founding().unwrap().cluster, [7; 16]);
    assert_eq!(talk.state.nodes()[&1].name, "one");
}

#[test]
fn a_log_without_founding_has_node_one_only() {
    let mut state = State::default();
    let mut say = |command| {
        let proposal = ProposalId::default();
        let at = NOON;
        state
            .apply(&Entry {
                at,
                proposal,
                command,
            })
            .reply
    };
    assert!(refused(&say(up(2, 1))));
    assert_eq!(say(up(1, 1)), Reply::Done);
    let none = Reply::NotAdmitted(AdmitRefusal::NotFounded);
    assert_eq!(say(admit("t", 5)), none);
    // The node that was there is the one that the cluster is founded with.
    assert_eq!(say(found()), Reply::Done);
    assert_eq!(say(up(1, 1)), Reply::Stale);
    assert_eq!(state.nodes()[&1].key_hash, [1; 32]);
}

#[test]
fn a_token_admits_as_many_nodes_as_it_says_and_a_retry_gets_the_same_id() {
    let mut talk = Talk::new(1);
    let expires = Millis(NOON.0 + 60_000);
    assert_eq!(talk.say(0, token("t", 2, expires)).reply, Reply::Done);
    assert_eq!(talk.say(0, token("t", 2, expires)).reply, Reply::Done);
    assert!(refused(&talk.say(0, token("t", 3, expires)).reply));
    let first = talk.say(0, admit("t", 20));
    assert_eq!(first.reply, Reply::Admitted(2));
    assert_eq!(first.effects, [Effect::NodesChanged]);
    let retry = talk.say(0, admit("t", 20));
    assert_eq!((retry.reply, retry.effects), (Reply::Admitted(2), vec![]));
    assert_eq!(talk.say(0, admit("t", 21)).reply, Reply::Admitted(3));
    let used_up = Reply::NotAdmitted(AdmitRefusal::UsedUp);
    assert_eq!(talk.say(0, admit("t", 22)).reply, used_up);
    assert_eq!(talk.state.tokens()["t"].left, 0);
    // Neither the token's end nor its being forgotten changes what a retry gets.
    for later in [expires.0, expires.0 + 10 * Millis::DAY] {
        talk.at = Millis(later);
        assert_eq!(talk.say(0, admit("t", 20)).reply, Reply::Admitted(2));
    }
    let unknown = Reply::NotAdmitted(AdmitRefusal::UnknownToken);
    assert_eq!(talk.say(0, admit("t", 23)).reply, unknown);
}

#[test]
fn bad_tokens_are_refused_by_kind() {
    let mut talk = Talk::new(1);
    let expires = Millis(NOON.0 + 60_000);
    talk.say(0, token("t", 2, expires));
    let mut wrong = admit("t", 20);
    if let Command::AdmitNode { secret_hash, .. } = &mut wrong {
        *secret_hash = [1; 32];
    }
    let refusal = |talk: &mut Talk, command: Command| match talk.say(0, command).reply {
        Reply::NotAdmitted(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(&mut talk, wrong.clone()), AdmitRefusal::WrongSecret);
    assert_eq!(
        refusal(&mut talk, admit("u", 20)),
        AdmitRefusal::UnknownToken
    );
    talk.at = expires;
    assert_eq!(refusal(&mut talk, admit("t", 20)), AdmitRefusal::Expired);
    talk.at = Millis(NOON.0 + 60_001);
    talk.say(0, token("r", 1, Millis(talk.at.0 + 5)));
    let revoke = Command::RevokeToken { id: "r".into() };
    assert_eq!(talk.say(0, revoke.clone()).reply, Reply::Done);
    assert!(refused(&talk.say(0, revoke).reply));
    assert_eq!(
        refusal(&mut talk, admit("r", 20)),
        AdmitRefusal::UnknownToken
    );
    assert_eq!(talk.state.nodes().len(), 1);
    // A key that is in, with a secret that nobody gave it.
    talk.say(0, token("s", 1, Millis(talk.at.0 + 5)));
    assert_eq!(talk.say(0, admit("s", 20)).reply, Reply::Admitted(2));
    if let Command::AdmitNode { token, .. } = &mut wrong {
        *token = "s".into();
    }
    assert_eq!(refusal(&mut talk, wrong), AdmitRefusal::WrongSecret);
}

#[test]
fn tokens_are_bounded_in_number_and_time() {
    let mut talk = Talk::new(1);
    let month = limits::TOKEN_TTL_MS_MAX;
    assert!(refused(&talk.say(0, token("t", 1, NOON)).reply));
    assert!(refused(
        &talk.say(0, token("t", 0, Millis(NOON.0 + 1))).reply
    ));
    let late = Millis(NOON.0 + month + 1);
    assert!(refused(&talk.say(0, token("t", 1, late)).reply));
    for n in 0..limits::TOKENS_MAX {
        let id = n.to_string();
        let made = talk.say(0, token(&id, 1, Millis(NOON.0 + 10)));
        assert_eq!(made.reply, Reply::Done);
    }
    assert!(refused(
        &talk.say(0, token("t", 1, Millis(NOON.0 + 20))).reply
    ));
    talk.at = Millis(NOON.0 + 10);
    let made = talk.say(0, token("t", 1, Millis(NOON.0 + 20)));
    assert_eq!(made.reply, Reply::Done);
    assert_eq!(talk.state.tokens().len(), 1);
}

#[test]
fn what_is_too_long_is_refused() {
    let mut talk = Talk::new(1);
    talk.say(0, token("t", 1, Millis(NOON.0 + 1)));
    let before = (talk.state.nodes.clone(), talk.state.tokens.clone());
    let mut long = admit("t", 20);
    if let Command::AdmitNode { addresses, .. } = &mut long {
        addresses.http = vec!["x".repeat(limits::NODE_ADDRESS_BYTES_MAX + 1)];
    }
    assert!(refused(&talk.say(0, long).reply));
    let mut many = up(1, 2);
    if let Command::NodeUp { addresses, .. } = &mut many {
        addresses.admin = vec!["x".into(); limits::NODE_ADDRESSES_MAX + 1];
    }
    assert!(refused(&talk.say(0, many).reply));
    assert_eq!(
        before,
        (talk.state.nodes.clone(), talk.state.tokens.clone())
    );
}

#[test]
fn a_removed_node_never_comes_back() {
    let mut talk = Talk::new(100);
    talk.boot(2, 1);
    assert_eq!(granted(&talk.lease(2, 1, 1, want(1, 0, 0, 10))), 2);
    let removed = talk.say(0, remove(2));
    assert_eq!(removed.reply, Reply::Done);
    assert_eq!(removed.effects, [Effect::NodesChanged]);
    assert_eq!(talk.say(0, remove(2)).effects, []);
    assert_eq!(talk.out(), 2);
    let batch = LeaseBatch {
        node: 2,
        incarnation: 1,
        seq: 2,
        items: vec![want(1, 1, 0, 10)],
    };
    assert_eq!(talk.say(0, Command::Lease(batch)).reply, Reply::Stale);
    assert!(refused(&talk.say(0, up(2, 7)).reply));
    talk.say(0, token("t", 5, Millis(NOON.0 + 1)));
    let removed_key = Reply::NotAdmitted(AdmitRefusal::RemovedKey);
    assert_eq!(talk.say(0, admit("t", 101)).reply, removed_key);
    assert_eq!(talk.say(0, admit("t", 50)).reply, Reply::Admitted(3));
    assert!(refused(&talk.say(0, remove(9)).reply));
    talk.say(0, remove(3));
    assert!(refused(&talk.say(0, remove(1)).reply), "the last node");
    assert_eq!(talk.say(0, admit("t", 51)).reply, Reply::Admitted(4));
}

#[test]
fn a_start_tells_where_the_node_is_now() {
    let mut talk = Talk::new(1);
    let started = talk.say(0, up(1, 5));
    assert_eq!(started.effects, [Effect::NodesChanged]);
    let node = &talk.state.nodes()[&1];
    assert_eq!((node.incarnation, node.levels), (5, (1, 1)));
    assert_eq!(node.addresses, addresses(9));
    assert_eq!(talk.say(0, up(1, 5)).reply, Reply::Stale);
    assert_eq!(talk.say(0, up(1, 4)).reply, Reply::Stale);
    assert!(refused(&talk.say(0, up(2, 1)).reply));
}

#[test]
fn what_is_refused_without_trying_is_what_trying_refuses() {
    let hour = Millis(3_600_000);
    let mut state = State::default();
    let mut states = vec![state.clone()];
    for command in [
        found(),
        token("good", 5, Millis(NOON.0 + hour.0)),
        token("single", 1, Millis(NOON.0 + hour.0)),
        admit("single", 2),
        admit("good", 3),
        up(3, 1),
        admit("good", 4),
        remove(4),
    ] {
        let entry = Entry {
            at: NOON,
            proposal: ProposalId::default(),
            command,
        };
        drop(state.apply(&entry));
        states.push(state.clone());
    }
    let mut verdicts = alloc::collections::BTreeSet::new();
    for state in states {
        for (now, id) in [0, 2 * hour.0, limits::TOKEN_REMEMBERED_MS + 2 * hour.0]
            .into_iter()
            .flat_map(|later| ["good", "single", "none"].map(|id| (Millis(NOON.0 + later), id)))
        {
            for (key, secret) in (2..=5).flat_map(|key| [(key, 9), (key, 8)]) {
                let told = state.refuses(now, id, &[secret; 32], &[key; 32]);
                let mut command = admit(id, key);
                if let Command::AdmitNode { secret_hash, .. } = &mut command {
                    *secret_hash = [secret; 32];
                }
                let tried = state.clone().apply(&Entry {
                    at: now,
                    proposal: ProposalId::default(),
                    command,
                });
                let refused = match tried.reply {
                    Reply::NotAdmitted(refusal) => Some(refusal),
                    _ => None,
                };
                assert_eq!(told, refused, "{id} {secret} for key {key} at {now:?}");
                verdicts.insert(alloc::format!("{told:?}"));
            }
        }
    }
    assert_eq!(verdicts.len(), 8, "{verdicts:?}");
}
