"""A line says what the person said: in their words, with nothing made up, the same way round.

Three findings, from coarse to fine. *words*: most content words of the line come from the typed evidence it cites.
*verbatim*: every URL, path, flag, identifier and number stands letter for letter in that evidence or in the skill.
*meaning*: the line is one uncut run of the message, but for articles and politeness, and what was left out around it
neither negates nor limits it. The first two are hard, since a line made of other words was not said by the person;
the last is soft, since rewording may be right and a person can see it.

The bound on words follows the novel-token rule of security research on agent memory; the run is stricter than
comparing negators alone, because leaving out "docs" widens a rule as much as leaving out "not".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from skillloop.gate.clauses import LONGEST, NOT, Unit, clauses, left_over, units
from skillloop.gate.input import GateInput
from skillloop.gate.provenance import holds
from skillloop.gate.schema import body_of
from skillloop.model import Check, Edit, Evidence, Origin, Proposal
from skillloop.text import words
from skillloop.text.redact import redact

ENOUGH = 0.6
"""Share of a line's content words that must come from the evidence."""

ABOUT = 0.5
"""Share of a removed line's content words that the evidence or the new line must hold, for it to speak about that line."""

PERSON = "person"
"""`Proposal.drafter` of a line that a person reworded in review: their own words need no quote, but still a yes."""

_SPAN = re.compile(r"`([^`]{1,200})`")
_TECHNICAL = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://[^\s<>\"'`)\]]{1,500}|(?<!\w)--?[A-Za-z][\w-]{0,80}(?:=[^\s`]{1,80})?"
    r"|[~$@#]?(?:\b[A-Za-z]:)?[\w.-]{0,80}[\\/][\w.~*/\\@{}-]{0,300}|[~$@#][\w.-]{1,80}|\w{1,80}(?:[._:=@-]\w{1,80}){0,8}",
    re.IGNORECASE,
)
_ODD = re.compile(r"[\d_./\\@$#~=:]|^-|[a-z][A-Z]|[A-Z]{2}")

_CROSSED = re.compile("~~|[❌🚫⛔👎✗✘✖❎]|</?(?:s|del|strike)>", re.IGNORECASE)
"""Signs by which people say no without a word."""

_PARAPHRASES = tuple(
    (re.compile(pattern, re.IGNORECASE), into)
    for pattern, into in (
        (r"\b(?:i|we) (?:do not|don'?t) (?:want|like|need) you to\b", "do not"),
        (r"\b(?:i|we) (?:do not|don'?t) (?:want|like|need)(?: any)?\b", "no"),
        (r"\bwir (?:verwenden|nutzen|benutzen)(?: hier)?\b", "verwende"),
        (r"\bpreff?er\b", "prefer"),
    )
)


