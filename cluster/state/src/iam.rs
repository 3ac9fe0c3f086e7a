//! Who may administer: users, groups, policies and access keys, and the root key once it was
//! rotated.
//!
//! They are no part of the configuration: neither a rollback nor an API file brings a credential
//! back that was deleted or disabled, and no change of an API has to wait for one of them. Secrets
//! are here as bytes that were sealed outside: the state neither opens nor makes any.

mod change;
mod rules;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use tollgate_protocol::Millis;
use tollgate_protocol::codec::{Decode, Encode};

pub use change::IamChange;

/// A user.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct User {
    /// Its name: no other one differs in case only.
    pub name: String,
    /// Its id, which no later user of the same name has.
    pub id: String,
    /// When it was made.
    pub created: Millis,
    /// Its tags: what conditions see as `aws:PrincipalTag/KEY`.
    pub tags: BTreeMap<String, String>,
    /// The groups that it is in.
    pub groups: BTreeSet<String>,
    /// The managed policies attached to it.
    pub attached: BTreeSet<String>,
    /// The policies inside it, by name.
    pub inline: BTreeMap<String, String>,
}

/// A group of users: its policies are theirs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// When it was made.
    pub created: Millis,
    /// The managed policies attached to it.
    pub attached: BTreeSet<String>,
    /// The policies inside it, by name.
    pub inline: BTreeMap<String, String>,
}

/// A policy with a name of its own, to be attached.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct ManagedPolicy {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// When it was made.
    pub created: Millis,
    /// When its document was last changed.
    pub updated: Millis,
    /// What it is for.
    pub description: String,
    /// The document, JSON.
    pub document: String,
}

/// An access key of a user.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct AccessKey {
    /// The key and its secret.
    pub key: SealedKey,
    /// Whose it is, by name.
    pub user: String,
    /// Whether it is accepted.
    pub active: bool,
}

/// An access key id with its secret, sealed for the cluster's nodes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct SealedKey {
    /// The access key id.
    pub id: String,
    /// When it was made.
    pub created: Millis,
    /// The sealed secret.
    pub sealed: Vec<u8>,
}

/// The root key after it was rotated. Before that every node has it from its data directory only.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct RootKeys {
    /// The key.
    pub current: SealedKey,
    /// The one before it, and until when it is accepted too.
    pub previous: Option<(SealedKey, Millis)>,
}

/// All of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct Iam {
    revision: u64,
    users: BTreeMap<String, Arc<User>>,
    groups: BTreeMap<String, Arc<Group>>,
    policies: BTreeMap<String, Arc<ManagedPolicy>>,
    keys: BTreeMap<String, Arc<AccessKey>>,
    root: Option<RootKeys>,
}

impl Iam {
    /// Counts the changes of anything here.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The users by name.
    #[must_use]
    pub fn users(&self) -> &BTreeMap<String, Arc<User>> {
        &self.users
    }

    /// The groups by name.
    #[must_use]
    pub fn groups(&self) -> &BTreeMap<String, Arc<Group>> {
        &self.groups
    }

    /// The managed policies by name.
    #[must_use]
    pub fn policies(&self) -> &BTreeMap<String, Arc<ManagedPolicy>> {
        &self.policies
    }

    /// The access keys by id.
    #[must_use]
    pub fn keys(&self) -> &BTreeMap<String, Arc<AccessKey>> {
        &self.keys
    }

    /// The root key, if it was ever rotated.
    #[must_use]
    pub fn root(&self) -> Option<&RootKeys> {
        self.root.as_ref()
    }

    /// The access keys of a user, oldest first.
    #[must_use]
    pub fn keys_of(&self, user: &str) -> Vec<&Arc<AccessKey>> {
        let mut keys: Vec<_> = self.keys.values().filter(|it| it.user == user).collect();
        keys.sort_by(|a, b| (a.key.created, &a.key.id).cmp(&(b.key.created, &b.key.id)));
        keys
    }

    /// The users of a group.
    pub fn members_of<'i>(&'i self, group: &'i str) -> impl Iterator<Item = &'i Arc<User>> {
        self.users
            .values()
            .filter(move |it| it.groups.contains(group))
    }

    /// A new cluster makes a root key of its own.
    pub(crate) fn forget_root(&mut self) {
        self.root = None;
    }
}
