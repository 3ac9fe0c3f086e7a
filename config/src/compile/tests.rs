//! What the compiler makes of models.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_model::{
    AccessLogSettings, Api, ApiKey, ApiStage, ConnectionType, Definition, Deployment, Function,
    Integration, IntegrationType, Model, Quota, Route, RouteSettings, Server, Stage, Throttle,
    TlsConfig, Upstream, UsagePlan,
};
use tollgate_protocol::Rate;
use tollgate_protocol::ids::{PlanId, Revision};

use super::expression::log_template;
use super::*;
use crate::cells::{BucketId, SlotSource, TokenBucket, Unleased};
use crate::snapshot::{
    ContextVar, FunctionTarget, IntegrationPlan, JsonPath, LogDestination, PathPiece, PathStep,
    Piece, Template, Variable,
};

mod api_keys;
mod domains;
mod throttles;

#[derive(Debug, Default)]
struct Cells(HashMap<BucketId, Arc<TokenBucket>>);

impl CellSource for Cells {
    fn find(&mut self, id: &BucketId) -> Option<Arc<TokenBucket>> {
        self.0.get(id).cloned()
    }

    fn bucket(&mut self, id: BucketId, throttle: Throttle) -> Arc<TokenBucket> {
        let new = || Arc::new(TokenBucket::new(throttle));
        let bucket = self.0.entry(id).or_insert_with(new);
        bucket.set(throttle, 0);
        Arc::clone(bucket)
    }

    fn quota(&mut self, plan: &PlanId, quota: Quota) -> Arc<dyn SlotSource> {
        let plan = plan.clone();
        Arc::new(Unleased { plan, quota })
    }
}

fn facts() -> NodeFacts {
    NodeFacts {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
        cache_ttl_seconds_max: 3600,
    }
}

fn api(id: &str, routes: &[(&str, Integration)], stage: Stage) -> Arc<Api> {
    let mut definition = Definition::default();
    for (n, (key, integration)) in routes.iter().enumerate() {
        let id = format!("int{n:04}");
        let route = Route {
            route_id: format!("rte{n:04}").as_str().into(),
            route_key: (*key).into(),
            target: Some(format!("integrations/{id}")),
            ..Route::default()
        };
        definition.routes.insert(route.route_id.clone(), route);
        definition
            .integrations
            .insert(id.as_str().into(), integration.clone());
    }
    let definition = Arc::new(definition);
    let deployment = Deployment {
        deployment_id: "dep001".into(),
        definition: Arc::clone(&definition),
        ..Deployment::default()
    };
    let stage = Stage {
        deployment_id: Some("dep001".into()),
        ..stage
    };
    Arc::new(Api {
        api_id: id.into(),
        name: id.into(),
        definition,
        deployments: [("dep001".into(), Arc::new(deployment))].into(),
        stages: [(stage.stage_name.clone(), Arc::new(stage))].into(),
        ..Api::default()
    })
}

fn stage(name: &str) -> Stage {
    Stage {
        stage_name: name.into(),
        ..Stage::default()
    }
}

fn http(uri: &str) -> Integration {
    Integration {
        integration_uri: Some(uri.into()),
        ..Integration::default()
    }
}

fn function(uri: &str) -> Integration {
    Integration {
        integration_type: IntegrationType::AwsProxy,
        ..http(uri)
    }
}

fn model(apis: impl IntoIterator<Item = Arc<Api>>) -> Model {
    Model {
        apis: apis
            .into_iter()
            .map(|api| (api.api_id.clone(), api))
            .collect(),
        ..Model::default()
    }
}

fn compiled(model: Model) -> Snapshot {
    compile(
        &Arc::new(model),
        Revision(1),
        &facts(),
        None,
        &mut Cells::default(),
    )
    .unwrap()
}

fn plan<'s>(snapshot: &'s Snapshot, api: &str, stage: &str, route: usize) -> &'s IntegrationPlan {
    &snapshot.apis[api].stages[stage].routes[route].integration
}

