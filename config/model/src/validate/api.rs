//! APIs: names, selection expressions, cross-origin settings, and what belongs to them.

use alloc::collections::BTreeMap;
use alloc::format;

use super::expression::{self, MESSAGE};
use super::text::{is_authority, is_token, is_word, notes, split_url};
use super::{Findings, authorizer, data_model, integration, route, stage};
use crate::{Api, Cors, Definition, Model, ProtocolType};

/// Characters of a name (AWS: 128) and of a version (AWS: 64).
const NAME_CHARS_MAX: usize = 128;
const VERSION_CHARS_MAX: usize = 64;
/// Seconds that a preflight may be remembered (AWS: a day).
const MAX_AGE_SECONDS: core::ops::RangeInclusive<i32> = -1..=86_400;
/// AWS's forms of the only one for HTTP APIs.
const HTTP_ROUTE_SELECTION: [&str; 2] = [
    "${request.method} ${request.path}",
    "$request.method $request.path",
];
/// Where API keys can be (reference 6.2).
const KEY_SELECTION: [&str; 2] = [
    "$request.header.x-api-key",
    "$context.authorizer.usageIdentifierKey",
];

pub(super) fn api(model: &Model, api: &Api, f: &mut Findings) {
    let id = api.api_id.as_str();
    if !is_word(id, b"", 32) || id.bytes().any(|b| b.is_ascii_uppercase() || b == b'_') {
        f.say(
            "apiId",
            "an API id has 1 to 32 of the characters a-z, 0-9 and `-`",
        );
    }
    if !(1..=NAME_CHARS_MAX).contains(&api.name.chars().count()) {
        f.say(
            "name",
            format!("a name has 1 to {NAME_CHARS_MAX} characters"),
        );
    }
    if let Some(version) = &api.version
        && !(1..=VERSION_CHARS_MAX).contains(&version.chars().count())
    {
        f.say(
            "version",
            format!("a version has 1 to {VERSION_CHARS_MAX} characters"),
        );
    }
    notes(api.description.as_ref(), &api.tags, f);
    if let Some(it) = &api.cors_configuration {
        f.inside("corsConfiguration", |f| cors(it, f));
    }
    selection(api, f);
    definition(model, api, &api.definition, f);
    for (name, it) in &api.stages {
        f.in_two("stages", name.as_str(), |f| {
            f.kept_under(name.as_str(), "stageName", it.stage_name.as_str());
            stage::stage(api, it, f);
        });
    }
}

fn definition(model: &Model, api: &Api, definition: &Definition, f: &mut Findings) {
    authorizer::count(definition, f);
    data_model::count(definition, f);
    for (id, it) in &definition.authorizers {
        f.in_two("authorizers", id.as_str(), |f| {
            f.kept_under(id.as_str(), "authorizerId", it.authorizer_id.as_str());
            authorizer::authorizer(model, api, it, f);
        });
    }
    for (id, it) in &definition.models {
        f.in_two("models", id.as_str(), |f| {
            f.kept_under(id.as_str(), "modelId", it.model_id.as_str());
            data_model::data_model(api, it, f);
        });
    }
    for (id, it) in &definition.integrations {
        f.in_two("integrations", id.as_str(), |f| {
            f.kept_under(id.as_str(), "integrationId", it.integration_id.as_str());
            integration::integration(model, api.protocol_type, it, f);
        });
    }
    let mut shapes = BTreeMap::new();
    for (id, it) in &definition.routes {
        f.in_two("routes", &it.route_key, |f| {
            f.kept_under(id.as_str(), "routeId", it.route_id.as_str());
            route::route(api, definition, it, &mut shapes, f);
        });
    }
}

/// How route keys and API keys are found in what clients send (reference 6.2).
fn selection(api: &Api, f: &mut Findings) {
    let route = api.route_selection_expression.as_deref();
    let key = api.api_key_selection_expression.as_deref();
    if api.protocol_type == ProtocolType::Http {
        if route.is_some_and(|it| !HTTP_ROUTE_SELECTION.contains(&it)) {
            let message = "the route selection expression of an HTTP API is \
                           `${request.method} ${request.path}`";
            f.say("routeSelectionExpression", message);
        }
        if key.is_some_and(|it| it != KEY_SELECTION[0]) {
            let message = "an HTTP API takes API keys from `$request.header.x-api-key`";
            f.say("apiKeySelectionExpression", message);
        }
        return;
    }
    match route {
        None => f.say(
            "routeSelectionExpression",
            "a WebSocket API needs a route selection expression, such as `$request.body.action`",
        ),
        Some(it) => expression::check("routeSelectionExpression", it, MESSAGE, f),
    }
    if key.is_some_and(|it| !KEY_SELECTION.contains(&it)) {
        let message = format!("expected `{}`", KEY_SELECTION.join("` or `"));
        f.say("apiKeySelectionExpression", message);
    }
    if api.cors_configuration.is_some() {
        let message = "only HTTP APIs have a corsConfiguration";
        f.key("corsConfiguration", message);
    }
}

fn cors(cors: &Cors, f: &mut Findings) {
    if cors.allow_credentials && cors.allow_origins.iter().any(|it| it == "*") {
        let message = "allowCredentials cannot be true while allowOrigins holds `*`";
        f.say("allowCredentials", message);
    }
    if let Some(seconds) = cors.max_age
        && !MAX_AGE_SECONDS.contains(&seconds)
    {
        f.say("maxAge", "maxAge is a number of seconds from -1 to 86400");
    }
    for (index, origin) in cors.allow_origins.iter().enumerate() {
        let any = matches!(origin.as_str(), "*" | "http://*" | "https://*");
        let exact = split_url(origin)
            .is_some_and(|(authority, rest)| rest.is_empty() && is_authority(authority));
        // Extensions and apps have schemes of their own.
        let foreign = origin.split_once("://").is_some_and(|(scheme, rest)| {
            !scheme.starts_with("http") && is_word(scheme, b"+.", 64) && !rest.contains('/')
        });
        if !any && !exact && !foreign && origin != "null" {
            let message = "an origin is `*`, `https://*`, `http://*` or like `https://example.com`";
            f.item("allowOrigins", index, message);
        }
    }
    for (member, names) in [
        ("allowMethods", &cors.allow_methods),
        ("allowHeaders", &cors.allow_headers),
        ("exposeHeaders", &cors.expose_headers),
    ] {
        for (index, name) in names.iter().enumerate() {
            if !is_token(name) {
                let noun = if member == "allowMethods" {
                    "method"
                } else {
                    "header name"
                };
                f.item(member, index, format!("{name:?} is no {noun}"));
            } else if member == "allowMethods" && name.bytes().any(|b| b.is_ascii_lowercase()) {
                let message = format!(
                    "methods are written in capitals: `{}`",
                    name.to_ascii_uppercase()
                );
                f.item(member, index, message);
            }
        }
    }
}
