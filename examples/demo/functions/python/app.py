"""A function as AWS Lambda takes it: event format 2.0 in, a response out."""


def handler(event, context):
    name = event["pathParameters"]["name"]
    return {
        "statusCode": 200,
        "headers": {"content-type": "text/plain"},
        "body": f"Hello {name}, from a Python function.\n",
    }
