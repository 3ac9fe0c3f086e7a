//! The `@connections` API (`apigatewaymanagementapi`): what the data listeners and the admin
//! listener share of it.
//!
//! Who holds the connections is behind [`Connections`]. The id of a connection names the node that
//! owns it, so an implementation passes a call on to that node, and knows without asking anybody
//! that a connection of a node that started anew is gone.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tollgate_aws::operations::{Authorization, ManagementOp, Place, authorization, find_operation};
use tollgate_aws::sigv4::{PayloadKind, Verified, Verifier, VerifierOptions};
use tollgate_aws::wire::to_iso8601;
use tollgate_aws::{AwsError, ErrorKind, Service};
use tollgate_policy::Context;
use tollgate_protocol::limits::CONNECTION_DATA_BYTES_MAX;

use crate::iam::{Identities, Principal, decide};

/// The service name in signatures.
const SIGNING_SERVICE: &str = "execute-api";

/// What is known of an open connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// When it was opened, in ms since the epoch.
    pub connected_at_ms: u64,
    /// When it last carried a message, in ms since the epoch.
    pub last_active_at_ms: u64,
    /// The client's address.
    pub source_ip: String,
    /// What the client calls itself.
    pub user_agent: String,
}

/// Where a call says that a connection is: what its caller was judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    /// The API.
    pub api_id: &'a str,
    /// The stage.
    pub stage: &'a str,
    /// The connection.
    pub connection_id: &'a str,
}

/// Why a call did not reach its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such open connection of that stage.
    #[error("the connection is not open")]
    Gone,
    /// Too much waits for the client already.
    #[error("the client does not keep up")]
    Busy,
    /// The node that owns it did not answer: whether it was done, nobody can say.
    #[error("the connection's node does not answer")]
    Unknown,
}

/// The open WebSocket connections of the cluster.
pub trait Connections: Send + Sync {
    /// What is known of a connection.
    fn get<'a>(&'a self, at: Address<'a>) -> BoxFuture<'a, Result<Connection, Error>>;

    /// Sends one message, of at most [`CONNECTION_DATA_BYTES_MAX`] bytes. Done when the message is
    /// in the connection's queue, so that the next one comes after it.
    fn send<'a>(&'a self, at: Address<'a>, data: &'a [u8]) -> BoxFuture<'a, Result<(), Error>>;

    /// Closes a connection.
    fn close<'a>(&'a self, at: Address<'a>) -> BoxFuture<'a, Result<(), Error>>;
}

/// Who may call.
#[derive(Clone)]
pub struct Gate {
    /// Access keys, and what their holders may.
    pub identities: Identities,
    region: Arc<str>,
    account_id: Arc<str>,
}

impl Gate {
    /// A gate for ARNs of this region and account.
    #[must_use]
    pub fn new(identities: Identities, region: &str, account_id: &str) -> Self {
        Self {
            identities,
            region: region.into(),
            account_id: account_id.into(),
        }
    }

    /// Whether a caller may do this, as the context of his call says.
    ///
    /// # Errors
    /// `ForbiddenException` when not.
    pub(crate) fn admit(
        &self,
        principal: &Principal,
        op: ManagementOp,
        at: Address<'_>,
        context: &Context<'_>,
    ) -> Result<(), AwsError> {
        let refused = || AwsError::new(ErrorKind::Forbidden, "Forbidden");
        let needed = self.needed(op, at).ok_or_else(refused)?;
        let verdict = decide(principal, &needed.action, &needed.resource, context);
        verdict.is_allowed().then_some(()).ok_or_else(refused)
    }

    /// What a caller must be allowed to do.
    fn needed(&self, op: ManagementOp, at: Address<'_>) -> Option<Authorization> {
        let operation = find_operation(Service::Management, name(op))?;
        let place = Place {
            region: &self.region,
            account: &self.account_id,
            stage: Some((at.api_id, at.stage)),
        };
        authorization(operation, &[at.connection_id], &place)
    }
}

/// A verifier of signatures for this API, for one thread.
#[must_use]
pub fn verifier() -> Verifier {
    Verifier::new(VerifierOptions {
        services: vec![SIGNING_SERVICE.to_owned()],
        allow_unsigned_payload: false,
        ..VerifierOptions::default()
    })
}

