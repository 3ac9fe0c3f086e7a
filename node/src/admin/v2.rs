//! `apigatewayv2`: HTTP and WebSocket APIs, what belongs to them, domain names and VPC links.

mod apis;
mod deployments;
mod documents;
mod domains;
mod edit;
mod parts;
mod portals;
mod read;
mod render;
mod routing;
mod stages;
pub(crate) mod vpc_links;

use tollgate_aws::AwsError;
use tollgate_aws::operations::{Matched, V2Op};

use super::call::{Call, label};
use super::reply::Outcome;
use super::tags;

/// Carries an operation out; `None` when this release does not have it.
pub(crate) async fn run(op: V2Op, call: &Call<'_>, matched: &Matched<'_>) -> Option<Outcome> {
    let api = label(matched, "apiId");
    let of = |name| label(matched, name);
    Some(match op {
        V2Op::GetApis => read::apis(call).await,
        V2Op::GetApi => read::api(call, api).await,
        V2Op::CreateApi => apis::create(call, matched).await,
        V2Op::UpdateApi => apis::update(call, matched).await,
        V2Op::DeleteApi => apis::delete(call, api).await,
        V2Op::DeleteCorsConfiguration => apis::delete_cors(call, api).await,
        V2Op::GetStages => read::stages(call, api).await,
        V2Op::GetStage => read::stage(call, api, of("stageName")).await,
        V2Op::CreateStage => stages::create(call, matched).await,
        V2Op::UpdateStage => stages::update(call, matched).await,
        V2Op::DeleteStage => stages::delete(call, api, of("stageName")).await,
        V2Op::DeleteAccessLogSettings => {
            stages::delete_access_log(call, api, of("stageName")).await
        }
        V2Op::DeleteRouteSettings => {
            stages::delete_route_settings(call, api, of("stageName"), of("routeKey")).await
        }
        V2Op::ResetAuthorizersCache => {
            stages::reset_authorizers_cache(call, api, of("stageName")).await
        }
        V2Op::GetDeployments => read::deployments(call, api).await,
        V2Op::GetDeployment => read::deployment(call, api, of("deploymentId")).await,
        V2Op::CreateDeployment => deployments::create(call, api).await,
        V2Op::UpdateDeployment => deployments::update(call, api, of("deploymentId")).await,
        V2Op::DeleteDeployment => deployments::delete(call, api, of("deploymentId")).await,
        V2Op::GetDomainNames => read::domain_names(call).await,
        V2Op::GetDomainName => read::domain_name(call, of("domainName")).await,
        V2Op::GetApiMappings => read::api_mappings(call, of("domainName")).await,
        V2Op::GetApiMapping => read::api_mapping(call, of("domainName"), of("apiMappingId")).await,
        V2Op::CreateDomainName => domains::create(call, matched).await,
        V2Op::UpdateDomainName => domains::update(call, matched).await,
        V2Op::DeleteDomainName => domains::delete(call, of("domainName")).await,
        V2Op::CreateApiMapping => domains::create_mapping(call, of("domainName")).await,
        V2Op::UpdateApiMapping => {
            domains::update_mapping(call, of("domainName"), of("apiMappingId")).await
        }
        V2Op::DeleteApiMapping => {
            domains::delete_mapping(call, of("domainName"), of("apiMappingId")).await
        }
        V2Op::ImportApi => documents::import(call).await,
        V2Op::ReimportApi => documents::reimport(call, api).await,
        V2Op::ExportApi => documents::export(call, api, of("specification")).await,
        V2Op::GetTags => tags::get(call, of("resource-arn")).await,
        V2Op::TagResource => tags::put(call, of("resource-arn"), 201).await,
        V2Op::UntagResource => tags::remove(call, of("resource-arn")).await,
        V2Op::GetVpcLinks => vpc_links::list(call).await,
        V2Op::GetVpcLink => vpc_links::get(call, of("vpcLinkId")).await,
        V2Op::CreateVpcLink => vpc_links::create(call).await,
        V2Op::UpdateVpcLink => vpc_links::update(call, of("vpcLinkId")).await,
        V2Op::DeleteVpcLink => vpc_links::delete(call, of("vpcLinkId")).await,
        V2Op::ListRoutingRules => routing::list(call, of("domainName")).await,
        V2Op::GetRoutingRule => routing::get(call, of("domainName"), of("routingRuleId")).await,
        V2Op::CreateRoutingRule => routing::create(call, of("domainName")).await,
        V2Op::PutRoutingRule => routing::put(call, of("domainName"), of("routingRuleId")).await,
        V2Op::DeleteRoutingRule => {
            routing::delete(call, of("domainName"), of("routingRuleId")).await
        }
        // The parts of an API.
        _ => match parts::run(op, call, matched).await {
            Some(outcome) => outcome,
            None => return portals::run(matched),
        },
    })
}

/// The error of something that is not there, in AWS's words.
pub(crate) fn not_found(what: &str, id: &str) -> AwsError {
    AwsError::not_found(format!("Invalid {what} identifier specified {id}"))
        .with_resource_type(what)
}
