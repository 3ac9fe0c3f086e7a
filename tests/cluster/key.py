"""apigateway: a key in the usage plan PLAN_NAME; prints its value when the node has answered."""

import os

import boto3

v1 = boto3.client("apigateway")
plan = next(it for it in v1.get_usage_plans()["items"] if it["name"] == os.environ["PLAN_NAME"])
key = v1.create_api_key(name=os.environ["KEY_NAME"], enabled=True)
v1.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
print(key["value"])
