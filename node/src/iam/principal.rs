//! Who asks, and what conditions see of him.
//!
//! Source: IAM User Guide, "AWS global condition context keys" and "IAM identifiers".

use std::sync::Arc;

use tollgate_policy::{Caller, Context};
use tollgate_state::User;

use super::{Policies, Source};

/// Who asks.
#[derive(Debug, Clone)]
pub enum Principal {
    /// The holder of the root key of this account: everything is allowed to him.
    Root(Arc<str>),
    /// A client on this machine that did not sign, which only a development node lets in: as root.
    Anonymous(Arc<str>),
    /// A user.
    User(Arc<Identity>),
}

/// A user with everything that decides what he may.
#[derive(Debug)]
pub struct Identity {
    /// What the cluster agreed on about him.
    pub record: Arc<User>,
    /// `arn:aws:iam::ACCOUNT:user/NAME`
    pub arn: String,
    pub(super) account: Arc<str>,
    /// His policies and those of his groups.
    pub(super) policies: Policies,
    /// One of them that this release cannot read.
    pub(super) unreadable: Option<Source>,
}

impl Principal {
    /// His ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        match self {
            Self::Root(account) | Self::Anonymous(account) => {
                format!("arn:aws:iam::{account}:root")
            }
            Self::User(identity) => identity.arn.clone(),
        }
    }

    /// His unique id, as `aws:userid` has it.
    #[must_use]
    pub fn user_id(&self) -> &str {
        match self {
            Self::Root(account) | Self::Anonymous(account) => account,
            Self::User(identity) => &identity.record.id,
        }
    }

    /// Whether everything is allowed to him.
    #[must_use]
    pub fn is_root(&self) -> bool {
        matches!(self, Self::Root(_) | Self::Anonymous(_))
    }

    /// As policies of resources see him.
    #[must_use]
    pub fn caller(&self) -> Caller<'_> {
        match self {
            Self::Root(_) | Self::Anonymous(_) => Caller::Anonymous,
            Self::User(identity) => Caller::Principal(&identity.arn),
        }
    }

    /// Sets the keys of conditions that say who he is.
    pub fn describe<'p>(&'p self, context: &mut Context<'p>) {
        context.set("aws:PrincipalArn", self.arn());
        context.set("aws:userid", self.user_id());
        match self {
            Self::Root(account) | Self::Anonymous(account) => {
                context.set("aws:PrincipalType", "Account");
                context.set("aws:PrincipalAccount", &**account);
            }
            Self::User(identity) => {
                context.set("aws:PrincipalType", "User");
                context.set("aws:PrincipalAccount", &*identity.account);
                context.set("aws:username", identity.record.name.as_str());
                for (key, value) in &identity.record.tags {
                    context.set(format!("aws:PrincipalTag/{key}"), value.as_str());
                }
            }
        }
    }
}
