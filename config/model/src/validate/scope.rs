//! Which resources the rules are looked at for: all of them, or those that changes can have broken.
//! Who is looked at because of whom is also what a change rests on (`footing.rs`): both follow the
//! references between resources, so they change together.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use core::borrow::Borrow;

use tollgate_protocol::Table;
use tollgate_protocol::ids::KeyId;

use crate::footing::{gains_stages, loses_stages};
use crate::{ApiKey, Change, Model};

/// The resources to look at.
#[derive(Default)]
pub(super) struct Scope<'c> {
    pub(super) certificates: Pick<'c>,
    pub(super) upstreams: Pick<'c>,
    pub(super) functions: Pick<'c>,
    pub(super) apis: Pick<'c>,
    pub(super) usage_plans: Pick<'c>,
    pub(super) domain_names: Pick<'c>,
    pub(super) default_mapping: bool,
    api_keys: Pick<'c>,
    /// Keys of these plans are looked at as well.
    keys_of: BTreeSet<&'c str>,
}

/// Some of the resources of a kind.
pub(super) enum Pick<'c> {
    All,
    These(BTreeSet<&'c str>),
}

impl Default for Pick<'_> {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl<'c> Pick<'c> {
    fn add(&mut self, name: &'c str) {
        if let Self::These(names) = self {
            names.insert(name);
        }
    }

    /// Those of a map that are meant, in order.
    pub(super) fn pick<'m, K, V>(
        &self,
        of: &'m BTreeMap<K, Arc<V>>,
    ) -> impl Iterator<Item = (&'m K, &'m Arc<V>)>
    where
        K: Ord + Borrow<str>,
    {
        self.among(of.iter(), |name| of.get_key_value(name))
    }

    /// Those of a table that are meant, in order.
    pub(super) fn pick_of<'m, K, V>(
        &self,
        of: &'m Table<K, Arc<V>>,
    ) -> impl Iterator<Item = (&'m K, &'m Arc<V>)>
    where
        K: Ord + Borrow<str>,
    {
        self.among(of.iter(), |name| of.get_key_value(name))
    }

    fn among<T>(
        &self,
        all: impl Iterator<Item = T>,
        find: impl Fn(&str) -> Option<T>,
    ) -> impl Iterator<Item = T> {
        let (all, these) = match self {
            Self::All => (Some(all), None),
            Self::These(names) => (None, Some(names.iter())),
        };
        let found = these.into_iter().flatten();
        let found = found.filter_map(move |name| find(name));
        all.into_iter().flatten().chain(found)
    }
}

impl<'c> Scope<'c> {
    pub(super) fn everything() -> Self {
        Self {
            certificates: Pick::All,
            upstreams: Pick::All,
            functions: Pick::All,
            apis: Pick::All,
            usage_plans: Pick::All,
            domain_names: Pick::All,
            default_mapping: true,
            api_keys: Pick::All,
            keys_of: BTreeSet::new(),
        }
    }

    pub(super) fn of(before: &Model, changes: &'c [Change]) -> Self {
        let mut scope = Self::default();
        for change in changes {
            scope.add(before, change);
        }
        scope
    }

    fn add(&mut self, before: &Model, change: &'c Change) {
        match change {
            Change::PutApi(api) | Change::UpdateApi { api, .. } => {
                self.apis.add(api.api_id.as_str());
                if loses_stages(before, api, change.kept()) {
                    self.refer_to_stages();
                }
            }
            Change::DeleteApi(_) => self.refer_to_stages(),
            Change::PutUpstream(it) => {
                self.upstreams.add(&it.name);
                self.apis = Pick::All;
            }
            Change::PutFunction(it) => {
                self.functions.add(&it.name);
                self.apis = Pick::All;
            }
            Change::DeleteUpstream(_) | Change::DeleteFunction(_) => self.apis = Pick::All,
            Change::PutUsagePlan(plan) => {
                self.usage_plans.add(plan.id.as_str());
                if gains_stages(before, plan) {
                    self.keys_of.insert(plan.id.as_str());
                }
            }
            Change::DeleteUsagePlan(id) => {
                self.keys_of.insert(id.as_str());
            }
            Change::PutApiKey(key) => self.api_keys.add(key.id.as_str()),
            Change::DeleteApiKey(_) | Change::DeleteDomainName(_) => {}
            Change::PutDomainName(it) => self.domain_names.add(&it.domain_name),
            Change::PutCertificate(it) => {
                self.certificates.add(&it.name);
                self.domain_names = Pick::All;
            }
            Change::DeleteCertificate(_) => self.domain_names = Pick::All,
            Change::SetDefaultMapping(_) => self.default_mapping = true,
        }
    }

    fn refer_to_stages(&mut self) {
        self.usage_plans = Pick::All;
        self.domain_names = Pick::All;
        self.default_mapping = true;
    }

    /// Calls `look` for the keys that are meant, and says whether their secrets are in question.
    pub(super) fn keys<'m>(
        &self,
        model: &'m Model,
        mut look: impl FnMut(&'m KeyId, &'m ApiKey, bool),
    ) {
        let all = || model.api_keys.iter().map(|(id, key)| (id, &**key));
        let ids = match &self.api_keys {
            Pick::All => return all().for_each(|(id, key)| look(id, key, true)),
            Pick::These(ids) => ids,
        };
        let keys = ids.iter().filter_map(|id| model.api_keys.get(*id));
        keys.for_each(|key| look(&key.id, key, true));
        if self.keys_of.is_empty() {
            return;
        }
        let meant = |key: &ApiKey| {
            let mut plans = key.usage_plans.iter();
            plans.any(|id| self.keys_of.contains(id.as_str())) && !ids.contains(key.id.as_str())
        };
        for (id, key) in all().filter(|(_, key)| meant(key)) {
            look(id, key, false);
        }
    }

    /// Resources that `changes` put and that the model does not have under their own names: what
    /// is checked there is not what would be put in place.
    pub(super) fn misplaced<'a>(
        model: &Model,
        changes: &'a [Change],
    ) -> Option<(&'static str, &'a str)> {
        let there = |change: &Change| match change {
            Change::PutApi(it) | Change::UpdateApi { api: it, .. } => {
                model.apis.contains_key(&it.api_id)
            }
            Change::PutUpstream(it) => model.upstreams.contains_key(&it.name),
            Change::PutFunction(it) => model.functions.contains_key(&it.name),
            Change::PutUsagePlan(it) => model.usage_plans.contains_key(&it.id),
            Change::PutApiKey(it) => model.api_keys.contains_key(&it.id),
            Change::PutDomainName(it) => model.domain_names.contains_key(&it.domain_name),
            Change::PutCertificate(it) => model.certificates.contains_key(&it.name),
            Change::DeleteApi(_)
            | Change::DeleteUpstream(_)
            | Change::DeleteFunction(_)
            | Change::DeleteUsagePlan(_)
            | Change::DeleteApiKey(_)
            | Change::DeleteDomainName(_)
            | Change::DeleteCertificate(_)
            | Change::SetDefaultMapping(_) => true,
        };
        changes.iter().find(|it| !there(it)).map(Change::subject)
    }
}
