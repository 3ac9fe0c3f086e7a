//! An API: its definition (routes, integrations and what they use), its stages and deployments.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{
    ApiId, AuthorizerId, DeploymentId, IntegrationId, ModelId, RouteId, StageName,
};

use crate::{Authorizer, DataModel, Integration, Route, Stage, is_default};

/// What kind of API it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum ProtocolType {
    /// Requests and responses (AWS: HTTP API).
    #[default]
    Http,
    /// A two-way connection (AWS: WebSocket API).
    Websocket,
}

/// The kinds of addresses of an API or a domain name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum IpAddressType {
    /// IPv4.
    #[default]
    Ipv4,
    /// IPv4 and IPv6.
    Dualstack,
}

/// An API (AWS v2: Api).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Api {
    /// The id, part of its address.
    pub api_id: ApiId,
    /// A name for people, at most 128 characters.
    pub name: String,
    /// HTTP or WebSocket.
    pub protocol_type: ProtocolType,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The version of its definition, free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Cross-origin settings; the gateway answers preflights when they are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_configuration: Option<Cors>,
    /// Whether the generated host name and the path style are closed; custom domains stay open.
    pub disable_execute_api_endpoint: bool,
    /// How the route key of a message is found in it; WebSocket APIs have one (reference 6.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_selection_expression: Option<String>,
    /// Where an API key is looked for; by default in the header `x-api-key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_selection_expression: Option<String>,
    /// The kinds of addresses that clients have. Told and not acted on: listeners are the node's.
    #[serde(skip_serializing_if = "is_default")]
    pub ip_address_type: IpAddressType,
    /// Whether models are taken without a look at their schemas.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_schema_validation: bool,
    /// What an import had to say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub import_info: Vec<String>,
    /// What an import left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created_date: Millis,
    /// The working copy: what the next deployment will hold.
    pub definition: Arc<Definition>,
    /// The deployments that stages point at, and some older ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub deployments: BTreeMap<DeploymentId, Arc<Deployment>>,
    /// The stages by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stages: BTreeMap<StageName, Arc<Stage>>,
}

/// What a deployment freezes: routes, integrations, authorizers and models (reference 16).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Definition {
    /// The routes by id.
    pub routes: BTreeMap<RouteId, Route>,
    /// The integrations by id.
    pub integrations: BTreeMap<IntegrationId, Integration>,
    /// The authorizers by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub authorizers: BTreeMap<AuthorizerId, Authorizer>,
    /// The models by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<ModelId, DataModel>,
}

/// An immutable snapshot of a definition (AWS v2: Deployment).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Deployment {
    /// The id; of one that the gateway made by itself it follows from the definition.
    pub deployment_id: DeploymentId,
    /// What changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was made.
    pub created_date: Millis,
    /// Whether a change of an auto-deploying stage made it.
    pub auto_deployed: bool,
    /// The frozen definition.
    pub definition: Arc<Definition>,
}

/// Cross-origin resource sharing (AWS v2: Cors; the Fetch standard, section 3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Cors {
    /// `*`, exact origins, `https://*` or `http://*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_origins: Vec<String>,
    /// Methods, or `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_methods: Vec<String>,
    /// Request header names, or `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_headers: Vec<String>,
    /// Response header names that scripts may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<String>,
    /// Seconds that a browser may remember a preflight, -1 to 86400.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i32>,
    /// Whether cookies and credentials are allowed; not together with `*`.
    pub allow_credentials: bool,
}

impl Api {
    /// The definition that a stage serves: its deployment's, `None` when nothing was deployed.
    #[must_use]
    pub fn deployed(&self, stage: &Stage) -> Option<&Arc<Definition>> {
        let id = stage.deployment_id.as_ref()?;
        self.deployments
            .get(id)
            .map(|deployment| &deployment.definition)
    }

    /// Makes equal definitions one allocation, after decoding.
    pub fn share(&mut self) {
        for deployment in self.deployments.values_mut() {
            if !Arc::ptr_eq(&deployment.definition, &self.definition)
                && deployment.definition == self.definition
            {
                Arc::make_mut(deployment).definition = Arc::clone(&self.definition);
            }
        }
    }
}
