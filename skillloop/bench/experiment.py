"""The experiment: one metric, one editable train.py, a time budget. A problem of `skillloop.search.loop`.

Candidates are versions of train.py, each a commit; values are bits per byte on the selection split. Each trial is one
measurement. A candidate inside the noise is deferred: it is measured again, after a fresh measurement of the best beside
it, until the pooled runs decide (`search.significance`). One that is better in bits per byte and worse in the judge's second
metric, the anchor, is not kept: it waits for the person. What was kept is trained deeper now and then (`confirm_scale`).
"""

import math
import re
from collections.abc import Callable, Iterator
from statistics import fmean

from skillloop.bench.candidate import EDITABLE, Candidate, Job, Measurement, kind, reseeded, with_constant
from skillloop.bench.measure import Executor
from skillloop.bench.proposers import Proposer
from skillloop.bench.setup import Run
from skillloop.errors import SkillloopError
from skillloop.model import Decision, Outcome
from skillloop.search import significance
from skillloop.search.ledger import Archive, Row
from skillloop.search.loop import Search, Stage, Trial
from skillloop.store.database import now

SCALE_EVERY = 5  # newly kept candidates, between two looks at a greater depth
SCALE = 1.5  # of the depth
BESIDE = 9000  # numbers of trainings beside the trials begin here
WAITS = "waits for you"
CHANCE = math.log(4)  # the anchor of a model that takes any of its four ends
ONLY_A_SEED = "Rejected: only the random seed differs from the parent"
COLUMNS = ("commit", "val_bpb", "memory_gb", "status", "description")  # of autoresearch's results.tsv
STATUSES = ("keep", "discard", "crash")  # likewise
MISSING = re.compile(r"(?i:\W*(n/?a|nan|null|none|[\d.#-]*q?nan|[\d.#-]*ind)?\W*)")  # to pandas, as a cell
_SPEED = "tokens_per_second mfu_percent loader_stall_percent compile_seconds num_steps num_params_M".split()


