"""Does this checkout still answer what another one answers? For a change that is meant to change nothing.

    python tests/bench/goldens.py BASE [FOLDER...] [--wording] [--most 10]

BASE is another checkout's folder, or a git revision of this one, which is unpacked into a temporary folder. Each FOLDER
holds transcripts (`*.jsonl`, at any depth); without one, the sessions of tests/golden/scenarios.py are taken. Of each
session `digest --dry-run --json` is compared, and `digest --plan --json`, which shows every prompt; of our own sessions
also their verdicts under rules and receipts. Both checkouts run in this interpreter, with an empty home and no key, and
write nothing.

What checks, troubles and reasons say in words is compared with --wording only. Prints the first differences and exits 1,
or `equal` and exits 0. Not covered: what a real digest writes; tests/golden/applied.jsonl has that.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
CHECKOUT = HERE.parents[2]
sys.path[:0] = [str(HERE.parents[1] / "golden"), str(HERE.parents[1])]

from compare import differences, report, run_calls, stable, temporary, without_wording  # noqa: E402
from scenarios import World  # noqa: E402

SETTINGS = '[apply]\nmode = "auto"\n'
ASKING = SETTINGS + '[model]\nbackend = "anthropic"\n'


def unpacked(base: str, folder: Path) -> Path:
    """The base's folder: the one named, or the revision's files under `folder`."""
    if (Path(base) / "skillloop").is_dir():
        return Path(base).resolve()
    command = ["git", "-C", CHECKOUT, "archive", base]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{base!r} is neither a checkout nor a revision: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def sessions(folders: list[Path], root: Path) -> list[Path]:
    """The transcripts, and in `root` the two homes, "home" and "asking", with which they are digested."""
    if not folders:
        world = World.make(root)
        return [path for paths in world.sessions.values() for path in paths]
    for name, text in (("home", SETTINGS), ("asking", ASKING)):
        (root / name).mkdir(mode=0o700)
        (root / name / "config.toml").write_text(text)
    return [path.resolve() for folder in folders for path in sorted(folder.rglob("*.jsonl"))]


def compared(old: list[Any], new: list[Any], place: str, *, wording: bool) -> Iterator[tuple[str, Any, Any]]:
    """Where the answers about one session part."""
    old, new = stable(old), stable(new)
    if not wording:
        old, new = without_wording(old), without_wording(new)
    yield from differences(old, new, place)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", help="a checkout's folder, or a git revision")
    parser.add_argument("folders", nargs="*", type=Path, help="folders of transcripts")
    parser.add_argument("--wording", action="store_true", help="compare sentences for people too")
    parser.add_argument("--most", type=int, default=10, help="differences to print")
    options = parser.parse_args()
    diffs: list[tuple[str, Any, Any]] = []
    with temporary() as folder, temporary() as other:
        root = Path(folder).resolve()
        base = unpacked(options.base, Path(other))
        paths = sessions(options.folders, root)
        for home, how in (("home", "--dry-run"), ("asking", "--plan")):
            calls = [["--home", root / home, "digest", how, "--json", path] for path in paths]
            pairs = zip(paths, run_calls(calls, root, base), run_calls(calls, root, CHECKOUT), strict=True)
            for path, old, new in pairs:
                place = f"{path.name} {how}: "
                diffs += differences(old.code, new.code, place + "exit code")
                diffs += compared(old.values, new.values, place, wording=options.wording)
    if diffs:
        print(f"{len(diffs)} differences over {len(paths)} sessions")
        print(report(diffs, options.most))
        return 1
    print(f"equal: {len(paths)} sessions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
