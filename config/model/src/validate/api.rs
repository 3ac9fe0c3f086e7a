//! APIs: names, cross-origin settings, routes and their targets.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::text::{is_authority, is_token, is_word, notes, split_url};
use super::{Findings, RouteKey, integration, stage};
use crate::{Api, Cors, Definition, Model, ProtocolType, Route};

/// Characters of a name (AWS: 128) and of a version (AWS: 64).
const NAME_CHARS_MAX: usize = 128;
const VERSION_CHARS_MAX: usize = 64;
/// Seconds that a preflight may be remembered (AWS: a day).
const MAX_AGE_SECONDS: core::ops::RangeInclusive<i32> = -1..=86_400;

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
    let definition = &api.definition;
    for (id, it) in &definition.integrations {
        f.in_two("integrations", id.as_str(), |f| {
            f.kept_under(id.as_str(), "integrationId", it.integration_id.as_str());
            integration::integration(model, it, f);
        });
    }
    let mut shapes = BTreeMap::new();
    for (id, it) in &definition.routes {
        f.in_two("routes", &it.route_key, |f| {
            f.kept_under(id.as_str(), "routeId", it.route_id.as_str());
            route(api, definition, it, &mut shapes, f);
        });
    }
    for (name, it) in &api.stages {
        f.in_two("stages", name.as_str(), |f| {
            f.kept_under(name.as_str(), "stageName", it.stage_name.as_str());
            stage::stage(api, it, f);
        });
    }
}

fn route<'d>(
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
    // The route keys of WebSocket APIs are any text.
    if api.protocol_type == ProtocolType::Websocket {
        return;
    }
    let key = match RouteKey::parse(&route.route_key) {
        Ok(key) => key,
        Err(message) => return f.say("routeKey", message),
    };
    if let Some(other) = shapes.insert(key.shape(), &route.route_key) {
        let message = if other == route.route_key {
            format!("the route `{other}` exists already")
        } else {
            format!("no request can tell this route from `{other}`")
        };
        f.say("routeKey", message);
    }
    let target = route.integration_id();
    if let Some(it) = target.and_then(|id| definition.integrations.get(id)) {
        integration::fits_route(it, &key, f);
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
