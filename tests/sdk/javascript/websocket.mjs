// A WebSocket chat: routes, integrations, their responses and models, a deployment and a stage.

import assert from "node:assert/strict";

import { GoneException, PayloadTooLargeException } from "@aws-sdk/client-apigatewaymanagementapi";
import { ConflictException } from "@aws-sdk/client-apigatewayv2";

import { connections, kept, refused, v2 } from "./support.mjs";

// Nobody has this connection: a client that closed it long ago.
const CONNECTION = "L0SM9cOFvHcCIhw=";
const MESSAGE_BYTES_MAX = 128 * 1024;

async function model(ApiId) {
  const schema = { type: "object", properties: { text: { type: "string" } } };
  const { ModelId } = await kept(
    v2.createModel({ ApiId, Name: "Message", Schema: JSON.stringify(schema) }),
    ({ ModelId }) => v2.getModel({ ApiId, ModelId }),
  );
  const { Value } = await v2.getModelTemplate({ ApiId, ModelId });
  assert.ok(Value.includes("$inputRoot.text"), Value);
  return ModelId;
}

async function integration(ApiId) {
  const { IntegrationId } = await kept(
    v2.createIntegration({
      ApiId,
      IntegrationType: "MOCK",
      RequestTemplates: { 200: '{"statusCode": 200}' },
      TemplateSelectionExpression: "200",
    }),
    ({ IntegrationId }) => v2.getIntegration({ ApiId, IntegrationId }),
  );
  const read = ({ IntegrationResponseId }) =>
    v2.getIntegrationResponse({ ApiId, IntegrationId, IntegrationResponseId });
  const response = { ApiId, IntegrationId, IntegrationResponseKey: "$default" };
  const { IntegrationResponseId } = await kept(v2.createIntegrationResponse(response), read);
  await kept(
    v2.updateIntegrationResponse({
      ApiId,
      IntegrationId,
      IntegrationResponseId,
      ResponseTemplates: { $default: "$input.body" },
    }),
    read,
  );
  await refused(ConflictException, v2.createIntegrationResponse(response));
  return `integrations/${IntegrationId}`;
}

async function routes(ApiId, Target) {
  const read = ({ RouteId }) => v2.getRoute({ ApiId, RouteId });
  for (const RouteKey of ["$connect", "$disconnect", "$default"]) {
    await kept(v2.createRoute({ ApiId, RouteKey, Target }), read);
  }
  const { RouteId } = await kept(
    v2.createRoute({
      ApiId,
      RouteKey: "sendmessage",
      Target,
      RouteResponseSelectionExpression: "$default",
      ModelSelectionExpression: "${request.body.kind}",
      RequestModels: { text: "Message" },
    }),
    read,
  );
  const { RouteResponseId } = await kept(
    v2.createRouteResponse({ ApiId, RouteId, RouteResponseKey: "$default" }),
    ({ RouteResponseId }) => v2.getRouteResponse({ ApiId, RouteId, RouteResponseId }),
  );
  await kept(
    v2.updateRouteResponse({ ApiId, RouteId, RouteResponseId, ResponseModels: { $default: "Message" } }),
    () => v2.getRouteResponse({ ApiId, RouteId, RouteResponseId }),
  );
  const keys = (await v2.getRoutes({ ApiId })).Items.map((route) => route.RouteKey);
  assert.deepEqual(keys.sort(), ["$connect", "$default", "$disconnect", "sendmessage"]);
}

export async function websocketChat() {
  const { ApiId, ApiEndpoint } = await kept(
    v2.createApi({
      Name: "chat",
      ProtocolType: "WEBSOCKET",
      RouteSelectionExpression: "$request.body.action",
    }),
    ({ ApiId }) => v2.getApi({ ApiId }),
  );
  assert.ok(ApiEndpoint.startsWith("ws"), ApiEndpoint);
  const ModelId = await model(ApiId);
  await routes(ApiId, await integration(ApiId));
  await refused(ConflictException, v2.deleteModel({ ApiId, ModelId }));
  const { DeploymentId } = await kept(
    v2.createDeployment({ ApiId, Description: "the first" }),
    ({ DeploymentId }) => v2.getDeployment({ ApiId, DeploymentId }),
  );
  const read = ({ StageName }) => v2.getStage({ ApiId, StageName });
  await kept(
    v2.createStage({ ApiId, StageName: "production", DeploymentId, StageVariables: { kind: "a" } }),
    read,
  );
  const stage = { ApiId, StageName: "production", DefaultRouteSettings: { LoggingLevel: "INFO" } };
  await kept(v2.updateStage(stage), read);
  await gone(ApiId);
  await v2.deleteApi({ ApiId });
}

/** Nobody is connected, and that is what the stage's own address says. */
async function gone(ApiId) {
  const client = connections(ApiId, "production");
  const ConnectionId = CONNECTION;
  const error = await refused(GoneException, client.getConnection({ ConnectionId }));
  assert.equal(error.$metadata.httpStatusCode, 410);
  await refused(GoneException, client.postToConnection({ ConnectionId, Data: "hello" }));
  await refused(GoneException, client.deleteConnection({ ConnectionId }));
  const Data = new Uint8Array(MESSAGE_BYTES_MAX + 1);
  await refused(PayloadTooLargeException, client.postToConnection({ ConnectionId, Data }));
}
