"""apigatewayv2: OpenAPI documents in and out, judged by a validator that is not ours."""

import json
import os
from pathlib import Path

import gateway
import yaml
from openapi_spec_validator import validate

v2 = gateway.client("apigatewayv2")
CORPUS = Path(os.environ["CORPUS"])
SHAPE = {
    "ApiEndpoint", "ApiGatewayManaged", "ApiId", "ApiKeySelectionExpression", "CorsConfiguration",
    "CreatedDate", "Description", "DisableExecuteApiEndpoint", "DisableSchemaValidation",
    "ImportInfo", "IpAddressType", "Name", "ProtocolType", "RouteSelectionExpression", "Tags",
    "Version", "Warnings",
}


def exported(api_id, **options):
    """The text of an export."""
    options = {"OutputType": "JSON", **options}
    out = v2.export_api(ApiId=api_id, Specification="OAS30", **options)
    kind = out["ResponseMetadata"]["HTTPHeaders"]["content-type"]
    assert kind == f"application/{options['OutputType'].lower()}", kind
    return out["body"].read().decode()


def content(api_id):
    """What an API consists of, without ids of the API itself and dates."""
    api = v2.get_api(ApiId=api_id)
    for name in ("ApiId", "ApiEndpoint", "CreatedDate", "ResponseMetadata", "ImportInfo", "Warnings"):
        api.pop(name, None)
    parts = [v2.get_routes(ApiId=api_id), v2.get_integrations(ApiId=api_id), v2.get_authorizers(ApiId=api_id)]
    items = [sorted(part["Items"], key=json.dumps) for part in parts]
    return json.dumps([api, items], sort_keys=True, default=str)


v2.create_vpc_link(Name="orders", SubnetIds=[])
documents = sorted(path for path in CORPUS.iterdir() if path.suffix in (".json", ".yaml"))
assert len(documents) >= 20, documents
checked = 0
for path in documents:
    api = v2.import_api(Body=path.read_text())
    api.pop("ResponseMetadata")
    assert set(api) <= SHAPE, api
    api_id = api["ApiId"]
    text, as_yaml = exported(api_id), exported(api_id, OutputType="YAML")
    document = json.loads(text)
    assert yaml.safe_load(as_yaml) == document, path.name
    plain = json.loads(exported(api_id, IncludeExtensions=False))
    assert "x-amazon" not in json.dumps(plain), path.name
    for each in (document, plain):
        validate(each)
        checked += 1
    # The same API again, by both forms.
    before = content(api_id)
    for form in (text, as_yaml):
        again = v2.reimport_api(ApiId=api_id, Body=form)
        assert again["ResponseMetadata"]["HTTPStatusCode"] == 201, again
        assert content(api_id) == before, path.name
        assert exported(api_id) == text, path.name
    v2.delete_api(ApiId=api_id)
print(f"documents: {len(documents)}, exports that an independent validator takes: {checked}")

wrong = sorted(path for path in (CORPUS / "bad").iterdir() if path.suffix != ".out")
for path in wrong:
    refused = gateway.refused("BadRequestException", v2.import_api, Body=path.read_text())
    assert refused["Error"]["Message"].startswith("Unable to import the document: "), refused
assert not [it for it in v2.get_apis()["Items"]], "a refused document left an API"

# Warnings are told, and refused where they are asked to be.
rest = (CORPUS / "18-rest-only.yaml").read_text()
api = v2.import_api(Body=rest)
assert len(api["ImportInfo"]) >= 5 and len(api["Warnings"]) == 2, api
refused = gateway.refused("BadRequestException", v2.import_api, Body=rest, FailOnWarnings=True)
assert refused["Error"]["Message"].startswith("Warnings found during import: "), refused
v2.delete_api(ApiId=api["ApiId"])

# The path of the server's URL.
prefixed = (CORPUS / "14-base-path-variable.yaml").read_text()
for base_path, key in (("ignore", "GET /pets"), ("prepend", "GET /shop/v1/pets"), ("split", "GET /v1/pets")):
    api_id = v2.import_api(Body=prefixed, Basepath=base_path)["ApiId"]
    keys = [it["RouteKey"] for it in v2.get_routes(ApiId=api_id)["Items"]]
    assert keys == [key], (base_path, keys)
    v2.delete_api(ApiId=api_id)
gateway.refused("BadRequestException", v2.import_api, Body=prefixed, Basepath="elsewhere")


def document(path):
    """A document with one route to the back end."""
    integration = {
        "type": "http_proxy", "httpMethod": "ANY", "uri": gateway.BACKEND_URL + path,
        "payloadFormatVersion": "1.0",
    }
    operation = {
        "responses": {"default": {"description": "any"}},
        "x-amazon-apigateway-integration": integration,
    }
    info = {"title": "served", "version": "1"}
    return json.dumps({"openapi": "3.0.1", "info": info, "paths": {path: {"get": operation}}})


# What was imported is served, and a stage's export is that of its deployment.
api_id = v2.import_api(Body=document("/one"))["ApiId"]
v2.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
v2.create_stage(
    ApiId=api_id, StageName="prod", DeploymentId=v2.create_deployment(ApiId=api_id)["DeploymentId"]
)
assert gateway.call(api_id, "/one").json()["target"] == "/one"
v2.reimport_api(ApiId=api_id, Body=document("/two"))
assert gateway.call(api_id, "/two").json()["target"] == "/two"
assert gateway.call(api_id, "/one").status_code == 404
assert gateway.call(api_id, "/prod/one").json()["target"] == "/one"
old = json.loads(exported(api_id, StageName="prod", ExportVersion="1.0"))
assert list(old["paths"]) == ["/one"], old
assert old["servers"][0]["variables"]["basePath"]["default"] == "prod", old
assert list(json.loads(exported(api_id))["paths"]) == ["/two"]

for change in ({"OutputType": "XML"}, {"Specification": "OAS20"}, {"ExportVersion": "2.0"}):
    arguments = {"ApiId": api_id, "Specification": "OAS30", "OutputType": "JSON", **change}
    gateway.refused("BadRequestException", v2.export_api, **arguments)
gateway.refused(
    "NotFoundException", v2.export_api, ApiId=api_id, Specification="OAS30", OutputType="JSON", StageName="none"
)
gateway.refused("NotFoundException", v2.reimport_api, ApiId="nothere", Body=document("/one"))
chat = v2.create_api(
    Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
)["ApiId"]
gateway.refused("BadRequestException", v2.reimport_api, ApiId=chat, Body=document("/one"))
print("documents: ok")
