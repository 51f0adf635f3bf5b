"""Where in a SKILL.md a rule belongs, and which line it contradicts.

A rule is added to a list whose items mostly tell how to work, and that is about it (its heading or lead shares the rule's
words, or an item nearly all of them), but to none of triggers, steps, examples, references, outputs, or of what not to do,
where the line would mean the opposite. Else it goes under "Learned rules". What is a list at all a CommonMark parser says.

Invariant: a line is found contradicted only where both speak of the same thing, since a person is asked to give it up.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from skillloop.errors import SkillloopError
from skillloop.skills import document
from skillloop.skills.document import LEARNED
from skillloop.text import lexicon, words
from skillloop.text.contradiction import contradict, instructs, matter, shared

SHARED = 2  # rare words that a rule and a list must share
COMMON = 3  # lists of a file in which a word may stand to count as rare
SHORT = 3  # words of an item that is too short to say by its form whether it is a rule
_ODD = re.compile(lexicon.table("markup")["no-rule"])
_TURNED = ("placement.prohibits", "gate.reverse")  # titles under which a line is not what to do


class NoPlaceError(SkillloopError):
    """A rule has no safe place in the file."""


class Item(NamedTuple):
    """One item of a list: its 0-based line, and its text without marker."""

    line: int
    text: str


class Block(NamedTuple):
    """A list as a reader of the page sees it, or what is read like one."""

    headings: tuple[str, ...]  # that it stands under, the nearest first
    lead: str  # the paragraph that announces it, or ""
    items: tuple[Item, ...]
    ordered: bool
    topic: str  # the nearest heading, but for the title of the page
    is_list: bool = True  # else a paragraph, a heading, or the items that are nested in those of a list


class Place(NamedTuple):
    """Where a rule goes: after the item on this line, or under the learned rules. `why` is for a person."""

    heading: str | None
    after: str | None  # the line of the list's last item, as it stands
    nth: int  # which of the places that read so, from 0
    why: str


def lists(text: str) -> tuple[Block, ...]:
    """Return the lists of a SKILL.md's body that are no part of anything else, in order."""
    return tuple(found for found in read(text) if found.is_list)


@lru_cache(maxsize=8)
def read(text: str) -> tuple[Block, ...]:
    """Return what a reader of a SKILL.md's page sees but for code, quotations and tables, in order."""
    skill = document.parse(text)
    body = "\n".join(line.rstrip("\r\n").replace("\r", " ") for line in skill.lines[skill.body :])
    tokens, offset, found = _parser().parse(body), skill.body, list[Block]()
    headings: list[tuple[int, str]] = []
    lead, at = "", 0
    for number, token in enumerate(tokens):
        if token.level or number < at or token.type.endswith("_close"):
            continue
        above = tuple(title for _, title in reversed(headings))
        topic = above[0] if headings and headings[-1][0] > 1 else ""
        announced, lead = lead, ""
        if token.type in ("bullet_list_open", "ordered_list_open"):
            close = token.type.replace("open", "close")
            ends = range(number, len(tokens))
            at = next(n for n in ends if tokens[n].type == close and not tokens[n].level)
            inside, ordered = tokens[number:at], token.type == "ordered_list_open"
            found.append(Block(above, announced, tuple(_items(inside, offset, 1)), ordered, topic))
            nested = tuple(_items(inside, offset, 3))
            found.append(Block(above, announced, nested, False, topic, is_list=False))
        elif token.type in ("heading_open", "paragraph_open"):
            content, items = tokens[number + 1].content, tuple(_items(tokens[number : number + 2], offset))
            titled = token.type == "heading_open"
            found.append(Block(above, "", items, False, "" if titled else topic, is_list=False))
            if titled:
                level = int(token.tag[1])
                headings = [one for one in headings if one[0] < level] + [(level, content.strip("*_ `"))]
            else:
                last = content.strip().rsplit("\n", 1)[-1].rstrip("*_ ")
                told = last.endswith((":", "：")) or content.strip().startswith(("**", "__"))
                lead = last if told else ""
    return tuple(found)


@cache
def _parser() -> MarkdownIt:
    """Return a parser of blocks alone: their lines are what counts."""
    return MarkdownIt("commonmark").enable("table").disable(["inline"])


def _items(tokens: list[Token], offset: int, level: int = 0) -> Iterator[Item]:
    """Yield the items of a list at this level, or of deeper ones; at 0 the paragraph or heading that this is."""
    for number, token in enumerate(tokens):
        listed = token.type == "list_item_open" and (token.level == level or token.level > level > 1)
        if (listed or not level) and token.map:
            text = next((inner.content for inner in tokens[number:] if inner.type == "inline"), "")
            yield Item(token.map[0] + offset, " ".join(text.split()))
        if not level:
            return


def is_listed(text: str, line: str) -> bool:
    """Return whether a line stands in the file as an item of a list that a reader sees."""
    lines = document.parse(text).lines
    return any(lines[item.line].rstrip("\r\n") == line for found in lists(text) for item in found.items)


