"""Calls signed by botocore, with one thing changed on their way: each is refused, in both forms."""

import copy
import datetime
import http.client
import os
import random
import re
import string
from dataclasses import dataclass
from unittest import mock
from urllib.parse import quote, urlsplit

import botocore.auth
import gateway
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ADMIN = os.environ["AWS_ENDPOINT_URL"]
KEY, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
MUTATED = 1000
# What the gateway answers to a caller that it does not believe.
DISBELIEF = {
    "ExpiredTokenException", "IncompleteSignatureException", "InvalidSignatureException",
    "MissingAuthenticationTokenException", "UnrecognizedClientException",
}
EXPIRES_MAX_S = 7 * 24 * 3600
v2 = gateway.client("apigatewayv2")
lines = {}


@dataclass
class Request:
    """A request as it goes over the wire."""

    host: str
    method: str
    path: str
    query: str
    headers: list
    body: str

    def send(self):
        """The status and the name of the error."""
        line = lines.setdefault(self.host, http.client.HTTPConnection(self.host, timeout=20))
        target = f"{self.path}?{self.query}" if self.query else self.path
        line.putrequest(self.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers:
            line.putheader(name, value)
        if self.body or self.method in ("POST", "PATCH"):
            line.putheader("content-length", str(len(self.body)))
        line.endheaders(self.body.encode() or None)
        answer = line.getresponse()
        answer.read()
        if answer.will_close:
            line.close()
        return answer.status, answer.headers.get("x-amzn-errortype")

    def believed(self):
        """Whether the signature is taken; a refusal says why in AWS's words."""
        status, kind = self.send()
        if status == 403 and kind in DISBELIEF:
            return False
        assert status not in (400, 403), (status, kind, self)
        return True


class Presigned(SigV4QueryAuth):
    """A presigned call with a body: botocore's own makes parameters of it."""

    def _modify_request_before_signing(self, request):
        body, request.data = request.data, ""
        super()._modify_request_before_signing(request)
        request.data = body


def sign(url, method="GET", body="", headers=(), form=SigV4Auth, service="apigateway", at_s=0, token=None, **options):
    """A request signed by botocore, `at_s` seconds from now."""
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=at_s)
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: moment):
        form(Credentials(KEY, SECRET, token), service, "us-east-1", **options).add_auth(request)
    parts = urlsplit(request.url)
    fields = [("Host", parts.netloc), *request.headers.items()]
    return Request(parts.netloc, request.method, parts.path, parts.query, fields, body)


def forged(text, inside=0):
    """Texts with another letter or digit in the place of one, for each place."""
    for at in range(inside, len(text)):
        for letters in (string.digits, string.ascii_lowercase, string.ascii_uppercase):
            if text[at] in letters:
                other = letters[(letters.index(text[at]) + 1) % len(letters)]
                yield text[:at] + other + text[at + 1:]
    yield text + "0"


def changed(good):
    """Every request that differs from a good one in one place."""

    def but(**members):
        request = copy.deepcopy(good)
        for name, value in members.items():
            setattr(request, name, value)
        return request

    yield from (but(method=method) for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if method != good.method)
    yield from (but(path=path) for path in forged(good.path, 1))
    yield from (but(query=query) for query in forged(good.query))
    yield from (but(body=body) for body in forged(good.body))
    yield but(query=good.query + "&added=1" if good.query else "added=1")
    for at, (name, value) in enumerate(good.headers):
        rest = good.headers[:at] + good.headers[at + 1:]
        if name != "Host":
            yield but(headers=rest)
            yield but(headers=good.headers + [(name, value)])
        # The port of a host is digits too.
        yield from (but(headers=[(name, other), *rest]) for other in forged(value))


def calls():
    """Calls of every shape: without and with a body, with a query, with escapes in the path."""
    api = v2.create_api(Name="signed", ProtocolType="HTTP")["ApiId"]
    arn = quote(f"arn:aws:apigateway:us-east-1::/apis/{api}", safe="")
    json = {"content-type": "application/json"}
    yield {"url": f"{ADMIN}/v2/apis?maxResults=5"}
    yield {"url": f"{ADMIN}/v2/tags/{arn}"}
    yield {"url": f"{ADMIN}/v2/apis/{api}", "method": "PATCH", "body": '{"description": "of a call"}', "headers": json}
    connection = "/_aws/execute-api/nothere123/prod/%40connections/abc%3D"
    yield {"url": ADMIN + connection, "method": "POST", "body": "hello", "service": "execute-api"}


def tampered():
    """Good calls are believed, in both forms, and whatever differs from one is not."""
    believed, refused = 0, 0
    for call in calls():
        for form in (SigV4Auth, Presigned):
            good = sign(**call, form=form)
            assert good.believed(), good
            believed += 1
            for bad in changed(good):
                assert not bad.believed(), bad
                refused += 1
            assert good.believed(), good
    print(f"live calls believed: {believed} of {believed}; 0 of {refused} tampered ones")


def mutated():
    """Other digits in the place of a signature's."""
    chance, accepted = random.Random(20150830), 0
    good = sign(f"{ADMIN}/v2/apis")
    at, (name, value) = next((at, it) for at, it in enumerate(good.headers) if it[0] == "Authorization")
    start, digits = re.match(r"(.*Signature=)([0-9a-f]{64})$", value).groups()
    for _ in range(MUTATED):
        other = list(digits)
        for place in chance.sample(range(64), chance.randint(1, 64)):
            other[place] = chance.choice("0123456789abcdef".replace(other[place], ""))
        good.headers[at] = (name, start + "".join(other))
        accepted += good.believed()
    print(f"mutated signatures accepted live: {accepted} of {MUTATED}")
    assert accepted == 0


def clocks():
    """Five minutes either way; a presigned call until it expires."""
    url = f"{ADMIN}/v2/apis"
    for at_s, fits in ((-240, True), (240, True), (-360, False), (360, False), (-86_400, False)):
        assert sign(url, at_s=at_s).believed() == fits, at_s
    presigned = (
        (-30, 60, True), (-61, 60, False), (-1000, 3600, True), (360, 3600, False),
        (0, EXPIRES_MAX_S, True), (0, EXPIRES_MAX_S + 1, False),
    )
    for at_s, expires, fits in presigned:
        request = sign(url, form=Presigned, at_s=at_s, expires=expires)
        assert request.believed() == fits, (at_s, expires)


def payloads():
    """A body is always part of the signature, and its hash, where it is said, is its own."""
    url, method = f"{ADMIN}/v2/apis", "POST"
    body = '{"name": "by hash", "protocolType": "HTTP"}'
    digest = botocore.auth.sha256(body.encode()).hexdigest()
    for said, fits in ((digest, True), ("0" * 64, False), ("UNSIGNED-PAYLOAD", False), ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", False)):
        headers = {"x-amz-content-sha256": said}
        with mock.patch.object(SigV4Auth, "payload", lambda *_, said=said: said):
            request = sign(url, method, body, headers)
        assert request.believed() == fits, said


def tokens():
    """There are no temporary credentials: a token is refused, signed or added on the way."""
    url = f"{ADMIN}/v2/apis"
    for form in (SigV4Auth, Presigned):
        assert not sign(url, form=form, token="a-session-token").believed()
    added = sign(url)
    added.headers.append(("x-amz-security-token", "a-session-token"))
    assert not added.believed()
    # What is no part of the protocol may be added, as every proxy does.
    other = sign(url)
    other.headers.append(("x-forwarded-for", "192.0.2.1"))
    assert other.believed()


for step in (tampered, mutated, clocks, payloads, tokens):
    step()
