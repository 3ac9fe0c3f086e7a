//! A change of the model as data: what commands carry and what a plan prints.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize};
use tollgate_protocol::ids::{ApiId, KeyId, PlanId};

use crate::{Api, ApiKey, Certificate, DomainName, Function, Model, StageRef, Upstream, UsagePlan};

/// One resource put in place or removed. Variants are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// Creates or replaces an API with its stages and deployments.
    PutApi(#[serde(deserialize_with = "decode_api")] Arc<Api>),
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

impl Model {
    /// Carries a change out. Removing what is not there does nothing.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::PutApi(mut api) => {
                Arc::make_mut(&mut api).share();
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
    puts(&old.apis, &new.apis, Change::PutApi, &mut out);
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
            Self::PutApi(it) => ("api", it.api_id.to_string()),
            Self::DeleteApi(id) => ("api", id.to_string()),
            Self::PutUpstream(it) => ("upstream", it.name.clone()),
            Self::DeleteUpstream(name) => ("upstream", name.clone()),
            Self::PutFunction(it) => ("function", it.name.clone()),
            Self::DeleteFunction(name) => ("function", name.clone()),
            Self::PutUsagePlan(it) => ("usage plan", it.id.to_string()),
            Self::DeleteUsagePlan(id) => ("usage plan", id.to_string()),
            Self::PutApiKey(it) => ("api key", it.id.to_string()),
            Self::DeleteApiKey(id) => ("api key", id.to_string()),
            Self::PutDomainName(it) => ("domain name", it.domain_name.clone()),
            Self::DeleteDomainName(name) => ("domain name", name.clone()),
            Self::PutCertificate(it) => ("certificate", it.name.clone()),
            Self::DeleteCertificate(name) => ("certificate", name.clone()),
            Self::SetDefaultMapping(_) => ("default mapping", String::new()),
        }
    }
}
