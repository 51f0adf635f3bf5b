# To be sourced: makes a temporary folder $tmp with the real client in it, and removes it at the end.
# `with_client` runs the Python program on stdin beside `client.py`, which has the scripted server and `claude(prompt, …)`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$tmp/home" "$tmp/project"
npm install --silent --no-fund --no-audit --prefix "$tmp" @anthropic-ai/claude-code@2.1.332 >&2
with_client() { PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$lib nice python3 - "$tmp"; }
