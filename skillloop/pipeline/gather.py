"""Gather what the gate may look at, judge a proposal on the live SKILL.md, and publish it once somebody approves.

A draft can be days old. Before anybody sees it or approves it, its edits are applied to the SKILL.md as it is *now*
and the gate judges the result again. The *digest* binds an approval to exactly the bytes that were shown.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from skillloop import config, fs, gate, outcomes
from skillloop.config import confirmation
from skillloop.config.sections import Config
from skillloop.detect import durability
from skillloop.errors import Refused, SkillloopError, Stale
from skillloop.gate.fidelity import PERSON
from skillloop.gate.input import GateInput, body_of
from skillloop.hosts.claude_code import authorship, transcript
from skillloop.model import Evidence, Lesson, Outcome, Proposal, Session, Turn, Verdict, Version, sha256
from skillloop.outcomes import Effect
from skillloop.propose import offline_drafter
from skillloop.propose.targets import AGAINST, EARLIER, NOT_IN_FORCE, UNSURE
from skillloop.skillpath import SkillPath, is_rules, target_name
from skillloop.skills import document, history, team
from skillloop.store import By, Queued, Store

RECENT = 100  # entries of a file's log among which an edit's own is looked for


@dataclass(frozen=True, slots=True)
class Prepared:
    """A proposal whose base is the live text, with the text it leads to and the gate's verdict on that."""

    proposal: Proposal
    old: str
    new: str
    verdict: Verdict
    config: Config

    @property
    def digest(self) -> str:
        """Hex sha256 over path, old and new text: what an approval is bound to."""
        return sha256("\0".join((self.proposal.path, sha256(self.old), sha256(self.new))))

    @property
    def diff(self) -> str:
        """The unified diff from the live text to the new one."""
        return document.diff(self.old, self.new, self.proposal.path)


def prepare(
    proposal: Proposal,
    home: Path,
    store: Store | None,
    session: Session | None = None,
    confidence: float | None = None,
    old: str | None = None,
) -> Prepared:
    """Apply the edits to the live SKILL.md, which may be newer than their base, and judge the result. Writes nothing.

    `session` and `confidence` are what was just read; `old` stands for the live text: what a dry run would have written.
    Raises Stale: the edits no longer fit the live file; SkillloopError: it cannot be read, or is not a SKILL.md.
    """
    old = old or live_text(proposal.path)
    try:
        new = document.apply(old, proposal.edits, proposal.path)
    except document.EditError as error:
        raise Stale(error.message, error.hint) from None
    fresh = replace(proposal, base=sha256(old))
    inputs = gather(fresh, old, new, home, store, session, confidence)
    return Prepared(fresh, old, new, gate.judge(fresh, inputs), inputs.config)


def as_judged(item: Queued, home: Path, store: Store) -> bool:
    """Return whether an edit's file and rules are, by all that the log tells, those on which it was judged when it was drafted."""
    path, forbidden = item.proposal.path, item.verdict.forbidding
    log = store.log(path, limit=RECENT)
    saved = next((x for x in log if x.event != "proposal" or x.detail["proposal"] == item.proposal.id), None)
    if saved is None or saved.event != "proposal" or forbidden or item.state != "queued":
        return False
    said = all(Path(evidence.path).exists() for evidence in item.proposal.evidence)
    known = said and sha256(live_text(path)) == item.proposal.base
    return known and confirmation.unchanged(store, saved.seq, home, *rules_folders(path))


def gather(
    proposal: Proposal,
    old: str,
    new: str,
    home: Path,
    store: Store | None,
    session: Session | None,
    confidence: float | None,
) -> GateInput:
    """Look up all that the checks rest on: the rules, the cited turns with their receipts, the counts. See `prepare`."""
    folders = rules_folders(proposal.path, session)
    read = {item: said for item in proposal.evidence if (said := reread(item)) is not None}
    turns = {item: turn for item, (turn, _) in read.items()}
    inputs = GateInput(
        base=old,
        text=new,
        config=config.load(home, *folders),
        target=SkillPath.of(proposal.path),
        session=session,
        turns=turns,
        answers={item: answer for item, (_, answer) in read.items()},
        echoed=frozenset() if session is None else echoed(session, turns),
        receipts={
            turn: authorship.witnessed(home, proposal.session_id, proposal.evidence[0].path, turn)
            for turn in turns.values()
        },
        confidence=confidence,
    )
    if store is None:
        return inputs
    changes = confirmation.changes(store, home, *folders)
    automatic = inputs.config.apply.mode == "auto"
    by_hand = (each for each in reversed(history.versions(store, proposal.path)) if each.author != "client")
    own = next((x for x in by_hand if not x.proposal or store.find_proposal(x.proposal).by == "person"), None)
    return replace(
        inputs,
        added_in_session=store.added_in_session(proposal.session_id),
        added_unseen=sum(store.applied_unseen(proposal.path).values()),
        failing=outcomes.breaker(store, proposal.path) if automatic else "",
        own=history.text(store, own.sha) if own else None,
        confirmed=confirmation.last(store, home) if automatic else "",
        unconfirmed=tuple(str(change) for change in changes if change.loosens),
    )


