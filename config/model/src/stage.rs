//! A stage: a pointer to a deployment with its settings.

use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::{Deserialize, Serialize};
use tollgate_protocol::ids::{DeploymentId, StageName};
use tollgate_protocol::{Millis, Rate};

use crate::is_default;

/// A stage (AWS v2: Stage).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Stage {
    /// `[A-Za-z0-9_-]`, at most 128, or `$default`.
    pub stage_name: StageName,
    /// The deployment that it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<DeploymentId>,
    /// Whether every change of the API is deployed here at once.
    pub auto_deploy: bool,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Values for `${stageVariables.NAME}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stage_variables: BTreeMap<String, String>,
    /// Settings of every route.
    pub default_route_settings: RouteSettings,
    /// Settings by route key, member by member above the default ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub route_settings: BTreeMap<String, RouteSettings>,
    /// Where and how requests are logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_log_settings: Option<AccessLogSettings>,
    /// The certificate that AWS shows to back ends; kept and not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate_id: Option<String>,
    /// Whether quick create made it: such a stage keeps its settings, and goes with its API.
    #[serde(skip_serializing_if = "is_default")]
    pub api_gateway_managed: bool,
    /// Tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created_date: Millis,
    /// When it last changed.
    pub last_updated_date: Millis,
}

/// Settings of a route in a stage (AWS v2: RouteSettings; caching: v1 MethodSetting).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct RouteSettings {
    /// Requests at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttling_burst_limit: Option<u32>,
    /// Requests per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Option<f64>", range(min = 0, max = 1_000_000_000))
    )]
    pub throttling_rate_limit: Option<Rate>,
    /// Metrics by route and not only by stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detailed_metrics_enabled: Option<bool>,
    /// What the execution log tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging_level: Option<LoggingLevel>,
    /// Whether the execution log holds headers and bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_trace_enabled: Option<bool>,
    /// Whether responses are cached (GET and HEAD, unless the route key names another method).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caching_enabled: Option<bool>,
    /// Seconds that a cached response lives; default 300, 0 is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_ttl_in_seconds: Option<u64>,
    /// Whether `Cache-Control: max-age=0` needs a permission to refresh an entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_authorization_for_cache_control: Option<bool>,
    /// What an unauthorised `Cache-Control: max-age=0` gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unauthorized_cache_control_header_strategy: Option<CacheControlStrategy>,
}

/// What an execution log tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum LoggingLevel {
    /// Nothing.
    #[default]
    Off,
    /// Requests that failed.
    Error,
    /// Every step of every request.
    Info,
}

/// What an unauthorised `Cache-Control: max-age=0` gets (reference 15).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CacheControlStrategy {
    /// 403.
    #[serde(rename = "FAIL_WITH_403")]
    FailWith403,
    /// The cached response with a `Warning` header.
    #[default]
    SucceedWithResponseHeader,
    /// The cached response.
    SucceedWithoutResponseHeader,
}

/// Where and how requests are logged (AWS v2: AccessLogSettings).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct AccessLogSettings {
    /// `stdout`, `file:NAME` (in the node's log directory) or a CloudWatch log group's ARN, whose
    /// group name becomes the file's name.
    pub destination_arn: String,
    /// A template of `$context.*` variables, or a preset: `CLF`, `JSON`, `CSV`, `XML`.
    pub format: String,
}

impl RouteSettings {
    /// The members of `self` where they are set, else those of `fallback`.
    #[must_use]
    pub fn or(&self, fallback: &Self) -> Self {
        Self {
            throttling_burst_limit: self
                .throttling_burst_limit
                .or(fallback.throttling_burst_limit),
            throttling_rate_limit: self
                .throttling_rate_limit
                .or(fallback.throttling_rate_limit),
            detailed_metrics_enabled: self
                .detailed_metrics_enabled
                .or(fallback.detailed_metrics_enabled),
            logging_level: self.logging_level.or(fallback.logging_level),
            data_trace_enabled: self.data_trace_enabled.or(fallback.data_trace_enabled),
            caching_enabled: self.caching_enabled.or(fallback.caching_enabled),
            cache_ttl_in_seconds: self.cache_ttl_in_seconds.or(fallback.cache_ttl_in_seconds),
            require_authorization_for_cache_control: self
                .require_authorization_for_cache_control
                .or(fallback.require_authorization_for_cache_control),
            unauthorized_cache_control_header_strategy: self
                .unauthorized_cache_control_header_strategy
                .or(fallback.unauthorized_cache_control_header_strategy),
        }
    }
}
