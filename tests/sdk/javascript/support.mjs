// What the walks share: clients of the node, calls to its APIs, and what must hold of every write.

import assert from "node:assert/strict";
import http from "node:http";

import { APIGateway } from "@aws-sdk/client-api-gateway";
import { ApiGatewayManagementApi } from "@aws-sdk/client-apigatewaymanagementapi";
import { ApiGatewayV2 } from "@aws-sdk/client-apigatewayv2";

export const { BACKEND_URL, GATEWAY_URL, LIMITED_URL } = process.env;
export const FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:hello";
export const CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/fixed";

// Address and credentials come from the environment, as users set them. A refusal is looked at, not
// tried again.
const ONCE = { maxAttempts: 1 };
export const v1 = new APIGateway(ONCE);
export const v2 = new ApiGatewayV2(ONCE);

/** A client of a user with these keys. */
export const as = (credentials) => new ApiGatewayV2({ ...ONCE, credentials });

/** A client of the node that lets next to no management calls through. */
export const limited = (Client) => new Client({ ...ONCE, endpoint: LIMITED_URL });

/** A client of the connections of a stage. */
export const connections = (api, stage, options = {}) =>
  new ApiGatewayManagementApi({
    ...ONCE,
    endpoint: `${GATEWAY_URL}/_aws/execute-api/${api}/${stage}`,
    ...options,
  });

function bare({ $metadata, ...members }) {
  assert.ok($metadata.requestId, "a reply without x-amzn-RequestId");
  return members;
}

/** The reply of a write, after what is read was found to be the same, twice. */
export async function kept(write, read) {
  const written = bare(await write);
  for (const time of ["once", "twice"]) {
    assert.deepEqual(bare(await read(written)), written, `read ${time}`);
  }
  return written;
}

/** The refusal of a call, which must be an instance of this class of the SDK. */
export async function refused(Refusal, call) {
  let reply;
  try {
    reply = await call;
  } catch (error) {
    assert.ok(error instanceof Refusal, `${error.name} instead of ${Refusal.name}: ${error.message}`);
    assert.equal(error.name, Refusal.name);
    assert.ok(error.$metadata.requestId, "a refusal without x-amzn-RequestId");
    return error;
  }
  assert.fail(`${Refusal.name} expected, got ${JSON.stringify(reply)}`);
}

/** Every item of a list that is read page by page, and how many pages there were. */
export async function pages(list, size) {
  const items = [];
  let NextToken, count = 0;
  do {
    const page = await list({ MaxResults: String(size), NextToken });
    assert.ok(page.Items.length <= size, `${page.Items.length} items on a page of ${size}`);
    items.push(...page.Items);
    NextToken = page.NextToken;
    count += 1;
    assert.ok(count <= 1000, "pages without an end");
  } while (NextToken);
  return { items, count };
}

/** Calls what a host name leads to: status, headers and text. */
export function callHost(host, path = "/", { method = "GET", headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const options = { method, headers: { host, ...headers }, timeout: 20_000 };
    const request = http.request(GATEWAY_URL + path, options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode, headers: response.headers, text });
      });
      response.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error(`${host}${path} did not answer`)));
    request.on("error", reject);
    request.end(body);
  });
}

/** Calls an API by its generated host name. */
export const call = (api, path, options) =>
  callHost(`${api}.execute-api.us-east-1.localhost`, path, options);

/** The status of a call. */
export const status = async (api, path, options) => (await call(api, path, options)).status;
