"""boto3 against a running node: every operation that this release has, its paging and errors.

Run it against a fresh node, with AWS_ENDPOINT_URL and credentials in the environment.
"""

import datetime

import boto3
from botocore.exceptions import ClientError

v1 = boto3.client("apigateway")
v2 = boto3.client("apigatewayv2")


def refused(code, operation, **arguments):
    try:
        result = operation(**arguments)
    except ClientError as error:
        got = error.response["Error"]["Code"]
        assert got == code, f"{got} instead of {code}: {error}"
        assert isinstance(error, getattr(v1.exceptions, code, ClientError)) or isinstance(
            error, getattr(v2.exceptions, code, ClientError)
        ), type(error)
        assert error.response["ResponseMetadata"]["RequestId"], error.response
        return error.response
    raise AssertionError(f"{code} expected, got {result}")


def patch(op, path, value=None):
    return {"op": op, "path": path, **({} if value is None else {"value": value})}


def listed(client, operation, member, page_size=1, **arguments):
    """All items in pages of one, and that there were as many pages as items."""
    config = {"PageSize": page_size}
    pages = list(client.get_paginator(operation).paginate(PaginationConfig=config, **arguments))
    items = [item for page in pages for item in page.get(member, [])]
    assert len(pages) == max(len(items), 1), (operation, len(pages), len(items))
    return items


