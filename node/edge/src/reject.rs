//! The answers that the edge gives itself, when a request never reaches the service.

use tollgate_message::Response;

use crate::BadRequest;

/// A request that the edge refuses. The connection is closed after the answer.
pub(crate) type Rejection = BadRequest;

/// The answer to a refused request, in the words of AWS's gateways.
pub(crate) fn rejection(reason: Rejection) -> Response {
    match reason {
        BadRequest::HeadTooLarge => {
            message(431, r#"{"message":"Request Header Fields Too Large"}"#)
        }
        BadRequest::UrlTooLong => message(414, r#"{"message":"URI Too Long"}"#),
        BadRequest::HeadTimeout | BadRequest::BodyTimeout => {
            message(408, r#"{"message":"Request Timeout"}"#)
        }
        BadRequest::BodyTooLarge => message(413, r#"{"message":"Request Entity Too Large"}"#),
        _ => message(400, r#"{"message":"Bad Request"}"#),
    }
}

/// The answer when the service failed in a way that it did not foresee.
pub(crate) fn internal_error() -> Response {
    message(500, r#"{"message":"Internal Server Error"}"#)
}

fn message(status: u16, body: &'static str) -> Response {
    Response::json(status, body)
}
