//! Resources as `apigatewayv2` shows them (service model 2018-11-29; times in ISO 8601).

use serde::Serialize;
use serde_json::{Map, Value, json};
use tollgate_aws::wire::to_iso8601;
use tollgate_model::{
    Api, ApiMapping, Deployment, DomainName, Integration, Route, Stage, Upstream,
};

use crate::admin::AdminState;

/// The timeout that AWS names where none is set, in milliseconds.
const TIMEOUT_MS_DEFAULT: u64 = tollgate_protocol::limits::INTEGRATION_TIMEOUT_MS;

pub(super) fn api(api: &Api, state: &AdminState) -> Value {
    let mut out = json!({
        "apiEndpoint": state.endpoints.of(&api.api_id, &state.region),
        "apiGatewayManaged": false,
        "apiId": api.api_id,
        "apiKeySelectionExpression": "$request.header.x-api-key",
        "createdDate": to_iso8601(api.created_date.0),
        "disableExecuteApiEndpoint": api.disable_execute_api_endpoint,
        "ipAddressType": "ipv4",
        "name": api.name,
        "protocolType": api.protocol_type,
        "routeSelectionExpression": "$request.method $request.path",
        "tags": api.tags,
    });
    put(
        &mut out,
        "corsConfiguration",
        api.cors_configuration.as_ref(),
    );
    put(&mut out, "description", api.description.as_ref());
    put(&mut out, "version", api.version.as_ref());
    out
}

pub(super) fn route(route: &Route) -> Value {
    let mut out = json!({
        "apiGatewayManaged": false,
        "apiKeyRequired": route.api_key_required,
        "authorizationType": "NONE",
        "routeId": route.route_id,
        "routeKey": route.route_key,
    });
    put(&mut out, "operationName", route.operation_name.as_ref());
    put(&mut out, "target", route.target.as_ref());
    out
}

/// The members of the model are AWS's; the timeout is named where it is the default.
pub(super) fn integration(integration: &Integration) -> Value {
    let mut out = serde_json::to_value(integration).unwrap_or_default();
    let timeout_ms = integration.timeout_in_millis.unwrap_or(TIMEOUT_MS_DEFAULT);
    out["apiGatewayManaged"] = false.into();
    out["timeoutInMillis"] = timeout_ms.into();
    out
}

pub(super) fn stage(stage: &Stage) -> Value {
    let mut out = json!({
        "apiGatewayManaged": false,
        "autoDeploy": stage.auto_deploy,
        "createdDate": to_iso8601(stage.created_date.0),
        "defaultRouteSettings": stage.default_route_settings,
        "lastUpdatedDate": to_iso8601(stage.last_updated_date.0),
        "routeSettings": stage.route_settings,
        "stageName": stage.stage_name,
        "stageVariables": stage.stage_variables,
        "tags": stage.tags,
    });
    put(
        &mut out,
        "accessLogSettings",
        stage.access_log_settings.as_ref(),
    );
    put(&mut out, "deploymentId", stage.deployment_id.as_ref());
    put(&mut out, "description", stage.description.as_ref());
    out
}

pub(super) fn deployment(deployment: &Deployment) -> Value {
    let mut out = json!({
        "autoDeployed": deployment.auto_deployed,
        "createdDate": to_iso8601(deployment.created_date.0),
        "deploymentId": deployment.deployment_id,
        "deploymentStatus": "DEPLOYED",
    });
    put(&mut out, "description", deployment.description.as_ref());
    out
}

pub(super) fn domain_name(domain: &DomainName, state: &AdminState) -> Value {
    let mut configuration = json!({
        "apiGatewayDomainName": domain.domain_name,
        "domainNameStatus": "AVAILABLE",
        "endpointType": "REGIONAL",
        "ipAddressType": "ipv4",
        "securityPolicy": "TLS_1_2",
    });
    if let Some(name) = &domain.certificate {
        let (region, account) = (&state.region, &state.account_id);
        let arn = format!("arn:aws:acm:{region}:{account}:certificate/{name}");
        configuration["certificateArn"] = arn.into();
        configuration["certificateName"] = name.as_str().into();
    }
    let (region, name) = (&state.region, &domain.domain_name);
    json!({
        "apiMappingSelectionExpression": "$request.basepath",
        "domainName": name,
        "domainNameArn": format!("arn:aws:apigateway:{region}::/domainnames/{name}"),
        "domainNameConfigurations": [configuration],
        "routingMode": "API_MAPPING_ONLY",
        "tags": domain.tags,
    })
}

pub(super) fn api_mapping(mapping: &ApiMapping) -> Value {
    json!({
        "apiId": mapping.api_id,
        "apiMappingId": mapping.api_mapping_id,
        "apiMappingKey": mapping.api_mapping_key,
        "stage": mapping.stage,
    })
}

/// An upstream group is what a VPC link leads to.
pub(super) fn vpc_link(upstream: &Upstream) -> Value {
    json!({
        "name": upstream.name,
        "securityGroupIds": [],
        "subnetIds": [],
        "tags": Map::new(),
        "vpcLinkId": upstream.name,
        "vpcLinkStatus": "AVAILABLE",
        "vpcLinkVersion": "V2",
    })
}

fn put<T: Serialize>(out: &mut Value, name: &str, value: Option<&T>) {
    if let Some(value) = value {
        out[name] = serde_json::to_value(value).unwrap_or_default();
    }
}
