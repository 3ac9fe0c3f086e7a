"""Every resource of apigatewayv2, in the kinds that take different members."""

from conformance.families import Family, crud
from conformance.model import omit
from conformance.values import BACKEND, FUNCTION, HTTP_SELECTION, PATHS, fresh

API_ALWAYS = (
    "ApiId", "ApiEndpoint", "ApiKeySelectionExpression", "CreatedDate", "Name", "ProtocolType",
    "RouteSelectionExpression", "DisableExecuteApiEndpoint", "IpAddressType",
)
API_UNECHOED = ("CredentialsArn", "RouteKey", "Target")
NO_QUICK = {"CredentialsArn": omit, "RouteKey": omit, "Target": omit}
WS_ROUTE = {"ModelSelectionExpression": "${request.body.kind}", "RouteResponseSelectionExpression": "$default"}


def http(world):
    return {"ApiId": world.http}


def websocket(world):
    return {"ApiId": world.websocket}


APIS = [
    crud("Api", "Api (HTTP)", always=API_ALWAYS, unechoed=API_UNECHOED, values={
        **NO_QUICK, "ProtocolType": "HTTP", "RouteSelectionExpression": HTTP_SELECTION,
        "DisableSchemaValidation": omit,
    }, changes={
        "Name": "other", "Description": "of the change", "AllowOrigins": ["*"], "MaxAge": -1,
        "AllowCredentials": False, "DisableExecuteApiEndpoint": False, "Version": "3",
        "IpAddressType": "dualstack",
    }),
    crud("Api", "Api (quick create)", always=API_ALWAYS, unechoed=API_UNECHOED, values={
        "ProtocolType": "HTTP", "RouteSelectionExpression": HTTP_SELECTION,
        "DisableSchemaValidation": omit, "Target": FUNCTION, "RouteKey": "GET /quick",
    }, changes={
        "Target": "https://backend.example.com/other", "RouteKey": "POST /other",
        "CredentialsArn": omit,
    }),
    # Required by the model's text, for this kind alone.
    crud("Api", "Api (WebSocket)", always=API_ALWAYS, unechoed=API_UNECHOED, least=("RouteSelectionExpression",), values={
        **NO_QUICK, "ProtocolType": "WEBSOCKET", "CorsConfiguration": omit,
        "RouteSelectionExpression": "$request.body.action",
    }, changes={
        "RouteSelectionExpression": "$request.body.other", "DisableSchemaValidation": False,
        "ApiKeySelectionExpression": "$context.authorizer.usageIdentifierKey",
    }),
]

