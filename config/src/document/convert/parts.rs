//! Authorizers, models and responses of routes, with what routes say of them.

use std::collections::BTreeMap;

use tollgate_model::{
    AuthorizationType, Authorizer, AuthorizerType, DataModel, PayloadFormat, ProtocolType,
    RouteResponse,
};
use tollgate_protocol::ids::{AuthorizerId, ModelId, RouteResponseId};

use super::Converter;
use super::api::Draft;
use crate::document::ids::derived;
use crate::document::shape::{AuthorizerItem, ModelItem, RouteItem, RouteResponseItem};
use crate::document::tree::Path;

impl Converter<'_> {
    /// What routes refer to, which is converted before them.
    pub(super) fn parts(
        &mut self,
        draft: &mut Draft,
        authorizers: BTreeMap<String, AuthorizerItem>,
        models: BTreeMap<String, ModelItem>,
        path: &Path,
    ) {
        for (name, it) in authorizers {
            let at = path.key("authorizers").key(&name);
            self.authorizer(draft, name, it, &at);
        }
        for (name, it) in models {
            let at = path.key("models").key(&name);
            self.data_model(draft, name, it, &at);
        }
    }

    fn authorizer(&mut self, draft: &mut Draft, name: String, item: AuthorizerItem, path: &Path) {
        let id = AuthorizerId::from(derived(6, &["authorizer", &draft.api_id, &name]));
        let model_path = ["apis", &draft.api_id, "authorizers", id.as_str()];
        self.origin(&model_path, 0, path);
        let kind = item
            .authorizer_type
            .unwrap_or(match item.jwt_configuration {
                Some(_) => AuthorizerType::Jwt,
                None => AuthorizerType::Request,
            });
        let format = match (kind, draft.protocol) {
            (AuthorizerType::Jwt, _) => None,
            (AuthorizerType::Request, ProtocolType::Http) => Some(PayloadFormat::V2),
            (AuthorizerType::Request, ProtocolType::Websocket) => Some(PayloadFormat::V1),
        };
        draft.authorizers.insert(name.clone(), (id.clone(), kind));
        let authorizer = Authorizer {
            authorizer_id: id.clone(),
            name,
            authorizer_type: kind,
            identity_source: item.identity_source,
            authorizer_uri: item.authorizer_uri,
            authorizer_credentials_arn: item.authorizer_credentials_arn,
            authorizer_payload_format_version: item.authorizer_payload_format_version.or(format),
            authorizer_result_ttl_in_seconds: item.authorizer_result_ttl_in_seconds,
            enable_simple_responses: item.enable_simple_responses,
            identity_validation_expression: item.identity_validation_expression,
            jwt_configuration: item.jwt_configuration,
        };
        draft.definition.authorizers.insert(id, authorizer);
    }

    fn data_model(&mut self, draft: &mut Draft, name: String, item: ModelItem, path: &Path) {
        let id = ModelId::from(derived(6, &["model", &draft.api_id, &name]));
        let model_path = ["apis", &draft.api_id, "models", id.as_str()];
        self.origin(&model_path, 0, path);
        let model = DataModel {
            model_id: id.clone(),
            name,
            content_type: item.content_type,
            description: item.description,
            schema: item.schema,
        };
        draft.definition.models.insert(id, model);
    }

    /// Who may use a route: what it says, else what follows from its authorizer.
    pub(super) fn authorization(
        &mut self,
        draft: &Draft,
        item: &RouteItem,
        (root, path): (usize, &Path),
    ) -> (AuthorizationType, Option<AuthorizerId>) {
        let mut found = None;
        if let Some(name) = &item.authorizer {
            found = draft.authorizers.get(name);
            if found.is_none() {
                let names = draft.authorizers.keys().map(String::as_str);
                self.unknown((root, &path.key("authorizer")), "authorizer", name, names);
            }
        }
        let implied = match found {
            Some((_, AuthorizerType::Jwt)) => AuthorizationType::Jwt,
            Some((_, AuthorizerType::Request)) => AuthorizationType::Custom,
            None => AuthorizationType::None,
        };
        let kind = item.authorization_type.unwrap_or(implied);
        if kind != AuthorizationType::None {
            let reason = format!(
                "authorizationType {} is not judged in this release; the route refuses every \
                 request",
                kind.name()
            );
            let member = if item.authorization_type.is_some() {
                "authorizationType"
            } else {
                "authorizer"
            };
            let root = &self.roots[root];
            self.report.warning_at(root, &path.key(member), reason);
        }
        (kind, found.map(|(id, _)| id.clone()))
    }
}

pub(super) fn responses(
    items: BTreeMap<String, RouteResponseItem>,
) -> BTreeMap<RouteResponseId, RouteResponse> {
    let response = |(key, item): (String, RouteResponseItem)| RouteResponse {
        route_response_id: derived(6, &["route response", &key]).into(),
        route_response_key: key,
        model_selection_expression: item.model_selection_expression,
        response_models: item.response_models,
        response_parameters: item.response_parameters,
    };
    let all = items.into_iter().map(response);
    all.map(|it| (it.route_response_id.clone(), it)).collect()
}
