"""Calls that the audit trail is looked at for."""

import os

import gateway

v2 = gateway.client("apigatewayv2")
v1 = gateway.client("apigateway")
api = v2.create_api(Name="audited", ProtocolType="HTTP")["ApiId"]
v2.get_api(ApiId=api)
gateway.refused("NotFoundException", v2.get_api, ApiId="nothere")
v1.create_api_key(name="secret", value="a-secret-that-nobody-must-read")
key_id = os.environ["AWS_ACCESS_KEY_ID"]
wrong = gateway.client("apigatewayv2", aws_access_key_id=key_id, aws_secret_access_key="wrong")
gateway.refused("InvalidSignatureException", wrong.get_apis)
v2.delete_api(ApiId=api)
print(api)
