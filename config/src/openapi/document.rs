//! The document as a whole: title, servers, paths and operations.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value as Json;
use tollgate_model::{AuthorizationType, Cors, RouteSettings};

use super::export::{NO_INTEGRATION, OTHER_METHODS};
use super::extension::{integration, part};
use super::security::Schemes;
use super::{BasePath, variables};
use crate::document::{
    ApiItem, Entry, IntegrationItem, IntegrationUse, LoadContext, Node, Report, RouteItem,
    TreePath, Value, expand, parse, read_bounded, schema_of,
};

/// Bytes of a document (AWS: 6 MB).
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
const INTEGRATION: &str = "x-amazon-apigateway-integration";
const INTEGRATIONS: &str = "x-amazon-apigateway-integrations";
const METHODS: &[&str] = &[
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
/// Extensions at the root that an HTTP API does not have.
const REST_ONLY: &[&str] = &[
    "x-amazon-apigateway-api-key-source",
    "x-amazon-apigateway-binary-media-types",
    "x-amazon-apigateway-documentation",
    "x-amazon-apigateway-gateway-responses",
    "x-amazon-apigateway-minimum-compression-size",
    "x-amazon-apigateway-policy",
    "x-amazon-apigateway-request-validator",
    "x-amazon-apigateway-request-validators",
];

/// What a document says, as the items of an API file.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    /// Names, cross-origin settings, tags.
    pub item: ApiItem,
    /// The tree, unless the caller has it.
    pub root: Option<Node>,
    /// Routes, with the paths of their operations.
    pub routes: Vec<(RouteItem, TreePath)>,
    /// Shared integrations, with their paths.
    pub integrations: Vec<(String, IntegrationItem, TreePath)>,
}

/// Reads a document from a file. `Ok(None)` when it cannot be parsed, which is reported.
///
/// # Errors
/// Why the file cannot be read.
pub(crate) fn read_file(
    file: &Path,
    base_path: BasePath,
    report: &mut Report,
    context: &LoadContext,
) -> Result<Option<Imported>, String> {
    let text = read_bounded(file, FILE_BYTES_MAX)?;
    let base = file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let name = file.to_string_lossy().into_owned();
    let index = report.add_source(name, text.clone(), base);
    report.files.push(file.to_path_buf());
    let Some(mut root) = parse(report, index, &text) else {
        return Ok(None);
    };
    report.learn_secrets(index, &root);
    expand(&mut root, &TreePath::default(), report, context);
    let mut imported = read(&mut root, base_path, report, context);
    if root.entry("x-tollgate").is_some() {
        let path = TreePath::default().key("x-tollgate");
        let reason = "`x-tollgate` has no effect in a document that an API file names; write its \
                      members in the API file";
        report.warning_at(&root, &path, reason);
    }
    imported.root = Some(root);
    Ok(Some(imported))
}

/// Reads a document from its tree, in which AWS's variables are filled in.
pub(crate) fn read(
    root: &mut Node,
    base_path: BasePath,
    report: &mut Report,
    context: &LoadContext,
) -> Imported {
    variables::replace(root, context);
    let mut schemes = Schemes::read(root, report);
    let authorizers = std::mem::take(&mut schemes.authorizers);
    let mut reader = Reader {
        root,
        report,
        schemes,
        prefix: prefix(root, base_path),
        out: Imported::default(),
    };
    reader.version();
    reader.about();
    reader.shared_integrations();
    reader.paths();
    reader.out.item.authorizers = authorizers;
    reader.out
}

struct Reader<'r> {
    root: &'r Node,
    report: &'r mut Report,
    schemes: Schemes,
    prefix: String,
    out: Imported,
}

