//! Managed policies.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_aws::AwsError;
use tollgate_state::{Iam, IamChange, ManagedPolicy};

use super::{Document, arn, change, date, document, exists, in_use, is_taken, no_such, page, read};
use crate::admin::call::Call;
use crate::admin::reply::{Outcome, Reply};

fn render(call: &Call<'_>, iam: &Iam, policy: &ManagedPolicy) -> Value {
    let users = iam.users().values();
    let users = users.filter(|it| it.attached.contains(&policy.name));
    let groups = iam.groups().values();
    let groups = groups.filter(|it| it.attached.contains(&policy.name));
    json!({
        "policyName": policy.name,
        "policyId": policy.id,
        "arn": arn(call, &format!("policy/{}", policy.name)),
        "createDate": date(policy.created),
        "updateDate": date(policy.updated),
        "description": policy.description,
        "attachmentCount": users.count() + groups.count(),
    })
}

/// The managed policy of this name.
///
/// # Errors
/// `NotFoundException`.
pub(super) fn find<'i>(iam: &'i Iam, name: &str) -> Result<&'i Arc<ManagedPolicy>, AwsError> {
    let found = iam.policies().get(name);
    found.ok_or_else(|| no_such("policy", name))
}

pub(super) fn list(call: &Call<'_>) -> Outcome {
    let iam = read(call);
    page(call, "policies", iam.policies(), |it| {
        render(call, &iam, it)
    })
}

/// With its document, which lists leave out.
pub(super) fn get(call: &Call<'_>, name: &str) -> Outcome {
    let iam = read(call);
    let policy = find(&iam, name)?;
    let mut rendered = render(call, &iam, policy);
    rendered["document"] = document(&policy.document);
    Ok(Reply::json(200, rendered))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    policy_name: String,
    #[serde(default)]
    description: String,
    document: Document,
}

pub(super) async fn create(call: &Call<'_>) -> Outcome {
    let new: New = call.input()?;
    let text = new.document.text()?;
    let id = call.seed.iam_id("ANPA");
    change(call, |iam, now| {
        match iam.policies().get(&new.policy_name) {
            Some(policy) if policy.id == id => return Ok(Vec::new()),
            _ if is_taken(iam.policies(), &new.policy_name) => {
                return Err(exists("Policy", &new.policy_name));
            }
            _ => {}
        }
        Ok(vec![IamChange::PutPolicy(ManagedPolicy {
            name: new.policy_name.clone(),
            id: id.clone(),
            created: now,
            updated: now,
            description: new.description.clone(),
            document: text.clone(),
        })])
    })
    .await?;
    let iam = read(call);
    let made = find(&iam, &new.policy_name)?;
    Ok(Reply::json(201, render(call, &iam, made)))
}

#[derive(Deserialize)]
struct Update {
    document: Document,
}

/// In force at once for everybody whom it is attached to. There are no versions of a policy.
pub(super) async fn update(call: &Call<'_>, name: &str) -> Outcome {
    let new: Update = call.input()?;
    let text = new.document.text()?;
    change(call, |iam, now| {
        let before = find(iam, name)?;
        if before.document == text {
            return Ok(Vec::new());
        }
        Ok(vec![IamChange::PutPolicy(ManagedPolicy {
            updated: now,
            document: text.clone(),
            ..ManagedPolicy::clone(before)
        })])
    })
    .await?;
    get(call, name)
}

pub(super) async fn delete(call: &Call<'_>, name: &str) -> Outcome {
    change(call, |iam, _| {
        find(iam, name)?;
        let by_user = iam.users().values().any(|it| it.attached.contains(name));
        let by_group = iam.groups().values().any(|it| it.attached.contains(name));
        if by_user || by_group {
            return Err(in_use("detach the policy from all users and groups"));
        }
        Ok(vec![IamChange::DeletePolicy(name.to_owned())])
    })
    .await?;
    Ok(Reply::empty(204))
}
