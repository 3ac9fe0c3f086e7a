"""Changes through all nodes of ENDPOINTS at once, as several administrators make them.

None overwrites another's, and what only one may have only one gets.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.exceptions import ClientError

ENDPOINTS = os.environ["ENDPOINTS"].split()
ROUNDS = 10
v1 = [boto3.client("apigateway", endpoint_url=url) for url in ENDPOINTS]
v2 = [boto3.client("apigatewayv2", endpoint_url=url) for url in ENDPOINTS]
pool = ThreadPoolExecutor(16)


def outcome(call, **members):
    try:
        call(**members)
        return "made"
    except ClientError as error:
        return error.response["Error"]["Code"]


def at_once(calls):
    return [it.result() for it in [pool.submit(outcome, call, **members) for call, members in calls]]


# One secret is one key's, whichever node heard of it first.
for round in range(ROUNDS):
    value = f"the-secret-of-round-{round:04}"
    made = at_once((node.create_api_key, {"name": "x", "value": value}) for node in v1)
    assert sorted(made) == ["ConflictException"] * (len(v1) - 1) + ["made"], made
keys = v1[0].get_api_keys(includeValues=True, limit=500)["items"]
values = [key["value"] for key in keys]
assert len(set(values)) == len(values) == ROUNDS, values

# Routes of one API: each edit begins with all that came before it.
api = v2[0].create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
calls = [
    (node.create_route, {"ApiId": api, "RouteKey": f"GET /{at}/{number}"})
    for number in range(ROUNDS)
    for at, node in enumerate(v2)
]
made = at_once(calls)
assert made == ["made"] * len(calls), made
routes = v2[1].get_routes(ApiId=api, MaxResults="500")["Items"]
assert len(routes) == len(calls), len(routes)

# A stage, and what leads to it: it goes only while nothing does.
mapped = 0
for round in range(ROUNDS):
    stage, domain = f"s{round}", f"d{round}.example.com"
    v2[0].create_stage(ApiId=api, StageName=stage)
    v2[1].create_domain_name(DomainName=domain)
    gone, led = at_once(
        [
            (v2[1].delete_stage, {"ApiId": api, "StageName": stage}),
            (v2[2].create_api_mapping, {"ApiId": api, "Stage": stage, "DomainName": domain}),
        ]
    )
    assert sorted([gone, led]) in (
        ["ConflictException", "made"],
        ["NotFoundException", "made"],
    ), (gone, led)
    stages = {it["StageName"] for it in v2[0].get_stages(ApiId=api)["Items"]}
    mappings = v2[0].get_api_mappings(DomainName=domain)["Items"]
    assert (stage in stages) == bool(mappings) == (led == "made"), (stages, mappings)
    mapped += led == "made"

# Different APIs, all at once: nobody is told to try again.
apis = [v2[0].create_api(Name=f"a{number}", ProtocolType="HTTP")["ApiId"] for number in range(12)]
for round in range(ROUNDS):
    calls = [
        (v2[number % len(v2)].update_api, {"ApiId": it, "Description": f"round {round}"})
        for number, it in enumerate(apis)
    ]
    made = at_once(calls)
    assert made == ["made"] * len(calls), made
told = {v2[2].get_api(ApiId=it)["Description"] for it in apis}
assert told == {f"round {ROUNDS - 1}"}, told

print(f"{mapped} of {ROUNDS} mappings came before their stage went")
