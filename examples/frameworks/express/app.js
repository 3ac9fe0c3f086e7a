// An Express application that knows nothing of gateways, and the one line that makes it a function.
const express = require("express");
const serverless = require("serverless-http");

const app = express();
const pets = new Map([[1, { id: 1, name: "Rex", tags: ["dog"] }]]);

app.use(express.json());
app.use(express.raw({ type: "application/octet-stream" }));

app.get("/pets/:id", (request, response) => {
  const pet = pets.get(Number(request.params.id));
  if (!pet) {
    return response.status(404).json({ detail: `there is no pet ${request.params.id}` });
  }
  response.json(pet);
});

app.post("/pets", (request, response) => {
  const { name, tags = [] } = request.body ?? {};
  if (typeof name !== "string") {
    return response.status(422).json({ detail: "a pet has a name" });
  }
  response.status(201).location("/pets/2").json({ id: 2, name, tags });
});

app.get("/search", (request, response) => {
  const { q, tag = [] } = request.query;
  response.json({ q, tag: [tag].flat() });
});

app.get("/visits", (request, response) => {
  const cookie = /(?:^|; )visits=(\d+)/.exec(request.get("cookie") ?? "");
  const visits = Number(cookie?.[1] ?? 0) + 1;
  response.cookie("visits", visits, { path: "/" });
  response.cookie("seen", "yes", { httpOnly: true });
  response.json({ visits });
});

app.post("/reverse", (request, response) => {
  response.type("application/octet-stream").send(Buffer.from(request.body).reverse());
});

app.get("/old", (request, response) => response.redirect(307, "/pets/1"));

app.delete("/pets/:id", (request, response) => response.status(204).end());

app.get("/files/*path", (request, response) => {
  response.json({ path: request.params.path.join("/") });
});

exports.handler = serverless(app, { binary: ["application/octet-stream"] });
