"""Users with least privilege: what their policies allow works with AWS's SDK, all else is refused."""

import json
import os
import time

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import gateway
import httpx

ENDPOINTS = os.environ.get("ENDPOINTS", os.environ["AWS_ENDPOINT_URL"]).split()
ROOT = (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
WITHIN_SECONDS = 5


def iam(method, path, body=None, key=ROOT, endpoint=ENDPOINTS[0]):
    """An operation of ours: the same signature, another path."""
    data = json.dumps(body) if body is not None else ""
    url = f"{endpoint}/tollgate/v1/iam/{path}"
    request = botocore.awsrequest.AWSRequest(method=method, url=url, data=data)
    credentials = botocore.credentials.Credentials(*key)
    botocore.auth.SigV4Auth(credentials, "apigateway", "us-east-1").add_auth(request)
    answer = httpx.request(method, url, content=data, headers=dict(request.headers), timeout=20)
    return answer


def done(*arguments, **options):
    answer = iam(*arguments, **options)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def statement(effect, action, resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def inside(user, *statements):
    done("PUT", f"users/{user}/policies/own", {"document": policy(*statements)})


def key_of(user):
    made = done("POST", f"users/{user}/keys", {})
    return made["accessKeyId"], made["secretAccessKey"]


def client(service, key, endpoint=ENDPOINTS[0]):
    return boto3.client(
        service, endpoint_url=endpoint, aws_access_key_id=key[0], aws_secret_access_key=key[1]
    )


def allowed(operation, **arguments):
    try:
        operation(**arguments)
        return "allowed"
    except operation.__self__.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


def soon(what, expected, ask):
    """Waits on other nodes, which follow within milliseconds."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while (got := ask()) != expected:
        assert time.monotonic() < deadline, f"{what}: {got} instead of {expected}"


root_v2 = boto3.client("apigatewayv2", endpoint_url=ENDPOINTS[0])
shop = root_v2.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
other = root_v2.create_api(Name="other", ProtocolType="HTTP")["ApiId"]

# Nothing is allowed before a policy says so.
done("POST", "users", {"userName": "ci", "tags": {"team": "blue"}})
first = key_of("ci")
v2, v1 = client("apigatewayv2", first), client("apigateway", first)
error = gateway.refused("AccessDeniedException", v2.get_apis)
assert error["ResponseMetadata"]["HTTPStatusCode"] == 403
assert error["Error"]["Message"] == (
    "User: arn:aws:iam::000000000000:user/ci is not authorized to perform: apigateway:GET on "
    "resource: arn:aws:apigateway:us-east-1::/apis because no identity-based policy allows the "
    "apigateway:GET action"
), error

# One API may be changed, and nothing else seen.
apis = "arn:aws:apigateway:us-east-1::/apis"
inside("ci", statement("Allow", "apigateway:*", [f"{apis}/{shop}", f"{apis}/{shop}/*"]))
v2.update_api(ApiId=shop, Description="by ci")
v2.create_route(ApiId=shop, RouteKey="GET /a")
assert [it["RouteKey"] for it in v2.get_routes(ApiId=shop)["Items"]] == ["GET /a"]
for call, arguments in [
    (v2.get_apis, {}),
    (v2.get_api, {"ApiId": other}),
    (v2.update_api, {"ApiId": other, "Description": "x"}),
    (v2.delete_api, {"ApiId": other}),
    (v2.create_api, {"Name": "x", "ProtocolType": "HTTP"}),
    (v1.get_api_keys, {}),
    (v1.create_api_key, {"name": "x"}),
]:
    assert allowed(call, **arguments) == "AccessDeniedException", call
assert iam("GET", "users", key=first).status_code == 403
assert iam("POST", "users/ci/keys", {}, key=first).status_code == 403

# A deny wins, with its own words.
inside("ci", statement("Allow", "apigateway:*"), statement("Deny", "apigateway:DELETE"))
error = gateway.refused("AccessDeniedException", v2.delete_api, ApiId=other)
assert "with an explicit deny in an identity-based policy" in error["Error"]["Message"], error

# Where the call comes from.
near = {"Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}
far = {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
inside("ci", statement("Allow", "apigateway:GET", **far))
assert allowed(v2.get_apis) == "AccessDeniedException"
inside("ci", statement("Allow", "apigateway:GET", **near))
assert allowed(v2.get_apis) == "allowed"

# Tags on creation, and whose they are.
tagged = {"Condition": {"StringEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}}}
places = [apis, "arn:aws:apigateway:us-east-1::/tags/*"]
inside("ci", statement("Allow", "apigateway:POST", places, **tagged))
new = {"Name": "x", "ProtocolType": "HTTP"}
assert allowed(v2.create_api, **new) == "AccessDeniedException"
assert allowed(v2.create_api, Tags={"team": "red"}, **new) == "AccessDeniedException"
assert allowed(v2.create_api, Tags={"team": "blue"}, **new) == "allowed"
done("DELETE", "users/ci/policies/own")

# What a group may, its users may.
document = policy(statement("Allow", "apigateway:GET"))
done("POST", "policies", {"policyName": "read", "document": document})
done("POST", "groups", {"groupName": "readers"})
done("PUT", "groups/readers/attached/read", {})
assert allowed(v2.get_apis) == "AccessDeniedException"
done("PUT", "groups/readers/users/ci", {})
assert allowed(v2.get_apis) == "allowed"

# A key works on every node, and a disabled one on none.
everywhere = [client("apigatewayv2", first, endpoint) for endpoint in ENDPOINTS]
for node in everywhere:
    soon("the key elsewhere", "allowed", lambda: allowed(node.get_apis))
second = key_of("ci")
assert iam("POST", "users/ci/keys", {}).status_code == 429, "a third key"
done("PATCH", f"users/ci/keys/{first[0]}", {"status": "Inactive"})
assert allowed(everywhere[0].get_apis) == "UnrecognizedClientException"
for node in everywhere:
    soon("disabled elsewhere", "UnrecognizedClientException", lambda: allowed(node.get_apis))
done("DELETE", f"users/ci/keys/{first[0]}")
for endpoint in ENDPOINTS:
    rotated = client("apigatewayv2", second, endpoint)
    soon("the second key elsewhere", "allowed", lambda: allowed(rotated.get_apis))
    done("GET", "users/ci", endpoint=endpoint)
done("DELETE", "groups/readers/users/ci")
for endpoint in ENDPOINTS:
    rotated = client("apigatewayv2", second, endpoint)
    soon("out of the group", "AccessDeniedException", lambda: allowed(rotated.get_apis))
print(f"users: ok on {len(ENDPOINTS)} nodes")
