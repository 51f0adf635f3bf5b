"""Where in a SKILL.md a rule belongs, and which line it contradicts.

A rule is added to a list of rules that is about it: the list's headings or the sentence that announces it say that it holds
rules, or one of its items speaks of the same thing; and it is none of the lists that hold something else (triggers, steps,
examples, references, outputs) or what not to do, where the line would mean the opposite. Else it goes under "Learned
rules". What is a list at all is for a CommonMark parser to say: bullets in code, comments, tables and quotes are none.

Invariant: a line is found contradicted only where both speak of the same thing, since a person is asked to give it up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from skillloop.errors import SkillloopError
from skillloop.skills import document
from skillloop.skills.document import LEARNED
from skillloop.text import lexicon, words

SHARED = 2
"""Rare words that a rule and a list must share."""

COMMON = 3
"""Lists of a file in which a word may stand to count as rare."""

_TASK = re.compile(r"\[[ xX]\]\s")
_POINTER = re.compile(
    r"[`*\[]*(?:[\w.-]*/[\w./-]+|[\w-]+\.\w{1,5})[`*\])]*(?:\s*[-–—:(].*)?$|\[[^\]]+\]\([^)]+\)|https?://"
)
_TERM = re.compile(r"(?:\*\*|__|`)[^*_`]{1,60}(?:\*\*|__|`)\s*(?::|[-–—]\s)|[\w /-]{1,40}:\s")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CLAUSE = re.compile(r"\s*(?:[;:.!?。！？；，,、]+(?=\s|$|[^\x00-\x7f])|\s[-–—]+\s)\s*")


class NoPlaceError(SkillloopError):
    """A rule has no safe place in the file."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list: its 0-based line, and its text without marker."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class List:
    """A list as a reader of the page sees it."""

    headings: tuple[str, ...]  # that it stands under, the nearest first
    lead: str  # the paragraph that announces it, or ""
    items: tuple[Item, ...]
    ordered: bool

    @property
    def title(self) -> str:
        """Return what says what the list holds."""
        return " / ".join(filter(None, (self.lead, *self.headings[:1])))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule goes: after the item on this line, or under the learned rules. `why` is for a person."""

    heading: str | None
    after: str | None  # the line of the list's last item, as it stands
    nth: int  # which of the places that read so, from 0
    why: str


@lru_cache(maxsize=8)
def lists(text: str) -> tuple[List, ...]:
    """Return the lists of a SKILL.md's body that are no part of anything else, in order."""
    skill = document.parse(text)
    body = "\n".join(line.rstrip("\r\n") for line in skill.lines[skill.body :])
    return tuple(_lists(_parser().parse(body), skill.body))


@cache
def _parser() -> MarkdownIt:
    return (
        MarkdownIt("commonmark").enable("table").disable(["inline"])
    )  # blocks alone: their lines are what counts


def _lists(tokens: list[Token], offset: int) -> Iterator[List]:
    headings: list[tuple[int, str]] = []
    lead = ""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type == "heading_open":
            level = int(token.tag[1])
            headings = [(n, text) for n, text in headings if n < level] + [
                (level, tokens[at + 1].content.strip("*_ `"))
            ]
            lead = ""
        elif token.type == "paragraph_open":
            content = tokens[at + 1].content.strip()
            last = content.rsplit("\n", 1)[-1].rstrip("*_ ")
            lead = last if last.endswith((":", "：")) or content.startswith(("**", "__")) else ""
        elif token.level == 0 and token.type in ("bullet_list_open", "ordered_list_open"):
            close = next(
                n
                for n in range(at, len(tokens))
                if tokens[n].type == token.type.replace("open", "close") and tokens[n].level == token.level
            )
            inside = tokens[at:close]
            items = tuple(
                Item(
                    one.map[0] + offset,
                    next((t.content for t in inside[n:] if t.type == "inline"), "").split("\n")[0],
                )
                for n, one in enumerate(inside)
                if one.type == "list_item_open" and one.level == token.level + 1 and one.map
            )
            yield List(
                tuple(text for _, text in reversed(headings)), lead, items, token.type == "ordered_list_open"
            )
            lead, at = "", close
        elif token.level == 0 and token.type in (
            "fence",
            "code_block",
            "html_block",
            "table_open",
            "blockquote_open",
        ):
            lead = ""
        at += 1