#[test]
fn a_url_becomes_a_group_a_host_and_a_path() {
    let mut staged = stage("prod");
    staged.stage_variables = [("host".into(), "orders.local:81".into())].into();
    let snapshot = compiled(model([api(
        "shop",
        &[
            (
                "GET /o/{id}",
                http("http://${stageVariables.host}/v1/{id}/x?k=1"),
            ),
            ("$default", http("https://example.com/base/")),
            ("GET /bare", http("http://example.com")),
        ],
        staged,
    )]));
    let IntegrationPlan::Http(first) = plan(&snapshot, "shop", "prod", 0) else {
        panic!()
    };
    assert_eq!(
        (&*first.group, &*first.authority),
        ("http://orders.local:81", "orders.local:81")
    );
    let text = |it: &str| PathPiece::Text(it.into());
    assert_eq!(
        first.path,
        [text("/v1/"), PathPiece::Param("id".into()), text("/x")]
    );
    assert_eq!(first.query.as_deref(), Some("k=1"));
    assert_eq!(first.timeout_ms, 30_000);
    let IntegrationPlan::Http(second) = plan(&snapshot, "shop", "prod", 1) else {
        panic!()
    };
    assert_eq!(second.path, [text("/base"), PathPiece::RequestPath]);
    let IntegrationPlan::Http(third) = plan(&snapshot, "shop", "prod", 2) else {
        panic!()
    };
    assert_eq!(third.path, [text("/")]);
    let groups: Vec<&str> = snapshot.upstreams.iter().map(|it| &*it.name).collect();
    assert_eq!(
        groups,
        [
            "http://example.com",
            "http://orders.local:81",
            "https://example.com"
        ]
    );
}

#[test]
fn an_upstream_group_is_named_by_the_connection() {
    let integration = Integration {
        connection_type: ConnectionType::VpcLink,
        connection_id: Some("orders".into()),
        ..http("/v1/{id}")
    };
    let mut model = model([api(
        "shop",
        &[("GET /{id}", integration)],
        stage("$default"),
    )]);
    let missing = compile(
        &Arc::new(model.clone()),
        Revision(1),
        &facts(),
        None,
        &mut Cells::default(),
    );
    assert!(
        missing.unwrap_err()[0]
            .to_string()
            .contains("no upstream group \"orders\"")
    );
    let servers = vec![Server {
        url: "http://10.0.0.1:3000".into(),
        weight: 1,
    }];
    let group = Upstream {
        name: "orders".into(),
        servers,
        ..Upstream::default()
    };
    model.upstreams.insert("orders".into(), Arc::new(group));
    let snapshot = compiled(model);
    let IntegrationPlan::Http(plan) = plan(&snapshot, "shop", "$default", 0) else {
        panic!()
    };
    assert_eq!(
        (&*plan.group, &*plan.authority),
        ("orders", "10.0.0.1:3000")
    );
}

#[test]
fn a_private_integration_verifies_the_name_that_it_gives() {
    let integration = Integration {
        connection_type: ConnectionType::VpcLink,
        connection_id: Some("orders".into()),
        tls_config: Some(TlsConfig {
            server_name_to_verify: Some("orders.internal".into()),
            ..TlsConfig::default()
        }),
        ..http("/v1")
    };
    let mut model = model([api("shop", &[("GET /a", integration)], stage("$default"))]);
    let servers = vec![Server {
        url: "http://10.0.0.1:3000".into(),
        weight: 1,
    }];
    let group = Upstream {
        name: "orders".into(),
        servers,
        insecure_skip_verification: true,
        ..Upstream::default()
    };
    model.upstreams.insert("orders".into(), Arc::new(group));
    let snapshot = compiled(model);
    let IntegrationPlan::Http(plan) = plan(&snapshot, "shop", "$default", 0) else {
        panic!()
    };
    let mut groups = snapshot.upstreams.iter();
    let group = groups.find(|it| *it.name == *plan.group).unwrap();
    assert_eq!(group.servers[0].url, "https://10.0.0.1:3000");
    assert_eq!(
        group.server_name_to_verify.as_deref(),
        Some("orders.internal")
    );
    assert!(!group.insecure_skip_verification);
}

