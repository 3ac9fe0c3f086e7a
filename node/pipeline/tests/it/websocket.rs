//! The life of a WebSocket connection: the handshake, messages, the end, as the compiler and the
//! pipeline make it of a model.

mod answers;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tollgate_config::snapshot::Snapshot;
use tollgate_message::{Request, Response};
use tollgate_model::{
    AccessLogSettings, Api, AuthorizationType, Definition, Deployment, Integration,
    IntegrationResponse, IntegrationType, ProtocolType, Route, RouteSettings, Stage,
};
use tollgate_pipeline::{
    Ended, FaultKind, FunctionReply, IntegrationError, IntegrationErrorKind, Message, Socket,
    disconnect, message,
};

use crate::compiled::compiled_with;
use crate::support::{RequestExt, World, request, run, send, text};

const HOST: &str = "chat.execute-api.us-east-1.localhost";

fn function() -> Integration {
    Integration {
        integration_type: IntegrationType::AwsProxy,
        integration_uri: Some("function:hello".into()),
        ..Integration::default()
    }
}

fn http(kind: IntegrationType) -> Integration {
    Integration {
        integration_type: kind,
        integration_uri: Some("http://back.local/in/{id}".into()),
        integration_method: Some("POST".into()),
        request_parameters: [
            ("integration.request.path.id", "context.connectionId"),
            (
                "integration.request.header.x-kind",
                "route.request.body.action",
            ),
            ("integration.request.querystring.who", "'me & you'"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into(),
        ..Integration::default()
    }
}

/// A WebSocket API of these routes; those whose name ends in `!` answer on the socket.
fn chat(routes: Vec<(&str, Option<Integration>)>, edit: impl FnOnce(&mut Definition)) -> Api {
    let mut definition = Definition::default();
    for (number, (key, integration)) in routes.into_iter().enumerate() {
        let two_way = key.ends_with('!');
        let key = key.trim_end_matches('!');
        let id = format!("i{number}");
        let route = Route {
            route_id: format!("r{number}").as_str().into(),
            route_key: key.into(),
            target: integration.is_some().then(|| format!("integrations/{id}")),
            route_response_selection_expression: two_way.then(|| "$default".into()),
            ..Route::default()
        };
        definition.routes.insert(route.route_id.clone(), route);
        if let Some(mut it) = integration {
            it.integration_id = id.as_str().into();
            definition.integrations.insert(id.as_str().into(), it);
        }
    }
    edit(&mut definition);
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
        access_log_settings: Some(AccessLogSettings {
            destination_arn: "stdout".into(),
            format: "$context.eventType $context.connectionId $context.routeKey $context.status"
                .into(),
        }),
        ..Stage::default()
    };
    Api {
        api_id: "chat".into(),
        name: "chat".into(),
        protocol_type: ProtocolType::Websocket,
        route_selection_expression: Some("$request.body.action".into()),
        definition,
        deployments: [("dep001".into(), Arc::new(deployment))].into(),
        stages: [("prod".into(), Arc::new(stage))].into(),
        ..Api::default()
    }
}

fn handshake() -> Request {
    request("GET", HOST, "/prod?room=1&room=2")
        .header("upgrade", "websocket")
        .header("connection", "Upgrade")
        .header("user-agent", "test")
        .header("sec-websocket-protocol", "a, b")
}

fn replies(world: &World, output: Value) {
    let output = Bytes::from(output.to_string());
    *world.0.function.borrow_mut() = Box::new(move |_| Ok(FunctionReply::Buffered(output.clone())));
}

/// Opens a connection, which must succeed.
fn open(world: &World, snapshot: &Snapshot) -> Socket {
    let response = send(world, snapshot, handshake());
    assert_eq!(response.status, 101, "{:?}", world.last());
    let opening = world.0.opened.borrow_mut().pop().unwrap();
    opening.socket
}

fn say(world: &World, snapshot: &Snapshot, socket: &Socket, data: &str) -> Option<String> {
    let said = Message {
        data: Bytes::copy_from_slice(data.as_bytes()),
        binary: false,
    };
    let reply = run(message(world, snapshot, socket, said))?;
    Some(String::from_utf8(reply.data.to_vec()).unwrap())
}

#[test]
fn a_handshake_waits_for_connect_and_is_told_what_it_says() {
    let api = chat(vec![("$connect", Some(function()))], |_| {});
    let (world, snapshot) = (World::new(), compiled_with(api));
    let chosen = json!({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "b"}});
    replies(&world, chosen);
    assert_eq!(send(&world, &snapshot, handshake()).status, 101);
    let opening = world.0.opened.borrow_mut().pop().unwrap();
    assert_eq!(opening.subprotocol.as_deref(), Some("b"));
    assert_eq!(&*opening.socket.connection_id, "c1");
    assert!(world.0.released.borrow().is_empty());
    let event = world.last_event();
    assert_eq!(event["requestContext"]["eventType"], "CONNECT");
    assert_eq!(event["requestContext"]["routeKey"], "$connect");
    assert_eq!(event["requestContext"]["connectionId"], "c1");
    assert_eq!(event["requestContext"]["identity"]["userAgent"], "test");
    assert_eq!(event["headers"]["Sec-WebSocket-Protocol"], "a, b");
    assert_eq!(event["queryStringParameters"]["room"], "2");
    assert_eq!(
        event["multiValueQueryStringParameters"]["room"],
        json!(["1", "2"])
    );
    assert_eq!(event["stageVariables"]["color"], "red");
    let line = world.last().log_line.unwrap();
    assert_eq!(line, "CONNECT c1 $connect 101");
    // One that the client did not offer is left out.
    replies(
        &world,
        json!({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "c"}}),
    );
    assert_eq!(send(&world, &snapshot, handshake()).status, 101);
    assert_eq!(world.0.opened.borrow_mut().pop().unwrap().subprotocol, None);
}

