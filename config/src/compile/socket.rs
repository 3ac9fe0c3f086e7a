//! The parts of a stage that only WebSocket APIs have (reference 6).

use std::collections::BTreeMap;

use regex_lite::RegexBuilder;
use tollgate_model::{
    ContentHandling, Definition, Integration, IntegrationResponse, IntegrationType, Route,
};

use super::expression::Variables;
use super::selection::{self, Side};
use crate::snapshot::{
    BodyTemplates, IntegrationPlan, MappingAction, MappingStep, MappingTarget, Piece, ResponseKey,
    SocketPlan, SocketResponse, SocketRoute, Template, Variable,
};

/// The key that AWS finds API keys by in a handshake.
const KEY_IN_HEADER: &str = "$request.header.x-api-key";
/// Bytes of a compiled pattern; that of a status takes a few hundred.
const PATTERN_BYTES_MAX: usize = 64 * 1024;

/// How the messages of an API find their routes.
pub(super) fn plan(
    api: &tollgate_model::Api,
    definition: &Definition,
) -> Result<SocketPlan, String> {
    let expression = api.route_selection_expression.as_deref();
    let selection = selection::selection(expression.unwrap_or_default());
    let routes = definition.routes.values().enumerate();
    let key = api.api_key_selection_expression.as_deref();
    Ok(SocketPlan {
        selection: selection.map_err(|error| error.to_string())?,
        routes: routes
            .map(|(at, route)| (route.route_key.as_str().into(), at))
            .collect(),
        key_in_header: key.is_none_or(|key| key == KEY_IN_HEADER),
    })
}

/// What a route asks that is not judged yet: what it would let through, it must not.
pub(super) fn unjudged(route: &Route) -> Option<&'static str> {
    (!route.request_models.is_empty()).then_some("the validation of messages by models")
}

/// What the route has beside its integration's plan.
pub(super) fn route(
    route: &Route,
    integration: Option<&Integration>,
    variables: &Variables,
) -> Result<SocketRoute, String> {
    let required = route.request_parameters.iter();
    let required = required.filter(|(_, it)| it.required);
    let mut plan = SocketRoute {
        opens: route.target.is_none(),
        two_way: route.route_response_selection_expression.is_some()
            || !route.route_responses.is_empty(),
        required: required.filter_map(|(key, _)| parameter(key)).collect(),
        ..SocketRoute::default()
    };
    let Some(it) = integration else {
        return Ok(plan);
    };
    plan.passthrough = it.passthrough_behavior.unwrap_or_default();
    plan.decodes = it.content_handling_strategy == Some(ContentHandling::ConvertToBinary);
    plan.encodes = it.content_handling_strategy == Some(ContentHandling::ConvertToText)
        && it.integration_type != IntegrationType::AwsProxy;
    plan.request = bodies(
        it.template_selection_expression.as_deref(),
        &it.request_templates,
        (Side::Request, variables),
    )?;
    plan.path_params = path_params(it, variables)?;
    let proxy = matches!(
        it.integration_type,
        IntegrationType::AwsProxy | IntegrationType::HttpProxy
    );
    plan.raw = it.integration_type == IntegrationType::Aws;
    let responses = it.integration_responses.values();
    let compiled: Result<Vec<_>, String> = responses.map(|it| response(it, variables)).collect();
    let responses = compiled?;
    plan.responses = (!proxy && !responses.is_empty()).then_some(responses);
    Ok(plan)
}

/// `route.request.querystring.NAME` and `route.request.header.NAME`.
fn parameter(key: &str) -> Option<Variable> {
    let (place, name) = key.strip_prefix("route.request.")?.split_once('.')?;
    match place {
        "header" => Some(Variable::RequestHeader(name.to_ascii_lowercase().into())),
        "querystring" => Some(Variable::RequestQuery(name.into())),
        _ => None,
    }
}

/// What the request to an HTTP back end gets from the message: header fields and query parameters.
pub(super) fn steps(it: &Integration, variables: &Variables) -> Result<Vec<MappingStep>, String> {
    let mut steps = Vec::new();
    for (key, value) in &it.request_parameters {
        let place = key.strip_prefix("integration.request.");
        let target = match place.and_then(|it| it.split_once('.')) {
            Some(("header", name)) => MappingTarget::Header(name.to_ascii_lowercase().into()),
            Some(("querystring", name)) => MappingTarget::Query(name.into()),
            Some(("path", _)) => continue,
            _ => return Err(format!("{key:?} is no place in a request")),
        };
        let value = selection::mapped(value, variables);
        steps.push(MappingStep {
            action: MappingAction::Overwrite,
            target,
            value: value.map_err(|error| format!("{key}: {error}"))?,
        });
    }
    Ok(steps)
}

fn path_params(
    it: &Integration,
    variables: &Variables,
) -> Result<Vec<(Box<str>, Template)>, String> {
    let named = it.request_parameters.iter().filter_map(|(key, value)| {
        let name = key.strip_prefix("integration.request.path.")?;
        Some((name, value))
    });
    named
        .map(|(name, value)| match selection::mapped(value, variables) {
            Ok(value) => Ok((name.into(), value)),
            Err(error) => Err(format!("{name}: {error}")),
        })
        .collect()
}

fn bodies(
    expression: Option<&str>,
    texts: &BTreeMap<String, String>,
    (side, variables): (Side, &Variables),
) -> Result<BodyTemplates, String> {
    let selection = selection::selection(expression.unwrap_or("$default"));
    let selection = selection.map_err(|error| error.to_string())?;
    if side == Side::Request && selection.0.iter().any(of_answer) {
        return Err("a template of the request that is chosen by the answer".to_owned());
    }
    let mut by_key = BTreeMap::new();
    for (key, text) in texts {
        by_key.insert(
            key.as_str().into(),
            selection::template(text, side, variables)?,
        );
    }
    Ok(BodyTemplates { selection, by_key })
}

/// Whether a piece of a selection expression is known only once there is an answer.
fn of_answer(piece: &Piece) -> bool {
    matches!(piece, Piece::Variable(it) if !matches!(it, Variable::RequestBody(_)))
}

fn response(it: &IntegrationResponse, variables: &Variables) -> Result<SocketResponse, String> {
    let key = match it.integration_response_key.as_str() {
        "$default" => ResponseKey::Default,
        key => {
            let inside = key.strip_prefix('/').and_then(|key| key.strip_suffix('/'));
            let pattern = format!("^(?:{})$", inside.unwrap_or(key));
            let compiled = RegexBuilder::new(&pattern)
                .size_limit(PATTERN_BYTES_MAX)
                .build();
            ResponseKey::Pattern(compiled.map_err(|error| format!("{key}: {error}"))?)
        }
    };
    Ok(SocketResponse {
        key,
        templates: bodies(
            it.template_selection_expression.as_deref(),
            &it.response_templates,
            (Side::Response, variables),
        )?,
        encoding: it.content_handling_strategy,
    })
}

/// What a route that cannot be served answers, by what it lacks.
pub(super) fn unserved(reason: String) -> (IntegrationPlan, SocketRoute) {
    (
        IntegrationPlan::Unserved(reason.into()),
        SocketRoute::default(),
    )
}
