//! From what the cluster agreed on to a view: documents are parsed and secrets opened once, and
//! what did not change since the view before is taken over from it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tollgate_aws::Secret;
use tollgate_cluster::Vault;
use tollgate_policy::{Kind, Policy};
use tollgate_state::{AccessKey, Group, Iam, ManagedPolicy, SealedKey, User};

use super::{Identity, Known, Policies, Root, Source, View};
use crate::credentials::RootKey;

/// A policy that was read, or `None` when this release cannot read it.
type Read = Option<Arc<Policy>>;
/// The policies inside a user or a group.
type Inside = Arc<Vec<(String, Read)>>;

/// What was made of single records, to be taken over while they stay the same.
#[derive(Debug, Default)]
pub(super) struct Parts {
    managed: HashMap<String, (Arc<ManagedPolicy>, Read)>,
    users: HashMap<String, (Arc<User>, Inside)>,
    groups: HashMap<String, (Arc<Group>, Inside)>,
    secrets: HashMap<String, (Arc<AccessKey>, Option<Secret>)>,
}

/// What a view is made with, beside the state.
pub(super) struct Ground<'g> {
    pub(super) account: &'g Arc<str>,
    pub(super) vault: Option<&'g Vault>,
    /// The root key that the node began with.
    pub(super) first_root: &'g RootKey,
    /// Whether that one stays, whatever the state says.
    pub(super) pinned: bool,
}

/// What a sealed secret of an access key is about.
pub(crate) fn about(access_key_id: &str) -> String {
    format!("access key {access_key_id}")
}

fn read(document: &str) -> Read {
    Policy::parse(document, Kind::Identity).ok().map(Arc::new)
}

fn inside(inline: &BTreeMap<String, String>) -> Inside {
    let each = inline
        .iter()
        .map(|(name, document)| (name.clone(), read(document)));
    Arc::new(each.collect())
}

fn open(vault: Option<&Vault>, key: &SealedKey) -> Option<Secret> {
    let plain = vault?.open(&about(&key.id), &key.sealed).ok()?;
    Some(Secret::new(String::from_utf8(plain).ok()?))
}

/// Takes over what was made of the same record, or makes it.
fn kept<R, T: Clone>(
    before: &HashMap<String, (Arc<R>, T)>,
    records: &BTreeMap<String, Arc<R>>,
    make: impl Fn(&R) -> T,
) -> HashMap<String, (Arc<R>, T)> {
    let one = |(name, record): (&String, &Arc<R>)| {
        let made = match before.get(name) {
            Some((known, made)) if Arc::ptr_eq(known, record) => made.clone(),
            Some(_) | None => make(record),
        };
        (name.clone(), (Arc::clone(record), made))
    };
    records.iter().map(one).collect()
}

/// The view of a state, with the view before it.
pub(super) fn compile(iam: &Iam, ground: &Ground<'_>, before: &View) -> View {
    let old = &before.parts;
    let parts = Parts {
        managed: kept(&old.managed, iam.policies(), |it| read(&it.document)),
        users: kept(&old.users, iam.users(), |it| inside(&it.inline)),
        groups: kept(&old.groups, iam.groups(), |it| inside(&it.inline)),
        secrets: kept(&old.secrets, iam.keys(), |it| open(ground.vault, &it.key)),
    };
    let users = iam.users().values().map(|user| {
        let identity = identity(user, iam, &parts, ground.account);
        (user.name.clone(), Arc::new(identity))
    });
    let (mut keys, mut closed) = (HashMap::new(), Vec::new());
    for (id, (key, secret)) in &parts.secrets {
        match secret {
            Some(secret) if key.active => {
                let known = Known {
                    secret: secret.clone(),
                    user: key.user.clone(),
                };
                keys.insert(id.clone(), known);
            }
            Some(_) => {}
            None => closed.push(id.clone()),
        }
    }
    View {
        revision: iam.revision(),
        account: Arc::clone(ground.account),
        roots: roots(iam, ground),
        keys,
        users: users.collect(),
        closed,
        parts,
    }
}

/// The root keys: those of the state where it has some that open here, else the node's own.
fn roots(iam: &Iam, ground: &Ground<'_>) -> Vec<Root> {
    let own = || {
        vec![Root {
            id: ground.first_root.access_key_id.clone(),
            secret: Secret::new(ground.first_root.secret_access_key.as_str()),
            until: None,
        }]
    };
    let Some(agreed) = iam.root().filter(|_| !ground.pinned) else {
        return own();
    };
    let Some(secret) = open(ground.vault, &agreed.current) else {
        return own();
    };
    let mut roots = vec![Root {
        id: agreed.current.id.clone(),
        secret,
        until: None,
    }];
    if let Some((key, until)) = &agreed.previous
        && let Some(secret) = open(ground.vault, key)
    {
        roots.push(Root {
            id: key.id.clone(),
            secret,
            until: Some(*until),
        });
    }
    roots
}

fn identity(user: &Arc<User>, iam: &Iam, parts: &Parts, account: &Arc<str>) -> Identity {
    let (mut policies, mut unreadable) = (Policies::new(), None);
    let mut add = |source: Source, policy: &Read| match policy {
        Some(policy) => policies.push((source, Arc::clone(policy))),
        None => unreadable = Some(source),
    };
    let unread = None;
    let managed = |name: &String| parts.managed.get(name).map_or(&unread, |(_, read)| read);
    if let Some((_, inside)) = parts.users.get(&user.name) {
        for (name, policy) in inside.iter() {
            add(Source::UserInline(name.clone()), policy);
        }
    }
    for name in &user.attached {
        add(Source::User(name.clone()), managed(name));
    }
    for group in user.groups.iter().filter_map(|it| iam.groups().get(it)) {
        let own = || group.name.clone();
        if let Some((_, inside)) = parts.groups.get(&group.name) {
            for (name, policy) in inside.iter() {
                add(Source::GroupInline(own(), name.clone()), policy);
            }
        }
        for name in &group.attached {
            add(Source::Group(own(), name.clone()), managed(name));
        }
    }
    Identity {
        record: Arc::clone(user),
        arn: format!("arn:aws:iam::{account}:user/{}", user.name),
        account: Arc::clone(account),
        policies,
        unreadable,
    }
}
