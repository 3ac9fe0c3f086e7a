//! Creating, changing and deleting APIs.

use std::sync::Arc;

use serde_json::{Map, Value};
use tollgate_aws::AwsError;
use tollgate_model::{
    Api, Integration, IntegrationType, Mark, Model, PayloadFormat, Route, Stage, function_name,
    kind, mark, mark_kind,
};
use tollgate_protocol::ids::{ApiId, IntegrationId, RouteId};

use super::edit::{edit_api, overlay, refuse, required, tags};
use super::read::find_api;
use super::render;
use crate::admin::call::Call;
use crate::admin::change::{LooksAt, change};
use crate::admin::reply::{Outcome, Reply};
use tollgate_config::document::with_api;

/// What a request may set of an API.
const MEMBERS: [&str; 5] = [
    "name",
    "description",
    "version",
    "corsConfiguration",
    "disableExecuteApiEndpoint",
];
/// What does nothing here, with the values that hold anyway.
const UNAVAILABLE: [(&str, &[&str]); 4] = [
    ("apiKeySelectionExpression", &["$request.header.x-api-key"]),
    (
        "routeSelectionExpression",
        &[
            "$request.method $request.path",
            "${request.method} ${request.path}",
        ],
    ),
    ("credentialsArn", &[]),
    ("protocolType", &["HTTP"]),
];

/// `POST /v2/apis`; with `target` also a route, an integration and the stage `$default`.
pub(super) async fn create(call: &Call<'_>) -> Outcome {
    let input = call.members()?;
    required(&input, "name")?;
    required(&input, "protocolType")?;
    refuse(&input, &UNAVAILABLE)?;
    let id = ApiId::from(call.seed.id("api", 10));
    let looks_at = [mark(kind::API, id.as_str())];
    let changed = change(call, LooksAt::Only(&looks_at), |model, now| {
        if let Some(made) = model.apis.get(&id) {
            // A retry whose first answer was lost.
            return Ok((model.clone(), render::api(made, call.state)));
        }
        let mut api: Api = overlay(&Api::default(), &input, &MEMBERS)?;
        api.api_id = id.clone();
        api.tags = tags(&input)?;
        if let Some(target) = input.get("target").and_then(Value::as_str) {
            quick_create(call, &mut api, &input, target);
        }
        let model = with_api(model, &api, now);
        let made = render::api(find_api(&model, id.as_str())?, call.state);
        Ok((model, made))
    })
    .await?;
    Ok(Reply::json(201, changed.value))
}

/// One integration that everything leads to, deployed at once (AWS: quick create).
fn quick_create(call: &Call<'_>, api: &mut Api, input: &Map<String, Value>, target: &str) {
    let integration = IntegrationId::from(call.seed.id("integration", 7));
    let route = RouteId::from(call.seed.id("route", 7));
    let route_key = input.get("routeKey").and_then(Value::as_str);
    let is_function = function_name(target).is_some();
    let definition = Arc::make_mut(&mut api.definition);
    definition.routes.insert(
        route.clone(),
        Route {
            route_id: route,
            route_key: route_key.unwrap_or("$default").to_owned(),
            target: Some(format!("integrations/{integration}")),
            ..Route::default()
        },
    );
    definition.integrations.insert(
        integration.clone(),
        Integration {
            integration_id: integration,
            integration_type: if is_function {
                IntegrationType::AwsProxy
            } else {
                IntegrationType::HttpProxy
            },
            integration_uri: Some(target.to_owned()),
            payload_format_version: if is_function {
                PayloadFormat::V2
            } else {
                PayloadFormat::V1
            },
            ..Integration::default()
        },
    );
    let stage = Stage {
        stage_name: "$default".into(),
        auto_deploy: true,
        ..Stage::default()
    };
    api.stages.insert(stage.stage_name.clone(), Arc::new(stage));
}

/// `PATCH /v2/apis/{apiId}`
pub(super) async fn update(call: &Call<'_>, id: &str) -> Outcome {
    let input = call.members()?;
    refuse(&input, &UNAVAILABLE)?;
    refuse(&input, &[("target", &[]), ("routeKey", &[])])?;
    let edit = |api: &mut Api| {
        // Without its large parts, which no member here is in.
        let mut bare = api.clone();
        let definition = std::mem::take(&mut bare.definition);
        let stages = std::mem::take(&mut bare.stages);
        let deployments = std::mem::take(&mut bare.deployments);
        *api = Api {
            definition,
            stages,
            deployments,
            ..overlay(&bare, &input, &MEMBERS)?
        };
        Ok(())
    };
    let body = edit_api(call, id, edit, |api, ()| render::api(api, call.state)).await?;
    Ok(Reply::json(200, body))
}

/// `DELETE /v2/apis/{apiId}/cors`
pub(super) async fn delete_cors(call: &Call<'_>, id: &str) -> Outcome {
    let edit = |api: &mut Api| {
        api.cors_configuration = None;
        Ok(())
    };
    edit_api(call, id, edit, |_, ()| ()).await?;
    Ok(Reply::empty(204))
}

/// `DELETE /v2/apis/{apiId}`. Usage plans let go of its stages; a domain name that leads to it
/// must be changed first.
pub(super) async fn delete(call: &Call<'_>, id: &str) -> Outcome {
    let looks_at = referring(id);
    change(call, LooksAt::Only(&looks_at), |model, _| {
        find_api(model, id)?;
        let mut model = model.clone();
        free(&model, id)?;
        model.apis.remove(id);
        forget_stages(&mut model, |api, _| api.as_str() == id);
        Ok((model, ()))
    })
    .await?;
    Ok(Reply::empty(204))
}

/// An API, and all that can lead to its stages.
pub(super) fn referring(api: &str) -> [Mark; 4] {
    [
        mark(kind::API, api),
        mark_kind(kind::USAGE_PLAN),
        mark_kind(kind::DOMAIN_NAME),
        mark_kind(kind::DEFAULT_MAPPING),
    ]
}

fn free(model: &Model, id: &str) -> Result<(), AwsError> {
    let mapped = model.domain_names.values().find(|domain| {
        let mut mappings = domain.api_mappings.iter();
        mappings.any(|mapping| mapping.api_id.as_str() == id)
    });
    if let Some(domain) = mapped {
        return Err(AwsError::conflict(format!(
            "the domain name {} leads to this API; delete its API mappings first",
            domain.domain_name
        )));
    }
    let default = model.default_mapping.as_ref();
    if default.is_some_and(|default| default.api_id.as_str() == id) {
        return Err(AwsError::conflict(
            "the default mapping leads to this API; change it first",
        ));
    }
    Ok(())
}

/// Takes stages out of every usage plan.
pub(super) fn forget_stages(model: &mut Model, gone: impl Fn(&ApiId, &str) -> bool) {
    for plan in model.usage_plans.values_mut() {
        let hit = |stage: &tollgate_model::ApiStage| gone(&stage.api_id, stage.stage.as_str());
        if plan.api_stages.iter().any(hit) {
            Arc::make_mut(plan).api_stages.retain(|stage| !hit(stage));
        }
    }
}
