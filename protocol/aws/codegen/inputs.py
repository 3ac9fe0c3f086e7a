"""Writes src/inputs/generated.rs from the service models that ship with botocore.

Only facts are taken: names of members, where they stand, their types, bounds and enumerations.

    python3 -m venv venv && venv/bin/pip install botocore
    venv/bin/python codegen/inputs.py > src/inputs/generated.rs
"""

import re

import botocore
import botocore.session

SERVICES = [("apigateway", "ApiGateway"), ("apigatewayv2", "ApiGatewayV2")]

# `StringWithLengthBetween1And128`: some bounds stand in the names of shapes only.
BOUNDS = re.compile(r"LengthBetween(\d+)And(\d+)(K?)$")
# What an error must not quote.
SECRETS = {("CreateApiKey", "value"), ("CreateDomainName", "certificatePrivateKey")}


class Shapes:
    """Shapes by their text, so that equal ones are written once."""

    def __init__(self):
        self.names = {}

    def add(self, text):
        if text not in self.names:
            self.names[text] = f"S{len(self.names)}"
        return "&" + self.names[text]

    def of(self, shape, operation, top=False):
        kind = shape.type_name
        if kind == "structure":
            return self.add(self.structure(shape, operation, top))
        if kind == "list":
            return self.add(f"Shape::List({self.of(shape.member, operation)})")
        if kind == "map":
            return self.add(f"Shape::Map({self.of(shape.value, operation)})")
        if kind == "string" and shape.enum:
            values = ", ".join(f'"{value}"' for value in shape.enum)
            return self.add(f"Shape::Enum(&[{values}])")
        if kind == "string":
            low, high = bounds(shape)
            return self.add(f"Shape::String {{ min: {low}, max: {high} }}")
        if kind in ("integer", "long"):
            low = shape.metadata.get("min", "i64::MIN")
            high = shape.metadata.get("max", "i64::MAX")
            return self.add(f"Shape::Integer {{ min: {low}, max: {high} }}")
        return self.add({
            "boolean": "Shape::Boolean", "double": "Shape::Double", "float": "Shape::Double",
            "timestamp": "Shape::Timestamp", "blob": "Shape::Blob",
        }[kind])

    def structure(self, shape, operation, top):
        members = []
        for name, member in sorted(shape.members.items()):
            at = member.serialization.get("location", "body")
            if top and shape.serialization.get("payload") == name:
                at = "payload"
            wire = member.serialization.get("name", name)
            place = {"body": "Body", "uri": "Label", "querystring": "Query", "header": "Header",
                     "payload": "Payload"}[at]
            required = str(name in shape.required_members).lower()
            secret = str((operation, wire) in SECRETS).lower()
            members.append(
                f'Member {{ name: "{wire}", place: Place::{place}, required: {required}, '
                f"secret: {secret}, shape: {self.of(member, operation)} }}"
            )
        return "Shape::Structure(&[" + ", ".join(members) + "])"


def bounds(shape):
    named = BOUNDS.search(shape.name)
    if named:
        return int(named[1]), int(named[2]) * (1024 if named[3] else 1)
    return shape.metadata.get("min", 0), shape.metadata.get("max", "usize::MAX")


def main():
    shapes, inputs = Shapes(), []
    session = botocore.session.get_session()
    for model_name, service in SERVICES:
        model = session.get_service_model(model_name)
        for name in sorted(model.operation_names):
            shape = model.operation_model(name).input_shape
            if shape is not None:
                inputs.append((service, name, shapes.of(shape, name, top=True)))
    print(f"//! Written by `codegen/inputs.py` from botocore {botocore.__version__}'s models:")
    print("//! change the script, not this file. Exempt from the length rule, it is a table.\n")
    print("use super::{Member, Place, Shape};")
    print("use crate::Service;\n")
    print("/// The inputs, ordered by service and name.")
    print(f"pub(super) static INPUTS: [(Service, &str, &Shape); {len(inputs)}] = [")
    for service, name, shape in inputs:
        print(f'    (Service::{service}, "{name}", {shape}),')
    print("];\n")
    for text, name in shapes.names.items():
        print(f"static {name}: Shape = {text};")


main()
