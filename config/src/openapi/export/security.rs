//! Authorizers and API keys as security schemes, and what routes require of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tollgate_model::{AuthorizationType, Authorizer, AuthorizerType, Definition, Route};
use tollgate_protocol::ids::AuthorizerId;

use super::ExportOptions;

/// The name of the security scheme of API keys, unless an authorizer has it.
const API_KEY: &str = "api_key";

/// The schemes of a document by name.
pub(super) fn schemes(definition: &Definition, options: &ExportOptions<'_>) -> Map<String, Value> {
    let names = names(definition);
    let mut schemes: BTreeMap<String, Value> = BTreeMap::new();
    for (id, name) in &names {
        if let Some(it) = definition.authorizers.get(*id) {
            schemes.insert(name.clone(), scheme(it, options));
        }
    }
    if definition.routes.values().any(|it| it.api_key_required) {
        let scheme = json!({"type": "apiKey", "name": "x-api-key", "in": "header"});
        schemes.insert(key_name(&names), scheme);
    }
    schemes.into_iter().collect()
}

/// What a route requires: schemes with scopes, all of them.
pub(super) fn requirement(definition: &Definition, route: &Route) -> Map<String, Value> {
    let mut out = Map::new();
    if route.authorizer_id.is_none() && !route.api_key_required {
        return out;
    }
    let names = names(definition);
    let name = route.authorizer_id.as_ref().and_then(|id| names.get(id));
    if let Some(name) = name {
        let scopes = match route.authorization_type {
            AuthorizationType::Jwt => route.authorization_scopes.as_slice(),
            _ => &[],
        };
        out.insert(name.clone(), scopes.into());
    }
    if route.api_key_required {
        out.insert(key_name(&names), json!([]));
    }
    out
}

/// Names of authorizers as names of components (OpenAPI 3.0.1, section "Components Object"):
/// `-` for every other character, and the id behind a name that is taken.
fn names(definition: &Definition) -> BTreeMap<&AuthorizerId, String> {
    let mut sorted: Vec<(&AuthorizerId, &Authorizer)> = definition.authorizers.iter().collect();
    sorted.sort_by_key(|(id, it)| (&it.name, *id));
    let mut names: BTreeMap<&AuthorizerId, String> = BTreeMap::new();
    for (id, it) in sorted {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let mut name: String = it
            .name
            .chars()
            .map(|c| if fits(c) { c } else { '-' })
            .collect();
        if names.values().any(|taken| *taken == name) {
            name = format!("{name}-{id}");
        }
        names.insert(id, name);
    }
    names
}

fn key_name(names: &BTreeMap<&AuthorizerId, String>) -> String {
    let mut name = API_KEY.to_owned();
    while names.values().any(|taken| *taken == name) {
        name.push('_');
    }
    name
}

fn scheme(it: &Authorizer, options: &ExportOptions<'_>) -> Value {
    let mut scheme = match it.authorizer_type {
        AuthorizerType::Jwt => json!({"type": "oauth2", "flows": {}}),
        AuthorizerType::Request => {
            let source = it.identity_source.first().map(String::as_str);
            let source = source.unwrap_or_default();
            let (place, name) = match source.strip_prefix("$request.") {
                Some(rest) => rest.split_once('.').unwrap_or(("header", "Unused")),
                None => ("header", "Unused"),
            };
            let place = if place == "querystring" {
                "query"
            } else {
                "header"
            };
            json!({"type": "apiKey", "name": name, "in": place})
        }
    };
    if options.extensions {
        scheme["x-amazon-apigateway-authorizer"] = extension(it);
    }
    scheme
}

/// `x-amazon-apigateway-authorizer`
fn extension(it: &Authorizer) -> Value {
    let kind = match it.authorizer_type {
        AuthorizerType::Jwt => "jwt",
        AuthorizerType::Request => "request",
    };
    let mut out = json!({"type": kind});
    if !it.identity_source.is_empty() {
        out["identitySource"] = it.identity_source.join(", ").into();
    }
    if let Some(arn) = &it.authorizer_credentials_arn {
        out["authorizerCredentials"] = arn.as_str().into();
    }
    // The other members have the extension's names, and are left out where they say nothing.
    let members = serde_json::to_value(it).unwrap_or_default();
    for name in [
        "authorizerUri",
        "authorizerPayloadFormatVersion",
        "authorizerResultTtlInSeconds",
        "enableSimpleResponses",
        "identityValidationExpression",
        "jwtConfiguration",
    ] {
        if let Some(value) = members.get(name) {
            out[name] = value.clone();
        }
    }
    out
}
