//! Users, groups, policies and access keys: what refers to what, how much there may be, and that
//! nothing is done twice or half.

use tollgate_protocol::limits;

use super::*;
use crate::{AccessKey, Group, Iam, IamChange, ManagedPolicy, RootKeys, SealedKey, User};

fn sealed(id: &str, created: Millis) -> SealedKey {
    SealedKey {
        id: id.into(),
        created,
        sealed: vec![1, 2, 3],
    }
}

pub(super) fn user(name: &str) -> User {
    User {
        name: name.into(),
        id: "AIDA1".into(),
        ..User::default()
    }
}

fn policy(name: &str) -> ManagedPolicy {
    ManagedPolicy {
        name: name.into(),
        id: "ANPA1".into(),
        document: "{}".into(),
        ..ManagedPolicy::default()
    }
}

fn key(id: &str, user: &str) -> AccessKey {
    AccessKey {
        key: sealed(id, NOON),
        user: user.into(),
        active: true,
    }
}

/// `user NAME [group NAME] [attach NAME] [tag KEY=VALUE]`, `group NAME [attach NAME]`,
/// `policy NAME`, `key USER ID [off]`, `root ID [until MS ID]`, and `unuser` and the like.
pub(super) fn command(expected: u64, words: &[&str], at: Millis) -> Command {
    let after = |name: &str| {
        let at = words.iter().position(|it| *it == name)?;
        words.get(at + 1).map(|it| alloc::string::String::from(*it))
    };
    let name = || alloc::string::String::from(words[1]);
    let change = words.first().map(|kind| match *kind {
        "user" => IamChange::PutUser(User {
            groups: after("group").into_iter().collect(),
            attached: after("attach").into_iter().collect(),
            tags: after("tag")
                .iter()
                .filter_map(|it| it.split_once('='))
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
            ..user(words[1])
        }),
        "group" => IamChange::PutGroup(Group {
            name: name(),
            id: "AGPA1".into(),
            attached: after("attach").into_iter().collect(),
            ..Group::default()
        }),
        "policy" => IamChange::PutPolicy(policy(words[1])),
        "key" => IamChange::PutKey(AccessKey {
            active: !words.contains(&"off"),
            ..key(words[2], words[1])
        }),
        "root" => IamChange::SetRoot(RootKeys {
            current: sealed(words[1], at),
            previous: after("until").map(|ms| {
                let until = Millis(at.0 + ms.parse::<u64>().unwrap());
                (sealed(words[4], at), until)
            }),
        }),
        "unuser" => IamChange::DeleteUser(name()),
        "ungroup" => IamChange::DeleteGroup(name()),
        "unpolicy" => IamChange::DeletePolicy(name()),
        "unkey" => IamChange::DeleteKey(name()),
        other => panic!("{other} is no change"),
    });
    Command::Iam {
        expected,
        changes: change.into_iter().collect(),
        who: "root".into(),
    }
}

fn change(talk: &mut Talk, changes: Vec<IamChange>) -> Reply {
    let command = Command::Iam {
        expected: talk.state.iam().revision(),
        changes,
        who: "root".into(),
    };
    talk.say(0, command).reply
}

