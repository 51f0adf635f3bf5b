"""Check that an added line says what the person said, in tiers.

*Automatic*: the line is one uncut run of the message, but for articles and politeness, and what was left out around it
neither negates nor limits it. *Queued* ("form"): the same, but for spelling, letter case and person. *Queued and marked*:
what was left out, added or turned round ("meaning"), words that are not the person's ("words"), technical tokens that only
the assistant had written ("verbatim"). *Discarded*: a line that shares next to nothing with the message, or holds a URL,
path, flag, identifier or number that stands neither in the evidence, nor in the skill, nor in the answer that was corrected.

For the run a message is read as clauses of units: a unit is a stem, every negator is the one unit NOT, articles and
politeness are none. What is left over before a rule (the lead), after it (the tail) and in the rest of the sentence may be
only what the lexicons name: pleasantries, "I told you to", a finished complaint. Anything else may carry a condition, a
negation or another's words. That is stricter than comparing negators: leaving out "docs" widens a rule as leaving out "not" does.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from skillloop.gate.input import GateInput, body_of, finding
from skillloop.gate.provenance import holds, unasked
from skillloop.model import Check, Edit, Origin, Proposal
from skillloop.text import lexicon, words
from skillloop.text.lexicon import expression
from skillloop.text.redact import redact
from skillloop.text.words import polar, stem, tokens

LEAST = 0.25  # share of a line's content words that must come from the evidence
KNOWN = 0.5  # share of them that must come from there, from the skill, or from the answer that was corrected
LONG_ENOUGH = 5  # letters from which a word with one letter changed, lost, added or swapped is the same
MOST_WORDS = 80  # words of a line up to which it is looked for with another spelling
ABOUT = 0.5  # share of a removed line's content words that the evidence or the new line must hold
PERSON = "person"  # `Proposal.drafter` of a line that a person reworded: it needs no quote, but still a yes
LONGEST = 10_000  # characters of a message that are read
_SPAN = re.compile(r"`([^`]{1,200})`")
_TECHNICAL = re.compile(lexicon.table("markup")["technical"])
_ODD = re.compile(r"[\d_./\\@$#~=:]|^-|[a-z][A-Z]|[A-Z]{2}")
_CROSSED = re.compile("~~|[❌🚫⛔👎✗✘✖❎]|</?(?:s|del|strike)>", re.IGNORECASE)
"""Signs by which people say no without a word."""


def check(proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Return the findings, each with the worst of all lines, and what the drawing of the lesson left to a person."""
    messages = {}  # the whole one around each confirmed quote; the quote where that is all; "" if no person's
    for said in proposal.evidence:
        turn = inputs.turns.get(said)
        persons = turn is not None and turn.role == "human" and turn.origin is not Origin.MACHINE
        heard = redact(turn.text[:LONGEST]) if turn and persons and holds(turn, said.quote) else ""
        messages[said.id] = redact(said.quote[:LONGEST]) if inputs.gone(said) else heard
    answers = redact("\n".join(inputs.answers.values())[:LONGEST])
    mine = proposal.drafter == PERSON
    gone = [body_of(edit.old)[1] for edit in proposal.edits if edit.old] if unasked(proposal) else []
    wrong: dict[str, tuple[str, bool]] = {}
    for edit in proposal.edits:
        cited = [messages[name] for name in edit.evidence if messages.get(name)] + gone
        for name, why, hard in _findings(edit, cited, inputs.base, answers):
            if why and (name not in wrong or hard > wrong[name][1]):
                wrong[name] = why, hard
    if mine and wrong:
        yield finding("words", "your own wording, typed in review", hard=False)
        return
    for name, fine, firm in (
        ("words", "in the words that were said", True),
        ("verbatim", "nothing is made up", True),
        ("meaning", "as it was said", False),
        ("form", "", False),
    ):
        why, hard = wrong.get(name, ("", firm))
        if why or fine:
            yield finding(name, why, fine, hard=hard)
    if proposal.look and not mine:
        yield finding("look", "; ".join(proposal.look), "", hard=False)


def _findings(edit: Edit, messages: list[str], base: str, answers: str) -> Iterator[tuple[str, str, bool]]:
    """Yield what is wrong with an edit: the check, a sentence, and whether it is hard."""
    text = "\n".join(messages)
    if edit.new is not None:
        line = body_of(edit.new[:LONGEST])[1]
        if why := made_up(line, text, base, answers):
            yield "verbatim", why, True
        elif why := made_up(line, text, base):
            yield "verbatim", f"{why}, only in Claude's answer", False
        yield from _wording(line, messages, f"{text}\n{base}\n{answers}")
    if edit.old is not None:
        old = body_of(edit.old[:LONGEST])[1]
        mine, asked = words.content_words(old), words.content_words(text + "\n" + (edit.new or ""))
        if mine and len(mine & asked) / len(mine) < ABOUT:
            yield "meaning", f"nothing was said about {old.strip()[:80]!r}, which would go", False


