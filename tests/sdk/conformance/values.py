"""Values that mean something; all others are made from the service model alone."""

import itertools

from conformance.model import omit

BACKEND = "http://backend.example.com/path"
ROLE = "arn:aws:iam::000000000000:role/invoke"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:hello"
PATHS = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/" + FUNCTION + "/invocations"
)
CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/fixed"
HTTP_SELECTION = "${request.method} ${request.path}"

counter = itertools.count()


def fresh(prefix, suffix=""):
    """A name that nothing else has."""
    return lambda _world: f"{prefix}{next(counter)}{suffix}"


GENERAL = {
    # Not by the model, but by its text.
    "ApiKeySelectionExpression": "$request.header.x-api-key",
    "IpAddressType": "ipv4",
    "AllowOrigins": ["https://one.example.com", "https://two.example.com"],
    "AllowMethods": ["GET", "POST"],
    "AllowHeaders": ["content-type", "x-one"],
    "ExposeHeaders": ["x-two"],
    "MaxAge": 600,
    "CredentialsArn": ROLE,
    "AuthorizerCredentialsArn": ROLE,
    "Tags": {"team": "blue", "stage of life": "young"},
    "Version": "2",
    "StageVariables": {"color": "green", "backend": "one.example.com"},
    "LoggingLevel": "INFO",
    "ThrottlingBurstLimit": 20,
    "ThrottlingRateLimit": 10.5,
    "DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:access",
    "Format": "$context.requestId $context.status",
    "TimeoutInMillis": 5000,
    "SecurityPolicy": "TLS_1_2",
    "EndpointType": "REGIONAL",
    "TruststoreUri": "s3://trust/store.pem",
    "TruststoreVersion": "1",
    # What only replies say.
    "ApiGatewayDomainName": omit,
    "CertificateUploadDate": omit,
    "DomainNameStatus": omit,
    "DomainNameStatusMessage": omit,
    "HostedZoneId": omit,
    "OwnershipVerificationCertificateArn": omit,
    "CertificateArn": CERTIFICATE,
    "CertificateName": "fixed",
}
