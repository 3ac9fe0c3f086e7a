//! An API as an OpenAPI 3.0 document (AWS: ExportApi; reference 19). The same API always gives the
//! same text: paths, methods and members have one order.

mod security;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tollgate_model::{
    Api, AuthorizationType, ConnectionType, Definition, Integration, IntegrationType,
    PayloadFormat, Route,
};

/// The methods that OpenAPI 3.0 has, in the order of its specification.
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
/// Of a path: operations by methods that OpenAPI has no word for, which AWS's routes do not have.
pub(super) const OTHER_METHODS: &str = "x-tollgate-methods";
/// Of an operation: that its route leads to no integration yet.
pub(super) const NO_INTEGRATION: &str = "x-tollgate-no-integration";

/// What a document shall say.
#[derive(Debug, Clone, Copy)]
pub struct ExportOptions<'a> {
    /// `https://{apiId}.execute-api...`, without a slash at the end.
    pub endpoint: &'a str,
    /// The stage that is exported, for the server's URL.
    pub stage: Option<&'a str>,
    /// What stands for the version of an API that has none.
    pub version: &'a str,
    /// Whether AWS's extensions are part of it, without which it describes the API to its clients
    /// and cannot be imported.
    pub extensions: bool,
}

/// The document of an API with this definition, which may be that of a deployment.
#[must_use]
pub fn export(api: &Api, definition: &Definition, options: &ExportOptions<'_>) -> Value {
    let mut out = Map::new();
    out.insert("openapi".into(), "3.0.1".into());
    let mut info = Map::new();
    info.insert("title".into(), api.name.as_str().into());
    put(&mut info, "description", api.description.as_deref());
    let version = api.version.as_deref().unwrap_or(options.version);
    info.insert("version".into(), version.into());
    out.insert("info".into(), info.into());
    out.insert("servers".into(), json!([server(api, options)]));
    if !api.tags.is_empty() {
        let tags = api.tags.iter().map(|(key, value)| tag(key, value, options));
        out.insert("tags".into(), tags.collect());
    }
    out.insert("paths".into(), paths(definition, options).into());
    let schemes = security::schemes(definition, options);
    if !schemes.is_empty() {
        out.insert("components".into(), json!({"securitySchemes": schemes}));
    }
    if options.extensions {
        if let Some(cors) = &api.cors_configuration {
            let cors = serde_json::to_value(cors).unwrap_or_default();
            out.insert("x-amazon-apigateway-cors".into(), cors);
        }
        let version = "x-amazon-apigateway-importexport-version";
        out.insert(version.into(), "1.0".into());
    }
    out.into()
}

fn server(api: &Api, options: &ExportOptions<'_>) -> Value {
    let stage = options.stage.filter(|it| *it != "$default");
    let mut server = json!({
        "url": format!("{}/{{basePath}}", options.endpoint),
        "variables": {"basePath": {"default": stage.unwrap_or_default()}},
    });
    if options.extensions && api.disable_execute_api_endpoint {
        server["x-amazon-apigateway-endpoint-configuration"] =
            json!({"disableExecuteApiEndpoint": true});
    }
    server
}

fn tag(key: &str, value: &str, options: &ExportOptions<'_>) -> Value {
    let mut tag = json!({"name": key});
    if options.extensions {
        tag["x-amazon-apigateway-tag-value"] = value.into();
    }
    tag
}

fn put(out: &mut Map<String, Value>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.insert(name.into(), value.into());
    }
}

/// Path items by path, each with its operations by method.
fn paths(definition: &Definition, options: &ExportOptions<'_>) -> Map<String, Value> {
    let mut routes: BTreeMap<&str, BTreeMap<usize, &Route>> = BTreeMap::new();
    let mut others: BTreeMap<&str, BTreeMap<&str, &Route>> = BTreeMap::new();
    for route in definition.routes.values() {
        let parts = route.route_key.split_once(' ');
        let (method, path) = parts.unwrap_or(("ANY", "/$default"));
        let known = METHODS
            .iter()
            .position(|it| it.eq_ignore_ascii_case(method));
        let any = (method == "ANY").then_some(METHODS.len());
        match known.or(any) {
            Some(at) => drop(routes.entry(path).or_default().insert(at, route)),
            // A method that OpenAPI does not have can only be told by an extension.
            None if options.extensions => {
                routes.entry(path).or_default();
                others.entry(path).or_default().insert(method, route);
            }
            None => {}
        }
    }
    let mut writer = Writer {
        definition,
        options,
        operation_ids: BTreeSet::new(),
    };
    let mut paths = Map::new();
    for (path, methods) in routes {
        let mut item = Map::new();
        for (at, route) in &methods {
            match METHODS.get(*at) {
                Some(method) => {
                    item.insert((*method).into(), writer.operation(route));
                }
                None if options.extensions => {
                    item.insert(ANY_METHOD.into(), writer.operation(route));
                }
                // Without the extension each method that nothing else answers stands for itself;
                // that the rest of all paths is answered cannot be said at all.
                None if route.route_key == "$default" => {}
                None => {
                    let free = (0..METHODS.len()).filter(|at| !methods.contains_key(at));
                    for at in free {
                        let operation = writer.operation(route);
                        item.insert(METHODS[at].into(), operation);
                    }
                }
            }
        }
        if let Some(others) = others.get(path) {
            let others = others.iter();
            let others: Map<String, Value> = others
                .map(|(method, route)| ((*method).to_owned(), writer.operation(route)))
                .collect();
            item.insert(OTHER_METHODS.into(), others.into());
        }
        if !item.is_empty() {
            paths.insert(path.into(), item.into());
        }
    }
    paths
}