/// There are no temporary credentials here, and no message comes in signed chunks.
///
/// # Errors
/// `UnrecognizedClientException`, `ForbiddenException`.
pub(crate) fn plain(verified: &Verified) -> Result<(), AwsError> {
    if verified.session_token.is_some() {
        let text = "The security token included in the request is invalid.";
        return Err(AwsError::new(ErrorKind::UnrecognizedClient, text));
    }
    if matches!(verified.payload, PayloadKind::Streaming(_)) {
        let text = "a body in signed chunks is not taken; sign it as a whole";
        return Err(AwsError::new(ErrorKind::Forbidden, text));
    }
    Ok(())
}

/// The API and the stage of what stands before `/@connections` on the admin listener:
/// `/_aws/execute-api/{api}/{stage}` or `/{api}/{stage}`. The one reading of it: a caller is judged
/// by what his call then looks for.
///
/// # Errors
/// `UnknownOperationException` when it names anything else: policies are about the connections of a
/// stage, so a call that leaves API or stage open could not be judged.
pub(crate) fn place(prefix: &str) -> Result<(&str, &str), AwsError> {
    let path = prefix.strip_prefix("/_aws/execute-api").unwrap_or(prefix);
    let parts = path.strip_prefix('/').and_then(|it| it.split_once('/'));
    let named =
        |(api, stage): &(&str, &str)| !api.is_empty() && !stage.is_empty() && !stage.contains('/');
    parts.filter(named).ok_or_else(|| {
        let text = "a connection's address is `/{apiId}/{stage}/@connections/{connectionId}`";
        AwsError::new(ErrorKind::UnknownOperation, text)
    })
}

/// The operation of a method.
#[must_use]
pub(crate) fn operation(method: &str) -> Option<ManagementOp> {
    match method {
        "GET" => Some(ManagementOp::GetConnection),
        "POST" => Some(ManagementOp::PostToConnection),
        "DELETE" => Some(ManagementOp::DeleteConnection),
        _ => None,
    }
}

fn name(op: ManagementOp) -> &'static str {
    match op {
        ManagementOp::GetConnection => "GetConnection",
        ManagementOp::PostToConnection => "PostToConnection",
        ManagementOp::DeleteConnection => "DeleteConnection",
    }
}

/// The error of a message that is too large.
pub(crate) fn too_large() -> AwsError {
    let text = format!("a message has at most {CONNECTION_DATA_BYTES_MAX} bytes");
    AwsError::new(ErrorKind::PayloadTooLarge, text)
}

/// Carries a call of an admitted caller out: the status, and what goes with it.
///
/// # Errors
/// `GoneException`, `LimitExceededException`, `PayloadTooLargeException`, and 504 when nobody can
/// say.
pub(crate) async fn run(
    connections: &dyn Connections,
    op: ManagementOp,
    at: Address<'_>,
    data: &[u8],
) -> Result<(u16, Option<Value>), AwsError> {
    if data.len() > CONNECTION_DATA_BYTES_MAX {
        return Err(too_large());
    }
    match op {
        ManagementOp::GetConnection => {
            let found = connections.get(at).await.map_err(refusal)?;
            let shown = json!({
                "connectedAt": to_iso8601(found.connected_at_ms),
                "identity": {"sourceIp": found.source_ip, "userAgent": found.user_agent},
                "lastActiveAt": to_iso8601(found.last_active_at_ms),
            });
            Ok((200, Some(shown)))
        }
        ManagementOp::PostToConnection => {
            connections.send(at, data).await.map_err(refusal)?;
            Ok((200, None))
        }
        ManagementOp::DeleteConnection => {
            connections.close(at).await.map_err(refusal)?;
            Ok((204, None))
        }
    }
}

fn refusal(error: Error) -> AwsError {
    let kind = match error {
        Error::Gone => ErrorKind::Gone,
        Error::Busy => ErrorKind::LimitExceeded,
        Error::Unknown => ErrorKind::GatewayTimeout,
    };
    AwsError::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_name_api_and_stage() {
        for (prefix, wanted) in [
            ("/shop/prod", Some(("shop", "prod"))),
            ("/_aws/execute-api/shop/prod", Some(("shop", "prod"))),
            ("", None),
            ("/", None),
            ("/prod", None),
            ("//prod", None),
            ("/shop/", None),
            ("//shop/prod", None),
            ("/shop//prod", None),
            ("/shop/prod/", None),
            ("/shop/prod/more", None),
            ("/_aws/execute-api", None),
            ("/_aws/execute-api/prod", None),
            ("/_aws/execute-api//shop/prod", None),
        ] {
            assert_eq!(place(prefix).ok(), wanted, "{prefix}");
        }
    }
}
