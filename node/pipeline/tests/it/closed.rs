//! What this release cannot judge or serve is closed, and never open by mistake.

use std::sync::Arc;

use tollgate_config::snapshot::IntegrationPlan;
use tollgate_message::Response;
use tollgate_model::{
    Api, AuthorizationType, Deployment, Integration, IntegrationType, LoggingLevel, ProtocolType,
    Route,
};
use tollgate_pipeline::FaultKind;

use crate::compiled::{api, compiled_with};
use crate::plans::{HOST, domain, proxy, route, shop};
use crate::support::{RequestExt, World, request, send, text};

/// An API whose routes, or more, are edited before they are deployed.
fn edited(edit: impl FnOnce(&mut Api)) -> Api {
    let mut api = api();
    edit(&mut api);
    let deployment = Deployment {
        deployment_id: "dep001".into(),
        definition: Arc::clone(&api.definition),
        ..Deployment::default()
    };
    api.deployments = [("dep001".into(), Arc::new(deployment))].into();
    api
}

#[test]
fn a_route_that_nothing_can_judge_lets_nobody_in() {
    for kind in [
        AuthorizationType::Jwt,
        AuthorizationType::Custom,
        AuthorizationType::AwsIam,
    ] {
        let world = World::new();
        world.on_http(|_| Ok(Response::new(200)));
        let closed = route("GET /", proxy()).judged(kind);
        let snapshot = shop(vec![closed.logged(LoggingLevel::Error, false)]);
        let token = request("GET", HOST, "/").header("authorization", "Bearer e30.e30.x");
        let response = send(&world, &snapshot, token);
        assert_eq!(response.status, 500, "{kind:?}");
        assert_eq!(
            text(response.body),
            r#"{"message":"Internal Server Error"}"#
        );
        assert_eq!(world.sent_count(), 0, "{kind:?}");
        let seen = world.last();
        assert_eq!(seen.fault, Some(FaultKind::AuthorizerConfiguration));
        let why = format!("authorizationType {} is not judged", kind.name());
        assert!(seen.error_message.unwrap().contains(&why));
        let lines = world.0.exec_lines.take();
        assert!(lines.iter().any(|line| line.contains(&why)), "{lines:?}");
    }
}

#[test]
fn the_compiler_keeps_routes_closed() {
    let api = edited(|api| {
        for route in Arc::make_mut(&mut api.definition).routes.values_mut() {
            route.authorization_type = AuthorizationType::Jwt;
        }
    });
    let (world, snapshot) = (World::new(), compiled_with(api));
    for path in ["/prod/pets/1", "/prod/hello", "/prod/any"] {
        assert_eq!(
            send(&world, &snapshot, request("GET", HOST, path)).status,
            500
        );
    }
    assert_eq!(world.sent_count(), 0);
}

#[test]
fn a_websocket_api_is_never_served_as_an_http_api() {
    let api = edited(|api| {
        api.protocol_type = ProtocolType::Websocket;
        let definition = Arc::make_mut(&mut api.definition);
        for (number, route) in definition.routes.values_mut().enumerate() {
            route.route_key = format!("action{number}");
        }
        for integration in definition.integrations.values_mut() {
            integration.request_parameters.clear();
            integration.response_parameters.clear();
        }
        let connect = Route {
            route_id: "connect".into(),
            route_key: "$connect".into(),
            ..Route::default()
        };
        definition.routes.insert("connect".into(), connect);
        let service = Integration {
            integration_id: "service".into(),
            integration_type: IntegrationType::Http,
            ..Integration::default()
        };
        definition.integrations.insert("service".into(), service);
    });
    let (world, snapshot) = (World::new(), compiled_with(api));
    for (path, status, fault) in [
        ("/", 404, FaultKind::NotFound),
        ("/prod", 426, FaultKind::UpgradeRequired),
        ("/prod/", 426, FaultKind::UpgradeRequired),
        ("/prod/action0", 404, FaultKind::NotFound),
        ("/nothing", 404, FaultKind::NotFound),
        ("/_aws/execute-api/shop/prod", 404, FaultKind::NotFound),
    ] {
        let response = send(&world, &snapshot, request("GET", HOST, path));
        assert_eq!(response.status, status, "{path}");
        let wanted = (status == 426).then_some("websocket");
        assert_eq!(response.headers.get_str("upgrade"), wanted, "{path}");
        assert_eq!(world.last().fault, Some(fault), "{path}");
    }
    assert_eq!(world.sent_count(), 0);
}

#[test]
fn a_domain_that_asks_for_client_certificates_lets_nobody_in() {
    let (world, mut snapshot) = (World::new(), compiled_with(api()));
    let shop = Arc::clone(&snapshot.apis["shop"]);
    let mut plan = domain("shop.test", &[("", &shop, "prod")]);
    Arc::get_mut(&mut plan).unwrap().mutual_tls = true;
    snapshot.domains.insert("shop.test".into(), plan);
    for path in ["/hello", "/pets/1", "/nothing", "/ping"] {
        let response = send(&world, &snapshot, request("GET", "shop.test", path));
        assert_eq!(response.status, 500, "{path}");
    }
    assert_eq!(world.sent_count(), 0);
    let why = world.last().error_message.unwrap();
    assert!(why.contains("asks for client certificates"), "{why}");
}

#[test]
fn a_service_of_aws_is_not_called_and_says_so() {
    let world = World::new();
    let plan = IntegrationPlan::Unserved("SQS-SendMessage".into());
    let snapshot = shop(vec![route("POST /", plan)]);
    let response = send(&world, &snapshot, request("POST", HOST, "/"));
    assert_eq!(response.status, 500);
    let why = world.last().error_message.unwrap();
    assert_eq!(why, "this release does not call SQS-SendMessage");
}
