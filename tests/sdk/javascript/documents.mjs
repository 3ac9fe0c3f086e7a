// OpenAPI in and out, and lists that come page by page.

import assert from "node:assert/strict";

import { BadRequestException } from "@aws-sdk/client-apigatewayv2";

import { BACKEND_URL, kept, pages, refused, status, v2 } from "./support.mjs";

const APIS = 7;

const document = (title) =>
  JSON.stringify({
    openapi: "3.0.1",
    info: { title, version: "1" },
    paths: {
      "/pets": {
        get: {
          responses: { default: { description: "any" } },
          "x-amazon-apigateway-integration": {
            type: "http_proxy",
            httpMethod: "GET",
            uri: `${BACKEND_URL}/pets`,
            payloadFormatVersion: "1.0",
          },
        },
      },
    },
  });

async function exported(ApiId, OutputType = "JSON") {
  const { body } = await v2.exportApi({ ApiId, Specification: "OAS30", OutputType });
  return new TextDecoder().decode(body);
}

export async function documents() {
  const read = ({ ApiId }) => v2.getApi({ ApiId });
  const { ApiId, Name } = await kept(v2.importApi({ Body: document("imported") }), read);
  assert.equal(Name, "imported");
  await v2.createStage({ ApiId, StageName: "$default", AutoDeploy: true });
  assert.equal(await status(ApiId, "/pets"), 200);
  const first = await exported(ApiId);
  assert.ok(JSON.parse(first).paths["/pets"].get, first);
  await v2.reimportApi({ ApiId, Body: first });
  assert.equal(await exported(ApiId), first, "import and export change nothing");
  assert.match(await exported(ApiId, "YAML"), /^openapi:/m);
  const changed = await kept(v2.reimportApi({ ApiId, Body: document("renamed") }), read);
  assert.equal(changed.Name, "renamed");
  await refused(BadRequestException, v2.importApi({ Body: "{no document" }));
  await v2.deleteApi({ ApiId });
}

export async function paging() {
  const before = (await v2.getApis({})).Items.length;
  const made = [];
  for (let number = 0; number < APIS; number += 1) {
    made.push((await v2.createApi({ Name: `page-${number}`, ProtocolType: "HTTP" })).ApiId);
  }
  const { items, count } = await pages((page) => v2.getApis(page), 3);
  const ids = new Set(items.map((item) => item.ApiId));
  assert.equal(items.length, before + APIS);
  assert.equal(ids.size, items.length, "an API twice");
  assert.equal(count, Math.ceil(items.length / 3));
  assert.ok(made.every((ApiId) => ids.has(ApiId)));
  await refused(BadRequestException, v2.getApis({ NextToken: "not-a-token" }));
  for (const ApiId of made) {
    await v2.deleteApi({ ApiId });
  }
}
