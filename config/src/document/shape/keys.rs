//! API keys and usage plans as the file shows them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_model::{OnPartition, Quota, Throttle};

/// A usage plan (AWS v1: UsagePlan). Its limits count per key, summed over all its stages.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct UsagePlanItem {
    /// A name for people. By default the id.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The stages that it opens.
    pub api_stages: Vec<ApiStageItem>,
    /// The rate of one key.
    pub throttle: Option<Throttle>,
    /// The number of requests of one key in a period.
    pub quota: Option<Quota>,
    /// What a node does about the quota while it is cut off from the majority of the cluster.
    pub on_partition: OnPartition,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A stage of a usage plan (AWS v1: ApiStage).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ApiStageItem {
    /// The id of the API; or `api`.
    pub api_id: Option<String>,
    /// The id or the name of the API.
    pub api: Option<String>,
    /// The stage. Default `$default`.
    pub stage: Option<String>,
    /// Rates of one key by route key (`GET /pets`).
    pub throttle: BTreeMap<String, Throttle>,
}

/// API keys, in either form.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ApiKeys {
    /// One after the other.
    List(Vec<ApiKeyItem>),
    /// By name.
    Map(BTreeMap<String, ApiKeyItem>),
}

impl Default for ApiKeys {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// An API key (AWS v1: ApiKey). Its secret comes from `value`, `valueFile` or `valueEnv`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ApiKeyItem {
    /// The id, which is not secret. By default it is derived from name and secret.
    pub id: Option<String>,
    /// A name for people, at most 1024 characters.
    pub name: Option<String>,
    /// The secret that clients send as `x-api-key`: 20 to 128 characters.
    pub value: Option<String>,
    /// A file that holds the secret, relative to this file.
    pub value_file: Option<String>,
    /// An environment variable that holds the secret.
    pub value_env: Option<String>,
    /// Whether requests with it are let in.
    pub enabled: bool,
    /// The usage plans that it is in, by id or name, at most 10.
    pub usage_plans: Vec<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The customer's id in a market place.
    pub customer_id: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl Default for ApiKeyItem {
    fn default() -> Self {
        Self {
            id: None,
            name: None,
            value: None,
            value_file: None,
            value_env: None,
            enabled: true,
            usage_plans: Vec::new(),
            description: None,
            customer_id: None,
            tags: BTreeMap::new(),
        }
    }
}

impl std::fmt::Debug for ApiKeyItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKeyItem")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