def is_listed(text: str, line: str) -> bool:
    """Return whether a line stands in the file as an item of a list that a reader sees."""
    lines = document.parse(text).lines
    return any(lines[item.line].rstrip("\r\n") == line for found in lists(text) for item in found.items)


def holds_rules(found: List) -> bool:
    """Return whether rules may be added to a list: by what it is called, and by the form of its items."""
    if found.ordered or not found.items:
        return False
    titles = [words.fold(title) for title in (found.lead, *found.headings[:2]) if title]
    if any(
        lexicon.whole(f"placement.{kind}").search(title)
        for kind in ("prohibits", "elsewhere")
        for title in titles[: 1 + bool(found.lead)]
    ):
        return False
    odd = sum(
        bool(
            _TASK.match(item.text)
            or _POINTER.match(item.text)
            or _TERM.match(item.text)
            or item.text.rstrip().endswith(("?", "？"))
        )
        for item in found.items
    )
    return 2 * odd < len(found.items)


def place(text: str, rule: str, avoid: Collection[str] = ()) -> Place:
    """Return where a rule goes.

    Args:
        text: The SKILL.md.
        rule: One sentence.
        avoid: Headings under which nothing may change, in any letter case.

    Raises:
        NoPlaceError: it would go to the end, and the file ends inside of a code block or a comment.
    """
    everything, skill, closed = lists(text), document.parse(text), {heading.casefold() for heading in avoid}
    about = _object(rule)
    stand = Counter(stem for found in everything for stem in about & _words_of(found))
    rare = {stem for stem in about if stand[stem] <= COMMON}
    best, most = None, 0
    for found in everything:
        if any(heading.casefold() in closed for heading in found.headings) or not holds_rules(found):
            continue
        titles = words.content_words(" ".join((found.lead, *found.headings)))
        items = [words.content_words(item.text) for item in found.items]
        named = any(
            lexicon.whole("placement.rules").search(words.fold(title))
            for title in (found.lead, *found.headings[:1])
        )
        # a list that does not call itself rules has to speak of the same thing in one place
        spoken = [titles | stems for stems in items] if named else [titles, *items]
        shared = max(len(rare & stems) for stems in spoken)
        if shared >= SHARED and 2 * shared + named > most and found.headings[:1] != (LEARNED,):
            best, most = found, 2 * shared + named
    if best is None:
        if not skill.named(LEARNED) and (trap := _open_end(text)):
            raise NoPlaceError(trap, "close it, then the rule can be added behind it")
        return Place(LEARNED, None, 0, f"New line under {LEARNED!r}: no list of rules is about it.")
    section = skill.section_at(best.items[-1].line)
    line = skill.lines[best.items[-1].line].rstrip("\r\n")
    nth = skill.items_like(section.heading, line).index(best.items[-1].line)
    return Place(
        section.heading,
        line,
        nth,
        f"Added to the list {(best.lead or section.heading or 'at the start')!r}, which is about it.",
    )


def _words_of(found: List) -> frozenset[str]:
    return words.content_words(
        " ".join((found.lead, *found.headings[:1], *(item.text for item in found.items)))
    )


def _open_end(text: str) -> str:
    """Say in what the end of the file is hidden, or ""."""
    skill = document.parse(text)
    body = [line.rstrip("\r\n") for line in skill.lines[skill.body :]]
    tokens = _parser().parse("\n".join(body))
    last = max(
        (token for token in tokens if token.map), key=lambda token: (token.map or [0, 0])[1], default=None
    )
    for token in tokens:
        if token.map is None or last is None or last.map is None or token.map[1] < last.map[1]:
            continue
        first = token.map[0] + skill.body + 1
        if token.type == "fence" and not (
            token.map[1] <= len(body) and body[token.map[1] - 1].strip().startswith(token.markup)
        ):
            return f"the file ends inside the code block that line {first} opens"
        if token.type == "fence" and token.map[1] - token.map[0] < 2:
            return f"the file ends inside the code block that line {first} opens"
        if token.type == "html_block" and token.content.count("<!--") > token.content.count("-->"):
            return f"the file ends inside the comment that line {first} opens"
    return ""


# --- what a rule contradicts ------------------------------------------------------------------------------------------


def contradicted(text: str, rule: str) -> Iterator[tuple[List, Item]]:
    """Yield the items of lists that say the opposite of a rule, or another value, of the same thing."""
    for found in lists(text):
        titles = [words.fold(title) for title in (found.lead, *found.headings[:1]) if title]
        if any(lexicon.whole("placement.prohibits").search(title) for title in titles):
            continue
        yield from ((found, item) for item in found.items if contradicts(rule, item.text))


