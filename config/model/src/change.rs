//! A change of the model as data: what commands carry and what a plan prints.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize};
use tollgate_protocol::ids::{ApiId, DeploymentId, KeyId, PlanId};

use crate::{
    Api, ApiKey, Certificate, Deployment, DomainName, Function, Model, StageRef, Upstream,
    UsagePlan,
};

/// One resource put in place or removed. Variants are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// Creates or replaces an API with its stages and deployments.
    PutApi(#[serde(deserialize_with = "decode_api")] Arc<Api>),
    /// Replaces an API, without the text of the deployments that stay as they are: an API holds
    /// up to ten, each with all its routes, and most changes add one.
    UpdateApi {
        /// The API, without the deployments that stay.
        #[serde(deserialize_with = "decode_api")]
        api: Arc<Api>,
        /// The deployments that stay.
        kept: BTreeSet<DeploymentId>,
    },
    /// Removes an API.
    DeleteApi(ApiId),
    /// Creates or replaces an upstream group.
    PutUpstream(Arc<Upstream>),
    /// Removes an upstream group.
    DeleteUpstream(String),
    /// Creates or replaces a function.
    PutFunction(Arc<Function>),
    /// Removes a function.
    DeleteFunction(String),
    /// Creates or replaces a usage plan.
    PutUsagePlan(Arc<UsagePlan>),
    /// Removes a usage plan.
    DeleteUsagePlan(PlanId),
    /// Creates or replaces an API key.
    PutApiKey(Arc<ApiKey>),
    /// Removes an API key.
    DeleteApiKey(KeyId),
    /// Creates or replaces a domain name with its mappings.
    PutDomainName(Arc<DomainName>),
    /// Removes a domain name.
    DeleteDomainName(String),
    /// Creates or replaces a certificate.
    PutCertificate(Arc<Certificate>),
    /// Removes a certificate.
    DeleteCertificate(String),
    /// Sets or clears the mapping of every other host.
    SetDefaultMapping(Option<StageRef>),
}

/// The words for kinds of resources, in plans, logs and marks.
pub mod kind {
    /// An API with its routes, integrations, stages and deployments.
    pub const API: &str = "api";
    /// An upstream group.
    pub const UPSTREAM: &str = "upstream";
    /// A function.
    pub const FUNCTION: &str = "function";
    /// A usage plan.
    pub const USAGE_PLAN: &str = "usage plan";
    /// An API key.
    pub const API_KEY: &str = "api key";
    /// A domain name with its mappings.
    pub const DOMAIN_NAME: &str = "domain name";
    /// A certificate.
    pub const CERTIFICATE: &str = "certificate";
    /// What serves every other host.
    pub const DEFAULT_MAPPING: &str = "default mapping";
}

impl Model {
    /// Carries a change out. Removing what is not there does nothing.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::PutApi(mut api) => {
                Arc::make_mut(&mut api).share();
                self.apis.insert(api.api_id.clone(), api);
            }
            Change::UpdateApi { mut api, kept } => {
                let whole = Arc::make_mut(&mut api);
                if let Some(old) = self.apis.get(&whole.api_id) {
                    whole.deployments.extend(stay(old, &kept));
                }
                whole.share();
                self.apis.insert(api.api_id.clone(), api);
            }
            Change::DeleteApi(id) => drop(self.apis.remove(&id)),
            Change::PutUpstream(it) => drop(self.upstreams.insert(it.name.clone(), it)),
            Change::DeleteUpstream(name) => drop(self.upstreams.remove(&name)),
            Change::PutFunction(it) => drop(self.functions.insert(it.name.clone(), it)),
            Change::DeleteFunction(name) => drop(self.functions.remove(&name)),
            Change::PutUsagePlan(it) => drop(self.usage_plans.insert(it.id.clone(), it)),
            Change::DeleteUsagePlan(id) => drop(self.usage_plans.remove(&id)),
            Change::PutApiKey(it) => drop(self.api_keys.insert(it.id.clone(), it)),
            Change::DeleteApiKey(id) => drop(self.api_keys.remove(&id)),
            Change::PutDomainName(it) => {
                drop(self.domain_names.insert(it.domain_name.clone(), it));
            }
            Change::DeleteDomainName(name) => drop(self.domain_names.remove(&name)),
            Change::PutCertificate(it) => drop(self.certificates.insert(it.name.clone(), it)),
            Change::DeleteCertificate(name) => drop(self.certificates.remove(&name)),
            Change::SetDefaultMapping(mapping) => self.default_mapping = mapping,
        }
    }
}

