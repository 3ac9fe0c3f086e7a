//! Integrations.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tollgate_aws::AwsError;
use tollgate_aws::operations::Matched;
use tollgate_model::{
    Api, Definition, Integration, IntegrationType, PayloadFormat, ProtocolType, function_name,
};
use tollgate_protocol::ids::IntegrationId;
use tollgate_protocol::limits::INTEGRATION_TIMEOUT_MS;

use super::{Family, Part, managed};

/// The timeout that AWS names of a WebSocket API where none is set, in milliseconds.
const WEBSOCKET_TIMEOUT_MS: u64 = 29_000;

impl Part for Integration {
    type Id = IntegrationId;

    const FAMILY: Family = Family {
        what: "integration",
        label: "integrationId",
        id_chars: 7,
        ours: &["fixedResponse", "cacheKeyParameters", "cacheNamespace"],
    };

    fn all<'d>(
        definition: &'d Definition,
        _: &Matched<'_>,
    ) -> Result<&'d BTreeMap<IntegrationId, Self>, AwsError> {
        Ok(&definition.integrations)
    }

    fn all_mut<'d>(
        definition: &'d mut Definition,
        _: &Matched<'_>,
    ) -> Result<&'d mut BTreeMap<IntegrationId, Self>, AwsError> {
        Ok(&mut definition.integrations)
    }

    fn of_id(id: IntegrationId) -> Self {
        Self {
            integration_id: id,
            ..Self::default()
        }
    }

    fn is_free(&self, definition: &Definition) -> Result<(), AwsError> {
        let id = self.integration_id.as_str();
        if self.api_gateway_managed {
            return Err(managed("integration", id));
        }
        let mut routes = definition.routes.values();
        match routes.find(|route| route.integration_id() == Some(id)) {
            None => Ok(()),
            Some(route) => Err(AwsError::conflict(format!(
                "Cannot delete integration {id}. Route {} is pointing to it.",
                route.route_key
            ))),
        }
    }

    fn complete(&self, api: &Api, shown: &mut Map<String, Value>) {
        shown.remove("integrationResponses");
        let websocket = api.protocol_type == ProtocolType::Websocket;
        let default_ms = if websocket {
            WEBSOCKET_TIMEOUT_MS
        } else {
            INTEGRATION_TIMEOUT_MS
        };
        let timeout_ms = self.timeout_in_millis.unwrap_or(default_ms);
        shown.insert("timeoutInMillis".into(), timeout_ms.into());
        let managed = self.api_gateway_managed;
        shown.insert("apiGatewayManaged".into(), managed.into());
        if websocket {
            let passthrough = serde_json::to_value(self.passthrough_behavior.unwrap_or_default());
            shown.insert(
                "passthroughBehavior".into(),
                passthrough.unwrap_or_default(),
            );
        }
        if let Some(expression) = selection(self.integration_type).filter(|_| websocket) {
            let name = "integrationResponseSelectionExpression";
            shown.insert(name.into(), expression.into());
        }
    }
}

/// What an integration's response is chosen by, which nobody sets (reference 6.2).
fn selection(kind: IntegrationType) -> Option<&'static str> {
    match kind {
        IntegrationType::Aws => Some("${integration.response.body.errorMessage}"),
        IntegrationType::Http | IntegrationType::Mock => Some("${integration.response.statuscode}"),
        IntegrationType::AwsProxy | IntegrationType::HttpProxy => None,
    }
}

/// Points an integration at what quick create calls a target: a URL or a function.
pub(in crate::admin::v2) fn target(integration: &mut Integration, target: &str) {
    let is_function = function_name(target).is_some();
    let (kind, format) = if is_function {
        (IntegrationType::AwsProxy, PayloadFormat::V2)
    } else {
        (IntegrationType::HttpProxy, PayloadFormat::V1)
    };
    integration.integration_type = kind;
    integration.payload_format_version = format;
    integration.integration_uri = Some(target.to_owned());
}
