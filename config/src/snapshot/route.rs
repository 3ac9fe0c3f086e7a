//! A stage and its routes as requests see them.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use tollgate_model::{AuthorizationType, CacheControlStrategy, LoggingLevel};

use super::{IntegrationPlan, Router, SocketPlan, SocketRoute, Template};
use crate::cells::TokenBucket;

/// A stage of an API, compiled from the deployment that it points at.
#[derive(Debug)]
pub struct StagePlan {
    /// The API's id.
    pub api_id: Arc<str>,
    /// The API's name.
    pub api_name: Arc<str>,
    /// The stage's name; `$default` has no segment in the path.
    pub name: Arc<str>,
    /// The deployment that it serves.
    pub deployment_id: Arc<str>,
    /// The stage variables, for events.
    pub variables: Arc<BTreeMap<String, String>>,
    /// Route keys to indexes of `routes`.
    pub router: Router,
    /// How messages find their routes, of a WebSocket API; its router is empty.
    pub sockets: Option<Box<SocketPlan>>,
    /// The routes.
    pub routes: Vec<Arc<RoutePlan>>,
    /// Where and how requests are logged.
    pub access_log: Option<Arc<AccessLog>>,
    /// The node's metric handles of this stage, made by the first request.
    pub series: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// A route of a stage.
#[derive(Debug)]
pub struct RoutePlan {
    /// `GET /pets/{id}` or `$default`.
    pub route_key: Arc<str>,
    /// The route's path template, `/pets/{id}`; `$default` for the default route.
    pub resource: Arc<str>,
    /// The id.
    pub route_id: Arc<str>,
    /// Who may use it. Anything but `NONE` refuses every request: nothing judges it yet.
    pub authorization: AuthorizationType,
    /// Whether an API key of a plan that holds this stage is needed.
    pub api_key_required: bool,
    /// The stage's limit for this route, all clients together.
    pub throttle: Option<Arc<TokenBucket>>,
    /// Caching. Boxed, for of many routes few have it.
    pub cache: Option<Box<CachePlan>>,
    /// What answers.
    pub integration: IntegrationPlan,
    /// What only routes of WebSocket APIs have.
    pub socket: Option<Box<SocketRoute>>,
    /// What the execution log tells.
    pub logging: LoggingLevel,
    /// Whether the execution log holds headers and bodies.
    pub data_trace: bool,
    /// Whether metrics are kept by route.
    pub detailed_metrics: bool,
    /// The node's metric handles of this route, made by the first request.
    pub series: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// How responses of a route are cached (reference 15).
#[derive(Debug)]
pub struct CachePlan {
    /// What the key begins with: API, stage, deployment, namespace.
    pub namespace: Arc<str>,
    /// What else splits entries, sorted.
    pub parts: Vec<CacheKeyPart>,
    /// Milliseconds that an entry lives.
    pub ttl_ms: u64,
    /// The methods that are cached: GET and HEAD, or the one that the route key names.
    pub methods: Vec<Box<str>>,
    /// Whether a client needs a permission to refresh an entry.
    pub refresh_needs_permission: bool,
    /// What a client without it gets.
    pub strategy: CacheControlStrategy,
}

/// A request value that splits cache entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheKeyPart {
    /// A path variable.
    Path(Box<str>),
    /// A query parameter.
    Query(Box<str>),
    /// A header field, lower case.
    Header(Box<str>),
}

/// Where and how the requests of a stage are logged.
#[derive(Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// Where lines go.
    pub destination: LogDestination,
    /// The line without its end.
    pub template: Template,
    /// Whether values are escaped for JSON (the template begins with `{`).
    pub json: bool,
}

/// Where log lines go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LogDestination {
    /// The node's standard output.
    Stdout,
    /// A file of this name in the node's log directory.
    File(Box<str>),
}
