//! Which operation answers a request.

use tollgate_aws::operations::{Matched, Op};
use tollgate_aws::{AwsError, ErrorKind, check_input};

use super::call::Call;
use super::reply::Outcome;
use super::{connections, v1, v2};

/// Carries an operation of AWS's services out.
///
/// # Errors
/// What the operation says, or that it is not there.
pub(crate) async fn run(call: &Call<'_>, matched: &Matched<'_>) -> Outcome {
    check_input(matched, call.query, call.members)?;
    let outcome = match matched.operation.op {
        Op::V1(op) => v1::run(op, call, matched).await,
        Op::V2(op) => v2::run(op, call, matched).await,
        Op::Management(op) => Some(connections::run(op, call, matched).await),
    };
    outcome.unwrap_or_else(|| {
        Err(AwsError::bad_request(format!(
            "{} is not available in this release",
            matched.operation.name
        )))
    })
}

/// The error of a request that no operation matches.
pub(crate) fn unknown() -> AwsError {
    AwsError::new(
        ErrorKind::UnknownOperation,
        "no operation has this method and path",
    )
}