def _wording(line: str, messages: list[str], known: str) -> Iterator[tuple[str, str, bool]]:
    """Yield how a line differs from the messages, of which `known` is all and what stands around them."""
    text = "\n".join(messages)
    why = min((meaning(line, message) for message in messages), key=bool, default="no message holds it")
    if not why:
        names = {token for token in technical(line) if token.isalpha() and not line.startswith(token)}
        if names := names.difference(technical(text)):  # "GitHub" for "github"
            yield "form", f"you wrote it with other capitals: {', '.join(sorted(names))}", False
    elif any(not meaning(_as_said(line, message), _in_third_person(message)) for message in messages):
        other = ", ".join(word for word in dict.fromkeys(tokens(line)) if word not in tokens(text))
        yield "form", f"your words, but for spelling or person: {other}", False
    else:
        yield "meaning", why, False
        foreign, share = novel_words(line, text)
        if share < LEAST or novel_words(line, known)[1] < KNOWN:
            why = f"only {share:.0%} of its words were said; not: {', '.join(foreign[:5])}"
            yield "words", why, True
        elif foreign:
            yield "words", f"reworded; not your words: {', '.join(foreign[:8])}", False


def novel_words(line: str, evidence: str) -> tuple[list[str], float]:
    """Return the content words of a line that are not in the evidence, and the share of those that are.

    Spelling within one letter, a compound in one word or two, verbs of rules, and words of polarity or person are nobody's.
    """
    said = tokens(evidence)
    theirs = {*words.content_words(evidence), *map(stem, said)}
    line = lexicon.pattern("gate.third person").sub(" ", line)
    anybodys = map(stem, lexicon.words("gate.rule verb") | lexicon.words("gate.person"))
    mine = set(words.content_words(line)).difference(anybodys, words.scope())
    for a, b in pairwise(tokens(line)):
        if stem(a + b) in theirs:
            mine -= {stem(a), stem(b)}
    theirs |= {stem(a + b) for a, b in pairwise(said)}
    if not words.content_words(line):
        mine, theirs = set(tokens(line) or [line]), set(said)
    foreign = sorted(mine - theirs)
    if len(foreign) <= MOST_WORDS:
        foreign = [word for word in foreign if not _misspelled(word, theirs)]
    written = {stem(token): token for token in tokens(line)}
    share = 1 - len(foreign) / len(mine) if mine else float(bool(theirs))
    return [written.get(word, word) for word in foreign], share


def _misspelled(word: str, others: Iterable[str]) -> str:
    """Return the one of the others that is this word with one letter changed, lost, added or swapped, or ""."""
    if len(word) < LONG_ENOUGH or not word.isalpha():
        return ""
    for other in others:
        near = abs(len(word) - len(other)) <= 1 and len(other) >= LONG_ENOUGH - 1
        if not near or word == other or not other.isalpha():
            continue
        start = words.shared(word, other)
        mine, theirs = word[start:], other[start:]
        swapped = mine[:2] == theirs[1::-1] and mine[2:] == theirs[2:]
        changed = len(word) == len(other) and (mine[1:] == theirs[1:] or swapped)
        if changed or (len(word) != len(other) and (mine[1:] == theirs or mine == theirs[1:])):
            return other
    return ""


def _as_said(line: str, message: str) -> str:
    """Return a line in the spelling of the message, with the person as "person"."""
    said = tokens(_in_third_person(message))
    if len(tokens(line)) > MOST_WORDS:
        return line
    joined = {a + b: f"{a} {b}" for a, b in pairwise(said)}

    def spelled(match: re.Match[str]) -> str:
        word = words.fold(match[0])
        return match[0] if word in said else joined.get(word) or _misspelled(word, said) or match[0]

    line = lexicon.pattern("gate.third person").sub("person", line)
    for a, b in pairwise(tokens(line)):
        if a + b in said:
            line = re.sub(rf"\b{re.escape(a)}\W+{re.escape(b)}\b", a + b, line, flags=re.IGNORECASE)
    return re.sub(r"[^\W\d_]+", spelled, line)


@lru_cache(maxsize=64)
def _in_third_person(message: str) -> str:
    own = "|".join(map(re.escape, lexicon.words("gate.person")))
    return re.sub(rf"\b(?:{own})\b", "person", message, flags=re.IGNORECASE)


