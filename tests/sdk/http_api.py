"""apigatewayv2: an HTTP API from nothing to traffic, changed and deleted."""

import gateway

v2 = gateway.client("apigatewayv2")

api = v2.create_api(Name="pets", ProtocolType="HTTP", Description="of the driver", Tags={"team": "a"})
api_id = api["ApiId"]
assert api["Name"] == "pets" and api["ProtocolType"] == "HTTP", api
assert api_id in api["ApiEndpoint"], api
assert api["CreatedDate"].tzinfo is not None, api

integration = v2.create_integration(
    ApiId=api_id,
    IntegrationType="HTTP_PROXY",
    IntegrationMethod="ANY",
    IntegrationUri=gateway.BACKEND_URL + "/{proxy}",
    PayloadFormatVersion="1.0",
)
target = "integrations/" + integration["IntegrationId"]
route = v2.create_route(ApiId=api_id, RouteKey="ANY /{proxy+}", Target=target)
assert v2.get_route(ApiId=api_id, RouteId=route["RouteId"])["RouteKey"] == "ANY /{proxy+}"

# Nothing is served before a stage is.
assert gateway.call(api_id, "/x").status_code == 404
stage = v2.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
assert stage["AutoDeploy"] is True, stage
answer = gateway.call(api_id, "/pets/7?a=b", "POST", content=b"hello")
assert answer.status_code == 200, answer.text
echoed = answer.json()
assert echoed["method"] == "POST" and echoed["body"] == "hello", echoed
assert echoed["target"].startswith("/pets/7"), echoed

# A change of an auto-deploying stage is in force when the call returns.
v2.update_route(ApiId=api_id, RouteId=route["RouteId"], RouteKey="GET /{proxy+}")
assert gateway.call(api_id, "/x").status_code == 200
assert gateway.call(api_id, "/x", "POST").status_code == 404

# Paging: every API is listed once, in pages of the size asked for.
names = {f"page-{number}" for number in range(7)}
for name in names:
    v2.create_api(Name=name, ProtocolType="HTTP")
pages = list(v2.get_paginator("get_apis").paginate(PaginationConfig={"PageSize": 3}))
listed = [item["Name"] for page in pages for item in page["Items"]]
assert len(pages) >= 3, len(pages)
assert sorted(listed) == sorted(names | {"pets"}), listed

# Mistakes come back as the error that the SDK knows.
gateway.refused("NotFoundException", v2.get_api, ApiId="nothere")
gateway.refused("ConflictException", v2.create_route, ApiId=api_id, RouteKey="GET /{proxy+}", Target=target)
gateway.refused("BadRequestException", v2.create_route, ApiId=api_id, RouteKey="no route key")

v2.delete_api(ApiId=api_id)
gateway.refused("NotFoundException", v2.get_api, ApiId=api_id)
assert gateway.call(api_id, "/x").status_code in (403, 404)
print("http_api: ok")
