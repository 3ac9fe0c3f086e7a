import json
import os
import time


def overlaps(connection):
    with open(os.environ["EVENTS"]) as file:
        seen = [json.loads(line)["requestContext"] for line in file.read().splitlines()]
    return any(it["eventType"] == "DISCONNECT" and it["connectionId"] == connection for it in seen)


def handler(event, context):
    context_of = event["requestContext"]
    with open(os.environ["EVENTS"], "a") as out:
        out.write(json.dumps(event) + "\n")
    key = context_of["routeKey"]
    if key == "$connect":
        query = event.get("queryStringParameters") or {}
        if query.get("token") == "wrong":
            return {"statusCode": 403, "body": "no"}
        offered = event["headers"].get("Sec-WebSocket-Protocol")
        headers = {"Sec-WebSocket-Protocol": offered.split(",")[-1].strip()} if offered else {}
        return {"statusCode": 200, "headers": headers}
    if key == "broken":
        return {"no": "envelope"}
    if event.get("body") == "long":
        # Whether another event of the connection comes while this one is served.
        end = time.monotonic() + 1
        while time.monotonic() < end and not overlaps(context_of["connectionId"]):
            time.sleep(0.02)
        with open(os.environ["EVENTS"], "a") as out:
            overlapped = overlaps(context_of["connectionId"])
            out.write(json.dumps({"requestContext": {"eventType": "SERVED", "overlapped": overlapped}}) + "\n")
    if event.get("isBase64Encoded"):
        return {"statusCode": 200, "body": event["body"], "isBase64Encoded": True}
    if event.get("body") == "who":
        return {"statusCode": 200, "body": context_of["connectionId"]}
    return {"statusCode": 200, "body": "echo " + (event.get("body") or "")}
