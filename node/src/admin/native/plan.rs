//! A plan for people: what each change does to which resource, by the names of its members.
//!
//! Values are never shown: they can be secret, and a plan is read to see what is touched.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};
use tollgate_model::{Api, Change, Model};

/// Members of one resource that a plan names.
const DETAILS_MAX: usize = 50;
/// Members that say when, not what.
const DATES: [&str; 2] = ["createdDate", "lastUpdatedDate"];

/// The plan of these changes to this model: objects with `action`, `kind`, `name` and, for
/// updates, `details`.
pub(super) fn describe(before: &Model, changes: &[Change]) -> Vec<Value> {
    changes.iter().map(|it| one(before, it)).collect()
}

fn one(before: &Model, change: &Change) -> Value {
    let (kind, name) = change.subject();
    let details = match change {
        Change::PutApi(new) | Change::UpdateApi { api: new, .. } => {
            let whole = change.api(before);
            let old = before.apis.get(&new.api_id);
            old.zip(whole).map(|(old, new)| api_details(old, &new))
        }
        Change::PutUpstream(new) => members(before.upstreams.get(&new.name), new),
        Change::PutFunction(new) => members(before.functions.get(&new.name), new),
        Change::PutUsagePlan(new) => members(before.usage_plans.get(&new.id), new),
        Change::PutApiKey(new) => members(before.api_keys.get(&new.id), new),
        Change::PutDomainName(new) => members(before.domain_names.get(&new.domain_name), new),
        Change::PutCertificate(new) => members(before.certificates.get(&new.name), new),
        Change::SetDefaultMapping(_) => Some(Vec::new()),
        Change::DeleteApi(_)
        | Change::DeleteUpstream(_)
        | Change::DeleteFunction(_)
        | Change::DeleteUsagePlan(_)
        | Change::DeleteApiKey(_)
        | Change::DeleteDomainName(_)
        | Change::DeleteCertificate(_) => {
            return json!({"action": "delete", "kind": kind, "name": name});
        }
    };
    match details {
        None => json!({"action": "create", "kind": kind, "name": name}),
        Some(mut details) => {
            if details.len() > DETAILS_MAX {
                let more = details.len() - DETAILS_MAX;
                details.truncate(DETAILS_MAX);
                details.push(format!("and {more} more"));
            }
            json!({"action": "update", "kind": kind, "name": name, "details": details})
        }
    }
}

/// The members that differ, sorted; `None` when there was no resource.
fn members<T: Serialize>(old: Option<&Arc<T>>, new: &T) -> Option<Vec<String>> {
    Some(differing(&object(&**old?), &object(new)))
}

fn object<T: Serialize>(value: &T) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        Ok(_) | Err(_) => Map::new(),
    }
}

fn differing(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| !DATES.contains(&name.as_str()) && old.get(*name) != new.get(*name))
        .cloned()
        .collect()
}

/// What differs in an API: routes by their keys, stages by their names, other members by theirs.
fn api_details(old: &Api, new: &Api) -> Vec<String> {
    let strip = |api: &Api| {
        let mut members = object(api);
        for inner in ["definition", "deployments", "stages"] {
            members.remove(inner);
        }
        members
    };
    let mut out = differing(&strip(old), &strip(new));
    out.extend(named("route", &routes(old), &routes(new)));
    let stages = |api: &Api| -> BTreeMap<String, Value> {
        let each = api.stages.iter().map(|(name, stage)| {
            let mut members = object(&**stage);
            for date in DATES {
                members.remove(date);
            }
            (name.to_string(), members.into())
        });
        each.collect()
    };
    out.extend(named("stage", &stages(old), &stages(new)));
    out
}

/// Routes by key, each with what answers it. The ids say nothing to a reader.
fn routes(api: &Api) -> BTreeMap<String, Value> {
    let each = api.definition.routes.values().map(|route| {
        let mut members = object(route);
        members.remove("routeId");
        let integration = route
            .integration_id()
            .and_then(|id| api.definition.integrations.get(id))
            .map(object);
        members.insert("integration".into(), integration.into());
        (route.route_key.clone(), members.into())
    });
    each.collect()
}

fn named(kind: &str, old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>) -> Vec<String> {
    let mut out = Vec::new();
    for (name, value) in new {
        match old.get(name) {
            None => out.push(format!("+ {kind} {name}")),
            Some(before) if before != value => out.push(format!("~ {kind} {name}")),
            Some(_) => {}
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    out.extend(gone.map(|name| format!("- {kind} {name}")));
    out
}
