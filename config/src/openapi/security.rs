//! Security: who may use an operation, by its security requirements and the schemes that they name.
//! What cannot be understood is an error: the operation would be open to everyone.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use tollgate_model::{AuthorizationType, AuthorizerType, JwtConfiguration, PayloadFormat};

use super::extension::part;
use crate::document::{AuthorizerItem, Entry, Node, Report, RouteItem, TreePath, Value, schema_of};

const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";

/// What a security scheme means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// `x-api-key` in the header.
    ApiKey,
    /// A function or the gateway judges.
    Authorizer(AuthorizerType),
    /// The signature of an access key.
    Iam,
    /// Told to readers; AWS does not check it either.
    Documentation,
    /// Described elsewhere: what it asks for is not known.
    Reference,
    /// Wrong, which was told where it stands.
    Broken,
}

/// The security schemes of a document.
#[derive(Debug, Default)]
pub(super) struct Schemes {
    kinds: BTreeMap<String, Scheme>,
    /// Those that are authorizers.
    pub(super) authorizers: BTreeMap<String, AuthorizerItem>,
}

/// `x-amazon-apigateway-authorizer`, the members that mean something for an HTTP API.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct Extension {
    r#type: String,
    identity_source: Option<String>,
    authorizer_uri: Option<String>,
    authorizer_credentials: Option<String>,
    authorizer_payload_format_version: Option<PayloadFormat>,
    authorizer_result_ttl_in_seconds: Option<u32>,
    enable_simple_responses: Option<bool>,
    identity_validation_expression: Option<String>,
    jwt_configuration: Option<JwtConfiguration>,
}

impl Schemes {
    /// Reads `components.securitySchemes`.
    pub(super) fn read(root: &Node, report: &mut Report) -> Self {
        let mut schemes = Self::default();
        let node = root
            .get("components")
            .and_then(|it| it.get("securitySchemes"));
        let path = TreePath::default().key("components").key("securitySchemes");
        for entry in node.map(Node::entries).unwrap_or_default() {
            let kind = schemes.scheme(entry, &path.key(&entry.key), report);
            schemes.kinds.insert(entry.key.clone(), kind);
        }
        schemes
    }

    fn scheme(&mut self, entry: &Entry, path: &TreePath, report: &mut Report) -> Scheme {
        let node = &entry.node;
        let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
        if node.entry("$ref").is_some() {
            return Scheme::Reference;
        }
        if let Some(extension) = node.entry(AUTHORIZER) {
            return self.authorizer(&entry.key, extension, &path.key(AUTHORIZER), report);
        }
        if text("x-amazon-apigateway-authtype").eq_ignore_ascii_case("awsSigv4") {
            return Scheme::Iam;
        }
        let in_header = text("type") == "apiKey" && text("in") == "header";
        if in_header && text("name").eq_ignore_ascii_case("x-api-key") {
            return Scheme::ApiKey;
        }
        Scheme::Documentation
    }

    fn authorizer(
        &mut self,
        name: &str,
        entry: &Entry,
        path: &TreePath,
        report: &mut Report,
    ) -> Scheme {
        let it: Extension = part(schema(), &entry.node, entry.key_place, path, report);
        let kind = match it.r#type.to_ascii_lowercase().as_str() {
            "jwt" => AuthorizerType::Jwt,
            "request" => AuthorizerType::Request,
            other => {
                let reason = format!("an HTTP API has no authorizers of type `{other}`");
                report.error(entry.key_place, &path.key("type"), reason);
                return Scheme::Broken;
            }
        };
        let sources = it.identity_source.as_deref().unwrap_or_default();
        let sources = sources.split(',').map(str::trim);
        let item = AuthorizerItem {
            authorizer_type: Some(kind),
            identity_source: sources
                .filter(|it| !it.is_empty())
                .map(Into::into)
                .collect(),
            authorizer_uri: it.authorizer_uri,
            authorizer_credentials_arn: it.authorizer_credentials,
            authorizer_payload_format_version: it.authorizer_payload_format_version,
            authorizer_result_ttl_in_seconds: it.authorizer_result_ttl_in_seconds,
            enable_simple_responses: it.enable_simple_responses,
            identity_validation_expression: it.identity_validation_expression,
            jwt_configuration: it.jwt_configuration,
        };
        self.authorizers.insert(name.to_owned(), item);
        Scheme::Authorizer(kind)
    }

    /// Who may use a route, by its security requirements. `path` leads to them.
    pub(super) fn require(
        &self,
        security: &Node,
        path: &TreePath,
        route: &mut RouteItem,
        report: &mut Report,
    ) {
        let Value::Sequence(items) = &security.value else {
            // What cannot be read must not leave the operation open.
            let reason = "expected a list of security requirements, like `[{api_key: []}]`";
            report.error(security.place, path, reason);
            return;
        };
        for (index, requirement) in items.iter().enumerate() {
            let at = path.index(index);
            if !matches!(requirement.value, Value::Mapping(_)) {
                let reason =
                    "expected the name of a security scheme with a list, like `api_key: []`";
                report.error(requirement.place, &at, reason);
            }
            for entry in requirement.entries() {
                self.one(entry, &at.key(&entry.key), route, report);
            }
        }
    }

    fn one(&self, entry: &Entry, path: &TreePath, route: &mut RouteItem, report: &mut Report) {
        let name = &entry.key;
        let judged = match self.kinds.get(name) {
            Some(Scheme::ApiKey) => {
                route.api_key_required = true;
                return;
            }
            Some(Scheme::Documentation | Scheme::Broken) => return,
            Some(Scheme::Iam) => AuthorizationType::AwsIam,
            Some(Scheme::Authorizer(AuthorizerType::Jwt)) => AuthorizationType::Jwt,
            Some(Scheme::Authorizer(AuthorizerType::Request)) => AuthorizationType::Custom,
            Some(Scheme::Reference) => {
                let reason = format!(
                    "the security scheme `{name}` is a reference, which is not followed; without \
                     it the operation would be open to everyone"
                );
                report.error(entry.key_place, path, reason);
                return;
            }
            None => {
                let reason = format!("there is no security scheme `{name}`");
                report.error(entry.key_place, path, reason);
                return;
            }
        };
        if route.authorization_type.is_some() {
            let reason = "an operation of an HTTP API has one authorizer";
            report.error(entry.key_place, path, reason);
            return;
        }
        route.authorization_type = Some(judged);
        route.authorizer = (judged != AuthorizationType::AwsIam).then(|| name.clone());
        if judged == AuthorizationType::Jwt {
            let scopes = entry.node.items().iter().filter_map(Node::text);
            route.authorization_scopes = scopes.map(str::to_owned).collect();
        }
    }
}

fn schema() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(schema_of::<Extension>)
}
