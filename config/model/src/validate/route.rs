//! Routes: keys, targets, who may use them, and what messages look like.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::expression::{self, MESSAGE};
use super::{Findings, RouteKey, integration};
use crate::{
    Api, AuthorizationType, AuthorizerType, Definition, ParameterConstraints, ProtocolType, Route,
    RouteResponse,
};

/// Scopes of a route (AWS: 10), and characters of one.
const SCOPES_MAX: usize = 10;
const SCOPE_CHARS_MAX: usize = 64;
/// Characters of a WebSocket API's route key, of an operation's name and of a model's key.
const KEY_CHARS_MAX: usize = 128;
const OPERATION_CHARS_MAX: usize = 64;
const MODEL_KEY_CHARS_MAX: usize = 128;
/// Entries of a map of a route.
const ENTRIES_MAX: usize = 100;
/// The keys of WebSocket APIs that begin with `$`.
const RESERVED_KEYS: [&str; 3] = [CONNECT, "$disconnect", "$default"];
const CONNECT: &str = "$connect";
/// What members that only WebSocket APIs have say elsewhere.
const WEBSOCKET_ONLY: &str = "supported only for WebSocket APIs";

/// `shapes` has the keys of the routes that were looked at before.
pub(super) fn route<'d>(
    api: &Api,
    definition: &Definition,
    route: &'d Route,
    shapes: &mut BTreeMap<String, &'d str>,
    f: &mut Findings,
) {
    if let Some(target) = &route.target {
        match route.integration_id() {
            None => f.say("target", "a target is `integrations/` and an id"),
            Some(id) if !definition.integrations.contains_key(id) => {
                f.say("target", format!("{target}: there is no such integration"));
            }
            Some(_) => {}
        }
    }
    let operation = route.operation_name.as_deref().unwrap_or_default();
    if operation.chars().count() > OPERATION_CHARS_MAX {
        let message = format!("an operation's name has at most {OPERATION_CHARS_MAX} characters");
        f.say("operationName", message);
    }
    authorization(api, definition, route, f);
    models("requestModels", &route.request_models, definition, f);
    responses(definition, route, f);
    if api.protocol_type == ProtocolType::Websocket {
        return websocket(route, shapes, f);
    }
    http_only(route, f);
    let key = match RouteKey::parse(&route.route_key) {
        Ok(key) => key,
        Err(message) => return f.say("routeKey", message),
    };
    once(key.shape(), route, shapes, f);
    let target = route.integration_id();
    if let Some(it) = target.and_then(|id| definition.integrations.get(id)) {
        integration::fits_route(it, &key, f);
    }
}

/// Of what requests cannot be told apart by, there is one route.
fn once<'d>(
    shape: String,
    route: &'d Route,
    shapes: &mut BTreeMap<String, &'d str>,
    f: &mut Findings,
) {
    if let Some(other) = shapes.insert(shape, &route.route_key) {
        let message = if other == route.route_key {
            format!("the route `{other}` exists already")
        } else {
            format!("no request can tell this route from `{other}`")
        };
        f.say("routeKey", message);
    }
}

/// Members that would promise a look at requests which an HTTP API does not take.
fn http_only(route: &Route, f: &mut Findings) {
    for (member, there) in [
        (
            "modelSelectionExpression",
            route.model_selection_expression.is_some(),
        ),
        ("requestModels", !route.request_models.is_empty()),
        ("requestParameters", !route.request_parameters.is_empty()),
        (
            "routeResponseSelectionExpression",
            route.route_response_selection_expression.is_some(),
        ),
    ] {
        if there {
            f.key(member, WEBSOCKET_ONLY);
        }
    }
}

fn websocket<'d>(route: &'d Route, shapes: &mut BTreeMap<String, &'d str>, f: &mut Findings) {
    let key = route.route_key.as_str();
    if !(1..=KEY_CHARS_MAX).contains(&key.chars().count()) {
        let message = format!("a route key has 1 to {KEY_CHARS_MAX} characters");
        f.say("routeKey", message);
    } else if key.starts_with('$') && !RESERVED_KEYS.contains(&key) {
        let message = format!(
            "of keys that begin with `$` there are {}",
            RESERVED_KEYS.join(", ")
        );
        f.say("routeKey", message);
    }
    once(key.into(), route, shapes, f);
    let expression = route.model_selection_expression.as_ref();
    expression::optional("modelSelectionExpression", expression, MESSAGE, f);
    let expression = route.route_response_selection_expression.as_deref();
    if expression.is_some_and(|it| it != "$default") {
        let message = "the only route response selection expression is `$default`";
        f.say("routeResponseSelectionExpression", message);
    }
    let places = ["route.request.header.", "route.request.querystring."];
    parameters("requestParameters", &route.request_parameters, &places, f);
    if key != CONNECT && route.api_key_required {
        f.say(
            "apiKeyRequired",
            "API keys are looked at when a client connects: set it on `$connect`",
        );
    }
}

