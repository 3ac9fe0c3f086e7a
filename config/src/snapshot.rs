//! The snapshot: everything that a request needs to know, precompiled and immutable.
//!
//! A request takes one snapshot at its start and never sees another. Only the cells
//! ([`crate::cells`]) inside it change, by single atomic operations.

mod expression;
mod integration;
mod keys;
mod route;
mod router;
mod socket;

pub use expression::{ContextVar, JsonPath, PathStep, Piece, Template, Variable};
pub use integration::{
    FixedPlan, FunctionPlan, FunctionTarget, HttpPlan, IntegrationPlan, MappingAction, MappingStep,
    MappingTarget, PathPiece, SigningKey,
};
pub(crate) use keys::Found;
pub use keys::{KeyDigest, KeyEntry, KeyPlan, KeyTable, PlanRoute, PlanStage, PlanTerms};
pub use route::{AccessLog, CacheKeyPart, CachePlan, LogDestination, RoutePlan, StagePlan};
pub use router::{Match, RouteKeyError, Router};
pub use socket::{BodyTemplates, ResponseKey, SocketPlan, SocketResponse, SocketRoute};

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_model::{Api, Cors, Function, Model, ProtocolType, Upstream, ValueGlob};
use tollgate_protocol::ids::{ApiId, Revision};

/// A map with a fast, seeded hash.
pub type FastMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
/// A set with such a hash.
pub(crate) type FastSet<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;

/// Everything that a request needs to know.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The revision of the model that this was compiled from.
    pub revision: Revision,
    /// The model that this was compiled from.
    pub model: Arc<Model>,
    /// The AWS region that ids and hosts carry.
    pub region: Arc<str>,
    /// The account id that ids and ARNs carry.
    pub account_id: Arc<str>,
    /// The APIs by id.
    pub apis: FastMap<ApiId, Arc<ApiPlan>>,
    /// Custom domains by exact name, lower case, without port.
    pub domains: FastMap<Box<str>, Arc<DomainPlan>>,
    /// Wildcard domains by what follows `*.`.
    pub wildcards: FastMap<Box<str>, Arc<DomainPlan>>,
    /// What serves every other host.
    pub default_mapping: Option<MappingPlan>,
    /// The API keys.
    pub keys: KeyTable,
    /// The upstream groups, those of plain integration URLs among them.
    pub upstreams: Vec<Arc<Upstream>>,
    /// The functions that this node runs.
    pub functions: Vec<Arc<Function>>,
}

/// An API as requests see it.
#[derive(Debug)]
pub struct ApiPlan {
    /// The resource that this was compiled from: the same pointer means nothing to compile.
    pub source: Arc<Api>,
    /// The id.
    pub api_id: Arc<str>,
    /// The name for people.
    pub name: Arc<str>,
    /// What clients speak with it.
    pub protocol: ProtocolType,
    /// Cross-origin settings.
    pub cors: Option<Cors>,
    /// Whether the generated host and the path style are open.
    pub endpoint_open: bool,
    /// The groups that this API's integration URLs make, beside the declared ones.
    pub upstreams: Vec<Arc<Upstream>>,
    /// The stages by name, `$default` among them.
    pub stages: BTreeMap<Box<str>, Arc<StagePlan>>,
}

/// A custom domain as requests see it.
#[derive(Debug)]
pub struct DomainPlan {
    /// The name, or the wildcard.
    pub name: Arc<str>,
    /// Whether it asks for client certificates, which nothing checks yet: it refuses everybody.
    pub mutual_tls: bool,
    /// The routing rules, lowest priority first; empty where the mode leaves them out.
    pub rules: Vec<RulePlan>,
    /// The mappings, longest key first; empty where the mode leaves them out.
    pub mappings: Vec<MappingPlan>,
}

/// A routing rule as requests see it.
#[derive(Debug)]
pub struct RulePlan {
    /// Base paths, one of which the path must begin with, by whole segments without slashes at the
    /// ends, the longest first; without any, every path does.
    pub base_paths: Vec<Box<str>>,
    /// Of each condition one header must be there with a value that fits.
    pub headers: Vec<Vec<HeaderTest>>,
    /// Whether the base path is left out of the path that routes see.
    pub strip_base_path: bool,
    /// Where the rule leads; `None` while nothing is deployed there.
    pub target: Option<(Arc<ApiPlan>, Arc<StagePlan>)>,
}

/// A header with the values that fit.
#[derive(Debug)]
pub struct HeaderTest {
    /// The name, in lower case.
    pub name: Box<str>,
    /// The pattern of its value.
    pub value: ValueGlob,
}

/// A path prefix that leads to a stage.
#[derive(Debug, Clone)]
pub struct MappingPlan {
    /// Whole segments without slashes at the ends; empty takes every path.
    pub key: Box<str>,
    /// The API.
    pub api: Arc<ApiPlan>,
    /// The stage.
    pub stage: Arc<StagePlan>,
}
