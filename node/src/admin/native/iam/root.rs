//! The rotation of the root key.

use serde::Deserialize;
use serde_json::json;
use tollgate_aws::{AwsError, Denial, ErrorKind};
use tollgate_protocol::Millis;
use tollgate_state::{IamChange, RootKeys, SealedKey};

use super::{change, keys};
use crate::admin::call::Call;
use crate::admin::reply::{Outcome, Reply};

/// How long the old key goes on to be accepted unless told otherwise.
const OVERLAP_SECONDS: u64 = 3_600;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rotate {
    overlap_seconds: u64,
}

impl Default for Rotate {
    fn default() -> Self {
        Self {
            overlap_seconds: OVERLAP_SECONDS,
        }
    }
}

/// `POST iam/root/rotate`: another key is the root key on every node from now on; the old one is
/// accepted for `overlapSeconds` more. A key from before that one is not, from now on.
pub(super) async fn rotate(call: &Call<'_>) -> Outcome {
    if !call.access.principal().is_root() {
        // Who could make a root key would be root.
        let who = call.access.principal().arn();
        let action = "tollgate:RotateRootKey";
        return Err(AwsError::access_denied(&who, action, "*", Denial::NoAllow));
    }
    let identities = &call.state.identities;
    if identities.root_source().is_pinned() {
        return Err(AwsError::conflict(
            "the configuration of this node names its root key; change it there, on every node",
        ));
    }
    let wanted: Rotate = call.input()?;
    let id = call.seed.iam_id("AKIA");
    let secret = call.seed.access_secret(&id);
    let sealed = keys::seal(call, &id, &secret)?;
    let old = identities.load().root_key();
    let old = old.filter(|old| old.access_key_id != id);
    let old_sealed = match &old {
        Some(old) => Some(keys::seal(
            call,
            &old.access_key_id,
            &old.secret_access_key,
        )?),
        None => None,
    };
    let overlap_ms = wanted.overlap_seconds.saturating_mul(1000);
    change(call, |iam, now| {
        if iam.root().is_some_and(|root| root.current.id == id) {
            return Ok(Vec::new());
        }
        // The key before is accepted for a while, and may be what the rotation is to shut out.
        if iam.root().is_some_and(|root| root.current.id != call.who) {
            let text = "this is not the root key any more; only the current one can be rotated";
            return Err(AwsError::new(ErrorKind::AccessDenied, text));
        }
        let until = Millis(now.0.saturating_add(overlap_ms));
        let first = || {
            let (old, sealed) = old.as_ref().zip(old_sealed.clone())?;
            Some(SealedKey {
                id: old.access_key_id.clone(),
                created: Millis(0),
                sealed,
            })
        };
        let current = iam.root().map(|root| root.current.clone());
        let previous = current.or_else(first).map(|key| (key, until));
        Ok(vec![IamChange::SetRoot(RootKeys {
            current: SealedKey {
                id: id.clone(),
                created: now,
                sealed: sealed.clone(),
            },
            previous: previous.filter(|_| overlap_ms > 0),
        })])
    })
    .await?;
    tracing::warn!(who = call.who, root = id, "root key rotated");
    // A repetition of the call finds the old key in what was agreed on.
    let agreed = super::read(call);
    let previous = agreed.root().and_then(|root| root.previous.as_ref());
    let old = old.map(|it| it.access_key_id);
    let old = old.or_else(|| previous.map(|(key, _)| key.id.clone()));
    let body = json!({
        "accessKeyId": id,
        "secretAccessKey": secret,
        "oldAccessKeyId": old,
        "oldAcceptedForSeconds": wanted.overlap_seconds,
    });
    Ok(Reply::json(200, body))
}
