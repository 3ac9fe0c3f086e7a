//! The decision: an explicit deny wins, then an allow, and without either nothing is allowed.
//!
//! Source: IAM User Guide, "Policy evaluation logic" and "AWS JSON policy elements: Principal" (an
//! account as a principal); API Gateway Developer Guide, "How API Gateway resource policies affect
//! authorization workflow".

use crate::principal::Meant;
use crate::statement::Effect;
use crate::{Policy, Request};

/// What policies say of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'p> {
    /// A statement allows it, and none denies it.
    Allowed {
        /// The first that allows.
        by: By<'p>,
    },
    /// A statement of a resource policy allows it to the caller's account, and none denies it: he
    /// may go on when a policy of his own allows it too.
    Delegated {
        /// The first that allows.
        by: By<'p>,
    },
    /// A statement denies it, whatever others allow.
    Denied {
        /// The first that denies.
        by: By<'p>,
    },
    /// No statement speaks of it, so it is not allowed.
    NotAllowed,
}

/// The statement that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct By<'p> {
    /// Position of the policy among those that were asked, from 0.
    pub policy: usize,
    /// Position of the statement in its policy, from 0.
    pub statement: usize,
    /// The statement's `Sid`.
    pub sid: Option<&'p str>,
}

impl Decision<'_> {
    /// Whether the request may go on. What is delegated may not, before it was [`combine`]d.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }
}

/// Decides on a request by all policies that apply to it: those of a user and of his groups, or
/// the one of a resource. Without any policy nothing is allowed.
#[must_use]
pub fn evaluate<'p>(
    policies: impl IntoIterator<Item = &'p Policy>,
    request: &Request<'_>,
) -> Decision<'p> {
    let mut decision = Decision::NotAllowed;
    for (index, policy) in policies.into_iter().enumerate() {
        for (place, statement) in policy.statements.iter().enumerate() {
            // Of allows only the first counts, so others need not be looked at.
            if statement.effect == Effect::Allow && decision.is_allowed() {
                continue;
            }
            let Some(meant) = statement.applies(request) else {
                continue;
            };
            let by = By {
                policy: index,
                statement: place,
                sid: statement.sid.as_deref().filter(|sid| !sid.is_empty()),
            };
            decision = match (statement.effect, meant, decision) {
                (Effect::Deny, ..) => return Decision::Denied { by },
                (Effect::Allow, Meant::Himself, _) => Decision::Allowed { by },
                (Effect::Allow, Meant::ByAccount, first @ Decision::Delegated { .. }) => first,
                (Effect::Allow, Meant::ByAccount, _) => Decision::Delegated { by },
            };
        }
    }
    decision
}

/// Joins what the caller's own policies (or an IAM authorizer) say with what the API's resource
/// policy says. Within an account one allow is enough; from another account both must allow, and so
/// they must where the resource policy allows to the caller's account only: an account's number
/// there gives none of its users more than his own policies do.
#[must_use]
pub fn combine<'p>(
    identity: Decision<'p>,
    resource: Decision<'p>,
    same_account: bool,
) -> Decision<'p> {
    use Decision::{Allowed, Delegated, Denied, NotAllowed};
    match (identity, resource) {
        (denied @ Denied { .. }, _) | (_, denied @ Denied { .. }) => denied,
        (allowed @ Allowed { .. }, Allowed { .. } | Delegated { .. }) => allowed,
        (allowed @ Allowed { .. }, NotAllowed) | (NotAllowed, allowed @ Allowed { .. })
            if same_account =>
        {
            allowed
        }
        _ => NotAllowed,
    }
}
