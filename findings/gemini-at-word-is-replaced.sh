#!/usr/bin/env bash
# @google/gemini-cli 0.61.0 (npm), offline against a scripted server: an AGENTS.md that it shares with other clients
# (`context.fileName`), with "@types/node", "@Override" and, at the end of a sentence, "@docs/style.md." in its text.
# Guess: `@path` that is no file is text and stays; a full stop ends the name.
# Seen: each is taken out, and the model reads `<!-- Import failed: types/node - ENOENT … -->` in its place, the machine's
# path with it: "Keep <!-- … --> up to date." In backticks, or inside a word such as a mail address, it stays.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-fund --no-audit --prefix "$tmp" @google/gemini-cli@0.61.0 >&2
mkdir -p "$tmp"/{project/docs,home/.gemini}
nice python3 - "$tmp" <<'PY'
import json
import os
import pathlib
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

tmp = pathlib.Path(sys.argv[1])
project, requests = tmp / "project", []
REPLY = {"candidates": [{"content": {"role": "model", "parts": [{"text": "done"}]}, "finishReason": "STOP", "index": 0}]}


class Gemini(BaseHTTPRequestHandler):
    """The Gemini API on loopback: one reply to everything."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        requests.append(self.rfile.read(int(self.headers["content-length"])).decode())
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(f"data: {json.dumps(REPLY)}\n\n".encode())


server = ThreadingHTTPServer(("127.0.0.1", 0), Gemini)
threading.Thread(target=server.serve_forever, daemon=True).start()
settings = {
    "context": {"fileName": "AGENTS.md"},
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "general": {"enableAutoUpdate": False},
    "privacy": {"usageStatisticsEnabled": False},
}
(tmp / "home/.gemini/settings.json").write_text(json.dumps(settings))
(project / "docs/style.md").write_text("STYLE.\n")
(project / "AGENTS.md").write_text(
    "Keep @types/node up to date.\nUse the @Override annotation.\nAs in @docs/style.md.\nRead @docs/style.md first.\n"
    "Quoted `@types/node`, written to me@example.org.\n"
)
env = {
    "HOME": str(tmp / "home"),
    "TMPDIR": str(tmp),
    "PATH": os.environ["PATH"],
    "GEMINI_API_KEY": "none",
    "GOOGLE_GEMINI_BASE_URL": f"http://127.0.0.1:{server.server_port}",
}
command = [tmp / "node_modules/.bin/gemini", "--skip-trust", "--model", "gemini-2.5-flash", "--prompt", "go"]
subprocess.run(command, cwd=project, env=env, stdin=subprocess.DEVNULL, check=True, capture_output=True, timeout=300)
parts = [part["text"] for r in requests for content in json.loads(r)["contents"] for part in content["parts"]]
(context,) = {part for part in parts if "--- Context" in part}
lines = context.replace(str(project), "DIR").split("AGENTS.md ---\n")[1].split("\n")
lost = "<!-- Import failed: {0} - ENOENT: no such file or directory, access 'DIR/{0}' -->"
assert lines[0] == f"Keep {lost.format('types/node')} up to date.", lines
assert lines[1] == f"Use the {lost.format('Override')} annotation.", lines
assert lines[2] == f"As in {lost.format('docs/style.md.')}", lines
assert "STYLE." in lines and "Quoted `@types/node`, written to me@example.org." in lines, lines
print("OK @google/gemini-cli 0.61.0: the model reads:", " / ".join(lines[:3]))
PY
