"""What the suite `functions` calls: the last segment of the path says what to do."""

import base64
import json
import os
import sys
import time

LOADED_AT = time.time()
served = 0


def handler(event, context):
    global served
    served += 1
    path = event.get("rawPath") or event["path"]
    return globals()["do_" + path.rsplit("/", 1)[1]](event, context)


def answer(body, **rest):
    return {"statusCode": 200, "body": body if isinstance(body, str) else json.dumps(body), **rest}


def do_event(event, context):
    return answer(event)


def do_context(event, context):
    return answer(
        {
            "id": context.aws_request_id,
            "left": context.get_remaining_time_in_millis(),
            "name": context.function_name,
            "greeting": os.environ["GREETING"],
            "served": served,
            "pid": os.getpid(),
        }
    )


def do_full(event, context):
    reply = {
        "statusCode": 201,
        "headers": {"X-One": "1", "Content-Type": "text/html"},
        "body": base64.b64encode(bytes(range(256))).decode(),
        "isBase64Encoded": True,
    }
    if event["version"] == "2.0":
        return {**reply, "cookies": ["a=1; Path=/", "b=2"]}
    return {**reply, "multiValueHeaders": {"Set-Cookie": ["a=1; Path=/", "b=2"]}}


def do_bare(event, context):
    return {"plain": "object"}


def do_text(event, context):
    return "only text"


def do_number(event, context):
    return 42


def do_nothing(event, context):
    return None


def do_status(event, context):
    return {"statusCode": "not a status", "body": ""}


def do_raise(event, context):
    raise ValueError("the reason that no client may see")


def do_exit(event, context):
    os._exit(3)


def do_sleep(event, context):
    time.sleep(60)


def do_nap(event, context):
    # A slow function is behaviour under test.
    time.sleep(0.3)
    return answer(str(os.getpid()))


def do_large(event, context):
    return answer("x" * int(event["queryStringParameters"]["bytes"]))


def do_flood(event, context):
    line = "y" * 1000
    for _ in range(20_000):
        print(line)
        print(line, file=sys.stderr)
    return answer("flooded")


def do_length(event, context):
    return answer(str(len(event["body"])))
