"""apigatewayv2: authorizers, models, responses and WebSocket APIs; what is not judged is closed."""

import json

import gateway

v2 = gateway.client("apigatewayv2")
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:judge"
JWT = {"Issuer": "https://login.example.com/pool", "Audience": ["shop"]}


def bare(reply):
    return {name: value for name, value in reply.items() if name != "ResponseMetadata"}


def same(read, made, **ids):
    """What is read is what was answered."""
    assert bare(read(**ids)) == bare(made), (read(**ids), made)


def http_api():
    api = v2.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
    integration = v2.create_integration(
        ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="ANY",
        IntegrationUri=gateway.BACKEND_URL, PayloadFormatVersion="1.0",
    )["IntegrationId"]
    v2.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    return api, "integrations/" + integration


def authorizers():
    api, target = http_api()
    made = v2.create_authorizer(
        ApiId=api, Name="tokens", AuthorizerType="JWT", JwtConfiguration=JWT,
        IdentitySource=["$request.header.Authorization"],
    )
    jwt = made["AuthorizerId"]
    same(v2.get_authorizer, made, ApiId=api, AuthorizerId=jwt)
    function = v2.create_authorizer(
        ApiId=api, Name="function", AuthorizerType="REQUEST", AuthorizerUri=FUNCTION,
        AuthorizerPayloadFormatVersion="2.0", EnableSimpleResponses=True,
        AuthorizerResultTtlInSeconds=60, IdentitySource=["$request.header.Authorization"],
    )["AuthorizerId"]
    names = {item["Name"] for item in v2.get_authorizers(ApiId=api)["Items"]}
    assert names == {"tokens", "function"}, names
    gateway.refused(
        "ConflictException", v2.create_authorizer, ApiId=api, Name="tokens", AuthorizerType="JWT",
        JwtConfiguration=JWT, IdentitySource=["$request.header.Authorization"],
    )
    gateway.refused(
        "BadRequestException", v2.create_authorizer, ApiId=api, Name="other", AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
    )

    route = v2.create_route(
        ApiId=api, RouteKey="GET /closed", Target=target, AuthorizationType="JWT", AuthorizerId=jwt,
        AuthorizationScopes=["read"],
    )
    route_id = route["RouteId"]
    same(v2.get_route, route, ApiId=api, RouteId=route_id)
    v2.create_route(ApiId=api, RouteKey="GET /open", Target=target)
    gateway.refused("ConflictException", v2.delete_authorizer, ApiId=api, AuthorizerId=jwt)
    gateway.refused(
        "BadRequestException", v2.update_route, ApiId=api, RouteId=route_id,
        AuthorizationType="CUSTOM",
    )

    # Nothing judges requests, so nobody gets in; the others are served.
    assert gateway.call(api, "/open").status_code == 200
    for headers in ({}, {"Authorization": "Bearer e30.e30.e30"}):
        assert gateway.call(api, "/closed", headers=headers).status_code == 500
    changed = v2.update_route(
        ApiId=api, RouteId=route_id, AuthorizationType="CUSTOM", AuthorizerId=function
    )
    assert "AuthorizationScopes" not in changed, changed
    assert gateway.call(api, "/closed").status_code == 500
    changed = v2.update_route(ApiId=api, RouteId=route_id, AuthorizationType="NONE")
    assert "AuthorizerId" not in changed and changed["AuthorizationType"] == "NONE", changed
    assert gateway.call(api, "/closed").status_code == 200
    v2.delete_authorizer(ApiId=api, AuthorizerId=jwt)
    gateway.refused("NotFoundException", v2.get_authorizer, ApiId=api, AuthorizerId=jwt)
    v2.reset_authorizers_cache(ApiId=api, StageName="$default")


