"""The candidates as git knows them: a repository of the run's own, one commit and one worktree a trial.

Every candidate is a commit on its parent, kept under `refs/trials/N` for good, the discarded ones too; `best` is the
branch of what was kept last. The repository takes no hooks, signatures or settings from its surroundings.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from skillloop.errors import SkillloopError

_QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "commit.gpgsign=false", "-c", "gc.auto=0")
_SETTINGS = {
    "GIT_AUTHOR_NAME": "skillloop",
    "GIT_AUTHOR_EMAIL": "skillloop@localhost",
    "GIT_COMMITTER_NAME": "skillloop",
    "GIT_COMMITTER_EMAIL": "skillloop@localhost",
    "GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z",  # the ledger has the times; equal content is an equal commit
    "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


class Repository:
    """The git repository of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not (path / "HEAD").exists():
            path.mkdir(parents=True, exist_ok=True)
            self.git("init", "-q", "--bare", "-b", "best", ".")

    def git(self, *args: str, cwd: Path | None = None, text: str | None = None, strip: bool = True) -> str:
        """Run git and return its output. Raises SkillloopError: git failed."""
        surroundings = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        done = subprocess.run(
            ["git", *_QUIET, *args],
            cwd=cwd or self.path,
            env={**surroundings, **_SETTINGS},
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
        if done.returncode:
            raise SkillloopError(f"git {args[0]} failed: {done.stderr.strip()}")
        return done.stdout.strip() if strip else done.stdout

    def commit(self, files: Mapping[str, str], message: str, parent: str | None, number: int) -> str:
        """Return the id of a commit that holds exactly these files; it stays reachable as refs/trials/NUMBER."""
        entries = []
        for name, content in sorted(files.items()):
            blob = self.git("hash-object", "-w", "--stdin", text=content)
            entries.append(f"100644 blob {blob}\t{name}")
        tree = self.git("mktree", text="\n".join(entries) + "\n")
        parents = ["-p", parent] if parent else []
        commit = self.git("commit-tree", tree, *parents, text=message)
        self.git("update-ref", f"refs/trials/{number}", commit)
        return commit

    def files(self, commit: str) -> dict[str, str]:
        """Return the files of a commit."""
        names = self.git("ls-tree", "--name-only", commit).splitlines()
        return {name: self.git("cat-file", "blob", f"{commit}:{name}", strip=False) for name in names}

    def check_out(self, commit: str, where: Path) -> None:
        """Make a fresh worktree of the commit."""
        self.remove(where)
        self.git("worktree", "add", "-q", "--detach", str(where.resolve()), commit)

    def remove(self, where: Path) -> None:
        """Drop a worktree; the commit stays."""
        shutil.rmtree(where, ignore_errors=True)
        self.git("worktree", "prune")

    def diff(self, commit: str) -> str:
        """Return what a candidate changed against its parent; "" for the baseline."""
        parents = self.git("rev-list", "--parents", "-n", "1", commit).split()[1:]
        return self.git("diff", parents[0], commit) if parents else ""
