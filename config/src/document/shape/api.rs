//! APIs, routes, integrations and stages as the file shows them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_model::{
    AccessLogSettings, AuthorizationType, ConnectionType, ContentHandling, Cors, FixedResponse,
    IntegrationType, IpAddressType, ParameterConstraints, PassthroughBehavior, PayloadFormat,
    ProtocolType, RouteSettings, TlsConfig,
};

use super::parts::{AuthorizerItem, IntegrationResponseItem, ModelItem, RouteResponseItem};
use crate::openapi::BasePath;

/// An API (AWS v2: Api).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ApiItem {
    /// The id, part of the API's address: 1 to 32 of `a-z`, `0-9` and `-`. By default the name in
    /// lower case with `-` for everything else.
    pub api_id: Option<String>,
    /// A name for people, at most 128 characters. Needed unless `openapi` brings a title.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The version of its definition, free text.
    pub version: Option<String>,
    /// `HTTP`, the default, for requests and responses; `WEBSOCKET` for connections that stay open.
    pub protocol_type: Option<ProtocolType>,
    /// How the route key of a message is found in it, such as `$request.body.action`. Needed by
    /// WebSocket APIs.
    pub route_selection_expression: Option<String>,
    /// Where an API key is looked for. Default `$request.header.x-api-key`.
    pub api_key_selection_expression: Option<String>,
    /// The kinds of addresses that clients have. Told and not acted on. Default `ipv4`.
    pub ip_address_type: Option<IpAddressType>,
    /// Whether models are taken without a look at their schemas.
    pub disable_schema_validation: Option<bool>,
    /// Cross-origin settings; the gateway answers preflights when they are there.
    pub cors_configuration: Option<Cors>,
    /// Whether the generated host name and the path style are closed; custom domains stay open.
    pub disable_execute_api_endpoint: Option<bool>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// An OpenAPI 3 document, relative to this file, that brings routes and integrations. What
    /// stands here beside it wins.
    pub openapi: Option<String>,
    /// What becomes of the path in the OpenAPI document's server URL.
    pub openapi_base_path: Option<BasePath>,
    /// The routes.
    pub routes: Vec<RouteItem>,
    /// Integrations by name, for routes that share them.
    pub integrations: BTreeMap<String, IntegrationItem>,
    /// Authorizers by name, for routes that name them.
    pub authorizers: BTreeMap<String, AuthorizerItem>,
    /// Models by name: JSON schemas of messages.
    pub models: BTreeMap<String, ModelItem>,
    /// The stages; by default one `$default` stage that deploys every change at once.
    pub stages: Vec<StageItem>,
}

/// A route (AWS v2: Route).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["routeKey"]))]
pub(crate) struct RouteItem {
    /// `GET /pets/{id}`, `ANY /{proxy+}` or `$default`. Of a WebSocket API `$connect`,
    /// `$disconnect`, `$default` or what the route selection expression gives.
    pub route_key: String,
    /// What answers: the name of an integration of this API, a URI (`function:NAME`,
    /// `http://host/path`, a Lambda ARN) or an integration written here.
    pub integration: Option<IntegrationUse>,
    /// AWS's way to say the same: `integrations/NAME`.
    pub target: Option<String>,
    /// Whether a request must carry an API key of a usage plan that holds the stage.
    pub api_key_required: bool,
    /// A name for people and generated clients.
    pub operation_name: Option<String>,
    /// Who may use it. By default everybody, or who the `authorizer` lets in. Other types than
    /// `NONE` are kept and not judged in this release: such a route refuses every request.
    pub authorization_type: Option<AuthorizationType>,
    /// The name of an authorizer of this API.
    pub authorizer: Option<String>,
    /// Of these scopes a token needs one; with an authorizer of type `JWT`.
    pub authorization_scopes: Vec<String>,
    /// Which of `requestModels` a message must fit; WebSocket APIs.
    pub model_selection_expression: Option<String>,
    /// Names of models by what the expression gives; WebSocket APIs.
    pub request_models: BTreeMap<String, String>,
    /// What a handshake must carry, by `route.request.querystring.NAME` or
    /// `route.request.header.NAME`; WebSocket APIs.
    pub request_parameters: BTreeMap<String, ParameterConstraints>,
    /// `$default` makes the route answer on the socket; WebSocket APIs.
    pub route_response_selection_expression: Option<String>,
    /// Responses by key, of which there is `$default`.
    pub route_responses: BTreeMap<String, RouteResponseItem>,
    /// Settings of this route in every stage, under those of the stage's `routeSettings`.
    pub settings: Option<RouteSettings>,
    /// Whether it has no integration on purpose, which only a document that was exported says.
    #[serde(skip)]
    pub(crate) no_integration: bool,
}