/// An API with its definition once. The text of an API repeats it for every deployment; one that is
/// dropped before the next API is decoded leaves its memory to that one, and those of a large
/// configuration that are dropped at the end leave every page of memory half empty.
fn decode_api<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Api>, D::Error> {
    let mut api = Api::deserialize(from)?;
    api.share();
    Ok(Arc::new(api))
}

impl Model {
    /// The change that takes another one back: applied after it, the model is what it was before.
    #[must_use]
    pub fn inverse(&self, change: &Change) -> Change {
        let api = |id: &ApiId| back(self.apis.get(id), Change::PutApi, Change::DeleteApi, id);
        let upstream = |id: &String| {
            back(
                self.upstreams.get(id),
                Change::PutUpstream,
                Change::DeleteUpstream,
                id,
            )
        };
        let function = |id: &String| {
            back(
                self.functions.get(id),
                Change::PutFunction,
                Change::DeleteFunction,
                id,
            )
        };
        let plan = |id: &PlanId| {
            back(
                self.usage_plans.get(id),
                Change::PutUsagePlan,
                Change::DeleteUsagePlan,
                id,
            )
        };
        let key = |id: &KeyId| {
            back(
                self.api_keys.get(id),
                Change::PutApiKey,
                Change::DeleteApiKey,
                id,
            )
        };
        let domain = |id: &String| {
            back(
                self.domain_names.get(id),
                Change::PutDomainName,
                Change::DeleteDomainName,
                id,
            )
        };
        let certificate = |id: &String| {
            back(
                self.certificates.get(id),
                Change::PutCertificate,
                Change::DeleteCertificate,
                id,
            )
        };
        match change {
            Change::PutApi(it) => api(&it.api_id),
            Change::UpdateApi { api: it, kept } => match self.apis.get(&it.api_id) {
                Some(old) => update(old, kept),
                None => Change::DeleteApi(it.api_id.clone()),
            },
            Change::DeleteApi(id) => api(id),
            Change::PutUpstream(it) => upstream(&it.name),
            Change::DeleteUpstream(id) => upstream(id),
            Change::PutFunction(it) => function(&it.name),
            Change::DeleteFunction(id) => function(id),
            Change::PutUsagePlan(it) => plan(&it.id),
            Change::DeleteUsagePlan(id) => plan(id),
            Change::PutApiKey(it) => key(&it.id),
            Change::DeleteApiKey(id) => key(id),
            Change::PutDomainName(it) => domain(&it.domain_name),
            Change::DeleteDomainName(id) => domain(id),
            Change::PutCertificate(it) => certificate(&it.name),
            Change::DeleteCertificate(id) => certificate(id),
            Change::SetDefaultMapping(_) => Change::SetDefaultMapping(self.default_mapping.clone()),
        }
    }
}

fn back<K: Clone, V>(
    old: Option<&Arc<V>>,
    put: fn(Arc<V>) -> Change,
    delete: fn(K) -> Change,
    id: &K,
) -> Change {
    old.map_or_else(|| delete(id.clone()), |old| put(Arc::clone(old)))
}

