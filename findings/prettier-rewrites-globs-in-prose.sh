#!/usr/bin/env bash
# prettier 3.10.1 (npm), markdown-it-py 4.3.0 (PyPI): a SKILL.md or CLAUDE.md that names globs and dunder files in its text.
# Guess: a formatter changes white space and bullets; the words of a sentence stay, at worst with a backslash.
# Seen: two globs in one line are emphasis to Markdown, so `**/*.ts, **/*.tsx` becomes `**/_.ts, \**/_.tsx`, another glob, and
# `pkg/__init__.py` becomes `pkg/**init**.py`. The rendered page is the same; a model is given the source. In backticks all stays.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check markdown-it-py==4.3.0 >&2
npm install --silent --no-fund --no-audit --prefix "$tmp" prettier@3.10.1 >&2
cd "$tmp"
cat >SKILL.md <<'MD'
---
name: lint
description: Lint **/*.ts, **/*.tsx
---

Lint **/*.ts, **/*.tsx and keep pkg/__init__.py as it is.

Lint `**/*.ts`, `**/*.tsx` and keep `pkg/__init__.py` as it is.
MD
render() { tail -n +6 "$1" >page.md && venv/bin/markdown-it page.md; }
cp SKILL.md before.md
nice node_modules/.bin/prettier --log-level warn --write SKILL.md
[[ $(render SKILL.md) == "$(render before.md)" ]]
changed=$(diff before.md SKILL.md || true)
[[ $changed == '6c6
< Lint **/*.ts, **/*.tsx and keep pkg/__init__.py as it is.
---
> Lint **/_.ts, \**/_.tsx and keep pkg/**init**.py as it is.' ]]
echo "OK prettier 3.10.1: same page, other source: ${changed##*> }"
