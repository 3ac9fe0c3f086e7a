"""apigatewayv2: VPC links are upstream groups; tags name their servers."""

import gateway

v2 = gateway.client("apigatewayv2")
SHAPE = {
    "CreatedDate", "Name", "SecurityGroupIds", "SubnetIds", "Tags", "VpcLinkId", "VpcLinkStatus",
    "VpcLinkStatusMessage", "VpcLinkVersion",
}


def shown(reply):
    """The members of a reply without what every reply has."""
    reply.pop("ResponseMetadata", None)
    assert set(reply) <= SHAPE, reply
    return reply


link = shown(v2.create_vpc_link(
    Name="orders", SubnetIds=["subnet-1", "subnet-2"], SecurityGroupIds=["sg-1"], Tags={"team": "a"}
))
assert link["VpcLinkId"] == "orders" and link["VpcLinkStatus"] == "AVAILABLE", link
assert link["SubnetIds"] == ["subnet-1", "subnet-2"] and link["SecurityGroupIds"] == ["sg-1"], link
assert link["Tags"] == {"team": "a"} and link["VpcLinkVersion"] == "V2", link
assert "no servers" in link["VpcLinkStatusMessage"], link
assert shown(v2.get_vpc_link(VpcLinkId="orders")) == link

# Names need not be unique in AWS, ids are.
second = shown(v2.create_vpc_link(Name="orders", SubnetIds=[]))
assert second["Name"] == "orders" and second["VpcLinkId"] != "orders", second
spaced = shown(v2.create_vpc_link(Name="with spaces", SubnetIds=[]))
assert " " not in spaced["VpcLinkId"], spaced
listed = [it["VpcLinkId"] for it in v2.get_vpc_links()["Items"]]
assert {"orders", second["VpcLinkId"], spaced["VpcLinkId"]} <= set(listed), listed

renamed = shown(v2.update_vpc_link(VpcLinkId="orders", Name="Orders of the shop"))
assert renamed["VpcLinkId"] == "orders" and renamed["Name"] == "Orders of the shop", renamed

# An integration leads through the link, and tags give it its servers.
api_id = v2.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
integration = v2.create_integration(
    ApiId=api_id,
    IntegrationType="HTTP_PROXY",
    IntegrationMethod="ANY",
    IntegrationUri="http://orders.internal/{proxy}",
    ConnectionType="VPC_LINK",
    ConnectionId="orders",
    PayloadFormatVersion="1.0",
)["IntegrationId"]
route = v2.create_route(ApiId=api_id, RouteKey="ANY /{proxy+}", Target="integrations/" + integration)
v2.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
assert gateway.call(api_id, "/x").status_code == 503
arn = "arn:aws:apigateway:us-east-1::/vpclinks/orders"
v2.tag_resource(ResourceArn=arn, Tags={"tollgate:servers": gateway.BACKEND_URL})
answer = gateway.call(api_id, "/pets/7")
assert answer.status_code == 200 and answer.json()["target"] == "/pets/7", answer.text
assert v2.get_tags(ResourceArn=arn)["Tags"]["team"] == "a"
assert "VpcLinkStatusMessage" not in v2.get_vpc_link(VpcLinkId="orders")
wrong = gateway.refused(
    "BadRequestException", v2.tag_resource, ResourceArn=arn, Tags={"tollgate:servers": "no-url"}
)
assert "http://host:port" in wrong["Error"]["Message"], wrong

# A link in use stays, also where only a deployment uses it.
gateway.refused("BadRequestException", v2.delete_vpc_link, VpcLinkId="orders")
v2.delete_route(ApiId=api_id, RouteId=route["RouteId"])
v2.delete_integration(ApiId=api_id, IntegrationId=integration)
gateway.refused("BadRequestException", v2.delete_vpc_link, VpcLinkId="orders")
v2.untag_resource(ResourceArn=arn, TagKeys=["tollgate:servers"])
assert "no servers" in v2.get_vpc_link(VpcLinkId="orders")["VpcLinkStatusMessage"]
v2.delete_api(ApiId=api_id)
deleted = v2.delete_vpc_link(VpcLinkId="orders")
assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 202, deleted
missing = gateway.refused("NotFoundException", v2.get_vpc_link, VpcLinkId="orders")
assert missing["ResourceType"], missing
gateway.refused("NotFoundException", v2.update_vpc_link, VpcLinkId="orders", Name="x")
gateway.refused("NotFoundException", v2.delete_vpc_link, VpcLinkId="orders")
gateway.refused("BadRequestException", v2.create_vpc_link, Name="x" * 129, SubnetIds=[])
print("vpc_links: ok")
