//! Applies a whole document at once, or says what that would do.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tollgate_config::document::{Others, merge};
use tollgate_model::Model;

use super::plan;
use crate::admin::call::Call;
use crate::admin::change::{self, LooksAt, change};
use crate::admin::reply::{Outcome, Reply};

/// How long `wait=all` waits for the other nodes: the change itself is agreed on already.
const EVERYWHERE_DEADLINE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Body {
    /// The resources, as the loader of API files made them: without deployments and dates.
    model: Model,
}

/// `POST apply?dry_run=BOOL&prune=BOOL&wait=all`: all of it or nothing. With `wait=all` the answer
/// comes when every node of the cluster serves it, and names those that did not say so in time.
///
/// # Errors
/// As [`change::change`].
pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let body: Body = call.document()?;
    let others = if call.flag("prune") {
        Others::Remove
    } else {
        Others::Keep
    };
    let edit = |existing: &Model, now| Ok((merge(existing, body.model.clone(), now, others), ()));
    let dry_run = call.flag("dry_run");
    let changed = if dry_run {
        change::plan(call, &edit).await?
    } else {
        change(call, LooksAt::Everything, edit).await?
    };
    let mut answer = json!({
        "dryRun": dry_run,
        "revision": changed.revision.0,
        "plan": plan::describe(&changed.before, &changed.changes),
    });
    if !dry_run && call.parameter("wait").as_deref() == Some("all") {
        let door = &call.state.door;
        let behind = door.served_everywhere(changed.revision, EVERYWHERE_DEADLINE);
        answer["notServedBy"] = json!(behind.await);
    }
    Ok(Reply::json(200, answer))
}
