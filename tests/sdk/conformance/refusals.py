"""What every operation answers to a caller without permission, and to one who calls too often."""

import os

from botocore.exceptions import ClientError
from conformance.model import build
from conformance.walk import UNKNOWN

# The bucket of that node gains a call a second: one of two calls in a row is refused.
ATTEMPTS = 20
CONNECTIONS = "/_aws/execute-api/nothere123/prod"


def least(operation):
    """What is required, naming nothing that is there."""
    shape = operation.input_shape
    if shape is None:
        return {}
    known = {}
    for name, member in shape.members.items():
        path = f"{operation.name}.{name}"
        if member.serialization.get("location") == "uri" and not getattr(member, "enum", None):
            known[path] = UNKNOWN
        elif member.type_name == "blob":
            known[path] = b"{}"
    return build(shape, operation.name, known, None, False)


def too_many(service, operations, name):
    """Each operation of a node that takes next to no calls."""
    for operation in operations:
        arguments = least(service.operation(operation))
        found = None
        for _ in range(ATTEMPTS):
            found = service.refusal(operation, arguments)
            if found == name:
                break
        check(service, operation, found, name)
    error = refusal(service, operations[0])
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 429, error
    assert int(error["ResponseMetadata"]["HTTPHeaders"]["retry-after"]) >= 1, error
    return error


def refusal(service, operation):
    """The whole error of an operation that is refused sooner or later."""
    method = getattr(service.client, service.methods[operation])
    for _ in range(ATTEMPTS):
        try:
            method(**least(service.operation(operation)))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 429:
                return error.response
    raise AssertionError(f"{operation} is never refused")


def denied(service, operations, name):
    """Each operation by a user to whom nothing is allowed."""
    for operation in operations:
        found = service.refusal(operation, least(service.operation(operation)))
        check(service, operation, found, name)


def check(service, operation, found, name):
    service.book.errors.setdefault(operation, set()).add(found)
    if found != name:
        service.book.wrong(operation, f"{found}, not {name}")


def run(make, operations, stage):
    """`make` makes a service of the book: its name, an address, credentials. `stage` is the address
    of a stage on the data listener."""
    limited, nobody = os.environ["LIMITED_URL"], {
        "aws_access_key_id": os.environ["NOBODY_KEY"],
        "aws_secret_access_key": os.environ["NOBODY_SECRET"],
    }
    v2 = make("apigatewayv2", endpoint_url=limited)
    error = too_many(v2, operations, "TooManyRequestsException")
    assert error["LimitType"] == "account", error
    denied(make("apigatewayv2", **nobody), operations, "AccessDeniedException")

    management = make("apigatewaymanagementapi", endpoint_url=limited + CONNECTIONS)
    operations = management.model.operation_names
    too_many(management, operations, "LimitExceededException")
    for address in (os.environ["AWS_ENDPOINT_URL"] + CONNECTIONS, stage):
        refused = make("apigatewaymanagementapi", endpoint_url=address, **nobody)
        denied(refused, operations, "ForbiddenException")
