"""One run of `evolve`: what it may change and by what it is judged, its folder, and the proposal that it ends with.

Cases are drawn from the person's own words. Those of a skill's evals.json, which may be a machine's, are at most as many. A third
is sealed, by lot of its session for ever; it is looked at once, for the winner, and each look is counted. The runs that
chose a winner flatter it, so it is run again: it has to be better beyond noise in runs that no choice saw.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, NamedTuple

from skillloop import gate, llm, outcomes
from skillloop.config.sections import Config
from skillloop.errors import UsageError
from skillloop.evaluate import cases, judge, replay
from skillloop.evaluate.replay import ALPHA, Play, Runs
from skillloop.evolve import problem, texts
from skillloop.gate.fidelity import technical
from skillloop.gate.provenance import EVOLVE
from skillloop.model import Check, Evidence, Outcome, Proposal, Verdict, sha256
from skillloop.pipeline import gather
from skillloop.propose.offline_drafter import proposal_id
from skillloop.skillpath import target_name
from skillloop.skills import document, history, placement
from skillloop.store import Store
from skillloop.text import words
from skillloop.text.wishes import same_wish

MACHINE = 0.5  # share of a skill's rules that may be in other words than the person's
LOOK = 5  # further runs of each case with the winner and with the text as it is
AGAIN = 24  # of a sealed case that looks worse in these


class Subject(NamedTuple):
    """A skill as it is when a run starts, the cases to select by and the sealed ones, and the words its rules rest on."""

    path: str
    text: str
    config: Config
    cases: Sequence[cases.Case]
    sealed: Sequence[cases.Case]
    taught: Mapping[str, Sequence[Evidence]]  # by rule
    came_back: frozenset[str] = frozenset()  # rules that the person had to say again
    machine: float = 0.0  # share of the cases that no person's words made
    troubles: Sequence[str] = field(default=())  # cases that cannot be read


def subject(path: str, home: Path, store: Store) -> Subject:
    """Gather what a run needs. Raises UsageError: the skill has no cases; SkillloopError: it cannot be read."""
    text, own = gather.live_text(path), store.evaluations.cases(path, cases.Case)
    evals, troubles = cases.brought(path)
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
    machine, rules = 1 - len(own) / len(everything), gather.rules_for(path, home)
    return Subject(path, text, rules, chosen, sealed, taught, frozenset(came_back), machine, troubles)


def folder(home: Path, about: Subject, how: str) -> Path:
    """Return the folder of the run: the same skill, cases and way (`how`) give the same one, which then goes on."""
    ids = sorted(case.id for case in (*about.cases, *about.sealed))
    name = sha256(repr((about.path, about.text, ids, how)))[:8]
    return home / "evolve" / f"{target_name(about.path)}-{name}"


def says(case: cases.Case, text: str, _sample: int) -> judge.Mark | None:
    """Tell whether one line of a text has all names and figures of a case and most of its words: all that can be told offline."""
    wanted = case.expected
    asked = " ".join((*wanted.contains, *wanted.absent, *wanted.commands)) or wanted.rubric
    about, names = words.content_words(asked), set(technical(asked))
    for line in text.split("\n")[document.parse(text).body :]:
        if names <= set(technical(line)) and 2 * len(about & words.content_words(line)) > len(about):
            return "meets"
    return "fails"


class Player(NamedTuple):
    """Plays cases on any machine that shares the home, whose store keeps the budget and every answer."""

    home: Path
    rules: Config
    account: str
    with_judge: bool

    def play(self, case: cases.Case, text: str, sample: int) -> judge.Mark | None:
        """Play a case once. Raises UsageError: no model can be asked there; and what `ModelClient.complete` does."""
        with Store.open(self.home) as store:
            if (client := llm.connect(self.rules, store, self.account)) is None:
                raise UsageError(f"a node can ask no model: {llm.choose(self.rules)[1]}")
            return replay.player(client, self.rules.model, with_judge=self.with_judge)(case, text, sample)


class Guard(NamedTuple):
    """Says of each draft whether it may be evaluated: by the very checks that the proposal made of it will have to pass."""

    about: Subject
    home: Path
    store: Store

    def proposal(self, draft: texts.Draft, run: str, why: str = "") -> Proposal:
        """Return the proposal that a draft makes; without edits where none lead to it."""
        cited = {rule: [item.id for item in found] for rule, found in self.about.taught.items()}
        edits = texts.edits_between(self.about.text, draft.text, cited)
        ids = {name for edit in edits for name in edit.evidence}
        evidence = {item.id: item for found in self.about.taught.values() for item in found if item.id in ids}
        path = self.about.path
        made = proposal_id(path, edits), target_name(path), path, sha256(self.about.text), edits
        return Proposal(*made, tuple(evidence.values()), why, draft.by, f"{EVOLVE}:{run}")

    def verdict(self, draft: texts.Draft, proposal: Proposal) -> Verdict:
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

    def refuse(self, draft: texts.Draft) -> str:
        """Return why a draft is not worth a call, or ""."""
        proposal = self.proposal(draft, "")
        if not proposal.edits:
            return "no edits of single list items lead to it"
        verdict = self.verdict(draft, proposal)
        refused = verdict.outcome in (Outcome.DISCARD, Outcome.CRASH)
        return f"{verdict.failed[0].name}: {verdict.failed[0].detail}" if refused else ""


def offline(guard: Guard, names: Sequence[str]) -> problem.Propose:
    """Return a way to propose by operators that need no model (names of `texts.OFFLINE`)."""

    def make(text: str) -> list[texts.Draft]:
        items = texts.offered(text, guard.about.config)
        return [draft for name in names for draft in texts.OFFLINE[name](text, items)]

    def fits(text: str) -> bool:
        return not guard.refuse(texts.Draft(text, "", ""))

    return lambda _parent, text, archive, key: problem.several(text, make, archive, key, fits)


def share_of_machine(about: Subject, text: str) -> Check:
    """Check that most rules stand as a person wrote or approved them: a text that feeds on its own kind grows poor."""
    own = {item.text for found in placement.lists(about.text) for item in found.items}
    now = [item.text for found in placement.lists(text) for item in found.items]
    other = sum(rule not in own for rule in now)
    detail = f"{other} of {words.counted(len(now), 'rule')} would be in new words"
    return Check("machine text", passed=other <= MACHINE * len(now), detail=detail)


def look_again(
    about: Subject, winner: str, play: Play, first: int, each: Callable[..., Iterable[Any]] = map
) -> tuple[Runs, Runs, str, str]:
    """Replay a winner and the text as it is on all cases, in samples from `first` on, which no choice saw.

    A sealed case that looks worse is run AGAIN times more, and only these count. Returns the runs of the cases that chose,
    those of the sealed ones, and why either speaks against it, or "".
    """
    cases = (*about.cases, *about.sealed)
    found = each(lambda case: replay.runs(play, case, about.text, winner, LOOK, first=first), cases)
    runs: dict[str, Runs | None] = dict(zip((case.id for case in cases), found, strict=True))
    groups = about.cases, about.sealed, cases
    chosen, sealed, every = (replay.pooled(runs[case.id] for case in some) for some in groups)
    fell = "worse together" if sealed.losses > sealed.wins else ""
    for case in about.sealed:
        if (mine := runs[case.id]) and mine.losses > mine.wins:
            back = replay.runs(play, case, winner, about.text, AGAIN, ALPHA, first + LOOK)
            if back and back.beyond_luck:
                fell = f"case {case.id} gets worse"
                break
    shorter = len(winner) < len(about.text) and every.wins >= every.losses
    noise = "" if shorter or every.beyond_luck or fell else "no better beyond noise in new runs"
    return chosen, sealed, noise, fell


def confirm(guard: Guard, evolution: problem.Evolution, winner: str, name: str, how: str) -> Iterator[Check]:
    """Look at a winner afresh, the sealed cases included, and count that; its size, and who made the cases, are told."""
    about, ledger = guard.about, evolution.ledger
    event = {"event": "confirm", "candidate": problem.name_of(winner)}
    known = [row for row in ledger.events("confirm") if row["candidate"] == event["candidate"]]
    if known:
        looks = known[0]["looks"]
    else:  # counted before it is looked at: a crash counts, too
        looks = guard.store.evaluations.read_held_out(about.path, name) if about.sealed else 0
        ledger.append(event | {"looks": looks})
    first = max(evolution.begun.values())
    chosen, sealed, noise, fell = look_again(about, winner, evolution.play, first, evolution.each)
    if len(known) < 2:
        found = {"chosen": chosen.shares, "sealed": sealed.shares, "fell": fell}
        ledger.append(event | {"looks": looks} | found)
    if not chosen.new:
        yield replay.unscored("no case could be scored once more")
    size = f"{len(winner.encode()) - len(about.text.encode()):+,} bytes; {about.machine:.0%} of the cases are not your words"
    told = f"{words.counted(len(about.cases), 'case')}, {how}, in new runs: {_arrow(chosen)} pass"
    yield Check("cases", passed=not noise, hard=True, detail=f"{told}{', ' * bool(noise)}{noise}; {size}")
    if not about.sealed:
        yield replay.unscored("no case of another session is held out yet")
        return
    told = f"{words.counted(len(about.sealed), 'case')}, look {looks}: {_arrow(sealed)} pass"
    yield Check("held-out cases", passed=not fell, hard=True, detail=f"{told}{', ' * bool(fell)}{fell}")
    if looks > replay.LOOKS:
        yield replay.unscored(f"the held-out cases were looked at {looks} times, so they prove little by now")


def _arrow(runs: Runs) -> str:
    return " → ".join(f"{share:.0%}" for share in runs.shares)


def conclude(guard: Guard, evolution: problem.Evolution, run: str, how: str) -> dict[str, Any]:
    """Make the winner a proposal that waits, or is discarded where the sealed cases fall; its id, state and the reason."""
    ledger, archive = evolution.ledger, evolution.ledger.archive()
    if archive.best in (None, archive.baseline):
        return {"proposal": None, "state": "nothing new", "reason": "no text was better beyond noise"}
    assert archive.best is not None
    assert archive.baseline is not None
    draft = evolution.drafts[archive.best]
    steps, at = [], archive.best
    while parent := evolution.parents[at]:
        steps.append(f"{evolution.drafts[at].operator}: {evolution.drafts[at].what}")
        at = parent
    tried = words.counted(len(archive.known) - 1, "text")
    proposal = guard.proposal(draft, run, f"Found by trying {tried}: {'; '.join(steps[::-1])}")
    checks = [*confirm(guard, evolution, draft.text, proposal.id, how)]
    verdict = judge.demoted(guard.verdict(draft, proposal), checks)
    discarded = verdict.outcome in (Outcome.DISCARD, Outcome.CRASH)
    why = f"{verdict.failed[0].name}: {verdict.failed[0].detail}" if discarded else checks[0].detail
    guard.store.save_proposal(proposal, verdict, "discarded" if discarded else "queued", why)
    state = guard.store.find_proposal(proposal.id)
    end = {"proposal": proposal.id, "state": state.state, "reason": state.reason}
    if not (ended := ledger.events("end")) or ended[-1]["proposal"] != proposal.id:
        ledger.append({"event": "end", **end})
    return end
