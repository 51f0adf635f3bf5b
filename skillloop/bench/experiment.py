"""The experiment: one metric, one editable train.py, a time budget. A problem of `skillloop.search.loop`.

Candidates are versions of train.py, each a commit; values are bits per byte on the selection split. Each trial is one
measurement. A candidate inside the noise is deferred: it is measured again, after a fresh measurement of the best beside
it, until the pooled runs decide (`search.significance`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from skillloop.bench.candidate import EDITABLE, Candidate, Job, Measurement
from skillloop.bench.executors import Executor
from skillloop.bench.proposers import Proposer
from skillloop.bench.setup import Run
from skillloop.bench.source import lines, same_but_for_seeds
from skillloop.errors import SkillloopError
from skillloop.model import Decision, Outcome
from skillloop.search import significance
from skillloop.search.ledger import Archive, Row
from skillloop.search.loop import Search, Stage, Trial
from skillloop.store.database import now

ONLY_A_SEED = "Rejected: only the random seed differs from the parent"
COLUMNS = ("commit", "val_bpb", "memory_gb", "status", "description")  # of autoresearch's results.tsv
STATUSES = ("keep", "discard", "crash")  # likewise
MISSING = re.compile(
    r"\W*(n/?a|nan|null|none|[\d.#-]*q?nan|[\d.#-]*ind)?\W*", re.IGNORECASE
)  # to pandas, as a cell
_SPEED = ("tokens_per_second", "mfu_percent", "loader_stall_percent", "num_steps", "num_params_M")


def run(opened: Run, proposer: Proposer, executor: Executor, trials: int | None = None) -> Iterator[Row]:
    """Yield the row of each trial as it is decided, until `trials` candidates beside the baseline were tried.

    Raises SkillloopError: the baseline could not be measured.
    """
    problem = Experiment(opened, proposer, executor)
    yield from Search(
        problem,
        opened.ledger,
        problem.accept,
        trials,
        seed=opened.plan.seed,
        slots=executor.slots,
        baseline_runs=significance.BASELINE,
        best_runs=significance.REFRESH,
    ).run()
    if opened.ledger.archive().best is None:
        row = opened.ledger.trials[-1]
        raise SkillloopError(
            f"the baseline could not be measured: {row['status']}: {row['reason']}",
            f"its output is in {opened.folder.trial(row['number']) / 'log.txt'}",
        )


class Experiment:
    """The problem over an open run."""

    def __init__(self, opened: Run, proposer: Proposer, executor: Executor) -> None:
        self.folder, self.plan, self.ledger = opened.folder, opened.plan, opened.ledger
        self.repository, self.proposer, self.executor = opened.repository, proposer, executor
        self.baseline = opened.baseline.id
        self.candidates = {self.baseline: opened.baseline}
        self.commits: dict[int, str] = {}  # of the trials under way, by number

    def mutate(self, parent: str, archive: Archive) -> str | None:
        """Ask the proposer."""
        key = f"{self.plan.seed}:{archive.number}"
        made = self.proposer(parent, archive, lambda name: self.candidate(name).files, key)
        if made is None:
            return None
        self.candidates[made.id] = made
        return made.id

    def evaluate(self, candidate: str, stage: Stage) -> Callable[[], Measurement]:
        """Commit the candidate and begin to measure it, unless it is refused or only a change of seed."""
        made = self.candidate(candidate)
        row = self._first_row(made.parent)
        before = row["commit"] if row else None
        commit = self.repository.commit(made.files, made.description, before, stage.number)
        self.commits[stage.number] = commit
        refused, parent = made.refused, made.parent and self.candidate(made.parent)
        if parent and {**parent.files, EDITABLE: ""} == {**made.files, EDITABLE: ""}:
            refused = refused or (same_but_for_seeds(parent.source, made.source) and ONLY_A_SEED) or ""
        job = Job(stage.number, commit, self.plan.seed_of(stage.number), stage.limit)
        future = None if refused else self.executor.submit(job)

        def wait() -> Measurement:
            measured = Measurement("ok", reason=refused) if future is None else future.result()
            try:
                self.ledger.check()
            except SkillloopError as error:
                self.ledger.restore()
                return Measurement("tampered", reason=f"{error.message}; restored from memory")
            return measured

        return wait

    def accept(self, archive: Archive, candidate: str, measured: Measurement) -> Decision:
        """Decide one measurement by the noise rule, against all that was measured before."""
        if measured.status != "ok" or measured.bpb is None:  # None: refused, or not measured in full
            crashed = measured.status not in ("ok", "tampered")
            return Decision(Outcome.CRASH if crashed else Outcome.DISCARD, measured.reason)
        own = lines(self.candidate(candidate).source)
        return archive.decide(candidate, measured.bpb, lambda best: own < archive.last[best]["lines"])

    def record(self, trial: Trial[Measurement]) -> Row:
        """Return what the ledger keeps of a training; `status` is how it ended, else what was decided."""
        made, decision = self.candidate(trial.candidate), trial.decision
        measured = trial.result or Measurement("crash", reason=decision.reason)
        memory = _number(measured.summary.get("peak_vram_mb"))
        return {
            "parent": made.parent,
            "commit": self.commits[trial.number],
            "description": made.description,
            "proposer": made.proposer,
            "status": decision.outcome.value if measured.status == "ok" else measured.status,
            "bpb": measured.bpb,
            "early": measured.early,
            "lines": lines(made.source),
            "seed": self.plan.seed_of(trial.number),
            "seconds": round(measured.seconds, 2),
            "spent": round(measured.spent, 2),
            "memory_gb": round(memory / 1024, 2) if memory else None,
            **{name: _number(measured.summary.get(name)) for name in _SPEED},
            "config": dict(measured.config),
            "landlock": measured.landlock,
            "at": now(),
        }

    def commit(self, trial: Trial[Measurement]) -> None:
        """Move `best`, redraw results.tsv, and drop the weights that the sealed split will not be asked of."""
        commit = self.commits.pop(trial.number)
        if trial.decision.outcome is Outcome.KEEP:
            self.repository.git("update-ref", "refs/heads/best", commit)
        self.folder.results.write_text(results(self.ledger.trials), "utf-8")
        archive = self.ledger.archive()
        wanted = {archive.baseline, archive.best, archive.deferred()}
        for row in archive.rows:
            if row["candidate"] not in wanted:
                (self.folder.trial(row["number"]) / "out/weights.safetensors").unlink(missing_ok=True)

    def candidate(self, name: str) -> Candidate:
        """Return a candidate as it was proposed: from memory, or from its first row and its commit."""
        if name not in self.candidates and (row := self._first_row(name)) is not None:
            files = self.repository.files(row["commit"])
            self.candidates[name] = Candidate(files, row["description"], row["proposer"], row["parent"])
        return self.candidates[name]

    def _first_row(self, name: str | None) -> Row | None:
        return next((row for row in self.ledger.trials if row["candidate"] == name), None)


def results(trials: list[Row]) -> str:
    """Return the text of results.tsv: one line a candidate, as its last row left it, in autoresearch's three statuses.

    What has no measure has none here. A word of ours stands before the description, and no cell is a word that pandas
    takes for a missing value ("nan", "None").
    """
    last = {row["candidate"]: row for row in trials}  # keeps the order of first appearance
    table = ["\t".join(COLUMNS)]
    for row in last.values():
        status, description = row["status"], " ".join(row["description"].split())
        if status not in STATUSES or MISSING.fullmatch(description):
            description = f"{status}: {description}"
        if status not in STATUSES:
            status = "discard" if status in ("defer", "tampered") else "crash"
        unmeasured = "0.000000" if status == "crash" else ""
        bpb = unmeasured if row["mean"] is None else f"{row['mean']:.6f}"
        memory = f"{row.get('memory_gb') or 0.0:.1f}"
        table.append("\t".join((row["commit"][:7], bpb, memory, status, description)))
    return "\n".join(table) + "\n"


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
