//! The rules of authorizers, models, responses, and of WebSocket APIs.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{api, findings, with};
use crate::{
    Api, AuthorizationType, Authorizer, AuthorizerType, DataModel, Definition, Integration,
    IntegrationResponse, IntegrationType, JwtConfiguration, PassthroughBehavior, PayloadFormat,
    ProtocolType, Route, RouteResponse,
};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:judge";

fn jwt() -> Authorizer {
    Authorizer {
        authorizer_id: "j".into(),
        name: "tokens".into(),
        authorizer_type: AuthorizerType::Jwt,
        identity_source: ["$request.header.Authorization".into()].into(),
        jwt_configuration: Some(JwtConfiguration {
            audience: ["shop".into()].into(),
            issuer: Some("https://login.example.com/pool".into()),
        }),
        ..Authorizer::default()
    }
}

fn request() -> Authorizer {
    Authorizer {
        authorizer_id: "f".into(),
        name: "function".into(),
        identity_source: ["$request.header.Authorization".into()].into(),
        authorizer_uri: Some(ARN.into()),
        authorizer_payload_format_version: Some(PayloadFormat::V2),
        authorizer_result_ttl_in_seconds: Some(300),
        enable_simple_responses: Some(true),
        ..Authorizer::default()
    }
}

/// An HTTP API with both authorizers, and a WebSocket API with a model.
fn http() -> Api {
    let mut api = api();
    let definition = Arc::make_mut(&mut api.definition);
    definition.authorizers.insert("j".into(), jwt());
    definition.authorizers.insert("f".into(), request());
    api
}

fn websocket() -> Api {
    let mut api = api();
    api.protocol_type = ProtocolType::Websocket;
    api.route_selection_expression = Some("$request.body.action".into());
    let definition = Arc::make_mut(&mut api.definition);
    let model = DataModel {
        model_id: "m".into(),
        name: "Message".into(),
        schema: "{}".into(),
        ..DataModel::default()
    };
    definition.models.insert("m".into(), model);
    route(definition).route_key = "send".into();
    api
}

fn route(definition: &mut Definition) -> &mut Route {
    definition.routes.get_mut("r").unwrap()
}

fn integration(definition: &mut Definition) -> &mut Integration {
    definition.integrations.get_mut("i").unwrap()
}

/// What is found of an API after an edit of its definition.
fn of(mut api: Api, edit: impl FnOnce(&mut Definition)) -> Vec<String> {
    edit(Arc::make_mut(&mut api.definition));
    findings(&with(api))
}

#[track_caller]
fn one(found: &[String], text: &str) {
    assert!(found.len() == 1 && found[0].contains(text), "{found:?}");
}

#[test]
fn routes_name_authorizers_of_their_type() {
    let set = |kind, id: Option<&str>| {
        of(http(), |definition| {
            let route = route(definition);
            route.authorization_type = kind;
            route.authorizer_id = id.map(Into::into);
        })
    };
    use AuthorizationType as Kind;
    for (kind, id) in [
        (Kind::None, None),
        (Kind::AwsIam, None),
        (Kind::Jwt, Some("j")),
        (Kind::Custom, Some("f")),
    ] {
        assert_eq!(set(kind, id), Vec::<String>::new());
    }
    one(&set(Kind::Jwt, None), "JWT needs an authorizer");
    one(&set(Kind::Custom, None), "CUSTOM needs an authorizer");
    one(&set(Kind::AwsIam, Some("f")), "AWS_IAM has no authorizer");
    one(&set(Kind::None, Some("j")), "NONE has no authorizer");
    one(&set(Kind::Custom, Some("j")), "another type");
    one(&set(Kind::Jwt, Some("x")), "no authorizer `x`");
    let scopes = of(http(), |definition| {
        route(definition).authorization_scopes = ["read".into()].into();
    });
    one(&scopes, "authorizationScopes: scopes are for");
}

