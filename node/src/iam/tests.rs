//! From what was agreed on to what a node accepts and allows.

use std::sync::Arc;

use tollgate_cluster::{ClusterKey, Vault};
use tollgate_policy::Context;
use tollgate_protocol::Millis;
use tollgate_state::{
    AccessKey, Command, Entry, Group, IamChange, ManagedPolicy, ProposalId, Reply, RootKeys,
    SealedKey, State, User,
};

use super::compile::{Ground, about, compile};
use super::{Principal, Source, Verdict, View, decide};
use crate::credentials::RootKey;

const ALL: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;

struct World {
    state: State,
    vault: Vault,
    account: Arc<str>,
    root: RootKey,
    pinned: bool,
}

impl World {
    fn new() -> Self {
        Self {
            state: State::default(),
            vault: Vault::new(&ClusterKey::from_bytes([7; 32])),
            account: "1".into(),
            root: RootKey {
                access_key_id: "AKIAROOT".into(),
                secret_access_key: "root secret".into(),
            },
            pinned: false,
        }
    }

    fn change(&mut self, changes: Vec<IamChange>) {
        let entry = Entry {
            at: Millis(1),
            proposal: ProposalId::default(),
            command: Command::Iam {
                expected: self.state.iam().revision(),
                changes,
                who: "root".into(),
            },
        };
        let reply = self.state.apply(&entry).reply;
        assert!(matches!(reply, Reply::Iam(_)), "{reply:?}");
    }

    fn sealed(&self, id: &str) -> SealedKey {
        let secret = format!("secret of {id}");
        SealedKey {
            id: id.into(),
            created: Millis(1),
            sealed: self.vault.seal(&about(id), secret.as_bytes()).unwrap(),
        }
    }

    fn view(&self, before: &View) -> View {
        let ground = Ground {
            account: &self.account,
            vault: Some(&self.vault),
            first_root: &self.root,
            pinned: self.pinned,
        };
        compile(self.state.iam(), &ground, before)
    }

    /// Bob, in a group that may everything, with a key.
    fn with_bob() -> Self {
        let mut world = Self::new();
        let key = AccessKey {
            key: world.sealed("AKIABOB"),
            user: "bob".into(),
            active: true,
        };
        world.change(vec![
            IamChange::PutPolicy(policy("all", ALL)),
            IamChange::PutGroup(Group {
                name: "ops".into(),
                id: "AGPA1".into(),
                attached: ["all".into()].into(),
                ..Group::default()
            }),
            IamChange::PutUser(bob()),
            IamChange::PutKey(key),
        ]);
        world
    }
}

fn policy(name: &str, document: &str) -> ManagedPolicy {
    ManagedPolicy {
        name: name.into(),
        id: "ANPA1".into(),
        document: document.into(),
        ..ManagedPolicy::default()
    }
}

fn bob() -> User {
    User {
        name: "bob".into(),
        id: "AIDA1".into(),
        groups: ["ops".into()].into(),
        ..User::default()
    }
}

fn ask(view: &View, key: &str) -> Verdict {
    let holder = view.lookup(key, Millis(5)).unwrap();
    decide(&holder.principal, "a:b", "*", &Context::new())
}

#[test]
fn a_key_leads_to_its_user_and_his_policies() {
    let view = World::with_bob().view(&View::default());
    let holder = view.lookup("AKIABOB", Millis(5)).unwrap();
    assert_eq!(holder.secret.expose(), "secret of AKIABOB");
    assert_eq!(holder.principal.arn(), "arn:aws:iam::1:user/bob");
    let Verdict::Allowed(reason) = ask(&view, "AKIABOB") else {
        panic!()
    };
    assert_eq!(reason.source, Source::Group("ops".into(), "all".into()));
    assert_eq!(ask(&view, "AKIAROOT"), Verdict::Root);
    assert!(view.lookup("AKIAEVE", Millis(5)).is_none());
    let shown = format!("{view:?} {holder:?}");
    assert!(!shown.contains("secret of"), "a secret is shown");
}

#[test]
fn a_policy_that_cannot_be_read_allows_nothing() {
    let mut world = World::with_bob();
    // A newer release may have taken what this one does not know.
    let odd = policy("odd", r#"{"Version": "2099-01-01", "Statement": []}"#);
    let user = User {
        attached: ["odd".into()].into(),
        ..bob()
    };
    world.change(vec![IamChange::PutPolicy(odd), IamChange::PutUser(user)]);
    let verdict = ask(&world.view(&View::default()), "AKIABOB");
    assert_eq!(verdict, Verdict::Unreadable(Source::User("odd".into())));
    assert!(!verdict.is_allowed());
}

#[test]
fn a_key_that_another_cluster_sealed_is_not_accepted() {
    let mut world = World::with_bob();
    world.vault = Vault::new(&ClusterKey::from_bytes([8; 32]));
    let view = world.view(&View::default());
    assert!(view.lookup("AKIABOB", Millis(5)).is_none());
    assert!(view.is_closed("AKIABOB"));
}

#[test]
fn what_did_not_change_is_taken_over() {
    let mut world = World::with_bob();
    let first = world.view(&View::default());
    let more = User {
        tags: [("team".into(), "blue".into())].into(),
        ..bob()
    };
    world.change(vec![IamChange::PutUser(more)]);
    let second = world.view(&first);
    let compiled = |view: &View| Arc::clone(&view.user("bob").unwrap().policies[0].1);
    assert!(Arc::ptr_eq(&compiled(&first), &compiled(&second)));
    let silent = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "x:y", "Resource": "*"}]}"#;
    world.change(vec![IamChange::PutPolicy(policy("all", silent))]);
    let third = world.view(&second);
    assert_eq!(ask(&third, "AKIABOB"), Verdict::Silent);
    assert!(matches!(ask(&second, "AKIABOB"), Verdict::Allowed(_)));
    let Principal::User(identity) = third.lookup("AKIABOB", Millis(5)).unwrap().principal else {
        panic!()
    };
    assert_eq!(identity.record.tags.len(), 1);
}

#[test]
fn the_root_key_before_ends_at_its_time() {
    let mut world = World::new();
    let keys = RootKeys {
        current: world.sealed("AKIANEW"),
        previous: Some((world.sealed("AKIAOLD"), Millis(100))),
    };
    world.change(vec![IamChange::SetRoot(keys)]);
    let view = world.view(&View::default());
    let accepted = |id: &str, now: u64| view.lookup(id, Millis(now)).is_some();
    assert!(accepted("AKIANEW", 99) && accepted("AKIAOLD", 99));
    assert!(accepted("AKIANEW", 100) && !accepted("AKIAOLD", 100));
    assert!(!accepted("AKIAROOT", 1), "what the node began with is over");
    let current = view.root_key().unwrap();
    assert_eq!(current.access_key_id, "AKIANEW");
    assert_eq!(current.secret_access_key, "secret of AKIANEW");
    // A key that the node's configuration names stays, and is the only one.
    world.pinned = true;
    let view = world.view(&View::default());
    assert!(view.lookup("AKIAROOT", Millis(1)).is_some());
    assert!(view.lookup("AKIANEW", Millis(1)).is_none());
}
