//! Access keys of users. The secret of one is derived from the name of the call that made it, under
//! a key that only the cluster's nodes have, so that a repetition of the call gets the same one; it
//! is agreed on sealed, and shown once.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_aws::{AwsError, ErrorKind};
use tollgate_protocol::limits::IAM_KEYS_PER_USER_MAX;
use tollgate_state::{AccessKey, Iam, IamChange, SealedKey};

use super::{change, date, limit, read, users};
use crate::admin::call::Call;
use crate::admin::reply::{Outcome, Reply};
use crate::iam::about;

fn render(call: &Call<'_>, key: &AccessKey) -> Value {
    let closed = call.state.identities.load().is_closed(&key.key.id);
    let status = match (closed, key.active) {
        (true, _) => "Unusable",
        (false, true) => "Active",
        (false, false) => "Inactive",
    };
    json!({
        "accessKeyId": key.key.id,
        "userName": key.user,
        "status": status,
        "createDate": date(key.key.created),
    })
}

pub(super) fn list(call: &Call<'_>, user: &str) -> Outcome {
    let iam = read(call);
    users::find(&iam, user)?;
    let keys = iam.keys_of(user);
    let items: Vec<Value> = keys.into_iter().map(|it| render(call, it)).collect();
    Ok(Reply::json(200, json!({"items": items})))
}

/// Seals a secret for the cluster's nodes.
///
/// # Errors
/// `InternalServerErrorException` where this node cannot.
pub(super) fn seal(call: &Call<'_>, id: &str, secret: &str) -> Result<Vec<u8>, AwsError> {
    let vault = call.state.door.vault();
    let sealed = vault.and_then(|it| it.seal(&about(id), secret.as_bytes()).ok());
    sealed.ok_or_else(|| {
        let text = "this node belongs to no cluster that could seal a secret";
        AwsError::new(ErrorKind::Internal, text)
    })
}

pub(super) async fn create(call: &Call<'_>, user: &str) -> Outcome {
    let id = call.seed.iam_id("AKIA");
    let secret = call.seed.access_secret(&id);
    let sealed = seal(call, &id, &secret)?;
    change(call, |iam, now| {
        users::find(iam, user)?;
        if iam.keys().contains_key(&id) {
            // This very call made it, and its answer was lost.
            return Ok(Vec::new());
        }
        if iam.keys_of(user).len() >= IAM_KEYS_PER_USER_MAX {
            let text =
                format!("Cannot exceed quota for AccessKeysPerUser: {IAM_KEYS_PER_USER_MAX}");
            return Err(limit(text, "AccessKeysPerUser"));
        }
        let key = SealedKey {
            id: id.clone(),
            created: now,
            sealed: sealed.clone(),
        };
        Ok(vec![IamChange::PutKey(AccessKey {
            key,
            user: user.to_owned(),
            active: true,
        })])
    })
    .await?;
    let iam = read(call);
    let mut made = render(call, find(&iam, user, &id)?);
    made["secretAccessKey"] = secret.into();
    Ok(Reply::json(201, made))
}

/// The access key of this user.
fn find<'i>(iam: &'i Iam, user: &str, id: &str) -> Result<&'i Arc<AccessKey>, AwsError> {
    users::find(iam, user)?;
    let key = iam.keys().get(id).filter(|it| it.user == user);
    key.ok_or_else(|| {
        let text = format!("The Access Key with id {id} cannot be found.");
        AwsError::not_found(text).with_resource_type("access key")
    })
}

#[derive(Deserialize)]
enum Status {
    Active,
    Inactive,
}

#[derive(Deserialize)]
struct Update {
    status: Status,
}

pub(super) async fn update(call: &Call<'_>, user: &str, id: &str) -> Outcome {
    let wanted: Update = call.input()?;
    let active = matches!(wanted.status, Status::Active);
    change(call, |iam, _| {
        let key = find(iam, user, id)?;
        Ok(match key.active == active {
            true => Vec::new(),
            false => vec![IamChange::PutKey(AccessKey {
                active,
                ..AccessKey::clone(key)
            })],
        })
    })
    .await?;
    Ok(Reply::empty(204))
}

pub(super) async fn delete(call: &Call<'_>, user: &str, id: &str) -> Outcome {
    change(call, |iam, _| {
        find(iam, user, id)?;
        Ok(vec![IamChange::DeleteKey(id.to_owned())])
    })
    .await?;
    Ok(Reply::empty(204))
}
