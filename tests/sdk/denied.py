"""Signatures that must not be believed."""

import os

import botocore.config
import gateway
import httpx

good = gateway.client("apigatewayv2")
good.get_apis()

key_id = os.environ["AWS_ACCESS_KEY_ID"]
wrong = gateway.client("apigatewayv2", aws_access_key_id=key_id, aws_secret_access_key="wrong")
error = gateway.refused("InvalidSignatureException", wrong.get_apis)
assert error["ResponseMetadata"]["HTTPStatusCode"] == 403, error

secret = os.environ["AWS_SECRET_ACCESS_KEY"]
nobody = "AKIANOBODYHASTHISKEY"
stranger = gateway.client("apigatewayv2", aws_access_key_id=nobody, aws_secret_access_key=secret)
error = gateway.refused("UnrecognizedClientException", stranger.get_apis)
assert error["ResponseMetadata"]["HTTPStatusCode"] == 403, error

unsigned = gateway.client(
    "apigatewayv2", config=botocore.config.Config(signature_version=botocore.UNSIGNED)
)
error = gateway.refused("MissingAuthenticationTokenException", unsigned.get_apis)
assert error["ResponseMetadata"]["HTTPStatusCode"] == 403, error

# A refusal tells nothing about the secret.
answer = httpx.get(os.environ["AWS_ENDPOINT_URL"] + "/v2/apis")
assert os.environ["AWS_SECRET_ACCESS_KEY"] not in answer.text
print("denied: ok")
