"""Lists all APIs page by page; prints their number and the seconds that took, with pages of the
default size and of the largest."""

import os
import time

import boto3

v2 = boto3.client("apigatewayv2")
wanted = int(os.environ["APIS"])


def walk(**page):
    began = time.perf_counter()
    ids, token = [], {}
    while True:
        answer = v2.get_apis(**page, **token)
        ids += [api["ApiId"] for api in answer["Items"]]
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    took = time.perf_counter() - began
    assert len(ids) == len(set(ids)) == wanted, (len(ids), len(set(ids)), wanted)
    return took


# The first call makes the connection.
v2.get_apis(MaxResults="1")
print(f"{walk():.3f} {walk(MaxResults='500'):.3f}")
