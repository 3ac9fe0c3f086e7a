"""Gives all keys of a plan a rate; prints how many milliseconds that took until it was served."""

import os
import time

import boto3
from botocore.config import Config

v1 = boto3.client("apigateway", config=Config(read_timeout=600, retries={"max_attempts": 0}))
operations = [{"op": "replace", "path": f"/throttle/{name}", "value": "100000"} for name in ("rateLimit", "burstLimit")]
began = time.perf_counter()
v1.update_usage_plan(usagePlanId=os.environ["PLAN_ID"], patchOperations=operations)
print(1000 * (time.perf_counter() - began))
