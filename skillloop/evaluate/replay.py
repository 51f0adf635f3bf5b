"""Replaying cases with the old and with the new text of a skill: does the edit really help?

An edit is accepted only if its own case goes from failing to passing beyond luck, and no other case of the skill that passed
fails now, each for itself. Cases held out are looked at last, once, and each look is counted. Whatever could not be measured
is *unscored*: a person decides. Invariants: a replay sees the skill and the situation and never a check; both texts are run
with the same samples.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from skillloop import llm
from skillloop.config.sections import Model
from skillloop.evaluate import cases, judge
from skillloop.evaluate.cases import Case
from skillloop.model import Check, Proposal
from skillloop.store import Store
from skillloop.text import redact

Play = Callable[[Case, str, int], judge.Mark | None]
"""Tells what one run of a case with one text came to; None is unscored. The number tells the runs apart."""
ALPHA = 0.05  # chance that is taken of calling luck a gain
MOST = 10  # other cases, and as many held-out ones, that are replayed for one edit: the newest
LOOKS = 20  # looks at the held-out cases of a skill after which they prove little
SCHEMA = llm.schema(answer={"type": "string"}, commands={"type": "array", "items": {"type": "string"}})


class Runs(NamedTuple):
    """Which runs of one case passed, the same ones with the old and with the new text; those to which it applied."""

    old: tuple[bool, ...]
    new: tuple[bool, ...]

    @property
    def wins(self) -> int:
        """Count the runs that failed with the old text and pass with the new one."""
        return sum(b > a for a, b in zip(self.old, self.new, strict=True))

    @property
    def losses(self) -> int:
        """Count the runs that passed with the old text and fail with the new one."""
        return sum(a > b for a, b in zip(self.old, self.new, strict=True))

    @property
    def beyond_luck(self) -> bool:
        """Whether more of them win than lose, beyond luck."""
        return sign_test(self.wins, self.losses) <= ALPHA

    @property
    def shares(self) -> tuple[float, float]:
        """The share of runs that pass, with the old and with the new text."""
        return sum(self.old) / max(1, len(self.old)), sum(self.new) / max(1, len(self.new))

    def __str__(self) -> str:
        return f"{sum(self.old)} → {sum(self.new)} of {len(self.new)} runs pass"


def pooled(found: Iterable[Runs | None]) -> Runs:
    """Return the runs of several cases together; None is left out."""
    runs = [each for each in found if each]
    return Runs(*(tuple(run for each in runs for run in getattr(each, side)) for side in ("old", "new")))


def _mostly(runs: Sequence[bool]) -> bool:
    return 2 * sum(runs) > len(runs)


class ProposedChange(NamedTuple):
    """An edit to prove: its own case, the other cases of its skill, and the two texts."""

    proposal: Proposal
    own: Case | None
    everything: tuple[Case, ...]
    old: str
    new: str
    n: int = 8
    attempt: int = 1  # edits judged for this lesson so far, this one included: each gives luck another chance


def player(client: llm.ModelClient, models: Model, *, with_judge: bool) -> Play:
    """Return how a case is run by a model. Without a judge, a case that needs one is unscored."""

    def play(case: Case, text: str, sample: int) -> judge.Mark | None:
        if not case.expected.by_code and not with_judge:
            return None
        value = client.complete(request(case, text, models.cheap, sample, models.runs)).value
        if value is None:
            return None
        commands = tuple(value["commands"])
        if case.expected.by_code:
            return "meets" if case.expected.met(value["answer"], commands) else "fails"
        return judge.meets(client, case, value["answer"], commands, models.careful)

    return play


def request(case: Case, text: str, model: str, sample: int, samples: int = 1) -> llm.Request:
    """Return what is sent for one of so many runs: the skill and the situation, and nothing of what is expected."""
    speakers = {"human": "person", "assistant": "assistant"}
    conversation = [{"by": speakers[turn.role], "text": turn.text} for turn in case.situation]
    data, shared = {"conversation": conversation}, {"skill": redact.redact(text)}
    prompt = llm.prompt("replay.v1")
    return llm.Request("replay", model, prompt, data, SCHEMA, sample=sample, samples=samples, shared=shared)


def prove(play: Play, change: ProposedChange, store: Store | None = None) -> Iterator[Check]:
    """Yield the checks that replays give, cheap ones first, while they can change anything. Raises BudgetExceeded, ModelError."""
    if change.own is None:
        yield unscored("no case can be made of this lesson")
        return
    alpha = ALPHA / change.attempt
    if change.n < (least := least_runs(alpha)):
        yield unscored(f"{change.n} runs of a case can never tell a gain from luck: {least} are needed")
        return
    own = runs(play, change.own, change.old, change.new, change.n, alpha)
    if own is None:
        yield unscored("its own case could not be scored")
        return
    yield (gained := gain(own, alpha))
    if not gained.passed:
        return
    chosen, hidden = cases.split(list(change.everything), change.own)
    if not hidden:
        yield unscored("no case of another session is held out yet")
    yield from _others("cases", play, change, chosen)
    if hidden:
        item = change.proposal
        looks = 0 if store is None else store.evaluations.read_held_out(item.path, item.id)
        yield from _others("held-out cases", play, change, hidden)
        if looks > LOOKS:
            yield unscored(f"the held-out cases were looked at {looks} times, so they prove little by now")


def runs(play: Play, case: Case, old: str, new: str, n: int, alpha: float = 1, first: int = 0) -> Runs | None:
    """Run a case `n` times with each text, in samples from `first` on; None when one run could not be scored.

    It stops early where wins in all runs to come could not make the chance of luck fall to `alpha` any more.
    """
    done = Runs((), ())
    for sample in range(n):
        before, after = (play(case, text, first + sample) for text in (old, new))
        if before is None or after is None:
            return None
        if "does not apply" not in (before, after):
            done = Runs((*done.old, before == "meets"), (*done.new, after == "meets"))
        if sign_test(done.wins + n - sample - 1, done.losses) > alpha:
            break
    return done


def unscored(why: str) -> Check:
    """Return a soft check that failed for want of a measurement: a person decides."""
    return Check("cases", passed=False, hard=False, detail=f"unscored: {why}")


def gain(own: Runs, alpha: float = ALPHA) -> Check:
    """Check that an edit's own case flips, and beyond luck."""
    chance = sign_test(own.wins, own.losses)
    passed = not _mostly(own.old) and _mostly(own.new) and chance <= alpha
    why = f"its own case: {own}, chance {chance:.3f}"
    detail = why if passed else f"{why}: no gain beyond luck"
    return Check("own case", passed=passed, hard=False, detail=detail)


def _others(name: str, play: Play, change: ProposedChange, wanted: Sequence[Case]) -> Iterator[Check]:
    """Check that no other case gets worse, one by one. Beyond luck it discards; else a person looks."""
    for case in wanted[-MOST:]:
        result = runs(play, case, change.old, change.new, change.n)
        fell = result and _mostly(result.old) and not _mostly(result.new)
        if result is None:
            yield unscored(f"case {case.id} could not be scored")
        elif fell or result.losses > result.wins:
            beyond_luck = bool(fell) and sign_test(result.losses, result.wins) <= ALPHA
            yield Check(name, passed=False, hard=beyond_luck, detail=f"case {case.id} gets worse: {result}")
        else:
            yield Check(name, passed=True, hard=False, detail=f"case {case.id}: {result}")


def sign_test(wins: int, losses: int) -> float:
    """Return the chance of at least so many wins among wins + losses fair tosses (exact, one-sided; ties do not count)."""
    tosses = wins + losses
    ways = sum(math.comb(tosses, k) for k in range(wins, tosses + 1))
    return ways / float(2**tosses)


def least_runs(alpha: float = ALPHA) -> int:
    """Return the number of runs below which not even a win in each of them would be more than luck."""
    return math.ceil(math.log2(1 / alpha))
