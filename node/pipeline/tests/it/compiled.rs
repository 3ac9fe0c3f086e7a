//! What the compiler makes of a model is what the request path expects.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_config::cells::{BucketId, CellSource, SlotSource, TokenBucket, Unleased};
use tollgate_config::compile::{NodeFacts, compile};
use tollgate_config::snapshot::Snapshot;
use tollgate_message::Response;
use tollgate_model::{
    AccessLogSettings, Api, ApiKey, ApiStage, Definition, Deployment, FixedResponse, Function,
    Integration, IntegrationType, Model, PayloadFormat, Quota, Route, RouteSettings, Stage,
    Throttle, UsagePlan,
};
use tollgate_protocol::Rate;
use tollgate_protocol::ids::{PlanId, Revision};

use crate::plans::HOST;
use crate::support::{RequestExt, World, request, send, text};

#[derive(Debug, Default)]
struct Cells(HashMap<BucketId, Arc<TokenBucket>>);

impl CellSource for Cells {
    fn find(&mut self, id: &BucketId) -> Option<Arc<TokenBucket>> {
        self.0.get(id).cloned()
    }

    fn bucket(&mut self, id: BucketId, throttle: Throttle) -> Arc<TokenBucket> {
        let new = || Arc::new(TokenBucket::new(throttle));
        Arc::clone(self.0.entry(id).or_insert_with(new))
    }

    fn quota(&mut self, plan: &PlanId, quota: Quota) -> Arc<dyn SlotSource> {
        let plan = plan.clone();
        Arc::new(Unleased { plan, quota })
    }
}

fn http(uri: &str, parameters: &[(&str, &str)]) -> Integration {
    let request_parameters = parameters
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Integration {
        integration_uri: Some(uri.into()),
        request_parameters,
        ..Integration::default()
    }
}

fn integrations() -> Vec<(&'static str, Integration)> {
    let mapped = http(
        "http://pets.local:81/v1/{id}?k=1",
        &[
            ("overwrite:header.x-id", "$request.path.id"),
            ("append:querystring.stage", "$context.stage"),
            (
                "overwrite:header.x-both",
                "${stageVariables.color}-${request.querystring.q}",
            ),
        ],
    );
    let moved = http(
        "http://pets.local:81/",
        &[("overwrite:path", "/new${request.path}")],
    );
    let fixed = Integration {
        integration_type: IntegrationType::Mock,
        fixed_response: Some(Box::new(FixedResponse {
            status_code: 201,
            headers: [("x-made".to_owned(), "$context.routeKey".to_owned())].into(),
            body: "made ${request.path.id}".into(),
        })),
        ..Integration::default()
    };
    let function = Integration {
        integration_type: IntegrationType::AwsProxy,
        integration_uri: Some("function:hello".into()),
        payload_format_version: PayloadFormat::V2,
        ..Integration::default()
    };
    vec![
        ("GET /pets/{id}", mapped),
        ("GET /old/{rest+}", moved),
        ("POST /pets/{id}", fixed),
        ("GET /hello", function),
        ("$default", http("http://rest.local/base", &[])),
    ]
}

pub(crate) fn api() -> Api {
    let mut definition = Definition::default();
    for (at, (key, integration)) in integrations().into_iter().enumerate() {
        let id = format!("int{at:04}");
        let route = Route {
            route_id: format!("rte{at:04}").as_str().into(),
            route_key: key.into(),
            target: Some(format!("integrations/{id}")),
            api_key_required: key == "GET /hello",
            ..Route::default()
        };
        definition.routes.insert(route.route_id.clone(), route);
        definition
            .integrations
            .insert(id.as_str().into(), integration);
    }
    let definition = Arc::new(definition);
    let deployment = Deployment {
        deployment_id: "dep001".into(),
        definition: Arc::clone(&definition),
        ..Deployment::default()
    };
    let stage = Stage {
        stage_name: "prod".into(),
        deployment_id: Some("dep001".into()),
        stage_variables: [("color".to_owned(), "red".to_owned())].into(),
        route_settings: [(
            "$default".to_owned(),
            RouteSettings {
                caching_enabled: Some(true),
                ..RouteSettings::default()
            },
        )]
        .into(),
        access_log_settings: Some(AccessLogSettings {
            destination_arn: "stdout".into(),
            format: "JSON".into(),
        }),
        ..Stage::default()
    };
    Api {
        api_id: "shop".into(),
        name: "Shop".into(),
        definition,
        deployments: [("dep001".into(), Arc::new(deployment))].into(),
        stages: [("prod".into(), Arc::new(stage))].into(),
        ..Api::default()
    }
}

