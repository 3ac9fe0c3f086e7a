//! Custom domains and their mappings.

use std::cmp::Reverse;
use std::sync::Arc;

use tollgate_model::{Model, StageRef};
use tollgate_protocol::ids::ApiId;

use super::CompileError;
use crate::snapshot::{ApiPlan, DomainPlan, FastMap, MappingPlan};

type Apis = FastMap<ApiId, Arc<ApiPlan>>;
type Domains = FastMap<Box<str>, Arc<DomainPlan>>;

/// Exact names and wildcards (by what follows `*.`).
pub(super) fn compile(
    model: &Model,
    apis: &Apis,
    errors: &mut Vec<CompileError>,
) -> (Domains, Domains) {
    let mut exact = Domains::default();
    let mut wildcards = Domains::default();
    for (name, domain) in &model.domain_names {
        let path = format!("domainNames.{name}");
        let mut mappings: Vec<MappingPlan> = domain
            .api_mappings
            .iter()
            .filter_map(|it| {
                let target = StageRef {
                    api_id: it.api_id.clone(),
                    stage: it.stage.clone(),
                };
                mapping(&it.api_mapping_key, &target, apis, &path, errors)
            })
            .collect();
        mappings.sort_by_key(|it| Reverse(it.key.len()));
        let plan = Arc::new(DomainPlan {
            name: name.as_str().into(),
            mappings,
        });
        match name.strip_prefix("*.") {
            Some(suffix) => wildcards.insert(suffix.into(), plan),
            None => exact.insert(name.as_str().into(), plan),
        };
    }
    (exact, wildcards)
}

/// A mapping to a stage that is served; `None` with an error when it is not there.
pub(super) fn mapping(
    key: &str,
    target: &StageRef,
    apis: &Apis,
    path: &str,
    errors: &mut Vec<CompileError>,
) -> Option<MappingPlan> {
    let api = apis.get(&target.api_id);
    let stage = api.and_then(|api| api.stages.get(target.stage.as_str()));
    match (api, stage) {
        (Some(api), Some(stage)) => Some(MappingPlan {
            key: key.trim_matches('/').into(),
            api: Arc::clone(api),
            stage: Arc::clone(stage),
        }),
        // A stage without a deployment is not served yet; the mapping waits for it.
        (Some(api), None) if api.source.stages.contains_key(&target.stage) => None,
        _ => {
            errors.push(CompileError {
                path: path.into(),
                reason: format!(
                    "there is no stage {} of API {}",
                    target.stage, target.api_id
                ),
            });
            None
        }
    }
}
