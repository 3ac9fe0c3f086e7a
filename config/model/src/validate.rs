//! The rules that a model must keep, whichever door a change comes through.
//!
//! Each file of `validate/` holds the rules of one kind of resource. Deployments are not looked
//! at again: what they freeze kept the rules when it was the working copy.

mod api;
mod authorizer;
mod data_model;
mod expression;
mod integration;
mod keys;
mod mapping;
mod platform;
mod route;
mod route_key;
mod routing;
mod scope;
mod stage;
#[cfg(test)]
mod tests;
mod text;
mod websocket;

pub use route_key::RouteKey;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use tollgate_protocol::ids::KeyId;

use self::scope::Scope;
use crate::{Change, Model, StageRef};

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where: `apis.shop.routes.GET /pets.target`.
    pub path: String,
    /// The same, step by step.
    pub segments: Vec<String>,
    /// Whether the last step is itself what is wrong, and not what stands under it.
    pub at_key: bool,
    /// What is wrong and what would be right.
    pub message: String,
}

/// All broken rules of a model, in the order of the model.
#[must_use]
pub fn validate(model: &Model) -> Vec<Violation> {
    check(model, &Scope::everything(), &|_| None)
}

/// The rules that `changes` of a model that kept them all could break; `after` is the model with
/// the changes. Costs what the changes cost, and not what the model does.
///
/// `holder` finds the key that has a secret in the model before; its answer is not trusted to be
/// so still.
#[must_use]
pub fn validate_changes(
    before: &Model,
    after: &Model,
    changes: &[Change],
    holder: &dyn Fn(&str) -> Option<KeyId>,
) -> Vec<Violation> {
    let mut broken = check(after, &Scope::of(before, changes), holder);
    if let Some((kind, name)) = Scope::misplaced(after, changes) {
        let mut findings = Findings::default();
        findings.in_two(kind, name, |f| f.here("it is kept under another name"));
        broken.append(&mut findings.out);
    }
    let mut findings = Findings::default();
    for (kind, id) in changes.iter().map(Change::subject) {
        let protocol = |model: &Model| model.apis.get(id).map(|api| api.protocol_type);
        let (was, is) = (protocol(before), protocol(after));
        if kind == crate::kind::API && was.is_some() && is.is_some() && was != is {
            // Its stages serve deployments that were made for the other one.
            findings.in_two("apis", id, |f| {
                f.say("protocolType", "it cannot be changed; make another API");
            });
        }
    }
    broken.append(&mut findings.out);
    broken
}

fn check(
    model: &Model,
    scope: &Scope<'_>,
    holder: &dyn Fn(&str) -> Option<KeyId>,
) -> Vec<Violation> {
    let mut findings = Findings::default();
    let f = &mut findings;
    for (name, it) in scope.certificates.pick(&model.certificates) {
        f.in_two("certificates", name, |f| {
            f.kept_under(name, "name", &it.name);
            platform::certificate(it, f);
        });
    }
    for (name, it) in scope.upstreams.pick(&model.upstreams) {
        f.in_two("upstreams", name, |f| {
            f.kept_under(name, "name", &it.name);
            platform::upstream(it, f);
        });
    }
    for (name, it) in scope.functions.pick(&model.functions) {
        f.in_two("functions", name, |f| {
            f.kept_under(name, "name", &it.name);
            platform::function(it, f);
        });
    }
    for (id, it) in scope.apis.pick_of(&model.apis) {
        f.in_two("apis", id.as_str(), |f| {
            f.kept_under(id.as_str(), "apiId", it.api_id.as_str());
            api::api(model, it, f);
        });
    }
    for (id, it) in scope.usage_plans.pick(&model.usage_plans) {
        f.in_two("usagePlans", id.as_str(), |f| {
            f.kept_under(id.as_str(), "id", it.id.as_str());
            keys::usage_plan(model, it, f);
        });
    }
    let mut values = keys::Values::new(model, holder);
    scope.keys(model, |id, it, in_question| {
        f.in_two("apiKeys", id.as_str(), |f| {
            f.kept_under(id.as_str(), "id", it.id.as_str());
            let values = in_question.then_some(&mut values);
            keys::api_key(model, it, values, f);
        });
    });
    for (name, it) in scope.domain_names.pick(&model.domain_names) {
        f.in_two("domainNames", name, |f| {
            f.kept_under(name, "domainName", &it.domain_name);
            platform::domain_name(model, it, f);
        });
    }
    if let Some(target) = model
        .default_mapping
        .as_ref()
        .filter(|_| scope.default_mapping)
    {
        f.inside("defaultMapping", |f| stage_exists(model, target, f));
    }
    findings.out
}

/// An API and a stage that something leads to must be there.
fn stage_exists(model: &Model, target: &StageRef, f: &mut Findings) {
    match model.apis.get(&target.api_id) {
        None => f.say(
            "apiId",
            alloc::format!("there is no API `{}`", target.api_id),
        ),
        Some(api) if !api.stages.contains_key(&target.stage) => f.say(
            "stage",
            alloc::format!("API `{}` has no stage `{}`", target.api_id, target.stage),
        ),
        Some(_) => {}
    }
}

/// Collects violations while the rules walk the model.
#[derive(Debug, Default)]
struct Findings {
    path: Vec<String>,
    out: Vec<Violation>,
}

impl Findings {
    /// Runs rules one step deeper.
    fn inside(&mut self, segment: &str, rules: impl FnOnce(&mut Self)) {
        self.path.push(segment.into());
        rules(self);
        self.path.pop();
    }

    fn in_two(&mut self, kind: &str, name: &str, rules: impl FnOnce(&mut Self)) {
        self.inside(kind, |f| f.inside(name, rules));
    }

    /// A resource is kept under its own id or name. A change is carried out by the id that the
    /// resource bears: under another one, what was checked is not what would be put in place.
    fn kept_under(&mut self, key: &str, member: &str, id: &str) {
        if key != id {
            self.say(
                member,
                alloc::format!("it is kept under `{key}`, which differs"),
            );
        }
    }

    /// A violation at this member.
    fn say(&mut self, member: &str, message: impl Into<String>) {
        self.inside(member, |f| f.here(message));
    }

    /// A violation of the whole.
    fn here(&mut self, message: impl Into<String>) {
        self.push(false, message.into());
    }

    /// A violation by the name of a member, whatever it holds.
    fn key(&mut self, member: &str, message: impl Into<String>) {
        self.inside(member, |f| f.push(true, message.into()));
    }

    fn push(&mut self, at_key: bool, message: String) {
        self.out.push(Violation {
            path: self.path.join("."),
            segments: self.path.clone(),
            at_key,
            message,
        });
    }

    /// A violation at an item of a list.
    fn item(&mut self, member: &str, index: usize, message: impl Into<String>) {
        self.inside(member, |f| f.say(&index.to_string(), message));
    }
}
