//! A change of one API without the text of its parts that stay as they are.
//!
//! What is carried is parsed by every node and written down twice, in the log and in the history:
//! a new description must not cost what a thousand routes cost.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};
use tollgate_protocol::ids::{DeploymentId, StageName};

use super::Change;
use crate::Api;

/// The parts of an API that an update does not repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Kept {
    /// Whether the definition stays.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub definition: bool,
    /// The deployments that stay.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub deployments: BTreeSet<DeploymentId>,
    /// The stages that stay.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub stages: BTreeSet<StageName>,
}

impl Kept {
    /// What two states of an API share.
    pub(super) fn between(old: &Api, new: &Api) -> Self {
        Self {
            definition: same(&old.definition, &new.definition),
            deployments: shared(&old.deployments, &new.deployments),
            stages: shared(&old.stages, &new.stages),
        }
    }

    fn is_empty(&self) -> bool {
        !self.definition && self.deployments.is_empty() && self.stages.is_empty()
    }

    /// As much of it as an API has.
    fn of(&self, api: &Api) -> Self {
        let deployments = self.deployments.iter();
        let stages = self.stages.iter();
        Self {
            definition: self.definition,
            deployments: deployments
                .filter(|it| api.deployments.contains_key(*it))
                .cloned()
                .collect(),
            stages: stages
                .filter(|it| api.stages.contains_key(*it))
                .cloned()
                .collect(),
        }
    }

    /// Takes it out of an API.
    fn take_out(&self, api: &mut Api) {
        if self.definition {
            api.definition = Arc::default();
        }
        api.deployments
            .retain(|id, _| !self.deployments.contains(id));
        api.stages.retain(|name, _| !self.stages.contains(name));
    }

    /// Puts it into an API, from the one before.
    pub(super) fn put_back(&self, old: &Api, into: &mut Api) {
        if self.definition {
            into.definition = Arc::clone(&old.definition);
        }
        into.deployments
            .extend(found(&old.deployments, &self.deployments));
        into.stages.extend(found(&old.stages, &self.stages));
    }
}

/// The change that puts `api` in the place of one that has the parts of `kept` as well.
pub(super) fn update(api: &Arc<Api>, kept: &Kept) -> Change {
    let kept = kept.of(api);
    if kept.is_empty() {
        return Change::PutApi(Arc::clone(api));
    }
    let mut api = Api::clone(api);
    kept.take_out(&mut api);
    Change::UpdateApi {
        api: Arc::new(api),
        kept,
    }
}

fn same<T: PartialEq>(old: &Arc<T>, new: &Arc<T>) -> bool {
    Arc::ptr_eq(old, new) || old == new
}

/// The keys whose values two maps share.
fn shared<K: Ord + Clone, T: PartialEq>(
    old: &BTreeMap<K, Arc<T>>,
    new: &BTreeMap<K, Arc<T>>,
) -> BTreeSet<K> {
    new.iter()
        .filter(|(id, it)| old.get(*id).is_some_and(|before| same(before, it)))
        .map(|(id, _)| id.clone())
        .collect()
}

/// The entries of a map whose keys are meant.
fn found<'a, K: Ord + Clone, T>(
    of: &'a BTreeMap<K, Arc<T>>,
    keys: &'a BTreeSet<K>,
) -> impl Iterator<Item = (K, Arc<T>)> + 'a {
    let pick = |key: &K| Some((key.clone(), Arc::clone(of.get(key)?)));
    keys.iter().filter_map(pick)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;
    use crate::{Definition, Deployment, Model, Route, Stage, diff};

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

    #[test]
    fn what_did_not_change_is_not_repeated_and_stays() {
        let mut old = api(&[1]);
        let whole = Arc::make_mut(old.apis.get_mut("a").unwrap());
        for name in ["a", "b"] {
            let stage = Stage {
                stage_name: name.into(),
                ..Stage::default()
            };
            whole.stages.insert(name.into(), Arc::new(stage));
        }
        let edits: [fn(&mut Api); 4] = [
            |api| api.description = Some("new".into()),
            |api| Arc::make_mut(api.stages.get_mut("a").unwrap()).auto_deploy = true,
            |api| drop(api.stages.remove("b")),
            |api| Arc::make_mut(&mut api.definition).routes.clear(),
        ];
        for (number, edit) in edits.into_iter().enumerate() {
            let mut new = old.clone();
            edit(Arc::make_mut(new.apis.get_mut("a").unwrap()));
            let (changes, bytes) = sent(&diff(&old, &new));
            assert!(bytes < 600, "{bytes} bytes for edit {number}");
            let [change] = &changes[..] else {
                panic!("{changes:?}");
            };
            let (mut model, undo) = (old.clone(), sent(&[old.inverse(change)]).0);
            model.apply(change.clone());
            assert_eq!(model, new, "edit {number}");
            let kept = change.kept().unwrap();
            let shares = Arc::ptr_eq(&model.apis["a"].definition, &old.apis["a"].definition);
            assert_eq!(kept.definition, shares, "edit {number}");
            undo.into_iter().for_each(|it| model.apply(it));
            assert_eq!(model, old, "edit {number}");
        }
    }
}
