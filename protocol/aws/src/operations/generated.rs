//! Written by `codegen/operations.py` from botocore 1.44.5's models:
//! change the script, not this file. Exempt from the length rule, it is a table.

use super::{Node, Op, Operation, Priority};
use crate::Service;

/// Operations on REST APIs and what belongs to them (`apigateway`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum V1Op {
    /// `POST /apikeys`, 201
    CreateApiKey,
    /// `POST /restapis/{restapi_id}/authorizers`, 201
    CreateAuthorizer,
    /// `POST /domainnames/{domain_name}/basepathmappings`, 201
    CreateBasePathMapping,
    /// `POST /restapis/{restapi_id}/deployments`, 201
    CreateDeployment,
    /// `POST /restapis/{restapi_id}/documentation/parts`, 201
    CreateDocumentationPart,
    /// `POST /restapis/{restapi_id}/documentation/versions`, 201
    CreateDocumentationVersion,
    /// `POST /domainnames`, 201
    CreateDomainName,
    /// `POST /domainnameaccessassociations`, 201
    CreateDomainNameAccessAssociation,
    /// `POST /restapis/{restapi_id}/models`, 201
    CreateModel,
    /// `POST /restapis/{restapi_id}/requestvalidators`, 201
    CreateRequestValidator,
    /// `POST /restapis/{restapi_id}/resources/{parent_id}`, 201
    CreateResource,
    /// `POST /restapis`, 201
    CreateRestApi,
    /// `POST /restapis/{restapi_id}/stages`, 201
    CreateStage,
    /// `POST /usageplans`, 201
    CreateUsagePlan,
    /// `POST /usageplans/{usageplanId}/keys`, 201
    CreateUsagePlanKey,
    /// `POST /vpclinks`, 202
    CreateVpcLink,
    /// `DELETE /apikeys/{api_Key}`, 202
    DeleteApiKey,
    /// `DELETE /restapis/{restapi_id}/authorizers/{authorizer_id}`, 202
    DeleteAuthorizer,
    /// `DELETE /domainnames/{domain_name}/basepathmappings/{base_path}`, 202
    DeleteBasePathMapping,
    /// `DELETE /clientcertificates/{clientcertificate_id}`, 202
    DeleteClientCertificate,
    /// `DELETE /restapis/{restapi_id}/deployments/{deployment_id}`, 202
    DeleteDeployment,
    /// `DELETE /restapis/{restapi_id}/documentation/parts/{part_id}`, 202
    DeleteDocumentationPart,
    /// `DELETE /restapis/{restapi_id}/documentation/versions/{doc_version}`, 202
    DeleteDocumentationVersion,
    /// `DELETE /domainnames/{domain_name}`, 202
    DeleteDomainName,
    /// `DELETE /domainnameaccessassociations/{domain_name_access_association_arn}`, 202
    DeleteDomainNameAccessAssociation,
    /// `DELETE /restapis/{restapi_id}/gatewayresponses/{response_type}`, 202
    DeleteGatewayResponse,
    /// `DELETE /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration`, 204
    DeleteIntegration,
    /// `DELETE /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration/responses/{status_code}`, 204
    DeleteIntegrationResponse,
    /// `DELETE /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}`, 204
    DeleteMethod,
    /// `DELETE /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/responses/{status_code}`, 204
    DeleteMethodResponse,
    /// `DELETE /restapis/{restapi_id}/models/{model_name}`, 202
    DeleteModel,
    /// `DELETE /restapis/{restapi_id}/requestvalidators/{requestvalidator_id}`, 202
    DeleteRequestValidator,
    /// `DELETE /restapis/{restapi_id}/resources/{resource_id}`, 202
    DeleteResource,
    /// `DELETE /restapis/{restapi_id}`, 202
    DeleteRestApi,
    /// `DELETE /restapis/{restapi_id}/stages/{stage_name}`, 202
    DeleteStage,
    /// `DELETE /usageplans/{usageplanId}`, 202
    DeleteUsagePlan,
    /// `DELETE /usageplans/{usageplanId}/keys/{keyId}`, 202
    DeleteUsagePlanKey,
    /// `DELETE /vpclinks/{vpclink_id}`, 202
    DeleteVpcLink,
    /// `DELETE /restapis/{restapi_id}/stages/{stage_name}/cache/authorizers`, 202
    FlushStageAuthorizersCache,
    /// `DELETE /restapis/{restapi_id}/stages/{stage_name}/cache/data`, 202
    FlushStageCache,
    /// `POST /clientcertificates`, 201
    GenerateClientCertificate,
    /// `GET /account`, 200
    GetAccount,
    /// `GET /apikeys/{api_Key}`, 200
    GetApiKey,
    /// `GET /apikeys`, 200
    GetApiKeys,
    /// `GET /restapis/{restapi_id}/authorizers/{authorizer_id}`, 200
    GetAuthorizer,
    /// `GET /restapis/{restapi_id}/authorizers`, 200
    GetAuthorizers,
    /// `GET /domainnames/{domain_name}/basepathmappings/{base_path}`, 200
    GetBasePathMapping,
    /// `GET /domainnames/{domain_name}/basepathmappings`, 200
    GetBasePathMappings,
    /// `GET /clientcertificates/{clientcertificate_id}`, 200
    GetClientCertificate,
    /// `GET /clientcertificates`, 200
    GetClientCertificates,
    /// `GET /restapis/{restapi_id}/deployments/{deployment_id}`, 200
    GetDeployment,
    /// `GET /restapis/{restapi_id}/deployments`, 200
    GetDeployments,
    /// `GET /restapis/{restapi_id}/documentation/parts/{part_id}`, 200
    GetDocumentationPart,
    /// `GET /restapis/{restapi_id}/documentation/parts`, 200
    GetDocumentationParts,
    /// `GET /restapis/{restapi_id}/documentation/versions/{doc_version}`, 200
    GetDocumentationVersion,
    /// `GET /restapis/{restapi_id}/documentation/versions`, 200
    GetDocumentationVersions,
    /// `GET /domainnames/{domain_name}`, 200
    GetDomainName,
    /// `GET /domainnameaccessassociations`, 200
    GetDomainNameAccessAssociations,
    /// `GET /domainnames`, 200
    GetDomainNames,
    /// `GET /restapis/{restapi_id}/stages/{stage_name}/exports/{export_type}`, 200
    GetExport,
    /// `GET /restapis/{restapi_id}/gatewayresponses/{response_type}`, 200
    GetGatewayResponse,
    /// `GET /restapis/{restapi_id}/gatewayresponses`, 200
    GetGatewayResponses,
    /// `GET /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration`, 200
    GetIntegration,
    /// `GET /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration/responses/{status_code}`, 200
    GetIntegrationResponse,
    /// `GET /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}`, 200
    GetMethod,
    /// `GET /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/responses/{status_code}`, 200
    GetMethodResponse,
    /// `GET /restapis/{restapi_id}/models/{model_name}`, 200
    GetModel,
    /// `GET /restapis/{restapi_id}/models/{model_name}/default_template`, 200
    GetModelTemplate,
    /// `GET /restapis/{restapi_id}/models`, 200
    GetModels,
    /// `GET /restapis/{restapi_id}/requestvalidators/{requestvalidator_id}`, 200
    GetRequestValidator,
    /// `GET /restapis/{restapi_id}/requestvalidators`, 200
    GetRequestValidators,
    /// `GET /restapis/{restapi_id}/resources/{resource_id}`, 200
    GetResource,
    /// `GET /restapis/{restapi_id}/resources`, 200
    GetResources,
    /// `GET /restapis/{restapi_id}`, 200
    GetRestApi,
    /// `GET /restapis`, 200
    GetRestApis,
    /// `GET /restapis/{restapi_id}/stages/{stage_name}/sdks/{sdk_type}`, 200
    GetSdk,
    /// `GET /sdktypes/{sdktype_id}`, 200
    GetSdkType,
    /// `GET /sdktypes`, 200
    GetSdkTypes,
    /// `GET /restapis/{restapi_id}/stages/{stage_name}`, 200
    GetStage,
    /// `GET /restapis/{restapi_id}/stages`, 200
    GetStages,
    /// `GET /tags/{resource_arn}`, 200
    GetTags,
    /// `GET /usageplans/{usageplanId}/usage`, 200
    GetUsage,
    /// `GET /usageplans/{usageplanId}`, 200
    GetUsagePlan,
    /// `GET /usageplans/{usageplanId}/keys/{keyId}`, 200
    GetUsagePlanKey,
    /// `GET /usageplans/{usageplanId}/keys`, 200
    GetUsagePlanKeys,
    /// `GET /usageplans`, 200
    GetUsagePlans,
    /// `GET /vpclinks/{vpclink_id}`, 200
    GetVpcLink,
    /// `GET /vpclinks`, 200
    GetVpcLinks,
    /// `POST /apikeys?mode=import`, 201
    ImportApiKeys,
    /// `PUT /restapis/{restapi_id}/documentation/parts`, 200
    ImportDocumentationParts,
    /// `POST /restapis?mode=import`, 201
    ImportRestApi,
    /// `PUT /restapis/{restapi_id}/gatewayresponses/{response_type}`, 201
    PutGatewayResponse,
    /// `PUT /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration`, 201
    PutIntegration,
    /// `PUT /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration/responses/{status_code}`, 201
    PutIntegrationResponse,
    /// `PUT /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}`, 201
    PutMethod,
    /// `PUT /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/responses/{status_code}`, 201
    PutMethodResponse,
    /// `PUT /restapis/{restapi_id}`, 200
    PutRestApi,
    /// `POST /rejectdomainnameaccessassociations`, 202
    RejectDomainNameAccessAssociation,
    /// `PUT /tags/{resource_arn}`, 204
    TagResource,
    /// `POST /restapis/{restapi_id}/authorizers/{authorizer_id}`, 200
    TestInvokeAuthorizer,
    /// `POST /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}`, 200
    TestInvokeMethod,
    /// `DELETE /tags/{resource_arn}`, 204
    UntagResource,
    /// `PATCH /account`, 200
    UpdateAccount,
    /// `PATCH /apikeys/{api_Key}`, 200
    UpdateApiKey,
    /// `PATCH /restapis/{restapi_id}/authorizers/{authorizer_id}`, 200
    UpdateAuthorizer,
    /// `PATCH /domainnames/{domain_name}/basepathmappings/{base_path}`, 200
    UpdateBasePathMapping,
    /// `PATCH /clientcertificates/{clientcertificate_id}`, 200
    UpdateClientCertificate,
    /// `PATCH /restapis/{restapi_id}/deployments/{deployment_id}`, 200
    UpdateDeployment,
    /// `PATCH /restapis/{restapi_id}/documentation/parts/{part_id}`, 200
    UpdateDocumentationPart,
    /// `PATCH /restapis/{restapi_id}/documentation/versions/{doc_version}`, 200
    UpdateDocumentationVersion,
    /// `PATCH /domainnames/{domain_name}`, 200
    UpdateDomainName,
    /// `PATCH /restapis/{restapi_id}/gatewayresponses/{response_type}`, 200
    UpdateGatewayResponse,
    /// `PATCH /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration`, 200
    UpdateIntegration,
    /// `PATCH /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration/responses/{status_code}`, 200
    UpdateIntegrationResponse,
    /// `PATCH /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}`, 200
    UpdateMethod,
    /// `PATCH /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/responses/{status_code}`, 201
    UpdateMethodResponse,
    /// `PATCH /restapis/{restapi_id}/models/{model_name}`, 200
    UpdateModel,
    /// `PATCH /restapis/{restapi_id}/requestvalidators/{requestvalidator_id}`, 200
    UpdateRequestValidator,
    /// `PATCH /restapis/{restapi_id}/resources/{resource_id}`, 200
    UpdateResource,
    /// `PATCH /restapis/{restapi_id}`, 200
    UpdateRestApi,
    /// `PATCH /restapis/{restapi_id}/stages/{stage_name}`, 200
    UpdateStage,
    /// `PATCH /usageplans/{usageplanId}/keys/{keyId}/usage`, 200
    UpdateUsage,
    /// `PATCH /usageplans/{usageplanId}`, 200
    UpdateUsagePlan,
    /// `PATCH /vpclinks/{vpclink_id}`, 200
    UpdateVpcLink,
}