struct Writer<'a> {
    definition: &'a Definition,
    options: &'a ExportOptions<'a>,
    /// Those that were used: in a document they are unique, in an API they need not be.
    operation_ids: BTreeSet<&'a str>,
}

impl<'a> Writer<'a> {
    fn operation(&mut self, route: &'a Route) -> Value {
        let mut out = Map::new();
        let id = route.operation_name.as_deref();
        if let Some(id) = id.filter(|id| self.operation_ids.insert(id)) {
            out.insert("operationId".into(), id.into());
        }
        let parameters: Vec<Value> = path_variables(&route.route_key).map(parameter).collect();
        if !parameters.is_empty() {
            out.insert("parameters".into(), parameters.into());
        }
        let description = format!("Default response for {}", route.route_key);
        let responses = json!({"default": {"description": description}});
        out.insert("responses".into(), responses);
        let requirement = security::requirement(self.definition, route);
        if !requirement.is_empty() {
            out.insert("security".into(), json!([requirement]));
        }
        if self.options.extensions {
            if route.route_key == "$default" {
                out.insert("isDefaultRoute".into(), true.into());
            }
            if route.authorization_type == AuthorizationType::AwsIam {
                out.insert(
                    "x-amazon-apigateway-auth".into(),
                    json!({"type": "AWS_IAM"}),
                );
            }
            let found = route.integration_id();
            let found = found.and_then(|id| self.definition.integrations.get(id));
            match found {
                Some(it) => {
                    let name = "x-amazon-apigateway-integration";
                    out.insert(name.into(), integration(it));
                }
                None => drop(out.insert(NO_INTEGRATION.into(), true.into())),
            }
        }
        out.into()
    }
}

/// What stands between the braces of a path, a greedy one with its `+`.
fn path_variables(route_key: &str) -> impl Iterator<Item = &str> {
    route_key
        .split('{')
        .skip(1)
        .filter_map(|it| it.split_once('}').map(|(name, _)| name))
}

fn parameter(name: &str) -> Value {
    json!({
        "name": name,
        "in": "path",
        "description": format!("Generated path parameter for {name}"),
        "required": true,
        "schema": {"type": "string"},
    })
}

/// `x-amazon-apigateway-integration`
fn integration(it: &Integration) -> Value {
    let mut out = Map::new();
    let kind = match it.integration_type {
        IntegrationType::AwsProxy => "aws_proxy",
        IntegrationType::HttpProxy => "http_proxy",
        IntegrationType::Mock => "mock",
        // Of WebSocket APIs, which are not exported.
        IntegrationType::Aws => "aws",
        IntegrationType::Http => "http",
    };
    out.insert("type".into(), kind.into());
    put(&mut out, "uri", it.integration_uri.as_deref());
    let method = it.integration_method.as_deref();
    let function = it.integration_type == IntegrationType::AwsProxy && it.integration_uri.is_some();
    put(
        &mut out,
        "httpMethod",
        function.then_some("POST").or(method),
    );
    put(&mut out, "credentials", it.credentials_arn.as_deref());
    put(&mut out, "description", it.description.as_deref());
    if it.connection_type == ConnectionType::VpcLink {
        out.insert("connectionType".into(), "VPC_LINK".into());
        put(&mut out, "connectionId", it.connection_id.as_deref());
    } else if it.integration_type == IntegrationType::HttpProxy {
        // A host that is the name of an upstream group would else lead to the group.
        out.insert("connectionType".into(), "INTERNET".into());
    }
    let format = match it.payload_format_version {
        PayloadFormat::V1 => "1.0",
        PayloadFormat::V2 => "2.0",
    };
    out.insert("payloadFormatVersion".into(), format.into());
    // The other members have the extension's names, and are left out where they say nothing.
    let members = serde_json::to_value(it).unwrap_or_default();
    for name in [
        "integrationSubtype",
        "timeoutInMillis",
        "requestParameters",
        "responseParameters",
        "tlsConfig",
        "cacheKeyParameters",
        "cacheNamespace",
        "fixedResponse",
    ] {
        if let Some(value) = members.get(name) {
            out.insert(name.into(), value.clone());
        }
    }
    out.into()
}
