"""One run of `evolve`: what it may change and by what it is judged, its folder, and the proposal that it ends with.

Cases are drawn from the person's own words. Those of a skill's evals.json, which may be a machine's, are at most as many. A third
is sealed, by lot of its session for ever; it is looked at once, for the winner, and each look is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skillloop import config, gate, outcomes
from skillloop.errors import UsageError
from skillloop.evaluate import cases, judge, plugin_evals, replay
from skillloop.evaluate.cases import Case
from skillloop.evaluate.judge import Mark
from skillloop.evaluate.replay import Play
from skillloop.evolve import problem, texts
from skillloop.evolve.problem import Evolution, Propose, name_of
from skillloop.evolve.texts import Draft
from skillloop.gate.fidelity import technical
from skillloop.gate.provenance import EVOLVE
from skillloop.model import Check, Evidence, Outcome, Proposal, Verdict, sha256
from skillloop.pipeline import gather
from skillloop.propose.offline_drafter import proposal_id
from skillloop.search import significance
from skillloop.search.ledger import Ledger
from skillloop.skillpath import target_name
from skillloop.skills import document, history, placement
from skillloop.store import Store
from skillloop.text import words
from skillloop.text.wishes import same_wish

MACHINE = 0.5
"""Share of a skill's rules that may be in other words than the person's."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A skill as it is when a run starts, the cases to select by and the sealed ones, and the words its rules rest on."""

    path: str
    text: str
    config: config.Config
    cases: Sequence[Case]
    sealed: Sequence[Case]
    taught: Mapping[str, Sequence[Evidence]]  # by rule
    came_back: frozenset[str] = frozenset()  # rules that the person had to say again
    machine: float = 0.0  # share of the cases that no person's words made
    troubles: Sequence[str] = field(default=())  # cases that cannot be read


def subject(path: str, home: Path, store: Store) -> Subject:
    """Gather what a run needs. Raises UsageError: the skill has no cases; SkillloopError: it cannot be read."""
    text, own = gather.live_text(path), store.evaluations.cases(path, Case)
    evals, troubles = plugin_evals.brought(path)
    everything = [*own, *evals[: len(own)]]
    chosen = [case for case in everything if not cases.held_out(case)]
    if not chosen:
        hint = "each correction that `skillloop digest` finds while the skill is in force makes one"
        raise UsageError(f"{path}: there are no cases to judge by", hint)
    taught: dict[str, tuple[Evidence, ...]] = {}
    for line, version in history.annotate(store, path):
        if (item := document.ITEM.match(line)) and version.proposal:
            taught[item["text"]] = store.find_proposal(version.proposal).proposal.evidence
    came_back = {each.rule: each.again for each in outcomes.of(store, path) if each.again}
    for lesson in store.lessons():
        for rule, sessions in came_back.items():
            if lesson.evidence.session_id in sessions and same_wish(lesson.text, rule):
                taught[rule] = (*taught.get(rule, ()), lesson.evidence)
    sealed = [case for case in everything if cases.held_out(case)]
    machine = 1 - len(own) / len(everything)
    return Subject(
        path,
        text,
        gather.rules_for(path, home),
        chosen,
        sealed,
        taught,
        frozenset(came_back),
        machine,
        troubles,
    )


def folder(home: Path, about: Subject, how: str) -> Path:
    """Return the folder of the run: the same skill, cases and way (`how`) give the same one, which then goes on."""
    ids = sorted(case.id for case in (*about.cases, *about.sealed))
    return (
        home / "evolve" / f"{target_name(about.path)}-{sha256(repr((about.path, about.text, ids, how)))[:8]}"
    )


def says(case: Case, text: str, _sample: int) -> Mark | None:
    """Tell whether a text still says what a case asks for: all that can be judged where no model follows it.

    All names and figures are on one line of it, with most of the words.
    """
    wanted = case.expected
    asked = " ".join((*wanted.contains, *wanted.absent, *wanted.commands)) or wanted.rubric
    about, names = words.content_words(asked), set(technical(asked))
    for line in text.split("\n")[document.parse(text).body :]:
        if names <= set(technical(line)) and 2 * len(about & words.content_words(line)) > len(about):
            return "meets"
    return "fails"


@dataclass(frozen=True, slots=True)
class Guard:
    """Says of each draft whether it may be evaluated: by the very checks that the proposal made of it will have to pass."""

    about: Subject
    home: Path
    store: Store

    def proposal(self, draft: Draft, run: str, why: str = "") -> Proposal:
        """Return the proposal that a draft makes; without edits where none lead to it."""
        cited = {rule: [item.id for item in found] for rule, found in self.about.taught.items()}
        edits = texts.edits_between(self.about.text, draft.text, cited)
        ids = {name for edit in edits for name in edit.evidence}
        evidence = {item.id: item for found in self.about.taught.values() for item in found if item.id in ids}
        path = self.about.path
        made = proposal_id(path, edits), target_name(path), path, sha256(self.about.text), edits
        return Proposal(*made, tuple(evidence.values()), why, draft.by, f"{EVOLVE}:{run}")

    def verdict(self, draft: Draft, proposal: Proposal) -> Verdict:
        """Return what the gate says, and whether words of a check or too many of a machine's are in it."""
        inputs = gather.gather(proposal, self.about.text, draft.text, self.home, self.store, None, None)
        checks = [share_of_machine(self.about, draft.text)]
        if draft.by != EVOLVE:
            every = [case.expected for case in (*self.about.cases, *self.about.sealed)]
            hidden = [part for x in every for part in (*x.contains, *x.absent, *x.commands, x.rubric)]
            said = [case.wrong for case in self.about.cases]
            known = (self.about.text, *said, *(item.quote for item in proposal.evidence))
            checks.append(judge.copies_hidden_answer(proposal, hidden, known))
        return judge.demoted(gate.judge(proposal, inputs), checks)

    def refuse(self, draft: Draft) -> str:
        """Return why a draft is not worth a call, or ""."""
        proposal = self.proposal(draft, "")
        if not proposal.edits:
            return "no edits of single list items lead to it"
        verdict = self.verdict(draft, proposal)
        refused = verdict.outcome in (Outcome.DISCARD, Outcome.CRASH)
        return f"{verdict.failed[0].name}: {verdict.failed[0].detail}" if refused else ""