def made_up(line: str, evidence: str, *others: str) -> str:
    """Return the technical tokens and code spans of a line that stand neither in the evidence nor in any other text, or ""."""
    texts = (evidence, *others)
    mine, said = technical(line), technical(evidence)
    heard = set(tokens(evidence))
    missing = {token for token in mine if not (token.isalpha() and token.casefold() in heard)} - set(said)
    for other in others:
        missing = missing and missing - set(technical(other))
    missing = {token for token in missing if not any(_within(token, text) for text in texts)}
    if missing and line.startswith(mine[0]) and mine[0][0].lower() + mine[0][1:] in said:
        missing.discard(mine[0])  # the start of a sentence was capitalised
    spans = [span for span in _SPAN.findall(line) if not any(span in text for text in texts)]
    shown = ", ".join(sorted(missing) + spans)
    return f"neither said nor in the skill: {shown[:200]}" if shown else ""


def _within(token: str, text: str) -> bool:
    """Return whether a token with Chinese or Japanese in it, which writes no spaces around names, stands in a text letter for letter."""
    whole = rf"(?a:(?<![\w./\\@#$~-])){re.escape(token)}(?a:(?!\.?[\w/\\@#$~-]))"
    return bool(expression(lexicon.WIDE).search(token) and re.search(whole, text))


@lru_cache(maxsize=64)
def technical(text: str) -> list[str]:
    """Return URLs, paths, flags, identifiers, numbers: the tokens that a machine would read letter for letter."""
    found = (match.rstrip(".,:;!?") for match in _TECHNICAL.findall(text))
    return [token for token in found if _ODD.search(token)]


def meaning(line: str, message: str) -> str:
    """Return why the line may not mean what the message says, or ""."""
    if crossed := _CROSSED.search(message):
        return f"the message crosses something out: {crossed[0]!r}"
    for pattern, into in lexicon.rewrites("gate.paraphrase"):
        line, message = pattern.sub(into, line), pattern.sub(into, message)
    parts = clauses(message)
    said, wanted = units(parts), units(clauses(line))
    values, left = [unit.value for unit in wanted], []
    for start in range(len(said) - len(values) + 1 if values else 0):
        run = said[start : start + len(values)]
        same_form = values[0] == NOT or run[0].surface == wanted[0].surface  # "used" asks for nothing
        if same_form and [unit.value for unit in run] == values:
            left.append(left_over(parts, run[0], run[-1]))
    if not left:
        return "it is not a run of the words that were said: something is added, left out or turned round"
    return "" if "" in left else f"it leaves out {left[0]}"


# --- a message as clauses of units -------------------------------------------------------------------------------------

NOT = "¬"
_SENTENCE = re.compile(r"(?<=[.!?…])[\"”’)*_]*\s+|(?<=[。！？؟])|(?<![:：])[ \t]*\n+|\.{2,}\s*")
_CLAUSE = re.compile(
    r"\s*[,;:](?=\s|$)\s*|\s*[，；：、،؛]\s*|\s+[-–—]+\s+|—|\s*[(（](?=\S)|(?<=\S)[)）](?=[\s.,;:!?，。；：！？]|$)|\n+"
)
_SPACES = re.compile(r"[^\S\n]{2,}|\n\s+")
"""What is one space or one line end here, so that no pattern runs over a long gap again and again."""
_CONDITIONS = frozenset("only except if this before after may without some instead".split())


class Clause(NamedTuple):
    """The tokens between two commas, and the number of the sentence they stand in."""

    words: tuple[str, ...]
    sentence: int
    colon: bool = False  # it announces what follows
    asks: bool = False  # its sentence ends with a question mark
    dashed: bool = False  # a dash stands before it

    @property
    def text(self) -> str:
        """The tokens with one space between them."""
        return " ".join(self.words)


class Unit(NamedTuple):
    """What a rule is compared by: a stem or NOT, the token as written, and where it stands."""

    value: str
    surface: str
    clause: int
    start: int  # first token in its clause
    end: int


@lru_cache(maxsize=64)
def clauses(text: str) -> list[Clause]:
    """Return the clauses of a message, in order. A line that ends with a colon goes on in the next."""
    found = []
    even = _SPACES.sub(lambda gap: gap[0][0], text[:LONGEST])
    for number, sentence in enumerate(_SENTENCE.split(even)):
        asks = sentence.rstrip("\"'”’)*_ ").endswith(("?", "？", "؟"))
        at, before = 0, ""
        for match in (*_CLAUSE.finditer(sentence), None):
            part, after = (sentence[at : match.start()], match[0].strip()) if match else (sentence[at:], "")
            if inside := tuple(tokens(part)):
                colon = after in (":", "：") or part.rstrip().endswith((":", "："))
                dashed = bool(before) and not before.strip("-–—")
                found.append(Clause(inside, number, colon, asks, dashed))
            at, before = (match.end(), after) if match else (at, before)
    return found


