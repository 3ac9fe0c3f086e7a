"""Calls that the audit trail is looked at for."""

import json
import os

import gateway

v2 = gateway.client("apigatewayv2")
v1 = gateway.client("apigateway")
api = v2.create_api(Name="audited", ProtocolType="HTTP")["ApiId"]
v2.get_api(ApiId=api)
gateway.refused("NotFoundException", v2.get_api, ApiId="nothere")
v1.create_api_key(name="secret", value="a-secret-that-nobody-must-read")


def lie(params, **_):
    """A query that names what the body gives."""
    params["query_string"]["name"] = "harmless"


v2.meta.events.register("before-call.apigatewayv2.UpdateApi", lie)
v2.update_api(ApiId=api, Name="renamed")
integration = {
    "type": "HTTP_PROXY",
    "httpMethod": "GET",
    "uri": "http://127.0.0.1:9/",
    "payloadFormatVersion": "1.0",
    "requestParameters": {"overwrite:header.x-upstream-token": "a-secret-that-nobody-must-read"},
}
document = {
    "openapi": "3.0.1",
    "info": {"title": "imported", "version": "1"},
    "paths": {"/": {"get": {"x-amazon-apigateway-integration": integration}}},
}
v2.import_api(Body=json.dumps(document))
key_id = os.environ["AWS_ACCESS_KEY_ID"]
wrong = gateway.client("apigatewayv2", aws_access_key_id=key_id, aws_secret_access_key="wrong")
gateway.refused("InvalidSignatureException", wrong.get_apis)
v2.delete_api(ApiId=api)
print(api)
