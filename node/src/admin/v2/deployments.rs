//! Deployments: copies of an API's definition.

use std::sync::Arc;

use serde::Deserialize;
use tollgate_aws::AwsError;
use tollgate_config::document::drop_old_deployments;
use tollgate_model::{Api, Deployment, Stage, kind, mark};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{DeploymentId, StageName};

use super::read::find_api;
use super::{not_found, render};
use crate::admin::call::Call;
use crate::admin::change::{LooksAt, change};
use crate::admin::reply::{Outcome, Reply};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Input {
    description: Option<String>,
    stage_name: Option<StageName>,
}

/// `POST /v2/apis/{apiId}/deployments`. Deploying what is deployed already gives another deployment,
/// as with AWS: a tool that replaces one deletes the old one behind the new one.
pub(super) async fn create(call: &Call<'_>, api: &str) -> Outcome {
    let input: Input = call.input()?;
    let id = DeploymentId::from(call.seed.id("deployment", 6));
    let looks_at = [mark(kind::API, api)];
    let changed = change(call, LooksAt::Only(&looks_at), |model, now| {
        let mut api = Api::clone(find_api(model, api)?);
        if let Some(made) = api.deployments.get(&id) {
            // A retry whose first answer was lost.
            return Ok((model.clone(), render::deployment(made)));
        }
        let deployment = deploy(&mut api, &id, input.description.clone(), now)?;
        if let Some(name) = &input.stage_name {
            point(&mut api, name, &deployment, now)?;
        }
        drop_old_deployments(&mut api);
        let mut model = model.clone();
        model.apis.insert(api.api_id.clone(), Arc::new(api));
        Ok((model, render::deployment(&deployment)))
    })
    .await?;
    Ok(Reply::json(201, changed.value))
}

fn deploy(
    api: &mut Api,
    id: &DeploymentId,
    description: Option<String>,
    now: Millis,
) -> Result<Arc<Deployment>, AwsError> {
    if api.definition.routes.is_empty() {
        return Err(AwsError::bad_request(
            "Unable to deploy API because no routes exist in this API",
        ));
    }
    // The newest also where another node's clock is ahead: of those without a stage the oldest goes.
    let newest = api.deployments.values().map(|it| it.created_date).max();
    let deployment = Arc::new(Deployment {
        deployment_id: id.clone(),
        description,
        created_date: newest.map_or(now, |newest| now.max(Millis(newest.0 + 1))),
        auto_deployed: false,
        definition: Arc::clone(&api.definition),
    });
    api.deployments.insert(id.clone(), Arc::clone(&deployment));
    Ok(deployment)
}

fn point(
    api: &mut Api,
    name: &StageName,
    deployment: &Deployment,
    now: Millis,
) -> Result<(), AwsError> {
    let stage = api
        .stages
        .get_mut(name)
        .ok_or_else(|| not_found("stage", name.as_str()))?;
    if stage.auto_deploy {
        return Err(AwsError::bad_request(
            "Deployment ID cannot be set on stages with AutoDeploy enabled",
        ));
    }
    if stage.deployment_id.as_ref() != Some(&deployment.deployment_id) {
        let stage: &mut Stage = Arc::make_mut(stage);
        stage.deployment_id = Some(deployment.deployment_id.clone());
        stage.last_updated_date = now;
    }
    Ok(())
}

/// `PATCH /v2/apis/{apiId}/deployments/{deploymentId}`: the description, all else is frozen.
pub(super) async fn update(call: &Call<'_>, api: &str, id: &str) -> Outcome {
    let input: Input = call.input()?;
    let changed = change(call, LooksAt::Only(&[mark(kind::API, api)]), |model, _| {
        let mut api = Api::clone(find_api(model, api)?);
        let found = api.deployments.get_mut(id);
        let deployment = Arc::make_mut(found.ok_or_else(|| not_found("deployment", id))?);
        if let Some(text) = &input.description {
            deployment.description = Some(text.clone()).filter(|text| !text.is_empty());
        }
        let shown = render::deployment(deployment);
        let mut model = model.clone();
        model.apis.insert(api.api_id.clone(), Arc::new(api));
        Ok((model, shown))
    })
    .await?;
    Ok(Reply::json(200, changed.value))
}

/// `DELETE /v2/apis/{apiId}/deployments/{deploymentId}`, unless a stage serves it.
pub(super) async fn delete(call: &Call<'_>, api: &str, id: &str) -> Outcome {
    change(call, LooksAt::Only(&[mark(kind::API, api)]), |model, _| {
        let mut api = Api::clone(find_api(model, api)?);
        let serving = api.stages.values().find(|stage| {
            stage
                .deployment_id
                .as_ref()
                .is_some_and(|it| it.as_str() == id)
        });
        if let Some(stage) = serving {
            return Err(AwsError::bad_request(format!(
                "Active stages pointing to this deployment must be moved or deleted: {}",
                stage.stage_name
            )));
        }
        if api.deployments.remove(id).is_none() {
            return Err(not_found("deployment", id));
        }
        let mut model = model.clone();
        model.apis.insert(api.api_id.clone(), Arc::new(api));
        Ok((model, ()))
    })
    .await?;
    Ok(Reply::empty(204))
}
