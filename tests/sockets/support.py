"""What the drivers of these suites share."""

import json
import os
import time

import boto3
from botocore.config import Config

GATEWAY = os.environ["GATEWAY_URL"]


def address(gateway=GATEWAY, api="chat", stage="prod"):
    return f"{gateway.replace('http', 'ws', 1)}/_aws/execute-api/{api}/{stage}"


def management(gateway=GATEWAY, api="chat", stage="prod"):
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=f"{gateway}/_aws/execute-api/{api}/{stage}",
        config=Config(retries={"max_attempts": 0}, read_timeout=10),
    )


def events(kind):
    with open(os.environ["EVENTS"]) as file:
        seen = [json.loads(line) for line in file.read().splitlines()]
    return [it for it in seen if it["requestContext"]["eventType"] == kind]


def wait(what, look, seconds=15):
    """The first true value that `look` gives."""
    end = time.monotonic() + seconds
    while True:
        value = look()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: {value!r}"
        time.sleep(0.02)