INTEGRATION_HTTP = {
    "TemplateSelectionExpression": omit, "RequestTemplates": omit, "PassthroughBehavior": omit,
    "ContentHandlingStrategy": omit, "RequestParameters": {"overwrite:header.x-one": "$request.header.x-two"},
    "ResponseParameters": {"200": {"overwrite:header.x-three": "static"}},
    "CreateIntegration.ResponseParameters{}": {"overwrite:header.x-three": "static"},
}
PLAIN = {"ConnectionId": omit, "ConnectionType": "INTERNET", "CredentialsArn": omit, "IntegrationSubtype": omit}
HTTP_LEAST = ("IntegrationMethod", "IntegrationUri", "PayloadFormatVersion")
INTEGRATIONS = [
    crud("Integration", "Integration (HTTP proxy)", parents=http, least=HTTP_LEAST, always=("IntegrationId", "IntegrationType", "ConnectionType", "TimeoutInMillis"),
         values={**INTEGRATION_HTTP, **PLAIN, "IntegrationType": "HTTP_PROXY", "IntegrationUri": BACKEND,
                 "IntegrationMethod": "ANY", "PayloadFormatVersion": "1.0",
                 "ServerNameToVerify": "backend.example.com"},
         changes={"IntegrationUri": BACKEND + "/other", "IntegrationMethod": "POST", "TimeoutInMillis": 6000,
                  "RequestParameters": {"append:querystring.one": "2"}, "Description": "of the change"}),
    crud("Integration", "Integration (VPC link)", parents=http, least=HTTP_LEAST + ("ConnectionId", "ConnectionType"),
         values={**INTEGRATION_HTTP, "CredentialsArn": omit, "IntegrationSubtype": omit, "ConnectionType": "VPC_LINK",
                 "ConnectionId": lambda world: world.link, "IntegrationType": "HTTP_PROXY",
                 "IntegrationUri": "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/one/0/1",
                 "IntegrationMethod": "GET", "PayloadFormatVersion": "1.0", "ServerNameToVerify": "backend.example.com"}),
    crud("Integration", "Integration (function)", parents=http, least=HTTP_LEAST,
         values={**INTEGRATION_HTTP, **PLAIN, "CredentialsArn": "arn:aws:iam::000000000000:role/invoke",
                 "RequestParameters": omit, "ResponseParameters": omit, "TlsConfig": omit,
                 "IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION, "IntegrationMethod": "POST",
                 "PayloadFormatVersion": "2.0"}),
    crud("Integration", "Integration (WebSocket HTTP)", parents=websocket, least=HTTP_LEAST[:2],
         always=("IntegrationId", "IntegrationType", "ConnectionType", "PassthroughBehavior", "TimeoutInMillis",
                 "IntegrationResponseSelectionExpression"),
         values={**PLAIN, "IntegrationType": "HTTP", "IntegrationUri": BACKEND, "IntegrationMethod": "POST",
                 "PayloadFormatVersion": "1.0", "ResponseParameters": omit, "TlsConfig": omit,
                 "TemplateSelectionExpression": "${request.body.action}",
                 "RequestParameters": {"integration.request.header.x-one": "'two'"},
                 "RequestTemplates": {"application/json": '{"body": $input.body}'}},
         changes={"PassthroughBehavior": "NEVER", "ContentHandlingStrategy": "CONVERT_TO_TEXT"}),
    crud("Integration", "Integration (WebSocket mock)", parents=websocket,
         values={**PLAIN, "IntegrationType": "MOCK", "IntegrationUri": omit, "IntegrationMethod": omit,
                 "PayloadFormatVersion": "1.0", "ResponseParameters": omit, "TlsConfig": omit,
                 "ConnectionType": omit, "RequestParameters": omit,
                 "TemplateSelectionExpression": "\\$default",
                 "RequestTemplates": {"$default": '{"statusCode": 200}'}}),
]

ROUTES = [
    crud("Route", "Route (HTTP)", named_by="RouteKey", parents=http, unique=True, always=("RouteId", "RouteKey", "ApiKeyRequired", "AuthorizationType"),
         values={"RouteKey": fresh("GET /route"), "Target": lambda w: f"integrations/{w.http_integration}",
                 "AuthorizationType": "JWT", "AuthorizerId": lambda w: w.jwt, "AuthorizationScopes": ["read", "write"],
                 "ModelSelectionExpression": omit, "RequestModels": omit, "RequestParameters": omit,
                 "RouteResponseSelectionExpression": omit},
         changes={"RouteKey": fresh("POST /other"), "AuthorizationScopes": ["write"], "OperationName": "other",
                  "ApiKeyRequired": False}),
    crud("Route", "Route (WebSocket)", named_by="RouteKey", parents=websocket, unique=True,
         values={**WS_ROUTE, "RouteKey": fresh("action"), "Target": lambda w: f"integrations/{w.ws_integration}",
                 "AuthorizationType": "NONE", "AuthorizerId": omit, "AuthorizationScopes": omit,
                 "ApiKeyRequired": False, "RequestParameters": omit, "RequestModels": lambda w: {"$default": w.model_name}},
         changes={"RouteKey": fresh("other")}),
    crud("Route", "Route ($connect)", parents=lambda w: {"ApiId": w.second_websocket}, unique=True,
         values={"RouteKey": "$connect", "Target": omit, "AuthorizationType": "AWS_IAM", "AuthorizerId": omit,
                 "AuthorizationScopes": omit, "ModelSelectionExpression": omit, "RequestModels": omit,
                 "RouteResponseSelectionExpression": omit,
                 "RequestParameters": {"route.request.querystring.one": {"Required": True}}},
         changes={"RouteKey": "$connect"}),
    crud("RouteResponse", parents=lambda w: {"ApiId": w.websocket, "RouteId": w.ws_route}, unique=True,
         values={"RouteResponseKey": "$default", "ModelSelectionExpression": "${request.body.kind}",
                 "ResponseModels": lambda w: {"$default": w.model_name},
                 "ResponseParameters": {"route.response.header.one": {"Required": False}}}),
    crud("IntegrationResponse", named_by="IntegrationResponseKey", parents=lambda w: {"ApiId": w.websocket, "IntegrationId": w.ws_http_integration}, unique=True,
         always=("IntegrationResponseId", "IntegrationResponseKey"),
         values={"IntegrationResponseKey": fresh("/2", "/"), "TemplateSelectionExpression": "\\$default",
                 "ResponseTemplates": {"$default": "$input.body"},
                 "ResponseParameters": {"method.response.header.one": "'two'"}},
         changes={"IntegrationResponseKey": "$default", "ContentHandlingStrategy": "CONVERT_TO_TEXT"}),
]

