//! Looking back: which revisions there were, what lies between two of them, and going back to one.

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_aws::wire::to_iso8601;
use tollgate_aws::{AwsError, ErrorKind};
use tollgate_model::{Model, diff};
use tollgate_protocol::ids::Revision;
use tollgate_protocol::limits::HISTORY_REVISIONS_MAX;
use tollgate_state::{Action, RevisionRecord};

use super::plan;
use crate::admin::call::Call;
use crate::admin::change::{self, LooksAt, change};
use crate::admin::reply::{Outcome, Reply};

/// Revisions that are listed unless more are asked for.
const LISTED: usize = 20;

/// `GET history?limit=COUNT`: the newest first.
///
/// # Errors
/// `BadRequestException` for a limit that is no number.
pub(super) async fn list(call: &Call<'_>) -> Outcome {
    let limit = match call.parameter("limit") {
        None => LISTED,
        Some(text) => text
            .parse()
            .map_err(|_| AwsError::bad_request(format!("`{text}` is no number of revisions")))?,
    };
    let limit = limit.min(HISTORY_REVISIONS_MAX);
    let (revision, records) = call
        .read(move |state| {
            let newest = state.history().rev().take(limit);
            (state.revision, newest.cloned().collect::<Vec<_>>())
        })
        .await?;
    let items: Vec<Value> = records.iter().map(line).collect();
    Ok(Reply::json(
        200,
        json!({"revision": revision.0, "items": items}),
    ))
}

/// One revision: when, who, and the resources that it touched, never their values.
fn line(record: &RevisionRecord) -> Value {
    let named = record.named.iter().map(|touched| {
        let action = match touched.action {
            Action::Create => "create",
            Action::Update => "update",
            Action::Delete => "delete",
        };
        json!({"action": action, "kind": touched.kind, "name": touched.name})
    });
    json!({
        "revision": record.revision.0,
        "at": to_iso8601(record.at.0),
        "who": record.who,
        "changes": record.changes,
        "changed": named.collect::<Vec<_>>(),
    })
}

/// `GET history/REVISION/diff?to=REVISION`: what changed from the one to the other, the current
/// one unless it is named.
///
/// # Errors
/// `NotFoundException` for a revision that is not remembered.
pub(super) async fn between(call: &Call<'_>, from: &str) -> Outcome {
    let from = number(from)?;
    let to = match call.parameter("to") {
        Some(to) => number(&to)?,
        None => call.read(|state| state.revision).await?,
    };
    let (old, new) = (model_at(call, from)?, model_at(call, to)?);
    Ok(Reply::json(
        200,
        json!({
            "from": from.0,
            "to": to.0,
            "plan": plan::describe(&old, &diff(&old, &new)),
        }),
    ))
}

#[derive(Deserialize)]
struct Back {
    revision: u64,
}

/// `POST rollback?dry_run=BOOL`: makes the configuration what it was at a revision, as one more
/// revision and by the rules of every change.
///
/// # Errors
/// `NotFoundException` for a revision that is not remembered; as [`change::change`].
pub(super) async fn back(call: &Call<'_>) -> Outcome {
    let wanted: Back = call.input()?;
    let wanted = Revision(wanted.revision);
    let edit = |_: &Model, _| Ok((model_at(call, wanted)?, ()));
    let dry_run = call.flag("dry_run");
    let changed = if dry_run {
        change::plan(call, &edit).await?
    } else {
        change(call, LooksAt::Everything, edit).await?
    };
    Ok(Reply::json(
        200,
        json!({
            "dryRun": dry_run,
            "restored": wanted.0,
            "revision": changed.revision.0,
            "plan": plan::describe(&changed.before, &changed.changes),
        }),
    ))
}

fn number(text: &str) -> Result<Revision, AwsError> {
    let number = text.parse().map(Revision);
    number.map_err(|_| AwsError::bad_request(format!("`{text}` is no revision")))
}

fn model_at(call: &Call<'_>, revision: Revision) -> Result<Model, AwsError> {
    call.state.door.read(|state| {
        state.model_at(revision).ok_or_else(|| {
            let now = state.revision;
            let oldest = state.history().next();
            let oldest = oldest.map_or(now.0, |it| it.revision.0.saturating_sub(1));
            let text =
                format!("revision {revision} is not remembered; those from {oldest} to {now} are");
            AwsError::new(ErrorKind::NotFound, text)
        })
    })
}