/// Operations on HTTP and WebSocket APIs (`apigatewayv2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum V2Op {
    /// `POST /v2/apis`, 201
    CreateApi,
    /// `POST /v2/domainnames/{domainName}/apimappings`, 201
    CreateApiMapping,
    /// `POST /v2/apis/{apiId}/authorizers`, 201
    CreateAuthorizer,
    /// `POST /v2/apis/{apiId}/deployments`, 201
    CreateDeployment,
    /// `POST /v2/domainnames`, 201
    CreateDomainName,
    /// `POST /v2/apis/{apiId}/integrations`, 201
    CreateIntegration,
    /// `POST /v2/apis/{apiId}/integrations/{integrationId}/integrationresponses`, 201
    CreateIntegrationResponse,
    /// `POST /v2/apis/{apiId}/models`, 201
    CreateModel,
    /// `POST /v2/portals`, 201
    CreatePortal,
    /// `POST /v2/portalproducts`, 201
    CreatePortalProduct,
    /// `POST /v2/portalproducts/{portalProductId}/productpages`, 201
    CreateProductPage,
    /// `POST /v2/portalproducts/{portalProductId}/productrestendpointpages`, 201
    CreateProductRestEndpointPage,
    /// `POST /v2/apis/{apiId}/routes`, 201
    CreateRoute,
    /// `POST /v2/apis/{apiId}/routes/{routeId}/routeresponses`, 201
    CreateRouteResponse,
    /// `POST /v2/domainnames/{domainName}/routingrules`, 201
    CreateRoutingRule,
    /// `POST /v2/apis/{apiId}/stages`, 201
    CreateStage,
    /// `POST /v2/vpclinks`, 201
    CreateVpcLink,
    /// `DELETE /v2/apis/{apiId}/stages/{stageName}/accesslogsettings`, 204
    DeleteAccessLogSettings,
    /// `DELETE /v2/apis/{apiId}`, 204
    DeleteApi,
    /// `DELETE /v2/domainnames/{domainName}/apimappings/{apiMappingId}`, 204
    DeleteApiMapping,
    /// `DELETE /v2/apis/{apiId}/authorizers/{authorizerId}`, 204
    DeleteAuthorizer,
    /// `DELETE /v2/apis/{apiId}/cors`, 204
    DeleteCorsConfiguration,
    /// `DELETE /v2/apis/{apiId}/deployments/{deploymentId}`, 204
    DeleteDeployment,
    /// `DELETE /v2/domainnames/{domainName}`, 204
    DeleteDomainName,
    /// `DELETE /v2/apis/{apiId}/integrations/{integrationId}`, 204
    DeleteIntegration,
    /// `DELETE /v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId}`, 204
    DeleteIntegrationResponse,
    /// `DELETE /v2/apis/{apiId}/models/{modelId}`, 204
    DeleteModel,
    /// `DELETE /v2/portals/{portalId}`, 204
    DeletePortal,
    /// `DELETE /v2/portalproducts/{portalProductId}`, 204
    DeletePortalProduct,
    /// `DELETE /v2/portalproducts/{portalProductId}/sharingpolicy`, 204
    DeletePortalProductSharingPolicy,
    /// `DELETE /v2/portalproducts/{portalProductId}/productpages/{productPageId}`, 204
    DeleteProductPage,
    /// `DELETE /v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId}`, 204
    DeleteProductRestEndpointPage,
    /// `DELETE /v2/apis/{apiId}/routes/{routeId}`, 204
    DeleteRoute,
    /// `DELETE /v2/apis/{apiId}/routes/{routeId}/requestparameters/{requestParameterKey}`, 204
    DeleteRouteRequestParameter,
    /// `DELETE /v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId}`, 204
    DeleteRouteResponse,
    /// `DELETE /v2/apis/{apiId}/stages/{stageName}/routesettings/{routeKey}`, 204
    DeleteRouteSettings,
    /// `DELETE /v2/domainnames/{domainName}/routingrules/{routingRuleId}`, 204
    DeleteRoutingRule,
    /// `DELETE /v2/apis/{apiId}/stages/{stageName}`, 204
    DeleteStage,
    /// `DELETE /v2/vpclinks/{vpcLinkId}`, 202
    DeleteVpcLink,
    /// `DELETE /v2/portals/{portalId}/publish`, 204
    DisablePortal,
    /// `GET /v2/apis/{apiId}/exports/{specification}`, 200
    ExportApi,
    /// `GET /v2/apis/{apiId}`, 200
    GetApi,
    /// `GET /v2/domainnames/{domainName}/apimappings/{apiMappingId}`, 200
    GetApiMapping,
    /// `GET /v2/domainnames/{domainName}/apimappings`, 200
    GetApiMappings,
    /// `GET /v2/apis`, 200
    GetApis,
    /// `GET /v2/apis/{apiId}/authorizers/{authorizerId}`, 200
    GetAuthorizer,
    /// `GET /v2/apis/{apiId}/authorizers`, 200
    GetAuthorizers,
    /// `GET /v2/apis/{apiId}/deployments/{deploymentId}`, 200
    GetDeployment,
    /// `GET /v2/apis/{apiId}/deployments`, 200
    GetDeployments,
    /// `GET /v2/domainnames/{domainName}`, 200
    GetDomainName,
    /// `GET /v2/domainnames`, 200
    GetDomainNames,
    /// `GET /v2/apis/{apiId}/integrations/{integrationId}`, 200
    GetIntegration,
    /// `GET /v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId}`, 200
    GetIntegrationResponse,
    /// `GET /v2/apis/{apiId}/integrations/{integrationId}/integrationresponses`, 200
    GetIntegrationResponses,
    /// `GET /v2/apis/{apiId}/integrations`, 200
    GetIntegrations,
    /// `GET /v2/apis/{apiId}/models/{modelId}`, 200
    GetModel,
    /// `GET /v2/apis/{apiId}/models/{modelId}/template`, 200
    GetModelTemplate,
    /// `GET /v2/apis/{apiId}/models`, 200
    GetModels,
    /// `GET /v2/portals/{portalId}`, 200
    GetPortal,
    /// `GET /v2/portalproducts/{portalProductId}`, 200
    GetPortalProduct,
    /// `GET /v2/portalproducts/{portalProductId}/sharingpolicy`, 200
    GetPortalProductSharingPolicy,
    /// `GET /v2/portalproducts/{portalProductId}/productpages/{productPageId}`, 200
    GetProductPage,
    /// `GET /v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId}`, 200
    GetProductRestEndpointPage,
    /// `GET /v2/apis/{apiId}/routes/{routeId}`, 200
    GetRoute,
    /// `GET /v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId}`, 200
    GetRouteResponse,
    /// `GET /v2/apis/{apiId}/routes/{routeId}/routeresponses`, 200
    GetRouteResponses,
    /// `GET /v2/apis/{apiId}/routes`, 200
    GetRoutes,
    /// `GET /v2/domainnames/{domainName}/routingrules/{routingRuleId}`, 200
    GetRoutingRule,
    /// `GET /v2/apis/{apiId}/stages/{stageName}`, 200
    GetStage,
    /// `GET /v2/apis/{apiId}/stages`, 200
    GetStages,
    /// `GET /v2/tags/{resource-arn}`, 200
    GetTags,
    /// `GET /v2/vpclinks/{vpcLinkId}`, 200
    GetVpcLink,
    /// `GET /v2/vpclinks`, 200
    GetVpcLinks,
    /// `PUT /v2/apis`, 201
    ImportApi,
    /// `GET /v2/portalproducts`, 200
    ListPortalProducts,
    /// `GET /v2/portals`, 200
    ListPortals,
    /// `GET /v2/portalproducts/{portalProductId}/productpages`, 200
    ListProductPages,
    /// `GET /v2/portalproducts/{portalProductId}/productrestendpointpages`, 200
    ListProductRestEndpointPages,
    /// `GET /v2/domainnames/{domainName}/routingrules`, 200
    ListRoutingRules,
    /// `POST /v2/portals/{portalId}/preview`, 202
    PreviewPortal,
    /// `POST /v2/portals/{portalId}/publish`, 202
    PublishPortal,
    /// `PUT /v2/portalproducts/{portalProductId}/sharingpolicy`, 200
    PutPortalProductSharingPolicy,
    /// `PUT /v2/domainnames/{domainName}/routingrules/{routingRuleId}`, 200
    PutRoutingRule,
    /// `PUT /v2/apis/{apiId}`, 201
    ReimportApi,
    /// `DELETE /v2/apis/{apiId}/stages/{stageName}/cache/authorizers`, 204
    ResetAuthorizersCache,
    /// `POST /v2/tags/{resource-arn}`, 201
    TagResource,
    /// `DELETE /v2/tags/{resource-arn}`, 204
    UntagResource,
    /// `PATCH /v2/apis/{apiId}`, 200
    UpdateApi,
    /// `PATCH /v2/domainnames/{domainName}/apimappings/{apiMappingId}`, 200
    UpdateApiMapping,
    /// `PATCH /v2/apis/{apiId}/authorizers/{authorizerId}`, 200
    UpdateAuthorizer,
    /// `PATCH /v2/apis/{apiId}/deployments/{deploymentId}`, 200
    UpdateDeployment,
    /// `PATCH /v2/domainnames/{domainName}`, 200
    UpdateDomainName,
    /// `PATCH /v2/apis/{apiId}/integrations/{integrationId}`, 200
    UpdateIntegration,
    /// `PATCH /v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId}`, 200
    UpdateIntegrationResponse,
    /// `PATCH /v2/apis/{apiId}/models/{modelId}`, 200
    UpdateModel,
    /// `PATCH /v2/portals/{portalId}`, 200
    UpdatePortal,
    /// `PATCH /v2/portalproducts/{portalProductId}`, 200
    UpdatePortalProduct,
    /// `PATCH /v2/portalproducts/{portalProductId}/productpages/{productPageId}`, 200
    UpdateProductPage,
    /// `PATCH /v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId}`, 200
    UpdateProductRestEndpointPage,
    /// `PATCH /v2/apis/{apiId}/routes/{routeId}`, 200
    UpdateRoute,
    /// `PATCH /v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId}`, 200
    UpdateRouteResponse,
    /// `PATCH /v2/apis/{apiId}/stages/{stageName}`, 200
    UpdateStage,
    /// `PATCH /v2/vpclinks/{vpcLinkId}`, 200
    UpdateVpcLink,
}

/// Operations on open WebSocket connections (`@connections`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ManagementOp {
    /// `DELETE /@connections/{connectionId}`, 204
    DeleteConnection,
    /// `GET /@connections/{connectionId}`, 200
    GetConnection,
    /// `POST /@connections/{connectionId}`, 200
    PostToConnection,
}