AUTHORIZERS = [
    crud("Authorizer", "Authorizer (JWT)", named_by="Name", parents=http, unique=True, least=("JwtConfiguration",), always=("AuthorizerId", "AuthorizerType", "IdentitySource", "Name"),
         values={"AuthorizerType": "JWT", "Name": fresh("jwt"), "IdentitySource": ["$request.header.Authorization"],
                 "Issuer": "https://issuer.example.com/pool", "Audience": ["one", "two"],
                 # A JWT authorizer is nothing without it.
                 "CreateAuthorizer.JwtConfiguration": {"Issuer": "https://issuer.example.com/pool", "Audience": ["one"]},
                 "AuthorizerUri": omit, "AuthorizerCredentialsArn": omit, "AuthorizerPayloadFormatVersion": omit,
                 "AuthorizerResultTtlInSeconds": omit, "EnableSimpleResponses": omit, "IdentityValidationExpression": omit},
         changes={"Audience": ["three"]}),
    crud("Authorizer", "Authorizer (function)", named_by="Name", parents=http, unique=True,
         least=("AuthorizerUri", "AuthorizerPayloadFormatVersion"),
         values={"AuthorizerType": "REQUEST", "Name": fresh("function"), "IdentitySource": ["$request.header.Authorization"],
                 "AuthorizerUri": PATHS, "AuthorizerPayloadFormatVersion": "2.0", "JwtConfiguration": omit,
                 "AuthorizerResultTtlInSeconds": 30, "IdentityValidationExpression": omit},
         changes={"IdentitySource": ["$request.querystring.token"], "AuthorizerResultTtlInSeconds": 0,
                  "EnableSimpleResponses": False, "AuthorizerPayloadFormatVersion": "1.0"}),
    crud("Authorizer", "Authorizer (WebSocket)", parents=websocket, unique=True, least=("AuthorizerUri",),
         values={"AuthorizerType": "REQUEST", "Name": fresh("function"), "IdentitySource": ["route.request.header.Auth"],
                 "AuthorizerUri": PATHS, "AuthorizerPayloadFormatVersion": omit, "JwtConfiguration": omit,
                 "AuthorizerResultTtlInSeconds": omit, "EnableSimpleResponses": omit, "IdentityValidationExpression": omit}),
]

MODELS = [
    crud("Model", named_by="Name", parents=websocket, unique=True, always=("ModelId", "Name", "Schema", "ContentType"),
         values={"Name": fresh("Pet"), "ContentType": "application/json", "Schema": '{"type": "object"}'},
         changes={"Name": fresh("Other"), "Schema": '{"type": "string"}'}),
]

