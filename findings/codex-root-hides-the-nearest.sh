#!/usr/bin/env bash
# @openai/codex 0.171.0 (npm): AGENTS.md in the root of a repository and another in the folder where one works, `pkg/`.
# Guess: the nearest file counts most ("it takes precedence"); if there is too much, the far one is cut, and a word said.
# Seen: 32 KiB are filled from the root downwards. A root file a little longer is cut in the middle of a line, and the
# nearest is not sent at all, be it one line; the prompt shows no mark of either. With `project_doc_max_bytes=65536` both are.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-fund --no-audit --prefix "$tmp" @openai/codex@0.171.0 >&2
mkdir -p "$tmp/codex" "$tmp/repo/pkg"
git init --quiet "$tmp/repo"
cd "$tmp/repo/pkg"
echo "NEAREST." >AGENTS.md
prompt() { env -i PATH="$PATH" HOME="$tmp" CODEX_HOME="$tmp/codex" "$tmp/node_modules/.bin/codex" debug prompt-input go "$@"; }
root() { python3 -c "print('FIRST.\n' + '- A rule of the whole repository.\n' * $1 + 'LAST.')" >../AGENTS.md; }
sent() { for mark in FIRST. LAST. NEAREST.; do grep -q "$mark" "$1" && echo -n "$mark"; done || true; }
root 900 && prompt >"$tmp/short" 2>/dev/null
root 970 && prompt >"$tmp/long" 2>"$tmp/said"
prompt -c project_doc_max_bytes=65536 >"$tmp/raised" 2>/dev/null
[[ $(stat -c %s ../AGENTS.md) -lt 33500 ]]
[[ $(sent "$tmp/short") == FIRST.LAST.NEAREST. && $(sent "$tmp/raised") == FIRST.LAST.NEAREST. ]]
[[ $(sent "$tmp/long") == FIRST. ]]
if grep -Eiq "truncat|project_doc|AGENTS" "$tmp/said"; then
  echo "it says more than it did: $(cat "$tmp/said")"
  exit 1
fi
echo "OK @openai/codex 0.171.0: root AGENTS.md of $(stat -c %s ../AGENTS.md) bytes: sent $(sent "$tmp/long") and nothing of pkg/AGENTS.md"