def run(opened: Run, proposer: Proposer, executor: Executor, trials: int | None = None) -> Iterator[Row]:
    """Yield each trial's row, until so many candidates were tried. Raises SkillloopError: the baseline cannot be measured."""
    problem = Experiment(opened, proposer, executor)
    for row in Search(problem, opened.ledger, trials, opened.plan.seed, executor.slots).run():
        yield row
        problem.confirm_scale()
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
            refused = refused or (reseeded(parent.source, made.source) and ONLY_A_SEED) or ""
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
        row = {"candidate": candidate, "bpb": measured.bpb, "anchor": measured.anchor}
        return decide(archive, {**row, "lines": self.candidate(candidate).size})

    def record(self, trial: Trial[Measurement]) -> Row:
        """Return what the ledger keeps of a training; `status` is how it ended, else what was decided."""
        made, decision = self.candidate(trial.candidate), trial.decision
        measured = trial.result or Measurement("crash", reason=decision.reason)
        status = "wait" if decision.reason.endswith(WAITS) else decision.outcome.value
        parent = made.parent and self.candidate(made.parent).source
        told = ("parent", "description", "proposer", "hypothesis", "insight")
        return {name: getattr(made, name) for name in told} | {
            "commit": self.commits[trial.number],
            "kind": kind(parent, made.source) if parent else "",
            "status": status if measured.status == "ok" else measured.status,
            "lines": made.size,
            "seed": self.plan.seed_of(trial.number),
            **facts(measured),
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

    def confirm_scale(self) -> None:
        """After every SCALE_EVERY newly kept candidates, train best and baseline SCALE times as deep; it decides nothing."""
        archive, before = self.ledger.archive(), len(self.ledger.events("scale"))
        if (len(archive.kept) - 1) // SCALE_EVERY <= before:
            return
        facts: Row = {"event": "scale", "candidate": archive.best}
        for i, name in enumerate((archive.baseline, archive.best)):
            made, depth = self.candidate(str(name)), archive.last[str(name)]["config"].get("DEPTH")
            try:
                text = with_constant(made.source, "DEPTH", round(SCALE * depth))
            except (KeyError, TypeError):
                return  # this train.py has no such constant
            deeper = Candidate({**made.files, EDITABLE: text}, f"{made.description}, deeper", "scale")
            number = BESIDE + 2 * before
            measured = self.beside(deeper, number + i, self.plan.seed_of(number))
            facts["best" if i else "baseline"] = measured.bpb
        verdict = "not measured"
        if None not in facts.values():
            gain, margin = facts["baseline"] - facts["best"], archive.noise.margin(1, 1)
            verdict = "confirmed" if gain > margin else "lost" if gain < -margin else "inside the noise"
        self.ledger.append({**facts, "verdict": verdict, "at": now()})

    def beside(self, made: Candidate, number: int, seed: int) -> Measurement:
        """Measure a candidate beside the trials: nothing is decided or recorded, its folder is that of `number`."""
        commit = self.repository.commit(made.files, made.description, None, number)
        return self.executor.submit(Job(number, commit, seed)).result()

    def candidate(self, name: str) -> Candidate:
        """Return a candidate as it was proposed: from memory, or from its first row and its commit."""
        if name not in self.candidates and (row := self._first_row(name)) is not None:
            files = self.repository.files(row["commit"])
            self.candidates[name] = Candidate(files, row["description"], row["proposer"], row["parent"])
        return self.candidates[name]

    def _first_row(self, name: str | None) -> Row | None:
        return next((row for row in self.ledger.trials if row["candidate"] == name), None)


def decide(archive: Archive, row: Row) -> Decision:
    """Decide a measured training by its row (`candidate`, `bpb`, `anchor`, `lines`) and those before it, and by nothing else.

    A keep whose anchor is worse than the best's beyond the anchor's own noise is measured again, then it waits.
    """
    name = row["candidate"]
    decision = archive.decide(name, row["bpb"], lambda best: bool(row["lines"] < archive.last[best]["lines"]))
    anchors: dict[str, list[float]] = {}
    for each in [*archive.rows, row]:
        if each.get("anchor") is not None:
            anchors.setdefault(each["candidate"], []).append(each["anchor"])
    mine, best = anchors.get(name, []), anchors.get(archive.best or "", [])
    if decision.outcome is not Outcome.KEEP or archive.best == name or not mine or not best:
        return decision
    worse, noise = fmean(mine) - fmean(best), significance.pooled(anchors.values())
    margin = noise.margin(len(mine), len(best))
    guesses = fmean(best) > CHANCE - max(margin, 0.05)  # a best that guesses has nothing to lose
    if worse <= margin or guesses:
        return decision
    why = f"{decision.reason}, but the anchor got worse by {worse:.4f}"
    if len(mine) < significance.MOST:
        return Decision(Outcome.DEFER, f"{why}: measured again")
    return Decision(Outcome.DISCARD, f"{why}: {WAITS}")


def results(trials: list[Row]) -> str:
    """Return the text of results.tsv: a line a candidate, by its last row, in autoresearch's statuses, all read by pandas."""
    last = {row["candidate"]: row for row in trials}  # keeps the order of first appearance
    table = ["\t".join(COLUMNS)]
    for row in last.values():
        status, description = row["status"], " ".join(row["description"].split())
        if status not in STATUSES or MISSING.fullmatch(description):
            description = f"{status}: {description}"
        if status not in STATUSES:
            status = "discard" if status in ("defer", "tampered", "wait") else "crash"
        unmeasured = "0.000000" if status == "crash" else ""
        bpb = unmeasured if row["mean"] is None else f"{row['mean']:.6f}"
        memory = f"{row.get('memory_gb') or 0.0:.1f}"
        table.append("\t".join((row["commit"][:7], bpb, memory, status, description)))
    return "\n".join(table) + "\n"


def facts(measured: Measurement) -> Row:
    """Return what the ledger keeps of any training."""
    memory = _number(measured.summary.get("peak_vram_mb"))
    told = {name: getattr(measured, name) for name in ("bpb", "anchor", "early", "landlock")}
    return told | {
        "seconds": round(measured.seconds, 2),
        "spent": round(measured.spent, 2),
        "memory_gb": round(memory / 1024, 2) if memory else None,
        **{name: _number(measured.summary.get(name)) for name in _SPEED},
        "config": dict(measured.config),
        "at": now(),
    }


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
