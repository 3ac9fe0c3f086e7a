"""Writes src/operations/generated.rs from the service models that ship with botocore.

Only facts are taken: operation names, methods, URI templates and success statuses.

    python3 -m venv venv && venv/bin/pip install botocore
    venv/bin/python codegen/operations.py > src/operations/generated.rs
"""

import re

import botocore
import botocore.loaders

SERVICES = [
    ("apigateway", "V1", "ApiGateway"),
    ("apigatewayv2", "V2", "ApiGatewayV2"),
    ("apigatewaymanagementapi", "Management", "Management"),
]

# Labels that carry an ARN. Clients encode its slashes; those that do not are understood as well.
GREEDY = {"resource_arn", "resource-arn", "domain_name_access_association_arn"}

# What a self-hosted gateway makes of an operation; everything not named here is a Must.
IRRELEVANT = re.compile(
    r"domainnameaccessassociations|rejectdomainnameaccessassociations|sharingpolicy"
)
LOW = re.compile(r"/sdks/|/sdktypes")
SHOULD = re.compile(
    r"/clientcertificates|/documentation/|default_template|/models/\{modelId\}/template"
    r"|/vpclinks|/routingrules|/portal"
)
SHOULD_NAMES = {"TestInvokeMethod", "TestInvokeAuthorizer"}


def priority(name, uri):
    if IRRELEVANT.search(uri):
        return "Irrelevant"
    if LOW.search(uri):
        return "Low"
    if SHOULD.search(uri) or name in SHOULD_NAMES:
        return "Should"
    return "Must"


def load():
    """All operations in a stable order: service, then name."""
    loader = botocore.loaders.Loader()
    found = []
    for model_name, variant, service in SERVICES:
        operations = loader.load_service_model(model_name, "service-2")["operations"]
        for name in sorted(operations):
            http = operations[name]["http"]
            uri, _, query = http["requestUri"].partition("?")
            found.append({
                "variant": variant,
                "service": service,
                "name": name,
                "method": http["method"],
                "uri": uri,
                "query": tuple(query.split("=", 1)) if query else None,
                "status": http.get("responseCode", 200),
                "labels": re.findall(r"\{([^}]+)\}", uri),
                "priority": priority(name, uri),
            })
    return found


def build_trie(operations):
    nodes = [{"literals": {}, "label": None, "greedy": False, "ops": []}]

    def new_node():
        nodes.append({"literals": {}, "label": None, "greedy": False, "ops": []})
        return len(nodes) - 1

    for index, op in enumerate(operations):
        at = 0
        for segment in op["uri"].strip("/").split("/"):
            node = nodes[at]
            if segment.startswith("{"):
                if node["label"] is None:
                    node["label"] = new_node()
                node["greedy"] |= segment.strip("{}") in GREEDY
                at = node["label"]
            else:
                if segment not in node["literals"]:
                    node["literals"][segment] = new_node()
                at = node["literals"][segment]
        nodes[at]["ops"].append(index)
    for node in nodes:
        # The matcher never goes back, so a literal and a label must not compete.
        assert not (node["literals"] and node["label"] is not None), node
        # Those with a query come first, since they are the special case.
        node["ops"].sort(key=lambda i: operations[i]["query"] is None)
    return nodes


def emit_enum(operations, variant, title):
    print(f"/// {title}")
    print("#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]")
    print(f"pub enum {variant}Op {{")
    for op in operations:
        if op["variant"] == variant:
            query = "?" + "=".join(op["query"]) if op["query"] else ""
            print(f"    /// `{op['method']} {op['uri']}{query}`, {op['status']}")
            print(f"    {op['name']},")
    print("}\n")


def quoted(items):
    return ", ".join(f'"{item}"' for item in items)


def emit_operations(operations):
    print("/// Every operation, ordered by service and name.")
    print(f"pub static OPERATIONS: [Operation; {len(operations)}] = [")
    for op in operations:
        query = "None"
        if op["query"]:
            query = f"Some(({quoted(op['query'])}))"
        print(
            f"    Operation {{ op: Op::{op['variant']}({op['variant']}Op::{op['name']}), "
            f"service: Service::{op['service']}, name: \"{op['name']}\", "
            f"method: \"{op['method']}\", uri: \"{op['uri']}\", query: {query}, "
            f"status: {op['status']}, priority: Priority::{op['priority']}, "
            f"labels: &[{quoted(op['labels'])}] }},"
        )
    print("];\n")


def emit_trie(nodes):
    print("/// The segment tree of all URI templates; node 0 is the root.")
    print(f"pub(super) static NODES: [Node; {len(nodes)}] = [")
    for node in nodes:
        literals = ", ".join(f'("{s}", {n})' for s, n in sorted(node["literals"].items()))
        label = "None" if node["label"] is None else f"Some({node['label']})"
        ops = ", ".join(map(str, node["ops"]))
        greedy = str(node["greedy"]).lower()
        print(
            f"    Node {{ literals: &[{literals}], label: {label}, greedy: {greedy}, "
            f"ops: &[{ops}] }},"
        )
    print("];")


def main():
    operations = load()
    print(f"//! Written by `codegen/operations.py` from botocore {botocore.__version__}'s models:")
    print("//! change the script, not this file. Exempt from the length rule, it is a table.\n")
    print("use super::{Node, Op, Operation, Priority};")
    print("use crate::Service;\n")
    emit_enum(operations, "V1", "Operations on REST APIs and what belongs to them (`apigateway`).")
    emit_enum(operations, "V2", "Operations on HTTP and WebSocket APIs (`apigatewayv2`).")
    emit_enum(
        operations, "Management", "Operations on open WebSocket connections (`@connections`)."
    )
    emit_operations(operations)
    emit_trie(build_trie(operations))


main()
