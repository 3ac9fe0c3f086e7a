//! An integration: what answers the requests of a route.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use tollgate_protocol::ids::{IntegrationId, IntegrationResponseId};

use crate::is_default;

/// What kind of back end answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IntegrationType {
    /// An HTTP server: a URL or an upstream group.
    #[default]
    HttpProxy,
    /// A function.
    AwsProxy,
    /// The gateway itself, with a fixed response.
    Mock,
    /// A service of AWS or a function, with templates; WebSocket APIs.
    Aws,
    /// An HTTP server, with templates; WebSocket APIs.
    Http,
}

/// What becomes of a body that no template is for (reference 4.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PassthroughBehavior {
    /// It is passed on.
    #[default]
    WhenNoMatch,
    /// It is refused.
    Never,
    /// It is passed on when there are no templates at all.
    WhenNoTemplates,
}

/// What becomes of the encoding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ContentHandling {
    /// Base64 becomes bytes.
    ConvertToBinary,
    /// Bytes become base64.
    ConvertToText,
}

/// How an HTTP integration is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConnectionType {
    /// By the URL's own host.
    #[default]
    Internet,
    /// Through the upstream group that `connectionId` names.
    VpcLink,
}

/// The event format of a function (reference 7.1 and 7.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum PayloadFormat {
    /// Format 1.0.
    #[default]
    #[serde(rename = "1.0")]
    V1,
    /// Format 2.0.
    #[serde(rename = "2.0")]
    V2,
}

/// An integration (AWS v2: Integration).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Integration {
    /// The id.
    pub integration_id: IntegrationId,
    /// The kind of back end.
    pub integration_type: IntegrationType,
    /// The URL with `{path}` variables and `${stageVariables.x}`; for functions `function:NAME`,
    /// a Lambda ARN or an invocation ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_uri: Option<String>,
    /// The method sent to the back end; `None` or `ANY` sends the client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_method: Option<String>,
    /// Direct or through an upstream group.
    pub connection_type: ConnectionType,
    /// The upstream group's name, with `VPC_LINK`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The event format of a function.
    pub payload_format_version: PayloadFormat,
    /// Milliseconds until the response's head must be there. Default 30,000, no upper cap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_in_millis: Option<u64>,
    /// The operation of an AWS service, as `SQS-SendMessage`; HTTP APIs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_subtype: Option<String>,
    /// The role or credential that the call is made with on AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_arn: Option<String>,
    /// What becomes of a message that no template is for; WebSocket APIs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passthrough_behavior: Option<PassthroughBehavior>,
    /// What becomes of the encoding of a message; WebSocket APIs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_handling_strategy: Option<ContentHandling>,
    /// Templates by what the expression gives; WebSocket APIs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub request_templates: BTreeMap<String, String>,
    /// Which of `request_templates` is taken; WebSocket APIs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_selection_expression: Option<String>,
    /// The responses by id; WebSocket APIs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub integration_responses: BTreeMap<IntegrationResponseId, IntegrationResponse>,
    /// Whether quick create made it: such an integration is not removed.
    #[serde(skip_serializing_if = "is_default")]
    pub api_gateway_managed: bool,
    /// Request mapping: `append:header.x`, `overwrite:querystring.y`, `overwrite:path`, ... Of a
    /// WebSocket API `integration.request.header.x` and the like.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub request_parameters: BTreeMap<String, String>,
    /// Response mapping by back end status (`200`): the same keys and `overwrite:statuscode`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response_parameters: BTreeMap<String, BTreeMap<String, String>>,
    /// TLS to the back end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<TlsConfig>,
    /// The response of a `MOCK`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_response: Option<Box<FixedResponse>>,
    /// What splits cache entries beside the route: `request.path.id`, `request.querystring.q`,
    /// `request.header.accept`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_key_parameters: Vec<String>,
    /// Routes with the same namespace share cache entries; the route's id by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_namespace: Option<String>,
}

/// TLS to a back end (AWS v2: TlsConfig, with what v1 calls insecureSkipVerification).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct TlsConfig {
    /// The name to verify instead of the URL's host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name_to_verify: Option<String>,
    /// Whether the back end's certificate is taken unseen. For tests only.
    #[serde(skip_serializing_if = "is_default")]
    pub insecure_skip_verification: bool,
}

/// What an integration's answer becomes (AWS v2: IntegrationResponse).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IntegrationResponse {
    /// The id.
    pub integration_response_id: IntegrationResponseId,
    /// `$default`, or a pattern of what the selection expression gives, as `/2\d\d/`.
    pub integration_response_key: String,
    /// What becomes of its encoding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_handling_strategy: Option<ContentHandling>,
    /// Response mapping.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response_parameters: BTreeMap<String, String>,
    /// Templates by what the expression gives.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response_templates: BTreeMap<String, String>,
    /// Which of `response_templates` is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_selection_expression: Option<String>,
}

/// The response of a `MOCK` integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FixedResponse {
    /// 200 to 599.
    pub status_code: u16,
    /// Header fields.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body; `${...}` variables as in parameter mapping.
    pub body: String,
}

impl Default for FixedResponse {
    fn default() -> Self {
        Self {
            status_code: 200,
            headers: BTreeMap::new(),
            body: String::new(),
        }
    }
}

/// The name of the function that an integration URI leads to: `function:NAME`, a function's ARN
/// (with or without a version or alias) or an invocation ARN (reference 7.4). `None` for others.
#[must_use]
pub fn function_name(uri: &str) -> Option<&str> {
    if let Some(name) = uri.strip_prefix("function:") {
        return Some(name);
    }
    let rest = uri.strip_prefix("arn:")?;
    let (_, after) = rest.split_once(":function:")?;
    let end = after
        .strip_suffix("/invocations")
        .or_else(|| after.strip_suffix("/response-streaming-invocations"))
        .unwrap_or(after);
    // What follows the next colon outside of `${...}` is a version or an alias.
    let mut depth = 0_u32;
    for (at, byte) in end.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b':' if depth == 0 => return Some(&end[..at]),
            _ => {}
        }
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_in_every_form() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:hello";
        let invocation = alloc::format!(
            "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}:live/invocations"
        );
        for uri in ["function:hello", arn, &invocation] {
            assert_eq!(function_name(uri), Some("hello"), "{uri}");
        }
        let variable = "arn:aws:lambda:us-east-1:1:function:${stageVariables.fn}:2";
        assert_eq!(function_name(variable), Some("${stageVariables.fn}"));
        assert_eq!(function_name("http://example.com"), None);
        assert_eq!(function_name("arn:aws:sqs:us-east-1:1:queue"), None);
    }
}
