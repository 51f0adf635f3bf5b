"""`skillloop uninstall`: list what skillloop created on this machine, and remove exactly that.

Invariant: only what is named in `MADE` is removed, and only from the home. The person's own rules, exports that they
put there and every SKILL.md stay; a line that a skill learned belongs to the skill.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from pathlib import Path

import click

from skillloop.commands.options import App, require_person, say, tell, token_option, verb
from skillloop.errors import SkillloopError
from skillloop.fs import locked
from skillloop.model import sha256
from skillloop.render import tilde
from skillloop.text.words import counted

MADE = re.compile(
    r"inbox|log|env|backups|bin|receipts|remembered|rules|tokens|vouched"  # folders; the last one as earlier versions named it
    r"|skillloop\.db(?:\.(?:replaced|damaged)-\d+)?(?:-journal)?"
    r"|key|head|receipts\.key|seen\.json|notice\.json(?:\.new)?|noticed(?:\.new)?|report\.html"
    r"|(?:history|worker)\.lock"
    r"|\.(?:key|head|seen\.json|notice\.json|report\.html|skillloop\.db\.new)\.\d+\.tmp"  # what a crash left half written
    r"|\.skillloop\.db\.new(?:-journal)?|\.look-\w+"
)
"""Names in the home that skillloop creates. A test fails when a verb creates one that is not here."""


@verb(
    click.option("--purge", is_flag=True, help="Remove it, after a person has seen the list and agreed."),
    token_option,
)
def command(app: App, purge: bool, token: str | None, as_json: bool) -> int:
    """List what skillloop created; with --purge, remove that and nothing else.

    Writes nothing without --purge. Every skill stays as it is, with the lines that it learned, and so do your rules
    (config.toml) and all other files of yours. The versions go with the history: `skillloop export` keeps them. Claude
    Code removes the plugin itself (`claude plugin uninstall skillloop@skillloop`) and leaves all of this in place.

    \b
    Examples:
      skillloop uninstall
      skillloop uninstall --purge
    """  # noqa: D301
    paths = sorted(app.home.iterdir()) if app.home.is_dir() else []
    made = {path: _size(path) for path in paths if MADE.fullmatch(path.name)}
    kept = [path for path in paths if path not in made]
    sizes = [{"path": str(path), "files": files, "bytes": size} for path, (files, size) in made.items()]
    lines = [
        f"  {tilde(path)}  ({counted(files, 'file')}, {size:,} bytes)" for path, (files, size) in made.items()
    ]
    lines.insert(0, "created by skillloop:" if made else f"skillloop created nothing in {tilde(app.home)}")
    lines += [f"kept, because it is yours: {tilde(path)}" for path in kept]
    lines.append(
        "every SKILL.md stays as it is; `claude plugin uninstall skillloop@skillloop` removes the plugin"
    )
    if made and not purge:
        lines.append("nothing was removed; `skillloop uninstall --purge` does")
    if not as_json:
        say("\n".join(lines))
    if purge and made:
        require_person(app, "uninstall", sha256(str(app.home)), token)
        _remove(app.home, made)
    told = {"home": str(app.home), "made": sizes, "kept": list(map(str, kept)), "removed": purge}
    tell(told, *["removed"] * bool(purge and made), as_json=as_json)
    return 0


def _size(path: Path) -> tuple[int, int]:
    """Return the number of files and of bytes in a file or folder."""
    if path.is_symlink() or not path.is_dir():
        return 1, path.lstat().st_size
    sizes = []
    for folder, folders, files in os.walk(path):  # many times faster than pathlib over an environment
        inside = (os.path.join(folder, name) for name in (*files, *folders))  # noqa: PTH118
        sizes += [state.st_size for state in map(os.lstat, inside) if not stat.S_ISDIR(state.st_mode)]
    return len(sizes), sum(sizes)


def _remove(home: Path, made: dict[Path, tuple[int, int]]) -> None:
    """Remove these, and the home if it is empty then, while no worker runs and no skill is being changed.

    Raises Locked: one of them took longer than we wait; SkillloopError: something could not be removed.
    """
    with locked(home / "worker.lock", wait=5.0), locked(home / "history.lock", wait=5.0):
        for path in [*made, home / "worker.lock", home / "history.lock"]:
            say(f"removing {tilde(path)}", err=True)
            try:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
            except OSError as error:
                raise SkillloopError(f"{path}: {error.strerror}", "remove it by hand") from error
    if not any(home.iterdir()):
        home.rmdir()
