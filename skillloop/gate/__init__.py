"""Judge a proposal: nothing that a person did not say reaches a skill, and what must never change never does.

Each check is a function `(proposal, inputs) -> Check | Iterable[Check]` in one ordered tuple. All of them run, so
that the person sees every reason. To add one, write such a function and put it into `CHECKS`, and into `OF_TEXT` if it
looks at the two texts alone. Invariants: a check opens nothing, it sees the proposal and a `GateInput`; a failed hard
check discards, a failed soft one defers to a person, and only when nothing failed the proposal may be kept; a check that
breaks never passes; a further check can only lower the outcome; no reason shows a credential.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from skillloop.config.sections import Config
from skillloop.gate import fidelity, placement, provenance, risk, sources, structure, unicode
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
    risk.secrets,
    sources.check,
    structure.protected,
    fidelity.check,
    placement.setting,
    placement.shown,
    placement.repeat,
    placement.contradiction,
    placement.near,
    placement.removal,
    risk.check,
    structure.size,
    structure.drift,
    structure.automatic,
)  # every check, cheap ones first
OF_TEXT: tuple[Gate, ...] = (
    structure.authority,
    unicode.check,
    risk.secrets,
    sources.check,
    structure.protected,
    risk.check,
    structure.size,
)  # those that look at the two texts alone, for `compare`


def judge(proposal: Proposal, inputs: GateInput, checks: Iterable[Gate] | None = None) -> Verdict:
    """Return the checks of a proposal, which is taken as hostile, all or those given, and what follows from them."""
    too_long = structure.overlong(inputs)
    if not too_long.passed:
        return Verdict(Outcome.DISCARD, (too_long,))
    found: list[Check] = []
    for check in CHECKS if checks is None else checks:
        try:
            said = check(proposal, inputs)
            each = [said] if isinstance(said, Check) else list(said)
            found += [one if one.passed else replace(one, detail=redact(one.detail)) for one in each]
        except Exception as error:  # noqa: BLE001  (a crash in a check must never pass)
            where = check.__module__.rpartition(".")[2]
            detail = redact(f"{where} broke: {type(error).__name__}: {error}")
            found.append(Check("crash", passed=False, detail=detail))
    failed = [one for one in found if not one.passed]
    hard = {one.name for one in failed if one.hard}
    if hard:
        return Verdict(Outcome.CRASH if hard == {"crash"} else Outcome.DISCARD, tuple(found))
    return Verdict(Outcome.DEFER if failed else Outcome.KEEP, tuple(found))


def compare(base: str, new: str, config: Config) -> Verdict:
    """Return what the constraints say of the change between any two texts of one SKILL.md, without evidence."""
    nobody = Proposal("", "", "", sha256(base), (), (), "", "by hand", "")
    return judge(nobody, GateInput(base, new, config), OF_TEXT)
