//! What answers a route, precompiled.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_model::PayloadFormat;

use super::Template;

/// What answers a route.
#[derive(Debug)]
pub enum IntegrationPlan {
    /// An HTTP back end.
    Http(HttpPlan),
    /// A function.
    Function(FunctionPlan),
    /// A fixed response.
    Fixed(FixedPlan),
    /// The route has no target: 500, as AWS answers.
    Missing,
    /// An operation of an AWS service, by its name, which this release does not call: 500.
    Unserved(Box<str>),
}

/// How a request to an HTTP back end is made.
#[derive(Debug)]
pub struct HttpPlan {
    /// The upstream group's name.
    pub group: Arc<str>,
    /// The `Host` to send.
    pub authority: Arc<str>,
    /// The path.
    pub path: Vec<PathPiece>,
    /// A query that the integration URL carries; the request's is appended to it.
    pub query: Option<Box<str>>,
    /// The method; `None` sends the client's.
    pub method: Option<Box<str>>,
    /// Milliseconds until the response's head must be there.
    pub timeout_ms: u64,
    /// Request mapping, in AWS's order: removals, overwrites, appends.
    pub request_mapping: Vec<MappingStep>,
    /// Response mapping by back end status.
    pub response_mapping: BTreeMap<u16, Vec<MappingStep>>,
    /// Whether request mapping reads the request's body, which is then buffered.
    pub reads_request_body: bool,
    /// Whether response mapping reads the response's body, which is then buffered.
    pub reads_response_body: bool,
}

/// A part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPiece {
    /// Taken as it stands.
    Text(Box<str>),
    /// The value of a path variable, as it came (percent-encoded).
    Param(Box<str>),
    /// The whole request path without the stage, as `$default` routes forward it.
    RequestPath,
}

/// How a function is called.
#[derive(Debug)]
pub struct FunctionPlan {
    /// Where it runs.
    pub target: FunctionTarget,
    /// The event's format.
    pub format: PayloadFormat,
    /// Milliseconds until the answer must be there.
    pub timeout_ms: u64,
    /// Response mapping by the status that the function gave.
    pub response_mapping: BTreeMap<u16, Vec<MappingStep>>,
}

/// Where a function runs.
#[derive(Debug)]
pub enum FunctionTarget {
    /// On this node: the function's name.
    Local(Arc<str>),
    /// Behind a Lambda `Invoke` API.
    Endpoint {
        /// The upstream group of the endpoint.
        group: Arc<str>,
        /// The `Host` to send and sign.
        authority: Arc<str>,
        /// `/2015-03-31/functions/NAME/invocations`, behind the endpoint's own path.
        path: Box<str>,
        /// What signs the call; `None` sends it unsigned.
        signing: Option<SigningKey>,
    },
}

/// An access key that signs calls.
#[derive(Clone)]
pub struct SigningKey {
    /// The access key id.
    pub access_key_id: Box<str>,
    /// The secret.
    pub secret_access_key: Box<str>,
    /// The region to sign for.
    pub region: Box<str>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// A response that the gateway makes itself.
#[derive(Debug)]
pub struct FixedPlan {
    /// The status.
    pub status: u16,
    /// The header fields, names in lower case.
    pub headers: Vec<(Box<str>, Template)>,
    /// The body.
    pub body: Template,
}

/// One step of parameter mapping (reference 5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingStep {
    /// What is done.
    pub action: MappingAction,
    /// To what.
    pub target: MappingTarget,
    /// With which value; unused by `remove`.
    pub value: Template,
}

/// What a mapping step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingAction {
    /// Adds a value beside those that are there.
    Append,
    /// Replaces all values.
    Overwrite,
    /// Removes all values.
    Remove,
}

/// What a mapping step changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappingTarget {
    /// A header field, lower case.
    Header(Box<str>),
    /// A query parameter; requests only.
    Query(Box<str>),
    /// The path; requests only.
    Path,
    /// The status code; responses only.
    StatusCode,
}
