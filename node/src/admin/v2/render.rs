//! Resources as `apigatewayv2` shows them (service model 2018-11-29; times in ISO 8601).

use serde::Serialize;
use serde_json::{Value, json};
use tollgate_aws::wire::to_iso8601;
use tollgate_model::{Api, ApiMapping, Deployment, DomainName, Model, Stage};

use crate::admin::AdminState;

/// What AWS names where nothing is set.
const KEY_SELECTION: &str = "$request.header.x-api-key";
const ROUTE_SELECTION: &str = "$request.method $request.path";

pub(super) fn api(api: &Api, state: &AdminState) -> Value {
    let key = api.api_key_selection_expression.as_deref();
    let route = api.route_selection_expression.as_deref();
    let mut out = json!({
        "apiEndpoint": state.endpoints.of(&api.api_id, api.protocol_type, &state.region),
        "apiGatewayManaged": false,
        "apiId": api.api_id,
        "apiKeySelectionExpression": key.unwrap_or(KEY_SELECTION),
        "createdDate": to_iso8601(api.created_date.0),
        "disableExecuteApiEndpoint": api.disable_execute_api_endpoint,
        "disableSchemaValidation": api.disable_schema_validation,
        "ipAddressType": api.ip_address_type,
        "name": api.name,
        "protocolType": api.protocol_type,
        "routeSelectionExpression": route.unwrap_or(ROUTE_SELECTION),
        "tags": api.tags,
    });
    put(
        &mut out,
        "corsConfiguration",
        api.cors_configuration.as_ref(),
    );
    put(&mut out, "description", api.description.as_ref());
    put(&mut out, "version", api.version.as_ref());
    let told = |texts: &Vec<String>| (!texts.is_empty()).then(|| texts.clone());
    put(&mut out, "importInfo", told(&api.import_info).as_ref());
    put(&mut out, "warnings", told(&api.warnings).as_ref());
    out
}

pub(super) fn stage(stage: &Stage) -> Value {
    let mut out = json!({
        "apiGatewayManaged": stage.api_gateway_managed,
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
    let certificate = stage.client_certificate_id.as_ref();
    put(&mut out, "clientCertificateId", certificate);
    put(&mut out, "deploymentId", stage.deployment_id.as_ref());
    if let Some(id) = stage.deployment_id.as_ref().filter(|_| stage.auto_deploy) {
        let text = format!("Successfully deployed stage with deployment ID '{id}'");
        out["lastDeploymentStatusMessage"] = text.into();
    }
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

/// A domain name whose certificate is not there yet waits for it.
pub(super) fn domain_name(domain: &DomainName, model: &Model, state: &AdminState) -> Value {
    let set = domain.domain_name_configurations.first();
    let configuration = serde_json::to_value(set.cloned().unwrap_or_default());
    let mut configuration = configuration.unwrap_or_default();
    configuration["apiGatewayDomainName"] = domain.domain_name.as_str().into();
    configuration["domainNameStatus"] = "AVAILABLE".into();
    let (region, account) = (&state.region, &state.account_id);
    if let Some(name) = domain.certificate_name() {
        if configuration.get("certificateArn").is_none() {
            let arn = format!("arn:aws:acm:{region}:{account}:certificate/{name}");
            configuration["certificateArn"] = arn.into();
            configuration["certificateName"] = name.into();
        }
        if !model.certificates.contains_key(name) {
            let text = format!("there is no certificate {name}; apply an API file that has it");
            configuration["domainNameStatus"] = "PENDING_CERTIFICATE_REIMPORT".into();
            configuration["domainNameStatusMessage"] = text.into();
        }
    }
    let name = &domain.domain_name;
    let mut out = json!({
        "apiMappingSelectionExpression": "$request.basepath",
        "domainName": name,
        "domainNameArn": format!("arn:aws:apigateway:{region}::/domainnames/{name}"),
        "domainNameConfigurations": [configuration],
        "routingMode": domain.routing_mode,
        "tags": domain.tags,
    });
    let mutual = domain.mutual_tls_authentication.as_ref();
    put(&mut out, "mutualTlsAuthentication", mutual);
    out
}

pub(super) fn api_mapping(mapping: &ApiMapping) -> Value {
    json!({
        "apiId": mapping.api_id,
        "apiMappingId": mapping.api_mapping_id,
        "apiMappingKey": mapping.api_mapping_key,
        "stage": mapping.stage,
    })
}

fn put<T: Serialize>(out: &mut Value, name: &str, value: Option<&T>) {
    if let Some(value) = value {
        out[name] = serde_json::to_value(value).unwrap_or_default();
    }
}
