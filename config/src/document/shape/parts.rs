//! What routes and integrations refer to or hold: authorizers, models and responses.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_model::{
    AuthorizerType, ContentHandling, JwtConfiguration, ParameterConstraints, PayloadFormat,
};

/// An authorizer: what judges who may use a route (AWS v2: Authorizer). Kept and not asked in this
/// release: the routes that name it refuse every request.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AuthorizerItem {
    /// Who judges: a function (`REQUEST`) or the gateway (`JWT`). By default `JWT` with
    /// `jwtConfiguration`.
    pub authorizer_type: Option<AuthorizerType>,
    /// Where tokens are looked for, such as `$request.header.Authorization`.
    pub identity_source: Vec<String>,
    /// The function: `function:NAME` or its invocation ARN.
    pub authorizer_uri: Option<String>,
    /// The role that AWS calls the function with. Kept and not used.
    pub authorizer_credentials_arn: Option<String>,
    /// The format of what the function gets and gives. Default `2.0`, of a WebSocket API `1.0`.
    pub authorizer_payload_format_version: Option<PayloadFormat>,
    /// Seconds that a judgement is remembered, 0 to 3600; 0 is never.
    pub authorizer_result_ttl_in_seconds: Option<u32>,
    /// Whether the function answers with `isAuthorized` and not with a policy.
    pub enable_simple_responses: Option<bool>,
    /// Kept and not used, as on AWS.
    pub identity_validation_expression: Option<String>,
    /// Whose tokens are taken.
    pub jwt_configuration: Option<JwtConfiguration>,
}

/// A model: the shape of a message as a JSON schema (AWS v2: Model).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["schema"]))]
pub(crate) struct ModelItem {
    /// The content type that it describes. Default `application/json`.
    pub content_type: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The text of a JSON schema, draft 4.
    pub schema: String,
}

/// What a route sends back over the socket (AWS v2: RouteResponse).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RouteResponseItem {
    /// Which of `responseModels` describes a response.
    pub model_selection_expression: Option<String>,
    /// Names of models by what the expression gives.
    pub response_models: BTreeMap<String, String>,
    /// Parameters by `route.response.header.NAME`.
    pub response_parameters: BTreeMap<String, ParameterConstraints>,
}

/// What an integration's answer becomes (AWS v2: IntegrationResponse).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct IntegrationResponseItem {
    /// What becomes of its encoding.
    pub content_handling_strategy: Option<ContentHandling>,
    /// Response mapping: `method.response.header.NAME` to a value.
    pub response_parameters: BTreeMap<String, String>,
    /// Templates by what the expression gives.
    pub response_templates: BTreeMap<String, String>,
    /// Which of `responseTemplates` is taken.
    pub template_selection_expression: Option<String>,
}
