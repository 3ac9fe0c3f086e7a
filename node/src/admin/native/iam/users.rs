//! Users and their tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_aws::{AwsError, query_pairs};
use tollgate_state::{Iam, IamChange, User};

use super::{arn, change, date, exists, in_use, is_taken, no_such, page, read};
use crate::admin::call::Call;
use crate::admin::reply::{Outcome, Reply};

fn render(call: &Call<'_>, user: &User) -> Value {
    json!({
        "userName": user.name,
        "userId": user.id,
        "arn": arn(call, &format!("user/{}", user.name)),
        "createDate": date(user.created),
        "tags": user.tags,
        "groups": user.groups,
        "attachedPolicies": user.attached,
        "inlinePolicies": user.inline.keys().collect::<Vec<_>>(),
    })
}

/// The user of this name.
///
/// # Errors
/// `NotFoundException`.
pub(super) fn find<'i>(iam: &'i Iam, name: &str) -> Result<&'i Arc<User>, AwsError> {
    iam.users().get(name).ok_or_else(|| no_such("user", name))
}

pub(super) fn list(call: &Call<'_>) -> Outcome {
    page(call, "users", read(call).users(), |it| render(call, it))
}

pub(super) fn get(call: &Call<'_>, name: &str) -> Outcome {
    let iam = read(call);
    Ok(Reply::json(200, render(call, find(&iam, name)?)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    user_name: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

pub(super) async fn create(call: &Call<'_>) -> Outcome {
    let new: New = call.input()?;
    let id = call.seed.iam_id("AIDA");
    change(call, |iam, now| {
        match iam.users().get(&new.user_name) {
            // This very call made it, and its answer was lost.
            Some(user) if user.id == id => return Ok(Vec::new()),
            _ if is_taken(iam.users(), &new.user_name) => {
                return Err(exists("User", &new.user_name));
            }
            _ => {}
        }
        Ok(vec![IamChange::PutUser(User {
            name: new.user_name.clone(),
            id: id.clone(),
            created: now,
            tags: new.tags.clone(),
            ..User::default()
        })])
    })
    .await?;
    let iam = read(call);
    let made = find(&iam, &new.user_name)?;
    Ok(Reply::json(201, render(call, made)))
}

pub(super) async fn delete(call: &Call<'_>, name: &str) -> Outcome {
    change(call, |iam, _| {
        let user = find(iam, name)?;
        if !iam.keys_of(name).is_empty() {
            return Err(in_use("delete access keys"));
        }
        if !user.groups.is_empty() {
            return Err(in_use("remove users from group"));
        }
        if !user.attached.is_empty() {
            return Err(in_use("detach all policies"));
        }
        if !user.inline.is_empty() {
            return Err(in_use("delete policies"));
        }
        Ok(vec![IamChange::DeleteUser(name.to_owned())])
    })
    .await?;
    Ok(Reply::empty(204))
}

/// Changes a user; no change when he is so already.
pub(super) async fn edit(
    call: &Call<'_>,
    name: &str,
    edit: impl Fn(&Iam, &mut User) -> Result<(), AwsError>,
) -> Result<(), AwsError> {
    change(call, |iam, _| {
        let before = find(iam, name)?;
        let mut user = User::clone(before);
        edit(iam, &mut user)?;
        Ok(match user == **before {
            true => Vec::new(),
            false => vec![IamChange::PutUser(user)],
        })
    })
    .await
}

#[derive(Deserialize)]
struct Tags {
    tags: BTreeMap<String, String>,
}

pub(super) async fn tag(call: &Call<'_>, name: &str) -> Outcome {
    let new: Tags = call.input()?;
    edit(call, name, |_, user| {
        user.tags.extend(new.tags.clone());
        Ok(())
    })
    .await?;
    Ok(Reply::empty(204))
}

/// `?tagKeys=KEY&tagKeys=KEY`
pub(super) async fn untag(call: &Call<'_>, name: &str) -> Outcome {
    let keys: Vec<String> = query_pairs(call.query.unwrap_or_default())
        .filter(|(parameter, _)| parameter == "tagKeys")
        .map(|(_, key)| key.into_owned())
        .collect();
    edit(call, name, |_, user| {
        user.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(Reply::empty(204))
}