impl<'r> Reader<'r> {
    fn version(&mut self) {
        let path = TreePath::default().key("openapi");
        let version = self.root.get("openapi").and_then(Node::text);
        if !version.is_some_and(|it| it.starts_with("3.0") || it.starts_with("3.1")) {
            let path = if version.is_some() {
                path
            } else {
                TreePath::default()
            };
            let reason = "only OpenAPI 3.0 and 3.1 can be imported";
            self.report.error_at(self.root, &path, reason);
        }
        let key = "x-amazon-apigateway-importexport-version";
        if self
            .root
            .get(key)
            .is_some_and(|it| it.text() != Some("1.0"))
        {
            let path = TreePath::default().key(key);
            let reason = "only version 1.0 is known";
            self.report.warning_at(self.root, &path, reason);
        }
        for key in REST_ONLY {
            if self.root.entry(key).is_some() {
                let path = TreePath::default().key(key);
                let reason = format!("`{key}` has no effect on an HTTP API");
                self.report.note_at(self.root, &path, reason);
            }
        }
    }

    /// Title, version, description, tags, cross-origin and endpoint settings.
    fn about(&mut self) {
        let info = |key: &str| {
            let text = self.root.get("info").and_then(|it| it.get(key));
            text.and_then(Node::text).map(str::to_owned)
        };
        let item = &mut self.out.item;
        item.name = info("title");
        item.version = info("version");
        item.description = info("description");
        for tag in self.root.get("tags").map(Node::items).unwrap_or_default() {
            let text = |key: &str| tag.get(key).and_then(Node::text).map(str::to_owned);
            if let (Some(name), Some(value)) = (text("name"), text("x-amazon-apigateway-tag-value"))
            {
                item.tags.insert(name, value);
            }
        }
        for server in self
            .root
            .get("servers")
            .map(Node::items)
            .unwrap_or_default()
        {
            let closed = server
                .get("x-amazon-apigateway-endpoint-configuration")
                .and_then(|it| it.get("disableExecuteApiEndpoint"))
                .map(|it| &it.value);
            if let Some(Value::Bool(closed)) = closed {
                item.disable_execute_api_endpoint = Some(*closed);
            }
        }
        if let Some(entry) = self.root.entry("x-amazon-apigateway-cors") {
            let path = TreePath::default().key(&entry.key);
            let schema = cors_schema();
            let cors: Cors = part(schema, &entry.node, entry.key_place, &path, self.report);
            self.out.item.cors_configuration = Some(cors);
        }
    }

    fn shared_integrations(&mut self) {
        let Some(node) = self
            .root
            .get("components")
            .and_then(|it| it.get(INTEGRATIONS))
        else {
            return;
        };
        let path = TreePath::default().key("components").key(INTEGRATIONS);
        for entry in node.entries() {
            let at = path.key(&entry.key);
            let it = integration(&entry.node, entry.key_place, &at, self.report);
            if let Some(it) = it {
                self.out.integrations.push((entry.key.clone(), it, at));
            }
        }
    }

    fn paths(&mut self) {
        let Some(entry) = self.root.entry("paths") else {
            let reason = "the member `paths` is missing";
            self.report
                .error_at(self.root, &TreePath::default(), reason);
            return;
        };
        for item in entry.node.entries() {
            let at = TreePath::default().key("paths").key(&item.key);
            for operation in item.node.entries() {
                let at = at.key(&operation.key);
                match operation.key.as_str() {
                    ANY_METHOD => self.operation("ANY", item, operation, &at),
                    method if METHODS.contains(&method) => {
                        let method = method.to_ascii_uppercase();
                        self.operation(&method, item, operation, &at);
                    }
                    OTHER_METHODS => {
                        for operation in operation.node.entries() {
                            let at = at.key(&operation.key);
                            self.operation(&operation.key, item, operation, &at);
                        }
                    }
                    "summary" | "description" | "parameters" | "servers" => {}
                    key if key.starts_with("x-") => {}
                    key => {
                        let reason = format!("`{key}` is not supported and has no effect");
                        self.report.warning(operation.key_place, &at, reason);
                    }
                }
            }
        }
    }

