#!/usr/bin/env bash
# gray-matter 4.0.3 (npm): a SKILL.md with broken frontmatter (`description: Use when: …`), read by a validator, then a loader.
# Guess: reading the same text twice gives the same answer: an error each time, and a fresh object where it can be read.
# Seen: the text is kept in a cache before it is parsed. The second read of the broken text does not throw: it gives no data
# and the whole file, --- lines too, as its body; and what a caller changes in `data` is what the next reader gets.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-fund --no-audit --prefix "$tmp" gray-matter@4.0.3 >&2
cat >"$tmp/read.mjs" <<'JS'
import assert from "node:assert";
import matter from "gray-matter";

const broken = "---\nname: notes\ndescription: Use when: asked\n---\nBody.\n";
assert.throws(() => matter(broken), { name: "YAMLException" });
const second = matter(broken);
assert.deepEqual(second.data, {});
assert.equal(second.content, broken);
assert.throws(() => matter(broken, {}), { name: "YAMLException" });

const good = "---\nname: notes\n---\nBody.\n";
matter(good).data.name = "changed";
assert.equal(matter(good).data.name, "changed");
assert.equal(matter(good, {}).data.name, "notes");
console.log("OK gray-matter 4.0.3: broken text: first read throws, second gives {}; with an options object each read is its own");
JS
nice node "$tmp/read.mjs"
