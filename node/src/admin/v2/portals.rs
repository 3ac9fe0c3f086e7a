//! The developer portal, of which there is none in this release: lists are empty, nothing that is
//! asked for by its id is there, and none can be made. So a sharing policy, which in AWS shows a
//! product to other accounts, is that of a product that is not there.

use serde_json::json;
use tollgate_aws::AwsError;
use tollgate_aws::operations::Matched;

use super::not_found;
use crate::admin::reply::{Outcome, Reply};

/// Answers an operation of portals; `None` for all others.
pub(super) fn run(matched: &Matched<'_>) -> Option<Outcome> {
    let operation = matched.operation;
    let is_portal = operation.uri.starts_with("/v2/portal");
    is_portal.then(|| match (matched.labels().next(), operation.method) {
        (Some(("portalId", id)), _) => Err(not_found("portal", id)),
        (Some((_, id)), _) => Err(not_found("portal product", id)),
        (None, "GET") => Ok(Reply::json(200, json!({"items": []}))),
        (None, _) => Err(AwsError::bad_request(format!(
            "{} is not available: there is no developer portal in this release",
            operation.name
        ))),
    })
}
