"""The service model that ships in botocore: inputs are made from it, and replies judged by it."""

import json
import re
from datetime import datetime

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# `StringWithLengthBetween1And128`: these models keep the bounds of strings in their shapes' names.
BOUNDS = re.compile(r"LengthBetween(\d+)And(\d+)(K?)$")


class Omit(Exception):
    """A value that must not be sent."""


def omit(_world):
    raise Omit


def bounds(shape):
    """The fewest and the most characters of a string, `None` where the model does not say."""
    found = BOUNDS.search(shape.name)
    if found is None:
        return None
    return int(found[1]), int(found[2]) * (1024 if found[3] else 1)


def build(shape, path, values, world, everything, least=()):
    """An input of this shape: all members, or only those that are required or in `least`."""
    known = values.get(path, values.get(path.rsplit(".", 1)[-1]))
    if known is not None:
        return known(world) if callable(known) else known
    if shape.type_name == "structure":
        return members(shape, path, values, world, everything, least)
    if shape.type_name == "list":
        return [build(shape.member, path + "[]", values, world, everything)]
    if shape.type_name == "map":
        return {"key": build(shape.value, path + "{}", values, world, everything)}
    return scalar(shape, path)


def members(shape, path, values, world, everything, least):
    made = {}
    for name, member in shape.members.items():
        wanted = everything or name in shape.required_members or name in least
        if not wanted:
            continue
        try:
            made[name] = build(member, f"{path}.{name}", values, world, everything)
        except Omit:
            assert name not in shape.required_members, f"{path}.{name} is required"
    return made


def scalar(shape, path):
    if shape.type_name == "boolean":
        return True
    if shape.type_name in ("integer", "long", "double", "float"):
        return shape.metadata.get("min", 1)
    assert shape.type_name == "string", f"{path} needs a value of its own ({shape.type_name})"
    if shape.enum:
        return shape.enum[0]
    return "a-" + path.rsplit(".", 1)[-1].lower()


def faults(value, shape, path="reply"):
    """What is wrong with a reply as it was on the wire."""
    kind = shape.type_name
    if kind == "structure":
        return structure_faults(value, shape, path)
    if kind == "list":
        if not isinstance(value, list):
            return [f"{path} is no list"]
        return [fault for item in value for fault in faults(item, shape.member, path + "[]")]
    if kind == "map":
        if not isinstance(value, dict):
            return [f"{path} is no map"]
        return [fault for item in value.values() for fault in faults(item, shape.value, path + "{}")]
    if kind == "timestamp":
        right = isinstance(value, str) and TIMESTAMP.fullmatch(value) is not None
        right = right and datetime.fromisoformat(value) is not None
    elif kind == "boolean":
        right = isinstance(value, bool)
    elif kind in ("integer", "long"):
        right = isinstance(value, int) and not isinstance(value, bool)
    elif kind in ("double", "float"):
        right = isinstance(value, (int, float)) and not isinstance(value, bool)
    else:
        right = isinstance(value, str) and (not shape.enum or value in shape.enum)
    return [] if right else [f"{path} is {json.dumps(value)}, not a {kind}"]


def structure_faults(value, shape, path):
    if not isinstance(value, dict):
        return [f"{path} is no object"]
    by_wire = {
        member.serialization.get("name", name): (name, member)
        for name, member in shape.members.items()
    }
    found = []
    for wire, inner in value.items():
        if wire not in by_wire:
            found.append(f"{path}.{wire} is not in the model")
            continue
        name, member = by_wire[wire]
        found += faults(inner, member, f"{path}.{name}")
    missing = [name for name in shape.required_members if name not in
               {by_wire[wire][0] for wire in value if wire in by_wire}]
    return found + [f"{path}.{name} is missing" for name in missing]


def too_much(shape, path):
    """Values just beyond what the model allows: `(member, value)`."""
    for name, member in shape.members.items():
        if member.serialization.get("location") == "uri":
            continue
        limits = bounds(member) if member.type_name == "string" else None
        if limits:
            yield name, "x" * (limits[1] + 1)
            # A change takes a member away with an empty text.
            if limits[0] > 0 and not path.startswith("Update"):
                yield name, ""
        elif member.type_name == "string" and member.enum:
            yield name, "NOT-ONE-OF-THEM"
        elif member.type_name == "integer" and "max" in member.metadata:
            yield name, member.metadata["max"] + 1
            yield name, member.metadata["min"] - 1
        elif name in ("MaxResults",) and member.type_name == "string":
            yield name, "many"
            yield name, "0"
        elif name == "NextToken":
            yield name, "not-a-token"
