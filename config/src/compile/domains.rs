//! Custom domains, their mappings and their routing rules.

use std::cmp::Reverse;
use std::sync::Arc;

use tollgate_model::{MatchHeaders, Model, RoutingMode, RoutingRule, StageRef, ValueGlob};
use tollgate_protocol::ids::ApiId;

use super::CompileError;
use crate::snapshot::{ApiPlan, DomainPlan, FastMap, HeaderTest, MappingPlan, RulePlan};

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
        let mut rules = rules(&domain.routing_rules, apis, &path, errors);
        match domain.routing_mode {
            RoutingMode::ApiMappingOnly => rules.clear(),
            RoutingMode::RoutingRuleOnly => mappings.clear(),
            RoutingMode::RoutingRuleThenApiMapping => {}
        }
        let plan = Arc::new(DomainPlan {
            name: name.as_str().into(),
            rules,
            mutual_tls: domain.mutual_tls_authentication.is_some(),
            mappings,
        });
        match name.strip_prefix("*.") {
            Some(suffix) => wildcards.insert(suffix.into(), plan),
            None => exact.insert(name.as_str().into(), plan),
        };
    }
    (exact, wildcards)
}

/// The rules in the order in which they are looked at.
fn rules(
    rules: &[RoutingRule],
    apis: &Apis,
    path: &str,
    errors: &mut Vec<CompileError>,
) -> Vec<RulePlan> {
    let mut sorted: Vec<&RoutingRule> = rules.iter().collect();
    sorted.sort_by_key(|it| it.priority);
    let plans = sorted.into_iter().filter_map(|rule| {
        let action = &rule.actions.first()?.invoke_api;
        let target = rule.targets().next()?;
        let found = mapping("", &target, apis, path, errors);
        let paths = rule.conditions.iter();
        let paths = paths.filter_map(|it| it.match_base_paths.as_ref());
        let mut base_paths: Vec<Box<str>> = paths
            .flat_map(|it| it.any_of.iter().map(|path| path.as_str().into()))
            .collect();
        base_paths.sort_by_key(|it| Reverse(it.len()));
        let headers = rule.conditions.iter();
        let headers = headers.filter_map(|it| it.match_headers.as_ref());
        Some(RulePlan {
            base_paths,
            headers: headers.map(header_tests).collect(),
            strip_base_path: action.strip_base_path,
            target: found.map(|it| (it.api, it.stage)),
        })
    });
    plans.collect()
}

/// What cannot be read as a pattern, which validation refuses, fits nothing.
fn header_tests(of: &MatchHeaders) -> Vec<HeaderTest> {
    let tests = of.any_of.iter().filter_map(|it| {
        Some(HeaderTest {
            name: it.header.to_ascii_lowercase().into(),
            value: ValueGlob::parse(&it.value_glob)?,
        })
    });
    tests.collect()
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
