"""Build a proposal with its evidence and the gate's input, as the pipeline would, for tests of the gate."""

from dataclasses import replace

from skillloop import gate
from skillloop.config.sections import Apply, Config
from skillloop.errors import SkillloopError
from skillloop.model import Edit, Evidence, Origin, Proposal, Session, Turn, sha256
from skillloop.skillpath import Owner, SkillPath
from skillloop.skills import document

PATH = "/home/ann/.claude/skills/report/SKILL.md"

SKILL = """---
name: report
description: Write a weekly report.
---

# Report

## Steps

1. Collect the numbers.
2. Write the summary.

## Style

- Use tabs to align columns.
- Never print a customer's name.
- Put the unit in the header.

## Sources

- Cite the data warehouse first.
"""

AUTO = Config(apply=Apply(mode="auto"))


def insert(text, heading="Style", marker="- ", cites=("e1",)):
    return Edit("insert", heading, new=marker + text, evidence=cites)


def replaced(old, new, heading="Style", cites=("e1",)):
    return Edit("replace", heading, old, new, cites)


def deleted(old, heading="Style", cites=("e1",)):
    return Edit("delete", heading, old, evidence=cites)


def case(
    said, *edits, base=SKILL, origin=Origin.TYPED, quote=None, turn=None, text=None, received=True, **inputs
):
    """A proposal that rests on the message `said`, and what the gate gets beside it, in auto mode.

    `text` stands for what a hostile caller claims the edits lead to; `turn` changes fields of the message as the
    transcript holds it; `received` is what the hook saw of it.
    """
    heard = Turn(0, "human", said, 7, "u1", origin=origin)
    heard = replace(heard, **(turn or {}))
    evidence = Evidence("e1", "s1", "/t/s1.jsonl", 7, "u1", said if quote is None else quote, origin)
    proposal = Proposal("p1", "report", PATH, sha256(base), edits, (evidence,), "why", "offline", "s1")
    if text is None:
        try:
            text = document.apply(base, edits)
        except SkillloopError:
            text = base
    fields = {
        "config": AUTO,
        "target": SkillPath(PATH, PATH, Owner.PERSON),
        "session": Session("s1", "/t/s1.jsonl", (heard,)),
        "turns": {evidence: heard},
        "receipts": {heard: received},
    }
    return proposal, gate.GateInput(base=base, text=text, **{**fields, **inputs})


def judged(said, *edits, **inputs):
    return gate.judge(*case(said, *edits, **inputs))


def failed(check, said, *edits, **inputs):
    """The names of the failed findings of one check, the hard ones with a "!"."""
    found = check(*case(said, *edits, **inputs))
    found = [found] if hasattr(found, "name") else found
    return {one.name + "!" * one.hard for one in found if not one.passed}