fn authorization(api: &Api, definition: &Definition, route: &Route, f: &mut Findings) {
    use AuthorizationType as Kind;
    let kind = route.authorization_type;
    let wanted = match kind {
        Kind::None | Kind::AwsIam => None,
        Kind::Custom => Some(AuthorizerType::Request),
        Kind::Jwt => Some(AuthorizerType::Jwt),
    };
    match (wanted, &route.authorizer_id) {
        (None, Some(_)) => f.say(
            "authorizerId",
            format!("authorizationType {} has no authorizer", kind.name()),
        ),
        (Some(_), None) => f.say(
            "authorizerId",
            format!("authorizationType {} needs an authorizer", kind.name()),
        ),
        (Some(wanted), Some(id)) => match definition.authorizers.get(id) {
            None => f.say("authorizerId", format!("the API has no authorizer `{id}`")),
            Some(it) if it.authorizer_type != wanted => f.say(
                "authorizerId",
                format!(
                    "the authorizer is of another type than authorizationType {}",
                    kind.name()
                ),
            ),
            Some(_) => {}
        },
        (None, None) => {}
    }
    if api.protocol_type == ProtocolType::Websocket {
        if kind == Kind::Jwt {
            f.say(
                "authorizationType",
                "a WebSocket API has no authorization by JWT",
            );
        } else if kind != Kind::None && route.route_key != CONNECT {
            let message = "a WebSocket API judges a client when it connects: set it on `$connect`";
            f.say("authorizationType", message);
        }
    }
    let scopes = &route.authorization_scopes;
    if !scopes.is_empty() && kind != Kind::Jwt {
        f.key(
            "authorizationScopes",
            "scopes are for authorizationType JWT",
        );
    }
    if scopes.len() > SCOPES_MAX {
        f.say(
            "authorizationScopes",
            format!("a route has at most {SCOPES_MAX} scopes"),
        );
    }
    for (index, scope) in scopes.iter().enumerate() {
        if !(1..=SCOPE_CHARS_MAX).contains(&scope.chars().count()) || scope.contains(' ') {
            let message = format!("a scope has 1 to {SCOPE_CHARS_MAX} characters and no space");
            f.item("authorizationScopes", index, message);
        }
    }
}

fn responses(definition: &Definition, route: &Route, f: &mut Findings) {
    for (id, it) in &route.route_responses {
        f.in_two("routeResponses", id.as_str(), |f| {
            f.kept_under(
                id.as_str(),
                "routeResponseId",
                it.route_response_id.as_str(),
            );
            response(definition, it, f);
        });
    }
    if route.route_responses.len() > 1 {
        f.say("routeResponses", "a route has one response, `$default`");
    }
}

fn response(definition: &Definition, it: &RouteResponse, f: &mut Findings) {
    if it.route_response_key != "$default" {
        f.say(
            "routeResponseKey",
            "the only route response key is `$default`",
        );
    }
    let expression = it.model_selection_expression.as_ref();
    expression::optional(
        "modelSelectionExpression",
        expression,
        expression::ANSWER,
        f,
    );
    models("responseModels", &it.response_models, definition, f);
    let places = ["route.response.header.", "method.response.header."];
    parameters("responseParameters", &it.response_parameters, &places, f);
}

fn models(
    member: &str,
    models: &BTreeMap<String, String>,
    definition: &Definition,
    f: &mut Findings,
) {
    few(member, models.len(), f);
    for (key, name) in models {
        if key.chars().count() > MODEL_KEY_CHARS_MAX {
            let message = format!("a key has at most {MODEL_KEY_CHARS_MAX} characters");
            f.inside(member, |f| f.key(key, message));
        }
        if !definition.models.values().any(|it| it.name == *name) {
            f.inside(member, |f| {
                f.say(key, format!("the API has no model `{name}`"))
            });
        }
    }
}

fn parameters(
    member: &str,
    parameters: &BTreeMap<String, ParameterConstraints>,
    places: &[&str],
    f: &mut Findings,
) {
    few(member, parameters.len(), f);
    for key in parameters.keys() {
        let mut names = places.iter().filter_map(|place| key.strip_prefix(place));
        if !names.any(|name| !name.is_empty() && name.len() <= KEY_CHARS_MAX) {
            let message = format!("expected {}NAME", places.join("NAME or "));
            f.inside(member, |f| f.key(key, message));
        }
    }
}

fn few(member: &str, count: usize, f: &mut Findings) {
    if count > ENTRIES_MAX {
        f.say(member, format!("at most {ENTRIES_MAX} entries are allowed"));
    }
}
