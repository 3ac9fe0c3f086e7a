//! Usage plans and API keys (reference 13).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::ToString;

use tollgate_protocol::ids::KeyId;
use tollgate_protocol::limits::{BURST_MAX, PLANS_PER_KEY_MAX, QUOTA_MAX};

use super::route_key::check_throttle_key;
use super::text::{is_word, notes};
use super::{Findings, stage_exists};
use crate::{ApiKey, Model, Period, Quota, StageRef, Throttle, UsagePlan};

/// Characters of a key's secret (AWS).
const VALUE_CHARS: core::ops::RangeInclusive<usize> = 20..=128;
/// Characters of a name (AWS: 1024 for keys).
const NAME_CHARS_MAX: usize = 1024;

/// Who has which secret.
pub(super) struct Values<'m> {
    model: &'m Model,
    /// The secrets seen so far, with the names of their keys.
    seen: BTreeMap<&'m str, &'m str>,
    /// Who had a secret before.
    holder: &'m dyn Fn(&str) -> Option<KeyId>,
}

impl<'m> Values<'m> {
    pub(super) fn new(model: &'m Model, holder: &'m dyn Fn(&str) -> Option<KeyId>) -> Self {
        Self {
            model,
            seen: BTreeMap::new(),
            holder,
        }
    }

    /// The name of another key with this one's secret: one that was seen, or one that had it and
    /// did not change.
    fn taken(&mut self, key: &'m ApiKey) -> Option<&'m str> {
        if let Some(other) = self.seen.insert(&key.value, &key.name) {
            return Some(other);
        }
        let holder = (self.holder)(&key.value).filter(|id| *id != key.id)?;
        let other = self.model.api_keys.get(&holder)?;
        (other.value == key.value).then_some(other.name.as_str())
    }
}

pub(super) fn usage_plan(model: &Model, plan: &UsagePlan, f: &mut Findings) {
    if !is_word(plan.id.as_str(), b".", 128) {
        f.say(
            "id",
            "an id has 1 to 128 of the characters A-Z, a-z, 0-9, `_`, `-` and `.`",
        );
    }
    if !(1..=NAME_CHARS_MAX).contains(&plan.name.chars().count()) {
        f.say(
            "name",
            format!("a name has 1 to {NAME_CHARS_MAX} characters"),
        );
    }
    notes(plan.description.as_ref(), &plan.tags, f);
    if let Some(it) = &plan.throttle {
        f.inside("throttle", |f| throttle(it, f));
    }
    if let Some(it) = &plan.quota {
        f.inside("quota", |f| quota(it, f));
    }
    let mut seen = BTreeSet::new();
    for (index, it) in plan.api_stages.iter().enumerate() {
        f.in_two("apiStages", &index.to_string(), |f| {
            let target = StageRef {
                api_id: it.api_id.clone(),
                stage: it.stage.clone(),
            };
            stage_exists(model, &target, f);
            if !seen.insert(target) {
                f.here("the plan holds this stage already");
            }
            for (key, limit) in &it.throttle {
                f.in_two("throttle", key, |f| {
                    if let Err(message) = check_throttle_key(key) {
                        f.here(message);
                    }
                    throttle(limit, f);
                });
            }
        });
    }
}

fn throttle(throttle: &Throttle, f: &mut Findings) {
    if throttle.burst_limit > BURST_MAX {
        f.say("burstLimit", format!("burstLimit is at most {BURST_MAX}"));
    }
}

fn quota(quota: &Quota, f: &mut Findings) {
    if !(1..=QUOTA_MAX).contains(&quota.limit) {
        f.say(
            "limit",
            format!("a quota's limit is a number from 1 to {QUOTA_MAX}"),
        );
    }
    let (offset_max, period) = match quota.period {
        Period::Day => (0, "DAY"),
        Period::Week => (6, "WEEK"),
        Period::Month => (27, "MONTH"),
    };
    if quota.offset > offset_max {
        let message = if offset_max == 0 {
            format!("the offset of a period of {period} is 0")
        } else {
            format!("the offset of a period of {period} is a day from 0 to {offset_max}")
        };
        f.say("offset", message);
    }
}

pub(super) fn api_key<'m>(
    model: &Model,
    key: &'m ApiKey,
    values: Option<&mut Values<'m>>,
    f: &mut Findings,
) {
    if !is_word(key.id.as_str(), b".", 128) {
        f.say(
            "id",
            "an id has 1 to 128 of the characters A-Z, a-z, 0-9, `_`, `-` and `.`",
        );
    }
    if key.name.chars().count() > NAME_CHARS_MAX {
        f.say(
            "name",
            format!("a name has at most {NAME_CHARS_MAX} characters"),
        );
    }
    if !VALUE_CHARS.contains(&key.value.len()) {
        let (low, high) = (VALUE_CHARS.start(), VALUE_CHARS.end());
        let message = format!(
            "an API key's value has {low} to {high} characters, not {}",
            key.value.len()
        );
        f.say("value", message);
    } else if !key.value.bytes().all(|b| b.is_ascii_graphic()) {
        f.say(
            "value",
            "an API key's value is made of visible ASCII characters without spaces",
        );
    }
    if let Some(other) = values.and_then(|values| values.taken(key)) {
        f.say("value", format!("the key `{other}` has this value already"));
    }
    notes(key.description.as_ref(), &key.tags, f);
    if key.usage_plans.len() > PLANS_PER_KEY_MAX {
        let message = format!("a key is in at most {PLANS_PER_KEY_MAX} usage plans");
        f.say("usagePlans", message);
    }
    let mut opened = BTreeMap::new();
    for (index, id) in key.usage_plans.iter().enumerate() {
        let Some(plan) = model.usage_plans.get(id) else {
            f.item(
                "usagePlans",
                index,
                format!("there is no usage plan `{id}`"),
            );
            continue;
        };
        for it in &plan.api_stages {
            let stage = (&it.api_id, &it.stage);
            let Some(other) = opened.insert(stage, id) else {
                continue;
            };
            let message = if other == id {
                format!("the key is in the plan `{id}` already")
            } else {
                format!(
                    "the plans `{other}` and `{id}` both hold stage `{}` of API `{}`; a key has \
                     one plan for a stage",
                    it.stage, it.api_id
                )
            };
            // A plan that holds a stage twice is reported at the plan.
            if other != id || key.usage_plans[..index].contains(id) {
                f.item("usagePlans", index, message);
                break;
            }
        }
    }
}