#[test]
fn authorizers_have_what_their_type_needs() {
    let edit_jwt =
        |edit: fn(&mut Authorizer)| of(http(), |it| edit(it.authorizers.get_mut("j").unwrap()));
    one(
        &edit_jwt(|it| it.jwt_configuration = None),
        "needs a jwtConfiguration",
    );
    one(
        &edit_jwt(|it| it.identity_source.clear()),
        "one identity source",
    );
    one(
        &edit_jwt(|it| it.identity_source[0] = "$context.identity".into()),
        "one identity source",
    );
    one(
        &edit_jwt(|it| it.authorizer_uri = Some(ARN.into())),
        "authorizerUri: only",
    );
    one(
        &edit_jwt(|it| it.name = "function".into()),
        "two authorizers have the name",
    );
    one(
        &edit_jwt(|it| it.jwt_configuration.as_mut().unwrap().issuer = Some("pool".into())),
        "an issuer is a URL",
    );
    one(
        &edit_jwt(|it| it.jwt_configuration.as_mut().unwrap().audience.clear()),
        "1 to 50 audiences",
    );
    let edit_function =
        |edit: fn(&mut Authorizer)| of(http(), |it| edit(it.authorizers.get_mut("f").unwrap()));
    one(
        &edit_function(|it| it.authorizer_uri = None),
        "needs a function",
    );
    one(
        &edit_function(|it| it.authorizer_uri = Some("function:nobody".into())),
        "there is no function `nobody`",
    );
    one(
        &edit_function(|it| it.identity_source.clear()),
        "there must be an identity source",
    );
    one(
        &edit_function(|it| it.identity_source[0] = "header".into()),
        "an identity source is",
    );
    one(
        &edit_function(|it| it.authorizer_payload_format_version = None),
        "the format 1.0 or 2.0",
    );
    one(
        &edit_function(|it| it.authorizer_payload_format_version = Some(PayloadFormat::V1)),
        "simple responses need the format 2.0",
    );
    one(
        &edit_function(|it| it.authorizer_result_ttl_in_seconds = Some(3_601)),
        "0 to 3600",
    );
}

#[test]
fn what_an_http_api_does_not_look_at_is_refused() {
    let found = of(http(), |definition| {
        let route = route(definition);
        route.model_selection_expression = Some("x".into());
        route
            .request_parameters
            .insert("route.request.header.x".into(), Default::default());
        let it = integration(definition);
        it.request_templates.insert("x".into(), "y".into());
        it.passthrough_behavior = Some(PassthroughBehavior::Never);
    });
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(
        found
            .iter()
            .all(|it| it.contains("only for WebSocket APIs")),
        "{found:?}"
    );
}

#[test]
fn operations_of_aws_services_are_known_and_complete() {
    let set = |name: &str, parameter: &str| {
        of(http(), |definition| {
            let it = integration(definition);
            it.integration_type = IntegrationType::AwsProxy;
            it.integration_uri = None;
            it.integration_subtype = Some(name.into());
            it.credentials_arn = Some("arn:aws:iam::000000000000:role/queue".into());
            it.request_parameters
                .insert(parameter.into(), "$request.body.url".into());
        })
    };
    assert_eq!(set("SQS-PurgeQueue", "QueueUrl"), Vec::<String>::new());
    one(
        &set("SQS-PurgeQueue", "Queue"),
        "needs the parameter QueueUrl",
    );
    one(&set("SQS-Purge", "QueueUrl"), "is none of");
}

#[test]
fn a_websocket_api_has_keys_and_an_expression_of_its_own() {
    let key = |text: &str| of(websocket(), |it| route(it).route_key = text.into());
    for good in [
        "$connect",
        "$disconnect",
        "$default",
        "send",
        "chat/join",
        "GET /x",
    ] {
        assert_eq!(key(good), Vec::<String>::new(), "{good}");
    }
    one(&key("$other"), "of keys that begin with `$`");
    one(&key(""), "1 to 128 characters");
    let mut api = websocket();
    api.route_selection_expression = None;
    one(&findings(&with(api)), "needs a route selection expression");
    let mut api = websocket();
    api.route_selection_expression = Some("$request.header.x".into());
    one(&findings(&with(api)), "is no variable here");
    let mut api = websocket();
    api.cors_configuration = Some(Default::default());
    one(
        &findings(&with(api)),
        "only HTTP APIs have a corsConfiguration",
    );
    let mut api = http();
    api.route_selection_expression = Some("$request.body.action".into());
    one(&findings(&with(api)), "of an HTTP API");
}

