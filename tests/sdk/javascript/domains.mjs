// A custom domain name with mappings, a canary that moves a path from stage to stage, routing rules,
// VPC links, tags.

import assert from "node:assert/strict";

import {
  BadRequestException,
  ConflictException,
  NotFoundException,
} from "@aws-sdk/client-apigatewayv2";

import { BACKEND_URL, callHost, CERTIFICATE, kept, refused, v2 } from "./support.mjs";

const DomainName = "shop.example.com";

async function shop() {
  const { ApiId } = await v2.createApi({
    Name: "shop",
    ProtocolType: "HTTP",
    Target: `${BACKEND_URL}/`,
    Tags: { team: "blue" },
  });
  const { DeploymentId } = await v2.createDeployment({ ApiId });
  const integrations = (await v2.getIntegrations({ ApiId })).Items;
  const { IntegrationId } = integrations[0];
  // What a request met shows in its answer.
  await v2.updateIntegration({
    ApiId,
    IntegrationId,
    ResponseParameters: { 200: { "overwrite:header.x-kind": "$stageVariables.kind" } },
  });
  const changed = await v2.createDeployment({ ApiId });
  for (const kind of ["stable", "canary"]) {
    await kept(
      v2.createStage({
        ApiId,
        StageName: kind,
        DeploymentId: changed.DeploymentId,
        StageVariables: { kind },
      }),
      ({ StageName }) => v2.getStage({ ApiId, StageName }),
    );
  }
  await v2.deleteDeployment({ ApiId, DeploymentId });
  // A stage serves it.
  await refused(BadRequestException, v2.deleteDeployment({ ApiId, DeploymentId: changed.DeploymentId }));
  return ApiId;
}

export async function customDomain() {
  const ApiId = await shop();
  await kept(
    v2.createDomainName({
      DomainName,
      DomainNameConfigurations: [{ CertificateArn: CERTIFICATE }],
      RoutingMode: "ROUTING_RULE_THEN_API_MAPPING",
    }),
    () => v2.getDomainName({ DomainName }),
  );
  await refused(ConflictException, v2.createDomainName({ DomainName }));
  const kind = async (headers) =>
    (await callHost(DomainName, "/", { headers })).headers["x-kind"];
  const read = ({ ApiMappingId }) => v2.getApiMapping({ DomainName, ApiMappingId });
  const { ApiMappingId } = await kept(
    v2.createApiMapping({ DomainName, ApiId, Stage: "stable" }),
    read,
  );
  assert.equal(await kind(), "stable");
  await kept(v2.updateApiMapping({ DomainName, ApiId, ApiMappingId, Stage: "canary" }), read);
  assert.equal(await kind(), "canary");
  await kept(v2.updateApiMapping({ DomainName, ApiId, ApiMappingId, Stage: "stable" }), read);
  assert.equal(await kind(), "stable");
  await kept(
    v2.createApiMapping({ DomainName, ApiId, Stage: "stable", ApiMappingKey: "v1" }),
    read,
  );
  assert.equal((await v2.getApiMappings({ DomainName })).Items.length, 2);
  await byHeader(ApiId, kind);
  await tags(ApiId);
  await v2.deleteDomainName({ DomainName });
  assert.equal((await callHost(DomainName, "/")).status, 404);
  await v2.deleteApi({ ApiId });
}

/** Some clients, by a header of theirs, come to the canary before the mappings are looked at. */
async function byHeader(ApiId, kind) {
  const rule = {
    DomainName,
    Priority: 10,
    Conditions: [{ MatchHeaders: { AnyOf: [{ Header: "x-try", ValueGlob: "new*" }] } }],
    Actions: [{ InvokeApi: { ApiId, Stage: "canary" } }],
  };
  const read = ({ RoutingRuleId }) => v2.getRoutingRule({ DomainName, RoutingRuleId });
  const { RoutingRuleId } = await kept(v2.createRoutingRule(rule), read);
  assert.deepEqual([await kind({ "x-try": "new-one" }), await kind()], ["canary", "stable"]);
  await kept(v2.putRoutingRule({ ...rule, RoutingRuleId, Priority: 20 }), read);
  await v2.deleteRoutingRule({ DomainName, RoutingRuleId });
  assert.equal(await kind({ "x-try": "new-one" }), "stable");
}

async function tags(ApiId) {
  const ResourceArn = `arn:aws:apigateway:us-east-1::/apis/${ApiId}`;
  const read = async () => (await v2.getTags({ ResourceArn })).Tags;
  await v2.tagResource({ ResourceArn, Tags: { owner: "ana", "cost center": "42" } });
  assert.deepEqual(await read(), { team: "blue", owner: "ana", "cost center": "42" });
  assert.deepEqual((await v2.getApi({ ApiId })).Tags, await read());
  await v2.untagResource({ ResourceArn, TagKeys: ["owner", "cost center"] });
  assert.deepEqual(await read(), { team: "blue" });
}

export async function vpcLinks() {
  const read = ({ VpcLinkId }) => v2.getVpcLink({ VpcLinkId });
  const { VpcLinkId } = await kept(v2.createVpcLink({ Name: "inner", SubnetIds: ["subnet-1"] }), read);
  await kept(v2.updateVpcLink({ VpcLinkId, Name: "renamed" }), read);
  await v2.deleteVpcLink({ VpcLinkId });
  await refused(NotFoundException, v2.getVpcLink({ VpcLinkId }));
}
