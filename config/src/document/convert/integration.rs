//! An integration of the file as one of the model: what the URI says is written out.

use std::collections::BTreeMap;

use tollgate_model::{
    Api, ConnectionType, Integration, IntegrationResponse, IntegrationType, PayloadFormat,
    ProtocolType,
};
use tollgate_protocol::ids::{IntegrationId, IntegrationResponseId};

use super::Converter;
use crate::document::ids::derived;
use crate::document::shape::{IntegrationItem, IntegrationResponseItem};
use crate::document::tree::Path;

/// Whether a text is a URI and not the name of an integration.
pub(super) fn is_uri(text: &str) -> bool {
    ["http://", "https://", "function:", "arn:"]
        .iter()
        .any(|prefix| text.starts_with(prefix))
}

impl Converter<'_> {
    /// The integration without its id.
    pub(super) fn integration(
        &mut self,
        protocol: ProtocolType,
        item: IntegrationItem,
        at: (usize, &Path),
    ) -> Integration {
        let uri = item.integration_uri.as_deref().unwrap_or_default();
        let integration_type = item.integration_type.unwrap_or_else(|| {
            let service = item.integration_subtype.is_some();
            if service || uri.starts_with("function:") || uri.starts_with("arn:") {
                IntegrationType::AwsProxy
            } else if uri.is_empty() && item.fixed_response.is_some() {
                IntegrationType::Mock
            } else {
                IntegrationType::HttpProxy
            }
        });
        let upstream = host(uri)
            .filter(|host| self.model.upstreams.contains_key(*host))
            .map(str::to_owned);
        let by_link = item.connection_type == Some(ConnectionType::VpcLink);
        let direct = item.connection_type == Some(ConnectionType::Internet);
        let (connection_type, connection_id) = match (item.connection_id, upstream) {
            (Some(id), _) if !direct => (ConnectionType::VpcLink, Some(id)),
            (None, Some(name)) if !direct => (ConnectionType::VpcLink, Some(name)),
            (id, _) if by_link => (ConnectionType::VpcLink, id),
            (id, _) => (ConnectionType::Internet, id),
        };
        if let Some(service) = &item.integration_subtype {
            let reason = format!("{service} is not called in this release; its routes answer 500");
            let root = &self.roots[at.0];
            self.report.warning_at(root, at.1, reason);
        } else if integration_type == IntegrationType::AwsProxy {
            self.warn_unknown_function(uri, at);
        }
        let format = match protocol {
            ProtocolType::Http if item.integration_subtype.is_none() => PayloadFormat::V2,
            _ => PayloadFormat::V1,
        };
        Integration {
            integration_id: IntegrationId::default(),
            integration_type,
            integration_uri: item.integration_uri,
            integration_method: item.integration_method,
            connection_type,
            connection_id,
            description: item.description,
            payload_format_version: item.payload_format_version.unwrap_or(format),
            integration_subtype: item.integration_subtype,
            credentials_arn: item.credentials_arn,
            passthrough_behavior: item.passthrough_behavior,
            content_handling_strategy: item.content_handling_strategy,
            request_templates: item.request_templates,
            template_selection_expression: item.template_selection_expression,
            integration_responses: responses(item.integration_responses),
            api_gateway_managed: false,
            timeout_in_millis: item.timeout_in_millis,
            request_parameters: item.request_parameters,
            response_parameters: item.response_parameters,
            tls_config: item.tls_config,
            fixed_response: item.fixed_response.map(Box::new),
            cache_key_parameters: item.cache_key_parameters,
            cache_namespace: item.cache_namespace,
        }
    }

    /// A stage without a variable that a URI needs would send requests nowhere.
    pub(super) fn check_stage_variables(&mut self, api: &Api) {
        for (id, it) in &api.definition.integrations {
            let texts = [it.integration_uri.as_deref(), it.connection_id.as_deref()];
            for name in texts.into_iter().flatten().flat_map(stage_variables) {
                for (stage, _) in api
                    .stages
                    .iter()
                    .filter(|(_, stage)| !stage.stage_variables.contains_key(name))
                {
                    let segments = ["apis", api.api_id.as_str(), "integrations", id.as_str()];
                    let (origin, _) = self.find_origin(&segments.map(str::to_owned));
                    let reason =
                        format!("the stage `{stage}` has no variable `{name}`, which this needs");
                    self.error(origin.root, &origin.path, reason);
                }
            }
        }
    }

    /// An ARN may name a function that is added later through the management API, so an unknown
    /// one is no error.
    fn warn_unknown_function(&mut self, uri: &str, (root, path): (usize, &Path)) {
        let Some(name) = tollgate_model::function_name(uri) else {
            return;
        };
        if uri.starts_with("arn:")
            && !name.contains("${")
            && !self.model.functions.contains_key(name)
        {
            let reason = format!("no function `{name}` is declared; requests to it will fail");
            let root = &self.roots[root];
            self.report.warning_at(root, path, reason);
        }
    }
}

fn responses(
    items: BTreeMap<String, IntegrationResponseItem>,
) -> BTreeMap<IntegrationResponseId, IntegrationResponse> {
    let response = |(key, item): (String, IntegrationResponseItem)| IntegrationResponse {
        integration_response_id: derived(6, &["integration response", &key]).into(),
        integration_response_key: key,
        content_handling_strategy: item.content_handling_strategy,
        response_parameters: item.response_parameters,
        response_templates: item.response_templates,
        template_selection_expression: item.template_selection_expression,
    };
    let all = items.into_iter().map(response);
    all.map(|it| (it.integration_response_id.clone(), it))
        .collect()
}

/// The names of the stage variables of a URI.
fn stage_variables(text: &str) -> impl Iterator<Item = &str> {
    text.split("${stageVariables.")
        .skip(1)
        .filter_map(|it| it.split_once('}').map(|(name, _)| name))
}

/// The id of an integration: by its name, or by its content when it has none.
pub(super) fn integration_id(api: &str, name: Option<&str>, it: &Integration) -> IntegrationId {
    let id = match name {
        Some(name) => derived(7, &["integration", api, name]),
        // Maps are ordered and floats do not occur, so equal content is equal text.
        None => {
            let content = serde_json::to_string(it).unwrap_or_default();
            derived(7, &["inline integration", api, &content])
        }
    };
    IntegrationId::from(id)
}

/// The host of a plain URL, if it has no port: only such a host can be an upstream group.
fn host(uri: &str) -> Option<&str> {
    let rest = uri
        .strip_prefix("http://")
        .or_else(|| uri.strip_prefix("https://"))?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    Some(&rest[..end])
}

/// The id of an integration without a name, as it is before it has one.
pub(crate) fn inline_id(api: &str, it: &Integration) -> IntegrationId {
    integration_id(api, None, it)
}
