// Every error class of the three services that this gateway raises, caught as that class.

import assert from "node:assert/strict";

import * as v1Classes from "@aws-sdk/client-api-gateway";
import * as connectionClasses from "@aws-sdk/client-apigatewaymanagementapi";
import * as v2Classes from "@aws-sdk/client-apigatewayv2";

import { as, connections, limited, refused, v2 } from "./support.mjs";

// A user to whom no policy allows anything.
const NOBODY = { accessKeyId: process.env.NOBODY_KEY, secretAccessKey: process.env.NOBODY_SECRET };

export async function wrongInput() {
  const error = await refused(
    v2Classes.BadRequestException,
    v2.createApi({ Name: "", ProtocolType: "OTHER" }),
  );
  // All violations come at once.
  assert.match(error.message, /2 validation errors/);
  const missing = v2.getRoute({ ApiId: "nothere123", RouteId: "abc" });
  const notFound = await refused(v2Classes.NotFoundException, missing);
  assert.equal(notFound.$metadata.httpStatusCode, 404);
}

export async function withoutPermission() {
  const denied = await refused(v2Classes.AccessDeniedException, as(NOBODY).getApis({}));
  assert.equal(denied.$metadata.httpStatusCode, 403);
  assert.match(denied.message, /is not authorized to perform: apigateway:GET/);
  const wrong = as({ ...NOBODY, secretAccessKey: "wrong" }).getApis({});
  await assert.rejects(wrong, { name: "InvalidSignatureException" });
  const endpoint = `${process.env.AWS_ENDPOINT_URL}/nothere123/prod`;
  const client = connections("", "", { endpoint, credentials: NOBODY });
  const gone = client.getConnection({ ConnectionId: "abc=" });
  await refused(connectionClasses.ForbiddenException, gone);
}

/** A node that lets one call a minute through says so in the classes of each service. */
export async function tooMany() {
  const client = limited(v2Classes.ApiGatewayV2);
  const calls = await Promise.allSettled(Array.from({ length: 8 }, () => client.getApis({})));
  const errors = calls.filter((it) => it.status === "rejected").map((it) => it.reason);
  assert.ok(errors.length >= 4, `${errors.length} refused`);
  for (const error of errors) {
    assert.ok(error instanceof v2Classes.TooManyRequestsException, error);
    assert.deepEqual([error.$metadata.httpStatusCode, error.LimitType], [429, "account"]);
    assert.ok(error.$response.headers["retry-after"]);
  }
  const older = limited(v1Classes.APIGateway);
  const refusal = await refused(v1Classes.TooManyRequestsException, older.getApiKeys({}));
  assert.ok(Number(refusal.retryAfterSeconds) >= 1, refusal);
}
