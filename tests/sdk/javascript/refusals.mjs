// Every error class of the three services that this gateway raises, caught as that class.

import assert from "node:assert/strict";

import * as v1Classes from "@aws-sdk/client-api-gateway";
import * as connectionClasses from "@aws-sdk/client-apigatewaymanagementapi";
import * as v2Classes from "@aws-sdk/client-apigatewayv2";

import { as, connections, LIMITED_URL, limited, refused, v2 } from "./support.mjs";

// A user to whom no policy allows anything.
const NOBODY = { accessKeyId: process.env.NOBODY_KEY, secretAccessKey: process.env.NOBODY_SECRET };

// More than that node takes in the seconds that they need on a busy machine.
const AT_ONCE = 20;

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

/** The refusals of more calls at once than that node takes. */
async function many(ask) {
  const calls = await Promise.allSettled(Array.from({ length: AT_ONCE }, ask));
  const errors = calls.filter((it) => it.status === "rejected").map((it) => it.reason);
  assert.ok(errors.length > 0, "never too many");
  return errors;
}

/** Calls about connections have a limit of their own. */
async function connectionsOf(url) {
  const client = connections("", "", { endpoint: `${url}/nothere123/prod` });
  const ask = () => client.getConnection({ ConnectionId: "abc=" });
  const errors = await many(ask);
  const isLimit = (it) => it instanceof connectionClasses.LimitExceededException;
  const isGone = (it) => it instanceof connectionClasses.GoneException;
  assert.ok(errors.some(isLimit) && errors.some(isGone), errors[0]);
  assert.ok(errors.every((it) => isLimit(it) || isGone(it)));
}

/** A node that takes one call a second, two at once, says so in the classes of each service. */
export async function tooMany() {
  const client = limited(v2Classes.ApiGatewayV2);
  for (const error of await many(() => client.getApis({}))) {
    assert.ok(error instanceof v2Classes.TooManyRequestsException, error);
    assert.deepEqual([error.$metadata.httpStatusCode, error.LimitType], [429, "account"]);
    assert.ok(error.$response.headers["retry-after"]);
  }
  // A client that tries again, as all do by themselves, waits as long as it is told and gets through.
  const patient = new v2Classes.ApiGatewayV2({ endpoint: LIMITED_URL, maxAttempts: 4 });
  for (let turn = 0; turn < 2; turn += 1) {
    await patient.getApis({});
  }
  await connectionsOf(LIMITED_URL);
  const older = limited(v1Classes.APIGateway);
  const keys = await many(() => older.getApiKeys({}));
  const refusal = await refused(v1Classes.TooManyRequestsException, Promise.reject(keys[0]));
  assert.ok(Number(refusal.retryAfterSeconds) >= 1, refusal);
}