def holds_rules(found: Block) -> bool:
    """Return whether rules may be added to a list: by what it is called, and since most of its items tell how to work."""
    titles = [words.fold(title) for title in (found.lead, *found.headings)]
    elsewhere = lexicon.whole("placement.elsewhere")
    if found.ordered or any(lexicon.whole(key).search(title) for key in _TURNED for title in titles):
        return False
    if any(elsewhere.search(title) or re.match(r"\d", title) for title in titles[:2]):
        return False
    whole = [item.text for item in found.items if len(words.tokens(item.text)) > SHORT]
    odd = [item for item in found.items if _ODD.match(item.text) or item.text.rstrip().endswith(("?", "？"))]
    return 2 * len(odd) < len(found.items) and 2 * sum(map(instructs, whole)) >= len(whole)


def place(text: str, rule: str, avoid: Collection[str] = ()) -> Place:
    """Return where a rule goes: under no heading to `avoid`, in any letter case. Raises NoPlaceError: the file ends inside code."""
    everything, skill, closed = lists(text), document.parse(text), {heading.casefold() for heading in avoid}
    about = matter(rule)
    listed = (" ".join((x.lead, x.topic, *(item.text for item in x.items))) for x in everything)
    stand = Counter(stem for said in listed for stem in shared(about, words.content_words(said)))
    rare = frozenset(stem for stem in about if stand[stem] <= COMMON)
    best, most = None, 0
    for found in everything if len(rare) >= SHARED else ():
        if found.headings[:1] == (LEARNED,) or closed & {heading.casefold() for heading in found.headings}:
            continue
        fit = _fit(found, rule, about, rare) if found.items else 0
        if fit > most and holds_rules(found):
            best, most = found, fit
    if best is None:
        if not skill.named(LEARNED) and (trap := _open_end(text)):
            raise NoPlaceError(trap, "close it, then the rule can be added behind it")
        return Place(LEARNED, None, 0, f"New line under {LEARNED!r}: no list of rules is about it.")
    last = best.items[-1].line
    heading, line = skill.section_at(last).heading, skill.lines[last].rstrip("\r\n")
    why = f"Added to the list {(best.lead or heading or 'at the start')!r}, which is about it."
    return Place(heading, line, skill.items_like(heading, line).index(last), why)


def _fit(found: Block, rule: str, about: frozenset[str], rare: frozenset[str]) -> int:
    """Return how well a list fits a rule: the rare words that both have, those of its title twice; 0 where it is about something else."""
    called = lexicon.whole("placement.rules")
    heading, lead = words.fold(found.topic), words.fold(found.lead)
    if not (instructs(lead) or called.search(lead)):
        lead = ""
    named = bool(called.search(heading) or called.search(lead))
    topic = words.content_words(called.sub(" ", heading))
    title = shared(rare, topic | words.content_words(called.sub(" ", lead)))
    best = max(found.items, key=lambda item: len(shared(rare, words.content_words(item.text))))
    item = shared(rare, words.content_words(best.text))
    plain = not topic and (named or not found.lead)  # "Rules": what stands above says of what, or an item
    page = shared(rare, words.content_words(" ".join(found.headings[1:]))) if plain else frozenset()
    title |= page if len(page) >= SHARED else frozenset()
    theirs = named and bool(page)  # "Rules", of what the heading above names
    both = title | item
    if len(both) < SHARED or 2 * len(both) < len(about):
        return 0
    whole = both == about and len(item) >= SHARED
    if title and (named or whole or len(title) >= SHARED or topic <= title):
        return len(both) + len(title)
    alike = len(item) > SHARED or bool(_neighbours(rule) & _neighbours(best.text))
    most = theirs or 3 * len(item) >= 2 * len(about)
    return len(item) if alike and (item == about or (plain and most)) else 0


def _neighbours(text: str) -> set[tuple[str, str]]:
    return set(pairwise(map(words.stem, words.tokens(text))))


@lru_cache(maxsize=8)
def _open_end(text: str) -> str:
    """Say in what the end of the file is hidden, or ""."""
    skill = document.parse(text)
    body = [line.rstrip("\r\n") for line in skill.lines[skill.body :]]
    blocks = [(token, token.map[0], token.map[1]) for token in _parser().parse("\n".join(body)) if token.map]
    last = max((end for _, _, end in blocks), default=0)
    for token, start, end in blocks:
        if end < last:
            continue
        closed = end <= len(body) and body[end - 1].strip().startswith(token.markup) and end - start > 1
        if token.type == "fence" and not closed:
            return f"the file ends inside the code block that line {start + skill.body + 1} opens"
        if token.type == "html_block" and token.content.count("<!--") > token.content.count("-->"):
            return f"the file ends inside the comment that line {start + skill.body + 1} opens"
    return ""


# --- what a rule contradicts ------------------------------------------------------------------------------------------


def contradicted(text: str, rule: str) -> Iterator[tuple[Block, Item]]:
    """Yield what says the opposite of a rule, or another value, of the same thing: items of lists, paragraphs, headings."""
    for found in read(text):
        titles = [words.fold(title) for title in (found.lead, *found.headings)]
        if any(lexicon.whole(key).search(title) for key in _TURNED for title in titles):
            continue
        for item in found.items:
            odd = _ODD.match(item.text) or item.text.endswith((":", "：")) or set("?？→") & set(item.text)
            told = not odd and (found.is_list or instructs(item.text))
            if told and contradict(rule, item.text, " / ".join((found.lead, *found.headings))):
                yield found, item
