"""A credential never enters a skill, and lines that would loosen a safeguard wait for a person, even when a person typed them.

A credential in what an edit adds is a hard failure without an override. What changed is looked at with what stands around it,
since two harmless lines can make one key, and once more with concatenations and line breaks taken out. A long random token
that no rule knows is sent to a person.

Two kinds of lines loosen a safeguard: words about skillloop's own judging (the gate, approval, rules, evidence), and words
that give up a protection, send away, destroy, or run something from elsewhere ("without asking", `--force`, `curl … | sh`).
A list of words is no proof of harmlessness; it stands behind origin and fidelity, not in place of them. The expressions are
in `data/lang`. A verb counts with what it takes: `gate.near` is the few words between, without a preposition, so that the
object is the verb's own ("delete the blank rows in the table" deletes no table).
"""

import re
from collections.abc import Iterable, Iterator

from skillloop.gate.input import GateInput, finding
from skillloop.gate.structure import plain
from skillloop.model import Check, Proposal
from skillloop.text import lexicon, redact, words

REACH = 10_000  # characters on each side of a change that are looked at: more than the longest credential
_CONCATENATION = re.compile(r"""["'`]\\?\s{0,8}[+.,&]?\s{0,8}["'`]""")
_LIST_MARKER = re.compile(r"^\s{0,12}(?:[-*+>]|\d{1,3}[.)])\s{1,4}")
LONGEST = 4_000  # characters of a line that are looked at
MOST_HITS = 20  # in one line; whoever forbids more than that at once is not believed
_RISK = "<gate.gives up>|<gate.runs>|<gate.hands out>|<gate.destroys>"
"""What gives up a protection, runs something, hands out what is private, or is hard to undo. Harmless under a negation."""
_STOP = re.compile(r"[,;:.!?](?:\s|$|(?<=[,!?])(?=[^\x00-\x7f]))|[。、]")
_KANA = re.compile("[\u3041-\u30ff]")


def secrets(_proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Hard: no credential in what the edits add. Soft: no long random token that the skill has not already."""
    bodies = [_LIST_MARKER.sub("", line) for line in inputs.added]
    joined = [_CONCATENATION.sub("", line) for line in bodies]
    views = {*bodies, *joined, "".join(joined), " ".join(joined)}
    types = {secret.type for view in views for secret in redact.secrets(view)}
    around = changed(inputs.base, inputs.text)
    types |= {x.type for x in redact.secrets(around) if around[x.start : x.end] not in inputs.base}
    shown = "; ".join(redact.redact(line)[:120] for line in inputs.added)
    wrong = f"the added text holds a credential ({', '.join(sorted(types))}): {shown}" if types else ""
    yield finding("secrets", wrong, "no credential in the added lines")
    for line in inputs.added if not types else ():
        for token in redact.random_tokens(line):
            if token not in inputs.base:
                detail = f"a long random token, which no rule of a skill needs: {token[:6]}…"
                yield finding("random token", detail, hard=False)
                return


def changed(base: str, text: str) -> str:
    """Return the part of `text` from the first to the last difference, with `REACH` characters on each side; "" without one."""
    if base == text:
        return ""
    start = words.shared(base, text)
    end = words.shared(base[start:][::-1], text[start:][::-1])
    return text[max(0, start - REACH) : len(text) - end + REACH]


def check(_proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Soft: added lines about the judging itself (marked red), and lines that give up a protection."""
    lines = [words.fold(plain(line[:LONGEST])) for line in inputs.added]
    itself = (match[0] for line in lines for match in lexicon.expression("<gate.self>").finditer(line))
    yield _found("self-weakening", itself, "speaks about what judges it")
    risks = [match[0] for line in lines for match in lexicon.expression("<gate.unguarded>").finditer(line)]
    for line in lines if not risks else ():
        for number, match in enumerate(lexicon.expression(_RISK).finditer(line)):
            if number >= MOST_HITS or not _forbidden(line, match.start()):
                risks.append(match[0])
                break
    yield _found("risk", risks, "gives up a protection, handles something secret, or is hard to undo")


def _found(name: str, hits: Iterable[str], what: str) -> Check:
    hit = next(iter(hits), None)
    wrong = f"{hit.strip()!r}: the line {what}; only a person may apply it" if hit else ""
    return finding(name, wrong, f"no added line {what}", hard=False)


def _forbidden(line: str, at: int) -> bool:
    """Return whether the line tells not to do what stands at `at`: a negator before it in the clause (Japanese: anywhere)."""
    start = max((stop.end() for stop in _STOP.finditer(line, 0, at)), default=0)
    end = at
    if _KANA.search(line):
        stop = _STOP.search(line, at)
        end = stop.start() if stop else len(line)
    said = words.tokens(line[start:end])
    negated = "ne" in said or any(name == "not" for name, _, _ in words.polar(said))
    return negated and lexicon.words("gate.not really").isdisjoint(said)