/// An integration by name, by URI or in full.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum IntegrationUse {
    /// A name in `integrations`, or a URI.
    Name(String),
    /// An integration.
    Inline(Box<IntegrationItem>),
}

/// An integration (AWS v2: Integration).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct IntegrationItem {
    /// The kind of back end. By default it follows from the URI: `AWS_PROXY` for functions,
    /// `HTTP_PROXY` for URLs, `MOCK` with `fixedResponse`.
    pub integration_type: Option<IntegrationType>,
    /// `http://host/path/{variable}`, `https://...`, `http://UPSTREAM/path`, `function:NAME` or a
    /// Lambda ARN. `${stageVariables.NAME}` may stand in it.
    pub integration_uri: Option<String>,
    /// The method sent to the back end; by default, and with `ANY`, the client's.
    pub integration_method: Option<String>,
    /// `VPC_LINK` leads through the upstream group that `connectionId` names. By default
    /// `VPC_LINK` when the URL's host is the name of an upstream group, else `INTERNET`.
    pub connection_type: Option<ConnectionType>,
    /// The upstream group.
    pub connection_id: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The event format of a function. Default `2.0`, of a WebSocket API `1.0`.
    pub payload_format_version: Option<PayloadFormat>,
    /// Milliseconds until the response's head must be there, at least 50. Default 30000.
    pub timeout_in_millis: Option<u64>,
    /// The operation of an AWS service, such as `SQS-SendMessage`. Kept and not called in this
    /// release: its routes answer 500.
    pub integration_subtype: Option<String>,
    /// The role that AWS makes the call with. Kept and not used.
    pub credentials_arn: Option<String>,
    /// What becomes of a message that no template is for; WebSocket APIs. Default `WHEN_NO_MATCH`.
    pub passthrough_behavior: Option<PassthroughBehavior>,
    /// What becomes of the encoding of a message; WebSocket APIs.
    pub content_handling_strategy: Option<ContentHandling>,
    /// Templates by what the expression gives; WebSocket APIs.
    pub request_templates: BTreeMap<String, String>,
    /// Which of `requestTemplates` is taken; WebSocket APIs.
    pub template_selection_expression: Option<String>,
    /// Responses by key, `$default` or a pattern such as `/2\d\d/`; WebSocket APIs.
    pub integration_responses: BTreeMap<String, IntegrationResponseItem>,
    /// Changes to the request: `append:header.NAME`, `overwrite:querystring.NAME`,
    /// `remove:header.NAME`, `overwrite:path` and the like, each with its value.
    pub request_parameters: BTreeMap<String, String>,
    /// Changes to the response by the back end's status (`200`), with the same keys and
    /// `overwrite:statuscode`.
    pub response_parameters: BTreeMap<String, BTreeMap<String, String>>,
    /// TLS to the back end.
    pub tls_config: Option<TlsConfig>,
    /// The response of a `MOCK`.
    pub fixed_response: Option<FixedResponse>,
    /// What splits cache entries beside the route: `request.path.NAME`,
    /// `request.querystring.NAME`, `request.header.NAME`.
    pub cache_key_parameters: Vec<String>,
    /// Routes with the same namespace share cache entries. By default the route's id.
    pub cache_namespace: Option<String>,
}

/// A stage (AWS v2: Stage).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StageItem {
    /// The name, the first segment of the path: `A-Z`, `a-z`, `0-9`, `_`, `-`, at most 128; or
    /// `$default`, which takes the path as it is.
    pub stage_name: String,
    /// Whether every change of the API is deployed here at once. A stage without it goes on
    /// serving what it serves, and a new one serves nothing until something is deployed to it.
    pub auto_deploy: bool,
    /// What it is for.
    pub description: Option<String>,
    /// Values for `${stageVariables.NAME}`.
    pub stage_variables: BTreeMap<String, String>,
    /// Settings of every route.
    pub default_route_settings: RouteSettings,
    /// Settings by route key, member by member above the default ones.
    pub route_settings: BTreeMap<String, RouteSettings>,
    /// Where and how requests are logged.
    pub access_log_settings: Option<AccessLogSettings>,
    /// The certificate that AWS shows to back ends. Kept and not used: see `clientCertificate` of
    /// upstream groups.
    pub client_certificate_id: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl Default for StageItem {
    fn default() -> Self {
        Self {
            stage_name: "$default".into(),
            auto_deploy: true,
            description: None,
            stage_variables: BTreeMap::new(),
            default_route_settings: RouteSettings::default(),
            route_settings: BTreeMap::new(),
            access_log_settings: None,
            client_certificate_id: None,
            tags: BTreeMap::new(),
        }
    }
}
