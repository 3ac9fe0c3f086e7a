//! The resource model: what a gateway is configured to be.
//!
//! Its resources are those of AWS's API Gateway v2 by AWS's names (usage plans and keys: v1), with
//! what a self-hosted gateway needs beside them: upstream groups, functions, certificates. The API
//! file and the management API are two doors to this one model. It is a value: cloning is cheap
//! (resources are shared), comparing tells what changed, and it never reads a clock.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod api;
mod authorizer;
mod change;
mod data_model;
mod domain;
mod endpoint;
mod footing;
mod function;
mod integration;
mod keys;
mod route;
mod routing;
mod stage;
mod upstream;
mod validate;

pub use api::{Api, Cors, Definition, Deployment, IpAddressType, ProtocolType};
pub use authorizer::{Authorizer, AuthorizerType, JwtConfiguration};
pub use change::{Change, Kept, diff, kind};
pub use data_model::DataModel;
pub use domain::{ApiMapping, Certificate, DomainName, StageRef};
pub use endpoint::{
    DomainNameConfiguration, EndpointType, MutualTlsAuthentication, SecurityPolicy,
};
pub use footing::{Mark, gains_stages, mark, mark_kind, rests_on, touched};
pub use function::{Function, Runtime};
pub use integration::{
    ConnectionType, ContentHandling, FixedResponse, Integration, IntegrationResponse,
    IntegrationType, PassthroughBehavior, PayloadFormat, TlsConfig, function_name,
};
pub use keys::{ApiKey, ApiStage, OnPartition, Period, Quota, Throttle, UsagePlan};
pub use route::{AuthorizationType, ParameterConstraints, Route, RouteResponse};
pub use routing::{
    HeaderMatch, InvokeApi, MatchBasePaths, MatchHeaders, RoutingAction, RoutingCondition,
    RoutingMode, RoutingRule, ValueGlob,
};
pub use stage::{AccessLogSettings, CacheControlStrategy, LoggingLevel, RouteSettings, Stage};
pub use upstream::{
    Balance, Ejection, HealthCheck, SERVERS_TAG, Server, Upstream, UpstreamProtocol, VpcLink,
};
pub use validate::{RouteKey, Violation, validate, validate_changes};

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};
use tollgate_protocol::Table;
use tollgate_protocol::ids::{ApiId, KeyId, PlanId};

/// Everything that is configured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Model {
    /// The APIs by id. A change of one must not copy them all.
    pub apis: Table<ApiId, Arc<Api>>,
    /// The upstream groups by name (AWS: VPC links).
    pub upstreams: BTreeMap<String, Arc<Upstream>>,
    /// The functions by name.
    pub functions: BTreeMap<String, Arc<Function>>,
    /// The usage plans by id.
    pub usage_plans: BTreeMap<PlanId, Arc<UsagePlan>>,
    /// The API keys by id: there can be millions.
    pub api_keys: Table<KeyId, Arc<ApiKey>>,
    /// The custom domain names by name, in lower case; `*.example.com` for a wildcard.
    pub domain_names: BTreeMap<String, Arc<DomainName>>,
    /// The TLS certificates by name.
    pub certificates: BTreeMap<String, Arc<Certificate>>,
    /// What serves a host that nothing else matches.
    pub default_mapping: Option<StageRef>,
}

/// Whether a member holds what it holds when nobody says anything, and need not be written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
