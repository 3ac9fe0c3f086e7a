//! An answer before it is bytes.

use serde_json::Value;
use tollgate_aws::AwsError;

/// A successful answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    /// The status code.
    pub(crate) status: u16,
    /// The JSON body; `None` for an empty one.
    pub(crate) body: Option<Value>,
}

/// What an operation comes to.
pub(crate) type Outcome = Result<Reply, AwsError>;

impl Reply {
    /// An answer with a body.
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            body: Some(body),
        }
    }

    /// An answer without one.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, body: None }
    }
}
