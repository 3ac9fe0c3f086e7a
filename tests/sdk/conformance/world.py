"""What the resources of the walk belong to, made by the same API when it is first asked for."""

import itertools
import json
from functools import cached_property

from conformance.values import BACKEND, HTTP_SELECTION

ISSUER = {"Issuer": "https://issuer.example.com/pool", "Audience": ["one"]}


class World:
    """Two HTTP APIs, two WebSocket APIs and what is in them, a domain, a VPC link."""

    model_name = "Fixed"

    def __init__(self, client):
        self.client = client
        self.priority = itertools.count(100).__next__

    @cached_property
    def http(self):
        api = self._api("http", ProtocolType="HTTP", RouteSelectionExpression=HTTP_SELECTION)
        self._route(api, "GET /fixed", self._integration(api))
        return api

    @cached_property
    def second_http(self):
        api = self._api("second-http", ProtocolType="HTTP")
        self._route(api, "GET /fixed", self._integration(api))
        return api

    @cached_property
    def http_integration(self):
        return self._integration(self.http)

    @cached_property
    def jwt(self):
        return self.client.create_authorizer(
            ApiId=self.http,
            AuthorizerType="JWT",
            Name="fixed",
            JwtConfiguration=ISSUER,
            IdentitySource=["$request.header.Authorization"],
        )["AuthorizerId"]

    @cached_property
    def http_deployment(self):
        return self.client.create_deployment(ApiId=self.http)["DeploymentId"]

    @cached_property
    def http_stage(self):
        return self._stage(self.http, self.http_deployment)

    @cached_property
    def domain(self):
        return self.client.create_domain_name(
            DomainName="fixed.example.com", RoutingMode="ROUTING_RULE_THEN_API_MAPPING"
        )["DomainName"]

    @cached_property
    def link(self):
        return self.client.create_vpc_link(Name="fixed", SubnetIds=["subnet-1"])["VpcLinkId"]

    @cached_property
    def websocket(self):
        api = self._websocket("websocket")
        self.client.create_model(
            ApiId=api,
            Name=self.model_name,
            ContentType="application/json",
            Schema=json.dumps({"type": "object"}),
        )
        return api

    @cached_property
    def second_websocket(self):
        api = self._websocket("second-websocket")
        self._route(api, "fixed", self._integration(api))
        return api

    @cached_property
    def ws_integration(self):
        return self._integration(self.websocket)

    @cached_property
    def ws_http_integration(self):
        return self.client.create_integration(
            ApiId=self.websocket,
            IntegrationType="HTTP",
            IntegrationMethod="POST",
            IntegrationUri=BACKEND,
        )["IntegrationId"]

    @cached_property
    def ws_route(self):
        return self._route(self.websocket, "fixed", self.ws_integration)

    @cached_property
    def ws_deployment(self):
        assert self.ws_route
        return self.client.create_deployment(ApiId=self.websocket)["DeploymentId"]

    @cached_property
    def ws_stage(self):
        return self._stage(self.websocket, self.ws_deployment)

    def _api(self, name, **members):
        return self.client.create_api(Name=name, **members)["ApiId"]

    def _websocket(self, name):
        selection = "$request.body.action"
        return self._api(name, ProtocolType="WEBSOCKET", RouteSelectionExpression=selection)

    def _integration(self, api):
        return self.client.create_integration(
            ApiId=api,
            IntegrationType="HTTP_PROXY",
            IntegrationMethod="POST",
            IntegrationUri=BACKEND,
            PayloadFormatVersion="1.0",
        )["IntegrationId"]

    def _route(self, api, key, integration):
        target = f"integrations/{integration}"
        return self.client.create_route(ApiId=api, RouteKey=key, Target=target)["RouteId"]

    def _stage(self, api, deployment):
        stage = self.client.create_stage(ApiId=api, StageName="fixed", DeploymentId=deployment)
        return stage["StageName"]
