//! From the model to the snapshot.
//!
//! Compiling is a function of its arguments. APIs whose resources did not change since the
//! previous snapshot are taken over as they are, and so are the stages of an API of which only
//! other parts changed, so that the cost of a change is the cost of what changed.

mod access_log;
mod domains;
mod expression;
mod integration;
mod keys;
mod pending;
mod selection;
mod socket;
mod stage;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_model::{Api, Model, Stage, Upstream};
use tollgate_protocol::Table;
use tollgate_protocol::ids::{ApiId, Revision};

pub use expression::{ExpressionError, mapping_key, mapping_value};
pub use keys::digest;

use crate::cells::CellSource;
use crate::compile::pending::Pending;
use crate::snapshot::{ApiPlan, FastMap, Snapshot, StagePlan};

/// What the compiler needs to know of the node.
#[derive(Debug, Clone)]
pub struct NodeFacts {
    /// The AWS region, `us-east-1` unless configured.
    pub region: Arc<str>,
    /// The account id, `000000000000` unless configured.
    pub account_id: Arc<str>,
    /// The longest cache TTL in seconds.
    pub cache_ttl_seconds_max: u64,
}

/// Something in the model that cannot be served. `tollgate_model::validate` finds most of these
/// before they are committed; the rest depend on stage variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct CompileError {
    /// Where: `apis.shop.stages.prod.routes.GET /pets`.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

/// Compiles a model.
///
/// # Errors
/// All of what cannot be served; the caller keeps its old snapshot.
pub fn compile(
    model: &Arc<Model>,
    revision: Revision,
    facts: &NodeFacts,
    previous: Option<&Snapshot>,
    cells: &mut dyn CellSource,
) -> Result<Snapshot, Vec<CompileError>> {
    let mut errors = Vec::new();
    let mut pending = Pending::new(cells);
    let apis = apis(model, facts, previous, &mut pending, &mut errors);
    let throttles = pending.throttles;
    let (exact, wildcards) = domains::compile(model, &apis, &mut errors);
    let default_mapping = model
        .default_mapping
        .as_ref()
        .and_then(|target| domains::mapping("", target, &apis, "defaultMapping", &mut errors));
    if !errors.is_empty() {
        return Err(errors);
    }
    // Only now: what is refused changes no limit of what is served.
    for (id, throttle) in throttles {
        cells.bucket(id, throttle);
    }
    let keys = keys::compile(model, previous, cells);
    Ok(Snapshot {
        revision,
        model: Arc::clone(model),
        region: Arc::clone(&facts.region),
        account_id: Arc::clone(&facts.account_id),
        upstreams: upstreams(model, &apis),
        functions: model.functions.values().cloned().collect(),
        apis,
        domains: exact,
        wildcards,
        default_mapping,
        keys,
    })
}

type Apis = FastMap<ApiId, Arc<ApiPlan>>;

/// The plans of all APIs, without looking at those that the previous snapshot has.
fn apis(
    model: &Model,
    facts: &NodeFacts,
    previous: Option<&Snapshot>,
    cells: &mut dyn CellSource,
    errors: &mut Vec<CompileError>,
) -> Apis {
    let old = previous.filter(|old| looks_up_the_same(old, model));
    let none = Table::new();
    let (mut apis, before) = match old {
        Some(old) => (old.apis.clone(), &old.model.apis),
        None => (Apis::default(), &none),
    };
    for (id, _, api) in before.changes(&model.apis) {
        let Some(api) = api else {
            apis.remove(id);
            continue;
        };
        let old = apis.get(id);
        if old.is_some_and(|old| Arc::ptr_eq(&old.source, api)) {
            continue;
        }
        let plan = match old.filter(|old| serves_the_same(&old.source, api)) {
            Some(old) => with_stages_of(old, api),
            None => compile_api(model, api, facts, cells, errors),
        };
        apis.insert(id.clone(), Arc::new(plan));
    }
    apis
}

