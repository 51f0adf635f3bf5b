#!/usr/bin/env bash
# @modelcontextprotocol/sdk 1.32.2 with zod 4.6.7 (npm): registerTool with an inputSchema that is not a plain z.object.
# Guess: the union is advertised as anyOf, or registerTool throws, since MCP wants an object at the top.
# Seen: it is advertised as an object without properties, and each call is checked against the real schema: the model is told
# of a tool without arguments, and is refused when it gives none. So too for .transform(), preprocess and intersections;
# .refine() keeps its properties. The successor @modelcontextprotocol/server 2.4.0 advertises the union.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-fund --no-audit --prefix "$tmp" @modelcontextprotocol/{sdk@1.32.2,server@2.4.0} zod@4.6.7 >&2
cat >"$tmp/tools.mjs" <<'JS'
import assert from "node:assert";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as Successor } from "@modelcontextprotocol/server";
import * as z from "zod";

const part = z.object({ op: z.literal("add"), path: z.string() });
const schemas = {
  plain: part,
  refined: part.refine(() => true),
  union: z.discriminatedUnion("op", [part, z.object({ op: z.literal("drop"), id: z.number() })]),
  transformed: part.transform((input) => input),
  preprocessed: z.preprocess((input) => input, part),
  intersection: z.intersection(part, z.object({ id: z.number() })),
};
const listed = async (server) => {
  for (const [name, inputSchema] of Object.entries(schemas))
    server.registerTool(name, { description: name, inputSchema }, async () => ({ content: [] }));
  const client = new Client({ name: "c", version: "1" });
  const [a, b] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(a), client.connect(b)]);
  return [(await client.listTools()).tools, await client.callTool({ name: "union", arguments: {} })];
};
const [tools, called] = await listed(new McpServer({ name: "s", version: "1" }));
const empty = tools.filter((tool) => Object.keys(tool.inputSchema.properties).length === 0).map((tool) => tool.name);
assert.deepEqual(empty, ["union", "transformed", "preprocessed", "intersection"]);
assert.deepEqual(tools.find((tool) => tool.name === "union").inputSchema, { type: "object", properties: {} });
assert(called.isError && called.content[0].text.includes("Input validation error"), JSON.stringify(called));
const [later] = await listed(new Successor({ name: "s", version: "1" }));
assert.equal(later.find((tool) => tool.name === "union").inputSchema.oneOf.length, 2);
console.log("OK @modelcontextprotocol/sdk 1.32.2: advertised without arguments:", empty.join(", "), "- and refused with none");
JS
nice node "$tmp/tools.mjs"
