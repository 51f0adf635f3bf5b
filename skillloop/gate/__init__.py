"""Judge a proposal: nothing that a person did not say reaches a skill, and what must never change never does.

Each check is a function `(proposal, inputs) -> Check | Iterable[Check]` in one ordered tuple. All of them run, so
that the person sees every reason. To add one, write such a function and put it into `CHECKS`, and into `OF_TEXT` if it
looks at the two texts alone. Invariants: a check opens nothing, it sees the proposal and a `GateInput`; a failed hard
check discards, a failed soft one defers to a person, and only when nothing failed the proposal may be kept; a check that
breaks never passes; an opinion (a model's) can only lower the outcome; no reason shows a credential.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from skillloop.config import Config
from skillloop.gate import (
    edit_limits,
    fidelity,
    placement,
    provenance,
    risk,
    secrets,
    sources,
    structure,
    unicode,
)
from skillloop.gate.input import GateInput
from skillloop.model import Check, Outcome, Proposal, Verdict, sha256
from skillloop.text.redact import redact

__all__ = ["CHECKS", "Gate", "GateInput", "compare", "judge"]

Gate = Callable[[Proposal, GateInput], Check | Iterable[Check]]

CHECKS: tuple[Gate, ...] = (
    structure.place,
    provenance.check,
    structure.edits,
    structure.authority,
    unicode.check,
    secrets.check,
    sources.check,
    structure.protected,
    fidelity.check,
    placement.setting,
    placement.shown,
    placement.repeat,
    placement.contradiction,
    placement.removal,
    risk.check,
    edit_limits.size,
    edit_limits.drift,
    edit_limits.automatic,
)
"""Every check, cheap ones first."""

OF_TEXT: tuple[Gate, ...] = (
    structure.authority,
    unicode.check,
    secrets.check,
    sources.check,
    structure.protected,
    risk.check,
    edit_limits.size,
)
"""Those that look at the two texts alone, for `compare`."""


def judge(proposal: Proposal, inputs: GateInput, opinion: Gate | None = None) -> Verdict:
    """Return all checks of one proposal, and what follows from them.

    Args:
        proposal: The edits with their evidence. Taken as hostile.
        inputs: What is known without the drafter.
        opinion: A further voice, such as a model's. It can only demote.
    """
    return _verdict(CHECKS if opinion is None else (*CHECKS, opinion), proposal, inputs)


def compare(base: str, new: str, config: Config) -> Verdict:
    """Return what the constraints say of the change between any two texts of one SKILL.md, without evidence."""
    nobody = Proposal("", "", "", sha256(base), (), (), "", "by hand", "")
    return _verdict(OF_TEXT, nobody, GateInput(base, new, config))


def _verdict(gates: Iterable[Gate], proposal: Proposal, inputs: GateInput) -> Verdict:
    too_long = structure.overlong(inputs)
    if not too_long.passed:
        return Verdict(Outcome.DISCARD, (too_long,))
    checks = tuple(found for gate in gates for found in _run(gate, proposal, inputs))
    failed = [check for check in checks if not check.passed]
    hard = [check for check in failed if check.hard]
    if hard:
        crashed = all(check.name == "crash" for check in hard)
        return Verdict(Outcome.CRASH if crashed else Outcome.DISCARD, checks)
    return Verdict(Outcome.DEFER if failed else Outcome.KEEP, checks)


def _run(check: Gate, proposal: Proposal, inputs: GateInput) -> list[Check]:
    """Return the findings of one check, credentials taken out; whatever it raises is a failed hard check named "crash"."""
    try:
        found = check(proposal, inputs)
        checks = [found] if isinstance(found, Check) else list(found)
        return [one if one.passed else replace(one, detail=redact(one.detail)) for one in checks]
    except Exception as error:  # noqa: BLE001  (a crash in a check must never pass)
        where = check.__module__.rpartition(".")[2]
        detail = redact(f"{where} broke: {type(error).__name__}: {error}")
        return [Check("crash", passed=False, detail=detail)]