/// An API's plan looks functions and upstream groups up: with others it may not even compile.
fn looks_up_the_same(old: &Snapshot, model: &Model) -> bool {
    same_map(&old.model.functions, &model.functions)
        && same_map(&old.model.upstreams, &model.upstreams)
}

/// Whether the stages of two states of an API come out the same: all that is compiled of them is
/// the same. What a definition says that no stage serves is not looked at.
fn serves_the_same(old: &Api, new: &Api) -> bool {
    let same = |(before, after): (&Arc<Stage>, &Arc<Stage>)| {
        let (was, is) = (old.deployed(before), new.deployed(after));
        before == after && was.map(Arc::as_ptr) == is.map(Arc::as_ptr)
    };
    old.name == new.name
        && old.protocol_type == new.protocol_type
        && old.route_selection_expression == new.route_selection_expression
        && old.api_key_selection_expression == new.api_key_selection_expression
        && old.stages.len() == new.stages.len()
        && old.stages.values().zip(new.stages.values()).all(same)
}

/// Whether one API can be served beside the rest of a model, of which `served` serves a part.
#[must_use]
pub fn try_api(
    model: &Model,
    api: &Arc<Api>,
    facts: &NodeFacts,
    served: &Snapshot,
    cells: &mut dyn CellSource,
) -> Vec<CompileError> {
    let mut errors = Vec::new();
    let old = served.apis.get(&api.api_id);
    let is_served = old.is_some_and(|old| serves_the_same(&old.source, api));
    if !(is_served && looks_up_the_same(served, model)) {
        compile_api(model, api, facts, cells, &mut errors);
    }
    errors
}

fn compile_api(
    model: &Model,
    api: &Arc<Api>,
    facts: &NodeFacts,
    cells: &mut dyn CellSource,
    errors: &mut Vec<CompileError>,
) -> ApiPlan {
    let mut upstreams = BTreeMap::new();
    let mut stages = BTreeMap::new();
    for (name, stage) in &api.stages {
        let mut compiler = stage::StageCompiler {
            model,
            api,
            stage,
            facts,
            cells: &mut *cells,
            upstreams: &mut upstreams,
            errors: &mut *errors,
        };
        if let Some(plan) = compiler.compile() {
            stages.insert(name.as_str().into(), Arc::new(plan));
        }
    }
    plan(api, stages, upstreams.into_values().map(Arc::new).collect())
}

/// The plan of an API whose stages are those of another state of it.
fn with_stages_of(old: &ApiPlan, api: &Arc<Api>) -> ApiPlan {
    plan(api, old.stages.clone(), old.upstreams.clone())
}

fn plan(
    api: &Arc<Api>,
    stages: BTreeMap<Box<str>, Arc<StagePlan>>,
    upstreams: Vec<Arc<Upstream>>,
) -> ApiPlan {
    ApiPlan {
        source: Arc::clone(api),
        api_id: api.api_id.as_str().into(),
        name: api.name.as_str().into(),
        protocol: api.protocol_type,
        cors: api.cors_configuration.clone(),
        endpoint_open: !api.disable_execute_api_endpoint,
        upstreams,
        stages,
    }
}

/// The declared groups and those that integration URLs make, each once.
fn upstreams(model: &Model, apis: &Apis) -> Vec<Arc<Upstream>> {
    let mut all: BTreeMap<String, Arc<Upstream>> = model.upstreams.clone();
    for upstream in apis.values().flat_map(|api| &api.upstreams) {
        all.entry(upstream.name.clone())
            .or_insert_with(|| Arc::clone(upstream));
    }
    all.into_values().collect()
}

/// Whether two maps hold the same values; a document that is applied again brings copies.
fn same_map<K: PartialEq, V: PartialEq>(
    old: &BTreeMap<K, Arc<V>>,
    new: &BTreeMap<K, Arc<V>>,
) -> bool {
    old.len() == new.len()
        && old
            .iter()
            .zip(new)
            .all(|((a, x), (b, y))| a == b && (Arc::ptr_eq(x, y) || x == y))
}
