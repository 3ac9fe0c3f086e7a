//! What users and groups have alike: policies inside them, and managed ones attached to them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::json;
use tollgate_aws::AwsError;
use tollgate_protocol::limits::{
    IAM_ATTACHED_MAX, IAM_GROUP_INLINE_CHARS_MAX, IAM_USER_INLINE_CHARS_MAX,
};
use tollgate_state::Iam;

use super::{Document, document, groups, limit, no_such, policies, read, users};
use crate::admin::call::Call;
use crate::admin::reply::{Outcome, Reply};

/// Whose policies an operation is about, by name.
#[derive(Clone, Copy)]
pub(super) enum Owner<'n> {
    User(&'n str),
    Group(&'n str),
}

/// The policies of a user or a group.
struct Own<'o> {
    attached: &'o mut BTreeSet<String>,
    inline: &'o mut BTreeMap<String, String>,
}

async fn edit(
    call: &Call<'_>,
    owner: Owner<'_>,
    edit: impl Fn(&Iam, Own<'_>) -> Result<(), AwsError>,
) -> Outcome {
    match owner {
        Owner::User(name) => {
            users::edit(call, name, |iam, user| {
                let (attached, inline) = (&mut user.attached, &mut user.inline);
                edit(iam, Own { attached, inline })
            })
            .await?;
        }
        Owner::Group(name) => {
            groups::edit(call, name, |iam, group| {
                let (attached, inline) = (&mut group.attached, &mut group.inline);
                edit(iam, Own { attached, inline })
            })
            .await?;
        }
    }
    Ok(Reply::empty(204))
}

pub(super) fn get_inline(call: &Call<'_>, owner: Owner<'_>, policy: &str) -> Outcome {
    let iam = read(call);
    let found = match owner {
        Owner::User(name) => users::find(&iam, name)?.inline.get(policy),
        Owner::Group(name) => groups::find(&iam, name)?.inline.get(policy),
    };
    let text = found.ok_or_else(|| no_such("policy", policy))?;
    Ok(Reply::json(
        200,
        json!({"policyName": policy, "document": document(text)}),
    ))
}

#[derive(Deserialize)]
struct Put {
    document: Document,
}

pub(super) async fn put_inline(call: &Call<'_>, owner: Owner<'_>, policy: &str) -> Outcome {
    let put: Put = call.input()?;
    let text = put.document.text()?;
    let (max, whose) = match owner {
        Owner::User(name) => (IAM_USER_INLINE_CHARS_MAX, format!("user {name}")),
        Owner::Group(name) => (IAM_GROUP_INLINE_CHARS_MAX, format!("group {name}")),
    };
    edit(call, owner, |_, own| {
        own.inline.insert(policy.to_owned(), text.clone());
        let lengths = own.inline.values();
        let chars: usize = lengths
            .map(|it| it.chars().filter(|c| !c.is_whitespace()).count())
            .sum();
        if chars > max {
            let text = format!("Maximum policy size of {max} bytes exceeded for {whose}");
            return Err(limit(text, "PolicySize"));
        }
        Ok(())
    })
    .await
}

pub(super) async fn delete_inline(call: &Call<'_>, owner: Owner<'_>, policy: &str) -> Outcome {
    edit(call, owner, |_, own| match own.inline.remove(policy) {
        Some(_) => Ok(()),
        None => Err(no_such("policy", policy)),
    })
    .await
}

pub(super) async fn attach(call: &Call<'_>, owner: Owner<'_>, policy: &str) -> Outcome {
    edit(call, owner, |iam, own| {
        policies::find(iam, policy)?;
        own.attached.insert(policy.to_owned());
        if own.attached.len() > IAM_ATTACHED_MAX {
            let text = format!("Cannot exceed quota for attached policies: {IAM_ATTACHED_MAX}");
            return Err(limit(text, "AttachedPolicies"));
        }
        Ok(())
    })
    .await
}

pub(super) async fn detach(call: &Call<'_>, owner: Owner<'_>, policy: &str) -> Outcome {
    edit(call, owner, |_, own| match own.attached.remove(policy) {
        true => Ok(()),
        false => Err(AwsError::not_found(format!(
            "Policy {policy} is not attached."
        ))),
    })
    .await
}
