"""The problem of a skill, for `search.loop`: candidates are its texts, values the share of its cases that fail.

One evaluation plays every case of the selection once, cheap ones first, and ends early where those come to more than the
baseline's first stages allow; each further one is another sample. Whatever the gate refuses is recorded and costs no call.

Invariants: a row holds all that the candidate is, its text the first time, so that a killed run goes on as if it had not
been; no time and no money stand in a row; a candidate with which a case falls that passed before is not kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from skillloop.evaluate.cases import Case
from skillloop.evaluate.replay import Play
from skillloop.evolve.texts import Draft
from skillloop.model import Decision, Outcome, sha256
from skillloop.search import significance
from skillloop.search.ledger import Archive, Ledger, Row, draw_parent
from skillloop.search.loop import Search, Stage, Trial

METRIC = "loss"

Propose = Callable[[str, str, Archive, str], Draft | None]
"""Makes a draft from a parent (id and text) by what the archive says; the key seeds what is drawn. None: nothing is left."""

Submit = Callable[[Play, Case, str, int], Callable[[], str | None]]
"""Begins one play of a case, here or elsewhere; the function returned waits for its mark."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What one evaluation came to: whether each case passed, by its id. One that does not apply is left out."""

    passed: Mapping[str, bool] = field(default_factory=dict)
    early: float | None = None  # the loss after the first stage
    refused: str = ""  # why it was not evaluated, or not to its end

    @property
    def loss(self) -> float | None:
        """The share of cases that fail; None where it was not measured in full."""
        return _loss(self.passed) if self.passed and not self.refused else None


def _loss(passed: Mapping[str, bool]) -> float:
    return 1 - sum(passed.values()) / len(passed)


def name_of(text: str) -> str:
    """Return the id of a text as a candidate."""
    return sha256(text)[:12]


class Evolution:
    """The problem. `refuse` says why a draft may not be evaluated, or ""; `told` is called before each play."""

    def __init__(
        self,
        base: str,
        cases: Sequence[Case],
        play: Play,
        propose: Propose,
        refuse: Callable[[Draft], str],
        ledger: Ledger,
        submit: Submit = partial,
        told: Callable[[str, int], None] = lambda _what, _done: None,
    ) -> None:
        self.cases = sorted(
            cases, key=lambda case: (not case.expected.by_code, sha256(case.id))
        )  # cheap first
        self.play, self.propose, self.refuse, self.submit, self.told = play, propose, refuse, submit, told
        self.ledger, self.baseline = ledger, name_of(base)
        self.drafts = {self.baseline: Draft(base, "baseline", "the skill as it is")}
        self.parents: dict[str, str | None] = {self.baseline: None}
        for row in ledger.trials:
            if row.get("text"):
                self.drafts[row["candidate"]] = Draft(
                    row["text"], row["operator"], row["what"], row["by"], tuple(row["arm"])
                )
                self.parents[row["candidate"]] = row["parent"]
        self.begun = Counter(row["candidate"] for row in ledger.trials)

    def mutate(self, parent: str, archive: Archive) -> str | None:
        """Ask the operators for a text that was not tried yet."""
        draft = self.propose(parent, self.drafts[parent].text, archive, f"{parent}:{archive.number}")
        if draft is None:
            return None
        name = name_of(f"{draft.text}\0{archive.number}" if draft.refused else draft.text)
        self.drafts[name], self.parents[name] = draft, parent
        return name

    def evaluate(self, candidate: str, stage: Stage) -> Callable[[], Scores]:
        """Begin to play every case once with the candidate's text, unless the gate refuses that."""
        draft, sample = self.drafts[candidate], self.begun[candidate]
        self.begun[candidate] += 1
        new = candidate != self.baseline and not sample
        if new and (refused := draft.refused or self.refuse(draft)):
            return lambda: Scores(refused=refused)
        size = -(-len(self.cases) // 3)
        first = [self.submit(self.play, case, draft.text, sample) for case in self.cases[:size]]

        def wait() -> Scores:
            passed: dict[str, bool] = {}
            early, waits, at = None, first, 0
            while at < len(self.cases):
                for mark in waits:
                    self.told(draft.what, at)
                    if (found := mark()) in ("meets", "fails"):
                        passed[self.cases[at].id] = found == "meets"
                    at += 1
                if early is None and passed:
                    early = _loss(passed)
                    if stage.limit is not None and early > stage.limit and candidate != self.baseline:
                        return Scores(passed, early, f"its first {len(passed)} cases already fail too often")
                waits = [self.submit(self.play, case, draft.text, sample) for case in self.cases[at:]]
            return Scores(passed, early)

        return wait

    def accept(self, archive: Archive, candidate: str, scores: Scores) -> Decision:
        """Keep what fails less beyond noise, or is as good and shorter, if no case is worse."""
        if scores.loss is None:
            return Decision(Outcome.DISCARD, scores.refused or "no case could be scored")
        size = len(self.drafts[candidate].text)
        decision = archive.decide(candidate, scores.loss, lambda best: size < len(self.drafts[best].text))
        fallen = self._fallen(archive, candidate, scores)
        if decision.outcome is Outcome.KEEP and candidate != archive.best and fallen:
            return Decision(Outcome.DISCARD, f"{decision.reason}, but a case got worse: {fallen}")
        return decision

    def _fallen(self, archive: Archive, candidate: str, scores: Scores) -> str:
        """Return the id of a case that mostly passed with the baseline and mostly fails now, or ""."""
        now, before = tallies(archive.rows, candidate), tallies(archive.rows, self.baseline)
        for case, passed in scores.passed.items():
            wins, runs = (a + b for a, b in zip(now.get(case, (0, 0)), (int(passed), 1), strict=True))
            held, of = before.get(case, (0, 0))
            if 2 * held > of and 2 * wins < runs:
                return case
        return ""

    def record(self, trial: Trial[Scores]) -> Row:
        """Return what the ledger keeps: how the candidate was made, which cases passed, and its text the first time."""
        draft, scores = self.drafts[trial.candidate], trial.result or Scores()
        seen = any(row["candidate"] == trial.candidate for row in self.ledger.trials)
        return {
            "parent": self.parents[trial.candidate],
            "operator": draft.operator,
            "what": draft.what,
            "by": draft.by,
            "arm": list(draft.arm),
            METRIC: scores.loss,
            "early": scores.early,
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


def draw_measured(archive: Archive, key: str) -> str:
    """Draw a parent among all that were measured, the discarded ones too: what is good enough may lead on."""
    return draw_parent(archive, key, list(archive.runs))


def search(
    problem: Evolution, trials: int, seed: int, slots: int, ends: tuple[type[Exception], ...]
) -> Search[Scores]:
    """Return the search over a problem."""
    return Search(
        problem,
        problem.ledger,
        problem.accept,
        trials,
        seed=seed,
        slots=slots,
        draw=draw_measured,
        ends=ends,
        baseline_runs=significance.BASELINE,
        best_runs=significance.REFRESH,
    )