    fn operation(&mut self, method: &str, item: &'r Entry, operation: &'r Entry, at: &TreePath) {
        let node = &operation.node;
        let default = item.key == "/$default" || node.get("isDefaultRoute").is_some_and(is_true);
        let route_key = if default {
            "$default".to_owned()
        } else {
            format!("{method} {}{}", self.prefix, item.key)
        };
        let (security, security_path) = match node.get("security") {
            Some(own) => (Some(own), at.key("security")),
            None => (
                self.root.get("security"),
                TreePath::default().key("security"),
            ),
        };
        let settings = node.entry("x-tollgate-route-settings").map(|entry| {
            let path = at.key(&entry.key);
            let schema = settings_schema();
            part::<RouteSettings>(schema, &entry.node, entry.key_place, &path, self.report)
        });
        let nothing = node.get(NO_INTEGRATION).is_some_and(is_true);
        let integration = if nothing {
            None
        } else {
            self.target(operation, at)
        };
        if integration.is_none() && !nothing {
            return;
        }
        let name = node.get("operationId").and_then(Node::text);
        let mut route = RouteItem {
            route_key,
            integration,
            no_integration: nothing,
            operation_name: name.map(str::to_owned),
            settings,
            ..RouteItem::default()
        };
        if let Some(security) = security {
            let path = &security_path;
            self.schemes
                .require(security, path, &mut route, self.report);
        }
        self.auth(node, at, &mut route);
        self.out.routes.push((route, at.clone()));
    }

    /// `x-amazon-apigateway-auth`
    fn auth(&mut self, node: &Node, at: &TreePath, route: &mut RouteItem) {
        let auth = node
            .get("x-amazon-apigateway-auth")
            .and_then(|it| it.get("type"));
        match auth.map(|it| it.text().unwrap_or_default()) {
            None | Some("NONE") => {}
            Some("AWS_IAM") if route.authorization_type.is_none() => {
                route.authorization_type = Some(AuthorizationType::AwsIam);
            }
            Some(_) => {
                let path = at.key("x-amazon-apigateway-auth").key("type");
                let reason = "expected NONE, or AWS_IAM without another authorizer";
                self.report.error_at(self.root, &path, reason);
            }
        }
    }

    /// What answers an operation; `None` when it has to be left out, which is warned of.
    fn target(&mut self, operation: &'r Entry, at: &TreePath) -> Option<IntegrationUse> {
        let Some(entry) = operation.node.entry(INTEGRATION) else {
            let reason = format!("without `{INTEGRATION}` the operation is left out");
            self.report.warning(operation.key_place, at, reason);
            return None;
        };
        let path = at.key(INTEGRATION);
        let Some(reference) = entry.node.get("$ref") else {
            let it = integration(&entry.node, entry.key_place, &path, self.report)?;
            return Some(IntegrationUse::Inline(Box::new(it)));
        };
        let prefix = format!("#/components/{INTEGRATIONS}/");
        let name = reference.text().and_then(|it| it.strip_prefix(&prefix));
        match name {
            Some(name) => Some(IntegrationUse::Name(name.to_owned())),
            None => {
                let reason = format!("expected a reference to `{prefix}NAME`");
                self.report.error_at(self.root, &path.key("$ref"), reason);
                None
            }
        }
    }
}

fn is_true(node: &Node) -> bool {
    node.value == Value::Bool(true)
}

/// What stands before every path.
fn prefix(root: &Node, base_path: BasePath) -> String {
    let server = root.get("servers").and_then(|it| it.items().first());
    let variable = server
        .and_then(|it| it.get("variables"))
        .and_then(|it| it.get("basePath"))
        .and_then(|it| it.get("default"))
        .and_then(Node::text);
    let url = server.and_then(|it| it.get("url")).and_then(Node::text);
    let path = variable.or_else(|| {
        let url = url?;
        let after = url.split_once("://").map_or(url, |(_, rest)| rest);
        after.find('/').map(|at| &after[at..])
    });
    let path = path.unwrap_or_default().trim_matches('/');
    let kept = match base_path {
        BasePath::Ignore => "",
        BasePath::Prepend => path,
        BasePath::Split => path.split_once('/').map_or("", |(_, rest)| rest),
    };
    if kept.is_empty() {
        String::new()
    } else {
        format!("/{kept}")
    }
}

fn cors_schema() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(schema_of::<Cors>)
}

fn settings_schema() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(schema_of::<RouteSettings>)
}
