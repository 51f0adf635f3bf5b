#!/usr/bin/env bash
# import-linter 2.17, grimp 3.20 (PyPI): a layers contract, and a forbidden import in a folder without __init__.py.
# Guess: what Python can import is checked: since PEP 420 a folder without __init__.py is a package like any other.
# Seen: `python -c "import pkg.low.loose.bad"` runs the import of the higher layer, and lint-imports says KEPT: the folder's
# modules are not in its graph, and nothing says so but the file count. An empty __init__.py makes it BROKEN.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check import-linter==2.17 grimp==3.20 >&2
cd "$tmp"
mkdir -p pkg/high pkg/low/loose
touch pkg/__init__.py pkg/high/__init__.py pkg/low/__init__.py
echo "import pkg.high" >pkg/low/loose/bad.py
cat >.importlinter <<'INI'
[importlinter]
root_package = pkg
[importlinter:contract:layers]
name = high above low
type = layers
layers =
    pkg.high
    pkg.low
INI
venv/bin/python -c "import sys, pkg.low.loose.bad; assert 'pkg.high' in sys.modules"
before=$(nice venv/bin/lint-imports --no-cache)
touch pkg/low/loose/__init__.py
after=$(nice venv/bin/lint-imports --no-cache) && exit 1
grep -q "Analyzed 3 files, 0 dependencies" <<<"$before"
grep -q "high above low KEPT" <<<"$before"
grep -q "high above low BROKEN" <<<"$after"
grep -q "pkg.low.loose.bad -> pkg.high" <<<"$after"
echo "OK import-linter 2.17: import runs; without __init__.py: KEPT, 3 of 4 files analyzed; with it: BROKEN"
