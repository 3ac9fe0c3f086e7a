//! An answer before it is bytes.

use serde_json::Value;
use tollgate_aws::AwsError;

use super::native::Streamed;

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status code.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Body,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Body {
    /// None.
    Empty,
    /// One value.
    Json(Value),
    /// A document: its content type and its text.
    Text(&'static str, String),
    /// Bytes that are made while they are sent.
    Streamed(Streamed),
}

/// What an operation comes to.
pub(crate) type Outcome = Result<Reply, AwsError>;

impl Reply {
    /// An answer with a body.
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            body: Body::Json(body),
        }
    }

    /// An answer without one.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            body: Body::Empty,
        }
    }

    /// An answer that is a document.
    pub(crate) fn text(content_type: &'static str, text: String) -> Self {
        Self {
            status: 200,
            body: Body::Text(content_type, text),
        }
    }

    /// An answer that is as large as the state.
    pub(crate) fn streamed(body: Streamed) -> Self {
        Self {
            status: 200,
            body: Body::Streamed(body),
        }
    }
}
