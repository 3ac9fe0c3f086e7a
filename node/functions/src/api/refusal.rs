//! Answers to calls that make no sense, in the form of AWS: `{errorMessage, errorType}`.

use bytes::Bytes;
use http::StatusCode;

use super::{ApiResponse, json};
use crate::pool::state::Refusal;

/// A call in the wrong phase, or for another invocation.
pub(super) fn refused(refusal: Refusal) -> ApiResponse {
    match refusal {
        Refusal::RequestId => error(
            StatusCode::BAD_REQUEST,
            "InvalidRequestID",
            "Invalid request ID",
        ),
        Refusal::Transition(why) => {
            let message = format!("State transition is not allowed: {why}");
            error(StatusCode::FORBIDDEN, "InvalidStateTransition", &message)
        }
    }
}

/// A path or method that the Runtime API does not have.
pub(super) fn not_found() -> ApiResponse {
    error(
        StatusCode::NOT_FOUND,
        "NotFound",
        "The Runtime API has no such path",
    )
}

/// A response beyond the limit.
pub(super) fn too_large(bytes_max: usize) -> ApiResponse {
    let message = format!("Exceeded maximum allowed payload size ({bytes_max} bytes).");
    error(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLarge",
        &message,
    )
}

/// A body that ended early or is not HTTP.
pub(super) fn broken() -> ApiResponse {
    error(
        StatusCode::BAD_REQUEST,
        "InvalidRequest",
        "The body of the request is broken",
    )
}

/// An error as JSON.
pub(super) fn error_json(error_type: &str, message: &str) -> Bytes {
    serde_json::json!({ "errorMessage": message, "errorType": error_type })
        .to_string()
        .into()
}

fn error(status: StatusCode, error_type: &str, message: &str) -> ApiResponse {
    json(status, error_json(error_type, message))
}