def refuse_if_forbidden(prepared: Prepared) -> None:
    """Raise Refused where a hard check failed, which no approval overrides; SkillloopError where the gate broke on it."""
    outcome, check = prepared.verdict.outcome, next(iter(prepared.verdict.failed), None)
    if check and outcome is Outcome.CRASH:
        raise SkillloopError(f"a check broke on edit {prepared.proposal.id}: {check.detail}")
    if check and outcome is Outcome.DISCARD:
        rule = f"; the setting is {check.rule}" if check.rule else ""
        hint = "no approval overrides this; only you can, by changing that setting"
        raise Refused(f"{check.name}: {check.detail}{rule}", hint)


def publish(prepared: Prepared, store: Store, *, by: By, note: str) -> Version | None:
    """Write the new text, record the version, mark the proposal applied; `note` says in the log how it was decided.

    In git as the person's rules say (`apply.as`); None where the edit is on a branch of its own, and the file as it was.
    Raises Refused: a hard check failed; Stale: the file changed between preparing and writing, or since its last commit.
    """
    refuse_if_forbidden(prepared)
    item, rules = prepared.proposal, prepared.config.apply
    place = team.repository(item.path) if rules.as_ != "file" or rules.share != "nothing" else None
    if place is not None and rules.as_ != "file":
        place.check_committed(prepared.old)
    if place is not None and rules.as_ == "branch":
        branch = team.on_branch(item, place, prepared.new, rules.share)
        store.set_state(item.id, "applied", team.ON_BRANCH + branch, by=by)
        return None
    data = prepared.new.encode()
    version = history.publish(store, Path(item.path), item.base, data, proposal_id=item.id, by=by, note=note)
    if place is not None:
        try:
            team.tell(item, place, rules.share, commit=rules.as_ == "commit")
        except SkillloopError as error:  # as where a hook of the repository's refuses: the edit stands
            store.record("not shared", skill=item.path, proposal=item.id, reason=error.message)
    return version


def take_back(home: Path, store: Store) -> None:
    """Take back, once, the automatic edits that made it worse, where the person's rules can be read and let that be."""
    for change in outcomes.waiting(store):
        path, number, edit = str(change.skill), change.version.number, change.version.proposal
        tried = any(each.extra.get("without") == number for each in history.versions(store, path))
        if change.effect != Effect.WORSE or tried or not edit or store.find_proposal(edit).by != "auto":
            continue
        folders = rules_folders(path)
        with suppress(SkillloopError):  # as where the person changed the line since: they are asked
            loosened = any(each.loosens for each in confirmation.changes(store, home, *folders))
            if config.load(home, *folders).apply.undo == "auto" and not loosened:
                history.rollback(store, path, only=number, by="auto", why=change.told)


def reworded(proposal: Proposal, lines: Sequence[str], drafter: str = PERSON) -> Proposal:
    """Return the same edit with other lines, one below the other, as a person wrote them: a proposal of its own."""
    first = proposal.edits[0]
    edits = [] if lines[0] == first.old else [replace(first, new=lines[0])]
    for above, line in pairwise(lines):
        edits.append(replace(first, op="insert", old=None, new=line, after=above, nth=0))
    changed = (*edits, *proposal.edits[1:])
    name = offline_drafter.proposal_id(proposal.path, changed)
    why = "Both lines stay" if lines[0] == first.old else proposal.rationale
    return replace(proposal, id=name, edits=changed, drafter=drafter, rationale=why)


