// Echoes of every size through npm ws, with and without compression, and orderly ends.
"use strict";

const assert = require("node:assert");
const WebSocket = require("ws");
const { version } = require("ws/package.json");

const url = process.argv[2];
const sizes = [0, 1, 125, 126, 127, 1000, 30000, 65535, 65536, 500000];

function open(path, options) {
  const ws = new WebSocket(url + path, ["tollgate.test"], options);
  const waiting = [];
  const arrived = [];
  ws.on("message", (data, binary) => {
    const message = binary ? data : data.toString();
    if (waiting.length) waiting.shift()(message);
    else arrived.push(message);
  });
  ws.next = () =>
    arrived.length ? Promise.resolve(arrived.shift()) : new Promise((done) => waiting.push(done));
  return new Promise((done, failed) => {
    ws.once("open", () => done(ws));
    ws.once("error", failed);
  });
}

const closed = (ws) => new Promise((done) => ws.once("close", (code) => done(code)));

async function echoes(perMessageDeflate) {
  const ws = await open("/large", { perMessageDeflate });
  assert.equal(ws.protocol, "tollgate.test");
  assert.equal(ws.extensions.includes("permessage-deflate"), Boolean(perMessageDeflate));
  let count = 0;
  for (const size of sizes) {
    const text = "héllo wörld ".repeat(size / 10 + 1).slice(0, size);
    for (const message of [text, Buffer.from(text)]) {
      ws.send(message);
      assert.deepEqual(await ws.next(), message);
      count += 1;
    }
  }
  ws.send("frag", { fin: false });
  ws.send("ments", { fin: true });
  assert.equal(await ws.next(), "fragments");
  for (let at = 0; at < 100; at += 1) ws.send("again and again ".repeat(8));
  for (let at = 0; at < 100; at += 1) assert.equal(await ws.next(), "again and again ".repeat(8));
  const pong = new Promise((done) => ws.once("pong", done));
  ws.ping("alive?");
  assert.equal((await pong).toString(), "alive?");
  const end = closed(ws);
  ws.close(4000, "done");
  assert.equal(await end, 4000);
  return count + 101;
}

async function refused() {
  const ws = await open("/small", {});
  const end = closed(ws);
  ws.send(Buffer.alloc(1001));
  assert.equal(await end, 1009);
}

async function main() {
  let count = 0;
  for (const compression of [false, true, { threshold: 0, serverMaxWindowBits: 12 }]) {
    count += await echoes(compression);
  }
  await refused();
  const many = await Promise.all(Array.from({ length: 20 }, () => echoes(true)));
  count = many.reduce((sum, one) => sum + one, count);
  console.log(`${version}, ${count} echoes on ${many.length + 3} connections`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
