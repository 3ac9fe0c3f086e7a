"""A boto3 client whose replies are judged as they were on the wire, and a book of what passed."""

import json

import gateway
from botocore.exceptions import ClientError
from botocore.config import Config
from conformance import model


class Book:
    """What was found, by operation."""

    def __init__(self):
        self.passed = {}
        self.failed = {}
        self.errors = {}
        self.sent = {}

    def ok(self, operation, what):
        self.passed.setdefault(operation, set()).add(what)

    def wrong(self, operation, text):
        found = self.failed.setdefault(operation, [])
        if text not in found:
            found.append(text)


class Service:
    """One AWS service at the gateway."""

    def __init__(self, name, book, **options):
        # What the model forbids is sent on purpose.
        config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
        self.client = gateway.client(name, config=config, **options)
        self.model = self.client.meta.service_model
        self.book = book
        self.last = None
        events = self.client.meta.events
        events.register(f"response-received.{self.model.service_id.hyphenize()}", self._received)
        self.methods = {
            operation: method for method, operation in self.client.meta.method_to_api_mapping.items()
        }

    def _received(self, response_dict, **_):
        self.last = response_dict

    def operation(self, name):
        return self.model.operation_model(name)

    def call(self, name, arguments):
        """Calls an operation that must succeed; its reply without metadata, judged."""
        operation = self.operation(name)
        self.book.sent.setdefault(name, set()).update(arguments)
        reply = getattr(self.client, self.methods[name])(**arguments)
        reply.pop("ResponseMetadata")
        for fault in self._wire_faults(operation):
            self.book.wrong(name, fault)
        return reply

    def _wire_faults(self, operation):
        found = []
        status, wanted = self.last["status_code"], operation.http.get("responseCode", 200)
        if status != wanted:
            found.append(f"status {status}, not {wanted}")
        headers = {name.lower(): value for name, value in self.last["headers"].items()}
        if not headers.get("x-amzn-requestid"):
            found.append("no x-amzn-RequestId")
        body = self.last["body"]
        shape = operation.output_shape
        if shape is None or not shape.members:
            if body not in (b"", b"{}"):
                found.append(f"a body where none is: {body[:80]}")
        elif "payload" not in shape.serialization:
            found += model.faults(json.loads(body), shape)
        return found

    def refusal(self, name, arguments):
        """The name of the class that a call raises, `None` when it succeeds."""
        try:
            getattr(self.client, self.methods[name])(**arguments)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            classes = self.client.exceptions
            known = isinstance(error, getattr(classes, code, ())) and type(error) is not ClientError
            # AWS says nothing more of a connection that is gone.
            if not error.response["Error"]["Message"] and code != "GoneException":
                self.book.wrong(name, f"{code} without a message")
            return code if known else f"{code} (not in the model)"
        return None