def contradicts(rule: str, line: str) -> bool:
    """Return whether a rule and a line cannot both be followed: the other polarity, or another value, of one thing."""
    scope = words.polarity(line)
    if not {"without", "except", "if", "only"} & {*scope}:  # "never … without" forbids nothing by itself
        theirs, forbids = _object(line), "not" in scope
        if any(_opposed(part, line, theirs) for part, unwanted in _parts(rule) if unwanted != forbids):
            return True
    return _other_value(rule, line) or _other_order(rule, line)


def _parts(rule: str) -> Iterator[tuple[str, bool]]:
    """Yield the clauses of a rule, each with whether it says what is not wanted; so does what follows "instead of"."""
    before = lexicon.alternatives("clause.instead before")
    instead = lexicon.pattern("clause.instead", f"{lexicon.WHOLE}|{before}")
    for clause in _CLAUSE.split(rule):
        wanted, *unwanted = instead.split(clause)
        if wanted.strip():
            removes = bool(lexicon.whole("placement.remove").search(words.fold(wanted)))
            yield wanted, removes != ("not" in words.polarity(wanted))  # "never drop" wants it
        yield from ((part, True) for part in unwanted)


def _object(clause: str) -> frozenset[str]:
    """Return what a clause is about: its words without those of scope, and that only put something in or leave it out."""
    plain = words.fold(clause)
    for key in ("remove", "put"):
        plain = lexicon.whole(f"placement.{key}").sub(" ", plain)
    found = words.tokens(plain)
    scope = {words.stem(found[at]) for _, start, end in words.polar(found) for at in range(start, end)}
    return words.content_words(plain) - scope


def _opposed(part: str, line: str, theirs: frozenset[str]) -> bool:
    """Return whether a clause and a line do the same with the same thing."""
    if {"not", "without"} <= {*words.polarity(part)}:
        return False
    mine, (act, head), (their_act, their_head) = _object(part), _begins(part), _begins(line)
    shared = mine & theirs
    if act in shared and act != their_act:  # it is no verb
        head = act
    elif act not in ("", their_act):
        return False
    if their_act in shared and their_act != act:
        their_head = their_act
    alike = their_head in mine or (len(mine) >= SHARED and mine <= theirs)
    return head in shared and alike and len(shared) >= min(SHARED, len(mine)) and 2 * len(shared) >= len(mine)


def _begins(clause: str) -> tuple[str, str]:
    """Return the stems of what a clause does and to what, behind its negation; a verb that only puts something in is ""."""
    found = words.tokens(clause)
    ends = [end for name, _, end in words.polar(found) if name == "not"]
    rest = found[ends[0] :] if ends else found
    stop = lexicon.words("text.stop")
    small = {at for _, start, end in words.polar(rest) for at in range(start, end)}
    small |= {at for at, word in enumerate(rest) if word in stop}
    first = next((at for at in range(len(rest)) if at not in small), len(rest))
    clause = " ".join(rest[first:])
    for key in ("remove", "put"):
        if match := lexicon.whole(f"placement.{key}").match(clause):
            behind = words.tokens(clause[match.end() :])
            return "", next((words.stem(word) for word in behind if word not in stop), "")
    stems = [words.stem(rest[at]) for at in range(first, len(rest)) if at not in small][:2]
    return (stems[0], stems[-1]) if stems else ("", "")


def _other_value(rule: str, line: str) -> bool:
    """Return whether both give a figure for one thing, and not the same."""
    mine, theirs = _NUMBER.findall(rule), _NUMBER.findall(line)
    if len(mine) != 1 or len(theirs) != 1 or mine == theirs:
        return False
    about, other = (words.content_words(_NUMBER.sub(" ", text)) for text in (rule, line))
    return len(about & other) >= SHARED and 2 * len(about & other) >= min(len(about), len(other))


def _other_order(rule: str, line: str) -> bool:
    """Return whether a rule puts something before all that a line puts first."""
    found = words.tokens(rule)
    behind = [end for name, _, end in words.polar(found) if name == "before"]
    if not behind or "first" not in words.polarity(line):
        return False
    second = words.content_words(" ".join(found[behind[0] :]))
    return bool(second) and second >= _object(line) - {_begins(line)[0]}
