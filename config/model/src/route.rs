//! A route: what requests or messages it matches, who may send them, and what answers.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use tollgate_protocol::ids::{AuthorizerId, RouteId, RouteResponseId};

use crate::is_default;

/// Who may use a route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthorizationType {
    /// Everybody.
    #[default]
    None,
    /// Who signs with an access key that may.
    AwsIam,
    /// Who an authorizer of type `REQUEST` lets in.
    Custom,
    /// Who has a token that an authorizer of type `JWT` takes.
    Jwt,
}

impl AuthorizationType {
    /// AWS's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::AwsIam => "AWS_IAM",
            Self::Custom => "CUSTOM",
            Self::Jwt => "JWT",
        }
    }
}

/// A route (AWS v2: Route).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Route {
    /// The id.
    pub route_id: RouteId,
    /// `GET /pets/{id}`, `ANY /{proxy+}` or `$default`; of a WebSocket API `$connect`,
    /// `$disconnect`, `$default` or what the route selection expression gives.
    pub route_key: String,
    /// `integrations/{integrationId}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Whether a request must carry an API key of a usage plan that holds this stage.
    pub api_key_required: bool,
    /// A name for people and generated clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_name: Option<String>,
    /// Who may use it.
    #[serde(skip_serializing_if = "is_default")]
    pub authorization_type: AuthorizationType,
    /// The authorizer, with `JWT` and `CUSTOM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_id: Option<AuthorizerId>,
    /// Of these scopes a token needs one; with `JWT`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_scopes: Vec<String>,
    /// Which of `request_models` a message must fit; WebSocket APIs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_selection_expression: Option<String>,
    /// Names of models by what the expression gives; WebSocket APIs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub request_models: BTreeMap<String, String>,
    /// What a handshake must carry, as `route.request.querystring.NAME`; WebSocket APIs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub request_parameters: BTreeMap<String, ParameterConstraints>,
    /// `$default` makes the route answer on the socket; WebSocket APIs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_response_selection_expression: Option<String>,
    /// The responses by id; WebSocket APIs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub route_responses: BTreeMap<RouteResponseId, RouteResponse>,
    /// Whether quick create made it: such a route is not removed, and its key stays.
    #[serde(skip_serializing_if = "is_default")]
    pub api_gateway_managed: bool,
}

/// What holds of a parameter (AWS v2: ParameterConstraints).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ParameterConstraints {
    /// Whether it must be there.
    pub required: bool,
}

/// What a route sends back over the socket (AWS v2: RouteResponse).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteResponse {
    /// The id.
    pub route_response_id: RouteResponseId,
    /// `$default`, the only one that AWS takes.
    pub route_response_key: String,
    /// Which of `response_models` describes a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_selection_expression: Option<String>,
    /// Names of models.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response_models: BTreeMap<String, String>,
    /// Parameters, as `route.response.header.NAME`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response_parameters: BTreeMap<String, ParameterConstraints>,
}

impl Route {
    /// The id of the integration that `target` names.
    #[must_use]
    pub fn integration_id(&self) -> Option<&str> {
        self.target.as_deref()?.strip_prefix("integrations/")
    }

    /// The names of the models that it uses, those of its responses among them.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        let responses = self.route_responses.values();
        let responses = responses.flat_map(|it| it.response_models.values());
        let all = self.request_models.values().chain(responses);
        all.map(String::as_str)
    }
}
