"""A skill that a team keeps in git: an edit as a commit or a branch of its own, and what others may know of it.

A branch is made of git's objects alone, on top of HEAD: the file, the index and what the person has checked out stay as they are. Of
the person's words nothing goes into a repository unless they chose so; what is read from one is what somebody wrote there, and
proves nothing.
"""

import json
import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from skillloop import fs
from skillloop.errors import SkillloopError, Stale
from skillloop.model import Proposal
from skillloop.skills import document
from skillloop.text.redact import redact

ON_BRANCH = "on the branch "
LARGEST = 20_000  # bytes of what is read of an edit that somebody else made
_LIMIT = 60  # seconds of one call


class Repository(NamedTuple):
    """The checkout that a file stands in."""

    root: Path
    file: str  # from the root

    def git(self, *arguments: str, data: bytes = b"", index: str = "") -> bytes:
        """Run git in it, never asking anybody; `index` stands in for its own. Raises SkillloopError: git says no, and why."""
        env = os.environ | {"GIT_TERMINAL_PROMPT": "0"} | ({"GIT_INDEX_FILE": index} if index else {})
        argv = ["git", "-C", str(self.root), *arguments]
        try:
            done = subprocess.run(argv, input=data, capture_output=True, env=env, timeout=_LIMIT, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SkillloopError(f"git {arguments[0]}: {error}") from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it failed"]
            raise SkillloopError(f"git {arguments[0]} in {self.root}: {said[-1]}")
        return done.stdout.strip(b"\n")

    def check_committed(self, text: str) -> None:
        """Raise Stale unless the last commit has this text of the file; an empty one stands for no file."""
        known = b""
        with suppress(SkillloopError):
            blob = self.git("rev-parse", "--verify", "--quiet", f"HEAD:{self.file}")
            known = self.git("cat-file", "--filters", f"--path={self.file}", blob.decode())
        if known.rstrip(b"\r\n") != text.encode().rstrip(b"\r\n"):
            raise Stale(f"{self.root / self.file} has uncommitted changes", "commit them first")


def repository(path: str | Path) -> Repository | None:
    """Return the checkout of a file, with links resolved; None where it is in none, or there is no git."""
    real = Path(os.path.realpath(path))
    folder = next((each for each in real.parents if each.is_dir()), real.parent)
    with suppress(SkillloopError):
        root = Path(os.fsdecode(Repository(folder, "").git("rev-parse", "--show-toplevel")))
        return Repository(root, str(real.relative_to(root)))
    return None


def branch_of(edit: Proposal) -> str:
    """Return the name of the branch for an edit."""
    return f"skillloop/{edit.skill}-{edit.id}"


def shared(edit: Proposal, where: Repository, share: str) -> dict[str, bytes]:
    """Return the file that tells the team of an edit, by its name from the root; {} where the person shares nothing."""
    folder = next((each for each in Path(where.file).parents if each.name == ".claude"), None)
    if share == "nothing" or folder is None:
        return {}
    by = b""
    with suppress(SkillloopError):
        by = where.git("config", "user.name")
    about = {
        "edit": edit.id,
        "file": where.file,
        "lines": [redact(each.new) for each in edit.edits if each.new],
        "by": by.decode("utf-8", "replace"),
        "at": max((item.timestamp or "" for item in edit.evidence), default=""),
        "quotes": _quotes(edit, share),
    }
    text = json.dumps(about, ensure_ascii=False, indent=1) + "\n"
    return {str(folder / "skillloop" / f"{edit.id}.json"): text.encode("utf-8", "replace")}


def _quotes(edit: Proposal, share: str) -> list[str]:
    return [redact(item.quote.strip()) for item in edit.evidence] if share == "quotes" else []


def _message(edit: Proposal, share: str) -> bytes:
    new = redact(edit.edits[0].new or edit.edits[0].old or "")
    item = document.ITEM.match(new)
    said = "".join(f"> {line}\n" for quote in _quotes(edit, share) for line in quote.splitlines())
    about = f"{edit.skill}: {item['text'] if item else new}\n\nLearned from a correction, by skillloop."
    return f"{about}\n{said}\nSkillloop-Edit: {edit.id}\n".encode()


def on_branch(edit: Proposal, where: Repository, new: str, share: str) -> str:
    """Make a branch with the new text of the file, and return its name. Raises SkillloopError: git says no."""
    name = branch_of(edit)
    with tempfile.TemporaryDirectory(prefix="skillloop-") as folder:
        index = str(Path(folder) / "index")
        head = where.git("rev-parse", "--verify", "HEAD").decode()
        where.git("read-tree", head, index=index)
        for file, data in {where.file: new.encode(), **shared(edit, where, share)}.items():
            blob = where.git("hash-object", "-w", "--stdin", f"--path={file}", data=data).decode()
            where.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{file}", index=index)
        tree = where.git("write-tree", index=index).decode()
    commit = where.git("commit-tree", tree, "-p", head, "-F", "-", data=_message(edit, share)).decode()
    where.git("update-ref", f"refs/heads/{name}", commit, "0" * len(commit))
    return name


def tell(edit: Proposal, where: Repository, share: str, *, commit: bool) -> None:
    """Write the file that tells the team of an edit; `commit` it and the edited file alone. Raises SkillloopError: git says no."""
    files = shared(edit, where, share)
    for name, data in files.items():
        folder = (where.root / name).parent
        if folder.is_symlink():
            raise SkillloopError(f"{folder} is a link, so nothing is written there")
        with fs.reaching(folder):
            folder.mkdir(exist_ok=True)
        fs.write_atomic(where.root / name, data)
    if commit:
        where.git("add", "--", where.file, *files)
        where.git("commit", "-q", "--only", "-F", "-", "--", where.file, *files, data=_message(edit, share))


def told(path: str | Path) -> dict[str, str]:
    """Return who taught the lines of a file, and with which words, as files in the repository say, by the line."""
    where, found = repository(path), dict[str, str]()
    folder = next((each for each in Path(path).parents if each.name == ".claude"), None)
    for file in sorted((folder / "skillloop").glob("*.json")) if where and folder else ():
        with suppress(OSError, ValueError, TypeError, KeyError):  # anybody may have written it
            about = json.loads(file.read_bytes()[:LARGEST])
            if where and about["file"] == where.file:
                quotes = ", ".join(f"“{quote}”" for quote in about["quotes"])
                said = f"{about['by'] or 'somebody'} said: {quotes}" if quotes else f"taught by {about['by']}"
                found |= dict.fromkeys(map(str, about["lines"]), f"{said} (says {file.name})")
    return found
