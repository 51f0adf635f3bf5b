#!/usr/bin/env bash
# anthropic 2.14.0 with pydantic 2.14.4 (PyPI), @anthropic-ai/sdk 1.14.0 with zod 4.6.7 (npm): a map in a structured output.
# Guess: `dict[str, int]` / `z.record()` is sent as it is, or refused before the request.
# Seen: both SDKs send `properties: {}, additionalProperties: false`. The only value that fits is {}, and it passes the
# model's own check afterwards: each map comes back empty, without an error or a warning on either side.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check anthropic==2.14.0 pydantic==2.14.4 jsonschema==4.26.0 >&2
npm install --silent --no-fund --no-audit --prefix "$tmp" @anthropic-ai/sdk@1.14.0 zod@4.6.7 >&2
cat >"$tmp/map.mjs" <<'JS'
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import * as z from "zod";
console.log(JSON.stringify(zodOutputFormat(z.object({ scores: z.record(z.string(), z.number()) })).schema));
JS
nice node "$tmp/map.mjs" | nice "$tmp/venv/bin/python" -W error -c '
import json, sys
import anthropic, jsonschema, pydantic

class Review(pydantic.BaseModel):
    scores: dict[str, int]

for schema in (anthropic.transform_schema(Review), json.load(sys.stdin)):
    field = schema["properties"]["scores"]
    assert field["properties"] == {} and field["additionalProperties"] is False, field
    fits = jsonschema.Draft202012Validator(schema).is_valid
    assert fits({"scores": {}}) and not fits({"scores": {"a.py": 3}}), schema
assert Review.model_json_schema()["properties"]["scores"]["additionalProperties"] == {"type": "integer"}
assert Review.model_validate_json("{\"scores\": {}}").scores == {}
print("OK anthropic 2.14.0, @anthropic-ai/sdk 1.14.0: a map is sent as an object without properties: only {} fits")'