def units(parts: list[Clause]) -> list[Unit]:
    """Return the units of a message, in order."""
    found, filler = [], lexicon.words("gate.filler")
    for number, clause in enumerate(parts):
        negators = {start: end for name, start, end in polar(list(clause.words)) if name == "not"}
        skip = 0
        for at, word in enumerate(clause.words):
            if at in negators:
                skip = negators[at]
                found.append(Unit(NOT, word, number, at, skip))
            elif at >= skip and word not in filler:
                found.append(Unit(stem(word), word, number, at, at + 1))
    return found


def left_over(parts: list[Clause], first: Unit, last: Unit) -> str:
    """Return what the message says around the run from `first` to `last` that changes its meaning, or ""."""
    lead = parts[first.clause].words[: first.start]
    tail = parts[last.clause].words[last.end :]
    if not _is_lead(lead, first.surface):
        return f"what comes before it: {' '.join(lead)!r}"
    if not _is_tail(tail):
        return f"what comes after it: {' '.join(tail)!r}"
    opening, closing = parts[first.clause].sentence, parts[last.clause].sentence
    for number, clause in enumerate(parts):
        if number < first.clause and clause.sentence == opening and _binds(clause):
            return f"the words before: {clause.text!r}"
        if number > last.clause and clause.sentence == closing and _limits(clause):
            return f"the words after: {clause.text!r}"
        if clause.sentence > closing and parts[number - 1].sentence < clause.sentence:
            near = clause.sentence == closing + 1
            if (near and _opens_limit(clause)) or expression(r"<gate.retract>\b").match(clause.text):
                return f"the sentence after: {clause.text!r}"
    sentence = [clause for clause in parts if clause.sentence == opening]
    assures = len(sentence) > 1 and _is_tail(sentence[-1].words)  # "…, ok?" asks nothing
    requests = expression(r"<gate.request>\b").match(parts[first.clause].text)
    return "that it is a question" if sentence[0].asks and not assures and not requests else ""


def _is_lead(lead: tuple[str, ...], following: str = "") -> bool:
    """Return whether words say nothing but that something is now asked for."""
    filler = lexicon.words("gate.filler")
    text = " ".join([word for word in lead if word not in filler] + [following] * bool(following))
    while text != following:
        match = expression("<gate.lead>(?: |$)").match(text)
        if match is None:
            return False
        text = text[match.end() :]
    return True


def _is_tail(tail: tuple[str, ...]) -> bool:
    rest = " ".join(word for word in tail if word not in lexicon.words("gate.filler"))
    return bool(expression("(?:<gate.tail>(?: |$))*$").match(rest))


def _binds(clause: Clause) -> bool:
    """Return whether an earlier clause of the sentence may govern the later one: a condition, a prohibition, an announcement."""
    first = clause.words[0]
    answers = expression(r"(?:<gate.answer>(?: |$))+$|<gate.denial>").match(clause.text)
    if _is_lead(clause.words) or (answers and not clause.colon):
        return False
    classes = polar(list(clause.words))
    governs = any(name in _CONDITIONS or (name == "not" and start == 0) for name, start, _ in classes)
    topic = len(clause.words) <= 2 and first not in lexicon.words("gate.remark")
    reported = not lexicon.words("gate.report").isdisjoint(clause.words)
    return clause.colon or governs or topic or reported or first in lexicon.words("gate.frame")


def _limits(clause: Clause) -> bool:
    """Return whether a later clause of the sentence may limit the earlier one, or be a part of it."""
    if _is_tail(clause.words):
        return False
    if clause.dashed:
        return _opens_limit(clause) or clause.words[0] in lexicon.words("gate.frame")
    conditional = any(name in _CONDITIONS or name == "not" for name, _, _ in polar(list(clause.words)))
    return conditional or clause.words[0] not in lexicon.words("gate.remark")


def _opens_limit(clause: Clause) -> bool:
    opens = {name for name, start, _ in polar(list(clause.words)) if start == 0}
    limits = not opens.isdisjoint({"except", "only", "if", "this", "without"})
    turns = expression("<gate.turn>(?: |$)").match(clause.text)
    return limits or bool(turns) or clause.words[0] in lexicon.words("gate.limit")
