"""A skill with doubled and wordy rules, cases about them on both sides of the seal, and the verb on it."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import command_line
from helpers.models import sessions

from skillloop.evaluate.cases import Case, Expected, Message
from skillloop.skills import history
from skillloop.store import Store

SKILL = """---
name: commit
description: Write a commit message.
---

# Commit

## Style

- Remember to write the subject in the imperative mood, please.
- Keep the subject under 72 characters.
- Keep the subject line under 72 characters, whatever it says.
- Push to `main` only when asked.
- Wrap the body at 72 columns.

<!-- skillloop:lock -->
- Keep the signature line under 72 characters.
- Keep the signature under 72 characters.
<!-- /skillloop:lock -->
"""
CHOSEN = (
    Expected(rubric="Keep the subject under 72 characters."),
    Expected(contains=("main",)),
    Expected(rubric="Write the subject in the imperative mood."),
)
SEALED = (Expected(rubric="Wrap the body at 72 columns."), Expected(contains=("main",)))


@dataclass
class Desk:
    root: Path
    skill: Path
    env: dict

    def home(self, name="home"):
        """A home in which the skill has a history and cases."""
        home = self.root / name
        home.mkdir(mode=0o700)
        with Store.open(home) as store:
            history.record_external_edit(store, self.skill)
            kept = zip(sessions(3, hidden=False) + sessions(2, hidden=True), CHOSEN + SEALED, strict=True)
            for number, (session, expected) in enumerate(kept):
                case = Case(
                    f"c{number}", str(self.skill), session, (Message("human", "Commit it."),), "No.", expected
                )
                store.evaluations.save_case(case.id, case.skill, case.session_id, case)
        return home

    def run(self, home, *args):
        return command_line.run(["--home", str(home), "evolve", "commit", *args], self.env)

    def ledger(self, home):
        """The rows of the one run in a home."""
        (path,) = (home / "evolve").glob("*/ledger.jsonl")
        return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def desk(tmp_path):
    skill = tmp_path / ".claude" / "skills" / "commit" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text(SKILL)
    return Desk(
        tmp_path, skill, {**os.environ, "HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(tmp_path / ".claude")}
    )