#[test]
fn functions_are_found_in_every_form_of_uri() {
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:hello:live";
    let invocation =
        format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations");
    let uris = ["function:hello", "function:hello:live", arn, &invocation];
    let routes: Vec<(String, Integration)> = uris
        .iter()
        .enumerate()
        .map(|(n, uri)| (format!("GET /{n}"), function(uri)))
        .collect();
    let routes: Vec<(&str, Integration)> = routes
        .iter()
        .map(|(key, it)| (key.as_str(), it.clone()))
        .collect();
    let mut model = model([api("shop", &routes, stage("$default"))]);
    let hello = Function {
        name: "hello".into(),
        ..Function::default()
    };
    model.functions.insert("hello".into(), Arc::new(hello));
    let snapshot = compiled(model);
    for (n, uri) in uris.iter().enumerate() {
        let IntegrationPlan::Function(found) = plan(&snapshot, "shop", "$default", n) else {
            panic!("{uri}")
        };
        assert!(matches!(&found.target, FunctionTarget::Local(name) if &**name == "hello"));
    }
}

#[test]
fn what_did_not_change_is_not_compiled_again() {
    let mut cells = Cells::default();
    let mut settings = stage("$default");
    settings.default_route_settings = RouteSettings {
        throttling_burst_limit: Some(5),
        throttling_rate_limit: Some(Rate::ONE),
        ..RouteSettings::default()
    };
    let routes = [("GET /", http("http://a"))];
    let old = Arc::new(model([
        api("one", &routes, settings),
        api("two", &routes, stage("s")),
    ]));
    let first = compile(&old, Revision(1), &facts(), None, &mut cells).unwrap();
    let mut new = (*old).clone();
    new.apis
        .insert("two".into(), api("two", &routes, stage("t")));
    let second = compile(
        &Arc::new(new),
        Revision(2),
        &facts(),
        Some(&first),
        &mut cells,
    )
    .unwrap();
    assert!(Arc::ptr_eq(&first.apis["one"], &second.apis["one"]));
    assert!(second.apis["two"].stages.contains_key("t"));
    let bucket = first.apis["one"].stages["$default"].routes[0]
        .throttle
        .as_ref()
        .unwrap();
    assert_eq!(bucket.limit().burst_limit, 5);
}

#[test]
fn stages_are_compiled_again_only_when_they_come_out_otherwise() {
    let mut cells = Cells::default();
    let routes = [("GET /", http("http://a"))];
    let old = Arc::new(model([api("one", &routes, stage("s"))]));
    let first = compile(&old, Revision(1), &facts(), None, &mut cells).unwrap();
    let mut after = |edit: fn(&mut Api)| {
        let mut new = (*old).clone();
        edit(Arc::make_mut(new.apis.get_mut("one").unwrap()));
        let new = Arc::new(new);
        let second = compile(&new, Revision(2), &facts(), Some(&first), &mut cells).unwrap();
        let plan = Arc::clone(&second.apis["one"]);
        assert!(Arc::ptr_eq(&plan.source, &new.apis["one"]));
        let same = Arc::ptr_eq(&plan.stages["s"], &first.apis["one"].stages["s"]);
        (plan, same)
    };
    let (plan, same) = after(|api| api.disable_execute_api_endpoint = true);
    assert!(same && !plan.endpoint_open);
    let (plan, same) = after(|api| drop(Arc::make_mut(&mut api.definition).routes.pop_first()));
    assert!(
        same && plan.stages["s"].routes.len() == 1,
        "nothing was deployed"
    );
    let (plan, same) = after(|api| api.name = "new".into());
    assert!(!same && &*plan.stages["s"].api_name == "new");
    let (plan, same) = after(|api| {
        let stage = Arc::make_mut(api.stages.get_mut("s").unwrap());
        stage.stage_variables.insert("a".into(), "b".into());
    });
    assert!(!same && plan.stages["s"].variables["a"] == "b");
    let (plan, same) = after(|api| {
        for deployment in api.deployments.values_mut() {
            let deployment = Arc::make_mut(deployment);
            Arc::make_mut(&mut deployment.definition).routes.clear();
        }
    });
    assert!(!same && plan.stages["s"].routes.is_empty());
    // Of a WebSocket API no route is served as an HTTP API's.
    let (plan, same) = after(|api| api.protocol_type = tollgate_model::ProtocolType::Websocket);
    let stage = &plan.stages["s"];
    assert!(!same && stage.router.find("GET", "/").is_none() && stage.sockets.is_some());
}

