//! Creating, changing and deleting stages.

use std::sync::Arc;

use super::apis::{forget_stages, referring};
use super::edit::{edit_api, text};
use super::parts::managed;
use super::read::find_api;
use super::{not_found, render};
use crate::admin::call::{Call, label};
use crate::admin::change::{LooksAt, change};
use crate::admin::lay::lay;
use crate::admin::reply::{Outcome, Reply};
use serde_json::{Map, Value};
use tollgate_aws::AwsError;
use tollgate_aws::operations::Matched;
use tollgate_config::document::with_api;
use tollgate_model::{Api, Stage};

/// `POST /v2/apis/{apiId}/stages`
pub(super) async fn create(call: &Call<'_>, at: &Matched<'_>) -> Outcome {
    let api = label(at, "apiId");
    let input = call.members;
    let name = text(input, "stageName");
    let edit = |api: &mut Api| {
        if api.stages.contains_key(name) {
            return Err(AwsError::conflict(format!("Stage {name} already exists")));
        }
        put(api, &Stage::default(), input, at)
    };
    let look = |api: &Api, ()| api.stages.get(name).map(|it| render::stage(it));
    let body = edit_api(call, api, edit, look).await?;
    Ok(Reply::json(201, body.unwrap_or_default()))
}

/// `PATCH /v2/apis/{apiId}/stages/{stageName}`
pub(super) async fn update(call: &Call<'_>, at: &Matched<'_>) -> Outcome {
    let (api, name) = (label(at, "apiId"), label(at, "stageName"));
    let input = call.members;
    let edit = |api: &mut Api| {
        let found = find_stage(api, name)?;
        put(api, &found, input, at)
    };
    let body = edit_api(call, api, edit, |api, ()| shown(api, name)).await?;
    Ok(Reply::json(200, body))
}

fn find_stage(api: &Api, name: &str) -> Result<Arc<Stage>, AwsError> {
    let found = api.stages.get(name).map(Arc::clone);
    found.ok_or_else(|| not_found("stage", name))
}

fn shown(api: &Api, name: &str) -> Value {
    api.stages
        .get(name)
        .map(|it| render::stage(it))
        .unwrap_or_default()
}

fn put(
    api: &mut Api,
    stage: &Stage,
    input: &Map<String, Value>,
    at: &Matched<'_>,
) -> Result<(), AwsError> {
    let stage: Stage = lay(stage, input, at.operation, &[])?;
    if stage.auto_deploy && input.get("deploymentId").is_some_and(Value::is_string) {
        return Err(AwsError::bad_request(
            "Deployment ID cannot be set on stages with AutoDeploy enabled",
        ));
    }
    if let Some(id) = &stage.deployment_id
        && !api.deployments.contains_key(id)
    {
        return Err(not_found("deployment", id.as_str()));
    }
    api.stages.insert(stage.stage_name.clone(), Arc::new(stage));
    Ok(())
}

/// `DELETE /v2/apis/{apiId}/stages/{stageName}`. Usage plans let go of it; a domain name that
/// leads to it must be changed first.
pub(super) async fn delete(call: &Call<'_>, id: &str, name: &str) -> Outcome {
    let looks_at = referring(id);
    change(call, LooksAt::Only(&looks_at), |model, now| {
        let mut api = Api::clone(find_api(model, id)?);
        if find_stage(&api, name)?.api_gateway_managed {
            return Err(managed("stage", name));
        }
        let mapped = model.domain_names.values().find(|domain| {
            let mut targets = domain.targets();
            targets.any(|it| it.api_id.as_str() == id && it.stage.as_str() == name)
        });
        if let Some(domain) = mapped {
            return Err(AwsError::conflict(format!(
                "the domain name {} leads to this stage; delete its API mapping or routing rule first",
                domain.domain_name
            )));
        }
        api.stages.remove(name);
        let mut model = with_api(model, &api, now);
        forget_stages(&mut model, |api, stage| api.as_str() == id && stage == name);
        Ok((model, ()))
    })
    .await?;
    Ok(Reply::empty(204))
}

/// `DELETE /v2/apis/{apiId}/stages/{stageName}/accesslogsettings`
pub(super) async fn delete_access_log(call: &Call<'_>, api: &str, name: &str) -> Outcome {
    let edit = |api: &mut Api| {
        let mut stage = find_stage(api, name)?;
        Arc::make_mut(&mut stage).access_log_settings = None;
        api.stages.insert(stage.stage_name.clone(), stage);
        Ok(())
    };
    edit_api(call, api, edit, |_, ()| ()).await?;
    Ok(Reply::empty(204))
}

/// `DELETE /v2/apis/{apiId}/stages/{stageName}/cache/authorizers`. No judgement is remembered:
/// authorizers are not asked yet.
pub(super) async fn reset_authorizers_cache(call: &Call<'_>, api: &str, name: &str) -> Outcome {
    let (_, model) = call.model().await?;
    find_stage(find_api(&model, api)?, name)?;
    Ok(Reply::empty(204))
}

/// `DELETE /v2/apis/{apiId}/stages/{stageName}/routesettings/{routeKey}`
pub(super) async fn delete_route_settings(
    call: &Call<'_>,
    api: &str,
    name: &str,
    route_key: &str,
) -> Outcome {
    let edit = |api: &mut Api| {
        let mut stage = find_stage(api, name)?;
        let removed = Arc::make_mut(&mut stage).route_settings.remove(route_key);
        api.stages.insert(stage.stage_name.clone(), stage);
        removed
            .map(drop)
            .ok_or_else(|| not_found("route settings", route_key))
    };
    edit_api(call, api, edit, |_, ()| ()).await?;
    Ok(Reply::empty(204))
}