def moved(proposal: Proposal, path: str) -> Proposal:
    """Return a proposal that brings the same new line to another file. Raises SkillloopError: it cannot."""
    line, text = body_of(proposal.edits[0].new or "")[1], live_text(path)
    if not line:
        raise SkillloopError("a deletion cannot be moved")
    said, *also = proposal.evidence
    settled = (NOT_IN_FORCE, EARLIER, UNSURE, f"{AGAINST} {target_name(path)}, ")
    look = tuple(why for why in proposal.look if not any(each in why for each in settled))
    lesson = Lesson(said, line, 1.0, offered=True, confidence=1.0, turn=0, target=path, look=look)
    new = offline_drafter.draft(replace(lesson, also=tuple(also)), text, path)
    if not isinstance(new, Proposal):
        raise SkillloopError(f"it is already a rule: {path}:{new.line}")
    return replace(new, drafter=proposal.drafter, session_id=proposal.session_id)


def live_text(path: str) -> str:
    """Return the SKILL.md as it is now; a rules file that does not exist is empty. Raises SkillloopError: it is none, or empty."""
    try:
        with fs.open_skill(path) as skill:
            text = document.decode(skill.read(), path)
    except fs.Missing:
        if not is_rules(path):
            raise
        return ""
    if not text and not is_rules(path):
        raise SkillloopError(f"{path}:1: the file is empty", "write what the skill is for, then try again")
    return text


def rules_for(path: str, home: Path, session: Session | None = None) -> Config:
    """Return the person's rules for one skill: their own, the project's, the skill's, combined."""
    return config.load(home, *rules_folders(path, session))


def rules_folders(path: str, session: Session | None = None) -> tuple[Path | None, Path]:
    """Return the project and the skill's folder whose rules hold for a skill."""
    folder = Path(path).parent  # PROJECT/.claude/skills/NAME, or PROJECT/.claude/rules
    if session is not None and session.cwd:
        return Path(session.cwd), folder
    client = next((parent for parent in list(folder.parents)[:2] if parent.name == ".claude"), None)
    return client.parent if client else None, folder


def echoed(session: Session, evidence: Iterable[Evidence]) -> frozenset[Evidence]:
    """Return the evidence whose words are mostly the assistant's or a tool's, unless what is left is a rule by itself."""
    said = {turn.line: turn.text for turn in session.human_turns}
    here = [item for item in evidence if item.path == session.path]
    looked = [(span, item) for item in here for span in _spans(item, said.get(item.line, ""))]
    rests = transcript.echoes(session, {span: item.line for span, item in looked})
    found = set()
    for span, item in looked:
        rest = rests.get(span, span)
        own = durability.is_explicit(rest, rest, rest) or durability.reads_like_a_norm(rest, rest, rest)
        if 2 * len(rest) < len(span) and not own:
            found.add(item)
    return frozenset(found)


def _spans(item: Evidence, text: str) -> list[str]:
    """Return a quote; one of few words with those around it, in each way: so many nobody says after another by accident."""
    quote, more = item.quote, transcript.ECHO_WORDS - len(item.quote.split())
    words = rf"((?:\S+\s+){{0,{more}}})\S*{re.escape(quote)}\S*((?:\s+\S+){{0,{more}}})"
    if more <= 0 or not quote.isascii() or not (match := re.search(words, text)):
        return [quote]
    before, after = match[1].split(), match[2].split()
    ways = [(before[len(before) - first :], after[: more - first]) for first in range(len(before) + 1)]
    return [" ".join([*a, quote, *b]) for a, b in ways if len(a) + len(b) == more] or [quote]


def reread(evidence: Evidence) -> tuple[Turn, str] | None:
    """Return the human turn that evidence points to, and what the assistant had said before it, as the transcript has them now."""
    path = Path(evidence.path)
    projects = path.parent.parent
    if projects.name == "projects" and not path.exists():  # moved to the folder of the worktree's repository
        path = next(projects.glob(f"*/{path.name}"), path)
    try:
        turns = _said(path, *fs.mark(path))
    except (OSError, SkillloopError):
        return None
    return turns.get((evidence.line, evidence.uuid))


@lru_cache(maxsize=16)
def _said(path: Path, size: int, changed: int) -> dict[tuple[int, str | None], tuple[Turn, str]]:  # noqa: ARG001  (they are the key)
    """Read a file that did not change once for all its quotes, also where a review goes to and fro between files."""
    said, answer = {}, ""
    for turn in transcript.read(path).turns:
        if turn.role == "human":
            said[turn.line, turn.uuid] = (turn, answer)
        else:
            answer = turn.text
    return said
