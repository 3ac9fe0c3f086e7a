"""Says of every operation of the three services whether this gateway has it, as docs/aws.md tells it."""

import os
import re

import botocore.session
import gateway
from botocore.config import Config
from conformance.model import build

UNKNOWN = "nothere123"
# The words of an operation that is not there.
ABSENT = re.compile(r"is not available")
# There is no developer portal: its lists are empty, and nothing can be made.
PORTAL = re.compile(r"Portal|ProductPage|ProductRestEndpointPage")
SERVICES = ("apigatewayv2", "apigatewaymanagementapi", "apigateway")


def arguments(operation):
    """What is required, naming nothing that is there."""
    shape = operation.input_shape
    if shape is None:
        return {}
    labels = {
        f"{operation.name}.{name}": UNKNOWN
        for name, member in shape.members.items()
        if member.serialization.get("location") == "uri" and not getattr(member, "enum", None)
    }
    blobs = {
        f"{operation.name}.{name}": b"{}"
        for name, member in shape.members.items()
        if member.type_name == "blob"
    }
    return build(shape, operation.name, {**labels, **blobs}, None, False)


def has(client, operation):
    """Whether an operation does more than to say that it is not there."""
    if PORTAL.search(operation.name):
        return False
    names = client.meta.method_to_api_mapping
    method = next(method for method, name in names.items() if name == operation.name)
    try:
        getattr(client, method)(**arguments(operation))
    except client.exceptions.ClientError as error:
        return ABSENT.search(str(error)) is None
    return True


def main():
    session = botocore.session.get_session()
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    for service in SERVICES:
        options = {}
        if service == "apigatewaymanagementapi":
            options["endpoint_url"] = os.environ["AWS_ENDPOINT_URL"] + "/_aws/execute-api/nothere/prod"
        client = gateway.client(service, config=config, **options)
        model = session.get_service_model(service)
        operations = [model.operation_model(name) for name in model.operation_names]
        here = [it.name for it in operations if has(client, it)]
        absent = [it.name for it in operations if it.name not in here]
        few = f"all but {', '.join(absent)}" if absent else "all"
        told = few if len(absent) < len(here) else ", ".join(here)
        print(f"| `{service}` | {len(here)} of {len(operations)} | {told} |")


main()
