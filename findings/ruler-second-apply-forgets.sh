#!/usr/bin/env bash
# @intellectronica/ruler 0.3.44 (npm): `ruler apply` twice, in a project that has an AGENTS.md of its own.
# Guess: the same command on the same rules gives the same files; one's own AGENTS.md is a source, or is left alone.
# Seen: the first time one's AGENTS.md is taken in as a source, and CLAUDE.md gets it too. By then the file is a generated
# one, so the second time it is no source any more: its rules are gone from both, exit code 0; only AGENTS.md.bak has them.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-fund --no-audit --prefix "$tmp" @intellectronica/ruler@0.3.44 >&2
mkdir -p "$tmp/home" "$tmp/project/.ruler" && cd "$tmp/project"
git init --quiet .
echo "OWN RULE." >AGENTS.md
echo "SHARED RULE." >.ruler/shared.md
ruler() { env -i HOME="$tmp/home" PATH="$PATH" NO_COLOR=1 "$tmp/node_modules/.bin/ruler" "$@" </dev/null 2>&1; }
ruler apply --agents claude,codex >"$tmp/first"
first=$(grep -h "RULE\." AGENTS.md CLAUDE.md | tr '\n' ' ')
ruler apply --agents claude,codex >"$tmp/second"
second=$(grep -h "RULE\." AGENTS.md CLAUDE.md | tr '\n' ' ')
[[ $first == "OWN RULE. SHARED RULE. OWN RULE. SHARED RULE. " ]]
[[ $second == "SHARED RULE. SHARED RULE. " ]]
[[ $(cat AGENTS.md.bak) == "OWN RULE." ]]
diff <(sort "$tmp/first") <(sort "$tmp/second")
echo "OK ruler 0.3.44: AGENTS.md and CLAUDE.md after the first apply: $first- after the second: $second"