def websocket():
    gateway.refused("BadRequestException", v2.create_api, Name="chat", ProtocolType="WEBSOCKET")
    made = v2.create_api(
        Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )
    api = made["ApiId"]
    assert made["ApiEndpoint"].startswith("ws"), made
    same(v2.get_api, made, ApiId=api)
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    model = v2.create_model(ApiId=api, Name="Message", Schema=json.dumps(schema))
    template = v2.get_model_template(ApiId=api, ModelId=model["ModelId"])["Value"]
    assert '"text" : "$inputRoot.text"' in template, template

    mock = v2.create_integration(
        ApiId=api, IntegrationType="MOCK", RequestTemplates={"200": '{"statusCode": 200}'},
        TemplateSelectionExpression="200",
    )
    integration = mock["IntegrationId"]
    assert mock["PassthroughBehavior"] == "WHEN_NO_MATCH", mock
    same(v2.get_integration, mock, ApiId=api, IntegrationId=integration)
    answer = v2.create_integration_response(
        ApiId=api, IntegrationId=integration, IntegrationResponseKey="/200/",
        ResponseTemplates={"$default": "$input.body"},
    )
    ids = {"ApiId": api, "IntegrationId": integration}
    same(v2.get_integration_response, answer, IntegrationResponseId=answer["IntegrationResponseId"], **ids)
    gateway.refused("ConflictException", v2.create_integration_response, IntegrationResponseKey="/200/", **ids)

    target = "integrations/" + integration
    v2.create_route(ApiId=api, RouteKey="$connect", Target=target, AuthorizationType="AWS_IAM",
                    RequestParameters={"route.request.querystring.room": {"Required": True}})
    say = v2.create_route(
        ApiId=api, RouteKey="say", Target=target, RouteResponseSelectionExpression="$default",
        ModelSelectionExpression="${request.body.kind}", RequestModels={"text": "Message"},
    )["RouteId"]
    reply = v2.create_route_response(
        ApiId=api, RouteId=say, RouteResponseKey="$default", ResponseModels={"$default": "Message"}
    )
    same(v2.get_route_response, reply, ApiId=api, RouteId=say, RouteResponseId=reply["RouteResponseId"])
    gateway.refused("ConflictException", v2.delete_model, ApiId=api, ModelId=model["ModelId"])
    gateway.refused("BadRequestException", v2.create_route, ApiId=api, RouteKey="$other")
    gateway.refused("BadRequestException", v2.create_route, ApiId=api, RouteKey="x", AuthorizationType="AWS_IAM")
    connect = next(it for it in v2.get_routes(ApiId=api)["Items"] if it["RouteKey"] == "$connect")
    v2.delete_route_request_parameter(
        ApiId=api, RouteId=connect["RouteId"], RequestParameterKey="route.request.querystring.room"
    )
    assert "RequestParameters" not in v2.get_route(ApiId=api, RouteId=connect["RouteId"])

    deployment = v2.create_deployment(ApiId=api)["DeploymentId"]
    stage = v2.create_stage(ApiId=api, StageName="prod", DeploymentId=deployment)
    same(v2.get_stage, stage, ApiId=api, StageName="prod")
    for path, status in (("/", 404), ("/prod", 426), ("/prod/say", 404)):
        refused = gateway.call(api, path)
        assert refused.status_code == status, (path, refused.status_code, refused.text)


def quick_create():
    api = v2.create_api(Name="quick", ProtocolType="HTTP", Target=gateway.BACKEND_URL)["ApiId"]
    (route,) = v2.get_routes(ApiId=api)["Items"]
    (integration,) = v2.get_integrations(ApiId=api)["Items"]
    (stage,) = v2.get_stages(ApiId=api)["Items"]
    assert route["ApiGatewayManaged"] and integration["ApiGatewayManaged"] and stage["ApiGatewayManaged"]
    route_id = route["RouteId"]
    gateway.refused("BadRequestException", v2.delete_route, ApiId=api, RouteId=route_id)
    gateway.refused("BadRequestException", v2.update_route, ApiId=api, RouteId=route_id, RouteKey="GET /x")
    gateway.refused("BadRequestException", v2.delete_integration, ApiId=api, IntegrationId=integration["IntegrationId"])
    gateway.refused("BadRequestException", v2.delete_stage, ApiId=api, StageName="$default")
    assert gateway.call(api, "/any").status_code == 200
    v2.update_api(ApiId=api, RouteKey="GET /only")
    assert v2.get_route(ApiId=api, RouteId=route_id)["RouteKey"] == "GET /only"
    assert gateway.call(api, "/any").status_code == 404


def domain_names():
    configuration = {"EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}
    asked = {
        "DomainName": "Closed.example.com",
        "DomainNameConfigurations": [configuration],
        "MutualTlsAuthentication": {"TruststoreUri": "s3://trust/store.pem"},
    }
    unknown = {"CertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/nowhere"}
    with_unknown = {**asked, "DomainNameConfigurations": [{**configuration, **unknown}]}
    gateway.refused("BadRequestException", v2.create_domain_name, **with_unknown)
    made = v2.create_domain_name(**asked)
    same(v2.get_domain_name, made, DomainName="closed.example.com")
    api, target = http_api()
    v2.create_route(ApiId=api, RouteKey="GET /", Target=target)
    v2.create_api_mapping(DomainName="closed.example.com", ApiId=api, Stage="$default")
    # Nothing checks client certificates, so the domain is closed while it asks for them.
    assert gateway.call_host("closed.example.com", "/").status_code == 500
    v2.update_domain_name(DomainName="closed.example.com", MutualTlsAuthentication={"TruststoreUri": ""})
    assert gateway.call_host("closed.example.com", "/").status_code == 200


authorizers()
websocket()
quick_create()
domain_names()
print("parts: ok")
