#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): `@src/__tests__/guide.md` in a CLAUDE.md, and `@pkg/__init__.py`.
# Guess: `@path` is cut out of the text as it stands, up to the next space; or, as Markdown, a backslash helps.
# Seen: the file is read as Markdown first, and `__tests__` between punctuation is bold: nothing is imported, nothing is said,
# and `\_` does not help; `_drafts_` is italics. In an item of a list the same words are imported.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
from client import claude, write

places = {"paragraph": "Read @{} first.", "list": "- Read @{} first.", "heading": "# @{}", "dot": "@./{}", "escaped": "@{}"}
read = {}
for path in ("src/{}.md", "src/_drafts_/{}.md", "src/__tests__/{}.md", "pkg/{}/__init__.py"):
    lines = []
    for place, line in places.items():
        file = path.format(place)
        write(file, f"SEEN {place}.\n")
        lines.append(line.format(file.replace("_", r"\_") if place == "escaped" else file))
    write("CLAUDE.md", "\n\n".join(lines) + "\n")
    _, sent = claude("go")
    read[path] = [place for place in places if f"SEEN {place}." in sent]
plain, *marked = read.values()
assert plain == [*places] and marked == [["list"]] * 3, read
print("OK claude-code 2.1.332: imported from", read)
PY
