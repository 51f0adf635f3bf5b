"""Gather what the gate may look at: the live file, the rules, the cited turns with their receipts, the counts."""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from skillloop import config, fs, outcomes
from skillloop.config import confirmation
from skillloop.config.sections import Config
from skillloop.detect import durability
from skillloop.errors import SkillloopError
from skillloop.gate.input import GateInput
from skillloop.hosts.claude_code import authorship, transcript
from skillloop.model import Evidence, Proposal, Session, Turn
from skillloop.skillpath import SkillPath, is_rules
from skillloop.skills import document, history
from skillloop.store import Store


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
        breaker=outcomes.breaker(store, proposal.path) if automatic else "",
        own=history.text(store, own.sha) if own else None,
        confirmed=confirmation.last(store, home) if automatic else "",
        unconfirmed=tuple(str(change) for change in changes if change.loosens),
    )


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
