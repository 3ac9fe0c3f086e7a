//! `x-amazon-apigateway-integration` as an integration of an API file.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tollgate_model::{ConnectionType, FixedResponse, IntegrationType, PayloadFormat, TlsConfig};

use crate::diagnostic::nearest;
use crate::document::{
    IntegrationItem, Node, Place, Report, TreePath, Value, check_part, schema_of,
};

/// The extension's members that mean something here.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct Extension {
    r#type: String,
    uri: Option<String>,
    http_method: Option<String>,
    connection_type: Option<ConnectionType>,
    connection_id: Option<String>,
    description: Option<String>,
    payload_format_version: Option<PayloadFormat>,
    timeout_in_millis: Option<u64>,
    request_parameters: BTreeMap<String, String>,
    response_parameters: BTreeMap<String, BTreeMap<String, String>>,
    tls_config: Option<TlsConfig>,
    integration_subtype: Option<String>,
    credentials: Option<String>,
    cache_key_parameters: Vec<String>,
    cache_namespace: Option<String>,
    /// Ours: the response of a `mock`.
    fixed_response: Option<FixedResponse>,
}

/// Members that AWS knows and that have no effect on an HTTP API here.
const IGNORED: &[&str] = &[
    "contentHandling",
    "passthroughBehavior",
    "requestTemplates",
    "responseTransferMode",
    "responses",
];

/// The integration that a node describes; `None` when the route has to be left out.
pub(super) fn integration(
    node: &Node,
    key: Place,
    path: &TreePath,
    report: &mut Report,
) -> Option<IntegrationItem> {
    let schema = schema();
    let node = supported(node, schema, path, report);
    let it: Extension = part(schema, &node, key, path, report);
    let integration_type = match it.r#type.to_ascii_lowercase().as_str() {
        "aws_proxy" => Some(IntegrationType::AwsProxy),
        "http_proxy" => Some(IntegrationType::HttpProxy),
        "mock" if it.fixed_response.is_some() => Some(IntegrationType::Mock),
        "" => None,
        other => {
            let reason =
                format!("an HTTP API has no integrations of type `{other}`; the route is left out");
            report.warning(key, &path.key("type"), reason);
            return None;
        }
    };
    // A function is always called with POST, whatever the document says.
    let http_method = it
        .http_method
        .filter(|_| integration_type != Some(IntegrationType::AwsProxy));
    Some(IntegrationItem {
        integration_type,
        integration_uri: it.uri,
        integration_method: http_method.map(|it| it.to_ascii_uppercase()),
        connection_type: it.connection_type,
        connection_id: it.connection_id,
        description: it.description,
        // What AWS takes when a document says nothing.
        payload_format_version: it.payload_format_version.or(Some(PayloadFormat::V1)),
        timeout_in_millis: it.timeout_in_millis,
        request_parameters: it.request_parameters,
        response_parameters: it.response_parameters,
        tls_config: it.tls_config,
        integration_subtype: it.integration_subtype,
        credentials_arn: it.credentials,
        fixed_response: it.fixed_response,
        cache_key_parameters: it.cache_key_parameters,
        cache_namespace: it.cache_namespace,
        ..IntegrationItem::default()
    })
}

/// A part of a document as a type; what is wrong with it goes to the report.
pub(super) fn part<T: DeserializeOwned + Default>(
    schema: &Json,
    node: &Node,
    key: Place,
    path: &TreePath,
    report: &mut Report,
) -> T {
    let json = check_part(schema, node, key, path, report);
    match serde_json::from_value(json) {
        Ok(value) => value,
        Err(error) => {
            report.error(key, path, format!("this cannot be read: {error}"));
            T::default()
        }
    }
}

/// The node with the members that mean something; the others are warned of.
fn supported(node: &Node, schema: &Json, path: &TreePath, report: &mut Report) -> Node {
    let Value::Mapping(entries) = &node.value else {
        return node.clone();
    };
    let known: Vec<&str> = schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(|it| it.keys().map(String::as_str))
        .collect();
    let mut kept = Vec::new();
    for entry in entries {
        let key = entry.key.as_str();
        if known.contains(&key) {
            kept.push(entry.clone());
            continue;
        }
        let reason = if IGNORED.contains(&key) {
            format!("`{key}` has no effect on an HTTP API")
        } else {
            format!("`{key}` is not known and has no effect")
        };
        let suggestion = nearest(key, known.iter().copied()).map(str::to_owned);
        let diagnostic = report.warning(entry.key_place, &path.key(key), reason);
        diagnostic.nearest = suggestion.filter(|_| !IGNORED.contains(&key));
        diagnostic.harmless = IGNORED.contains(&key);
    }
    Node::new(Value::Mapping(kept), node.place)
}

fn schema() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(schema_of::<Extension>)
}
