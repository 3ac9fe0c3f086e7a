"""Writes testdata/vectors.json: the signing test suite that ships in the crate aws-sigv4.

    # The crate's source is unpacked where cargo keeps sources once something depends on it.
    python3 codegen/vectors.py aws-sigv4-1.6.4/aws-signing-test-suite/v4 > testdata/vectors.json

The suite is Amazon's, under the Apache License 2.0, as this project is.
"""

import base64
import datetime
import json
import pathlib
import sys

# Two vectors say no context: they were signed with the SDK's credentials for tests.
WITHOUT_CONTEXT = {
    "double-encode-path": {
        "credentials": {
            "access_key_id": "ANOTREAL",
            "secret_access_key": "notrealrnrELgWzOk3IfjzDKtFBhDby",
        },
        "region": "us-east-1",
        "service": "service",
        "timestamp": "2015-08-30T12:36:00Z",
    },
    "double-url-encode": {
        "credentials": {
            "access_key_id": "AKIDEXAMPLE",
            "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        },
        "region": "us-east-2",
        "service": "lambda",
        "timestamp": "2021-05-11T15:40:45Z",
    },
}


def request(text):
    head, _, body = text.partition("\n\n")
    lines = []
    for line in head.split("\n"):
        if line[:1] in (" ", "\t"):
            # A folded header line continues the one before (RFC 9112, section 5.2).
            lines[-1] += " " + line.strip()
        elif line:
            lines.append(line)
    method, _, target = lines[0].partition(" ")
    target = target.removesuffix(" HTTP/1.1")
    path, mark, query = target.partition("?")
    headers = [line.split(":", 1) for line in lines[1:]]
    return {
        "method": method,
        "path": path,
        "query": query if mark else None,
        "headers": headers,
        "body": base64.b64encode(body.rstrip("\n").encode()).decode(),
    }


def vector(folder):
    name = folder.name
    context = WITHOUT_CONTEXT.get(name) or json.loads((folder / "context.json").read_text())
    stamp = datetime.datetime.fromisoformat(context["timestamp"].replace("Z", "+00:00"))
    credentials = context["credentials"]

    def read(kind):
        file = folder / kind
        return request(file.read_text()) if file.exists() else None

    return {
        "name": name,
        "access_key": credentials["access_key_id"],
        "secret": credentials["secret_access_key"],
        "token": credentials.get("token"),
        "token_is_signed": not context.get("omit_session_token", False),
        "region": context["region"],
        "service": context["service"],
        "now_s": int(stamp.timestamp()),
        "expires_s": context.get("expiration_in_seconds", 3600),
        "normalize": context.get("normalize", True),
        "plain": read("request.txt"),
        "header": read("header-signed-request.txt"),
        "query": read("query-signed-request.txt"),
    }


def main():
    vectors = [vector(folder) for folder in sorted(pathlib.Path(sys.argv[1]).iterdir())]
    source = (
        "aws-signing-test-suite/v4 of the crate aws-sigv4 1.6.4, "
        "Copyright Amazon.com, Inc. or its affiliates, Apache-2.0"
    )
    lines = ",\n".join(json.dumps(vector, ensure_ascii=False) for vector in vectors)
    print(f'{{"source": {json.dumps(source)},\n"vectors": [\n{lines}\n]}}')


main()
