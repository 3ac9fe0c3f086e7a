//! An authorizer: what judges who may use a route (reference 8.2 and 8.3).

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use tollgate_protocol::ids::AuthorizerId;

use crate::PayloadFormat;

/// Who judges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum AuthorizerType {
    /// A function, of what it sees of the request.
    #[default]
    Request,
    /// The gateway, of a signed token.
    Jwt,
}

/// An authorizer (AWS v2: Authorizer).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Authorizer {
    /// The id.
    pub authorizer_id: AuthorizerId,
    /// The name, unique in the API, at most 128 characters.
    pub name: String,
    /// Who judges.
    pub authorizer_type: AuthorizerType,
    /// Where tokens are looked for: `$request.header.Authorization` and the like.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identity_source: Vec<String>,
    /// The function: `function:NAME` or an invocation ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_uri: Option<String>,
    /// The role that calls the function on AWS; kept and not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_credentials_arn: Option<String>,
    /// The format of what the function gets and gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_payload_format_version: Option<PayloadFormat>,
    /// Seconds that a judgement is remembered: 0 to 3600, where 0 is never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_result_ttl_in_seconds: Option<u32>,
    /// Whether the function answers with `isAuthorized` and not with a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_simple_responses: Option<bool>,
    /// Kept and not used, as on AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_validation_expression: Option<String>,
    /// Whose tokens are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_configuration: Option<JwtConfiguration>,
}

/// Whose tokens are taken (AWS v2: JWTConfiguration).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct JwtConfiguration {
    /// Whom tokens are for: one of them must be in the token.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// Who issues them: a URL, exactly as tokens have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}