/// The changes that turn `old` into `new`: applying them to `old` gives `new`.
///
/// Things that others refer to are put first and removed last.
#[must_use]
pub fn diff(old: &Model, new: &Model) -> Vec<Change> {
    let mut out = Vec::new();
    puts(
        &old.certificates,
        &new.certificates,
        Change::PutCertificate,
        &mut out,
    );
    puts(
        &old.upstreams,
        &new.upstreams,
        Change::PutUpstream,
        &mut out,
    );
    puts(
        &old.functions,
        &new.functions,
        Change::PutFunction,
        &mut out,
    );
    put_apis(old, new, &mut out);
    puts(
        &old.usage_plans,
        &new.usage_plans,
        Change::PutUsagePlan,
        &mut out,
    );
    let (keys, keys_gone) = key_changes(old, new);
    out.extend(keys);
    puts(
        &old.domain_names,
        &new.domain_names,
        Change::PutDomainName,
        &mut out,
    );
    if old.default_mapping != new.default_mapping {
        out.push(Change::SetDefaultMapping(new.default_mapping.clone()));
    }
    deletes(
        &old.domain_names,
        &new.domain_names,
        Change::DeleteDomainName,
        &mut out,
    );
    out.extend(keys_gone);
    deletes(
        &old.usage_plans,
        &new.usage_plans,
        Change::DeleteUsagePlan,
        &mut out,
    );
    deletes(&old.apis, &new.apis, Change::DeleteApi, &mut out);
    deletes(
        &old.functions,
        &new.functions,
        Change::DeleteFunction,
        &mut out,
    );
    deletes(
        &old.upstreams,
        &new.upstreams,
        Change::DeleteUpstream,
        &mut out,
    );
    deletes(
        &old.certificates,
        &new.certificates,
        Change::DeleteCertificate,
        &mut out,
    );
    out
}

/// The keys to put and those to delete, without looking at what both models share.
fn key_changes(old: &Model, new: &Model) -> (Vec<Change>, Vec<Change>) {
    let (mut put, mut gone) = (Vec::new(), Vec::new());
    for (id, before, after) in old.api_keys.changes(&new.api_keys) {
        match after {
            Some(key) if before != after => put.push(Change::PutApiKey(Arc::clone(key))),
            Some(_) => {}
            None => gone.push(Change::DeleteApiKey(id.clone())),
        }
    }
    (put, gone)
}

fn put_apis(old: &Model, new: &Model, out: &mut Vec<Change>) {
    for (id, api) in &new.apis {
        match old.apis.get(id) {
            None => out.push(Change::PutApi(Arc::clone(api))),
            Some(before) if Arc::ptr_eq(before, api) || before == api => {}
            Some(before) => out.push(update(api, &same_deployments(before, api))),
        }
    }
}

/// The change that puts `api` in the place of one that has the deployments of `kept` as well.
fn update(api: &Arc<Api>, kept: &BTreeSet<DeploymentId>) -> Change {
    let kept: BTreeSet<DeploymentId> = stay(api, kept).map(|(id, _)| id).collect();
    if kept.is_empty() {
        return Change::PutApi(Arc::clone(api));
    }
    let mut api = Api::clone(api);
    api.deployments.retain(|id, _| !kept.contains(id));
    Change::UpdateApi {
        api: Arc::new(api),
        kept,
    }
}

/// The deployments of an API that are among those that stay.
fn stay<'a>(
    api: &'a Api,
    kept: &'a BTreeSet<DeploymentId>,
) -> impl Iterator<Item = (DeploymentId, Arc<Deployment>)> + 'a {
    let found = |id| {
        Some((
            DeploymentId::clone(id),
            Arc::clone(api.deployments.get(id)?),
        ))
    };
    kept.iter().filter_map(found)
}

/// The deployments that two states of an API share.
fn same_deployments(old: &Api, new: &Api) -> BTreeSet<DeploymentId> {
    let same = |(id, it): &(&DeploymentId, &Arc<Deployment>)| {
        let before = old.deployments.get(*id);
        before.is_some_and(|before| Arc::ptr_eq(before, it) || before == *it)
    };
    let found = new.deployments.iter().filter(same);
    found.map(|(id, _)| id.clone()).collect()
}

fn puts<K: Ord, V: PartialEq>(
    old: &BTreeMap<K, Arc<V>>,
    new: &BTreeMap<K, Arc<V>>,
    put: fn(Arc<V>) -> Change,
    out: &mut Vec<Change>,
) {
    for (id, value) in new {
        let same = old
            .get(id)
            .is_some_and(|it| Arc::ptr_eq(it, value) || it == value);
        if !same {
            out.push(put(Arc::clone(value)));
        }
    }
}

fn deletes<K: Ord + Clone, V>(
    old: &BTreeMap<K, Arc<V>>,
    new: &BTreeMap<K, Arc<V>>,
    delete: fn(K) -> Change,
    out: &mut Vec<Change>,
) {
    out.extend(
        old.keys()
            .filter(|id| !new.contains_key(*id))
            .map(|id| delete(id.clone())),
    );
}

