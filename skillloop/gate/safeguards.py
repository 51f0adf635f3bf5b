"""Lines that would loosen a safeguard wait for a person, even when a person typed them.

Two kinds: words about skillloop's own judging (the gate, approval, rules, evidence), and words that give up a
protection or run something from elsewhere ("skip the tests", "without asking", `--force`, `curl … | sh`). Whoever
said them, they are applied only by somebody who sees them marked. A list of words is no proof of harmlessness; it
stands behind origin and fidelity, not in place of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from skillloop.gate import risk
from skillloop.gate.frontmatter import plain
from skillloop.gate.input import GateInput
from skillloop.model import Check, Proposal
from skillloop.text.words import fold, polar, tokens

LONGEST = 4_000  # characters of a line that are looked at
MOST_HITS = 20  # in one line; whoever forbids more than that at once is not believed

_SELF = (
    r"skill-?loop|\b(?:the|this) gate\b|\baudit log\b|\breview queue\b|\brejected (?:drafts?|proposals?)|\b(?:per|zero \w+ |a) draft\b",
    r"\bauto(?:matic(?:ally)?)?[- _]?(?:apply|approv|accept|merg)\w*|\bauto mode\b|\bapprov\w* (?:threshold|automatically|all|every|by default)",
    r"\b(?:hard|the|skill|source|these|those) constraints?\b|\btrusted[- ]?(?:source|:)|\buntrusted\b|\bcounts? as (?:a )?trusted|\btrust (?:tool|web|all|any|every)",
    r"\b(?:trusted|source|hard|safety|security|these|those|all|previous|prior|above|earlier|other|any) (?:rules?|instructions?|restrictions?|guidelines?)\b",
    r"\brules? (?:\d|no longer|do(?:es)? not)|\b(?:new|updated) (?:\w+ )?(?:instructions?|policy|rules?)\b|\byou are now\b|\bno limits\b",
    r"\bwhite-?list\w*|\ballow-?list\w*|\bexempt\w*|\bbypass\w*|\bexception(?=:| (?:for|that|to)\b)|\bdisregard\w*",
    r"\b(?:ignor\w*|forget|overrid\w*|supersed\w*) (?:\w+ ){0,3}(?:rules?|instructions?|guidelines?|constraints?|boundaries|warnings?|polic\w+|skill)\b",
    r"\b(?:as|supporting|require\w*|any|no) evidence\b|\bsecret scann\w*|\bfrom scanning\b|\bmax_lines\w*|\brequire_\w+|\bmin_confidence\b|\bnever_auto\b",
    r"\bfrontmatter\b|\ballowed-tools\b|\bdynamic context\b|\b(?:session\w*|pretooluse|posttooluse|plugin|claude code) hooks?\b|\bhooks\.json\b",
    r"\b(?:skill|claude|agents)\.md\b|\bsettings(?:\.local)?\.json\b|\bsystem (?:prompt|message|requirement)|\bthis skill\b|\bskill file\b|\bthis skill.s\b",
    r"\bpermission(?:s| mode| prompts?| dialogs?)?\b(?= (?:mode|prompts?|dialogs?|rules?|checks?|for all))|\bbypasspermissions\b|\bmcp (?:server|add)|\bclaude mcp\b|/plugin\b",
    r"\bregla[s]? de (?:fuentes|seguridad)|\bignora\w* (?:las|los|le|i|as|os)\b|\bignorier\w* (?:die|alle)|\bausnahme für|\bignore[rz]? (?:les|toutes)|\baprob\w* autom\w*",
    r"игнорируй (?:правил|инструкц)\w*|исключение для|без одобрения|忽略(?:所有|以上|之前|规则|指令)|(?:自动|无需)(?:批准|审批)|绕过|例外|信任来源|無視し|承認なし|例外として",
)
"""Words about what judges the skill, or that pose as a new authority."""

_PATTERNS = {
    "self-weakening": re.compile("|".join(_SELF)),
    "safeguard": re.compile("|".join(risk.UNGUARDED)),
    "risk": re.compile("|".join(risk.RISK)),
}

_NOT_REALLY = frozenset(
    "forget forgot hesitate fail worry miss bother mind afraid olvides vergiss oublie esqueça esquecer dimenticare забывай 忘 忘れ".split()
)
"""Words that turn a prohibition into a command: "never forget to …"."""


def check(_proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Soft: added lines about the judging itself (marked red), and lines that give up a protection."""
    lines = [fold(plain(line[:LONGEST])) for line in inputs.added]
    yield _found("self-weakening", _hits("self-weakening", lines), "speaks about the rules that judge it")
    risks = chain(_hits("safeguard", lines), _hits("risk", lines, unless_forbidden=True))
    yield _found("risk", risks, "gives up a protection, handles something secret, or is hard to undo")


def _hits(name: str, lines: list[str], *, unless_forbidden: bool = False) -> Iterator[str]:
    for line in lines:
        for number, match in enumerate(_PATTERNS[name].finditer(line)):
            if not unless_forbidden or number >= MOST_HITS or not _forbidden(line, match.start()):
                yield match[0]


def _forbidden(line: str, at: int) -> bool:
    """Whether the line tells not to do what stands at `at`: a negator before it in the clause (Japanese: anywhere)."""
    start = max((stop.end() for stop in _STOP.finditer(line, 0, at)), default=0)
    stop = _STOP.search(line, at) if _KANA.search(line) else None
    end = at if not _KANA.search(line) else stop.start() if stop else len(line)
    words = tokens(line[start:end])
    negated = "ne" in words or any(name == "not" for name, _, _ in polar(words))
    return negated and _NOT_REALLY.isdisjoint(words)


_STOP = re.compile(r"[,;:.!?](?:\s|$|(?<=[,!?])(?=[^\x00-\x7f]))|[。、]")
_KANA = re.compile("[\u3041-\u30ff]")


def _found(name: str, hits: Iterator[str], what: str) -> Check:
    hit = next(hits, None)
    detail = f"{hit.strip()!r}: the line {what}; only a person applies it" if hit else f"no added line {what}"
    return Check(name, hit is None, hard=False, detail=detail)
