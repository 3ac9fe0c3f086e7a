import json
import os


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
    if event.get("isBase64Encoded"):
        return {"statusCode": 200, "body": event["body"], "isBase64Encoded": True}
    if event.get("body") == "who":
        return {"statusCode": 200, "body": context_of["connectionId"]}
    return {"statusCode": 200, "body": "echo " + (event.get("body") or "")}
