//! A loaded document and the model that is there, as the model that should be.
//!
//! Nothing here reads a clock, and merging the same document twice changes nothing: dates are kept
//! from what is there, deployments are named by their content.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_model::{Api, ApiKey, Definition, Deployment, Model, Stage};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::DeploymentId;
use tollgate_protocol::limits::DEPLOYMENTS_KEPT;

use super::ids::derived;

/// What happens to resources that the document does not name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Others {
    /// They stay: they may belong to another document or to the management API.
    #[default]
    Keep,
    /// They are removed: the document is everything there is.
    Remove,
}

/// The model that `existing` should become by `loaded`, at the time `now`.
///
/// A resource that the document names is replaced as a whole: an API with its routes,
/// integrations and stages, a domain name with its mappings, a key with its plans. A key is named
/// by its name, so that a new secret replaces the old one. Created dates stay, deployments stay,
/// stages with `autoDeploy` get a deployment of the new definition when it differs, and
/// deployments that no stage points at go when they are more than
/// [`DEPLOYMENTS_KEPT`].
///
/// What stays may refer to what is replaced (a plan to a stage that is gone, another key to the
/// same secret), so the result has to be validated like any other change.
#[must_use]
pub fn merge(existing: &Model, loaded: Model, now: Millis, others: Others) -> Model {
    let mut out = match others {
        Others::Keep => existing.clone(),
        Others::Remove => Model::default(),
    };
    for (id, api) in loaded.apis {
        let api = merge_api(existing.apis.get(&id).map(Arc::as_ref), &api, now);
        let same = existing.apis.get(&id).filter(|old| ***old == api);
        let api = same.map_or_else(|| Arc::new(api), Arc::clone);
        out.apis.insert(id, api);
    }
    let named: std::collections::BTreeSet<&str> = loaded
        .api_keys
        .values()
        .map(|it| it.name.as_str())
        .collect();
    if !named.is_empty() {
        out.api_keys.retain(|id, key| {
            loaded.api_keys.contains_key(id) || !named.contains(key.name.as_str())
        });
    }
    for (id, key) in &loaded.api_keys {
        let key = merge_key(existing.api_keys.get(id).map(Arc::as_ref), key, now);
        out.api_keys.insert(id.clone(), Arc::new(key));
    }
    for (name, mut upstream) in loaded.upstreams {
        // A file does not speak of VPC links; one that a file gives servers stays a link.
        let old = existing.upstreams.get(&name);
        if let Some(link) = old.and_then(|it| it.link.as_ref()) {
            Arc::make_mut(&mut upstream).link = Some(link.clone());
        }
        out.upstreams.insert(name, upstream);
    }
    out.functions.extend(loaded.functions);
    out.usage_plans.extend(loaded.usage_plans);
    out.domain_names.extend(loaded.domain_names);
    out.certificates.extend(loaded.certificates);
    if loaded.default_mapping.is_some() {
        out.default_mapping = loaded.default_mapping;
    }
    out
}

/// The model with this API in place of the one of its id, dated and deployed as [`merge`] does it.
#[must_use]
pub fn with_api(existing: &Model, api: &Api, now: Millis) -> Model {
    let mut out = existing.clone();
    let old = existing.apis.get(&api.api_id);
    let merged = merge_api(old.map(Arc::as_ref), api, now);
    if old.is_none_or(|old| **old != merged) {
        out.apis.insert(api.api_id.clone(), Arc::new(merged));
    }
    out
}

fn merge_key(old: Option<&ApiKey>, new: &ApiKey, now: Millis) -> ApiKey {
    let mut key = new.clone();
    key.created_date = old.map_or(now, |it| it.created_date);
    key.last_updated_date = old.map_or(now, |it| it.last_updated_date);
    if old.is_some_and(|old| *old != key) {
        key.last_updated_date = now;
    }
    key
}

fn merge_api(old: Option<&Api>, new: &Api, now: Millis) -> Api {
    let mut api = new.clone();
    api.created_date = old.map_or(now, |it| it.created_date);
    api.deployments = old.map_or_else(BTreeMap::new, |it| it.deployments.clone());
    let deployed = api.stages.values().any(|stage| stage.auto_deploy);
    let deployed = deployed.then(|| deployment_of(&api));
    for (name, stage) in &mut api.stages {
        let old = old.and_then(|it| it.stages.get(name));
        merge_stage(old, stage, deployed.as_ref(), now);
    }
    if let Some(id) = deployed
        && !api.deployments.contains_key(&id)
    {
        let deployment = Deployment {
            deployment_id: id.clone(),
            description: None,
            created_date: now,
            auto_deployed: true,
            definition: Arc::clone(&api.definition),
        };
        api.deployments.insert(id, Arc::new(deployment));
    }
    drop_old_deployments(&mut api);
    api.share();
    api
}

/// Dates a stage, and moves one that deploys by itself to the deployment of the definition.
fn merge_stage(
    old: Option<&Arc<Stage>>,
    stage: &mut Arc<Stage>,
    deployed: Option<&DeploymentId>,
    now: Millis,
) {
    let mut merged = Stage::clone(stage);
    merged.deployment_id = if stage.auto_deploy {
        deployed.cloned()
    } else {
        // A document names none, the management API may: that is how a stage is moved.
        let kept = || old.and_then(|it| it.deployment_id.clone());
        stage.deployment_id.clone().or_else(kept)
    };
    merged.created_date = old.map_or(now, |it| it.created_date);
    merged.last_updated_date = old.map_or(now, |it| it.last_updated_date);
    *stage = match old {
        Some(old) if **old == merged => Arc::clone(old),
        Some(_) => {
            merged.last_updated_date = now;
            Arc::new(merged)
        }
        None => Arc::new(merged),
    };
}

/// The id of the deployment of an API's definition: that of one that has this very definition, or
/// the one that follows from its content.
fn deployment_of(api: &Api) -> DeploymentId {
    let mut all = api.deployments.values();
    let made = all.find(|it| it.auto_deployed && Arc::ptr_eq(&it.definition, &api.definition));
    made.map_or_else(
        || deployment_id(&api.definition),
        |it| it.deployment_id.clone(),
    )
}

/// The id of a deployment of this definition that is made because of it.
fn deployment_id(definition: &Definition) -> DeploymentId {
    let content = serde_json::to_string(definition).unwrap_or_default();
    DeploymentId::from(derived(6, &["deployment", &content]))
}

/// Removes the oldest deployments that no stage points at, as far as they are more than
/// [`DEPLOYMENTS_KEPT`].
pub fn drop_old_deployments(api: &mut Api) {
    let mut idle: Vec<(Millis, DeploymentId)> = api
        .deployments
        .values()
        .filter(|it| {
            let id = Some(&it.deployment_id);
            !api.stages
                .values()
                .any(|stage| stage.deployment_id.as_ref() == id)
        })
        .map(|it| (it.created_date, it.deployment_id.clone()))
        .collect();
    if idle.len() > DEPLOYMENTS_KEPT {
        idle.sort();
        for (_, id) in &idle[..idle.len() - DEPLOYMENTS_KEPT] {
            api.deployments.remove(id);
        }
    }
}