def check(proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """The three findings for each line, the worst of each kind."""
    said = {evidence.id: _message(evidence, inputs) for evidence in proposal.evidence}
    found: dict[str, str] = {}
    for edit in proposal.edits:
        messages = [said[name] for name in edit.evidence if said.get(name)]
        for name, wrong in _findings(edit, messages, inputs):
            if wrong:
                found.setdefault(name, wrong)
    by_person = proposal.drafter == PERSON
    for name, passed in (
        ("words", "in the person's words"),
        ("verbatim", "nothing is made up"),
        ("meaning", "as the person said it"),
    ):
        yield Check(
            name, name not in found, hard=name != "meaning" and not by_person, detail=found.get(name, passed)
        )


def _message(evidence: Evidence, inputs: GateInput) -> str:
    """The whole message around a confirmed quote, secrets taken out; "" where it is no person's, the quote where that is all there is."""
    if inputs.gone(evidence):
        return redact(evidence.quote[:LONGEST])
    turn = inputs.turns.get(evidence)
    if (
        turn is None
        or turn.role != "human"
        or turn.origin is Origin.MACHINE
        or not holds(turn, evidence.quote)
    ):
        return ""
    return redact(turn.text[:LONGEST])


def _findings(edit: Edit, messages: list[str], inputs: GateInput) -> Iterator[tuple[str, str]]:
    text = "\n".join(messages)
    if edit.new is not None:
        line = body_of(edit.new[:LONGEST])[1]
        yield "words", novel_words(line, text)
        yield "verbatim", made_up(line, text, inputs.base)
        yield (
            "meaning",
            min((meaning(line, message) for message in messages), key=bool, default="no message holds it"),
        )
    if edit.old is not None:
        yield "meaning", _unasked(body_of(edit.old[:LONGEST])[1], text + "\n" + (edit.new or ""))


def novel_words(line: str, evidence: str) -> str:
    """What is wrong with where the line's words come from, or ""."""
    mine, theirs = words.content_words(line), words.content_words(evidence)
    if not mine:  # nothing but small words: they must be the person's
        mine, theirs = frozenset(words.tokens(line) or [line]), frozenset(words.tokens(evidence))
    share = len(mine & theirs) / len(mine)
    new = ", ".join(sorted(mine - theirs)[:5])
    return "" if share >= ENOUGH else f"only {share:.0%} of its words are the person's; not: {new}"


def made_up(line: str, evidence: str, skill: str) -> str:
    """The technical tokens and code spans of a line that stand neither in the evidence nor in the skill, or ""."""
    wanted = set(technical(line))
    missing = wanted and wanted - set(technical(evidence))
    missing = missing and missing - set(technical(skill))
    first = next(iter(technical(line)), "")
    if first in missing and line.startswith(first) and first[0].lower() + first[1:] in technical(evidence):
        missing -= {first}  # the start of a sentence was capitalised
    spans = [span for span in _SPAN.findall(line) if span not in evidence and span not in skill]
    shown = ", ".join(sorted(missing) + spans)
    return f"not in the person's words and not in the skill: {shown[:200]}" if shown else ""


def technical(text: str) -> list[str]:
    """URLs, paths, flags, identifiers, numbers: the tokens of a text that a machine would read letter for letter."""
    found = (match.rstrip(".,:;!?") for match in _TECHNICAL.findall(text))
    return [token for token in found if _ODD.search(token)]


def meaning(line: str, message: str) -> str:
    """Why the line may not mean what the message says, or ""."""
    crossed = _CROSSED.search(message)
    if crossed:
        return f"the message crosses something out: {crossed[0]!r}"
    parts = clauses(_plainly(message))
    said, wanted = units(parts), units(clauses(_plainly(line)))
    runs = list(_runs(wanted, said))
    if not runs:
        return "it is not a run of the person's own words: something is added, left out or turned round"
    left = [left_over(parts, said[start], said[end - 1]) for start, end in runs]
    return "" if "" in left else f"it leaves out {left[0]}"


def _plainly(text: str) -> str:
    for pattern, into in _PARAPHRASES:
        text = pattern.sub(into, text)
    return text


def _runs(wanted: list[Unit], said: list[Unit]) -> Iterator[tuple[int, int]]:
    """Where the units stand in the message, uncut. Its first verb must have the same form: "used" asks for nothing."""
    values = [unit.value for unit in wanted]
    for start in range(len(said) - len(values) + 1 if values else 0):
        if [unit.value for unit in said[start : start + len(values)]] == values and _same_form(
            said[start], wanted[0]
        ):
            yield start, start + len(values)


def _same_form(said: Unit, wanted: Unit) -> bool:
    return wanted.value == NOT or said.surface == wanted.surface


def _unasked(old: str, asked: str) -> str:
    """Whether a removed line is one that nobody spoke about."""
    mine = words.content_words(old)
    share = len(mine & words.content_words(asked)) / len(mine) if mine else 1.0
    return "" if share >= ABOUT else f"the person did not speak about {old.strip()[:80]!r}, which would go"