/// Every operation, ordered by service and name.
pub static OPERATIONS: [Operation; 230] = [
    Operation { op: Op::V1(V1Op::CreateApiKey), service: Service::ApiGateway, name: "CreateApiKey", method: "POST", uri: "/apikeys", query: None, status: 201, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V1(V1Op::CreateAuthorizer), service: Service::ApiGateway, name: "CreateAuthorizer", method: "POST", uri: "/restapis/{restapi_id}/authorizers", query: None, status: 201, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::CreateBasePathMapping), service: Service::ApiGateway, name: "CreateBasePathMapping", method: "POST", uri: "/domainnames/{domain_name}/basepathmappings", query: None, status: 201, priority: Priority::Must, labels: &["domain_name"] },
    Operation { op: Op::V1(V1Op::CreateDeployment), service: Service::ApiGateway, name: "CreateDeployment", method: "POST", uri: "/restapis/{restapi_id}/deployments", query: None, status: 201, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::CreateDocumentationPart), service: Service::ApiGateway, name: "CreateDocumentationPart", method: "POST", uri: "/restapis/{restapi_id}/documentation/parts", query: None, status: 201, priority: Priority::Should, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::CreateDocumentationVersion), service: Service::ApiGateway, name: "CreateDocumentationVersion", method: "POST", uri: "/restapis/{restapi_id}/documentation/versions", query: None, status: 201, priority: Priority::Should, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::CreateDomainName), service: Service::ApiGateway, name: "CreateDomainName", method: "POST", uri: "/domainnames", query: None, status: 201, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V1(V1Op::CreateDomainNameAccessAssociation), service: Service::ApiGateway, name: "CreateDomainNameAccessAssociation", method: "POST", uri: "/domainnameaccessassociations", query: None, status: 201, priority: Priority::Irrelevant, labels: &[] },
    Operation { op: Op::V1(V1Op::CreateModel), service: Service::ApiGateway, name: "CreateModel", method: "POST", uri: "/restapis/{restapi_id}/models", query: None, status: 201, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::CreateRequestValidator), service: Service::ApiGateway, name: "CreateRequestValidator", method: "POST", uri: "/restapis/{restapi_id}/requestvalidators", query: None, status: 201, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::CreateResource), service: Service::ApiGateway, name: "CreateResource", method: "POST", uri: "/restapis/{restapi_id}/resources/{parent_id}", query: None, status: 201, priority: Priority::Must, labels: &["restapi_id", "parent_id"] },
    Operation { op: Op::V1(V1Op::CreateRestApi), service: Service::ApiGateway, name: "CreateRestApi", method: "POST", uri: "/restapis", query: None, status: 201, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V1(V1Op::CreateStage), service: Service::ApiGateway, name: "CreateStage", method: "POST", uri: "/restapis/{restapi_id}/stages", query: None, status: 201, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::CreateUsagePlan), service: Service::ApiGateway, name: "CreateUsagePlan", method: "POST", uri: "/usageplans", query: None, status: 201, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V1(V1Op::CreateUsagePlanKey), service: Service::ApiGateway, name: "CreateUsagePlanKey", method: "POST", uri: "/usageplans/{usageplanId}/keys", query: None, status: 201, priority: Priority::Must, labels: &["usageplanId"] },
    Operation { op: Op::V1(V1Op::CreateVpcLink), service: Service::ApiGateway, name: "CreateVpcLink", method: "POST", uri: "/vpclinks", query: None, status: 202, priority: Priority::Should, labels: &[] },
    Operation { op: Op::V1(V1Op::DeleteApiKey), service: Service::ApiGateway, name: "DeleteApiKey", method: "DELETE", uri: "/apikeys/{api_Key}", query: None, status: 202, priority: Priority::Must, labels: &["api_Key"] },
    Operation { op: Op::V1(V1Op::DeleteAuthorizer), service: Service::ApiGateway, name: "DeleteAuthorizer", method: "DELETE", uri: "/restapis/{restapi_id}/authorizers/{authorizer_id}", query: None, status: 202, priority: Priority::Must, labels: &["restapi_id", "authorizer_id"] },
    Operation { op: Op::V1(V1Op::DeleteBasePathMapping), service: Service::ApiGateway, name: "DeleteBasePathMapping", method: "DELETE", uri: "/domainnames/{domain_name}/basepathmappings/{base_path}", query: None, status: 202, priority: Priority::Must, labels: &["domain_name", "base_path"] },
    Operation { op: Op::V1(V1Op::DeleteClientCertificate), service: Service::ApiGateway, name: "DeleteClientCertificate", method: "DELETE", uri: "/clientcertificates/{clientcertificate_id}", query: None, status: 202, priority: Priority::Should, labels: &["clientcertificate_id"] },
    Operation { op: Op::V1(V1Op::DeleteDeployment), service: Service::ApiGateway, name: "DeleteDeployment", method: "DELETE", uri: "/restapis/{restapi_id}/deployments/{deployment_id}", query: None, status: 202, priority: Priority::Must, labels: &["restapi_id", "deployment_id"] },
    Operation { op: Op::V1(V1Op::DeleteDocumentationPart), service: Service::ApiGateway, name: "DeleteDocumentationPart", method: "DELETE", uri: "/restapis/{restapi_id}/documentation/parts/{part_id}", query: None, status: 202, priority: Priority::Should, labels: &["restapi_id", "part_id"] },
    Operation { op: Op::V1(V1Op::DeleteDocumentationVersion), service: Service::ApiGateway, name: "DeleteDocumentationVersion", method: "DELETE", uri: "/restapis/{restapi_id}/documentation/versions/{doc_version}", query: None, status: 202, priority: Priority::Should, labels: &["restapi_id", "doc_version"] },
    Operation { op: Op::V1(V1Op::DeleteDomainName), service: Service::ApiGateway, name: "DeleteDomainName", method: "DELETE", uri: "/domainnames/{domain_name}", query: None, status: 202, priority: Priority::Must, labels: &["domain_name"] },
    Operation { op: Op::V1(V1Op::DeleteDomainNameAccessAssociation), service: Service::ApiGateway, name: "DeleteDomainNameAccessAssociation", method: "DELETE", uri: "/domainnameaccessassociations/{domain_name_access_association_arn}", query: None, status: 202, priority: Priority::Irrelevant, labels: &["domain_name_access_association_arn"] },
    Operation { op: Op::V1(V1Op::DeleteGatewayResponse), service: Service::ApiGateway, name: "DeleteGatewayResponse", method: "DELETE", uri: "/restapis/{restapi_id}/gatewayresponses/{response_type}", query: None, status: 202, priority: Priority::Must, labels: &["restapi_id", "response_type"] },
    Operation { op: Op::V1(V1Op::DeleteIntegration), service: Service::ApiGateway, name: "DeleteIntegration", method: "DELETE", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration", query: None, status: 204, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method"] },
    Operation { op: Op::V1(V1Op::DeleteIntegrationResponse), service: Service::ApiGateway, name: "DeleteIntegrationResponse", method: "DELETE", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration/responses/{status_code}", query: None, status: 204, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method", "status_code"] },
    Operation { op: Op::V1(V1Op::DeleteMethod), service: Service::ApiGateway, name: "DeleteMethod", method: "DELETE", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}", query: None, status: 204, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method"] },
    Operation { op: Op::V1(V1Op::DeleteMethodResponse), service: Service::ApiGateway, name: "DeleteMethodResponse", method: "DELETE", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/responses/{status_code}", query: None, status: 204, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method", "status_code"] },
    Operation { op: Op::V1(V1Op::DeleteModel), service: Service::ApiGateway, name: "DeleteModel", method: "DELETE", uri: "/restapis/{restapi_id}/models/{model_name}", query: None, status: 202, priority: Priority::Must, labels: &["restapi_id", "model_name"] },
    Operation { op: Op::V1(V1Op::DeleteRequestValidator), service: Service::ApiGateway, name: "DeleteRequestValidator", method: "DELETE", uri: "/restapis/{restapi_id}/requestvalidators/{requestvalidator_id}", query: None, status: 202, priority: Priority::Must, labels: &["restapi_id", "requestvalidator_id"] },
    Operation { op: Op::V1(V1Op::DeleteResource), service: Service::ApiGateway, name: "DeleteResource", method: "DELETE", uri: "/restapis/{restapi_id}/resources/{resource_id}", query: None, status: 202, priority: Priority::Must, labels: &["restapi_id", "resource_id"] },
    Operation { op: Op::V1(V1Op::DeleteRestApi), service: Service::ApiGateway, name: "DeleteRestApi", method: "DELETE", uri: "/restapis/{restapi_id}", query: None, status: 202, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::DeleteStage), service: Service::ApiGateway, name: "DeleteStage", method: "DELETE", uri: "/restapis/{restapi_id}/stages/{stage_name}", query: None, status: 202, priority: Priority::Must, labels: &["restapi_id", "stage_name"] },
    Operation { op: Op::V1(V1Op::DeleteUsagePlan), service: Service::ApiGateway, name: "DeleteUsagePlan", method: "DELETE", uri: "/usageplans/{usageplanId}", query: None, status: 202, priority: Priority::Must, labels: &["usageplanId"] },
    Operation { op: Op::V1(V1Op::DeleteUsagePlanKey), service: Service::ApiGateway, name: "DeleteUsagePlanKey", method: "DELETE", uri: "/usageplans/{usageplanId}/keys/{keyId}", query: None, status: 202, priority: Priority::Must, labels: &["usageplanId", "keyId"] },
    Operation { op: Op::V1(V1Op::DeleteVpcLink), service: Service::ApiGateway, name: "DeleteVpcLink", method: "DELETE", uri: "/vpclinks/{vpclink_id}", query: None, status: 202, priority: Priority::Should, labels: &["vpclink_id"] },
    Operation { op: Op::V1(V1Op::FlushStageAuthorizersCache), service: Service::ApiGateway, name: "FlushStageAuthorizersCache", method: "DELETE", uri: "/restapis/{restapi_id}/stages/{stage_name}/cache/authorizers", query: None, status: 202, priority: Priority::Must, labels: &["restapi_id", "stage_name"] },
    Operation { op: Op::V1(V1Op::FlushStageCache), service: Service::ApiGateway, name: "FlushStageCache", method: "DELETE", uri: "/restapis/{restapi_id}/stages/{stage_name}/cache/data", query: None, status: 202, priority: Priority::Must, labels: &["restapi_id", "stage_name"] },
    Operation { op: Op::V1(V1Op::GenerateClientCertificate), service: Service::ApiGateway, name: "GenerateClientCertificate", method: "POST", uri: "/clientcertificates", query: None, status: 201, priority: Priority::Should, labels: &[] },
    Operation { op: Op::V1(V1Op::GetAccount), service: Service::ApiGateway, name: "GetAccount", method: "GET", uri: "/account", query: None, status: 200, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V1(V1Op::GetApiKey), service: Service::ApiGateway, name: "GetApiKey", method: "GET", uri: "/apikeys/{api_Key}", query: None, status: 200, priority: Priority::Must, labels: &["api_Key"] },
    Operation { op: Op::V1(V1Op::GetApiKeys), service: Service::ApiGateway, name: "GetApiKeys", method: "GET", uri: "/apikeys", query: None, status: 200, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V1(V1Op::GetAuthorizer), service: Service::ApiGateway, name: "GetAuthorizer", method: "GET", uri: "/restapis/{restapi_id}/authorizers/{authorizer_id}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "authorizer_id"] },
    Operation { op: Op::V1(V1Op::GetAuthorizers), service: Service::ApiGateway, name: "GetAuthorizers", method: "GET", uri: "/restapis/{restapi_id}/authorizers", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::GetBasePathMapping), service: Service::ApiGateway, name: "GetBasePathMapping", method: "GET", uri: "/domainnames/{domain_name}/basepathmappings/{base_path}", query: None, status: 200, priority: Priority::Must, labels: &["domain_name", "base_path"] },
    Operation { op: Op::V1(V1Op::GetBasePathMappings), service: Service::ApiGateway, name: "GetBasePathMappings", method: "GET", uri: "/domainnames/{domain_name}/basepathmappings", query: None, status: 200, priority: Priority::Must, labels: &["domain_name"] },
    Operation { op: Op::V1(V1Op::GetClientCertificate), service: Service::ApiGateway, name: "GetClientCertificate", method: "GET", uri: "/clientcertificates/{clientcertificate_id}", query: None, status: 200, priority: Priority::Should, labels: &["clientcertificate_id"] },
    Operation { op: Op::V1(V1Op::GetClientCertificates), service: Service::ApiGateway, name: "GetClientCertificates", method: "GET", uri: "/clientcertificates", query: None, status: 200, priority: Priority::Should, labels: &[] },
    Operation { op: Op::V1(V1Op::GetDeployment), service: Service::ApiGateway, name: "GetDeployment", method: "GET", uri: "/restapis/{restapi_id}/deployments/{deployment_id}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "deployment_id"] },
    Operation { op: Op::V1(V1Op::GetDeployments), service: Service::ApiGateway, name: "GetDeployments", method: "GET", uri: "/restapis/{restapi_id}/deployments", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::GetDocumentationPart), service: Service::ApiGateway, name: "GetDocumentationPart", method: "GET", uri: "/restapis/{restapi_id}/documentation/parts/{part_id}", query: None, status: 200, priority: Priority::Should, labels: &["restapi_id", "part_id"] },
    Operation { op: Op::V1(V1Op::GetDocumentationParts), service: Service::ApiGateway, name: "GetDocumentationParts", method: "GET", uri: "/restapis/{restapi_id}/documentation/parts", query: None, status: 200, priority: Priority::Should, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::GetDocumentationVersion), service: Service::ApiGateway, name: "GetDocumentationVersion", method: "GET", uri: "/restapis/{restapi_id}/documentation/versions/{doc_version}", query: None, status: 200, priority: Priority::Should, labels: &["restapi_id", "doc_version"] },
    Operation { op: Op::V1(V1Op::GetDocumentationVersions), service: Service::ApiGateway, name: "GetDocumentationVersions", method: "GET", uri: "/restapis/{restapi_id}/documentation/versions", query: None, status: 200, priority: Priority::Should, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::GetDomainName), service: Service::ApiGateway, name: "GetDomainName", method: "GET", uri: "/domainnames/{domain_name}", query: None, status: 200, priority: Priority::Must, labels: &["domain_name"] },
    Operation { op: Op::V1(V1Op::GetDomainNameAccessAssociations), service: Service::ApiGateway, name: "GetDomainNameAccessAssociations", method: "GET", uri: "/domainnameaccessassociations", query: None, status: 200, priority: Priority::Irrelevant, labels: &[] },
    Operation { op: Op::V1(V1Op::GetDomainNames), service: Service::ApiGateway, name: "GetDomainNames", method: "GET", uri: "/domainnames", query: None, status: 200, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V1(V1Op::GetExport), service: Service::ApiGateway, name: "GetExport", method: "GET", uri: "/restapis/{restapi_id}/stages/{stage_name}/exports/{export_type}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "stage_name", "export_type"] },
    Operation { op: Op::V1(V1Op::GetGatewayResponse), service: Service::ApiGateway, name: "GetGatewayResponse", method: "GET", uri: "/restapis/{restapi_id}/gatewayresponses/{response_type}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "response_type"] },
    Operation { op: Op::V1(V1Op::GetGatewayResponses), service: Service::ApiGateway, name: "GetGatewayResponses", method: "GET", uri: "/restapis/{restapi_id}/gatewayresponses", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::GetIntegration), service: Service::ApiGateway, name: "GetIntegration", method: "GET", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method"] },
    Operation { op: Op::V1(V1Op::GetIntegrationResponse), service: Service::ApiGateway, name: "GetIntegrationResponse", method: "GET", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration/responses/{status_code}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method", "status_code"] },
    Operation { op: Op::V1(V1Op::GetMethod), service: Service::ApiGateway, name: "GetMethod", method: "GET", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method"] },
    Operation { op: Op::V1(V1Op::GetMethodResponse), service: Service::ApiGateway, name: "GetMethodResponse", method: "GET", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/responses/{status_code}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method", "status_code"] },
    Operation { op: Op::V1(V1Op::GetModel), service: Service::ApiGateway, name: "GetModel", method: "GET", uri: "/restapis/{restapi_id}/models/{model_name}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "model_name"] },
    Operation { op: Op::V1(V1Op::GetModelTemplate), service: Service::ApiGateway, name: "GetModelTemplate", method: "GET", uri: "/restapis/{restapi_id}/models/{model_name}/default_template", query: None, status: 200, priority: Priority::Should, labels: &["restapi_id", "model_name"] },
    Operation { op: Op::V1(V1Op::GetModels), service: Service::ApiGateway, name: "GetModels", method: "GET", uri: "/restapis/{restapi_id}/models", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::GetRequestValidator), service: Service::ApiGateway, name: "GetRequestValidator", method: "GET", uri: "/restapis/{restapi_id}/requestvalidators/{requestvalidator_id}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "requestvalidator_id"] },
    Operation { op: Op::V1(V1Op::GetRequestValidators), service: Service::ApiGateway, name: "GetRequestValidators", method: "GET", uri: "/restapis/{restapi_id}/requestvalidators", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::GetResource), service: Service::ApiGateway, name: "GetResource", method: "GET", uri: "/restapis/{restapi_id}/resources/{resource_id}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "resource_id"] },
    Operation { op: Op::V1(V1Op::GetResources), service: Service::ApiGateway, name: "GetResources", method: "GET", uri: "/restapis/{restapi_id}/resources", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::GetRestApi), service: Service::ApiGateway, name: "GetRestApi", method: "GET", uri: "/restapis/{restapi_id}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::GetRestApis), service: Service::ApiGateway, name: "GetRestApis", method: "GET", uri: "/restapis", query: None, status: 200, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V1(V1Op::GetSdk), service: Service::ApiGateway, name: "GetSdk", method: "GET", uri: "/restapis/{restapi_id}/stages/{stage_name}/sdks/{sdk_type}", query: None, status: 200, priority: Priority::Low, labels: &["restapi_id", "stage_name", "sdk_type"] },
    Operation { op: Op::V1(V1Op::GetSdkType), service: Service::ApiGateway, name: "GetSdkType", method: "GET", uri: "/sdktypes/{sdktype_id}", query: None, status: 200, priority: Priority::Low, labels: &["sdktype_id"] },
    Operation { op: Op::V1(V1Op::GetSdkTypes), service: Service::ApiGateway, name: "GetSdkTypes", method: "GET", uri: "/sdktypes", query: None, status: 200, priority: Priority::Low, labels: &[] },
    Operation { op: Op::V1(V1Op::GetStage), service: Service::ApiGateway, name: "GetStage", method: "GET", uri: "/restapis/{restapi_id}/stages/{stage_name}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "stage_name"] },
    Operation { op: Op::V1(V1Op::GetStages), service: Service::ApiGateway, name: "GetStages", method: "GET", uri: "/restapis/{restapi_id}/stages", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::GetTags), service: Service::ApiGateway, name: "GetTags", method: "GET", uri: "/tags/{resource_arn}", query: None, status: 200, priority: Priority::Must, labels: &["resource_arn"] },
    Operation { op: Op::V1(V1Op::GetUsage), service: Service::ApiGateway, name: "GetUsage", method: "GET", uri: "/usageplans/{usageplanId}/usage", query: None, status: 200, priority: Priority::Must, labels: &["usageplanId"] },
    Operation { op: Op::V1(V1Op::GetUsagePlan), service: Service::ApiGateway, name: "GetUsagePlan", method: "GET", uri: "/usageplans/{usageplanId}", query: None, status: 200, priority: Priority::Must, labels: &["usageplanId"] },
    Operation { op: Op::V1(V1Op::GetUsagePlanKey), service: Service::ApiGateway, name: "GetUsagePlanKey", method: "GET", uri: "/usageplans/{usageplanId}/keys/{keyId}", query: None, status: 200, priority: Priority::Must, labels: &["usageplanId", "keyId"] },
    Operation { op: Op::V1(V1Op::GetUsagePlanKeys), service: Service::ApiGateway, name: "GetUsagePlanKeys", method: "GET", uri: "/usageplans/{usageplanId}/keys", query: None, status: 200, priority: Priority::Must, labels: &["usageplanId"] },
    Operation { op: Op::V1(V1Op::GetUsagePlans), service: Service::ApiGateway, name: "GetUsagePlans", method: "GET", uri: "/usageplans", query: None, status: 200, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V1(V1Op::GetVpcLink), service: Service::ApiGateway, name: "GetVpcLink", method: "GET", uri: "/vpclinks/{vpclink_id}", query: None, status: 200, priority: Priority::Should, labels: &["vpclink_id"] },
    Operation { op: Op::V1(V1Op::GetVpcLinks), service: Service::ApiGateway, name: "GetVpcLinks", method: "GET", uri: "/vpclinks", query: None, status: 200, priority: Priority::Should, labels: &[] },
    Operation { op: Op::V1(V1Op::ImportApiKeys), service: Service::ApiGateway, name: "ImportApiKeys", method: "POST", uri: "/apikeys", query: Some(("mode", "import")), status: 201, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V1(V1Op::ImportDocumentationParts), service: Service::ApiGateway, name: "ImportDocumentationParts", method: "PUT", uri: "/restapis/{restapi_id}/documentation/parts", query: None, status: 200, priority: Priority::Should, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::ImportRestApi), service: Service::ApiGateway, name: "ImportRestApi", method: "POST", uri: "/restapis", query: Some(("mode", "import")), status: 201, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V1(V1Op::PutGatewayResponse), service: Service::ApiGateway, name: "PutGatewayResponse", method: "PUT", uri: "/restapis/{restapi_id}/gatewayresponses/{response_type}", query: None, status: 201, priority: Priority::Must, labels: &["restapi_id", "response_type"] },
    Operation { op: Op::V1(V1Op::PutIntegration), service: Service::ApiGateway, name: "PutIntegration", method: "PUT", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration", query: None, status: 201, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method"] },
    Operation { op: Op::V1(V1Op::PutIntegrationResponse), service: Service::ApiGateway, name: "PutIntegrationResponse", method: "PUT", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration/responses/{status_code}", query: None, status: 201, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method", "status_code"] },
    Operation { op: Op::V1(V1Op::PutMethod), service: Service::ApiGateway, name: "PutMethod", method: "PUT", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}", query: None, status: 201, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method"] },
    Operation { op: Op::V1(V1Op::PutMethodResponse), service: Service::ApiGateway, name: "PutMethodResponse", method: "PUT", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/responses/{status_code}", query: None, status: 201, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method", "status_code"] },
    Operation { op: Op::V1(V1Op::PutRestApi), service: Service::ApiGateway, name: "PutRestApi", method: "PUT", uri: "/restapis/{restapi_id}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::RejectDomainNameAccessAssociation), service: Service::ApiGateway, name: "RejectDomainNameAccessAssociation", method: "POST", uri: "/rejectdomainnameaccessassociations", query: None, status: 202, priority: Priority::Irrelevant, labels: &[] },
    Operation { op: Op::V1(V1Op::TagResource), service: Service::ApiGateway, name: "TagResource", method: "PUT", uri: "/tags/{resource_arn}", query: None, status: 204, priority: Priority::Must, labels: &["resource_arn"] },
    Operation { op: Op::V1(V1Op::TestInvokeAuthorizer), service: Service::ApiGateway, name: "TestInvokeAuthorizer", method: "POST", uri: "/restapis/{restapi_id}/authorizers/{authorizer_id}", query: None, status: 200, priority: Priority::Should, labels: &["restapi_id", "authorizer_id"] },
    Operation { op: Op::V1(V1Op::TestInvokeMethod), service: Service::ApiGateway, name: "TestInvokeMethod", method: "POST", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}", query: None, status: 200, priority: Priority::Should, labels: &["restapi_id", "resource_id", "http_method"] },
    Operation { op: Op::V1(V1Op::UntagResource), service: Service::ApiGateway, name: "UntagResource", method: "DELETE", uri: "/tags/{resource_arn}", query: None, status: 204, priority: Priority::Must, labels: &["resource_arn"] },
    Operation { op: Op::V1(V1Op::UpdateAccount), service: Service::ApiGateway, name: "UpdateAccount", method: "PATCH", uri: "/account", query: None, status: 200, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V1(V1Op::UpdateApiKey), service: Service::ApiGateway, name: "UpdateApiKey", method: "PATCH", uri: "/apikeys/{api_Key}", query: None, status: 200, priority: Priority::Must, labels: &["api_Key"] },
    Operation { op: Op::V1(V1Op::UpdateAuthorizer), service: Service::ApiGateway, name: "UpdateAuthorizer", method: "PATCH", uri: "/restapis/{restapi_id}/authorizers/{authorizer_id}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "authorizer_id"] },
    Operation { op: Op::V1(V1Op::UpdateBasePathMapping), service: Service::ApiGateway, name: "UpdateBasePathMapping", method: "PATCH", uri: "/domainnames/{domain_name}/basepathmappings/{base_path}", query: None, status: 200, priority: Priority::Must, labels: &["domain_name", "base_path"] },
    Operation { op: Op::V1(V1Op::UpdateClientCertificate), service: Service::ApiGateway, name: "UpdateClientCertificate", method: "PATCH", uri: "/clientcertificates/{clientcertificate_id}", query: None, status: 200, priority: Priority::Should, labels: &["clientcertificate_id"] },
    Operation { op: Op::V1(V1Op::UpdateDeployment), service: Service::ApiGateway, name: "UpdateDeployment", method: "PATCH", uri: "/restapis/{restapi_id}/deployments/{deployment_id}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "deployment_id"] },
    Operation { op: Op::V1(V1Op::UpdateDocumentationPart), service: Service::ApiGateway, name: "UpdateDocumentationPart", method: "PATCH", uri: "/restapis/{restapi_id}/documentation/parts/{part_id}", query: None, status: 200, priority: Priority::Should, labels: &["restapi_id", "part_id"] },
    Operation { op: Op::V1(V1Op::UpdateDocumentationVersion), service: Service::ApiGateway, name: "UpdateDocumentationVersion", method: "PATCH", uri: "/restapis/{restapi_id}/documentation/versions/{doc_version}", query: None, status: 200, priority: Priority::Should, labels: &["restapi_id", "doc_version"] },
    Operation { op: Op::V1(V1Op::UpdateDomainName), service: Service::ApiGateway, name: "UpdateDomainName", method: "PATCH", uri: "/domainnames/{domain_name}", query: None, status: 200, priority: Priority::Must, labels: &["domain_name"] },
    Operation { op: Op::V1(V1Op::UpdateGatewayResponse), service: Service::ApiGateway, name: "UpdateGatewayResponse", method: "PATCH", uri: "/restapis/{restapi_id}/gatewayresponses/{response_type}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "response_type"] },
    Operation { op: Op::V1(V1Op::UpdateIntegration), service: Service::ApiGateway, name: "UpdateIntegration", method: "PATCH", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method"] },
    Operation { op: Op::V1(V1Op::UpdateIntegrationResponse), service: Service::ApiGateway, name: "UpdateIntegrationResponse", method: "PATCH", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration/responses/{status_code}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method", "status_code"] },
    Operation { op: Op::V1(V1Op::UpdateMethod), service: Service::ApiGateway, name: "UpdateMethod", method: "PATCH", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method"] },
    Operation { op: Op::V1(V1Op::UpdateMethodResponse), service: Service::ApiGateway, name: "UpdateMethodResponse", method: "PATCH", uri: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/responses/{status_code}", query: None, status: 201, priority: Priority::Must, labels: &["restapi_id", "resource_id", "http_method", "status_code"] },
    Operation { op: Op::V1(V1Op::UpdateModel), service: Service::ApiGateway, name: "UpdateModel", method: "PATCH", uri: "/restapis/{restapi_id}/models/{model_name}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "model_name"] },
    Operation { op: Op::V1(V1Op::UpdateRequestValidator), service: Service::ApiGateway, name: "UpdateRequestValidator", method: "PATCH", uri: "/restapis/{restapi_id}/requestvalidators/{requestvalidator_id}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "requestvalidator_id"] },
    Operation { op: Op::V1(V1Op::UpdateResource), service: Service::ApiGateway, name: "UpdateResource", method: "PATCH", uri: "/restapis/{restapi_id}/resources/{resource_id}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "resource_id"] },
    Operation { op: Op::V1(V1Op::UpdateRestApi), service: Service::ApiGateway, name: "UpdateRestApi", method: "PATCH", uri: "/restapis/{restapi_id}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id"] },
    Operation { op: Op::V1(V1Op::UpdateStage), service: Service::ApiGateway, name: "UpdateStage", method: "PATCH", uri: "/restapis/{restapi_id}/stages/{stage_name}", query: None, status: 200, priority: Priority::Must, labels: &["restapi_id", "stage_name"] },
    Operation { op: Op::V1(V1Op::UpdateUsage), service: Service::ApiGateway, name: "UpdateUsage", method: "PATCH", uri: "/usageplans/{usageplanId}/keys/{keyId}/usage", query: None, status: 200, priority: Priority::Must, labels: &["usageplanId", "keyId"] },
    Operation { op: Op::V1(V1Op::UpdateUsagePlan), service: Service::ApiGateway, name: "UpdateUsagePlan", method: "PATCH", uri: "/usageplans/{usageplanId}", query: None, status: 200, priority: Priority::Must, labels: &["usageplanId"] },
    Operation { op: Op::V1(V1Op::UpdateVpcLink), service: Service::ApiGateway, name: "UpdateVpcLink", method: "PATCH", uri: "/vpclinks/{vpclink_id}", query: None, status: 200, priority: Priority::Should, labels: &["vpclink_id"] },
    Operation { op: Op::V2(V2Op::CreateApi), service: Service::ApiGatewayV2, name: "CreateApi", method: "POST", uri: "/v2/apis", query: None, status: 201, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V2(V2Op::CreateApiMapping), service: Service::ApiGatewayV2, name: "CreateApiMapping", method: "POST", uri: "/v2/domainnames/{domainName}/apimappings", query: None, status: 201, priority: Priority::Must, labels: &["domainName"] },
    Operation { op: Op::V2(V2Op::CreateAuthorizer), service: Service::ApiGatewayV2, name: "CreateAuthorizer", method: "POST", uri: "/v2/apis/{apiId}/authorizers", query: None, status: 201, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::CreateDeployment), service: Service::ApiGatewayV2, name: "CreateDeployment", method: "POST", uri: "/v2/apis/{apiId}/deployments", query: None, status: 201, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::CreateDomainName), service: Service::ApiGatewayV2, name: "CreateDomainName", method: "POST", uri: "/v2/domainnames", query: None, status: 201, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V2(V2Op::CreateIntegration), service: Service::ApiGatewayV2, name: "CreateIntegration", method: "POST", uri: "/v2/apis/{apiId}/integrations", query: None, status: 201, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::CreateIntegrationResponse), service: Service::ApiGatewayV2, name: "CreateIntegrationResponse", method: "POST", uri: "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses", query: None, status: 201, priority: Priority::Must, labels: &["apiId", "integrationId"] },
    Operation { op: Op::V2(V2Op::CreateModel), service: Service::ApiGatewayV2, name: "CreateModel", method: "POST", uri: "/v2/apis/{apiId}/models", query: None, status: 201, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::CreatePortal), service: Service::ApiGatewayV2, name: "CreatePortal", method: "POST", uri: "/v2/portals", query: None, status: 201, priority: Priority::Should, labels: &[] },
    Operation { op: Op::V2(V2Op::CreatePortalProduct), service: Service::ApiGatewayV2, name: "CreatePortalProduct", method: "POST", uri: "/v2/portalproducts", query: None, status: 201, priority: Priority::Should, labels: &[] },
    Operation { op: Op::V2(V2Op::CreateProductPage), service: Service::ApiGatewayV2, name: "CreateProductPage", method: "POST", uri: "/v2/portalproducts/{portalProductId}/productpages", query: None, status: 201, priority: Priority::Should, labels: &["portalProductId"] },
    Operation { op: Op::V2(V2Op::CreateProductRestEndpointPage), service: Service::ApiGatewayV2, name: "CreateProductRestEndpointPage", method: "POST", uri: "/v2/portalproducts/{portalProductId}/productrestendpointpages", query: None, status: 201, priority: Priority::Should, labels: &["portalProductId"] },
    Operation { op: Op::V2(V2Op::CreateRoute), service: Service::ApiGatewayV2, name: "CreateRoute", method: "POST", uri: "/v2/apis/{apiId}/routes", query: None, status: 201, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::CreateRouteResponse), service: Service::ApiGatewayV2, name: "CreateRouteResponse", method: "POST", uri: "/v2/apis/{apiId}/routes/{routeId}/routeresponses", query: None, status: 201, priority: Priority::Must, labels: &["apiId", "routeId"] },
    Operation { op: Op::V2(V2Op::CreateRoutingRule), service: Service::ApiGatewayV2, name: "CreateRoutingRule", method: "POST", uri: "/v2/domainnames/{domainName}/routingrules", query: None, status: 201, priority: Priority::Should, labels: &["domainName"] },
    Operation { op: Op::V2(V2Op::CreateStage), service: Service::ApiGatewayV2, name: "CreateStage", method: "POST", uri: "/v2/apis/{apiId}/stages", query: None, status: 201, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::CreateVpcLink), service: Service::ApiGatewayV2, name: "CreateVpcLink", method: "POST", uri: "/v2/vpclinks", query: None, status: 201, priority: Priority::Should, labels: &[] },
    Operation { op: Op::V2(V2Op::DeleteAccessLogSettings), service: Service::ApiGatewayV2, name: "DeleteAccessLogSettings", method: "DELETE", uri: "/v2/apis/{apiId}/stages/{stageName}/accesslogsettings", query: None, status: 204, priority: Priority::Must, labels: &["apiId", "stageName"] },
    Operation { op: Op::V2(V2Op::DeleteApi), service: Service::ApiGatewayV2, name: "DeleteApi", method: "DELETE", uri: "/v2/apis/{apiId}", query: None, status: 204, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::DeleteApiMapping), service: Service::ApiGatewayV2, name: "DeleteApiMapping", method: "DELETE", uri: "/v2/domainnames/{domainName}/apimappings/{apiMappingId}", query: None, status: 204, priority: Priority::Must, labels: &["domainName", "apiMappingId"] },
    Operation { op: Op::V2(V2Op::DeleteAuthorizer), service: Service::ApiGatewayV2, name: "DeleteAuthorizer", method: "DELETE", uri: "/v2/apis/{apiId}/authorizers/{authorizerId}", query: None, status: 204, priority: Priority::Must, labels: &["apiId", "authorizerId"] },
    Operation { op: Op::V2(V2Op::DeleteCorsConfiguration), service: Service::ApiGatewayV2, name: "DeleteCorsConfiguration", method: "DELETE", uri: "/v2/apis/{apiId}/cors", query: None, status: 204, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::DeleteDeployment), service: Service::ApiGatewayV2, name: "DeleteDeployment", method: "DELETE", uri: "/v2/apis/{apiId}/deployments/{deploymentId}", query: None, status: 204, priority: Priority::Must, labels: &["apiId", "deploymentId"] },
    Operation { op: Op::V2(V2Op::DeleteDomainName), service: Service::ApiGatewayV2, name: "DeleteDomainName", method: "DELETE", uri: "/v2/domainnames/{domainName}", query: None, status: 204, priority: Priority::Must, labels: &["domainName"] },
    Operation { op: Op::V2(V2Op::DeleteIntegration), service: Service::ApiGatewayV2, name: "DeleteIntegration", method: "DELETE", uri: "/v2/apis/{apiId}/integrations/{integrationId}", query: None, status: 204, priority: Priority::Must, labels: &["apiId", "integrationId"] },
    Operation { op: Op::V2(V2Op::DeleteIntegrationResponse), service: Service::ApiGatewayV2, name: "DeleteIntegrationResponse", method: "DELETE", uri: "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId}", query: None, status: 204, priority: Priority::Must, labels: &["apiId", "integrationId", "integrationResponseId"] },
    Operation { op: Op::V2(V2Op::DeleteModel), service: Service::ApiGatewayV2, name: "DeleteModel", method: "DELETE", uri: "/v2/apis/{apiId}/models/{modelId}", query: None, status: 204, priority: Priority::Must, labels: &["apiId", "modelId"] },
    Operation { op: Op::V2(V2Op::DeletePortal), service: Service::ApiGatewayV2, name: "DeletePortal", method: "DELETE", uri: "/v2/portals/{portalId}", query: None, status: 204, priority: Priority::Should, labels: &["portalId"] },
    Operation { op: Op::V2(V2Op::DeletePortalProduct), service: Service::ApiGatewayV2, name: "DeletePortalProduct", method: "DELETE", uri: "/v2/portalproducts/{portalProductId}", query: None, status: 204, priority: Priority::Should, labels: &["portalProductId"] },
    Operation { op: Op::V2(V2Op::DeletePortalProductSharingPolicy), service: Service::ApiGatewayV2, name: "DeletePortalProductSharingPolicy", method: "DELETE", uri: "/v2/portalproducts/{portalProductId}/sharingpolicy", query: None, status: 204, priority: Priority::Irrelevant, labels: &["portalProductId"] },
    Operation { op: Op::V2(V2Op::DeleteProductPage), service: Service::ApiGatewayV2, name: "DeleteProductPage", method: "DELETE", uri: "/v2/portalproducts/{portalProductId}/productpages/{productPageId}", query: None, status: 204, priority: Priority::Should, labels: &["portalProductId", "productPageId"] },
    Operation { op: Op::V2(V2Op::DeleteProductRestEndpointPage), service: Service::ApiGatewayV2, name: "DeleteProductRestEndpointPage", method: "DELETE", uri: "/v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId}", query: None, status: 204, priority: Priority::Should, labels: &["portalProductId", "productRestEndpointPageId"] },
    Operation { op: Op::V2(V2Op::DeleteRoute), service: Service::ApiGatewayV2, name: "DeleteRoute", method: "DELETE", uri: "/v2/apis/{apiId}/routes/{routeId}", query: None, status: 204, priority: Priority::Must, labels: &["apiId", "routeId"] },
    Operation { op: Op::V2(V2Op::DeleteRouteRequestParameter), service: Service::ApiGatewayV2, name: "DeleteRouteRequestParameter", method: "DELETE", uri: "/v2/apis/{apiId}/routes/{routeId}/requestparameters/{requestParameterKey}", query: None, status: 204, priority: Priority::Must, labels: &["apiId", "routeId", "requestParameterKey"] },
    Operation { op: Op::V2(V2Op::DeleteRouteResponse), service: Service::ApiGatewayV2, name: "DeleteRouteResponse", method: "DELETE", uri: "/v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId}", query: None, status: 204, priority: Priority::Must, labels: &["apiId", "routeId", "routeResponseId"] },
    Operation { op: Op::V2(V2Op::DeleteRouteSettings), service: Service::ApiGatewayV2, name: "DeleteRouteSettings", method: "DELETE", uri: "/v2/apis/{apiId}/stages/{stageName}/routesettings/{routeKey}", query: None, status: 204, priority: Priority::Must, labels: &["apiId", "stageName", "routeKey"] },
    Operation { op: Op::V2(V2Op::DeleteRoutingRule), service: Service::ApiGatewayV2, name: "DeleteRoutingRule", method: "DELETE", uri: "/v2/domainnames/{domainName}/routingrules/{routingRuleId}", query: None, status: 204, priority: Priority::Should, labels: &["domainName", "routingRuleId"] },
    Operation { op: Op::V2(V2Op::DeleteStage), service: Service::ApiGatewayV2, name: "DeleteStage", method: "DELETE", uri: "/v2/apis/{apiId}/stages/{stageName}", query: None, status: 204, priority: Priority::Must, labels: &["apiId", "stageName"] },
    Operation { op: Op::V2(V2Op::DeleteVpcLink), service: Service::ApiGatewayV2, name: "DeleteVpcLink", method: "DELETE", uri: "/v2/vpclinks/{vpcLinkId}", query: None, status: 202, priority: Priority::Should, labels: &["vpcLinkId"] },
    Operation { op: Op::V2(V2Op::DisablePortal), service: Service::ApiGatewayV2, name: "DisablePortal", method: "DELETE", uri: "/v2/portals/{portalId}/publish", query: None, status: 204, priority: Priority::Should, labels: &["portalId"] },
    Operation { op: Op::V2(V2Op::ExportApi), service: Service::ApiGatewayV2, name: "ExportApi", method: "GET", uri: "/v2/apis/{apiId}/exports/{specification}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "specification"] },
    Operation { op: Op::V2(V2Op::GetApi), service: Service::ApiGatewayV2, name: "GetApi", method: "GET", uri: "/v2/apis/{apiId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::GetApiMapping), service: Service::ApiGatewayV2, name: "GetApiMapping", method: "GET", uri: "/v2/domainnames/{domainName}/apimappings/{apiMappingId}", query: None, status: 200, priority: Priority::Must, labels: &["domainName", "apiMappingId"] },
    Operation { op: Op::V2(V2Op::GetApiMappings), service: Service::ApiGatewayV2, name: "GetApiMappings", method: "GET", uri: "/v2/domainnames/{domainName}/apimappings", query: None, status: 200, priority: Priority::Must, labels: &["domainName"] },
    Operation { op: Op::V2(V2Op::GetApis), service: Service::ApiGatewayV2, name: "GetApis", method: "GET", uri: "/v2/apis", query: None, status: 200, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V2(V2Op::GetAuthorizer), service: Service::ApiGatewayV2, name: "GetAuthorizer", method: "GET", uri: "/v2/apis/{apiId}/authorizers/{authorizerId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "authorizerId"] },
    Operation { op: Op::V2(V2Op::GetAuthorizers), service: Service::ApiGatewayV2, name: "GetAuthorizers", method: "GET", uri: "/v2/apis/{apiId}/authorizers", query: None, status: 200, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::GetDeployment), service: Service::ApiGatewayV2, name: "GetDeployment", method: "GET", uri: "/v2/apis/{apiId}/deployments/{deploymentId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "deploymentId"] },
    Operation { op: Op::V2(V2Op::GetDeployments), service: Service::ApiGatewayV2, name: "GetDeployments", method: "GET", uri: "/v2/apis/{apiId}/deployments", query: None, status: 200, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::GetDomainName), service: Service::ApiGatewayV2, name: "GetDomainName", method: "GET", uri: "/v2/domainnames/{domainName}", query: None, status: 200, priority: Priority::Must, labels: &["domainName"] },
    Operation { op: Op::V2(V2Op::GetDomainNames), service: Service::ApiGatewayV2, name: "GetDomainNames", method: "GET", uri: "/v2/domainnames", query: None, status: 200, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V2(V2Op::GetIntegration), service: Service::ApiGatewayV2, name: "GetIntegration", method: "GET", uri: "/v2/apis/{apiId}/integrations/{integrationId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "integrationId"] },
    Operation { op: Op::V2(V2Op::GetIntegrationResponse), service: Service::ApiGatewayV2, name: "GetIntegrationResponse", method: "GET", uri: "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "integrationId", "integrationResponseId"] },
    Operation { op: Op::V2(V2Op::GetIntegrationResponses), service: Service::ApiGatewayV2, name: "GetIntegrationResponses", method: "GET", uri: "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "integrationId"] },
    Operation { op: Op::V2(V2Op::GetIntegrations), service: Service::ApiGatewayV2, name: "GetIntegrations", method: "GET", uri: "/v2/apis/{apiId}/integrations", query: None, status: 200, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::GetModel), service: Service::ApiGatewayV2, name: "GetModel", method: "GET", uri: "/v2/apis/{apiId}/models/{modelId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "modelId"] },
    Operation { op: Op::V2(V2Op::GetModelTemplate), service: Service::ApiGatewayV2, name: "GetModelTemplate", method: "GET", uri: "/v2/apis/{apiId}/models/{modelId}/template", query: None, status: 200, priority: Priority::Should, labels: &["apiId", "modelId"] },
    Operation { op: Op::V2(V2Op::GetModels), service: Service::ApiGatewayV2, name: "GetModels", method: "GET", uri: "/v2/apis/{apiId}/models", query: None, status: 200, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::GetPortal), service: Service::ApiGatewayV2, name: "GetPortal", method: "GET", uri: "/v2/portals/{portalId}", query: None, status: 200, priority: Priority::Should, labels: &["portalId"] },
    Operation { op: Op::V2(V2Op::GetPortalProduct), service: Service::ApiGatewayV2, name: "GetPortalProduct", method: "GET", uri: "/v2/portalproducts/{portalProductId}", query: None, status: 200, priority: Priority::Should, labels: &["portalProductId"] },
    Operation { op: Op::V2(V2Op::GetPortalProductSharingPolicy), service: Service::ApiGatewayV2, name: "GetPortalProductSharingPolicy", method: "GET", uri: "/v2/portalproducts/{portalProductId}/sharingpolicy", query: None, status: 200, priority: Priority::Irrelevant, labels: &["portalProductId"] },
    Operation { op: Op::V2(V2Op::GetProductPage), service: Service::ApiGatewayV2, name: "GetProductPage", method: "GET", uri: "/v2/portalproducts/{portalProductId}/productpages/{productPageId}", query: None, status: 200, priority: Priority::Should, labels: &["portalProductId", "productPageId"] },
    Operation { op: Op::V2(V2Op::GetProductRestEndpointPage), service: Service::ApiGatewayV2, name: "GetProductRestEndpointPage", method: "GET", uri: "/v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId}", query: None, status: 200, priority: Priority::Should, labels: &["portalProductId", "productRestEndpointPageId"] },
    Operation { op: Op::V2(V2Op::GetRoute), service: Service::ApiGatewayV2, name: "GetRoute", method: "GET", uri: "/v2/apis/{apiId}/routes/{routeId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "routeId"] },
    Operation { op: Op::V2(V2Op::GetRouteResponse), service: Service::ApiGatewayV2, name: "GetRouteResponse", method: "GET", uri: "/v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "routeId", "routeResponseId"] },
    Operation { op: Op::V2(V2Op::GetRouteResponses), service: Service::ApiGatewayV2, name: "GetRouteResponses", method: "GET", uri: "/v2/apis/{apiId}/routes/{routeId}/routeresponses", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "routeId"] },
    Operation { op: Op::V2(V2Op::GetRoutes), service: Service::ApiGatewayV2, name: "GetRoutes", method: "GET", uri: "/v2/apis/{apiId}/routes", query: None, status: 200, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::GetRoutingRule), service: Service::ApiGatewayV2, name: "GetRoutingRule", method: "GET", uri: "/v2/domainnames/{domainName}/routingrules/{routingRuleId}", query: None, status: 200, priority: Priority::Should, labels: &["domainName", "routingRuleId"] },
    Operation { op: Op::V2(V2Op::GetStage), service: Service::ApiGatewayV2, name: "GetStage", method: "GET", uri: "/v2/apis/{apiId}/stages/{stageName}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "stageName"] },
    Operation { op: Op::V2(V2Op::GetStages), service: Service::ApiGatewayV2, name: "GetStages", method: "GET", uri: "/v2/apis/{apiId}/stages", query: None, status: 200, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::GetTags), service: Service::ApiGatewayV2, name: "GetTags", method: "GET", uri: "/v2/tags/{resource-arn}", query: None, status: 200, priority: Priority::Must, labels: &["resource-arn"] },
    Operation { op: Op::V2(V2Op::GetVpcLink), service: Service::ApiGatewayV2, name: "GetVpcLink", method: "GET", uri: "/v2/vpclinks/{vpcLinkId}", query: None, status: 200, priority: Priority::Should, labels: &["vpcLinkId"] },
    Operation { op: Op::V2(V2Op::GetVpcLinks), service: Service::ApiGatewayV2, name: "GetVpcLinks", method: "GET", uri: "/v2/vpclinks", query: None, status: 200, priority: Priority::Should, labels: &[] },
    Operation { op: Op::V2(V2Op::ImportApi), service: Service::ApiGatewayV2, name: "ImportApi", method: "PUT", uri: "/v2/apis", query: None, status: 201, priority: Priority::Must, labels: &[] },
    Operation { op: Op::V2(V2Op::ListPortalProducts), service: Service::ApiGatewayV2, name: "ListPortalProducts", method: "GET", uri: "/v2/portalproducts", query: None, status: 200, priority: Priority::Should, labels: &[] },
    Operation { op: Op::V2(V2Op::ListPortals), service: Service::ApiGatewayV2, name: "ListPortals", method: "GET", uri: "/v2/portals", query: None, status: 200, priority: Priority::Should, labels: &[] },
    Operation { op: Op::V2(V2Op::ListProductPages), service: Service::ApiGatewayV2, name: "ListProductPages", method: "GET", uri: "/v2/portalproducts/{portalProductId}/productpages", query: None, status: 200, priority: Priority::Should, labels: &["portalProductId"] },
    Operation { op: Op::V2(V2Op::ListProductRestEndpointPages), service: Service::ApiGatewayV2, name: "ListProductRestEndpointPages", method: "GET", uri: "/v2/portalproducts/{portalProductId}/productrestendpointpages", query: None, status: 200, priority: Priority::Should, labels: &["portalProductId"] },
    Operation { op: Op::V2(V2Op::ListRoutingRules), service: Service::ApiGatewayV2, name: "ListRoutingRules", method: "GET", uri: "/v2/domainnames/{domainName}/routingrules", query: None, status: 200, priority: Priority::Should, labels: &["domainName"] },
    Operation { op: Op::V2(V2Op::PreviewPortal), service: Service::ApiGatewayV2, name: "PreviewPortal", method: "POST", uri: "/v2/portals/{portalId}/preview", query: None, status: 202, priority: Priority::Should, labels: &["portalId"] },
    Operation { op: Op::V2(V2Op::PublishPortal), service: Service::ApiGatewayV2, name: "PublishPortal", method: "POST", uri: "/v2/portals/{portalId}/publish", query: None, status: 202, priority: Priority::Should, labels: &["portalId"] },
    Operation { op: Op::V2(V2Op::PutPortalProductSharingPolicy), service: Service::ApiGatewayV2, name: "PutPortalProductSharingPolicy", method: "PUT", uri: "/v2/portalproducts/{portalProductId}/sharingpolicy", query: None, status: 200, priority: Priority::Irrelevant, labels: &["portalProductId"] },
    Operation { op: Op::V2(V2Op::PutRoutingRule), service: Service::ApiGatewayV2, name: "PutRoutingRule", method: "PUT", uri: "/v2/domainnames/{domainName}/routingrules/{routingRuleId}", query: None, status: 200, priority: Priority::Should, labels: &["domainName", "routingRuleId"] },
    Operation { op: Op::V2(V2Op::ReimportApi), service: Service::ApiGatewayV2, name: "ReimportApi", method: "PUT", uri: "/v2/apis/{apiId}", query: None, status: 201, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::ResetAuthorizersCache), service: Service::ApiGatewayV2, name: "ResetAuthorizersCache", method: "DELETE", uri: "/v2/apis/{apiId}/stages/{stageName}/cache/authorizers", query: None, status: 204, priority: Priority::Must, labels: &["apiId", "stageName"] },
    Operation { op: Op::V2(V2Op::TagResource), service: Service::ApiGatewayV2, name: "TagResource", method: "POST", uri: "/v2/tags/{resource-arn}", query: None, status: 201, priority: Priority::Must, labels: &["resource-arn"] },
    Operation { op: Op::V2(V2Op::UntagResource), service: Service::ApiGatewayV2, name: "UntagResource", method: "DELETE", uri: "/v2/tags/{resource-arn}", query: None, status: 204, priority: Priority::Must, labels: &["resource-arn"] },
    Operation { op: Op::V2(V2Op::UpdateApi), service: Service::ApiGatewayV2, name: "UpdateApi", method: "PATCH", uri: "/v2/apis/{apiId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId"] },
    Operation { op: Op::V2(V2Op::UpdateApiMapping), service: Service::ApiGatewayV2, name: "UpdateApiMapping", method: "PATCH", uri: "/v2/domainnames/{domainName}/apimappings/{apiMappingId}", query: None, status: 200, priority: Priority::Must, labels: &["domainName", "apiMappingId"] },
    Operation { op: Op::V2(V2Op::UpdateAuthorizer), service: Service::ApiGatewayV2, name: "UpdateAuthorizer", method: "PATCH", uri: "/v2/apis/{apiId}/authorizers/{authorizerId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "authorizerId"] },
    Operation { op: Op::V2(V2Op::UpdateDeployment), service: Service::ApiGatewayV2, name: "UpdateDeployment", method: "PATCH", uri: "/v2/apis/{apiId}/deployments/{deploymentId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "deploymentId"] },
    Operation { op: Op::V2(V2Op::UpdateDomainName), service: Service::ApiGatewayV2, name: "UpdateDomainName", method: "PATCH", uri: "/v2/domainnames/{domainName}", query: None, status: 200, priority: Priority::Must, labels: &["domainName"] },
    Operation { op: Op::V2(V2Op::UpdateIntegration), service: Service::ApiGatewayV2, name: "UpdateIntegration", method: "PATCH", uri: "/v2/apis/{apiId}/integrations/{integrationId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "integrationId"] },
    Operation { op: Op::V2(V2Op::UpdateIntegrationResponse), service: Service::ApiGatewayV2, name: "UpdateIntegrationResponse", method: "PATCH", uri: "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "integrationId", "integrationResponseId"] },
    Operation { op: Op::V2(V2Op::UpdateModel), service: Service::ApiGatewayV2, name: "UpdateModel", method: "PATCH", uri: "/v2/apis/{apiId}/models/{modelId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "modelId"] },
    Operation { op: Op::V2(V2Op::UpdatePortal), service: Service::ApiGatewayV2, name: "UpdatePortal", method: "PATCH", uri: "/v2/portals/{portalId}", query: None, status: 200, priority: Priority::Should, labels: &["portalId"] },
    Operation { op: Op::V2(V2Op::UpdatePortalProduct), service: Service::ApiGatewayV2, name: "UpdatePortalProduct", method: "PATCH", uri: "/v2/portalproducts/{portalProductId}", query: None, status: 200, priority: Priority::Should, labels: &["portalProductId"] },
    Operation { op: Op::V2(V2Op::UpdateProductPage), service: Service::ApiGatewayV2, name: "UpdateProductPage", method: "PATCH", uri: "/v2/portalproducts/{portalProductId}/productpages/{productPageId}", query: None, status: 200, priority: Priority::Should, labels: &["portalProductId", "productPageId"] },
    Operation { op: Op::V2(V2Op::UpdateProductRestEndpointPage), service: Service::ApiGatewayV2, name: "UpdateProductRestEndpointPage", method: "PATCH", uri: "/v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId}", query: None, status: 200, priority: Priority::Should, labels: &["portalProductId", "productRestEndpointPageId"] },
    Operation { op: Op::V2(V2Op::UpdateRoute), service: Service::ApiGatewayV2, name: "UpdateRoute", method: "PATCH", uri: "/v2/apis/{apiId}/routes/{routeId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "routeId"] },
    Operation { op: Op::V2(V2Op::UpdateRouteResponse), service: Service::ApiGatewayV2, name: "UpdateRouteResponse", method: "PATCH", uri: "/v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "routeId", "routeResponseId"] },
    Operation { op: Op::V2(V2Op::UpdateStage), service: Service::ApiGatewayV2, name: "UpdateStage", method: "PATCH", uri: "/v2/apis/{apiId}/stages/{stageName}", query: None, status: 200, priority: Priority::Must, labels: &["apiId", "stageName"] },
    Operation { op: Op::V2(V2Op::UpdateVpcLink), service: Service::ApiGatewayV2, name: "UpdateVpcLink", method: "PATCH", uri: "/v2/vpclinks/{vpcLinkId}", query: None, status: 200, priority: Priority::Should, labels: &["vpcLinkId"] },
    Operation { op: Op::Management(ManagementOp::DeleteConnection), service: Service::Management, name: "DeleteConnection", method: "DELETE", uri: "/@connections/{connectionId}", query: None, status: 204, priority: Priority::Must, labels: &["connectionId"] },
    Operation { op: Op::Management(ManagementOp::GetConnection), service: Service::Management, name: "GetConnection", method: "GET", uri: "/@connections/{connectionId}", query: None, status: 200, priority: Priority::Must, labels: &["connectionId"] },
    Operation { op: Op::Management(ManagementOp::PostToConnection), service: Service::Management, name: "PostToConnection", method: "POST", uri: "/@connections/{connectionId}", query: None, status: 200, priority: Priority::Must, labels: &["connectionId"] },
];

/// The segment tree of all URI templates; node 0 is the root.
pub(super) static NODES: [Node; 114] = [
    Node { literals: &[("@connections", 112), ("account", 48), ("apikeys", 1), ("clientcertificates", 25), ("domainnameaccessassociations", 12), ("domainnames", 5), ("rejectdomainnameaccessassociations", 59), ("restapis", 2), ("sdktypes", 54), ("tags", 56), ("usageplans", 18), ("v2", 61), ("vpclinks", 21)], label: None, greedy: false, ops: &[] },
    Node { literals: &[], label: Some(22), greedy: false, ops: &[88, 0, 43] },
    Node { literals: &[], label: Some(3), greedy: false, ops: &[90, 11, 74] },
    Node { literals: &[("authorizers", 4), ("deployments", 8), ("documentation", 9), ("gatewayresponses", 31), ("models", 13), ("requestvalidators", 14), ("resources", 15), ("stages", 17)], label: None, greedy: false, ops: &[33, 73, 96, 119] },
    Node { literals: &[], label: Some(23), greedy: false, ops: &[1, 45] },
    Node { literals: &[], label: Some(6), greedy: false, ops: &[6, 58] },
    Node { literals: &[("basepathmappings", 7)], label: None, greedy: false, ops: &[23, 56, 110] },
    Node { literals: &[], label: Some(24), greedy: false, ops: &[2, 47] },
    Node { literals: &[], label: Some(27), greedy: false, ops: &[3, 51] },
    Node { literals: &[("parts", 10), ("versions", 11)], label: None, greedy: false, ops: &[] },
    Node { literals: &[], label: Some(28), greedy: false, ops: &[4, 53, 89] },
    Node { literals: &[], label: Some(29), greedy: false, ops: &[5, 55] },
    Node { literals: &[], label: Some(30), greedy: true, ops: &[7, 57] },
    Node { literals: &[], label: Some(40), greedy: false, ops: &[8, 68] },
    Node { literals: &[], label: Some(41), greedy: false, ops: &[9, 70] },
    Node { literals: &[], label: Some(16), greedy: false, ops: &[72] },
    Node { literals: &[("methods", 33)], label: None, greedy: false, ops: &[10, 32, 71, 118] },
    Node { literals: &[], label: Some(42), greedy: false, ops: &[12, 79] },
    Node { literals: &[], label: Some(19), greedy: false, ops: &[13, 85] },
    Node { literals: &[("keys", 20), ("usage", 58)], label: None, greedy: false, ops: &[35, 82, 122] },
    Node { literals: &[], label: Some(43), greedy: false, ops: &[14, 84] },
    Node { literals: &[], label: Some(44), greedy: false, ops: &[15, 87] },
    Node { literals: &[], label: None, greedy: false, ops: &[16, 42, 103] },
    Node { literals: &[], label: None, greedy: false, ops: &[17, 44, 99, 104] },
    Node { literals: &[], label: None, greedy: false, ops: &[18, 46, 105] },
    Node { literals: &[], label: Some(26), greedy: false, ops: &[40, 49] },
    Node { literals: &[], label: None, greedy: false, ops: &[19, 48, 106] },
    Node { literals: &[], label: None, greedy: false, ops: &[20, 50, 107] },
    Node { literals: &[], label: None, greedy: false, ops: &[21, 52, 108] },
    Node { literals: &[], label: None, greedy: false, ops: &[22, 54, 109] },
    Node { literals: &[], label: None, greedy: false, ops: &[24] },
    Node { literals: &[], label: Some(32), greedy: false, ops: &[61] },
    Node { literals: &[], label: None, greedy: false, ops: &[25, 60, 91, 111] },
    Node { literals: &[], label: Some(34), greedy: false, ops: &[] },
    Node { literals: &[("integration", 35), ("responses", 38)], label: None, greedy: false, ops: &[28, 64, 94, 100, 114] },
    Node { literals: &[("responses", 36)], label: None, greedy: false, ops: &[26, 62, 92, 112] },
    Node { literals: &[], label: Some(37), greedy: false, ops: &[] },
    Node { literals: &[], label: None, greedy: false, ops: &[27, 63, 93, 113] },
    Node { literals: &[], label: Some(39), greedy: false, ops: &[] },
    Node { literals: &[], label: None, greedy: false, ops: &[29, 65, 95, 115] },
    Node { literals: &[("default_template", 51)], label: None, greedy: false, ops: &[30, 66, 116] },
    Node { literals: &[], label: None, greedy: false, ops: &[31, 69, 117] },
    Node { literals: &[("cache", 45), ("exports", 49), ("sdks", 52)], label: None, greedy: false, ops: &[34, 78, 120] },
    Node { literals: &[("usage", 60)], label: None, greedy: false, ops: &[36, 83] },
    Node { literals: &[], label: None, greedy: false, ops: &[37, 86, 123] },
    Node { literals: &[("authorizers", 46), ("data", 47)], label: None, greedy: false, ops: &[] },
    Node { literals: &[], label: None, greedy: false, ops: &[38] },
    Node { literals: &[], label: None, greedy: false, ops: &[39] },
    Node { literals: &[], label: None, greedy: false, ops: &[41, 102] },
    Node { literals: &[], label: Some(50), greedy: false, ops: &[] },
    Node { literals: &[], label: None, greedy: false, ops: &[59] },
    Node { literals: &[], label: None, greedy: false, ops: &[67] },
    Node { literals: &[], label: Some(53), greedy: false, ops: &[] },
    Node { literals: &[], label: None, greedy: false, ops: &[75] },
    Node { literals: &[], label: Some(55), greedy: false, ops: &[77] },
    Node { literals: &[], label: None, greedy: false, ops: &[76] },
    Node { literals: &[], label: Some(57), greedy: true, ops: &[] },
    Node { literals: &[], label: None, greedy: false, ops: &[80, 98, 101] },
    Node { literals: &[], label: None, greedy: false, ops: &[81] },
    Node { literals: &[], label: None, greedy: false, ops: &[97] },
    Node { literals: &[], label: None, greedy: false, ops: &[121] },
    Node { literals: &[("apis", 62), ("domainnames", 63), ("portalproducts", 74), ("portals", 73), ("tags", 107), ("vpclinks", 83)], label: None, greedy: false, ops: &[] },
    Node { literals: &[], label: Some(66), greedy: false, ops: &[124, 168, 197] },
    Node { literals: &[], label: Some(64), greedy: false, ops: &[128, 174] },
    Node { literals: &[("apimappings", 65), ("routingrules", 81)], label: None, greedy: false, ops: &[147, 173, 215] },
    Node { literals: &[], label: Some(86), greedy: false, ops: &[125, 167] },
    Node { literals: &[("authorizers", 67), ("cors", 88), ("deployments", 68), ("exports", 104), ("integrations", 69), ("models", 72), ("routes", 78), ("stages", 82)], label: None, greedy: false, ops: &[142, 165, 207, 211] },
    Node { literals: &[], label: Some(87), greedy: false, ops: &[126, 170] },
    Node { literals: &[], label: Some(89), greedy: false, ops: &[127, 172] },
    Node { literals: &[], label: Some(70), greedy: false, ops: &[129, 178] },
    Node { literals: &[("integrationresponses", 71)], label: None, greedy: false, ops: &[148, 175, 216] },
    Node { literals: &[], label: Some(90), greedy: false, ops: &[130, 177] },
    Node { literals: &[], label: Some(91), greedy: false, ops: &[131, 181] },
    Node { literals: &[], label: Some(92), greedy: false, ops: &[132, 199] },
    Node { literals: &[], label: Some(75), greedy: false, ops: &[133, 198] },
    Node { literals: &[("productpages", 76), ("productrestendpointpages", 77), ("sharingpolicy", 93)], label: None, greedy: false, ops: &[152, 183, 220] },
    Node { literals: &[], label: Some(94), greedy: false, ops: &[134, 200] },
    Node { literals: &[], label: Some(95), greedy: false, ops: &[135, 201] },
    Node { literals: &[], label: Some(79), greedy: false, ops: &[136, 190] },
    Node { literals: &[("requestparameters", 96), ("routeresponses", 80)], label: None, greedy: false, ops: &[156, 187, 223] },
    Node { literals: &[], label: Some(98), greedy: false, ops: &[137, 189] },
    Node { literals: &[], label: Some(101), greedy: false, ops: &[138, 202] },
    Node { literals: &[], label: Some(84), greedy: false, ops: &[139, 193] },
    Node { literals: &[], label: Some(102), greedy: false, ops: &[140, 196] },
    Node { literals: &[("accesslogsettings", 85), ("cache", 110), ("routesettings", 99)], label: None, greedy: false, ops: &[161, 192, 225] },
    Node { literals: &[], label: None, greedy: false, ops: &[141] },
    Node { literals: &[], label: None, greedy: false, ops: &[143, 166, 212] },
    Node { literals: &[], label: None, greedy: false, ops: &[144, 169, 213] },
    Node { literals: &[], label: None, greedy: false, ops: &[145] },
    Node { literals: &[], label: None, greedy: false, ops: &[146, 171, 214] },
    Node { literals: &[], label: None, greedy: false, ops: &[149, 176, 217] },
    Node { literals: &[("template", 106)], label: None, greedy: false, ops: &[150, 179, 218] },
    Node { literals: &[("preview", 109), ("publish", 103)], label: None, greedy: false, ops: &[151, 182, 219] },
    Node { literals: &[], label: None, greedy: false, ops: &[153, 184, 205] },
    Node { literals: &[], label: None, greedy: false, ops: &[154, 185, 221] },
    Node { literals: &[], label: None, greedy: false, ops: &[155, 186, 222] },
    Node { literals: &[], label: Some(97), greedy: false, ops: &[] },
    Node { literals: &[], label: None, greedy: false, ops: &[157] },
    Node { literals: &[], label: None, greedy: false, ops: &[158, 188, 224] },
    Node { literals: &[], label: Some(100), greedy: false, ops: &[] },
    Node { literals: &[], label: None, greedy: false, ops: &[159] },
    Node { literals: &[], label: None, greedy: false, ops: &[160, 191, 206] },
    Node { literals: &[], label: None, greedy: false, ops: &[162, 195, 226] },
    Node { literals: &[], label: None, greedy: false, ops: &[163, 204] },
    Node { literals: &[], label: Some(105), greedy: false, ops: &[] },
    Node { literals: &[], label: None, greedy: false, ops: &[164] },
    Node { literals: &[], label: None, greedy: false, ops: &[180] },
    Node { literals: &[], label: Some(108), greedy: true, ops: &[] },
    Node { literals: &[], label: None, greedy: false, ops: &[194, 209, 210] },
    Node { literals: &[], label: None, greedy: false, ops: &[203] },
    Node { literals: &[("authorizers", 111)], label: None, greedy: false, ops: &[] },
    Node { literals: &[], label: None, greedy: false, ops: &[208] },
    Node { literals: &[], label: Some(113), greedy: false, ops: &[] },
    Node { literals: &[], label: None, greedy: false, ops: &[227, 228, 229] },
];
