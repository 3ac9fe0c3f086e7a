// What the suite `functions` calls: the last segment of the path says what to do. The same as
// app.py, in Node.js, and what only Node.js has.
import process from "node:process";

let served = 0;
const answer = (body, rest = {}) => ({
  statusCode: 200,
  body: typeof body === "string" ? body : JSON.stringify(body),
  ...rest,
});
const nap = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const actions = {
  event: (event) => answer(event),
  context: (event, context) =>
    answer({
      id: context.awsRequestId,
      left: context.getRemainingTimeInMillis(),
      name: context.functionName,
      greeting: process.env.GREETING,
      served,
      pid: process.pid,
    }),
  full: (event) => {
    const reply = {
      statusCode: 201,
      headers: { "X-One": "1", "Content-Type": "text/html" },
      body: Buffer.from(Array.from({ length: 256 }, (_, at) => at)).toString("base64"),
      isBase64Encoded: true,
    };
    const cookies = ["a=1; Path=/", "b=2"];
    return event.version === "2.0"
      ? { ...reply, cookies }
      : { ...reply, multiValueHeaders: { "Set-Cookie": cookies } };
  },
  bare: () => ({ plain: "object" }),
  text: () => "only text",
  number: () => 42,
  nothing: () => null,
  status: () => ({ statusCode: "not a status", body: "" }),
  raise: () => {
    throw new Error("the reason that no client may see");
  },
  exit: () => process.exit(3),
  sleep: () => nap(60_000),
  nap: async () => {
    await nap(300);
    return answer(String(process.pid));
  },
  large: (event) => answer("x".repeat(Number(event.queryStringParameters.bytes))),
  flood: () => {
    const line = "y".repeat(1000);
    for (let i = 0; i < 20_000; i += 1) {
      console.log(line);
      console.error(line);
    }
    return answer("flooded");
  },
  length: (event) => answer(String(event.body.length)),
};

export const handler = async (event, context) => {
  served += 1;
  const path = event.rawPath ?? event.path;
  return actions[path.slice(path.lastIndexOf("/") + 1)](event, context);
};

// Writes a piece each time that the file named by the query grows by a byte: the client says when.
export const stream = awslambda.streamifyResponse(async (event, output) => {
  const { breaks } = event.queryStringParameters ?? {};
  const body = awslambda.HttpResponseStream.from(output, {
    statusCode: 202,
    headers: { "content-type": "text/event-stream", "x-streamed": "yes" },
    cookies: ["c=3"],
  });
  const { readFileSync } = await import("node:fs");
  for (let piece = 1; piece <= 3; piece += 1) {
    while (readFileSync(process.env.TURNS, "utf8").length < piece) await nap(5);
    body.write(`piece ${piece}\n`);
    if (breaks && piece === 2) throw new Error("broken off");
  }
  body.end();
});