/// A deployment that a stage still serves may need what the working copy has let go of.
#[test]
fn a_group_that_an_unchanged_api_needs_cannot_go() {
    let integration = Integration {
        connection_type: ConnectionType::VpcLink,
        connection_id: Some("pool".into()),
        ..http("http://pool/")
    };
    let mut with = model([api("shop", &[("GET /", integration)], stage("prod"))]);
    let group = Upstream {
        name: "pool".into(),
        ..Upstream::default()
    };
    with.upstreams.insert("pool".into(), Arc::new(group));
    let mut cells = Cells::default();
    let first = compile(
        &Arc::new(with.clone()),
        Revision(1),
        &facts(),
        None,
        &mut cells,
    )
    .unwrap();
    let copied = with.upstreams.values().map(|it| Upstream::clone(it));
    with.upstreams = copied.map(|it| (it.name.clone(), Arc::new(it))).collect();
    let mut without = with.clone();
    let same = compile(
        &Arc::new(with),
        Revision(2),
        &facts(),
        Some(&first),
        &mut cells,
    )
    .unwrap();
    assert!(Arc::ptr_eq(&first.apis["shop"], &same.apis["shop"]));
    without.upstreams.clear();
    let refused = compile(
        &Arc::new(without),
        Revision(3),
        &facts(),
        Some(&same),
        &mut cells,
    );
    let errors = refused.expect_err("it could not be compiled after a restart");
    assert!(errors[0].reason.contains("no upstream group"), "{errors:?}");
}

#[test]
fn values_are_constants_variables_or_both() {
    let variables = [("env".to_owned(), "blue".to_owned())].into();
    let value = |text: &str| mapping_value(text, &variables).unwrap().0;
    let header = Piece::Variable(Variable::RequestHeader("x-a".into()));
    assert_eq!(value("plain"), [Piece::Text("plain".into())]);
    assert_eq!(value("$request.header.X-A"), std::slice::from_ref(&header));
    assert_eq!(value("$stageVariables.env"), [Piece::Text("blue".into())]);
    assert_eq!(
        value("a-${request.header.x-a}-${stageVariables.env}-${context.stage}"),
        [
            Piece::Text("a-".into()),
            header,
            Piece::Text("-".into()),
            Piece::Text("blue-".into()),
            Piece::Variable(Variable::Context(ContextVar::Stage)),
        ]
    );
    let steps = vec![
        PathStep::Member("a".into()),
        PathStep::Index(2),
        PathStep::Member("b c".into()),
    ];
    assert_eq!(
        value("$request.body.a[2]['b c']"),
        [Piece::Variable(Variable::RequestBody(Some(JsonPath(
            steps
        ))))]
    );
    for bad in [
        "$request.cookie.x",
        "${request.path",
        "$request.body.a..b",
        "$nothing",
    ] {
        assert!(mapping_value(bad, &variables).is_err(), "{bad}");
    }
}

#[test]
fn log_templates_take_variables_anywhere() {
    let Template(pieces) = log_template("$context.requestId: $context.error.message. done");
    assert_eq!(
        pieces,
        [
            Piece::Variable(Variable::Context(ContextVar::RequestId)),
            Piece::Text(": ".into()),
            Piece::Variable(Variable::Context(ContextVar::ErrorMessage)),
            Piece::Text(". done".into()),
        ]
    );
}

#[test]
fn log_destinations_cannot_leave_the_log_directory() {
    let cases = [
        ("", LogDestination::Stdout),
        (
            "file:../../etc/passwd",
            LogDestination::File("_.._etc_passwd".into()),
        ),
        (
            "arn:aws:logs:r:0:log-group:/shop/prod:*",
            LogDestination::File("shop_prod".into()),
        ),
    ];
    for (text, wanted) in cases {
        let settings = AccessLogSettings {
            destination_arn: text.into(),
            format: "JSON".into(),
        };
        let log = access_log::compile(&settings);
        assert!(log.json);
        assert_eq!(log.destination, wanted, "{text}");
    }
}
