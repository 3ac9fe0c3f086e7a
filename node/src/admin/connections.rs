//! `@connections` on the admin listener, for clients whose endpoint it is. What a caller needs is
//! checked before, as for all operations.

use tollgate_aws::operations::{ManagementOp, Matched};

use super::call::{Call, label};
use super::reply::{Body, Outcome, Reply};
use crate::connections::{self, Address};

/// Carries an operation out.
///
/// # Errors
/// As [`connections::run`] and [`connections::place`].
pub(super) async fn run(op: ManagementOp, call: &Call<'_>, matched: &Matched<'_>) -> Outcome {
    let (api_id, stage) = connections::place(matched.prefix)?;
    let at = Address {
        api_id,
        stage,
        connection_id: label(matched, "connectionId"),
    };
    let (status, body) = connections::run(&*call.state.connections, op, at, call.body).await?;
    Ok(Reply {
        status,
        body: body.map_or(Body::Empty, Body::Json),
    })
}
