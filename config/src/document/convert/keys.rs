//! Usage plans and API keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_model::{ApiKey, ApiStage, UsagePlan};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{KeyId, PlanId};

use super::Converter;
use crate::document::ids::derived;
use crate::document::shape::{ApiKeyItem, UsagePlanItem};
use crate::document::tree::Path;

impl Converter<'_> {
    pub(super) fn usage_plan(&mut self, id: String, item: UsagePlanItem, base: &Path) {
        let path = base.key("usagePlans").key(&id);
        self.origin(&["usagePlans", &id], 0, &path);
        let mut api_stages = Vec::new();
        for (index, stage) in item.api_stages.into_iter().enumerate() {
            let at = path.key("apiStages").index(index);
            let position = api_stages.len().to_string();
            self.origin(&["usagePlans", &id, "apiStages", &position], 0, &at);
            let api = self.api_reference(stage.api_id.as_ref(), stage.api.as_ref(), &at);
            let Some(api_id) = api else {
                continue;
            };
            let Some(name) = self.stage_reference(&api_id, stage.stage.as_ref(), &at) else {
                continue;
            };
            api_stages.push(ApiStage {
                api_id,
                stage: name,
                throttle: stage.throttle,
            });
        }
        let plan = UsagePlan {
            id: PlanId::from(id.as_str()),
            name: item.name.unwrap_or_else(|| id.clone()),
            description: item.description,
            api_stages,
            throttle: item.throttle,
            quota: item.quota,
            on_partition: item.on_partition,
            tags: item.tags,
        };
        self.model
            .usage_plans
            .insert(plan.id.clone(), Arc::new(plan));
    }

    pub(super) fn api_key(&mut self, item: ApiKeyItem, name: Option<String>, path: Path) {
        if let (Some(key), Some(member)) = (&name, &item.name)
            && key != member
        {
            let reason = format!("this key is already named `{key}`");
            self.error(0, &path.key("name"), reason);
        }
        let name = item.name.clone().or(name).unwrap_or_default();
        if name.is_empty() {
            self.error(0, &path, "the member `name` is missing");
            return;
        }
        let Some(value) = self.key_value(&item, &path) else {
            return;
        };
        let usage_plans = item
            .usage_plans
            .iter()
            .enumerate()
            .filter_map(|(index, plan)| self.plan(plan, &path.key("usagePlans").index(index)))
            .collect();
        let id = item
            .id
            .unwrap_or_else(|| derived(10, &["key", &name, &value]));
        if self.model.api_keys.contains_key(id.as_str()) {
            self.error(0, &path, "this key appears twice");
            return;
        }
        self.origin(&["apiKeys", &id], 0, &path);
        let key = ApiKey {
            id: KeyId::from(id),
            value,
            name,
            description: item.description,
            enabled: item.enabled,
            customer_id: item.customer_id,
            usage_plans,
            tags: item.tags,
            created_date: Millis(0),
            last_updated_date: Millis(0),
        };
        self.model.api_keys.insert(key.id.clone(), Arc::new(key));
    }

    /// The secret of a key: exactly one of the three ways to give it.
    fn key_value(&mut self, item: &ApiKeyItem, path: &Path) -> Option<String> {
        let given = [&item.value, &item.value_file, &item.value_env];
        match given.iter().filter(|it| it.is_some()).count() {
            1 => {}
            0 => {
                let reason = "the secret is missing: give `value`, `valueFile` or `valueEnv`";
                self.error(0, path, reason);
                return None;
            }
            _ => {
                let reason = "give one of `value`, `valueFile` and `valueEnv`, not several";
                self.error(0, path, reason);
                return None;
            }
        }
        if let Some(value) = &item.value {
            return Some(value.clone());
        }
        if let Some(name) = &item.value_env {
            let value = self.context.environment.get(name).cloned();
            if value.is_none() {
                let reason = format!("the environment variable `{name}` is not set");
                self.error(0, &path.key("valueEnv"), reason);
            }
            return value;
        }
        let file = item.value_file.as_deref()?;
        let text = self.read_member(&path.key("valueFile"), file)?;
        Some(text.trim_end().to_owned())
    }

    fn plan(&mut self, wanted: &str, path: &Path) -> Option<PlanId> {
        if let Some((id, _)) = self.model.usage_plans.get_key_value(wanted) {
            return Some(id.clone());
        }
        let named: BTreeMap<String, PlanId> = self
            .model
            .usage_plans
            .values()
            .map(|plan| (plan.name.clone(), plan.id.clone()))
            .collect();
        if let Some(id) = named.get(wanted) {
            return Some(id.clone());
        }
        let ids: Vec<String> = self
            .model
            .usage_plans
            .keys()
            .map(ToString::to_string)
            .collect();
        let names = ids.iter().chain(named.keys()).map(String::as_str);
        self.unknown((0, path), "usage plan", wanted, names);
        None
    }
}