/// The reason of a refusal that changed nothing.
fn refused(talk: &mut Talk, changes: Vec<IamChange>) -> alloc::string::String {
    let before = Arc::clone(talk.state.iam());
    let reply = change(talk, changes);
    assert!(Arc::ptr_eq(&before, talk.state.iam()), "{reply:?}");
    match reply {
        Reply::Refused(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repeated_command_is_answered_and_not_done_again() {
    let mut talk = Talk::new(1);
    let make = command(0, &["user", "bob"], NOON);
    assert_eq!(talk.say(9, make.clone()).reply, Reply::Iam(1));
    let gone = command(1, &["unuser", "bob"], NOON);
    assert_eq!(talk.say(8, gone).reply, Reply::Iam(2));
    let again = talk.say(9, make.clone());
    assert_eq!((again.reply, again.effects), (Reply::Iam(1), vec![]));
    assert!(talk.state.iam().users().is_empty(), "it came back");
    assert_eq!(talk.say(7, make).reply, Reply::IamConflict(2));
    let name = ProposalId([9; 16]);
    assert_eq!(talk.state.answer(&name), Some(&Reply::Iam(1)));
}

#[test]
fn all_of_a_command_or_nothing() {
    let mut talk = Talk::new(1);
    let both = vec![
        IamChange::PutUser(user("bob")),
        IamChange::PutKey(key("AKIA1", "nobody")),
    ];
    assert_eq!(refused(&mut talk, both), "there is no such user");
    assert!(talk.state.iam().users().is_empty());
    let both = vec![
        IamChange::PutUser(user("bob")),
        IamChange::PutKey(key("AKIA1", "bob")),
    ];
    assert_eq!(change(&mut talk, both), Reply::Iam(1));
    assert_eq!(talk.state.iam().keys_of("bob").len(), 1);
    let many = vec![IamChange::PutUser(user("bob")); limits::IAM_CHANGES_MAX + 1];
    assert_eq!(refused(&mut talk, many), "too much for one command");
}

#[test]
fn names_and_sizes_are_bounded() {
    let mut talk = Talk::new(1);
    let long = "x".repeat(limits::IAM_USER_NAME_CHARS_MAX + 1);
    for name in ["", "a b", "a/b", "a*", "é", &*long] {
        let why = refused(&mut talk, vec![IamChange::PutUser(user(name))]);
        assert!(why.starts_with("names are"), "{name}: {why}");
    }
    assert_eq!(
        change(&mut talk, vec![IamChange::PutUser(user("Bob"))]),
        Reply::Iam(1)
    );
    let why = refused(&mut talk, vec![IamChange::PutUser(user("bob"))]);
    assert!(why.contains("in case only"), "{why}");
    let inside = |chars: usize| {
        let document = alloc::format!("{} \n\t", "d".repeat(chars));
        IamChange::PutUser(User {
            inline: [("p".into(), document)].into(),
            ..user("Bob")
        })
    };
    let max = limits::IAM_USER_INLINE_CHARS_MAX;
    let why = refused(&mut talk, vec![inside(max + 1)]);
    assert!(why.contains("2,048"), "{why}");
    assert_eq!(
        change(&mut talk, vec![inside(max)]),
        Reply::Iam(2),
        "white space does not count"
    );
    let large = |chars: usize| {
        IamChange::PutPolicy(ManagedPolicy {
            document: "d".repeat(chars),
            ..policy("p")
        })
    };
    let why = refused(&mut talk, vec![large(limits::IAM_POLICY_CHARS_MAX + 1)]);
    assert!(why.contains("6,144"), "{why}");
    assert_eq!(
        change(&mut talk, vec![large(limits::IAM_POLICY_CHARS_MAX)]),
        Reply::Iam(3)
    );
    let tags = (0..=limits::IAM_TAGS_MAX).map(|n| (n.to_string(), "".into()));
    let tagged = User {
        tags: tags.collect(),
        ..user("Bob")
    };
    let why = refused(&mut talk, vec![IamChange::PutUser(tagged)]);
    assert!(why.contains("50 tags"), "{why}");
    let alike = User {
        tags: [("Team".into(), "a".into()), ("team".into(), "b".into())].into(),
        ..user("Bob")
    };
    let why = refused(&mut talk, vec![IamChange::PutUser(alike)]);
    assert!(why.contains("in case only"), "{why}");
}

#[test]
fn there_are_as_many_as_there_may_be() {
    let mut talk = Talk::new(1);
    for group in 0..limits::IAM_GROUPS_MAX {
        let put = Group {
            name: alloc::format!("g{group}"),
            id: "AGPA1".into(),
            ..Group::default()
        };
        let reply = change(&mut talk, vec![IamChange::PutGroup(put)]);
        assert!(matches!(reply, Reply::Iam(_)), "{reply:?}");
    }
    let one_more = Group {
        name: "one-more".into(),
        id: "AGPA1".into(),
        ..Group::default()
    };
    let why = refused(&mut talk, vec![IamChange::PutGroup(one_more)]);
    assert!(why.contains("as many"), "{why}");
    let many = User {
        groups: (0..=limits::IAM_GROUPS_PER_USER_MAX)
            .map(|group| alloc::format!("g{group}"))
            .collect(),
        ..user("bob")
    };
    let why = refused(&mut talk, vec![IamChange::PutUser(many)]);
    assert!(why.contains("10 groups"), "{why}");
}

#[test]
fn all_together_is_bounded() {
    let mut talk = Talk::new(1);
    let mut state = State::clone(&talk.state);
    let mut made = 0;
    let why = loop {
        let put = ManagedPolicy {
            document: alloc::format!("{{}}{}", " ".repeat(limits::IAM_POLICY_BYTES_MAX - 2)),
            ..policy(&alloc::format!("p{made}"))
        };
        let entry = Entry {
            at: NOON,
            proposal: ProposalId::default(),
            command: Command::Iam {
                expected: made,
                changes: vec![IamChange::PutPolicy(put)],
                who: "root".into(),
            },
        };
        match state.apply(&entry).reply {
            Reply::Iam(revision) => made = revision,
            Reply::Refused(why) => break why,
            other => panic!("{other:?}"),
        }
    };
    assert!(why.starts_with("there is as much"), "{why}");
    let whole = state.snapshot().unwrap();
    assert!(whole.len() < limits::COMMAND_BYTES_MAX, "{}", whole.len());
    assert_eq!(State::restore(&whole).as_ref(), Ok(&state));
    talk.state = state;
}

/// A state with something of everything.
pub(super) fn fill(talk: &mut Talk) {
    let changes = vec![
        IamChange::PutPolicy(policy("p")),
        IamChange::PutGroup(Group {
            name: "g".into(),
            id: "AGPA1".into(),
            attached: ["p".into()].into(),
            ..Group::default()
        }),
        IamChange::PutUser(User {
            groups: ["g".into()].into(),
            tags: [("team".into(), "a".into())].into(),
            inline: [("own".into(), "{}".into())].into(),
            ..user("bob")
        }),
        IamChange::PutKey(key("AKIA1", "bob")),
        IamChange::SetRoot(RootKeys {
            current: sealed("AKIA2", NOON),
            previous: Some((sealed("AKIA3", NOON), Millis(NOON.0 + 5))),
        }),
    ];
    let reply = change(talk, changes);
    assert!(matches!(reply, Reply::Iam(_)), "{reply:?}");
}

#[test]
fn a_restored_cluster_has_the_users_and_another_root_key() {
    let mut talk = Talk::new(1);
    fill(&mut talk);
    let before = Iam::clone(talk.state.iam());
    let mut recovered = talk.state.clone();
    recovered.succeed(NOON, Some(1), Quotas::Exhausted);
    assert_eq!(**recovered.iam(), before);
    let mut restored = talk.state.clone();
    restored.succeed(NOON, None, Quotas::Exhausted);
    assert_eq!(restored.iam().root(), None);
    assert_eq!(restored.iam().users(), before.users());
    assert_eq!(restored.iam().keys(), before.keys());
    assert!(talk.state.iam().root().is_some(), "the copy is another");
}

/// What a rollback restores is the configuration.
#[test]
fn the_configuration_knows_nothing_of_it() {
    let mut talk = Talk::new(1);
    let revision = talk.state.revision;
    fill(&mut talk);
    assert_eq!(talk.state.revision, revision);
    let json = serde_json::to_string(&*talk.state.model).unwrap();
    assert!(!json.contains("bob") && !json.contains("AKIA1"), "{json}");
}
