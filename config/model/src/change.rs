//! A change of the model as data: what commands carry and what a plan prints.

mod update;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize};
use tollgate_protocol::Table;
use tollgate_protocol::ids::{ApiId, KeyId, PlanId};

pub use self::update::Kept;
use self::update::update;
use crate::{Api, ApiKey, Certificate, DomainName, Function, Model, StageRef, Upstream, UsagePlan};

/// One resource put in place or removed. Variants are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// Creates or replaces an API with its stages and deployments.
    PutApi(#[serde(deserialize_with = "decode_api")] Arc<Api>),
    /// Replaces an API, without the text of what stays as it is: an API holds up to ten
    /// deployments, each with all its routes, and most changes touch one part.
    UpdateApi {
        /// The API, without what stays.
        #[serde(deserialize_with = "decode_api")]
        api: Arc<Api>,
        /// What stays.
        kept: Kept,
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
                    kept.put_back(old, whole);
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
    put_all(old, new, &mut out);
    delete_all(old, new, &mut out);
    out
}

fn put_all(old: &Model, new: &Model, out: &mut Vec<Change>) {
    puts(
        &old.certificates,
        &new.certificates,
        Change::PutCertificate,
        out,
    );
    puts(&old.upstreams, &new.upstreams, Change::PutUpstream, out);
    puts(&old.functions, &new.functions, Change::PutFunction, out);
    table_puts(&old.apis, &new.apis, put_api, out);
    puts(
        &old.usage_plans,
        &new.usage_plans,
        Change::PutUsagePlan,
        out,
    );
    table_puts(&old.api_keys, &new.api_keys, put_key, out);
    puts(
        &old.domain_names,
        &new.domain_names,
        Change::PutDomainName,
        out,
    );
    if old.default_mapping != new.default_mapping {
        out.push(Change::SetDefaultMapping(new.default_mapping.clone()));
    }
}

fn delete_all(old: &Model, new: &Model, out: &mut Vec<Change>) {
    deletes(
        &old.domain_names,
        &new.domain_names,
        Change::DeleteDomainName,
        out,
    );
    table_deletes(&old.api_keys, &new.api_keys, Change::DeleteApiKey, out);
    deletes(
        &old.usage_plans,
        &new.usage_plans,
        Change::DeleteUsagePlan,
        out,
    );
    table_deletes(&old.apis, &new.apis, Change::DeleteApi, out);
    deletes(&old.functions, &new.functions, Change::DeleteFunction, out);
    deletes(&old.upstreams, &new.upstreams, Change::DeleteUpstream, out);
    deletes(
        &old.certificates,
        &new.certificates,
        Change::DeleteCertificate,
        out,
    );
}

/// Puts what is new, without looking at what both tables share.
fn table_puts<K: Ord, V: PartialEq>(
    old: &Table<K, Arc<V>>,
    new: &Table<K, Arc<V>>,
    put: fn(Option<&Arc<V>>, &Arc<V>) -> Change,
    out: &mut Vec<Change>,
) {
    for (_, before, after) in old.changes(new) {
        let same = |it: &Arc<V>| before.is_some_and(|old| Arc::ptr_eq(old, it) || old == it);
        out.extend(after.filter(|it| !same(it)).map(|it| put(before, it)));
    }
}

fn table_deletes<K: Ord + Clone, V>(
    old: &Table<K, Arc<V>>,
    new: &Table<K, Arc<V>>,
    delete: fn(K) -> Change,
    out: &mut Vec<Change>,
) {
    let gone = old.changes(new).filter(|(_, _, after)| after.is_none());
    out.extend(gone.map(|(id, _, _)| delete(id.clone())));
}

fn put_key(_: Option<&Arc<ApiKey>>, key: &Arc<ApiKey>) -> Change {
    Change::PutApiKey(Arc::clone(key))
}

fn put_api(before: Option<&Arc<Api>>, api: &Arc<Api>) -> Change {
    match before {
        None => Change::PutApi(Arc::clone(api)),
        Some(before) => update(api, &Kept::between(before, api)),
    }
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
    /// What an update of an API does not repeat.
    #[must_use]
    pub fn kept(&self) -> Option<&Kept> {
        match self {
            Self::UpdateApi { kept, .. } => Some(kept),
            _ => None,
        }
    }

    /// The API that it puts in place of what `before` has, whole; `None` when it puts none.
    #[must_use]
    pub fn api(&self, before: &Model) -> Option<Arc<Api>> {
        match self {
            Self::PutApi(api) => Some(Arc::clone(api)),
            Self::UpdateApi { api, kept } => {
                let mut whole = Api::clone(api);
                if let Some(old) = before.apis.get(&api.api_id) {
                    kept.put_back(old, &mut whole);
                }
                Some(Arc::new(whole))
            }
            _ => None,
        }
    }

    /// The kind and the name of what it changes, for plans and logs.
    #[must_use]
    pub fn subject(&self) -> (&'static str, &str) {
        match self {
            Self::PutApi(it) | Self::UpdateApi { api: it, .. } => (kind::API, it.api_id.as_str()),
            Self::DeleteApi(id) => (kind::API, id.as_str()),
            Self::PutUpstream(it) => (kind::UPSTREAM, it.name.as_str()),
            Self::DeleteUpstream(name) => (kind::UPSTREAM, name.as_str()),
            Self::PutFunction(it) => (kind::FUNCTION, it.name.as_str()),
            Self::DeleteFunction(name) => (kind::FUNCTION, name.as_str()),
            Self::PutUsagePlan(it) => (kind::USAGE_PLAN, it.id.as_str()),
            Self::DeleteUsagePlan(id) => (kind::USAGE_PLAN, id.as_str()),
            Self::PutApiKey(it) => (kind::API_KEY, it.id.as_str()),
            Self::DeleteApiKey(id) => (kind::API_KEY, id.as_str()),
            Self::PutDomainName(it) => (kind::DOMAIN_NAME, it.domain_name.as_str()),
            Self::DeleteDomainName(name) => (kind::DOMAIN_NAME, name.as_str()),
            Self::PutCertificate(it) => (kind::CERTIFICATE, it.name.as_str()),
            Self::DeleteCertificate(name) => (kind::CERTIFICATE, name.as_str()),
            Self::SetDefaultMapping(_) => (kind::DEFAULT_MAPPING, ""),
        }
    }
}
