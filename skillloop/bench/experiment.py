"""The experiment: one metric, one editable train.py, a time budget. A problem of the loop (see `skillloop.search.loop`).

Each trial of the loop is one measurement. A candidate inside the noise is *deferred*: it is proposed again, after a
fresh measurement of the best beside it, until the pooled runs decide (`noise.compare`). The ledger is the only memory:
every proposal is a pure function of its rows, so a run that was killed goes on as if it had not been.

With several slots the measurement of later trials begins before earlier ones are decided; trial N is proposed from the
rows before N - slots + 1, whatever is known by then, so that the order of events does not depend on speed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from skillloop.bench import noise
from skillloop.bench.archive import Archive
from skillloop.bench.candidate import EDITABLE, Candidate, Folder, Job, Measurement, Plan
from skillloop.bench.executor import Executor
from skillloop.bench.ledger import Ledger, Row, results
from skillloop.bench.proposers import Proposer
from skillloop.bench.source import lines, same_but_for_seeds
from skillloop.bench.worktree import Repository
from skillloop.errors import SkillloopError
from skillloop.model import Check, Decision, Outcome, Verdict
from skillloop.search.loop import Trial


class Experiment:
    """The problem. Its candidates are versions of train.py, its scores are minus the mean bits per byte."""

    def __init__(
        self,
        folder: Folder,
        plan: Plan,
        ledger: Ledger,
        repository: Repository,
        executor: Executor,
        proposer: Proposer,
        baseline: Candidate,
        limit: int | None = None,
    ) -> None:
        self.folder, self.plan, self.ledger, self.repository = folder, plan, ledger, repository
        self.executor, self.proposer, self.baseline = executor, proposer, baseline
        self.limit = limit  # candidates beside the baseline; repeats do not count
        self.files = {baseline.id: dict(baseline.files)}
        self.under_way: list[tuple[Candidate, str, Future[Measurement] | None]] = []
        self.measured: Measurement | None = None
        self.last: Row | None = None  # the row of the trial settled last

    # What the loop asks -----------------------------------------------------------------------------------------

    def seed(self) -> Candidate | None:
        """The baseline, unless the run goes on from earlier rows."""
        return None if self.ledger.trials else self.propose(())

    def propose(self, _trials: object) -> Candidate | None:
        """The next candidate; the measurement of as many as there are slots is then under way."""
        number = len(self.ledger.trials)
        if number and Archive(self.ledger.trials).best is None:
            row = self.ledger.trials[-1]
            raise SkillloopError(
                f"the baseline itself was not measured: {row['status']}: {row['reason']}",
                f"its output is in {self.folder.trial(row['number']) / 'log.txt'}",
            )
        while len(self.under_way) < self.executor.slots:
            begun = number + len(self.under_way)
            candidate = self._next(begun, max(0, begun - self.executor.slots + 1))
            if candidate is None and not self.under_way:
                candidate = self._next(number, number)  # nothing is under way: all rows may be known
            if candidate is None:
                break
            self.under_way.append(self._begin(candidate, number + len(self.under_way)))
        return self.under_way[0][0] if self.under_way else None

    def verify(self, candidate: Candidate) -> Verdict:
        """Wait for the measurement and judge it against all that was measured before."""
        future = self.under_way[0][2]
        unmeasured = Measurement("ok", reason=candidate.refused or ONLY_A_SEED)
        self.measured = found = future.result() if future else unmeasured
        try:
            self.ledger.check()
        except SkillloopError as error:
            self.ledger.restore()
            self.measured = found = Measurement("tampered", reason=f"{error.message}; restored from memory")
        archive = Archive(self.ledger.trials)
        checks, outcome = self._judge(candidate, found, archive)
        runs = [*archive.runs.get(candidate.id, ()), *([found.bpb] if found.bpb is not None else [])]
        score = -sum(runs) / len(runs) if found.bpb is not None else None
        return Verdict(outcome, checks, score, found.spent)

    def settle(self, trial: Trial[Candidate]) -> Decision:
        """Write the row, move `best`, redraw results.tsv, and drop weights that nothing will ask for."""
        assert trial.candidate is not None
        candidate, commit, _ = self.under_way.pop(0)
        number = len(self.ledger.trials)
        row = self._row(number, candidate, commit, trial.verdict)
        self.ledger.append(row)
        self.last = row
        if trial.decision.outcome is Outcome.KEEP:
            self.repository.advance(commit)
        self.folder.results.write_text(results(self.ledger.trials), "utf-8")
        self._tidy()
        return Decision(trial.decision.outcome, row["reason"])

    # How -----------------------------------------------------------------------------------------------------------

    def _next(self, number: int, known: int) -> Candidate | None:
        """Trial `number`, from so many rows: the baseline's repeats, what was deferred, else something new."""
        rows = self.ledger.trials
        settled = [row["candidate"] for row in rows[known:number]]
        archive = Archive(rows[:known], settled + [c.id for c, _, _ in self.under_way])
        if archive.attempts(self.baseline.id) < noise.BASELINE:
            return self.baseline
        if archive.best is None:  # its first run is still under way
            return None
        if (waiting := archive.deferred()) is not None:
            stale = not archive.refreshed(waiting) and archive.attempts(archive.best) < noise.REFRESH
            return self._known(archive.best if stale else waiting)
        tried = {*archive.last, *archive.pending} - {self.baseline.id}
        if self.limit is not None and len(tried) >= self.limit:
            return None
        return self.proposer(archive, self._sources, f"{self.plan.seed}:{number}")

    def _begin(self, candidate: Candidate, number: int) -> tuple[Candidate, str, Future[Measurement] | None]:
        """Commit the candidate and start to measure it, unless it is refused or only a change of seed."""
        self.files[candidate.id] = dict(candidate.files)
        parent = self._commit_of(candidate.parent)
        commit = self.repository.commit(candidate.files, candidate.description, parent, number)
        if candidate.refused or (
            candidate.parent and _only_seeds(self._sources(candidate.parent), candidate.files)
        ):
            return candidate, commit, None
        rows = self.ledger.trials[: max(0, number - self.executor.slots + 1)]
        job = Job(number, commit, self.plan.seed_of(number), Archive(rows).hopeless())
        return candidate, commit, self.executor.submit(job)

    def _judge(
        self, candidate: Candidate, found: Measurement, archive: Archive
    ) -> tuple[tuple[Check, ...], Outcome]:
        """The checks of one measurement. Its status is the name of the check that failed."""
        if found.status == "ok" and found.bpb is None:  # ended before it was measured in full
            return (Check("discard", passed=False, detail=found.reason),), Outcome.DISCARD
        if found.bpb is None or found.status != "ok":
            outcome = Outcome.DISCARD if found.status == "tampered" else Outcome.CRASH
            return (Check(found.status, passed=False, detail=found.reason),), outcome
        runs = [*archive.runs.get(candidate.id, ()), found.bpb]
        if archive.best in (None, candidate.id) or candidate.id == archive.baseline:
            outcome = Outcome.KEEP if archive.best in (None, candidate.id) else Outcome.DISCARD
            return (Check("measured", passed=True, detail=f"{_ordinal(len(runs))} run of the best"),), outcome
        assert archive.best is not None
        after = Archive([*archive.rows, {**archive.rows[0], "candidate": candidate.id, "bpb": found.bpb}])
        simpler = lines(candidate.source) < archive.last[archive.best]["lines"]
        said = noise.compare(runs, archive.runs[archive.best], after.noise, simpler=simpler)
        check = Check(
            "beyond noise",
            passed=said.outcome is Outcome.KEEP,
            hard=said.outcome is Outcome.DISCARD,
            detail=said.reason,
        )
        return (check,), said.outcome

    def _row(self, number: int, candidate: Candidate, commit: str, verdict: Verdict) -> Row:
        """All that the ledger says of a trial."""
        found = self.measured
        assert found is not None
        archive = Archive(self.ledger.trials)
        failed = [check.name for check in verdict.failed if check.name in _STATUSES]
        runs = [*archive.runs.get(candidate.id, ()), *([found.bpb] if found.bpb is not None else [])]
        speed = {name: _figure(found.summary.get(name)) for name in _SPEED}
        memory = _figure(found.summary.get("peak_vram_mb"))
        return {
            "event": "trial",
            "number": number,
            "candidate": candidate.id,
            "parent": candidate.parent,
            "commit": commit,
            "description": candidate.description,
            "proposer": candidate.proposer,
            "status": failed[0] if failed else verdict.outcome.value,
            "outcome": verdict.outcome.value,
            "reason": verdict.checks[0].detail,
            "bpb": found.bpb,
            "mean": -verdict.score if verdict.score is not None else None,
            "runs": len(runs),
            "early": found.early,
            "lines": lines(candidate.source),
            "seed": self.plan.seed_of(number),
            "seconds": round(found.seconds, 2),
            "spent": round(found.spent, 2),
            "memory_gb": round(memory / 1024, 2) if memory else None,
            **speed,
            "config": dict(found.config),
            "landlock": found.landlock,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }

    def _known(self, candidate: str) -> Candidate:
        """A candidate of the ledger, as it was proposed."""
        if candidate == self.baseline.id:
            return self.baseline
        row = next(row for row in self.ledger.trials if row["candidate"] == candidate)
        return Candidate(self._sources(candidate), row["description"], row["proposer"], row["parent"])

    def _sources(self, candidate: str) -> dict[str, str]:
        """The files of a candidate, from memory or from its commit."""
        if candidate not in self.files:
            commit = self._commit_of(candidate)
            assert commit is not None
            self.files[candidate] = self.repository.files(commit)
        return self.files[candidate]

    def _commit_of(self, candidate: str | None) -> str | None:
        found = (row["commit"] for row in self.ledger.trials if row["candidate"] == candidate)
        return next(found, None)

    def _tidy(self) -> None:
        """Keep the weights of the baseline's and of the best's runs: the sealed split may be asked of them."""
        archive = Archive(self.ledger.trials)
        wanted = {archive.baseline, archive.best, archive.deferred()}
        for row in self.ledger.trials:
            weights = self.folder.trial(row["number"]) / "out/weights.safetensors"
            if row["candidate"] not in wanted:
                weights.unlink(missing_ok=True)


ONLY_A_SEED = "only a seed differs from the parent: refused, it would be a draw of the noise"
_STATUSES = frozenset("crash nan oom timeout tampered discard".split())
_SPEED = ("tokens_per_second", "mfu_percent", "loader_stall_percent", "num_steps", "num_params_M")


def _figure(text: str | None) -> float | None:
    """A printed number; None for "n/a" or nothing."""
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def _only_seeds(old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    """Whether two sets of files differ in the seeds of train.py alone."""
    others = [{name: text for name, text in files.items() if name != EDITABLE} for files in (old, new)]
    return others[0] == others[1] and same_but_for_seeds(old[EDITABLE], new.get(EDITABLE, ""))


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def known_plan(found: dict[str, Any]) -> Plan:
    """A plan from its JSON."""
    return Plan(**found)
