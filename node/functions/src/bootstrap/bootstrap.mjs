// Runs a Node.js function: takes events from the Lambda Runtime API and answers them, one by one.
//
// It needs Node.js 18 and nothing but its own modules. Handlers may be CommonJS or ES modules,
// return a promise or a value, call back, or stream (awslambda.streamifyResponse). When the
// connection is lost the node is gone, and so this process ends.

import { existsSync, statSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import net from "node:net";
import path from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";

const ROOT = "/2018-06-01/runtime/";
const STREAMING = Symbol.for("tollgate.handler.streaming");
const PRELUDE_TYPE = "application/vnd.awslambda.http-integration-response";
const [apiHost, apiPort] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");

// What runs now: { requestId, done(error, result), waits }. Null between two invocations.
let current = null;

// One connection to the node, for everything but streamed answers. It speaks HTTP by itself: it
// talks to one known server, and node:http would take longer for that than most handlers run.
class Connection {
  constructor() {
    this.pending = null;
    this.lost = null;
    this.reset();
    this.socket = net.connect({ host: apiHost, port: Number(apiPort), noDelay: true });
    this.socket.on("data", (chunk) => this.read(chunk));
    this.socket.on("error", (error) => this.close(error));
    this.socket.on("close", () => this.close(new Error("the connection was closed")));
  }

  reset() {
    this.head = null;
    this.chunks = [];
    this.size = 0;
  }

  close(error) {
    this.lost ??= error;
    this.socket.destroy();
    this.pending?.reject(this.lost);
    this.pending = null;
  }

  call(head, body) {
    return new Promise((resolve, reject) => {
      if (this.lost) {
        reject(this.lost);
        return;
      }
      this.pending = { resolve, reject };
      // Between two calls the connection must not keep the event loop from becoming empty.
      this.socket.ref();
      this.socket.cork();
      this.socket.write(head, "latin1");
      if (body !== undefined) {
        this.socket.write(body);
      }
      this.socket.uncork();
    });
  }

  read(chunk) {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.head === null && !this.readHead()) {
      return;
    }
    if (this.size < this.head.length) {
      return;
    }
    const { status, headers } = this.head;
    const body = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks);
    this.reset();
    this.socket.unref();
    const { resolve } = this.pending;
    this.pending = null;
    if (headers.connection === "close") {
      this.close(new Error("the connection was closed"));
    }
    resolve({ status, headers, body });
  }

  readHead() {
    const start = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks);
    const end = start.indexOf("\r\n\r\n");
    if (end < 0) {
      this.chunks = [start];
      return false;
    }
    const lines = start.toString("latin1", 0, end).split("\r\n");
    const headers = {};
    for (let i = 1; i < lines.length; i += 1) {
      const colon = lines[i].indexOf(":");
      headers[lines[i].slice(0, colon).toLowerCase()] = lines[i].slice(colon + 1).trim();
    }
    const length = Number(headers["content-length"] ?? 0);
    this.head = { status: Number(lines[0].split(" ", 2)[1]), headers, length };
    const rest = start.subarray(end + 4);
    this.chunks = [rest];
    this.size = rest.length;
    return true;
  }
}

let connection = new Connection();