def offline(guard: Guard, names: Sequence[str]) -> Propose:
    """Return a way to propose by operators that need no model (names of `texts.OFFLINE`)."""

    def make(text: str) -> list[Draft]:
        items = texts.offered(text, guard.about.config)
        return [draft for name in names for draft in texts.OFFLINE[name](text, items)]

    def fits(text: str) -> bool:
        return not guard.refuse(Draft(text, "", ""))

    return lambda _parent, text, archive, key: problem.several(text, make, archive, key, fits)


def share_of_machine(about: Subject, text: str) -> Check:
    """Check that most rules stand as a person wrote or approved them: a text that feeds on its own kind grows poor."""
    own = {item.text for found in placement.lists(about.text) for item in found.items}
    now = [item.text for found in placement.lists(text) for item in found.items]
    other = sum(rule not in own for rule in now)
    detail = f"{other} of {words.counted(len(now), 'rule')} would be in new words"
    return Check("machine text", passed=other <= MACHINE * len(now), detail=detail)


def sealed_checks(
    about: Subject, winner: str, play: Play, ledger: Ledger, store: Store, name: str
) -> Iterator[Check]:
    """Look at the sealed cases, once for a winner: is any worse than with the text as it is, and are they better together?"""
    if not about.sealed:
        yield replay.unscored("no case of another session is held out yet")
        return
    event = {"event": "sealed", "candidate": name_of(winner)}
    known = [row for row in ledger.events("sealed") if row["candidate"] == event["candidate"]]
    if not known:
        ledger.append(
            event | {"looks": store.evaluations.read_held_out(about.path, name)}
        )  # a crash counts, too
    looks = ledger.events("sealed")[-1]["looks"]
    found = {case.id: replay.runs(play, case, about.text, winner, significance.MOST) for case in about.sealed}
    scored = {case: runs for case, runs in found.items() if runs is not None and runs.new}
    wins, losses = (sum(getattr(runs, side) for runs in scored.values()) for side in ("wins", "losses"))
    before, after = (
        sum(sum(getattr(runs, side)) for runs in scored.values())
        / max(1, sum(len(runs.new) for runs in scored.values()))
        for side in ("old", "new")
    )
    fell = next((case for case, runs in scored.items() if runs.fell), "")
    told = f"{words.counted(len(scored), 'case')}, look {looks}: {before:.0%} → {after:.0%} pass"
    if not [row for row in known if "new" in row]:
        ledger.append(event | {"looks": looks, "old": before, "new": after, "fell": fell})
    wrong = f", case {fell} gets worse" if fell else ", worse together" if losses > wins else ""
    yield Check("held-out cases", passed=not wrong, hard=True, detail=told + wrong)
    if looks > replay.LOOKS:
        yield replay.unscored(f"the sealed cases were looked at {looks} times, so they prove little by now")


def conclude(guard: Guard, evolution: Evolution, play: Play, run: str, how: str) -> dict[str, Any]:
    """Make the winner a proposal that waits, or is discarded where the sealed cases fall; its id, state and the reason."""
    about, ledger, archive = guard.about, evolution.ledger, evolution.ledger.archive()
    if archive.best in (None, archive.baseline):
        return {"proposal": None, "state": "nothing new", "reason": "no text was better beyond noise"}
    assert archive.best is not None
    assert archive.baseline is not None
    draft = evolution.drafts[archive.best]
    steps, at = [], archive.best
    while parent := evolution.parents[at]:
        steps.append(f"{evolution.drafts[at].operator}: {evolution.drafts[at].what}")
        at = parent
    proposal = guard.proposal(
        draft,
        run,
        f"Found by trying {words.counted(len(archive.known) - 1, 'text')}: " + "; ".join(steps[::-1]),
    )
    later = archive.runs[archive.best][1:]  # the first look chose it, and flatters
    before, after = 1 - archive.mean(archive.baseline), 1 - sum(later) / len(later)
    shown = (
        f"{words.counted(len(about.cases), 'case')}, {how}: {before:.0%} → {after:.0%} pass, none is worse"
    )
    size = f"{len(draft.text.encode()) - len(about.text.encode()):+,} bytes; {about.machine:.0%} of the cases are not your words"
    checks = [Check("cases", passed=True, hard=False, detail=f"{shown}; {size}")]
    checks += sealed_checks(about, draft.text, play, ledger, guard.store, proposal.id)
    verdict = judge.demoted(guard.verdict(draft, proposal), checks)
    discarded = verdict.outcome in (Outcome.DISCARD, Outcome.CRASH)
    why = f"{verdict.failed[0].name}: {verdict.failed[0].detail}" if discarded else shown
    guard.store.save_proposal(proposal, verdict, "discarded" if discarded else "queued", why)
    state = guard.store.find_proposal(proposal.id)
    end = {"proposal": proposal.id, "state": state.state, "reason": state.reason}
    if not (ended := ledger.events("end")) or ended[-1]["proposal"] != proposal.id:
        ledger.append({"event": "end", **end})
    return end
