//! Rules that only changes through the management API can break; those that a file can break are
//! shown by the golden errors of `tollgate-config`.

mod parts;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use tollgate_protocol::ids::{ApiId, PlanId, StageName};

use super::validate;
use crate::{
    Api, ApiKey, ApiStage, Definition, Integration, Model, Route, Stage, StageRef, UsagePlan,
};

fn definition() -> Definition {
    let integration = Integration {
        integration_id: "i".into(),
        integration_uri: Some("http://127.0.0.1:1".into()),
        ..Integration::default()
    };
    let route = Route {
        route_id: "r".into(),
        route_key: "GET /a".into(),
        target: Some("integrations/i".into()),
        ..Route::default()
    };
    let mut definition = Definition::default();
    definition.integrations.insert("i".into(), integration);
    definition.routes.insert("r".into(), route);
    definition
}

fn api() -> Api {
    let stage = Stage {
        stage_name: "prod".into(),
        ..Stage::default()
    };
    let mut api = Api {
        api_id: "shop".into(),
        name: "Shop".into(),
        definition: Arc::new(definition()),
        ..Api::default()
    };
    api.stages.insert("prod".into(), Arc::new(stage));
    api
}

fn with(api: Api) -> Model {
    let mut model = Model::default();
    model.apis.insert(ApiId::from("shop"), Arc::new(api));
    model
}

fn findings(model: &Model) -> Vec<String> {
    let found = validate(model);
    found
        .iter()
        .map(|it| format!("{}: {}", it.path, it.message))
        .collect()
}

fn changed(change: impl FnOnce(&mut Definition)) -> Vec<String> {
    let mut api = api();
    let mut definition = definition();
    change(&mut definition);
    api.definition = Arc::new(definition);
    findings(&with(api))
}

#[test]
fn a_plain_api_breaks_no_rule() {
    assert_eq!(findings(&with(api())), Vec::<String>::new());
}

#[test]
fn targets_must_be_there() {
    let gone = changed(|it| it.integrations.clear());
    assert_eq!(
        gone,
        ["apis.shop.routes.GET /a.target: integrations/i: there is no such integration"]
    );
    let bad = changed(|it| {
        for route in it.routes.values_mut() {
            route.target = Some("i".to_string());
        }
    });
    assert_eq!(
        bad,
        ["apis.shop.routes.GET /a.target: a target is `integrations/` and an id"]
    );
}

#[test]
fn two_ids_cannot_have_one_route_key() {
    let found = changed(|it| {
        let mut copy = it.routes["r"].clone();
        copy.route_id = "s".into();
        it.routes.insert("s".into(), copy);
    });
    assert_eq!(
        found,
        ["apis.shop.routes.GET /a.routeKey: the route `GET /a` exists already"]
    );
}

#[test]
fn a_stage_points_at_a_deployment_of_its_api() {
    let mut api = api();
    let mut stage = Stage::clone(&api.stages["prod"]);
    stage.deployment_id = Some("gone".into());
    api.stages.insert("prod".into(), Arc::new(stage));
    assert_eq!(
        findings(&with(api)),
        ["apis.shop.stages.prod.deploymentId: the API has no deployment `gone`"]
    );
}

#[test]
fn what_leads_to_a_stage_finds_it() {
    let mut model = with(api());
    model.default_mapping = Some(StageRef {
        api_id: "shop".into(),
        stage: "dev".into(),
    });
    let stage = ApiStage {
        api_id: "gone".into(),
        stage: StageName::from("prod"),
        ..ApiStage::default()
    };
    let plan = UsagePlan {
        id: "gold".into(),
        name: "gold".into(),
        api_stages: vec![stage],
        ..UsagePlan::default()
    };
    model.usage_plans.insert("gold".into(), Arc::new(plan));
    assert_eq!(
        findings(&model),
        [
            "usagePlans.gold.apiStages.0.apiId: there is no API `gone`",
            "defaultMapping.stage: API `shop` has no stage `dev`",
        ]
    );
}

#[test]
fn a_key_is_in_ten_plans_that_exist() {
    let mut model = Model::default();
    let mut plans: Vec<PlanId> = Vec::new();
    for number in 0..11 {
        let id = PlanId::from(format!("p{number}"));
        let plan = UsagePlan {
            id: id.clone(),
            name: "plan".into(),
            ..UsagePlan::default()
        };
        model.usage_plans.insert(id.clone(), Arc::new(plan));
        plans.push(id);
    }
    plans.push("gone".into());
    let key = ApiKey {
        id: "k".into(),
        value: "0123456789-0123456789".into(),
        usage_plans: plans,
        ..ApiKey::default()
    };
    model.api_keys.insert("k".into(), Arc::new(key));
    assert_eq!(
        findings(&model),
        [
            "apiKeys.k.usagePlans: a key is in at most 10 usage plans",
            "apiKeys.k.usagePlans.11: there is no usage plan `gone`",
        ]
    );
}

#[test]
fn no_message_shows_a_secret() {
    let mut model = Model::default();
    for id in ["a", "b"] {
        let key = ApiKey {
            id: id.into(),
            value: "secret with spaces, twenty and more".into(),
            ..ApiKey::default()
        };
        model.api_keys.insert(id.into(), Arc::new(key));
    }
    let found = findings(&model);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().all(|it| !it.contains("secret")), "{found:?}");
}

/// A change puts a resource in place by the id that it bears: kept under another one, it would
/// take the place of a resource that nothing was checked against.
#[test]
fn a_resource_is_kept_under_its_own_id() {
    let mut model = with(api());
    let stage = Stage {
        stage_name: "prod".into(),
        ..Stage::default()
    };
    let route = Route {
        route_id: "r".into(),
        route_key: "GET /b".into(),
        ..Route::default()
    };
    let mut api = api();
    api.stages.insert("x".into(), Arc::new(stage));
    Arc::make_mut(&mut api.definition)
        .routes
        .insert("x".into(), route);
    model.apis.insert("shop".into(), Arc::new(api));
    model.usage_plans.insert("x".into(), Arc::default());
    model.api_keys.insert("x".into(), Arc::default());
    model.upstreams.insert("x".into(), Arc::default());
    model.functions.insert("x".into(), Arc::default());
    model.certificates.insert("x".into(), Arc::default());
    model.domain_names.insert("x".into(), Arc::default());
    let found = findings(&model);
    for path in [
        "apis.shop.stages.x.stageName",
        "apis.shop.routes.GET /b.routeId",
        "usagePlans.x.id",
        "apiKeys.x.id",
        "upstreams.x.name",
        "functions.x.name",
        "certificates.x.name",
        "domainNames.x.domainName",
    ] {
        let wanted = format!("{path}: it is kept under `x`, which differs");
        assert!(found.contains(&wanted), "{path}: {found:#?}");
    }
}
