"""apigateway: API keys and usage plans, enforced and counted."""

import datetime

import gateway

v1 = gateway.client("apigateway")
v2 = gateway.client("apigatewayv2")

LIMIT = 5

api_id = v2.create_api(Name="metered", ProtocolType="HTTP")["ApiId"]
integration = v2.create_integration(
    ApiId=api_id,
    IntegrationType="HTTP_PROXY",
    IntegrationMethod="ANY",
    IntegrationUri=gateway.BACKEND_URL + "/{proxy}",
    PayloadFormatVersion="1.0",
)
v2.create_route(
    ApiId=api_id,
    RouteKey="ANY /{proxy+}",
    Target="integrations/" + integration["IntegrationId"],
    ApiKeyRequired=True,
)
v2.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)

key = v1.create_api_key(name="customer", enabled=True)
value = key["value"]
assert len(value) >= 20, "the value of a new key is shown once"
assert "value" not in v1.get_api_key(apiKey=key["id"])
assert v1.get_api_key(apiKey=key["id"], includeValue=True)["value"] == value
headers = {"x-api-key": value}
assert gateway.call(api_id, "/x").status_code == 403, "no key"
assert gateway.call(api_id, "/x", headers=headers).status_code == 403, "a key without a plan"

plan = v1.create_usage_plan(
    name="small",
    apiStages=[{"apiId": api_id, "stage": "$default"}],
    throttle={"rateLimit": 1000.0, "burstLimit": 1000},
    quota={"limit": LIMIT, "period": "DAY"},
)
v1.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
codes = [gateway.call(api_id, "/x", headers=headers).status_code for _ in range(LIMIT + 2)]
assert codes == [200] * LIMIT + [429] * 2, codes

today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
usage = v1.get_usage(usagePlanId=plan["id"], keyId=key["id"], startDate=today, endDate=today)
assert usage["items"][key["id"]] == [[LIMIT, 0]], usage

# A larger quota is in force at once; a disabled key is out at once.
v1.update_usage_plan(
    usagePlanId=plan["id"],
    patchOperations=[{"op": "replace", "path": "/quota/limit", "value": str(LIMIT + 1)}],
)
assert gateway.call(api_id, "/x", headers=headers).status_code == 200
assert gateway.call(api_id, "/x", headers=headers).status_code == 429
v1.update_api_key(
    apiKey=key["id"],
    patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}],
)
assert gateway.call(api_id, "/x", headers=headers).status_code == 403
print("usage_plan: ok")
