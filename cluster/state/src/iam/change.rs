//! Changes of users and what belongs to them: whole records, put or deleted, all or nothing.
//!
//! The one who makes a change read everything first and names the revision that he read, so that
//! no rule needs more than the record and what it refers to.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use tollgate_protocol::Millis;
use tollgate_protocol::codec::{Decode, Encode};
use tollgate_protocol::limits::{
    IAM_BYTES_MAX, IAM_CHANGES_MAX, IAM_GROUPS_MAX, IAM_KEYS_PER_USER_MAX, IAM_POLICIES_MAX,
    IAM_ROOT_OVERLAP_MS_MAX, IAM_USERS_MAX, WHO_BYTES_MAX,
};

use super::{AccessKey, Group, Iam, ManagedPolicy, RootKeys, User, rules};
use crate::State;
use crate::command::{Applied, Effect, Reply};
use crate::state::reply;

/// One change. Variants are only added at the end.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub enum IamChange {
    /// Makes a user, or replaces the one of its name.
    PutUser(User),
    /// Deletes a user without access keys.
    DeleteUser(String),
    /// Makes a group, or replaces the one of its name.
    PutGroup(Group),
    /// Deletes a group that nobody is in.
    DeleteGroup(String),
    /// Makes a managed policy, or replaces the one of its name.
    PutPolicy(ManagedPolicy),
    /// Deletes a managed policy that is attached to nothing.
    DeletePolicy(String),
    /// Makes an access key, or replaces the one of its id, of the same user.
    PutKey(AccessKey),
    /// Deletes an access key.
    DeleteKey(String),
    /// Makes another key the root key.
    SetRoot(RootKeys),
}

impl IamChange {
    /// About how many bytes it takes in a log.
    #[must_use]
    pub fn weight(&self) -> usize {
        const FRAME: usize = 512;
        let own = match self {
            Self::PutUser(user) => rules::weight(&user.tags) + rules::weight(&user.inline),
            Self::PutGroup(group) => rules::weight(&group.inline),
            Self::PutPolicy(policy) => policy.document.len() + policy.description.len(),
            Self::PutKey(_)
            | Self::SetRoot(_)
            | Self::DeleteUser(_)
            | Self::DeleteGroup(_)
            | Self::DeletePolicy(_)
            | Self::DeleteKey(_) => 0,
        };
        own + FRAME
    }
}

/// Why nothing was changed.
type Checked = Result<(), &'static str>;

impl State {
    /// Users, groups, policies and access keys.
    #[must_use]
    pub fn iam(&self) -> &Arc<Iam> {
        &self.iam
    }

    pub(crate) fn change_iam(
        &mut self,
        expected: u64,
        changes: &[IamChange],
        who: &str,
    ) -> Applied {
        if expected != self.iam.revision {
            return reply(Reply::IamConflict(self.iam.revision));
        }
        if changes.is_empty() {
            return reply(Reply::Iam(expected));
        }
        if changes.len() > IAM_CHANGES_MAX || who.len() > WHO_BYTES_MAX {
            return reply(Reply::Refused("too much for one command".into()));
        }
        // Tables of pointers: copying one is cheap, and a refusal leaves nothing half done.
        let mut next = Iam::clone(&self.iam);
        for change in changes {
            if let Err(why) = next.take(change, self.now) {
                return reply(Reply::Refused(why.into()));
            }
        }
        if next.bytes() > IAM_BYTES_MAX {
            return reply(Reply::Refused(
                "there is as much about users and policies as there may be".into(),
            ));
        }
        next.revision += 1;
        let revision = next.revision;
        self.iam = Arc::new(next);
        Applied {
            reply: Reply::Iam(revision),
            effects: Vec::from([Effect::PublishIam(revision)]),
        }
    }
}

impl Iam {
    fn take(&mut self, change: &IamChange, now: Millis) -> Checked {
        match change {
            IamChange::PutUser(user) => self.put_user(user),
            IamChange::DeleteUser(name) => self.delete_user(name),
            IamChange::PutGroup(group) => self.put_group(group),
            IamChange::DeleteGroup(name) => self.delete_group(name),
            IamChange::PutPolicy(policy) => self.put_policy(policy),
            IamChange::DeletePolicy(name) => self.delete_policy(name),
            IamChange::PutKey(key) => self.put_key(key),
            IamChange::DeleteKey(id) => match self.keys.remove(id) {
                Some(_) => Ok(()),
                None => Err("there is no such access key"),
            },
            IamChange::SetRoot(root) => self.set_root(root, now),
        }
    }