#[test]
fn what_connect_refuses_or_fails_does_not_open() {
    let api = chat(vec![("$connect", Some(function()))], |_| {});
    let (world, snapshot) = (World::new(), compiled_with(api));
    replies(&world, json!({"statusCode": 401, "body": "who are you"}));
    let refused = send(&world, &snapshot, handshake());
    assert_eq!(refused.status, 401);
    assert_eq!(text(refused.body), "who are you");
    for output in [
        json!(null),
        json!({}),
        json!("text"),
        json!({"statusCode": "x"}),
    ] {
        replies(&world, output.clone());
        assert_eq!(send(&world, &snapshot, handshake()).status, 500, "{output}");
    }
    *world.0.function.borrow_mut() = Box::new(|_| {
        let kind = IntegrationErrorKind::Timeout;
        Err(IntegrationError::new(kind, "too late"))
    });
    assert_eq!(send(&world, &snapshot, handshake()).status, 503);
    assert!(world.0.opened.borrow().is_empty());
    assert_eq!(world.0.released.borrow().len(), 6, "each place goes back");
}

#[test]
fn without_connect_everybody_connects_and_only_by_a_handshake() {
    let bare = compiled_with(chat(vec![("$connect", None)], |_| {}));
    let none = compiled_with(chat(vec![], |_| {}));
    let world = World::new();
    for snapshot in [&bare, &none] {
        open(&world, snapshot);
    }
    for (upgrade, status) in [("full", 503), ("other", 400)] {
        let asked = request("GET", HOST, "/prod").header("upgrade", upgrade);
        assert_eq!(send(&world, &none, asked).status, status, "{upgrade}");
    }
}

#[test]
fn a_connect_that_cannot_be_judged_lets_nobody_in() {
    for kind in [AuthorizationType::Custom, AuthorizationType::AwsIam] {
        let api = chat(vec![("$connect", None)], |definition| {
            for route in definition.routes.values_mut() {
                route.authorization_type = kind;
            }
        });
        let (world, snapshot) = (World::new(), compiled_with(api));
        assert_eq!(send(&world, &snapshot, handshake()).status, 500, "{kind:?}");
        let seen = world.last();
        assert_eq!(seen.fault, Some(FaultKind::AuthorizerConfiguration));
        assert!(world.0.opened.borrow().is_empty());
    }
}

#[test]
fn required_parameters_are_required() {
    let api = chat(vec![("$connect", None)], |definition| {
        let wanted = tollgate_model::ParameterConstraints { required: true };
        for route in definition.routes.values_mut() {
            let keys = [
                "route.request.querystring.room",
                "route.request.header.X-Id",
            ];
            route.request_parameters = keys.map(|key| (key.to_owned(), wanted)).into();
        }
    });
    let (world, snapshot) = (World::new(), compiled_with(api));
    assert_eq!(send(&world, &snapshot, handshake()).status, 400);
    let whole = handshake().header("x-id", "7");
    assert_eq!(send(&world, &snapshot, whole).status, 101);
}

