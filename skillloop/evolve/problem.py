"""The problem of a skill, for `search.loop`: candidates are its texts, values the share of its cases that fail.

One evaluation plays every case of the selection once. Whatever the gate refuses is recorded and costs no call.

Invariants: a row holds all that the candidate is, its text the first time, so that a killed run goes on as if it had not
been; no time and no money stand in a row; a candidate with which a case falls that passed before is not kept.
"""

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from skillloop.evaluate.cases import Case
from skillloop.evaluate.replay import Play
from skillloop.evolve.texts import Draft
from skillloop.model import Decision, Outcome, sha256
from skillloop.search import significance
from skillloop.search.ledger import Archive, Ledger, Row
from skillloop.search.loop import Search, Stage, Trial

METRIC = "loss"
PRIOR = 0.05  # what a change is expected to gain or lose, before it was tried
STEPS = (4, 8, 16)  # changes of a new text, at most, by lot
SWEEPS = 10  # of the coordinate descent
Propose = Callable[[str, str, Archive, str], Draft | None]
"""Makes a draft from a parent (id and text) by what the archive says; the key seeds what is drawn. None: nothing is left."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What one evaluation came to: whether each case passed, by its id. One that does not apply is left out."""

    passed: Mapping[str, bool] = field(default_factory=dict)
    refused: str = ""  # why it was not evaluated

    @property
    def loss(self) -> float | None:
        """The share of cases that fail; None where none was scored."""
        return 1 - sum(self.passed.values()) / len(self.passed) if self.passed else None


def name_of(text: str) -> str:
    """Return the id of a text as a candidate."""
    return sha256(text)[:12]


@dataclass
class Evolution:
    """The problem. `refuse` says why a draft may not be evaluated, or ""; `told` is called as plays end; `each` maps."""

    base: str
    cases: Sequence[Case]
    play: Play
    propose: Propose
    refuse: Callable[[Draft], str]
    ledger: Ledger
    told: Callable[[str, int], None] = lambda _what, _done: None
    each: Callable[..., Iterable[Any]] = map

    def __post_init__(self) -> None:
        self.baseline = name_of(self.base)
        self.drafts = {self.baseline: Draft(self.base, "baseline", "the skill as it is")}
        self.parents: dict[str, str | None] = {self.baseline: None}
        for row in self.ledger.trials:
            if row.get("text"):
                self.drafts[row["candidate"]] = Draft(
                    row["text"], row["operator"], row["what"], row["by"], tuple(map(tuple, row["changes"]))
                )
                self.parents[row["candidate"]] = row["parent"]
        self.begun = Counter(row["candidate"] for row in self.ledger.trials)

    def mutate(self, parent: str, archive: Archive) -> str | None:
        """Ask the operators for a text that was not tried yet."""
        draft = self.propose(parent, self.drafts[parent].text, archive, f"{parent}:{archive.number}")
        if draft is None:
            return None
        name = name_of(f"{draft.text}\0{archive.number}" if draft.refused else draft.text)
        self.drafts[name], self.parents[name] = draft, parent
        return name

    def evaluate(self, candidate: str, _stage: Stage) -> Callable[[], Scores]:
        """Begin to play every case once with the candidate's text, unless the gate refuses that."""
        draft, sample = self.drafts[candidate], self.begun[candidate]
        self.begun[candidate] += 1
        new = candidate != self.baseline and not sample
        if new and (refused := draft.refused or self.refuse(draft)):
            return lambda: Scores(refused=refused)

        def wait() -> Scores:
            passed: dict[str, bool] = {}
            marks = self.each(lambda case: self.play(case, draft.text, sample), self.cases)
            for done, (case, found) in enumerate(zip(self.cases, marks, strict=True), 1):
                self.told(draft.what, done)
                if found in ("meets", "fails"):
                    passed[case.id] = found == "meets"
            return Scores(passed)

        return wait

    def accept(self, archive: Archive, candidate: str, scores: Scores) -> Decision:
        """Keep what fails less beyond noise, or is as good and shorter, if no case is worse."""
        if scores.loss is None:
            return Decision(Outcome.DISCARD, scores.refused or "no case could be scored")
        size = len(self.drafts[candidate].text)
        decision = archive.decide(candidate, scores.loss, lambda best: size < len(self.drafts[best].text))
        if decision.outcome is Outcome.DEFER and archive.best and size >= len(self.drafts[archive.best].text):
            mean = statistics.fmean([*archive.runs.get(candidate, ()), scores.loss])
            margin = archive.noise.margin(significance.MOST, significance.REFRESH)
            if archive.mean(archive.best) - mean < margin:
                why = f"{decision.reason}; more runs could not show so small a gain"
                return Decision(Outcome.DISCARD, why)
        if decision.outcome is Outcome.KEEP and candidate != archive.best:
            now, before = tallies(archive.rows, candidate), tallies(archive.rows, self.baseline)
            for case, passed in scores.passed.items():  # did it mostly pass, and mostly fails now?
                (wins, runs), (held, of) = now.get(case, (0, 0)), before.get(case, (0, 0))
                if 2 * held > of and 2 * (wins + passed) < runs + 1:
                    return Decision(Outcome.DISCARD, f"{decision.reason}, but a case got worse: {case}")
        return decision

    def record(self, trial: Trial[Scores]) -> Row:
        """Return what the ledger keeps: how the candidate was made, which cases passed, and its text the first time."""
        draft, scores = self.drafts[trial.candidate], trial.result or Scores()
        seen = any(row["candidate"] == trial.candidate for row in self.ledger.trials)
        return {
            "parent": self.parents[trial.candidate],
            "operator": draft.operator,
            "what": draft.what,
            "by": draft.by,
            "changes": [list(change) for change in draft.changes],
            METRIC: scores.loss,
            "early": None,
            "passed": dict(scores.passed),
            "bytes": len(draft.text.encode()),
            "text": None if seen else draft.text,
        }

    def commit(self, trial: Trial[Scores]) -> None:
        """Nothing is to be done: the row is all there is."""


