#!/usr/bin/env bash
# @anthropic-ai/claude-agent-sdk 0.3.332, zod 4.6.7, @anthropic-ai/claude-code 2.1.332 (npm): `outputFormat` with a Zod schema.
# Guess: zod 4 is the SDK's own peer dependency, so what `z.toJSONSchema(…)` returns can be given to it.
# Seen: the process exits with code 1 before any request: "no schema with key or ref …/draft/2020-12/schema", for zod names that
# draft in `$schema`. With `{ target: "draft-7" }`, or without that one key, the same schema is answered.
source "$(dirname "$0")/lib/client.sh"
npm install --silent --no-fund --no-audit --omit=optional --prefix "$tmp" @anthropic-ai/claude-agent-sdk@0.3.332 zod@4.6.7 >&2
cat >"$tmp/ask.mjs" <<'JS'
import { query } from "@anthropic-ai/claude-agent-sdk";
import * as z from "zod";
const [target, executable] = process.argv.slice(2);
const schema = z.toJSONSchema(z.object({ count: z.int() }), target === "none" ? {} : { target });
const options = { outputFormat: { type: "json_schema", schema }, pathToClaudeCodeExecutable: executable };
try {
  for await (const message of query({ prompt: "go", options }))
    if (message.type === "result") console.log(JSON.stringify(message.structured_output));
} catch (error) {
  console.log(error.message);
}
JS
with_client <<'PY'
import os
import subprocess

from client import call, requests, script, server, tmp

env = {
    "HOME": str(tmp / "home"),
    "PATH": os.environ["PATH"],
    "ANTHROPIC_API_KEY": "none",
    "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
}
said, sent = {}, {}
for target in ("none", "draft-2020-12", "draft-7"):
    script[:], requests[:] = [call("StructuredOutput", count=1)], []
    command = ["node", tmp / "ask.mjs", target, tmp / "node_modules/.bin/claude"]
    said[target] = subprocess.run(command, cwd=tmp / "project", env=env, capture_output=True, text=True).stdout
    sent[target] = len(requests)
assert said["none"] == said["draft-2020-12"] and "no schema with key or ref" in said["none"], said
assert said["draft-7"] == '{"count":1}\n' and sent == {"none": 0, "draft-2020-12": 0, "draft-7": 1}, (said, sent)
print("OK claude-agent-sdk 0.3.332: z.toJSONSchema(…): exit code 1, no request; with target draft-7:", said["draft-7"].strip())
PY
