// API keys and usage plans by the older service, for an HTTP API.

import assert from "node:assert/strict";

import {
  BadRequestException,
  ConflictException,
  NotFoundException,
  paginateGetApiKeys,
} from "@aws-sdk/client-api-gateway";

import { BACKEND_URL, kept, refused, status, v1, v2 } from "./support.mjs";

const LIMIT = 3;

async function meteredApi() {
  const api = { Name: "metered", ProtocolType: "HTTP", Target: `${BACKEND_URL}/` };
  const { ApiId } = await v2.createApi(api);
  const [{ RouteId }] = (await v2.getRoutes({ ApiId })).Items;
  await v2.updateRoute({ ApiId, RouteId, ApiKeyRequired: true });
  return ApiId;
}

export async function keysAndPlans() {
  const ApiId = await meteredApi();
  const key = await v1.createApiKey({ name: "customer", enabled: true });
  const apiKey = key.id;
  assert.equal((await v1.getApiKey({ apiKey, includeValue: true })).value, key.value);
  const headers = { "x-api-key": key.value };
  assert.equal(await status(ApiId, "/", { headers }), 403);
  const read = ({ id }) => v1.getUsagePlan({ usagePlanId: id });
  const { id: usagePlanId } = await kept(
    v1.createUsagePlan({
      name: "small",
      apiStages: [{ apiId: ApiId, stage: "$default" }],
      throttle: { rateLimit: 1000, burstLimit: 1000 },
      quota: { limit: LIMIT, period: "DAY" },
    }),
    read,
  );
  await v1.createUsagePlanKey({ usagePlanId, keyId: apiKey, keyType: "API_KEY" });
  await refused(ConflictException, v1.createApiKey({ name: "other", value: key.value }));
  const codes = [];
  for (let turn = 0; turn <= LIMIT; turn += 1) {
    codes.push(await status(ApiId, "/", { headers }));
  }
  assert.deepEqual(codes, [...Array(LIMIT).fill(200), 429]);
  const today = new Date().toISOString().slice(0, 10);
  const usage = await v1.getUsage({ usagePlanId, startDate: today, endDate: today });
  assert.deepEqual(usage.items, { [apiKey]: [[LIMIT, 0]] });
  const patchOperations = [{ op: "replace", path: "/quota/limit", value: String(LIMIT + 1) }];
  await kept(v1.updateUsagePlan({ usagePlanId, patchOperations }), read);
  assert.equal(await status(ApiId, "/", { headers }), 200);
  await listed();
  await refused(NotFoundException, v1.getApiKey({ apiKey: "nothere123" }));
  const wrong = [{ op: "replace", path: "/nothing", value: "1" }];
  await refused(BadRequestException, v1.updateApiKey({ apiKey, patchOperations: wrong }));
  await v1.deleteUsagePlanKey({ usagePlanId, keyId: apiKey });
  await v1.deleteApiKey({ apiKey });
  await v2.deleteApi({ ApiId });
}

async function listed() {
  for (const name of ["one", "two", "three"]) {
    await v1.createApiKey({ name });
  }
  const names = [];
  for await (const page of paginateGetApiKeys({ client: v1, pageSize: 2 }, {})) {
    assert.ok(page.items.length <= 2);
    names.push(...page.items.map((item) => item.name));
  }
  assert.deepEqual(names.sort(), ["customer", "one", "three", "two"]);
}
