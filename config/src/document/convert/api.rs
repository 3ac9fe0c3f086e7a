//! An API with its routes, integrations and stages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tollgate_model::{Api, AuthorizerType, Definition, ProtocolType, Route, RouteSettings, Stage};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{ApiId, AuthorizerId, IntegrationId, RouteId, StageName};

use super::integration::{integration_id, is_uri};
use super::parts::responses;
use super::{Converter, Imported, Origin};
use crate::document::ids::{derived, slug};
use crate::document::shape::{ApiItem, IntegrationItem, IntegrationUse, RouteItem, StageItem};
use crate::document::tree::Path;
use crate::openapi;

/// What is known of an API while its parts are converted.
pub(super) struct Draft {
    pub(super) api_id: String,
    pub(super) protocol: ProtocolType,
    /// Authorizers by the names that routes use.
    pub(super) authorizers: BTreeMap<String, (AuthorizerId, AuthorizerType)>,
    pub(super) definition: Definition,
    /// Integrations by the names that routes use.
    names: BTreeMap<String, IntegrationId>,
    used: BTreeSet<String>,
    /// What routes want to be set in every stage.
    settings: BTreeMap<String, RouteSettings>,
    /// Route keys with where they stand.
    seen: BTreeMap<String, Origin>,
}

impl Converter<'_> {
    /// Converts an API. `imported` is its OpenAPI document when that is the file itself.
    pub(super) fn api(&mut self, mut item: ApiItem, path: Path, imported: Option<Imported>) {
        let imported = match (imported, &item.openapi) {
            (None, Some(file)) => {
                let file = file.clone();
                self.import(&file, &item, &path)
            }
            (imported, _) => imported,
        };
        let mut routes = Vec::new();
        let mut integrations = Vec::new();
        if let Some(imported) = imported {
            let root = imported.root.map_or(0, |node| {
                self.roots.push(node);
                self.roots.len() - 1
            });
            let placed = |path| Origin { root, path };
            routes.extend(imported.routes.into_iter().map(|(it, at)| (it, placed(at))));
            for (name, it, at) in imported.integrations {
                integrations.push((name, it, placed(at)));
            }
            complete(&mut item, imported.item);
        }
        // What the file says wins over what the document says.
        for (index, route) in std::mem::take(&mut item.routes).into_iter().enumerate() {
            routes.retain(|(it, origin)| origin.root == 0 || it.route_key != route.route_key);
            let path = path.key("routes").index(index);
            routes.push((route, Origin { root: 0, path }));
        }
        for (name, it) in std::mem::take(&mut item.integrations) {
            integrations.retain(|(other, _, _)| *other != name);
            let path = path.key("integrations").key(&name);
            integrations.push((name, it, Origin { root: 0, path }));
        }
        self.build_api(item, &path, routes, integrations);
    }

    fn import(&mut self, file: &str, item: &ApiItem, path: &Path) -> Option<Imported> {
        let at = path.key("openapi");
        let target = self.resolve(0, &at, file);
        let base_path = item.openapi_base_path.unwrap_or_default();
        match openapi::read_file(&target, base_path, self.report, self.context) {
            Ok(imported) => imported,
            Err(reason) => {
                self.error(0, &at, reason);
                None
            }
        }
    }

    fn build_api(
        &mut self,
        item: ApiItem,
        path: &Path,
        routes: Vec<(RouteItem, Origin)>,
        integrations: Vec<(String, IntegrationItem, Origin)>,
    ) {
        let name = item.name.clone().unwrap_or_else(|| {
            self.error(0, path, "the member `name` is missing");
            // A name that nothing else has lets the rest be checked.
            format!("unnamed {path}")
        });
        let api_id = item.api_id.clone().unwrap_or_else(|| slug(&name));
        self.origin(&["apis", &api_id], 0, path);
        if self.model.apis.contains_key(api_id.as_str()) {
            let reason =
                format!("two APIs have the id `{api_id}`; give one of them another `apiId`");
            self.error(0, path, reason);
            return;
        }
        let protocol = item.protocol_type.unwrap_or_default();
        let mut draft = Draft {
            api_id: api_id.clone(),
            protocol,
            authorizers: BTreeMap::new(),
            definition: Definition::default(),
            names: BTreeMap::new(),
            used: BTreeSet::new(),
            settings: BTreeMap::new(),
            seen: BTreeMap::new(),
        };
        self.parts(&mut draft, item.authorizers, item.models, path);
        let mut named = Vec::new();
        for (name, it, origin) in integrations {
            self.named_integration(&mut draft, &name, it, &origin);
            named.push((name, origin));
        }
        for (route, origin) in routes {
            self.route(&mut draft, route, &origin);
        }
        for (name, origin) in named {
            if !draft.used.contains(&name) && origin.root == 0 {
                let reason = format!("no route uses the integration `{name}`");
                let root = &self.roots[0];
                self.report.warning_at(root, &origin.path, reason);
            }
        }
        let stages = self.stages(&draft, item.stages, path);
        let api = Api {
            api_id: ApiId::from(api_id.as_str()),
            name: name.clone(),
            protocol_type: protocol,
            description: item.description,
            route_selection_expression: item.route_selection_expression,
            api_key_selection_expression: item.api_key_selection_expression,
            ip_address_type: item.ip_address_type.unwrap_or_default(),
            disable_schema_validation: item.disable_schema_validation.unwrap_or_default(),
            import_info: Vec::new(),
            warnings: Vec::new(),
            version: item.version,
            cors_configuration: item.cors_configuration,
            disable_execute_api_endpoint: item.disable_execute_api_endpoint.unwrap_or_default(),
            tags: item.tags,
            created_date: Millis(0),
            definition: Arc::new(draft.definition),
            deployments: BTreeMap::new(),
            stages,
        };
        if !self.without_stages {
            self.check_stage_variables(&api);
        }
        self.api_names
            .entry(name)
            .or_insert_with(|| api.api_id.clone());
        self.model.apis.insert(api.api_id.clone(), Arc::new(api));
    }

    fn named_integration(
        &mut self,
        draft: &mut Draft,
        name: &str,
        item: IntegrationItem,
        origin: &Origin,
    ) {
        let mut it = self.integration(draft.protocol, item, (origin.root, &origin.path));
        let id = integration_id(&draft.api_id, Some(name), &it);
        it.integration_id = id.clone();
        let model_path = ["apis", &draft.api_id, "integrations", id.as_str()];
        self.origin(&model_path, origin.root, &origin.path);
        draft.names.insert(name.to_owned(), id.clone());
        draft.definition.integrations.insert(id, it);
    }

    fn route(&mut self, draft: &mut Draft, item: RouteItem, origin: &Origin) {
        let at = (origin.root, &origin.path);
        let key = item.route_key.clone();
        let model_path = ["apis", &draft.api_id, "routes", &key];
        if let Some(first) = draft.seen.get(&key) {
            let (_, place) = self.roots[first.root].locate(&first.path.0);
            let reason = format!(
                "the route `{key}` appears twice, first in line {}",
                place.line
            );
            self.error(origin.root, &origin.path.key("routeKey"), reason);
            return;
        }
        draft.seen.insert(key.clone(), origin.clone());
        self.origin(&model_path, origin.root, &origin.path);
        let target = self.route_target(draft, &item, at);
        let (authorization_type, authorizer_id) = self.authorization(draft, &item, at);
        if let Some(settings) = item.settings {
            draft.settings.insert(key.clone(), settings);
        }
        let route = Route {
            route_id: RouteId::from(derived(7, &["route", &draft.api_id, &key])),
            route_key: key,
            target,
            api_key_required: item.api_key_required,
            operation_name: item.operation_name,
            authorization_type,
            authorizer_id,
            authorization_scopes: item.authorization_scopes,
            model_selection_expression: item.model_selection_expression,
            request_models: item.request_models,
            request_parameters: item.request_parameters,
            route_response_selection_expression: item.route_response_selection_expression,
            route_responses: responses(item.route_responses),
            api_gateway_managed: false,
        };
        draft
            .definition
            .routes
            .insert(route.route_id.clone(), route);
    }

    fn route_target(
        &mut self,
        draft: &mut Draft,
        item: &RouteItem,
        (root, path): (usize, &Path),
    ) -> Option<String> {
        let integration = self.use_path(root, path);
        let id = match (&item.integration, &item.target) {
            (Some(_), Some(_)) => {
                let reason = "`integration` and `target` say the same; use one";
                self.error(root, &path.key("target"), reason);
                return None;
            }
            // A WebSocket API's clients may connect, and leave, without an answer.
            (None, None) if draft.protocol == ProtocolType::Websocket => return None,
            (None, None) if item.no_integration => return None,
            (None, None) => {
                self.error(root, path, "the member `integration` is missing");
                return None;
            }
            (Some(IntegrationUse::Name(text)), _) if is_uri(text) => {
                let item = IntegrationItem {
                    integration_uri: Some(text.clone()),
                    ..IntegrationItem::default()
                };
                self.inline(draft, item, (root, &integration))
            }
            (Some(IntegrationUse::Name(name)), _) => {
                self.named(draft, name, (root, &integration))?
            }
            (Some(IntegrationUse::Inline(item)), _) => {
                let item = item.as_ref().clone();
                self.inline(draft, item, (root, &integration))
            }
            (None, Some(target)) => {
                let name = target.strip_prefix("integrations/").unwrap_or(target);
                self.named(draft, name, (root, &path.key("target")))?
            }
        };
        Some(format!("integrations/{id}"))
    }

    /// Where a route says its integration, which OpenAPI documents call otherwise.
    fn use_path(&self, root: usize, path: &Path) -> Path {
        let (node, _) = self.roots[root].locate(&path.0);
        let extension = "x-amazon-apigateway-integration";
        if node.entry(extension).is_some() {
            path.key(extension)
        } else {
            path.key("integration")
        }
    }

    fn inline(
        &mut self,
        draft: &mut Draft,
        item: IntegrationItem,
        (root, path): (usize, &Path),
    ) -> IntegrationId {
        let mut it = self.integration(draft.protocol, item, (root, path));
        let id = integration_id(&draft.api_id, None, &it);
        it.integration_id = id.clone();
        // The first of equal ones is named in findings.
        if !draft.definition.integrations.contains_key(&id) {
            let model_path = ["apis", &draft.api_id, "integrations", id.as_str()];
            self.origin(&model_path, root, path);
            draft.definition.integrations.insert(id.clone(), it);
        }
        id
    }

    fn named(
        &mut self,
        draft: &mut Draft,
        name: &str,
        at: (usize, &Path),
    ) -> Option<IntegrationId> {
        if let Some(id) = draft.names.get(name) {
            draft.used.insert(name.to_owned());
            return Some(id.clone());
        }
        let names = draft.names.keys().map(String::as_str);
        self.unknown(at, "integration", name, names);
        None
    }

    fn stages(
        &mut self,
        draft: &Draft,
        items: Vec<StageItem>,
        path: &Path,
    ) -> BTreeMap<StageName, Arc<Stage>> {
        let mut out = BTreeMap::new();
        // The stage that has no segment in the path is one of HTTP APIs.
        let implied = items.is_empty() && draft.protocol == ProtocolType::Http;
        let items = if implied {
            vec![StageItem::default()]
        } else {
            items
        };
        for (index, item) in items.into_iter().enumerate() {
            let at = if implied {
                path.clone()
            } else {
                path.key("stages").index(index)
            };
            let name = StageName::from(item.stage_name.as_str());
            let model_path = ["apis", &draft.api_id, "stages", name.as_str()];
            if out.contains_key(&name) {
                let reason = format!("the stage `{name}` appears twice");
                self.error(0, &at.key("stageName"), reason);
                continue;
            }
            self.origin(&model_path, 0, &at);
            let stage = self.stage(draft, item, &at);
            out.insert(name, Arc::new(stage));
        }
        out
    }

    fn stage(&mut self, draft: &Draft, item: StageItem, path: &Path) -> Stage {
        for key in item.route_settings.keys() {
            if !draft.seen.contains_key(key) {
                let at = path.key("routeSettings").key(key);
                let names: Vec<&str> = draft.seen.keys().map(String::as_str).collect();
                self.unknown((0, &at), "route", key, names);
            }
        }
        let mut route_settings = item.route_settings;
        for (key, settings) in &draft.settings {
            let own = route_settings.remove(key).unwrap_or_default();
            route_settings.insert(key.clone(), own.or(settings));
        }
        Stage {
            stage_name: StageName::from(item.stage_name),
            deployment_id: None,
            auto_deploy: item.auto_deploy,
            description: item.description,
            stage_variables: item.stage_variables,
            default_route_settings: item.default_route_settings,
            route_settings,
            access_log_settings: item.access_log_settings,
            client_certificate_id: item.client_certificate_id,
            api_gateway_managed: false,
            tags: item.tags,
            created_date: Millis(0),
            last_updated_date: Millis(0),
        }
    }
}

/// Members that the file leaves out come from the OpenAPI document.
fn complete(item: &mut ApiItem, from: ApiItem) {
    item.name = item.name.take().or(from.name);
    item.description = item.description.take().or(from.description);
    item.version = item.version.take().or(from.version);
    item.cors_configuration = item.cors_configuration.take().or(from.cors_configuration);
    item.disable_execute_api_endpoint = item
        .disable_execute_api_endpoint
        .or(from.disable_execute_api_endpoint);
    for (key, value) in from.tags {
        item.tags.entry(key).or_insert(value);
    }
    for (name, authorizer) in from.authorizers {
        item.authorizers.entry(name).or_insert(authorizer);
    }
    if item.stages.is_empty() {
        item.stages = from.stages;
    }
}
