//! Who may administer and call, as this node knows it now: access keys, users and their compiled
//! policies, in one immutable view that is read without a lock.
//!
//! The state has what was agreed on; a task compiles it into a [`View`] whenever it changes
//! ([`follow`]) and swaps the pointer. The admin listener reads it for every call, and so can the
//! request path for routes that IAM authorises.

mod compile;
mod follow;
mod principal;

#[cfg(test)]
mod tests;

pub(crate) use compile::about;

pub use follow::RootSource;
pub use principal::{Identity, Principal};

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;
use tollgate_aws::Secret;
use tollgate_policy::{Context, Decision, Policy, Request, evaluate};
use tollgate_protocol::Millis;

use crate::credentials::RootKey;

/// The view of this node. Cloning gives another handle.
#[derive(Clone)]
pub struct Identities(Arc<Shared>);

struct Shared {
    view: ArcSwap<View>,
    /// The revision of the view.
    served: watch::Sender<u64>,
    root: RootSource,
}

/// Access keys and users of one revision.
#[derive(Debug, Default)]
pub struct View {
    revision: u64,
    account: Arc<str>,
    roots: Vec<Root>,
    /// Keys that are accepted, by id.
    keys: HashMap<String, Known>,
    users: HashMap<String, Arc<Identity>>,
    /// Keys that are there and cannot be opened here, by id.
    closed: Vec<String>,
    parts: compile::Parts,
}

#[derive(Debug)]
struct Root {
    id: String,
    secret: Secret,
    /// Until when it is accepted; the current one has no end.
    until: Option<Millis>,
}

#[derive(Debug, Clone)]
struct Known {
    secret: Secret,
    user: String,
}

/// The holder of an access key.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The key's secret.
    pub secret: Secret,
    /// Who holds it.
    pub principal: Principal,
}

/// Where a policy that applies to a user is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A managed policy attached to the user.
    User(String),
    /// A policy inside the user.
    UserInline(String),
    /// A managed policy attached to a group of the user: group and policy.
    Group(String, String),
    /// A policy inside a group of the user: group and policy.
    GroupInline(String, String),
}

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The root key, or development on this machine: nothing is asked.
    Root,
    /// A statement allows it, and none denies it.
    Allowed(Reason),
    /// A statement denies it.
    Denied(Reason),
    /// No statement speaks of it.
    Silent,
    /// A policy of the user cannot be read by this release: nothing is allowed.
    Unreadable(Source),
}

/// The statement that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Its policy.
    pub source: Source,
    /// Its place in the policy, from 0.
    pub statement: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
}

impl Verdict {
    /// Whether the call may go on.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Root | Self::Allowed(_))
    }
}

impl Identities {
    /// The view of this moment.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<View>> {
        self.0.view.load()
    }

    /// Waits until this revision, or a later one, is what [`Identities::load`] gives; the caller
    /// bounds how long.
    pub async fn wait_for(&self, revision: u64) {
        let mut served = self.0.served.subscribe();
        // The sender lives as long as this.
        served.wait_for(|it| *it >= revision).await.ok();
    }

    /// Where the node's first root key came from.
    #[must_use]
    pub fn root_source(&self) -> &RootSource {
        &self.0.root
    }
}

impl View {
    /// The holder of an access key that is accepted at `now`.
    #[must_use]
    pub fn lookup(&self, access_key_id: &str, now: Millis) -> Option<Holder> {
        let root = self.roots.iter().find(|it| it.id == access_key_id);
        if let Some(root) = root {
            let in_time = root.until.is_none_or(|until| now < until);
            return in_time.then(|| Holder {
                secret: root.secret.clone(),
                principal: Principal::Root(Arc::clone(&self.account)),
            });
        }
        let known = self.keys.get(access_key_id)?;
        Some(Holder {
            secret: known.secret.clone(),
            principal: Principal::User(Arc::clone(self.users.get(&known.user)?)),
        })
    }

    /// A user by name.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&Arc<Identity>> {
        self.users.get(name)
    }

    /// Counts the changes of users and what belongs to them.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether a key's secret was sealed by another cluster, so that it is accepted no more.
    #[must_use]
    pub fn is_closed(&self, access_key_id: &str) -> bool {
        self.closed.iter().any(|id| id == access_key_id)
    }

    /// The root key that is current.
    #[must_use]
    pub fn root_key(&self) -> Option<RootKey> {
        let root = self.roots.iter().find(|it| it.until.is_none())?;
        Some(RootKey {
            access_key_id: root.id.clone(),
            secret_access_key: root.secret.expose().to_owned(),
        })
    }
}

/// Decides whether a principal may do `action` to `resource`: a pure function of its policies and
/// the context, to which nothing is added here.
#[must_use]
pub fn decide(
    principal: &Principal,
    action: &str,
    resource: &str,
    context: &Context<'_>,
) -> Verdict {
    let identity = match principal {
        Principal::Root(_) | Principal::Anonymous(_) => return Verdict::Root,
        Principal::User(identity) => identity,
    };
    if let Some(source) = &identity.unreadable {
        return Verdict::Unreadable(source.clone());
    }
    let policies = identity.policies.iter().map(|(_, policy)| &**policy);
    let request = Request {
        action,
        resource,
        caller: principal.caller(),
        context,
    };
    let sources = |place: usize| identity.policies.get(place).map(|(source, _)| source);
    weigh(evaluate(policies, &request), sources)
}

/// The verdict that a decision comes to; `source` names a policy by its place.
pub(crate) fn weigh<'s>(
    decision: Decision<'_>,
    source: impl Fn(usize) -> Option<&'s Source>,
) -> Verdict {
    let reason = |by: tollgate_policy::By<'_>| {
        Some(Reason {
            source: source(by.policy)?.clone(),
            statement: by.statement,
            sid: by.sid.map(str::to_owned),
        })
    };
    match decision {
        Decision::Allowed { by } => reason(by).map_or(Verdict::Silent, Verdict::Allowed),
        Decision::Denied { by } => reason(by).map_or(Verdict::Silent, Verdict::Denied),
        // Policies of users name no principals, so nothing is delegated by them.
        Decision::Delegated { .. } | Decision::NotAllowed => Verdict::Silent,
    }
}

/// The policies that apply, with where each is.
pub(crate) type Policies = Vec<(Source, Arc<Policy>)>;
