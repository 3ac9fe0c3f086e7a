//! What a planned change needs beyond the operation that makes it.
//!
//! An operation's action says what kind of call it is. Some changes weigh more than that: a
//! function is a program that runs as the gateway, and the servers of a group that is there already
//! take over the traffic of every API that leads to it.

use tollgate_aws::AwsError;
use tollgate_aws::operations::Authorization;
use tollgate_model::{Change, Model, kind};

use super::call::Call;

/// The action of making, changing or deleting a function, whichever operation does it.
pub(crate) const PUT_FUNCTION: &str = "tollgate:PutFunction";

/// Judges what changes need on top.
///
/// # Errors
/// `AccessDeniedException` for the first that the caller may not.
pub(crate) fn permit(call: &Call<'_>, before: &Model, changes: &[Change]) -> Result<(), AwsError> {
    if call.access.principal().is_root() {
        return Ok(());
    }
    for change in changes {
        if let Some(needed) = needed(call, before, change) {
            call.access.require(needed)?;
        }
    }
    Ok(())
}

fn needed(call: &Call<'_>, before: &Model, change: &Change) -> Option<Authorization> {
    let (region, account) = (&call.state.region, &call.state.account_id);
    if let (kind::FUNCTION, name) = change.subject() {
        return Some(Authorization {
            action: PUT_FUNCTION.to_owned(),
            resource: format!("arn:aws:tollgate:{region}:{account}:function/{name}"),
        });
    }
    let Change::PutUpstream(group) = change else {
        return None;
    };
    // Whoever may change the whole configuration may change a group in it.
    let there = before.upstreams.get(&group.name)?;
    let moves = there.servers != group.servers && !call.access.is_whole();
    moves.then(|| Authorization {
        action: "apigateway:PATCH".to_owned(),
        resource: format!("arn:aws:apigateway:{region}::/vpclinks/{}", group.name),
    })
}