def tallies(rows: Sequence[Row], candidate: str) -> dict[str, tuple[int, int]]:
    """Return how often each case passed with a candidate, and of how many runs."""
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        if row["candidate"] == candidate and row[METRIC] is not None:
            for case, passed in row["passed"].items():
                wins, runs = found.get(case, (0, 0))
                found[case] = wins + passed, runs + 1
    return found


def changes(archive: Archive) -> dict[str, frozenset[str]]:
    """Return by candidate what was changed on the way from the baseline to it."""
    made: dict[str, frozenset[str]] = {str(archive.baseline): frozenset()}
    for row in archive.rows:
        if row["candidate"] not in made:
            made[row["candidate"]] = made[row["parent"]] | {what for _, what in row["changes"]}
    return made


def effects(archive: Archive) -> dict[str, tuple[float, float]]:
    """Estimate what each change gains, as mean and variance: ridge regression of the loss on the changes that lead to a text."""
    assert archive.baseline is not None
    made = changes(archive)
    base = archive.mean(archive.baseline)
    left = {name: base - archive.mean(name) for name in archive.runs}  # what is not explained
    every = dict.fromkeys(what for each in made.values() for what in sorted(each))
    within = {what: [name for name in left if what in made[name]] for what in every}
    noise = max(archive.noise.sigma, 0.01) ** 2 if archive.noise.freedom else 1.0
    found = dict.fromkeys(within, 0.0)
    weight = {what: sum(len(archive.runs[name]) for name in names) for what, names in within.items()}
    for _ in range(SWEEPS):
        for what, names in within.items():
            total = sum(len(archive.runs[name]) * (left[name] + found[what]) for name in names)
            new = total / (weight[what] + noise / PRIOR**2)
            for name in names:
                left[name] += found[what] - new
            found[what] = new
    return {what: (found[what], 1 / (1 / PRIOR**2 + weight[what] / noise)) for what in found}


def several(
    text: str,
    make: Callable[[str], Sequence[Draft]],
    archive: Archive,
    key: str,
    fits: Callable[[str], bool] = bool,
) -> Draft | None:
    """Return a draft of several changes, each of the highest gain as drawn (Thompson sampling); `fits` says whether to try more."""
    made, known = Draft(text, "", ""), effects(archive)

    def drawn(draft: Draft, step: int) -> float:
        mean, variance = known.get(draft.what, (0.0, PRIOR**2))
        return random.Random(f"{key}:{step}:{draft.what}").gauss(mean, math.sqrt(variance))

    for step in range(random.Random(key).choice(STEPS)):
        drafts = [each for each in make(made.text) if name_of(each.text) not in archive.known]
        one = max(drafts, key=lambda draft: drawn(draft, step), default=None)
        if one is None or (step and not fits(one.text)):
            break
        what = "; ".join(filter(None, (made.what, one.what)))
        made = replace(one, what=what, changes=(*made.changes, (one.operator, one.what)))
    return made if made.changes else None


def thompson(arms: Sequence[str], archive: Archive, key: str) -> str:
    """Draw the operator to try: that of the highest rate of texts better than their parents, each from its Beta posterior."""
    tried = [row for row in archive.last.values() if row["parent"]]

    def rate(arm: str) -> float:
        mine = [row for row in tried if row["operator"] == arm]
        better = sum(row["mean"] is not None and row["mean"] < archive.mean(row["parent"]) for row in mine)
        return random.Random(f"{key}:{arm}").betavariate(1 + better, 1 + len(mine) - better)

    return max(arms, key=rate)


def draw_promising(archive: Archive, key: str) -> str:
    """Draw a parent among all that were measured, by what its changes are estimated to gain together: one look is noise."""
    known, made = effects(archive), changes(archive)
    gains = {name: sum(known[what][0] for what in made[name]) for name in archive.runs}
    scale = max(0.02, archive.noise.sigma / 2) if archive.noise.freedom else PRIOR
    best = max(gains.values())
    weights = [math.exp((gain - best) / scale) for gain in gains.values()]
    return random.Random(key).choices(list(gains), weights)[0]


def search(problem: Evolution, trials: int, seed: int, ends: tuple[type[Exception], ...]) -> Search[Scores]:
    """Return the search over a problem."""
    return Search(problem, problem.ledger, trials, seed, draw=draw_promising, ends=ends)