impl Change {
    /// The kind and the name of what it changes, for plans and logs.
    #[must_use]
    pub fn subject(&self) -> (&'static str, String) {
        match self {
            Self::PutApi(it) | Self::UpdateApi { api: it, .. } => {
                (kind::API, it.api_id.to_string())
            }
            Self::DeleteApi(id) => (kind::API, id.to_string()),
            Self::PutUpstream(it) => (kind::UPSTREAM, it.name.clone()),
            Self::DeleteUpstream(name) => (kind::UPSTREAM, name.clone()),
            Self::PutFunction(it) => (kind::FUNCTION, it.name.clone()),
            Self::DeleteFunction(name) => (kind::FUNCTION, name.clone()),
            Self::PutUsagePlan(it) => (kind::USAGE_PLAN, it.id.to_string()),
            Self::DeleteUsagePlan(id) => (kind::USAGE_PLAN, id.to_string()),
            Self::PutApiKey(it) => (kind::API_KEY, it.id.to_string()),
            Self::DeleteApiKey(id) => (kind::API_KEY, id.to_string()),
            Self::PutDomainName(it) => (kind::DOMAIN_NAME, it.domain_name.clone()),
            Self::DeleteDomainName(name) => (kind::DOMAIN_NAME, name.clone()),
            Self::PutCertificate(it) => (kind::CERTIFICATE, it.name.clone()),
            Self::DeleteCertificate(name) => (kind::CERTIFICATE, name.clone()),
            Self::SetDefaultMapping(_) => (kind::DEFAULT_MAPPING, String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::{Definition, Route};

    /// An API whose deployments are those of the given numbers.
    fn api(deployments: &[u32]) -> Model {
        let definition = |number: u32| {
            let mut definition = Definition::default();
            for route in 0..10 {
                let id = format!("r{number}-{route}");
                let route_key = format!("GET /things-{number}/{route}");
                let route = Route {
                    route_key,
                    ..Route::default()
                };
                definition.routes.insert(id.as_str().into(), route);
            }
            Arc::new(definition)
        };
        let mut api = Api {
            api_id: "a".into(),
            ..Api::default()
        };
        for number in deployments {
            let id = DeploymentId::from(format!("d{number}").as_str());
            let deployment = Deployment {
                deployment_id: id.clone(),
                definition: definition(*number),
                ..Deployment::default()
            };
            api.definition = Arc::clone(&deployment.definition);
            api.deployments.insert(id, Arc::new(deployment));
        }
        let mut model = Model::default();
        model.apis.insert(api.api_id.clone(), Arc::new(api));
        model
    }

    fn sent(changes: &[Change]) -> (Vec<Change>, usize) {
        let text = serde_json::to_vec(changes).unwrap();
        (serde_json::from_slice(&text).unwrap(), text.len())
    }

    #[test]
    fn an_update_makes_the_new_api_and_its_inverse_the_old_one() {
        for (before, after) in [
            (&[1, 2, 3][..], &[2, 3, 4][..]),
            (&[1, 2], &[1, 2]),
            (&[1], &[2]),
            (&[], &[1]),
            (&[1, 2], &[]),
        ] {
            let (old, new) = (api(before), api(after));
            let mut model = old.clone();
            let mut undo = Vec::new();
            for change in sent(&diff(&old, &new)).0 {
                undo.insert(0, model.inverse(&change));
                model.apply(change);
            }
            assert_eq!(model, new, "{before:?} {after:?}");
            for change in sent(&undo).0 {
                model.apply(change);
            }
            assert_eq!(model, old, "{before:?} {after:?}");
        }
    }

    #[test]
    fn an_update_repeats_no_deployment() {
        let old = api(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        let new = api(&[2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        let whole = sent(&[Change::PutApi(Arc::clone(&new.apis["a"]))]).1;
        let update = sent(&diff(&old, &new)).1;
        let undo: Vec<Change> = diff(&old, &new).iter().map(|it| old.inverse(it)).collect();
        assert!(update * 5 < whole, "{update} of {whole} bytes");
        assert!(
            sent(&undo).1 * 5 < whole,
            "{} of {whole} bytes",
            sent(&undo).1
        );
    }
}
