// AWS's SDK for JavaScript takes every kind of resource through its life on a node.

import { documents, paging } from "./documents.mjs";
import { customDomain, vpcLinks } from "./domains.mjs";
import { helloFromLambda, httpProxy, jwtAuthorizer } from "./http_api.mjs";
import { keysAndPlans } from "./keys.mjs";
import { tooMany, withoutPermission, wrongInput } from "./refusals.mjs";
import { websocketChat } from "./websocket.mjs";

const STEPS = [
  helloFromLambda,
  httpProxy,
  jwtAuthorizer,
  websocketChat,
  customDomain,
  vpcLinks,
  documents,
  paging,
  keysAndPlans,
  wrongInput,
  withoutPermission,
  tooMany,
];

let failed = 0;
for (const step of STEPS) {
  try {
    await step();
  } catch (error) {
    failed += 1;
    console.error(`${step.name}:`, error);
  }
}
console.log(`steps passed: ${STEPS.length - failed} of ${STEPS.length}`);
process.exitCode = failed ? 1 : 0;
