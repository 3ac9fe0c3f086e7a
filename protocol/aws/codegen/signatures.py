"""Writes testdata/signatures.json: requests signed by botocore, the reference of the tests.

    python3 -m venv venv && venv/bin/pip install botocore
    venv/bin/python codegen/signatures.py > testdata/signatures.json
"""

import base64
import datetime
import json
import random
from urllib.parse import quote, urlsplit

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

RANDOM = random.Random(20150830)
METHODS = ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"]
REGIONS = ["us-east-1", "eu-central-1", "local", "cn-north-1"]
SERVICES = ["apigateway", "execute-api", "lambda"]
HOSTS = ["example.amazonaws.com", "localhost:4566", "api.internal:8443", "127.0.0.1:9000"]
ALPHABET = "abcXYZ019-_.~ !\"#$%&'()*+,/:;<=>?@[\\]^`{|}äßπ日本語🚀"
WORDS = ["restapis", "v2", "apis", "pets", "2015-03-31", "functions", "@connections", "", ".", ".."]


def text(longest=8):
    return "".join(RANDOM.choice(ALPHABET) for _ in range(RANDOM.randint(0, longest)))


def path(strict):
    segments = []
    for _ in range(RANDOM.randint(0, 5)):
        kind = RANDOM.random() * (0.8 if strict else 1)
        if kind < 0.4:
            segments.append(RANDOM.choice(WORDS))
        elif kind < 0.8:
            segments.append(quote(text(), safe=""))
        elif kind < 0.9:
            segments.append(quote(text(), safe="!$&'()*+,;=:@"))
        else:
            # Lower-case escapes are a different text, and stay so.
            segments.append(quote(text(), safe="").replace("%2F", "%2f").replace("%C3", "%c3"))
    return "/" + "/".join(segments)


def query():
    keys = [text(5) for _ in range(3)] + ["a", "A", "aa", "a-b", "limit", "embed"]
    pairs = []
    for _ in range(RANDOM.choice([0, 0, 1, 2, 3, 6])):
        key = quote(RANDOM.choice(keys), safe="-_.~")
        kind = RANDOM.random()
        if kind < 0.1 and key:
            pairs.append(key)
        elif kind < 0.25:
            pairs.append(key + "=")
        else:
            pairs.append(key + "=" + quote(text(), safe="-_.~"))
    return "&".join(pairs)


def headers():
    found = []
    if RANDOM.random() < 0.5:
        found.append(("Content-Type", RANDOM.choice(["application/json", "text/plain; q=1"])))
    if RANDOM.random() < 0.5:
        found.append(("My-Header", "   lots   of\t spaces  " + RANDOM.choice("abc") + "  "))
    if RANDOM.random() < 0.3:
        for _ in range(RANDOM.randint(2, 4)):
            found.append((RANDOM.choice(["X-Twice", "x-twice"]), RANDOM.choice(["b", "a", " c "])))
    if RANDOM.random() < 0.2:
        found.append(("X-Empty", ""))
    if RANDOM.random() < 0.2:
        found.append(("X-Amz-Invocation-Type", "RequestResponse"))
    if RANDOM.random() < 0.3:
        found.append(("User-Agent", "aws-cli/2"))
        found.append(("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793"))
    if RANDOM.random() < 0.2:
        found.append(("X-Quoted", '"a   b"  c'))
    RANDOM.shuffle(found)
    return found


def body():
    kind = RANDOM.random()
    if kind < 0.4:
        return b""
    if kind < 0.8:
        return json.dumps({"name": text(20)}).encode()
    return RANDOM.randbytes(RANDOM.randint(1, 64))


def case(index):
    now = datetime.datetime.fromtimestamp(
        RANDOM.randint(1_000_000_000, 2_000_000_000), datetime.timezone.utc
    )
    botocore.auth.get_current_datetime = lambda *args, **kwargs: now
    access_key = "AKID" + "".join(RANDOM.choice("ABCDEFGHIJ234567") for _ in range(16))
    secret = "".join(RANDOM.choice("abcXYZ0189/+") for _ in range(40))
    token = base64.b64encode(RANDOM.randbytes(48)).decode() if RANDOM.random() < 0.4 else None
    mode = RANDOM.choice(["header", "header", "query"])
    service = RANDOM.choice(SERVICES)
    s3 = mode == "header" and index % 20 == 0
    unsigned = mode == "header" and not s3 and index % 9 == 0
    dated = mode == "header" and not s3 and index % 11 == 0
    region, host, data = RANDOM.choice(REGIONS), RANDOM.choice(HOSTS), body()
    # S3 signs the path as its own SDKs write it: with every reserved character encoded.
    raw_path, raw_query, given = path(s3).replace("@", "%40" if s3 else "@"), query(), headers()
    if dated:
        given.append(("Date", "replaced by the signer"))
    if mode == "query":
        # This signer keeps one value per key, and none without a name.
        single = {p.partition("=")[0]: p for p in raw_query.split("&") if p and p[0] != "="}
        raw_query = "&".join(single.values())
    url = f"https://{host}{raw_path}" + (f"?{raw_query}" if raw_query else "")
    request = AWSRequest(method=RANDOM.choice(METHODS), url=url, data=data)
    request.headers["Host"] = host
    for name, value in given:
        request.headers[name] = value
    if unsigned:
        request.context["payload_signing_enabled"] = False
    credentials = Credentials(access_key, secret, token)
    expires = None
    if mode == "query":
        expires = RANDOM.choice([1, 60, 3600, 604800])
        request.data = b""
        signed = botocore.auth.SigV4QueryAuth(credentials, service, region, expires=expires)
        data = b""
    elif s3:
        service = "s3"
        signed = botocore.auth.S3SigV4Auth(credentials, service, region)
    else:
        signed = botocore.auth.SigV4Auth(credentials, service, region)
    signed.add_auth(request)
    parts = urlsplit(request.url)
    return {
        "mode": mode,
        "method": request.method,
        "path": parts.path,
        "query": parts.query,
        "headers": [[n, v] for n, v in request.headers.items()],
        "body": base64.b64encode(data).decode(),
        "given_query": raw_query,
        "given_headers": [["Host", host]] + [[n, v] for n, v in given],
        "unsigned": unsigned,
        "dated": dated,
        "expires_s": expires,
        "now_s": int(now.timestamp()),
        "access_key": access_key,
        "secret": secret,
        "session_token": token,
        "region": region,
        "service": service,
    }


def main():
    print("[")
    lines = [json.dumps(case(index), ensure_ascii=True) for index in range(400)]
    print(",\n".join(lines))
    print("]")


main()