STAGE_ALWAYS = ("StageName", "CreatedDate", "LastUpdatedDate", "DefaultRouteSettings", "RouteSettings", "StageVariables", "Tags")
STAGES = [
    crud("Stage", "Stage (HTTP)", id="StageName", parents=http, unique=True, always=STAGE_ALWAYS, volatile=("LastUpdatedDate",),
         values={"StageName": fresh("stage"), "AutoDeploy": False, "DeploymentId": lambda w: w.http_deployment,
                 "LoggingLevel": omit, "DataTraceEnabled": omit, "ClientCertificateId": omit,
                 "RouteSettings": {"GET /fixed": {"DetailedMetricsEnabled": True, "ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 2.5}}},
         changes={"ThrottlingBurstLimit": 7, "Description": "of the change",
                  "StageVariables": {"color": "red", "backend": "two.example.com"}}),
    crud("Stage", "Stage (auto-deploy)", id="StageName", parents=lambda w: {"ApiId": w.second_http}, unique=True,
         always=STAGE_ALWAYS + ("AutoDeploy",), volatile=("LastUpdatedDate", "LastDeploymentStatusMessage", "DeploymentId"),
         values={"StageName": "$default", "AutoDeploy": True, "DeploymentId": omit, "RouteSettings": omit,
                 "LoggingLevel": omit, "DataTraceEnabled": omit, "ClientCertificateId": omit}),
    crud("Stage", "Stage (WebSocket)", id="StageName", parents=websocket, unique=True, always=STAGE_ALWAYS, volatile=("LastUpdatedDate",),
         values={"StageName": fresh("stage"), "AutoDeploy": False, "DeploymentId": lambda w: w.ws_deployment,
                 "ClientCertificateId": omit,
                 "RouteSettings": {"fixed": {"DataTraceEnabled": True, "LoggingLevel": "ERROR", "DetailedMetricsEnabled": True,
                                             "ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 2.5}}},
         changes={"LoggingLevel": "OFF"}),
    crud("Deployment", parents=lambda w: {"ApiId": w.second_websocket}, always=("DeploymentId", "CreatedDate", "DeploymentStatus", "AutoDeployed"),
         unechoed=("StageName",), values={"StageName": omit}),
]

DOMAINS = [
    crud("DomainName", id="DomainName", unique=True, always=("DomainName", "DomainNameConfigurations", "RoutingMode", "DomainNameArn", "ApiMappingSelectionExpression"),
         values={"DomainName": fresh("one", ".example.com"), "MutualTlsAuthentication": omit, "RoutingMode": "ROUTING_RULE_THEN_API_MAPPING"},
         changes={"RoutingMode": "API_MAPPING_ONLY"}),
    crud("ApiMapping", named_by="ApiMappingKey", parents=lambda w: {"DomainName": w.domain}, unique=True, always=("ApiMappingId", "ApiId", "Stage"),
         values={"ApiId": lambda w: w.http, "Stage": lambda w: w.http_stage, "ApiMappingKey": fresh("v")}),
    Family("RoutingRule", "RoutingRuleId", "CreateRoutingRule", "GetRoutingRule", "ListRoutingRules", "DeleteRoutingRule",
           update="PutRoutingRule", named_by="Priority", items="RoutingRules", parents=lambda w: {"DomainName": w.domain}, unique=True,
           always=("RoutingRuleId", "RoutingRuleArn", "Priority", "Actions", "Conditions"), unechoed=("DomainNameId",),
           values={"DomainNameId": omit, "Priority": lambda w: w.priority(), "StripBasePath": True,
                   "Conditions": [{"MatchBasePaths": {"AnyOf": ["one"]}},
                                  {"MatchHeaders": {"AnyOf": [{"Header": "x-one", "ValueGlob": "two*"}]}}],
                   "Actions": lambda w: [{"InvokeApi": {"ApiId": w.http, "Stage": w.http_stage, "StripBasePath": True}}]}),
    crud("VpcLink", always=("VpcLinkId", "Name", "SubnetIds", "SecurityGroupIds", "VpcLinkStatus", "VpcLinkVersion", "CreatedDate"),
         values={"Name": fresh("link"), "SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
         changes={"Name": "other"}),
]

FAMILIES = APIS + INTEGRATIONS + ROUTES + AUTHORIZERS + MODELS + STAGES + DOMAINS
