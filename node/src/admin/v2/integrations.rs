//! Creating, changing and deleting integrations.

use std::sync::Arc;

use serde_json::{Map, Value};
use tollgate_aws::AwsError;
use tollgate_model::{Api, Integration};
use tollgate_protocol::ids::IntegrationId;

use super::edit::{edit_api, overlay, refuse, required};
use super::{not_found, render};
use crate::admin::call::Call;
use crate::admin::reply::{Outcome, Reply};

/// AWS's members, and ours behind them.
const MEMBERS: [&str; 14] = [
    "integrationType",
    "integrationUri",
    "integrationMethod",
    "connectionType",
    "connectionId",
    "description",
    "payloadFormatVersion",
    "timeoutInMillis",
    "requestParameters",
    "responseParameters",
    "tlsConfig",
    "fixedResponse",
    "cacheKeyParameters",
    "cacheNamespace",
];
const UNAVAILABLE: [(&str, &[&str]); 7] = [
    ("integrationType", &["HTTP_PROXY", "AWS_PROXY", "MOCK"]),
    ("integrationSubtype", &[]),
    ("contentHandlingStrategy", &[]),
    ("credentialsArn", &[]),
    ("passthroughBehavior", &["WHEN_NO_MATCH"]),
    ("requestTemplates", &[]),
    ("templateSelectionExpression", &[]),
];

/// `POST /v2/apis/{apiId}/integrations`
pub(super) async fn create(call: &Call<'_>, api: &str) -> Outcome {
    let input = call.members()?;
    required(&input, "integrationType")?;
    refuse(&input, &UNAVAILABLE)?;
    let id = IntegrationId::from(call.seed.id("integration", 7));
    let edit = |api: &mut Api| {
        if !api.definition.integrations.contains_key(&id) {
            let empty = Integration {
                integration_id: id.clone(),
                ..Integration::default()
            };
            put(api, &empty, &input)?;
        }
        Ok(())
    };
    let body = edit_api(call, api, edit, |api, ()| shown(api, id.as_str())).await?;
    Ok(Reply::json(201, body))
}

/// `PATCH /v2/apis/{apiId}/integrations/{integrationId}`
pub(super) async fn update(call: &Call<'_>, api: &str, id: &str) -> Outcome {
    let input = call.members()?;
    refuse(&input, &UNAVAILABLE)?;
    let edit = |api: &mut Api| {
        let found = api.definition.integrations.get(id).cloned();
        let found = found.ok_or_else(|| not_found("integration", id))?;
        put(api, &found, &input)
    };
    let body = edit_api(call, api, edit, |api, ()| shown(api, id)).await?;
    Ok(Reply::json(200, body))
}

fn shown(api: &Api, id: &str) -> Value {
    let found = api.definition.integrations.get(id);
    found.map(render::integration).unwrap_or_default()
}

fn put(
    api: &mut Api,
    integration: &Integration,
    input: &Map<String, Value>,
) -> Result<(), AwsError> {
    let integration: Integration = overlay(integration, input, &MEMBERS)?;
    Arc::make_mut(&mut api.definition)
        .integrations
        .insert(integration.integration_id.clone(), integration);
    Ok(())
}

/// `DELETE /v2/apis/{apiId}/integrations/{integrationId}`, unless a route leads to it.
pub(super) async fn delete(call: &Call<'_>, api: &str, id: &str) -> Outcome {
    let edit = |api: &mut Api| {
        let mut routes = api.definition.routes.values();
        if let Some(route) = routes.find(|route| route.integration_id() == Some(id)) {
            return Err(AwsError::conflict(format!(
                "Cannot delete integration {id}. Route {} is pointing to it.",
                route.route_key
            )));
        }
        let removed = Arc::make_mut(&mut api.definition).integrations.remove(id);
        removed
            .map(drop)
            .ok_or_else(|| not_found("integration", id))
    };
    edit_api(call, api, edit, |_, ()| ()).await?;
    Ok(Reply::empty(204))
}