function call(method, name, body, errorType) {
  let head = `${method} ${ROOT}${name} HTTP/1.1\r\nHost: ${process.env.AWS_LAMBDA_RUNTIME_API}\r\n`;
  if (body !== undefined) {
    head += `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  }
  if (errorType !== undefined) {
    head += `Lambda-Runtime-Function-Error-Type: ${errorType}\r\n`;
  }
  // Pending: something nobody caught is reported while this process waits for work.
  if (connection.lost || connection.pending) {
    connection = new Connection();
  }
  return connection.call(head + "\r\n", body);
}

function fault(errorType, message) {
  const error = new Error(message);
  error.name = errorType;
  error.stack = "";
  return error;
}

// An error in the form of AWS.
function describe(error) {
  if (error instanceof Error) {
    return {
      errorType: String(error.name || "Error"),
      errorMessage: String(error.message),
      trace: String(error.stack || "").split("\n").filter((line) => line !== ""),
    };
  }
  const text = typeof error === "string" ? error : JSON.stringify(error) ?? String(error);
  return { errorType: typeof error, errorMessage: text, trace: [] };
}

function errorTypeHeader(report) {
  return report.errorType.replace(/[^\x20-\x7e]/g, "?");
}

function postError(name, error) {
  const report = describe(error);
  console.error(JSON.stringify(report));
  return call("POST", name, JSON.stringify(report), errorTypeHeader(report));
}

// ---- the handler

function resolveModule(root, name) {
  const base = path.resolve(root, name);
  for (const candidate of [base, base + ".js", base + ".mjs", base + ".cjs"]) {
    if (existsSync(candidate) && statSync(candidate).isFile()) {
      return candidate;
    }
  }
  for (const index of ["index.js", "index.mjs", "index.cjs"]) {
    if (existsSync(path.join(base, index))) {
      return path.join(base, index);
    }
  }
  try {
    return createRequire(path.join(root, "package.json")).resolve(name);
  } catch {
    throw fault("Runtime.ImportModuleError", `Error: Cannot find module '${name}'`);
  }
}

async function load(root, handlerName) {
  const directory = path.dirname(handlerName);
  const parts = path.basename(handlerName).match(/^([^.]+)\.(.+)$/);
  if (!parts) {
    const message = `Bad handler '${handlerName}': it must be module.function`;
    throw fault("Runtime.MalformedHandlerName", message);
  }
  const file = resolveModule(root, path.join(directory, parts[1]));
  let module;
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    if (error instanceof SyntaxError) {
      error.name = "Runtime.UserCodeSyntaxError";
    } else if (error?.code === "ERR_MODULE_NOT_FOUND" || error?.code === "MODULE_NOT_FOUND") {
      error.name = "Runtime.ImportModuleError";
    }
    throw error;
  }
  const find = (value) => parts[2].split(".").reduce((at, name) => at?.[name], value);
  // Names that Node.js does not detect in a CommonJS module are only in its default export.
  const handler = find(module) ?? find(module.default);
  if (handler === undefined) {
    throw fault("Runtime.HandlerNotFound", `${handlerName} is undefined or not exported`);
  }
  if (typeof handler !== "function") {
    throw fault("Runtime.HandlerNotFound", `${handlerName} is not a function`);
  }
  return handler;
}

// ---- streaming

const agent = new http.Agent({ keepAlive: true, noDelay: true });

class ResponseStream extends Writable {
  constructor(requestId) {
    super({ highWaterMark: 64 * 1024 });
    this.requestId = requestId;
    this.contentType = "application/octet-stream";
    this.prelude = null;
    this.sent = null;
    this.settled = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.on("error", () => {});
  }

  setContentType(contentType) {
    if (this.sent) {
      throw fault("InvalidStreamingOperation", "Cannot set content-type, too late.");
    }
    this.contentType = contentType;
  }

  open() {
    if (this.sent) {
      return;
    }
    this.sent = http.request({
      host: apiHost,
      port: Number(apiPort),
      agent,
      method: "POST",
      path: `${ROOT}invocation/${this.requestId}/response`,
      headers: {
        "Content-Type": this.contentType,
        "Lambda-Runtime-Function-Response-Mode": "streaming",
        "Transfer-Encoding": "chunked",
        Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
      },
    });
    this.sent.on("error", (error) => this.reject(error));
    this.sent.on("response", (response) => {
      response.resume();
      response.on("end", () => this.resolve());
    });
    if (this.prelude !== null) {
      this.sent.write(this.prelude);
      this.sent.write(Buffer.alloc(8));
    }
    this.sent.flushHeaders();
  }

  _write(chunk, encoding, callback) {
    this.open();
    this.sent.write(chunk, encoding, callback);
  }

  _final(callback) {
    this.open();
    this.sent.end();
    this.settled.then(() => callback(), callback);
  }

  // Ends the answer as broken.
  fail(error) {
    const report = describe(error);
    console.error(JSON.stringify(report));
    this.sent.addTrailers({
      "Lambda-Runtime-Function-Error-Type": errorTypeHeader(report),
      "Lambda-Runtime-Function-Error-Body": Buffer.from(JSON.stringify(report)).toString("base64"),
    });
    this.sent.end();
    return this.settled;
  }
}

globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMING] = options ?? {};
    return handler;
  },
  HttpResponseStream: class HttpResponseStream {
    static from(stream, metadata) {
      stream.setContentType(PRELUDE_TYPE);
      stream.prelude = JSON.stringify(metadata ?? {});
      return stream;
    }
  },
};

async function runStreaming(handler, event, context, requestId) {
  const stream = new ResponseStream(requestId);
  try {
    await handler(event, stream, context);
    // A handler may return while a pipe is still filling the stream.
    await Promise.race([
      stream.settled,
      new Promise((resolve, reject) => stream.on("error", reject)),
    ]);
  } catch (error) {
    if (stream.sent) {
      await stream.fail(error);
    } else {
      await postError(`invocation/${requestId}/error`, error);
    }
  }
}

// ---- buffered

function makeContext(headers, requestId) {
  const deadlineMs = Number(headers["lambda-runtime-deadline-ms"] ?? 0);
  return {
    awsRequestId: requestId,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
}

// Resolves with what the handler returns, resolves, or calls back, whichever comes first.
function runBuffered(handler, event, context, requestId) {
  return new Promise((resolve, reject) => {
    let answered = false;
    const answer = (error, result, throws) => {
      if (!answered) {
        answered = true;
        if (throws || (error !== null && error !== undefined)) {
          reject(error);
        } else {
          resolve(result);
        }
      }
    };
    const callback = (error, result) => {
      if (answered || current.waits) {
        return;
      }
      if (context.callbackWaitsForEmptyEventLoop && (error === null || error === undefined)) {
        // As on AWS: the answer is given once nothing is left to do.
        current.waits = () => answer(null, result);
      } else {
        answer(error, result);
      }
    };
    context.done = callback;
    context.succeed = (result) => answer(null, result);
    context.fail = (error) => answer(error ?? null, undefined, true);
    current = { requestId, waits: null, give: answer };
    try {
      const returned = handler(event, context, callback);
      if (typeof returned?.then === "function") {
        returned.then(
          (result) => answer(null, result),
          (error) => answer(error, undefined, true),
        );
      } else if (returned !== undefined) {
        // A handler that returns a value without a promise gets null on AWS; here it counts.
        answer(null, returned);
      }
    } catch (error) {
      answer(error, undefined, true);
    }
  });
}

// Nothing is left to do: a callback that waited for it, or a handler that never answers.
process.on("beforeExit", () => {
  if (current?.waits) {
    current.waits();
  } else if (current) {
    current.give(null, null);
  }
});

function encode(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? "null";
  } catch (error) {
    throw fault("Runtime.MarshalError", `Unable to stringify response body: ${error.message}`);
  }
}

async function runOne(handler) {
  const { status, headers, body } = await call("GET", "invocation/next");
  if (status !== 200) {
    process.exit(0);
  }
  const requestId = headers["lambda-runtime-aws-request-id"];
  const traceId = headers["lambda-runtime-trace-id"];
  if (traceId === undefined) {
    delete process.env._X_AMZN_TRACE_ID;
  } else {
    process.env._X_AMZN_TRACE_ID = traceId;
  }
  const context = makeContext(headers, requestId);
  current = { requestId, waits: null, give: () => {} };
  const at = `invocation/${requestId}`;
  let answer;
  try {
    let event;
    try {
      event = JSON.parse(body.toString("utf8"));
    } catch (error) {
      throw fault("Runtime.UnmarshalError", `Unable to parse the event: ${error.message}`);
    }
    if (handler[STREAMING]) {
      await runStreaming(handler, event, context, requestId);
      current = null;
      return;
    }
    answer = encode(await runBuffered(handler, event, context, requestId));
  } catch (error) {
    current = null;
    await postError(at + "/error", error);
    return;
  }
  current = null;
  const { status: taken } = await call("POST", at + "/response", answer);
  if (taken === 413) {
    console.error("the response is too large");
  }
}

// What nobody caught leaves the process in an unknown state: it is reported, and the process ends.
let dying = false;
async function die(error) {
  if (dying) {
    return;
  }
  dying = true;
  try {
    await postError(current ? `invocation/${current.requestId}/error` : "init/error", error);
  } finally {
    process.exit(129);
  }
}

process.on("uncaughtException", die);
process.on("unhandledRejection", (reason) => {
  const error = reason instanceof Error ? reason : new Error(describe(reason).errorMessage);
  const wrapped = fault("Runtime.UnhandledPromiseRejection", String(error.message));
  wrapped.stack = error.stack;
  die(wrapped);
});

let handler;
try {
  handler = await load(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
} catch (error) {
  await postError("init/error", error).catch(() => {});
  process.exit(1);
}
try {
  for (;;) {
    await runOne(handler);
  }
} catch {
  // The connection is lost.
  process.exit(0);
}
