//! What an API file may hold: the types that its JSON Schema and its reference are generated from.
//!
//! Members have AWS's v2 names. Where the file says the same as the model, the model's own type
//! stands here; the types below are those in which the file is kinder to people: names instead of
//! ids, `...File` members, defaults.

mod api;
mod keys;
mod parts;
mod platform;

pub(crate) use api::{ApiItem, IntegrationItem, IntegrationUse, RouteItem, StageItem};
pub(crate) use keys::{ApiKeyItem, ApiKeys, UsagePlanItem};
pub(crate) use parts::{AuthorizerItem, IntegrationResponseItem, ModelItem, RouteResponseItem};
pub(crate) use platform::{
    CertificateItem, DomainNameItem, FunctionItem, RoutingRuleItem, ServerUse, StageTarget,
    UpstreamItem,
};

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// An API file: APIs with what they need, in YAML or JSON.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(title = "Tollgate API file")]
pub(crate) struct ApiFile {
    /// The version of this format. Only 1 exists.
    #[schemars(range(min = 1, max = 1))]
    pub tollgate: Option<u32>,
    /// The APIs.
    pub apis: Vec<ApiItem>,
    /// Functions by name, for integrations with `function:NAME`.
    pub functions: BTreeMap<String, FunctionItem>,
    /// Upstream groups by name: servers behind one name, for `http://NAME/path` and `VPC_LINK`.
    pub upstreams: BTreeMap<String, UpstreamItem>,
    /// Usage plans by id.
    pub usage_plans: BTreeMap<String, UsagePlanItem>,
    /// API keys, as a list or by name.
    pub api_keys: ApiKeys,
    /// Custom domain names.
    pub domain_names: Vec<DomainNameItem>,
    /// TLS certificates by name.
    pub certificates: BTreeMap<String, CertificateItem>,
    /// What serves a host that no API and no domain name claims.
    pub default_mapping: Option<StageTarget>,
}
