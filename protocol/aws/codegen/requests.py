"""Writes testdata/requests.json: one request of botocore's clients for every operation.

The requests are caught before they are sent. They show what clients really put on the wire: how
labels are encoded, which headers they add, what they sign.

    python3 -m venv venv && venv/bin/pip install botocore
    venv/bin/python codegen/requests.py > testdata/requests.json
"""

import base64
import datetime
import json
from urllib.parse import urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.session

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
ENDPOINTS = {
    "apigateway": "http://localhost:4566",
    "apigatewayv2": "http://127.0.0.1:8080",
    "apigatewaymanagementapi": "https://ws.example.com/prod",
}
LABELS = [
    "$default", "GET /pets/{id}", "a%2Fb+c", "(none)", "L0SM9cOFvHcCIhw=", "ä ~'!*", "api.example"
]
ARN = "arn:aws:apigateway:us-east-1::/restapis/a1/stages/s 1"


def value(shape, depth=0):
    """The least value of a shape: required members only."""
    kind = shape.type_name
    if kind == "structure":
        members = {m: shape.members[m] for m in shape.required_members}
        return {m: value(s, depth + 1) for m, s in members.items()}
    if kind == "list":
        return [value(shape.member, depth + 1)] if depth < 4 else []
    if kind == "map":
        return {}
    return {
        "integer": 1, "long": 1, "double": 0.5, "float": 0.5, "boolean": True, "blob": b"\x00{}",
        "timestamp": NOW,
    }.get(kind, shape.enum[0] if getattr(shape, "enum", None) else "text value")


def main():
    botocore.auth.get_current_datetime = lambda *args, **kwargs: NOW
    session = botocore.session.Session()
    session.set_credentials("AKIDEXAMPLE", "not-a-secret", "token/+=")
    caught = []

    def catch(request, **_):
        caught.append(request)
        return botocore.awsrequest.AWSResponse(request.url, 500, {}, None)

    def text(content):
        return content.decode() if isinstance(content, bytes) else content

    lines = []
    for service, endpoint in ENDPOINTS.items():
        client = session.create_client(
            service, region_name="eu-central-1", endpoint_url=endpoint,
            config=botocore.config.Config(retries={"total_max_attempts": 1}),
        )
        client.meta.events.register("before-send", catch)
        model = client.meta.service_model
        for index, name in enumerate(model.operation_names):
            input_shape = model.operation_model(name).input_shape
            params = value(input_shape) if input_shape else {}
            labels = {}
            for member, shape in (input_shape.members if input_shape else {}).items():
                if shape.serialization.get("location") == "uri":
                    label = shape.serialization["name"]
                    is_arn = label.lower().endswith("arn")
                    chosen = ARN if is_arn else LABELS[(index + len(labels)) % len(LABELS)]
                    labels[label] = params[member] = chosen
            try:
                client._make_api_call(name, params)
            except Exception:  # the made-up reply is no reply
                pass
            request = caught.pop()
            url = urlsplit(request.url)
            headers = [["Host", url.netloc]]
            for field, content in request.headers.items():
                # These are not signed, and differ between machines and runs.
                unstable = {"user-agent": "Botocore", "amz-sdk-invocation-id": "0"}
                headers.append([field, unstable.get(field.lower(), text(content))])
            body = request.body or b""
            body = body.encode() if isinstance(body, str) else body
            lines.append(json.dumps({
                "client": service,
                "operation": name,
                "labels": labels,
                "method": request.method,
                "path": url.path,
                "query": url.query,
                "headers": headers,
                "body": base64.b64encode(body).decode(),
            }))
    print("[\n" + ",\n".join(lines) + "\n]")


main()
