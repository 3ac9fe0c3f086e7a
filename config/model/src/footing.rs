//! What a change rests on and what it touches, so that changes which have nothing to do with each
//! other need no order.
//!
//! A change is made against a revision. Another one that came first does no harm unless it touched
//! what this one was made of, or what the rules of `validate` look at because of it. Both are told
//! as marks: fingerprints of a resource, of all resources of a kind, or of a key's secret. Two
//! things with one fingerprint make two changes wait for each other that need not, and nothing
//! else.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::{Api, ApiKey, Change, Kept, Model, StageRef, UsagePlan, kind};

/// A fingerprint: of a resource, a kind of resources, or the secret of a key.
pub type Mark = u64;

/// The mark of one resource, by the words of [`Change::subject`].
#[must_use]
pub fn mark(kind: &str, name: &str) -> Mark {
    fingerprint(&[kind.as_bytes(), name.as_bytes()])
}

/// The mark of all resources of a kind: every change of one of them touches it.
#[must_use]
pub fn mark_kind(kind: &str) -> Mark {
    fingerprint(&[kind.as_bytes()])
}

/// The mark of a key's secret. It is stored where the secret is, and nowhere else.
fn mark_value(key: &ApiKey) -> Mark {
    mark("value of api key", &key.value)
}

/// FNV-1a over parts, each with its end. It must be the same on every machine, and a reader who
/// looks for collisions on purpose gains nothing: see the module.
fn fingerprint(parts: &[&[u8]]) -> Mark {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
    parts.iter().fold(OFFSET, |hash, part| {
        step(part.iter().fold(hash, step), &0xff)
    })
}

/// What a change touches of the model that it is going to be applied to.
pub fn touched(before: &Model, change: &Change, into: &mut Vec<Mark>) {
    let (kind, name) = change.subject();
    into.extend([mark_kind(kind), mark(kind, name)]);
    if let Change::PutApiKey(key) = change
        && is_new_value(before, key)
    {
        into.push(mark_value(key));
    }
}

/// What changes of a model rest on, beside what their author looked at: the resources themselves
/// and all that the rules of `validate` look at because of them.
#[must_use]
pub fn rests_on(before: &Model, changes: &[Change]) -> BTreeSet<Mark> {
    let mut marks = BTreeSet::new();
    for change in changes {
        let (kind, name) = change.subject();
        marks.insert(mark(kind, name));
        rules_of(before, change, &mut marks);
    }
    marks
}

fn rules_of(before: &Model, change: &Change, marks: &mut BTreeSet<Mark>) {
    let mut whole = |kinds: &[&str]| marks.extend(kinds.iter().map(|kind| mark_kind(kind)));
    match change {
        Change::PutApi(api) | Change::UpdateApi { api, .. } => {
            whole(&[kind::UPSTREAM, kind::FUNCTION]);
            if loses_stages(before, api, change.kept()) {
                whole(&REFER_TO_STAGES);
            }
        }
        Change::DeleteApi(_) => whole(&REFER_TO_STAGES),
        Change::PutUpstream(_)
        | Change::DeleteUpstream(_)
        | Change::PutFunction(_)
        | Change::DeleteFunction(_) => whole(&[kind::API]),
        Change::PutCertificate(_) | Change::DeleteCertificate(_) => whole(&[kind::DOMAIN_NAME]),
        Change::DeleteUsagePlan(_) => whole(&[kind::API_KEY]),
        Change::PutUsagePlan(plan) => {
            if gains_stages(before, plan) {
                whole(&[kind::API_KEY, kind::USAGE_PLAN]);
            }
            let apis = plan.api_stages.iter();
            marks.extend(apis.map(|it| mark(kind::API, it.api_id.as_str())));
        }
        Change::PutApiKey(key) => {
            let plans = key.usage_plans.iter();
            marks.extend(plans.map(|id| mark(kind::USAGE_PLAN, id.as_str())));
            if is_new_value(before, key) {
                marks.insert(mark_value(key));
            }
        }
        Change::PutDomainName(domain) => {
            let targets = domain.targets();
            marks.extend(targets.map(|it| mark(kind::API, it.api_id.as_str())));
            let certificate = domain.certificate_name();
            marks.extend(certificate.map(|name| mark(kind::CERTIFICATE, name)));
        }
        Change::SetDefaultMapping(Some(StageRef { api_id, .. })) => {
            marks.insert(mark(kind::API, api_id.as_str()));
        }
        Change::DeleteApiKey(_) | Change::DeleteDomainName(_) | Change::SetDefaultMapping(None) => {
        }
    }
}

/// What may lead to a stage, beside APIs.
const REFER_TO_STAGES: [&str; 3] = [kind::USAGE_PLAN, kind::DOMAIN_NAME, kind::DEFAULT_MAPPING];

/// Whether an API loses stages that others may refer to.
pub(crate) fn loses_stages(before: &Model, api: &Api, kept: Option<&Kept>) -> bool {
    let old = before.apis.get(&api.api_id);
    let stays = |it| {
        let kept = kept.is_some_and(|kept| kept.stages.contains(it));
        kept || api.stages.contains_key(it)
    };
    old.is_some_and(|old| !old.stages.keys().all(stays))
}

/// Whether a plan that keys may be in opens stages that it did not: a key has one plan for a stage.
#[must_use]
pub fn gains_stages(before: &Model, plan: &UsagePlan) -> bool {
    let Some(old) = before.usage_plans.get(&plan.id) else {
        return false;
    };
    let known = |api: &_, stage: &_| {
        let mut old = old.api_stages.iter();
        old.any(|it| it.api_id == *api && it.stage == *stage)
    };
    let mut new = plan.api_stages.iter();
    new.any(|it| !known(&it.api_id, &it.stage))
}

/// Whether a key has a secret that it did not have.
pub(crate) fn is_new_value(before: &Model, key: &ApiKey) -> bool {
    let old = before.api_keys.get(&key.id);
    old.is_none_or(|old| old.value != key.value)
}

#[cfg(test)]
mod tests;
