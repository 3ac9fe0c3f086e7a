//! Creating, changing and deleting APIs.

use std::sync::Arc;

use serde_json::{Map, Value};
use tollgate_aws::AwsError;
use tollgate_aws::operations::Matched;
use tollgate_model::{
    Api, Integration, Mark, Model, ProtocolType, Route, Stage, kind, mark, mark_kind,
};
use tollgate_protocol::ids::ApiId;

use super::edit::edit_api;
use super::parts::target;
use super::read::find_api;
use super::render;
use crate::admin::call::{Call, label};
use crate::admin::change::{LooksAt, change};
use crate::admin::lay::lay;
use crate::admin::reply::{Outcome, Reply};
use tollgate_config::document::with_api;

/// `POST /v2/apis`; with `target` also a route, an integration and the stage `$default`.
pub(super) async fn create(call: &Call<'_>, at: &Matched<'_>) -> Outcome {
    let input = call.members;
    let id = ApiId::from(call.seed.id("api", 10));
    let looks_at = [mark(kind::API, id.as_str())];
    let changed = change(call, LooksAt::Only(&looks_at), |model, now| {
        if let Some(made) = model.apis.get(&id) {
            // A retry whose first answer was lost.
            return Ok((model.clone(), render::api(made, call.state)));
        }
        let mut api: Api = lay(&Api::default(), input, at.operation, &[])?;
        api.api_id = id.clone();
        quick_create(call, &mut api, input)?;
        let model = with_api(model, &api, now);
        let made = render::api(find_api(&model, id.as_str())?, call.state);
        Ok((model, made))
    })
    .await?;
    Ok(Reply::json(201, changed.value))
}

/// One integration that everything leads to, deployed at once (AWS: quick create), when the
/// request names a target.
fn quick_create(
    call: &Call<'_>,
    api: &mut Api,
    input: &Map<String, Value>,
) -> Result<(), AwsError> {
    let text = |name: &str| given(input, name);
    let Some(to) = text("target") else {
        return match ["routeKey", "credentialsArn"]
            .into_iter()
            .find(|it| text(it).is_some())
        {
            None => Ok(()),
            Some(name) => Err(AwsError::bad_request(format!("{name} needs a target"))),
        };
    };
    if api.protocol_type == ProtocolType::Websocket {
        let message = "quick create is supported only for HTTP APIs";
        return Err(AwsError::bad_request(message));
    }
    let mut integration = Integration {
        integration_id: call.seed.id("integration", 7).into(),
        credentials_arn: text("credentialsArn").map(str::to_owned),
        api_gateway_managed: true,
        ..Integration::default()
    };
    target(&mut integration, to);
    let route = Route {
        route_id: call.seed.id("route", 7).into(),
        route_key: text("routeKey").unwrap_or("$default").to_owned(),
        target: Some(format!("integrations/{}", integration.integration_id)),
        api_gateway_managed: true,
        ..Route::default()
    };
    let stage = Stage {
        stage_name: "$default".into(),
        auto_deploy: true,
        api_gateway_managed: true,
        ..Stage::default()
    };
    let definition = Arc::make_mut(&mut api.definition);
    definition.routes.insert(route.route_id.clone(), route);
    let id = integration.integration_id.clone();
    definition.integrations.insert(id, integration);
    api.stages.insert(stage.stage_name.clone(), Arc::new(stage));
    Ok(())
}

/// Changes what quick create made.
fn quick_update(api: &mut Api, input: &Map<String, Value>) -> Result<(), AwsError> {
    let text = |name: &str| given(input, name);
    let names = ["target", "routeKey", "credentialsArn"];
    let Some(first) = names.into_iter().find(|it| text(it).is_some()) else {
        return Ok(());
    };
    let definition = Arc::make_mut(&mut api.definition);
    let mut routes = definition.routes.values_mut();
    let mut integrations = definition.integrations.values_mut();
    let (Some(route), Some(integration)) = (
        routes.find(|it| it.api_gateway_managed),
        integrations.find(|it| it.api_gateway_managed),
    ) else {
        let message = format!("{first} changes what quick create made, which this API has not");
        return Err(AwsError::bad_request(message));
    };
    if let Some(to) = text("target") {
        target(integration, to);
    }
    if let Some(key) = text("routeKey") {
        key.clone_into(&mut route.route_key);
    }
    if let Some(arn) = text("credentialsArn") {
        integration.credentials_arn = Some(arn.to_owned());
    }
    Ok(())
}

fn given<'i>(input: &'i Map<String, Value>, name: &str) -> Option<&'i str> {
    let text = input.get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}

/// `PATCH /v2/apis/{apiId}`
pub(super) async fn update(call: &Call<'_>, at: &Matched<'_>) -> Outcome {
    let id = label(at, "apiId");
    let input = call.members;
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
            ..lay(&bare, input, at.operation, &[])?
        };
        quick_update(api, input)
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
        let mut targets = domain.targets();
        targets.any(|target| target.api_id.as_str() == id)
    });
    if let Some(domain) = mapped {
        return Err(AwsError::conflict(format!(
            "the domain name {} leads to this API; delete its API mappings and routing rules to it first",
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