fn compiled() -> Snapshot {
    compiled_with(api())
}

/// The snapshot of a configuration with this API.
pub(crate) fn compiled_with(api: Api) -> Snapshot {
    let mut model = Model::default();
    model.apis.insert(api.api_id.clone(), Arc::new(api));
    let function = Function {
        name: "hello".into(),
        ..Function::default()
    };
    model.functions.insert("hello".into(), Arc::new(function));
    let stage = ApiStage {
        api_id: "shop".into(),
        stage: "prod".into(),
        ..ApiStage::default()
    };
    let throttle = Throttle {
        burst_limit: 2,
        rate_limit: Rate::ONE,
    };
    let plan = UsagePlan {
        id: "plan01".into(),
        api_stages: vec![stage],
        throttle: Some(throttle),
        ..UsagePlan::default()
    };
    model.usage_plans.insert("plan01".into(), Arc::new(plan));
    let key = ApiKey {
        id: "key0000001".into(),
        value: "0123456789012345678901234567".into(),
        usage_plans: vec!["plan01".into()],
        ..ApiKey::default()
    };
    model.api_keys.insert("key0000001".into(), Arc::new(key));
    let facts = NodeFacts {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
        cache_ttl_seconds_max: 3_600,
    };
    compile(
        &Arc::new(model),
        Revision(1),
        &facts,
        None,
        &mut Cells::default(),
    )
    .unwrap()
}

#[test]
fn http_integrations() {
    let (world, snapshot) = (World::new(), compiled());
    for (target, path, query) in [
        (
            "/prod/pets/a%20b?q=x+y",
            "/v1/a%20b",
            Some("k=1&q=x+y&stage=prod"),
        ),
        ("/prod/old/a/b", "/new/old/a/b", None),
        ("/prod/anything/else?z", "/base/anything/else", Some("z")),
        ("/prod", "/base/", None),
    ] {
        assert_eq!(
            send(&world, &snapshot, request("GET", HOST, target)).status,
            200
        );
        let sent = world.0.sent.borrow();
        let sent = sent.last().unwrap();
        assert_eq!(
            (&*sent.path, sent.query.as_deref()),
            (path, query),
            "{target}"
        );
    }
    let sent = world.0.sent.borrow();
    assert_eq!(sent[0].headers.get_str("host"), Some("pets.local:81"));
    assert_eq!(sent[0].headers.get_str("x-id"), Some("a%20b"));
    assert_eq!(sent[0].headers.get_str("x-both"), Some("red-x y"));
    let line: serde_json::Value = serde_json::from_str(&world.last().log_line.unwrap()).unwrap();
    assert_eq!(line["routeKey"], "$default");
    assert_eq!(line["status"], "200");
}

#[test]
fn fixed_responses_functions_keys_and_the_cache() {
    let (world, snapshot) = (World::new(), compiled());
    let response = send(&world, &snapshot, request("POST", HOST, "/prod/pets/7"));
    assert_eq!(response.status, 201);
    assert_eq!(response.headers.get_str("x-made"), Some("POST /pets/{id}"));
    assert_eq!(text(response.body), "made 7");

    let hello = |key: &str| -> Response {
        send(
            &world,
            &snapshot,
            request("GET", HOST, "/prod/hello").header("x-api-key", key),
        )
    };
    let statuses = [
        "wrong",
        "0123456789012345678901234567",
        "0123456789012345678901234567",
        "0123456789012345678901234567",
    ]
    .map(|key| hello(key).status);
    assert_eq!(statuses, [403, 200, 200, 429]);
    assert_eq!(world.last_event()["routeKey"], "GET /hello");

    for _ in 0..3 {
        send(&world, &snapshot, request("GET", HOST, "/prod/cached"));
    }
    assert_eq!(world.sent_count(), 1);
}
