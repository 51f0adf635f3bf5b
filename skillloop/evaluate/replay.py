"""Replaying cases with the old and with the new text of a skill: does the edit really help?

An edit is accepted only if its own case goes from failing to passing beyond luck, and no other case of the skill that
passed fails now, each for itself and not on average. Cases held out are looked at last, once, and each look is counted.
Whatever could not be measured is *unscored*: a person decides, nothing stands in for the missing number.

Invariants: a replay sees the skill and the situation and never a check; both texts are run with the same samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from skillloop import llm
from skillloop.evaluate import cases, stats
from skillloop.evaluate import judge as judging
from skillloop.evaluate.cases import Case
from skillloop.llm import Door
from skillloop.model import Check, Proposal
from skillloop.store import Store
from skillloop.text import redact

Play = Callable[[Case, str, int], bool | None]
"""Whether one run of a case with one text passed; None is unscored. The number tells the runs apart."""

MOST = 10
"""Other cases, and held-out cases, that are replayed for one edit: the newest."""

LOOKS = 20
"""Looks at the held-out cases of a skill after which they prove little."""

SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "commands": {"type": "array", "items": {"type": "string"}}},
    "required": ["answer", "commands"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Runs:
    """How one case went: the same runs with the old and with the new text."""

    case: Case
    old: tuple[bool, ...]
    new: tuple[bool, ...]

    @property
    def wins(self) -> int:
        """Runs that failed with the old text and pass with the new one."""
        return sum(b > a for a, b in zip(self.old, self.new, strict=True))

    @property
    def losses(self) -> int:
        """Runs that passed with the old text and fail with the new one."""
        return sum(a > b for a, b in zip(self.old, self.new, strict=True))

    @property
    def flips(self) -> bool:
        """From mostly failing to mostly passing."""
        return not _mostly(self.old) and _mostly(self.new)

    @property
    def falls(self) -> bool:
        """From mostly passing to not."""
        return _mostly(self.old) and not _mostly(self.new)

    def __str__(self) -> str:
        return f"{sum(self.old)} → {sum(self.new)} of {len(self.new)} runs pass"


def _mostly(runs: Sequence[bool]) -> bool:
    return 2 * sum(runs) > len(runs)


def player(door: Door, cheap: str, careful: str, samples: int, *, judge: bool) -> Play:
    """How a case is run by a model. Without a judge, a case that needs one is unscored."""

    def play(case: Case, text: str, sample: int) -> bool | None:
        if not case.expected.by_code and not judge:
            return None
        value = door.complete(request(case, text, cheap, sample, samples)).value
        if value is None:
            return None
        commands = tuple(value["commands"])
        if case.expected.by_code:
            return case.expected.met(value["answer"], commands)
        return judging.meets(door, case, value["answer"], commands, careful)

    return play


def request(case: Case, text: str, model: str, sample: int, samples: int = 1) -> llm.Request:
    """What is sent for one of so many runs: the skill and the situation, and nothing of what is expected."""
    said = [
        {"by": "person" if turn.role == "human" else "assistant", "text": turn.text}
        for turn in case.situation
    ]
    data, shared = {"conversation": said}, {"skill": redact.redact(text)}
    prompt = llm.prompt("replay.v1")
    return llm.Request("replay", model, prompt, data, SCHEMA, sample=sample, samples=samples, shared=shared)


def runs(play: Play, case: Case, old: str, new: str, n: int) -> Runs | None:
    """Run a case `n` times with each text; None when one run could not be scored."""
    results: list[tuple[bool, bool]] = []
    for sample in range(n):
        before, after = play(case, old, sample), play(case, new, sample)
        if before is None or after is None:
            return None
        results.append((before, after))
    return Runs(case, tuple(a for a, _ in results), tuple(b for _, b in results))


@dataclass(frozen=True, slots=True)
class Trial:
    """An edit to prove: its own case, the other cases of its skill, and the two texts."""

    proposal: Proposal
    own: Case | None
    everything: tuple[Case, ...]
    old: str
    new: str
    n: int = 8
    tried: int = (
        1  # edits tried for this lesson so far, this one included: with each, luck gets another chance
    )


def prove(play: Play, trial: Trial, store: Store | None = None) -> Iterator[Check]:
    """The checks that replaying gives, cheap ones first; it stops where the rest could change nothing.

    Raises:
        Spent, Failed: see `Door.complete`.
    """
    if trial.own is None:
        yield unscored("this lesson makes no case")
        return
    alpha = stats.ALPHA / trial.tried
    if trial.n < stats.least_runs(alpha):
        least = stats.least_runs(alpha)
        yield unscored(f"{trial.n} runs of a case can never tell a gain from luck; {least} are the least")
        return
    own = runs(play, trial.own, trial.old, trial.new, trial.n)
    if own is None:
        yield unscored("its own case could not be scored")
        return
    yield (gained := gain(own, alpha))
    if not gained.passed:
        return
    chosen, hidden = cases.split(list(trial.everything), trial.own)
    if not hidden:
        yield unscored("no case of another session is held out yet")
    yield from _others("cases", play, trial, chosen)
    if hidden:
        if store is not None:
            store.evaluations.read_held_out(trial.proposal.path, trial.proposal.id)
        yield from _others("held-out cases", play, trial, hidden)
        looks = 0 if store is None else store.evaluations.held_out_reads(trial.proposal.path)
        if looks > LOOKS:
            yield unscored(f"the held-out cases were looked at {looks} times, so they prove little by now")


def unscored(why: str) -> Check:
    """A soft check that failed for want of a measurement: a person decides."""
    return Check("cases", passed=False, hard=False, detail=f"unscored: {why}")


def gain(own: Runs, alpha: float = stats.ALPHA) -> Check:
    """Whether an edit's own case flips, and beyond luck."""
    chance = stats.sign_test(own.wins, own.losses)
    passed = own.flips and chance <= alpha
    why = f"its own case: {own}, chance {chance:.3f}"
    return Check(
        "own case", passed=passed, hard=False, detail=why if passed else f"{why}: no gain beyond luck"
    )


def _others(name: str, play: Play, trial: Trial, wanted: Sequence[Case]) -> Iterator[Check]:
    """Whether any other case gets worse, one by one. Beyond luck it discards; else a person looks."""
    for case in wanted[-MOST:]:
        found = runs(play, case, trial.old, trial.new, trial.n)
        if found is None:
            yield unscored(f"case {case.id} could not be scored")
        elif found.falls or found.losses > found.wins:
            chance = stats.sign_test(found.losses, found.wins)
            beyond = found.falls and chance <= stats.ALPHA
            yield Check(name, passed=False, hard=beyond, detail=f"case {case.id} gets worse: {found}")
        else:
            yield Check(name, passed=True, hard=False, detail=f"case {case.id}: {found}")
