// HTTP APIs: quick create with a function, a proxy with mappings and CORS, a JWT authorizer.

import assert from "node:assert/strict";

import { ConflictException } from "@aws-sdk/client-apigatewayv2";

import { BACKEND_URL, call, FUNCTION, kept, refused, status, v2 } from "./support.mjs";

export async function helloFromLambda() {
  const made = v2.createApi({ Name: "hello", ProtocolType: "HTTP", Target: FUNCTION });
  const { ApiId, ApiEndpoint, CreatedDate } = await kept(made, ({ ApiId }) => v2.getApi({ ApiId }));
  assert.ok(ApiEndpoint.includes(ApiId) && CreatedDate instanceof Date);
  const answer = await call(ApiId, "/?name=Ada");
  assert.deepEqual([answer.status, answer.text], [200, '"Hello from Lambda, Ada!"']);
  const [route] = (await v2.getRoutes({ ApiId })).Items;
  const [stage] = (await v2.getStages({ ApiId })).Items;
  assert.deepEqual([route.RouteKey, route.ApiGatewayManaged], ["$default", true]);
  assert.deepEqual([stage.StageName, stage.AutoDeploy], ["$default", true]);
  await v2.deleteApi({ ApiId });
  assert.equal(await status(ApiId, "/"), 404);
}

async function mapped(ApiId, IntegrationId) {
  const read = () => v2.getIntegration({ ApiId, IntegrationId });
  const changed = await kept(
    v2.updateIntegration({
      ApiId,
      IntegrationId,
      RequestParameters: { "append:header.x-added": "$request.path" },
      ResponseParameters: { 200: { "overwrite:statuscode": "202" } },
    }),
    read,
  );
  assert.equal(changed.ResponseParameters[200]["overwrite:statuscode"], "202");
  assert.equal(await status(ApiId, "/pets/dogs"), 202);
  // An empty value takes a mapping away.
  const without = await kept(
    v2.updateIntegration({
      ApiId,
      IntegrationId,
      RequestParameters: { "append:header.x-added": "" },
      ResponseParameters: { 200: {} },
    }),
    read,
  );
  assert.deepEqual([without.RequestParameters, without.ResponseParameters], [undefined, undefined]);
  assert.equal(await status(ApiId, "/pets/dogs"), 200);
}

async function shared(ApiId) {
  const origin = "https://one.example.com";
  const preflight = {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "GET" },
  };
  await kept(
    v2.updateApi({
      ApiId,
      CorsConfiguration: { AllowOrigins: [origin], AllowMethods: ["GET"], MaxAge: 60 },
    }),
    () => v2.getApi({ ApiId }),
  );
  const answer = await call(ApiId, "/pets/dogs", preflight);
  assert.equal(answer.status, 204);
  assert.equal(answer.headers["access-control-allow-origin"], origin);
  await v2.deleteCorsConfiguration({ ApiId });
  assert.equal((await v2.getApi({ ApiId })).CorsConfiguration, undefined);
}

export async function httpProxy() {
  const made = v2.createApi({ Name: "proxy", ProtocolType: "HTTP", Target: `${BACKEND_URL}/` });
  const { ApiId } = await kept(made, ({ ApiId }) => v2.getApi({ ApiId }));
  assert.equal(await status(ApiId, "/"), 200);
  const { IntegrationId } = await kept(
    v2.createIntegration({
      ApiId,
      IntegrationType: "HTTP_PROXY",
      IntegrationMethod: "ANY",
      IntegrationUri: `${BACKEND_URL}/{proxy}`,
      PayloadFormatVersion: "1.0",
      TimeoutInMillis: 5000,
    }),
    ({ IntegrationId }) => v2.getIntegration({ ApiId, IntegrationId }),
  );
  const Target = `integrations/${IntegrationId}`;
  const RouteKey = "GET /pets/{proxy+}";
  await kept(v2.createRoute({ ApiId, RouteKey, Target }), ({ RouteId }) =>
    v2.getRoute({ ApiId, RouteId }),
  );
  await refused(ConflictException, v2.createRoute({ ApiId, RouteKey, Target }));
  const echoed = JSON.parse((await call(ApiId, "/pets/dogs?a=b")).text);
  assert.deepEqual([echoed.method, echoed.target], ["GET", "/dogs?a=b"]);
  await mapped(ApiId, IntegrationId);
  await shared(ApiId);
  await v2.deleteApi({ ApiId });
}

export async function jwtAuthorizer() {
  const made = await v2.createApi({
    Name: "secured",
    ProtocolType: "HTTP",
    Target: `${BACKEND_URL}/`,
  });
  const { ApiId } = made;
  assert.equal(await status(ApiId, "/"), 200);
  const { AuthorizerId } = await kept(
    v2.createAuthorizer({
      ApiId,
      Name: "tokens",
      AuthorizerType: "JWT",
      IdentitySource: ["$request.header.Authorization"],
      JwtConfiguration: { Audience: ["pets"], Issuer: "https://issuer.example.com/pool" },
    }),
    ({ AuthorizerId }) => v2.getAuthorizer({ ApiId, AuthorizerId }),
  );
  const [{ RouteId }] = (await v2.getRoutes({ ApiId })).Items;
  const read = () => v2.getRoute({ ApiId, RouteId });
  await kept(
    v2.updateRoute({
      ApiId,
      RouteId,
      AuthorizationType: "JWT",
      AuthorizerId,
      AuthorizationScopes: ["read", "write"],
    }),
    read,
  );
  // Without a token nobody gets in.
  assert.notEqual(await status(ApiId, "/"), 200);
  await refused(ConflictException, v2.deleteAuthorizer({ ApiId, AuthorizerId }));
  await kept(v2.updateRoute({ ApiId, RouteId, AuthorizationType: "NONE" }), read);
  await v2.deleteAuthorizer({ ApiId, AuthorizerId });
  assert.equal(await status(ApiId, "/"), 200);
  await v2.deleteApi({ ApiId });
}
