"""`skillloop check`: check a hand-made change to a SKILL.md against your rules."""

from __future__ import annotations

import os
from pathlib import Path

import click

from skillloop import gate, render
from skillloop.commands.options import App, checks_as_objects, emit, json_option
from skillloop.errors import SkillloopError, UsageError
from skillloop.model import Outcome
from skillloop.pipeline import gather
from skillloop.skills import document


@click.command()
@click.argument("skill", type=click.Path(path_type=Path))
@click.option(
    "--against",
    "new",
    type=click.Path(path_type=Path),
    help="The changed text. [default: SKILL itself, checked as it stands]",
)
@json_option
@click.pass_obj
def command(app: App, skill: Path, new: Path | None, as_json: bool) -> int:
    """Check a hand-made change to a SKILL.md against your rules. Writes nothing.

    Compares SKILL with another text of it. Exits with 4 if a hard check fails, so that it can guard a repository.

    \b
    Example:
      git show main:research/SKILL.md > /tmp/old.md
      skillloop check /tmp/old.md --against research/SKILL.md
    """  # noqa: D301
    skill, path = _file(skill), _file(new or skill)
    rules = gather.rules_for(str(path), app.home)
    verdict = gate.compare(_text(skill), _text(path), rules)
    if as_json:
        emit({"path": str(path), "outcome": verdict.outcome.value, "checks": checks_as_objects(verdict)})
    else:
        app.console().print(render.verdict(verdict))
    if verdict.outcome is Outcome.CRASH:
        raise SkillloopError("a check failed with an internal error on these texts", "please report it")
    return 4 if verdict.outcome is Outcome.DISCARD else 0


def _file(path: Path) -> Path:
    path = Path(os.path.normpath(path.expanduser().absolute()))
    return path / "SKILL.md" if path.is_dir() else path


def _text(path: Path) -> str:
    """Read any file, wherever it lies: nothing is written."""
    try:
        return document.decode(path.read_bytes(), path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
