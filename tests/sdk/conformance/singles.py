"""Operations that are no part of a resource's usual life."""

import json

from conformance.walk import UNKNOWN

DOCUMENT = {
    "openapi": "3.0.1",
    "info": {"title": "imported", "version": "1"},
    "paths": {
        "/pets": {
            "get": {
                "responses": {"default": {"description": "any"}},
                "x-amazon-apigateway-integration": {
                    "type": "http_proxy",
                    "httpMethod": "GET",
                    "uri": "http://backend.example.com/pets",
                    "payloadFormatVersion": "1.0",
                },
            }
        }
    },
}


class Singles:
    """Each is called with the least and with the most, and with labels that name nothing."""

    def __init__(self, service, world):
        self.service, self.world, self.book = service, world, service.book

    def run(self):
        steps = (
            self.cors, self.logs, self.route_settings, self.request_parameter, self.caches,
            self.template, self.tags, self.documents, self.route_responses,
        )
        for step in steps:
            try:
                step()
            except Exception as error:  # a finding, and the next ones say more
                self.book.wrong(self.at, f"{type(error).__name__}: {error}")

    def call(self, operation, *kinds, **arguments):
        """A call that must succeed; `kinds` is what it counts as."""
        self.at = operation
        reply = self.service.call(operation, arguments)
        for kind in kinds or ("minimal", "maximal"):
            self.book.ok(operation, kind)
        return reply

    def missing(self, operation, label, **arguments):
        self.at = operation
        refused = self.service.refusal(operation, {**arguments, label: UNKNOWN})
        self.book.errors.setdefault(operation, set()).add(refused)
        if refused != "NotFoundException":
            self.book.wrong(operation, f"{refused}, not NotFoundException: {label} names nothing")

    def wrong(self, operation, **arguments):
        self.at = operation
        refused = self.service.refusal(operation, arguments)
        self.book.errors.setdefault(operation, set()).add(refused)
        self.check(refused == "BadRequestException", f"{refused}, not BadRequestException")

    def check(self, fits, text):
        if not fits:
            self.book.wrong(self.at, text)

    def cors(self):
        api = self.service.client.create_api(
            Name="cors", ProtocolType="HTTP", CorsConfiguration={"AllowOrigins": ["*"]}
        )["ApiId"]
        self.call("DeleteCorsConfiguration", ApiId=api)
        self.check("CorsConfiguration" not in self.service.client.get_api(ApiId=api), "still there")
        self.missing("DeleteCorsConfiguration", "ApiId")
        self.service.client.delete_api(ApiId=api)

    def logs(self):
        where = {"ApiId": self.world.http, "StageName": self.world.http_stage}
        settings = {"DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:access",
                    "Format": "$context.requestId"}
        self.service.client.update_stage(**where, AccessLogSettings=settings)
        self.call("DeleteAccessLogSettings", **where)
        stage = self.service.client.get_stage(**where)
        self.check("AccessLogSettings" not in stage, "still there")
        for label in where:
            self.missing("DeleteAccessLogSettings", label, **where)

    def route_settings(self):
        where = {"ApiId": self.world.http, "StageName": self.world.http_stage}
        key = "GET /fixed"
        settings = {key: {"ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 2.5}}
        self.service.client.update_stage(**where, RouteSettings=settings)
        self.call("DeleteRouteSettings", **where, RouteKey=key)
        stage = self.service.client.get_stage(**where)
        self.check(key not in stage["RouteSettings"], "still there")
        for label in ("ApiId", "StageName", "RouteKey"):
            self.missing("DeleteRouteSettings", label, **{**where, "RouteKey": key})

    def request_parameter(self):
        client, api, key = self.service.client, self.world.second_websocket, "route.request.querystring.one"
        route = client.create_route(
            ApiId=api, RouteKey="$connect", RequestParameters={key: {"Required": True}}
        )["RouteId"]
        where = {"ApiId": api, "RouteId": route, "RequestParameterKey": key}
        self.call("DeleteRouteRequestParameter", **where)
        self.check(not client.get_route(ApiId=api, RouteId=route).get("RequestParameters"), "still there")
        for label in where:
            self.missing("DeleteRouteRequestParameter", label, **where)
        client.delete_route(ApiId=api, RouteId=route)

    def caches(self):
        where = {"ApiId": self.world.http, "StageName": self.world.http_stage}
        self.call("ResetAuthorizersCache", **where)
        for label in where:
            self.missing("ResetAuthorizersCache", label, **where)

    def template(self):
        api = self.world.websocket
        made = self.service.client.create_model(
            ApiId=api, Name="Template", ContentType="application/json",
            Schema=json.dumps({"type": "object", "properties": {"one": {"type": "string"}}}),
        )["ModelId"]
        where = {"ApiId": api, "ModelId": made}
        self.check(self.call("GetModelTemplate", **where)["Value"], "an empty template")
        for label in where:
            self.missing("GetModelTemplate", label, **where)
        self.service.client.delete_model(**where)

    def route_responses(self):
        """There is one key for them."""
        where = {"ApiId": self.world.websocket, "RouteId": self.world.ws_route}
        self.wrong("CreateRouteResponse", **where, RouteResponseKey="other")
        made = self.service.client.create_route_response(**where, RouteResponseKey="$default")
        where["RouteResponseId"] = made["RouteResponseId"]
        self.wrong("UpdateRouteResponse", **where, RouteResponseKey="other")
        self.service.client.delete_route_response(**where)

    def tags(self):
        arn = f"arn:aws:apigateway:us-east-1::/apis/{self.world.http}"
        self.call("TagResource", ResourceArn=arn, Tags={"one": "1", "two words": "a/b=c"})
        tags = self.call("GetTags", ResourceArn=arn)["Tags"]
        self.check(tags == {"one": "1", "two words": "a/b=c"}, f"{tags}")
        self.call("UntagResource", ResourceArn=arn, TagKeys=["one", "two words"])
        tags = self.call("GetTags", ResourceArn=arn)["Tags"]
        self.check(tags == {}, f"{tags} after all were removed")
        nowhere = "arn:aws:apigateway:us-east-1::/apis/nothere123"
        for operation, more in (("GetTags", {}), ("TagResource", {"Tags": {"a": "b"}}), ("UntagResource", {"TagKeys": ["a"]})):
            for arn, wanted in ((nowhere, "NotFoundException"), ("no-arn", "BadRequestException")):
                refused = self.service.refusal(operation, {"ResourceArn": arn, **more})
                self.book.errors.setdefault(operation, set()).add(refused)
                if refused != wanted:
                    self.book.wrong(operation, f"{refused}, not {wanted}: {arn}")

    def documents(self):
        text = json.dumps(DOCUMENT)
        api = self.call("ImportApi", "minimal", Body=text)
        self.check(api["Name"] == "imported" and api["Version"] == "1", f"{api}")
        full = self.call("ImportApi", "maximal", Body=text, Basepath="ignore", FailOnWarnings=True)
        where = {"ApiId": api["ApiId"]}
        self.call("ReimportApi", "minimal", **where, Body=text)
        self.call("ReimportApi", "maximal", **where, Body=text, Basepath="ignore", FailOnWarnings=True)
        self.missing("ReimportApi", "ApiId", Body=text)
        for operation, more in (("ImportApi", {}), ("ReimportApi", where)):
            self.wrong(operation, Body="{no document", **more)
        out = self.call("ExportApi", "minimal", **where, Specification="OAS30", OutputType="JSON")
        exported = json.loads(out["body"].read())
        self.check("/pets" in exported["paths"], f"{exported}")
        client = self.service.client
        client.create_deployment(**where)
        client.create_stage(**where, StageName="$default", AutoDeploy=True)
        out = self.call(
            "ExportApi", "maximal", **where, Specification="OAS30", OutputType="YAML",
            StageName="$default", ExportVersion="1.0", IncludeExtensions=True,
        )
        self.check(b"openapi:" in out["body"].read(), "no YAML")
        for label, value in (("ApiId", UNKNOWN), ("StageName", UNKNOWN)):
            arguments = {**where, "Specification": "OAS30", "OutputType": "JSON", label: value}
            self.missing("ExportApi", label, **arguments)
        self.wrong("ExportApi", **where, Specification="OAS20", OutputType="JSON")
        for made in (api, full):
            client.delete_api(ApiId=made["ApiId"])
