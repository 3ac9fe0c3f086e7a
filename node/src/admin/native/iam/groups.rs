//! Groups of users.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_aws::AwsError;
use tollgate_protocol::limits::IAM_GROUPS_PER_USER_MAX;
use tollgate_state::{Group, Iam, IamChange};

use super::{arn, change, date, exists, in_use, is_taken, limit, no_such, page, read, users};
use crate::admin::call::Call;
use crate::admin::reply::{Outcome, Reply};

fn render(call: &Call<'_>, group: &Group) -> Value {
    json!({
        "groupName": group.name,
        "groupId": group.id,
        "arn": arn(call, &format!("group/{}", group.name)),
        "createDate": date(group.created),
        "attachedPolicies": group.attached,
        "inlinePolicies": group.inline.keys().collect::<Vec<_>>(),
    })
}

/// The group of this name.
///
/// # Errors
/// `NotFoundException`.
pub(super) fn find<'i>(iam: &'i Iam, name: &str) -> Result<&'i Arc<Group>, AwsError> {
    iam.groups().get(name).ok_or_else(|| no_such("group", name))
}

pub(super) fn list(call: &Call<'_>) -> Outcome {
    page(call, "groups", read(call).groups(), |it| render(call, it))
}

pub(super) fn get(call: &Call<'_>, name: &str) -> Outcome {
    let iam = read(call);
    let mut group = render(call, find(&iam, name)?);
    let members = iam.members_of(name).map(|user| user.name.as_str());
    group["users"] = members.collect();
    Ok(Reply::json(200, group))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    group_name: String,
}

pub(super) async fn create(call: &Call<'_>) -> Outcome {
    let new: New = call.input()?;
    let id = call.seed.iam_id("AGPA");
    change(call, |iam, now| {
        match iam.groups().get(&new.group_name) {
            Some(group) if group.id == id => return Ok(Vec::new()),
            _ if is_taken(iam.groups(), &new.group_name) => {
                return Err(exists("Group", &new.group_name));
            }
            _ => {}
        }
        Ok(vec![IamChange::PutGroup(Group {
            name: new.group_name.clone(),
            id: id.clone(),
            created: now,
            ..Group::default()
        })])
    })
    .await?;
    let iam = read(call);
    let made = find(&iam, &new.group_name)?;
    Ok(Reply::json(201, render(call, made)))
}

pub(super) async fn delete(call: &Call<'_>, name: &str) -> Outcome {
    change(call, |iam, _| {
        let group = find(iam, name)?;
        if iam.members_of(name).next().is_some() {
            return Err(in_use("remove users from group"));
        }
        if !group.attached.is_empty() {
            return Err(in_use("detach all policies"));
        }
        if !group.inline.is_empty() {
            return Err(in_use("delete policies"));
        }
        Ok(vec![IamChange::DeleteGroup(name.to_owned())])
    })
    .await?;
    Ok(Reply::empty(204))
}

/// Changes a group; no change when it is so already.
pub(super) async fn edit(
    call: &Call<'_>,
    name: &str,
    edit: impl Fn(&Iam, &mut Group) -> Result<(), AwsError>,
) -> Result<(), AwsError> {
    change(call, |iam, _| {
        let before = find(iam, name)?;
        let mut group = Group::clone(before);
        edit(iam, &mut group)?;
        Ok(match group == **before {
            true => Vec::new(),
            false => vec![IamChange::PutGroup(group)],
        })
    })
    .await
}

pub(super) async fn add(call: &Call<'_>, name: &str, user: &str) -> Outcome {
    users::edit(call, user, |iam, user| {
        find(iam, name)?;
        user.groups.insert(name.to_owned());
        if user.groups.len() > IAM_GROUPS_PER_USER_MAX {
            let text = format!("Cannot exceed quota for GroupsPerUser: {IAM_GROUPS_PER_USER_MAX}");
            return Err(limit(text, "GroupsPerUser"));
        }
        Ok(())
    })
    .await?;
    Ok(Reply::empty(204))
}

pub(super) async fn remove(call: &Call<'_>, name: &str, user: &str) -> Outcome {
    users::edit(call, user, |iam, user| {
        find(iam, name)?;
        if !user.groups.remove(name) {
            let text = format!("The user {} is not in the group {name}.", user.name);
            return Err(AwsError::not_found(text).with_resource_type("user"));
        }
        Ok(())
    })
    .await?;
    Ok(Reply::empty(204))
}
