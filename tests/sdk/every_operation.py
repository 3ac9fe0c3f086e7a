"""Every operation of the services, with inputs that are made from the SDK's own model."""

import os
import sys

import gateway
from conformance import refusals
from conformance.catalogue import FAMILIES
from conformance.connections import Connections
from conformance.errors import Errors
from conformance.recorder import Book, Service
from conformance.singles import Singles
from conformance.unraised import UNRAISED
from conformance.walk import Walk
from conformance.world import World

# The developer portal is a part of its own.
ELSEWHERE = ("Portal", "ProductPage", "ProductRestEndpointPage")
OF_CONNECTIONS = ("GetConnection", "PostToConnection", "DeleteConnection")


def belongs(operation):
    return not any(part in operation for part in ELSEWHERE)


def main():
    book = Book()
    v2 = Service("apigatewayv2", book)
    world = World(v2.client)
    wanted = sys.argv[1:]
    for family in FAMILIES:
        if wanted and not any(word in family.name for word in wanted):
            continue
        try:
            take(v2, world, family)
        except Exception as error:  # a finding, and the next families say more
            book.wrong(family.create, f"[{family.name}] {type(error).__name__}: {error}")
    operations = [name for name in v2.model.operation_names if belongs(name)]
    if not wanted:
        Singles(v2, world).run()
        connections(book, world)
        stage = f"{gateway.GATEWAY_URL}/_aws/execute-api/{world.websocket}/{world.ws_stage}"
        refusals.run(lambda name, **options: Service(name, book, **options), operations, stage)
    report(book, operations, len(v2.model.operation_names))
    errors(book, v2, operations)
    errors(book, Service("apigatewaymanagementapi", book), OF_CONNECTIONS)


def connections(book, world):
    """The third service, at both of a stage's addresses."""
    stage = f"/{world.websocket}/{world.ws_stage}"
    admin, data = os.environ["AWS_ENDPOINT_URL"], gateway.GATEWAY_URL + "/_aws/execute-api"
    for address in (admin + stage, data + stage):
        Connections(Service("apigatewaymanagementapi", book, endpoint_url=address)).run()
    assert not (wrong := {k: v for k, v in book.failed.items() if "Connection" in k}), wrong


def take(service, world, family):
    """One family: its life, and what it refuses."""
    walk = Walk(service, world, family)
    walk.run()
    made = service.call(family.create, walk.input(family.create, False))
    named = {**walk.parents, family.id: made[family.id]}
    Errors(service, walk, named).run()
    service.call(family.delete, named)


def errors(book, service, operations):
    """Which of the errors that the model names were raised as their classes."""
    modelled = {
        (operation, error.name)
        for operation in operations
        for error in service.operation(operation).error_shapes
    }
    missing = {(operation, name) for operation, name in modelled if name not in book.errors.get(operation, ())}
    raised = len(modelled) - len(missing)
    print(
        f"{service.model.service_name}: errors raised as their classes: {raised} of {len(modelled)} "
        f"in the model; {len(missing)} cannot occur"
    )
    expected = UNRAISED & modelled
    assert missing == expected, f"not raised: {missing - expected}; raised: {expected - missing}"


def report(book, operations, modelled):
    whole = 0
    for operation in operations:
        wrong = book.failed.get(operation, [])
        done = book.passed.get(operation, set())
        complete = not wrong and {"minimal", "maximal"} <= done
        whole += complete
        if not complete:
            print(f"{operation}: {', '.join(sorted(done)) or 'not called'}")
            for text in wrong:
                print(f"    {text}")
    portal = modelled - len(operations)
    print(
        f"apigatewayv2: operations passed: {whole} of {len(operations)}, which are the {modelled} of the "
        f"model without the portal's {portal}"
    )
    assert whole == len(operations), "see above"


main()
