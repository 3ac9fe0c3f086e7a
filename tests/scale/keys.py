"""Imports API keys through the management API, as many files as it takes; prints how long each took.

Key number n has the value `key-value-of-scale-<n>`, so that whoever runs this can call with any."""

import os
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# A file is at most 6 MiB.
ROWS = 60_000

first, last, plan = int(os.environ["FIRST"]), int(os.environ["LAST"]), os.environ["PLAN_ID"]
v1 = boto3.client("apigateway", config=Config(read_timeout=600, retries={"max_attempts": 0}))


def load(rows):
    lines = ["name,key,usageplanIds"]
    lines += [f"k{n},key-value-of-scale-{n:09},{plan}" for n in rows]
    body = "\n".join(lines).encode()
    while True:
        try:
            made = v1.import_api_keys(body=body, format="csv", failOnWarnings=True)
            return len(made["ids"])
        except ClientError as error:
            # Committed and not served yet: with the same keys once more it waits for that.
            if error.response["Error"]["Code"] != "ServiceUnavailableException":
                raise


for at in range(first, last, ROWS):
    rows = range(at, min(at + ROWS, last))
    began = time.perf_counter()
    assert load(rows) == len(rows)
    print(f"{at} {time.perf_counter() - began:.2f}", flush=True)