    fn put_user(&mut self, user: &User) -> Checked {
        rules::user(user)?;
        rules::is_free(&self.users, &user.name, IAM_USERS_MAX)?;
        if !user.groups.iter().all(|it| self.groups.contains_key(it)) {
            return Err("a group of the user does not exist");
        }
        self.are_policies(user.attached.iter())?;
        self.users.insert(user.name.clone(), Arc::new(user.clone()));
        Ok(())
    }

    fn delete_user(&mut self, name: &str) -> Checked {
        if self.keys.values().any(|it| it.user == name) {
            return Err("the user has access keys");
        }
        match self.users.remove(name) {
            Some(_) => Ok(()),
            None => Err("there is no such user"),
        }
    }

    fn put_group(&mut self, group: &Group) -> Checked {
        rules::group(group)?;
        rules::is_free(&self.groups, &group.name, IAM_GROUPS_MAX)?;
        self.are_policies(group.attached.iter())?;
        self.groups
            .insert(group.name.clone(), Arc::new(group.clone()));
        Ok(())
    }

    fn delete_group(&mut self, name: &str) -> Checked {
        if self.members_of(name).next().is_some() {
            return Err("users are in the group");
        }
        match self.groups.remove(name) {
            Some(_) => Ok(()),
            None => Err("there is no such group"),
        }
    }

    fn put_policy(&mut self, policy: &ManagedPolicy) -> Checked {
        rules::policy(policy)?;
        rules::is_free(&self.policies, &policy.name, IAM_POLICIES_MAX)?;
        self.policies
            .insert(policy.name.clone(), Arc::new(policy.clone()));
        Ok(())
    }

    fn delete_policy(&mut self, name: &str) -> Checked {
        let by_user = self.users.values().any(|it| it.attached.contains(name));
        let by_group = self.groups.values().any(|it| it.attached.contains(name));
        if by_user || by_group {
            return Err("the policy is attached");
        }
        match self.policies.remove(name) {
            Some(_) => Ok(()),
            None => Err("there is no such policy"),
        }
    }

    fn put_key(&mut self, key: &AccessKey) -> Checked {
        rules::sealed(&key.key)?;
        if !self.users.contains_key(&key.user) {
            return Err("there is no such user");
        }
        match self.keys.get(&key.key.id) {
            Some(known) if known.user != key.user => {
                return Err("the access key is another user's");
            }
            Some(_) => {}
            None if self.keys_of(&key.user).len() >= IAM_KEYS_PER_USER_MAX => {
                return Err("the user has as many access keys as a user may have");
            }
            None => {}
        }
        if self.root_ids().any(|id| *id == key.key.id) {
            return Err("the access key is the root key");
        }
        self.keys.insert(key.key.id.clone(), Arc::new(key.clone()));
        Ok(())
    }

    fn set_root(&mut self, root: &RootKeys, now: Millis) -> Checked {
        let previous = root.previous.as_ref();
        let all = core::iter::once(&root.current).chain(previous.map(|(key, _)| key));
        for key in all {
            rules::sealed(key)?;
            if self.keys.contains_key(&key.id) {
                return Err("the root key is a user's");
            }
        }
        if previous.is_some_and(|(key, _)| key.id == root.current.id) {
            return Err("the new root key is the old one");
        }
        let latest = now.0.saturating_add(IAM_ROOT_OVERLAP_MS_MAX);
        if previous.is_some_and(|(_, until)| until.0 > latest) {
            return Err("the older root key may be accepted for at most 7 days");
        }
        self.root = Some(root.clone());
        Ok(())
    }

    fn root_ids(&self) -> impl Iterator<Item = &String> {
        self.root.iter().flat_map(|root| {
            let previous = root.previous.iter().map(|(key, _)| &key.id);
            core::iter::once(&root.current.id).chain(previous)
        })
    }

    fn are_policies<'n>(&self, mut names: impl Iterator<Item = &'n String>) -> Checked {
        match names.all(|name| self.policies.contains_key(name)) {
            true => Ok(()),
            false => Err("an attached policy does not exist"),
        }
    }
}
