"""What the drivers share: where the node is, clients for it, and calls to its APIs."""

import os

import boto3
import httpx
from botocore.exceptions import ClientError

GATEWAY_URL = os.environ["GATEWAY_URL"]
BACKEND_URL = os.environ["BACKEND_URL"]


def client(service, **options):
    """A boto3 client; endpoint and credentials come from the environment, as users set them."""
    return boto3.client(service, **options)


def call(api_id, path="/", method="GET", **options):
    """Calls an API by its generated host name."""
    return call_host(f"{api_id}.execute-api.us-east-1.localhost", path, method, **options)


def call_host(host, path="/", method="GET", **options):
    """Calls what a host name leads to."""
    headers = {"Host": host, **options.pop("headers", {})}
    return httpx.request(method, GATEWAY_URL + path, headers=headers, timeout=20, **options)


def refused(code, operation, **arguments):
    """Calls an operation that must be refused with this code; returns the whole error."""
    try:
        result = operation(**arguments)
    except ClientError as error:
        got = error.response["Error"]["Code"]
        assert got == code, f"{got} instead of {code}: {error}"
        return error.response
    raise AssertionError(f"{code} expected, got {result}")