# --- apigatewayv2 -------------------------------------------------------------------------------
api = v2.create_api(
    Name="shop",
    ProtocolType="HTTP",
    CorsConfiguration={"AllowOrigins": ["https://a.example"], "MaxAge": 60},
    Tags={"team": "a"},
)
api_id = api["ApiId"]
assert api["CorsConfiguration"] == {
    "AllowOrigins": ["https://a.example"], "MaxAge": 60, "AllowCredentials": False,
}, api
assert api["Tags"] == {"team": "a"}, api
assert abs((api["CreatedDate"] - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) < 60
quick = v2.create_api(Name="quick", ProtocolType="HTTP", Target="http://127.0.0.1:9/")
assert v2.get_stages(ApiId=quick["ApiId"])["Items"][0]["StageName"] == "$default"
assert v2.get_routes(ApiId=quick["ApiId"])["Items"][0]["RouteKey"] == "$default"
assert {it["Name"] for it in listed(v2, "get_apis", "Items")} == {"shop", "quick"}
refused("BadRequestException", v2.create_api, Name="ws", ProtocolType="WEBSOCKET")
refused("BadRequestException", v2.create_api, Name="", ProtocolType="HTTP")

updated = v2.update_api(ApiId=api_id, Name="shop2", Description="d", DisableExecuteApiEndpoint=True)
assert (updated["Name"], updated["DisableExecuteApiEndpoint"]) == ("shop2", True), updated
assert updated["CorsConfiguration"]["MaxAge"] == 60, updated
v2.delete_cors_configuration(ApiId=api_id)
assert "CorsConfiguration" not in v2.get_api(ApiId=api_id)
v2.update_api(ApiId=api_id, DisableExecuteApiEndpoint=False)

integrations = [
    v2.create_integration(
        ApiId=api_id,
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="GET",
        IntegrationUri=f"http://127.0.0.1:{port}/",
        PayloadFormatVersion="1.0",
        RequestParameters={"append:header.x-a": "1"},
    )
    for port in (9, 10)
]
one = integrations[0]["IntegrationId"]
assert integrations[0]["TimeoutInMillis"] == 30000, integrations[0]
changed = v2.update_integration(
    ApiId=api_id, IntegrationId=one, TimeoutInMillis=5000,
    RequestParameters={"append:header.x-a": "", "append:header.x-b": "2"},
)
assert changed["RequestParameters"] == {"append:header.x-b": "2"}, changed
assert changed["TimeoutInMillis"] == 5000 and changed["IntegrationMethod"] == "GET", changed
assert len(listed(v2, "get_integrations", "Items", ApiId=api_id)) == 2
refused("BadRequestException", v2.create_integration, ApiId=api_id, IntegrationType="AWS")

routes = [
    v2.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{one}", OperationName=name)
    for key, name in (("GET /pets", "list"), ("GET /pets/{id}", "one"))
]
refused("ConflictException", v2.create_route, ApiId=api_id, RouteKey="GET /pets")
refused("BadRequestException", v2.create_route, ApiId=api_id, RouteKey="GET pets")
refused(
    "BadRequestException", v2.create_route, ApiId=api_id, RouteKey="GET /x", AuthorizationType="JWT"
)
refused("ConflictException", v2.delete_integration, ApiId=api_id, IntegrationId=one)
v2.delete_integration(ApiId=api_id, IntegrationId=integrations[1]["IntegrationId"])
assert len(listed(v2, "get_routes", "Items", ApiId=api_id)) == 2
route_id = routes[0]["RouteId"]
assert v2.update_route(ApiId=api_id, RouteId=route_id, ApiKeyRequired=True)["ApiKeyRequired"]
missing = refused("NotFoundException", v2.get_route, ApiId=api_id, RouteId="nothere")
assert missing["ResponseMetadata"]["HTTPStatusCode"] == 404, missing

v2.create_stage(ApiId=api_id, StageName="prod", StageVariables={"a": "1", "b": "2"})
refused("ConflictException", v2.create_stage, ApiId=api_id, StageName="prod")
first = v2.create_deployment(ApiId=api_id, StageName="prod", Description="first")
assert first["DeploymentStatus"] == "DEPLOYED" and not first["AutoDeployed"], first
stage = v2.get_stage(ApiId=api_id, StageName="prod")
assert stage["DeploymentId"] == first["DeploymentId"], stage
v2.create_stage(ApiId=api_id, StageName="auto", AutoDeploy=True)
v2.update_route(ApiId=api_id, RouteId=route_id, OperationName="all")
assert v2.get_stage(ApiId=api_id, StageName="prod")["DeploymentId"] == first["DeploymentId"]
assert v2.get_stage(ApiId=api_id, StageName="auto")["DeploymentId"] != first["DeploymentId"]
assert len(listed(v2, "get_deployments", "Items", ApiId=api_id)) >= 2
refused("BadRequestException", v2.create_deployment, ApiId=api_id, StageName="auto")
refused("NotFoundException", v2.create_deployment, ApiId=api_id, StageName="nothere")
refused(
    "BadRequestException", v2.delete_deployment,
    ApiId=api_id, DeploymentId=first["DeploymentId"],
)
stage = v2.update_stage(
    ApiId=api_id,
    StageName="prod",
    StageVariables={"a": "", "c": "3"},
    DefaultRouteSettings={"ThrottlingRateLimit": 2.5, "ThrottlingBurstLimit": 5},
    RouteSettings={"GET /pets": {"ThrottlingRateLimit": 1.0, "ThrottlingBurstLimit": 1}},
    AccessLogSettings={"DestinationArn": "stdout", "Format": "$context.requestId"},
)
assert stage["StageVariables"] == {"b": "2", "c": "3"}, stage
assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 2.5, stage
v2.delete_route_settings(ApiId=api_id, StageName="prod", RouteKey="GET /pets")
v2.delete_access_log_settings(ApiId=api_id, StageName="prod")
stage = v2.get_stage(ApiId=api_id, StageName="prod")
assert "AccessLogSettings" not in stage and not stage["RouteSettings"], stage
assert len(listed(v2, "get_stages", "Items", ApiId=api_id)) == 2
renamed = v2.update_deployment(
    ApiId=api_id, DeploymentId=first["DeploymentId"], Description="renamed"
)
assert renamed["Description"] == "renamed", renamed

arn = f"arn:aws:apigateway:us-east-1::/apis/{api_id}"
v2.tag_resource(ResourceArn=arn, Tags={"b": "2", "c": "3"})
v2.untag_resource(ResourceArn=arn, TagKeys=["team", "c"])
assert v2.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"}
assert v2.get_api(ApiId=api_id)["Tags"] == {"b": "2"}
v2.tag_resource(ResourceArn=f"{arn}/stages/prod", Tags={"x": "y"})
assert v2.get_stage(ApiId=api_id, StageName="prod")["Tags"] == {"x": "y"}
refused("NotFoundException", v2.get_tags, ResourceArn=arn + "x")
refused("BadRequestException", v2.get_tags, ResourceArn="nonsense")

domain = v2.create_domain_name(DomainName="Api.Example.com", Tags={"d": "1"})
assert domain["DomainName"] == "api.example.com", domain
assert domain["DomainNameConfigurations"][0]["DomainNameStatus"] == "AVAILABLE", domain
refused("ConflictException", v2.create_domain_name, DomainName="api.example.com")
refused(
    "BadRequestException", v2.create_domain_name, DomainName="b.example.com",
    DomainNameConfigurations=[{"CertificateArn": "arn:aws:acm:us-east-1:0:certificate/none"}],
)
mappings = [
    v2.create_api_mapping(
        DomainName="api.example.com", ApiId=api_id, Stage="prod", ApiMappingKey=key
    )
    for key in ("", "v1")
]
refused(
    "ConflictException", v2.create_api_mapping,
    DomainName="api.example.com", ApiId=api_id, Stage="prod", ApiMappingKey="v1",
)
refused(
    "NotFoundException", v2.create_api_mapping,
    DomainName="api.example.com", ApiId=api_id, Stage="nothere",
)
moved = v2.update_api_mapping(
    DomainName="api.example.com", ApiMappingId=mappings[1]["ApiMappingId"],
    ApiId=api_id, ApiMappingKey="v2",
)
assert (moved["ApiMappingKey"], moved["Stage"]) == ("v2", "prod"), moved
paged = listed(v2, "get_domain_names", "Items")
assert len(paged) == 1, paged
assert len(v2.get_api_mappings(DomainName="api.example.com")["Items"]) == 2
refused("ConflictException", v2.delete_stage, ApiId=api_id, StageName="prod")
refused("ConflictException", v2.delete_api, ApiId=api_id)
v2.delete_api_mapping(
    DomainName="api.example.com", ApiMappingId=mappings[1]["ApiMappingId"]
)
v2.delete_domain_name(DomainName="api.example.com")

assert v2.get_domain_names()["Items"] == [] and v2.get_vpc_links()["Items"] == []
refused("NotFoundException", v2.get_domain_name, DomainName="x.example")
refused("NotFoundException", v2.get_vpc_link, VpcLinkId="nothere")
refused("BadRequestException", v2.get_apis, MaxResults="zero")
refused("BadRequestException", v2.get_apis, NextToken="foreign")
refused("BadRequestException", v2.list_portals)

# --- apigateway ---------------------------------------------------------------------------------
keys = [v1.create_api_key(name=f"acme-{n}", enabled=True, description="d") for n in range(3)]
key = keys[0]
assert len(key["value"]) == 40 and key["stageKeys"] == [], key
given = v1.create_api_key(name="given", value="given-value-0000000000000001", customerId="c1")
assert given["value"] == "given-value-0000000000000001" and not given["enabled"], given
refused("ConflictException", v1.create_api_key, name="x", value="given-value-0000000000000001")
short = {}
try:
    v1.create_api_key(name="x", value="short")
except ClientError as error:
    short = error.response["Error"]
assert short.get("Code") == "ValidationException" and "short" not in short["Message"], short
assert len(listed(v1, "get_api_keys", "items")) == 4
assert len(listed(v1, "get_api_keys", "items", nameQuery="acme")) == 3
assert len(listed(v1, "get_api_keys", "items", nameQuery="Acme")) == 0
assert len(listed(v1, "get_api_keys", "items", customerId="c1")) == 1
assert all("value" not in it for it in v1.get_api_keys()["items"])
assert all("value" in it for it in v1.get_api_keys(includeValues=True)["items"])
key_arn = f"arn:aws:apigateway:us-east-1::/apikeys/{key['id']}"
v1.tag_resource(resourceArn=key_arn, tags={"k": "v"})
assert v1.get_tags(resourceArn=key_arn)["tags"] == {"k": "v"}
v1.untag_resource(resourceArn=key_arn, tagKeys=["k"])
assert v1.get_api_key(apiKey=key["id"])["tags"] == {}
renamed = v1.update_api_key(
    apiKey=key["id"],
    patchOperations=[patch("replace", "/name", "n"), patch("replace", "/enabled", "false")],
)
assert (renamed["name"], renamed["enabled"]) == ("n", False), renamed
refused(
    "BadRequestException", v1.update_api_key,
    apiKey=key["id"], patchOperations=[patch("replace", "/value", "x")],
)
refused(
    "BadRequestException", v1.update_api_key,
    apiKey=key["id"], patchOperations=[patch("add", "/name", "x")],
)
try:
    v1.update_api_key(
        apiKey=key["id"], patchOperations=[patch("replace", "/name", "x"), patch("bad", "/name")]
    )
    raise AssertionError("an operation that there is not was taken")
except ClientError as error:
    assert error.response["Error"]["Code"] == "ValidationException", error
    assert "patchOperations.2.member.op" in error.response["Error"]["Message"], error
refused("NotFoundException", v1.get_api_key, apiKey="nothere")

plan = v1.create_usage_plan(
    name="gold",
    apiStages=[{"apiId": api_id, "stage": "prod", "throttle": {"/pets/GET": {"burstLimit": 1, "rateLimit": 1.5}}}],
    throttle={"burstLimit": 10, "rateLimit": 5.0},
    quota={"limit": 100, "period": "MONTH", "offset": 3},
)
plan_id = plan["id"]
assert plan["quota"] == {"limit": 100, "period": "MONTH", "offset": 3}, plan
assert plan["apiStages"][0]["throttle"] == {"/pets/GET": {"burstLimit": 1, "rateLimit": 1.5}}, plan
other = v1.create_usage_plan(name="silver")
assert other["apiStages"] == [], other
refused(
    "NotFoundException", v1.create_usage_plan,
    name="x", apiStages=[{"apiId": api_id, "stage": "nothere"}],
)
assert len(listed(v1, "get_usage_plans", "items")) == 2
stage_name = f"{api_id}:prod"
escaped = f"/apiStages/{stage_name}/throttle/~1pets/GET"
plan = v1.update_usage_plan(
    usagePlanId=plan_id,
    patchOperations=[
        patch("replace", "/name", "platinum"),
        patch("replace", "/quota/limit", "200"),
        patch("replace", "/quota/period", "DAY"),
        patch("replace", "/quota/offset", "0"),
        patch("remove", "/throttle"),
        patch("replace", f"{escaped}/rateLimit", "7"),
        patch("add", "/apiStages", f"{api_id}:auto"),
    ],
)
assert plan["name"] == "platinum" and plan["quota"]["limit"] == 200, plan
assert "throttle" not in plan and len(plan["apiStages"]) == 2, plan
assert plan["apiStages"][0]["throttle"]["/pets/GET"]["rateLimit"] == 7.0, plan
plan = v1.update_usage_plan(
    usagePlanId=plan_id,
    patchOperations=[
        patch("remove", "/apiStages", f"{api_id}:auto"),
        patch("remove", escaped),
        patch("replace", "/throttle/burstLimit", "3"),
        patch("replace", "/throttle/rateLimit", "2"),
    ],
)
assert len(plan["apiStages"]) == 1 and not plan["apiStages"][0].get("throttle"), plan
assert plan["throttle"] == {"burstLimit": 3, "rateLimit": 2.0}, plan
for wrong in (
    patch("replace", "/nothere", "1"),
    patch("replace", "/quota/limit", "many"),
    patch("replace", "/quota/period", "YEAR"),
    patch("replace", "/quota/offset", "9"),
    patch("add", "/apiStages", "malformed"),
    patch("test", "/name", "x"),
):
    refused(
        "BadRequestException", v1.update_usage_plan, usagePlanId=plan_id, patchOperations=[wrong]
    )
refused(
    "NotFoundException", v1.update_usage_plan,
    usagePlanId=plan_id, patchOperations=[patch("add", "/apiStages", f"{api_id}:nothere")],
)

for it in keys:
    member = v1.create_usage_plan_key(usagePlanId=plan_id, keyId=it["id"], keyType="API_KEY")
    assert (member["id"], member["type"]) == (it["id"], "API_KEY"), member
assert len(listed(v1, "get_usage_plan_keys", "items", usagePlanId=plan_id)) == 3
assert len(v1.get_usage_plan_keys(usagePlanId=plan_id, nameQuery="acme")["items"]) == 2
assert [it["id"] for it in v1.get_usage_plans(keyId=key["id"])["items"]] == [plan_id]
assert v1.get_usage_plans(keyId="nothere")["items"] == []
v1.update_usage_plan(
    usagePlanId=other["id"], patchOperations=[patch("add", "/apiStages", stage_name)]
)
refused(
    "ConflictException", v1.create_usage_plan_key,
    usagePlanId=other["id"], keyId=key["id"], keyType="API_KEY",
)
refused(
    "NotFoundException", v1.create_usage_plan_key,
    usagePlanId=plan_id, keyId="nothere", keyType="API_KEY",
)

today = datetime.datetime.now(datetime.timezone.utc).date()
days = {"startDate": str(today - datetime.timedelta(days=1)), "endDate": str(today)}
usage = v1.get_usage(usagePlanId=plan_id, **days)
assert set(usage["items"]) == {it["id"] for it in keys}, usage
assert usage["items"][key["id"]] == [[0, 200], [0, 200]], usage
assert (usage["startDate"], usage["endDate"]) == (days["startDate"], days["endDate"]), usage
pages = list(
    v1.get_paginator("get_usage").paginate(
        usagePlanId=plan_id, PaginationConfig={"PageSize": 1}, **days
    )
)
assert len(pages) == 3, len(pages)
left = v1.update_usage(
    usagePlanId=plan_id, keyId=key["id"], patchOperations=[patch("replace", "/remaining", "7")]
)
assert left["items"][key["id"]] == [[0, 7]], left
refused("BadRequestException", v1.get_usage, usagePlanId=plan_id, startDate="x", endDate="y")
refused(
    "BadRequestException", v1.get_usage,
    usagePlanId=plan_id, startDate="2026-01-01", endDate="2026-06-01",
)

csv = f"name,KEY,UsageplanIds\nimported,imported-value-000000000001,{plan_id}\nbad,short,\n"
imported = v1.import_api_keys(body=csv.encode(), format="csv")
assert len(imported["ids"]) == 1 and len(imported["warnings"]) == 1, imported
again = v1.import_api_keys(body=csv.encode(), format="csv")
assert again["ids"] == imported["ids"], again
refused(
    "BadRequestException", v1.import_api_keys, body=csv.encode(), format="csv", failOnWarnings=True
)

v1.delete_usage_plan_key(usagePlanId=plan_id, keyId=key["id"])
refused("NotFoundException", v1.get_usage_plan_key, usagePlanId=plan_id, keyId=key["id"])
v1.delete_usage_plan(usagePlanId=plan_id)
refused("NotFoundException", v1.get_usage_plan, usagePlanId=plan_id)
for it in v1.get_api_keys()["items"]:
    v1.delete_api_key(apiKey=it["id"])
assert v1.get_api_keys()["items"] == []
v2.delete_stage(ApiId=api_id, StageName="prod")
assert v1.get_usage_plan(usagePlanId=other["id"])["apiStages"] == []
v2.delete_route(ApiId=api_id, RouteId=route_id)
for it in (api_id, quick["ApiId"]):
    v2.delete_api(ApiId=it)
refused("NotFoundException", v2.delete_api, ApiId=api_id)
print("boto3_admin: ok")