#[test]
fn a_websocket_api_judges_clients_when_they_connect() {
    let set = |key: &str, kind| {
        of(websocket(), |definition| {
            let route = route(definition);
            route.route_key = key.into();
            route.authorization_type = kind;
        })
    };
    assert_eq!(
        set("$connect", AuthorizationType::AwsIam),
        Vec::<String>::new()
    );
    one(
        &set("send", AuthorizationType::AwsIam),
        "set it on `$connect`",
    );
    let keys = of(websocket(), |it| route(it).api_key_required = true);
    one(&keys, "set it on `$connect`");
    let tokens = of(websocket(), |it| {
        it.authorizers.insert("j".into(), jwt());
        route(it).route_key = "$connect".into();
        route(it).authorization_type = AuthorizationType::Jwt;
        route(it).authorizer_id = Some("j".into());
    });
    assert!(
        tokens
            .iter()
            .any(|it| it.contains("no authorization by JWT")),
        "{tokens:?}"
    );
    assert!(
        tokens.iter().any(|it| it.contains("type REQUEST only")),
        "{tokens:?}"
    );
}

#[test]
fn models_are_there_and_are_schemas() {
    let model =
        |edit: fn(&mut DataModel)| of(websocket(), |it| edit(it.models.get_mut("m").unwrap()));
    one(
        &model(|it| it.schema = "{".into()),
        "a schema is a JSON schema",
    );
    one(
        &model(|it| it.schema = "[]".into()),
        "a schema is a JSON schema",
    );
    one(&model(|it| it.name = "a b".into()), "letters and digits");
    one(
        &model(|it| it.content_type = Some("json".into())),
        "is no content type",
    );
    let mut api = websocket();
    api.disable_schema_validation = true;
    let unlooked = of(api, |it| {
        it.models.get_mut("m").unwrap().schema = "{".into()
    });
    assert_eq!(unlooked, Vec::<String>::new());
    let used = |name: &str| {
        of(websocket(), |it| {
            route(it)
                .request_models
                .insert("$default".into(), name.into());
        })
    };
    assert_eq!(used("Message"), Vec::<String>::new());
    one(&used("Nothing"), "the API has no model `Nothing`");
}

#[test]
fn responses_have_the_keys_that_the_gateway_can_choose_by() {
    let of_route = |key: &str| {
        of(websocket(), |it| {
            let response = RouteResponse {
                route_response_id: "x".into(),
                route_response_key: key.into(),
                ..RouteResponse::default()
            };
            route(it).route_responses.insert("x".into(), response);
        })
    };
    assert_eq!(of_route("$default"), Vec::<String>::new());
    one(&of_route("other"), "the only route response key");
    let of_integration = |key: &str, parameter: &str| {
        of(websocket(), |it| {
            let mut response = IntegrationResponse {
                integration_response_id: "x".into(),
                integration_response_key: key.into(),
                ..IntegrationResponse::default()
            };
            response
                .response_parameters
                .insert(parameter.into(), "'x'".into());
            let it = integration(it);
            it.integration_responses.insert("x".into(), response);
        })
    };
    let good = "method.response.header.x";
    for key in ["$default", "/2\\d\\d/", "/400/"] {
        assert_eq!(of_integration(key, good), Vec::<String>::new(), "{key}");
    }
    one(
        &of_integration("200", good),
        "a key is `$default` or a pattern",
    );
    one(
        &of_integration("$default", "header.x"),
        "expected method.response.header.NAME",
    );
}