#[test]
fn messages_find_their_routes() {
    let api = chat(
        vec![
            ("$connect", None),
            ("$disconnect", Some(function())),
            ("join!", Some(function())),
            ("[a, b]!", Some(function())),
            ("$default!", Some(function())),
        ],
        |_| {},
    );
    let (world, snapshot) = (World::new(), compiled_with(api));
    let socket = open(&world, &snapshot);
    *world.0.function.borrow_mut() = Box::new(|event| {
        let event: Value = serde_json::from_slice(event).unwrap();
        let key = event["requestContext"]["routeKey"].clone();
        Ok(FunctionReply::Buffered(
            json!({"statusCode": 200, "body": key}).to_string().into(),
        ))
    });
    for (said, key) in [
        (r#"{"action":"join"}"#, "join"),
        (r#"{"action":["a","b"]}"#, "[a, b]"),
        (r#"{"action":"leave"}"#, "$default"),
        (r#"{"other":"join"}"#, "$default"),
        ("join", "$default"),
        // The gateway's own routes are no routes of messages.
        (r#"{"action":"$disconnect"}"#, "$default"),
        (r#"{"action":"$connect"}"#, "$default"),
    ] {
        assert_eq!(
            say(&world, &snapshot, &socket, said).as_deref(),
            Some(key),
            "{said}"
        );
        let event = world.last_event();
        assert_eq!(event["requestContext"]["eventType"], "MESSAGE");
        assert_eq!(event["body"], said);
        assert_eq!(event.get("headers"), None);
        assert_eq!(event["isBase64Encoded"], false);
    }
    let line = world.last().log_line.unwrap();
    assert_eq!(line, "MESSAGE c1 $default 200");
}

#[test]
fn errors_are_frames_with_awss_words() {
    let api = chat(
        vec![
            ("$connect", None),
            ("say", Some(function())),
            ("bare", None),
        ],
        |_| {},
    );
    let (world, snapshot) = (World::new(), compiled_with(api));
    let socket = open(&world, &snapshot);
    let frame = |said: &str| -> Value {
        serde_json::from_str(&say(&world, &snapshot, &socket, said).unwrap()).unwrap()
    };
    let error = |message: &str| json!({"message": message, "connectionId": "c1", "requestId": "JKJaXmPLvHcESHA="});
    assert_eq!(frame(r#"{"action":"nothing"}"#), error("Forbidden"));
    assert_eq!(
        frame(r#"{"action":"bare"}"#),
        error("Internal server error")
    );
    replies(&world, json!({"no": "envelope"}));
    assert_eq!(frame(r#"{"action":"say"}"#), error("Internal server error"));
    // One-way: what the function says stays with us.
    replies(&world, json!({"statusCode": 200, "body": "a secret"}));
    assert_eq!(say(&world, &snapshot, &socket, r#"{"action":"say"}"#), None);
    // The stage is gone, the connection is not.
    let none = compiled_with(Api {
        stages: BTreeMap::new(),
        ..chat(vec![], |_| {})
    });
    let told = say(&world, &none, &socket, r#"{"action":"say"}"#).unwrap();
    assert!(told.contains("Internal server error"), "{told}");
}

#[test]
fn rates_hold_for_messages_and_the_end_is_told_all_the_same() {
    let mut api = chat(
        vec![
            ("$connect", None),
            ("$default", Some(function())),
            ("$disconnect", Some(function())),
        ],
        |_| {},
    );
    let stage = Arc::make_mut(api.stages.get_mut("prod").unwrap());
    stage.default_route_settings = RouteSettings {
        throttling_burst_limit: Some(1),
        throttling_rate_limit: tollgate_protocol::Rate::from_f64(0.001),
        ..RouteSettings::default()
    };
    let (world, snapshot) = (World::new(), compiled_with(api));
    let socket = open(&world, &snapshot);
    replies(&world, json!({"statusCode": 200}));
    assert_eq!(say(&world, &snapshot, &socket, "1"), None);
    let told = say(&world, &snapshot, &socket, "2").unwrap();
    assert!(told.contains("Too Many Requests"), "{told}");
    let ended = Ended {
        code: 1001,
        reason: "Going away".into(),
    };
    for _ in 0..3 {
        run(disconnect(&world, &snapshot, &socket, ended.clone()));
    }
    let event = world.last_event();
    assert_eq!(event["requestContext"]["eventType"], "DISCONNECT");
    assert_eq!(event["requestContext"]["disconnectStatusCode"], 1001);
    assert_eq!(event["requestContext"]["disconnectReason"], "Going away");
    assert_eq!(event["headers"]["Host"], HOST);
    assert_eq!(world.last().status, 200);
}

#[test]
fn http_back_ends_get_the_message_and_what_is_mapped() {
    let api = chat(
        vec![
            ("$connect", None),
            ("say!", Some(http(IntegrationType::HttpProxy))),
        ],
        |_| {},
    );
    let (world, snapshot) = (World::new(), compiled_with(api));
    let socket = open(&world, &snapshot);
    world.on_http(|request| {
        let said = run(request.body.collect(100)).unwrap();
        assert_eq!(said, r#"{"action":"say"}"#);
        Ok(Response::new(404).with_body("the answer"))
    });
    let told = say(&world, &snapshot, &socket, r#"{"action":"say"}"#);
    assert_eq!(told.as_deref(), Some("the answer"));
    let sent = world.0.sent.borrow();
    assert_eq!(sent[0].path, "/in/c1");
    assert_eq!(sent[0].query.as_deref(), Some("who=me%20%26%20you"));
    assert_eq!(sent[0].headers.get_str("x-kind"), Some("say"));
}

fn answers(key: &str, template: &str) -> IntegrationResponse {
    IntegrationResponse {
        integration_response_key: key.into(),
        response_templates: [("$default".to_owned(), template.to_owned())].into(),
        ..IntegrationResponse::default()
    }
}

#[test]
fn templates_and_responses_make_what_goes_in_and_out() {
    let mut it = http(IntegrationType::Http);
    it.request_templates = [(
        "$default".to_owned(),
        r#"{"of":$input.json('$.action')}"#.to_owned(),
    )]
    .into();
    it.integration_responses = [
        ("a".into(), answers("$default", "ok: $input.body")),
        (
            "b".into(),
            answers("/4\\d\\d/", "no for ${context.connectionId}"),
        ),
    ]
    .into();
    let api = chat(vec![("$connect", None), ("say!", Some(it))], |_| {});
    let (world, snapshot) = (World::new(), compiled_with(api));
    let socket = open(&world, &snapshot);
    for (status, wanted) in [
        (200, r#"ok: {"of":"say"}"#),
        (404, "no for c1"),
        (503, r#"ok: {"of":"say"}"#),
    ] {
        world.on_http(move |request| {
            let said = run(request.body.collect(100)).unwrap();
            Ok(Response::new(status).with_body(said))
        });
        let told = say(&world, &snapshot, &socket, r#"{"action":"say"}"#);
        assert_eq!(told.as_deref(), Some(wanted), "{status}");
    }
}

#[test]
fn the_gateway_answers_itself_as_its_template_says() {
    let mock = |status: &str| Integration {
        integration_type: IntegrationType::Mock,
        request_templates: [("200".to_owned(), format!(r#"{{"statusCode":{status}}}"#))].into(),
        template_selection_expression: Some("200".into()),
        integration_responses: [("a".into(), answers("$default", "pong"))].into(),
        ..Integration::default()
    };
    let world = World::new();
    let refusing = compiled_with(chat(vec![("$connect", Some(mock("403")))], |_| {}));
    assert_eq!(send(&world, &refusing, handshake()).status, 403);
    let api = chat(
        vec![
            ("$connect", Some(mock("200"))),
            ("ping!", Some(mock("200"))),
        ],
        |_| {},
    );
    let snapshot = compiled_with(api);
    let socket = open(&world, &snapshot);
    let told = say(&world, &snapshot, &socket, r#"{"action":"ping"}"#);
    assert_eq!(told.as_deref(), Some("pong"));
}

#[test]
fn what_is_not_served_is_refused_and_never_guessed() {
    let directive = Integration {
        request_templates: [("$default".to_owned(), "#set($a = 1)$a".to_owned())].into(),
        ..http(IntegrationType::Http)
    };
    let api = chat(
        vec![
            ("$connect", None),
            ("vtl!", Some(directive)),
            ("model!", Some(function())),
        ],
        |definition| {
            let modelled = definition
                .routes
                .values_mut()
                .find(|it| it.route_key == "model");
            let modelled = modelled.unwrap();
            modelled.request_models = [("$default".to_owned(), "m".to_owned())].into();
        },
    );
    let (world, snapshot) = (World::new(), compiled_with(api));
    let socket = open(&world, &snapshot);
    for action in ["vtl", "model"] {
        let said = format!(r#"{{"action":"{action}"}}"#);
        let told = say(&world, &snapshot, &socket, &said).unwrap();
        assert!(told.contains("Internal server error"), "{told}");
        assert_eq!(world.last().fault, Some(FaultKind::Configuration));
    }
    assert_eq!(world.sent_count(), 0);
    assert!(world.0.invoked.borrow().is_empty());
}
