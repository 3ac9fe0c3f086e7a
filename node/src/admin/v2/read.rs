//! The reading operations of `apigatewayv2`.

use std::sync::Arc;

use tollgate_aws::{AwsError, Service};
use tollgate_model::{Api, DomainName, Model};

use super::{not_found, render};
use crate::admin::call::Call;
use crate::admin::list::page;
use crate::admin::reply::{Outcome, Reply};

const V2: Service = Service::ApiGatewayV2;

/// The API of this id.
///
/// # Errors
/// `NotFoundException`
pub(super) fn find_api<'m>(model: &'m Model, id: &str) -> Result<&'m Arc<Api>, AwsError> {
    model.apis.get(id).ok_or_else(|| not_found("API", id))
}

/// The domain name, in any case.
///
/// # Errors
/// `NotFoundException`
pub(super) fn find_domain<'m>(
    model: &'m Model,
    name: &str,
) -> Result<&'m Arc<DomainName>, AwsError> {
    let found = model.domain_names.get(name.to_ascii_lowercase().as_str());
    found.ok_or_else(|| not_found("domain name", name))
}

pub(super) async fn apis(call: &Call<'_>) -> Outcome {
    let (_, model) = call.model().await?;
    let items = model.apis.iter().map(|(id, it)| (id.as_str(), it));
    page(call, V2, "apis", items, |it| render::api(it, call.state))
}

pub(super) async fn api(call: &Call<'_>, id: &str) -> Outcome {
    let (_, model) = call.model().await?;
    let api = find_api(&model, id)?;
    Ok(Reply::json(200, render::api(api, call.state)))
}

pub(super) async fn stages(call: &Call<'_>, api: &str) -> Outcome {
    let (_, model) = call.model().await?;
    let stages = &find_api(&model, api)?.stages;
    let items = stages.iter().map(|(name, it)| (name.as_str(), it));
    let name = format!("apis/{api}/stages");
    page(call, V2, &name, items, |it| render::stage(it))
}

pub(super) async fn stage(call: &Call<'_>, api: &str, name: &str) -> Outcome {
    let (_, model) = call.model().await?;
    let found = find_api(&model, api)?.stages.get(name);
    let stage = found.ok_or_else(|| not_found("stage", name))?;
    Ok(Reply::json(200, render::stage(stage)))
}

pub(super) async fn deployments(call: &Call<'_>, api: &str) -> Outcome {
    let (_, model) = call.model().await?;
    let deployments = &find_api(&model, api)?.deployments;
    let items = deployments.iter().map(|(id, it)| (id.as_str(), it));
    let name = format!("apis/{api}/deployments");
    page(call, V2, &name, items, |it| render::deployment(it))
}

pub(super) async fn deployment(call: &Call<'_>, api: &str, id: &str) -> Outcome {
    let (_, model) = call.model().await?;
    let found = find_api(&model, api)?.deployments.get(id);
    let deployment = found.ok_or_else(|| not_found("deployment", id))?;
    Ok(Reply::json(200, render::deployment(deployment)))
}

pub(super) async fn domain_names(call: &Call<'_>) -> Outcome {
    let (_, model) = call.model().await?;
    let items = model.domain_names.iter().map(|(id, it)| (id.as_str(), it));
    page(call, V2, "domainnames", items, |it| {
        render::domain_name(it, &model, call.state)
    })
}

pub(super) async fn domain_name(call: &Call<'_>, name: &str) -> Outcome {
    let (_, model) = call.model().await?;
    let domain = find_domain(&model, name)?;
    Ok(Reply::json(
        200,
        render::domain_name(domain, &model, call.state),
    ))
}

pub(super) async fn api_mappings(call: &Call<'_>, domain: &str) -> Outcome {
    let (_, model) = call.model().await?;
    let mut mappings: Vec<_> = find_domain(&model, domain)?.api_mappings.iter().collect();
    mappings.sort_by(|a, b| a.api_mapping_id.cmp(&b.api_mapping_id));
    let items = mappings.iter().map(|it| (it.api_mapping_id.as_str(), *it));
    let name = format!("domainnames/{domain}/apimappings");
    page(call, V2, &name, items, render::api_mapping)
}

pub(super) async fn api_mapping(call: &Call<'_>, domain: &str, id: &str) -> Outcome {
    let (_, model) = call.model().await?;
    let mut mappings = find_domain(&model, domain)?.api_mappings.iter();
    let found = mappings.find(|it| it.api_mapping_id.as_str() == id);
    let mapping = found.ok_or_else(|| not_found("API mapping", id))?;
    Ok(Reply::json(200, render::api_mapping(mapping)))
}
