"""Only words that a person typed are evidence, and code, not the drafter, says so.

Every id that an edit cites must be known, and its quote must stand verbatim in the human turn that was read again
from the transcript. Default deny: MACHINE or missing is refused; UNATTRIBUTED (an older client) and anything
doubtful about the turn or the session goes to a person. Since whatever can write a transcript can write every field of
a record, only words that the hook saw submitted (see `receipts`) are ever applied without one.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from skillloop.gate.input import GateInput, finding
from skillloop.model import Check, Evidence, Origin, Proposal, Turn, TurnKind
from skillloop.text.lexicon import table
from skillloop.text.redact import redact

DOUBTS = frozenset({"gone", "attribution", "receipt", "untold", "pasted", "taken back", "partial", "tainted"})
"""The soft findings that speak against it that a person said, and meant, these words."""
REMEMBERED = "remembered"  # folder in the home with what `skillloop remember` was given, a transcript each
_doubt = partial(finding, hard=False)
LONGEST_TYPED = 400  # characters; beyond, part of a turn may well be pasted
EVOLVE = "evolve"
"""`Proposal.drafter` begins with it where an edit may rest on what the file says alone. It then waits for a person."""
MOST_LINES = 6
LONGEST = 10_000  # characters of a message in which a redacted quote is looked for
_PASTED = re.compile("|".join(table("pastes")["anywhere"]), re.MULTILINE | re.IGNORECASE)
"""Shapes of what people paste, and the words with which they hand on what others wrote."""


def check(proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Return one hard finding for evidence that is no person's, one soft for each kind of doubt."""
    unsaid = filter(None, (_not_said(evidence, inputs) for evidence in proposal.evidence))
    wrong = _uncited(proposal) or next(unsaid, "")
    if inputs.session is not None and inputs.session.automated:
        wrong = wrong or "no person takes part in this session"
    yield finding("origin", wrong, "every quote was read again where it was typed")
    if not wrong:
        yield from _doubts(proposal, inputs)
        if unasked(proposal):
            yield _doubt("unasked", "nobody asked for this change: it was found by trying")


def unasked(proposal: Proposal) -> bool:
    """Return whether a proposal came from trying texts (`skillloop evolve`), and not from a lesson."""
    return proposal.drafter.partition(":")[0] == EVOLVE


def _uncited(proposal: Proposal) -> str:
    """Return how the edits and the evidence do not fit together, or ""."""
    known = {evidence.id for evidence in proposal.evidence}
    if len(known) < len(proposal.evidence):
        return "two pieces of evidence have one id"
    for number, edit in enumerate(proposal.edits, 1):
        if not edit.evidence and not unasked(proposal):
            return f"edit {number} cites no evidence"
    missing = {name for edit in proposal.edits for name in edit.evidence} - known
    return f"evidence {min(missing)!r} does not exist" if missing else ""


def _not_said(evidence: Evidence, inputs: GateInput) -> str:
    """Return why this quote is not a person's own words, or ""."""
    turn, session = inputs.turns.get(evidence), inputs.session
    where = f"{evidence.path}:{evidence.line}"
    if turn is None:  # a quote that is gone is a doubt, see below
        gone = inputs.gone(evidence) and evidence.quote.strip()
        return "" if gone else f"no message of a person stands at {where}"
    if turn.role != "human" or Origin.MACHINE in (turn.origin, evidence.origin):
        return f"the message at {where} was not typed by a person"
    # The reader of the whole transcript, which sees more than one record, must take it for a person's turn too.
    said = {(turn.line, turn.uuid) for turn in session.human_turns} if session else set()
    if session and session.path == evidence.path and (evidence.line, evidence.uuid) not in said:
        return f"the message at {where} is not one that a person typed in this session"
    if evidence in inputs.echoed:
        return f"Claude had these words before they were typed at {where}"
    if not evidence.quote.strip():
        return f"the quote of {where} is empty"
    return "" if holds(turn, evidence.quote) else f"the quote is not in the message at {where}"


def holds(turn: Turn, quote: str) -> bool:
    """Return whether a quote stands verbatim in what the person typed, secrets taken out on both sides."""
    return quote in turn.text or redact(quote[:LONGEST]) in redact(turn.text[:LONGEST])


def _doubts(proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    relayed = False
    turns = [turn for evidence in proposal.evidence if (turn := inputs.turns.get(evidence))]
    if len(turns) < len(proposal.evidence):
        yield _doubt("gone", "the transcript can no longer be read, so the quote was not confirmed again")
    if Origin.UNATTRIBUTED in [turn.origin for turn in turns] + [cited.origin for cited in proposal.evidence]:
        what = "this client's transcript does not say who typed the message"
        if relayed := all(Path(cited.path).parent.name == REMEMBERED for cited in proposal.evidence):
            what = "Claude or a script ran `skillloop remember`: the rule counts only once you approve it"
        yield _doubt("attribution", what)
    witness = _unwitnessed(turns, inputs)
    yield from (check for check in witness if not (relayed and check.name == "unwatched"))
    for turn in turns:
        long = len(turn.text) > LONGEST_TYPED or turn.text.count("\n") >= MOST_LINES
        if long or (turn.pasted and not turn.marked) or _PASTED.search(turn.text):
            yield _doubt("pasted", "part of the message looks pasted, not typed")
            break
    if (session := inputs.session) is not None:
        cited = {(evidence.line, evidence.uuid) for evidence in proposal.evidence}
        if any(turn.abandoned and (turn.line, turn.uuid) in cited for turn in session.turns):
            yield _doubt("taken back", "the conversation was rewound past this message")
        if session.partial:
            yield _doubt("partial", f"{session.bad_lines} lines of the transcript could not be read")
        if session.tainted:
            yield _doubt("tainted", f"the transcript may have been written to: {session.tainted}")


def _unwitnessed(turns: Sequence[Turn], inputs: GateInput) -> Iterator[Check]:
    """Return one finding where the hook did not see the words submitted, one where it could not have seen them."""
    submitted = {turn: inputs.receipts.get(turn) for turn in turns if turn.kind.submitted}
    forged = False in submitted.values()
    sure = {turn for turn in turns if turn.kind is TurnKind.QUEUED or turn.origin is Origin.TYPED}
    others = [turn for turn in turns if not turn.kind.submitted]
    untold = any(inputs.receipts.get(turn) is not True or turn not in sure for turn in others)
    if forged:
        what = "the text may have been inserted into the transcript"
        yield _doubt("receipt", f"the plugin did not see the message submitted: {what}")
    if None in submitted.values():
        yield _doubt(
            "unwatched", "the plugin did not watch this session, so nothing proves what was typed in it"
        )
    elif untold:
        detail = "nothing proves that a person wrote the message: the plugin was not told of it"
        yield _doubt("untold", detail)
