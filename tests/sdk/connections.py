"""apigatewaymanagementapi: the calls on connections, on both listeners and at every address."""

import os

import boto3
import gateway
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

CONNECTION = "L0SM9/OFvHcCIhw="
ADMIN = os.environ["AWS_ENDPOINT_URL"]
v2 = gateway.client("apigatewayv2")

api = v2.create_api(
    Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
)["ApiId"]
integration = v2.create_integration(
    ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="POST", IntegrationUri=gateway.BACKEND_URL
)["IntegrationId"]
v2.create_route(ApiId=api, RouteKey="$default", Target="integrations/" + integration)
deployment = v2.create_deployment(ApiId=api)["DeploymentId"]
v2.create_stage(ApiId=api, StageName="prod", DeploymentId=deployment)
v2.create_domain_name(DomainName="chat.example.com")
v2.create_api_mapping(DomainName="chat.example.com", ApiId=api, Stage="prod", ApiMappingKey="ws")


def management(endpoint):
    """A client of an endpoint."""
    return boto3.client(
        "apigatewaymanagementapi", endpoint_url=endpoint, config=Config(retries={"max_attempts": 0})
    )


calls = 0
for endpoint in (
    f"{gateway.GATEWAY_URL}/_aws/execute-api/{api}/prod",
    f"{ADMIN}/_aws/execute-api/{api}/prod",
    f"{ADMIN}/{api}/prod",
):
    client = management(endpoint)
    for operation, more in (
        (client.get_connection, {}),
        (client.post_to_connection, {"Data": b"hello"}),
        (client.post_to_connection, {"Data": b"x" * (128 * 1024)}),
        (client.delete_connection, {}),
    ):
        try:
            operation(ConnectionId=CONNECTION, **more)
        except client.exceptions.GoneException as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            assert status == 410 and error.response["ResponseMetadata"]["RequestId"], error.response
            calls += 1
    try:
        client.post_to_connection(ConnectionId=CONNECTION, Data=b"x" * (128 * 1024 + 1))
    except client.exceptions.PayloadTooLargeException as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 413, error.response
        calls += 1
assert calls == 15, calls
# A policy is about an API and a stage, so an address that does not name both is none.
for endpoint in (f"{ADMIN}/prod", ADMIN):
    gateway.refused("UnknownOperationException", management(endpoint).get_connection, ConnectionId=CONNECTION)
    calls += 1


def answer(host, path, service="execute-api", access_key=None, method="GET", body=b""):
    """The status and the error of a request to the data listener by host name."""
    key = access_key or os.environ["AWS_ACCESS_KEY_ID"]
    credentials = Credentials(key, os.environ["AWS_SECRET_ACCESS_KEY"])
    url = gateway.GATEWAY_URL + path
    request = AWSRequest(method=method, url=url, data=body, headers={"Host": host})
    if service:
        SigV4Auth(credentials, service, "us-east-1").add_auth(request)
    sent = httpx.request(method, url, headers=dict(request.headers), content=body, timeout=20)
    return sent.status_code, sent.headers.get("x-amzn-errortype")


generated = f"{api}.execute-api.us-east-1.localhost"
for host, path in (
    (generated, "/prod/@connections/abc="),
    (generated, "/prod/%40connections/abc%3D"),
    ("chat.example.com", "/ws/@connections/abc="),
):
    assert answer(host, path) == (410, "GoneException"), (host, path, answer(host, path))
path = "/prod/@connections/abc="
for wrong, kind in (
    ({"service": None}, "MissingAuthenticationTokenException"),
    ({"access_key": "AKIASTRANGER00000001"}, "UnrecognizedClientException"),
):
    assert answer(generated, path, **wrong) == (403, kind), answer(generated, path, **wrong)
assert answer(generated, path, service="apigateway")[0] == 403
assert answer(generated, path, method="PUT")[0] == 404
assert answer(generated, "/other/@connections/abc=")[0] == 404
# What is no call of this kind is no request that an HTTP API would answer.
assert answer(generated, "/prod/pets")[0] == 404
print(f"connections: {calls} calls by boto3, ok")
