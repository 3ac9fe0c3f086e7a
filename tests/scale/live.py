"""Changes one API of many again and again; prints the milliseconds until each change was in force."""

import os
import statistics
import time

import boto3

v2 = boto3.client("apigatewayv2")
v2.get_api(ApiId=os.environ["API_ID"])
took = []
for turn in range(20):
    began = time.perf_counter()
    # The operation returns when requests see the change.
    v2.create_route(ApiId=os.environ["API_ID"], RouteKey=f"GET /turn-{turn}")
    took.append((time.perf_counter() - began) * 1000)
print(f"{statistics.median(took):.1f} {max(took):.1f}")
