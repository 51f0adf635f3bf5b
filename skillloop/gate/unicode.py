"""Characters that a reviewer cannot see, or cannot tell from others, never enter a skill.

What a person approves must be what the model reads, so an added line may hold only characters of some Unicode categories, in
NFC, with no invisible, look-alike or stacked ones. Joiners and the emoji selector pass where Unicode says that they mean
something (RFC 5892 A.1 and A.2; UTS #51). Follows UTS #39 (Unicode Security Mechanisms) for mixed scripts, with a table of
look-alikes small enough to read. Invariant: a line may keep what the lines it replaces already had, and gain nothing.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from string import ascii_letters
from typing import NamedTuple

from skillloop.gate.input import GateInput, finding
from skillloop.model import Check, Proposal
from skillloop.text.lexicon import table

LONGEST = 4_000  # characters of a line that are looked at; no bullet is longer
_TABLE = table("unicode")
_CATEGORIES = frozenset(_TABLE["categories"].split())
_CJK = frozenset(_TABLE["cjk"].split())
_MIXABLE = _CJK.union(_TABLE["mixable"].split())
_LOOKALIKES, _WIDE_SIGNS = frozenset(_TABLE["lookalikes"]), frozenset(_TABLE["wide-signs"])
_ZWNJ, _ZWJ, _EMOJI_SELECTOR, _KEYCAP = "\u200c", "\u200d", "\ufe0f", "\u20e3"
_VIRAMA = 9  # canonical combining class
_FRENCH_SPACES, _WIDE_SPACE = "\u00a0\u202f", "\u3000"
_RANGES = ("pictographs", "selectors", "small-capitals")
_PICTOGRAPH, _SELECTOR, _SMALL_CAPITAL = (re.compile(f"[{_TABLE[name]}]") for name in _RANGES)
_WORD = re.compile(r"[^\W\d_]+")


class Hidden(NamedTuple):
    """One thing in a line that cannot be seen for what it is."""

    column: int  # 1-based, in code points
    text: str  # the offending code points
    why: str

    def __str__(self) -> str:
        shown = ""
        for char in self.text:
            name = f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip()
            shown += char if char.isascii() and char.isprintable() else f"<{name}>"
        return f"{self.why} at column {self.column}: {shown}"


def check(_proposal: Proposal, inputs: GateInput) -> Check:
    """Fail, hard, when an added line holds something hidden."""
    found = list(map(str, compare(inputs.base, inputs.text)))  # not the line: whose it is may be in doubt
    wrong = "; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")
    return finding("hidden", wrong, "no hidden characters in the added lines")


def compare(base: str, text: str) -> list[Hidden]:
    """Return each hidden thing in the lines that `text` has and `base` has not."""
    before, after = Counter(base.split("\n")), Counter(text.split("\n"))
    windows = "\r\n" in base
    known = Counter("".join((before - after).elements()))
    found = []
    for line in (after - before).elements():
        body = line.removesuffix("\r") if windows else line
        for hidden in findings(body):
            if known[hidden.text] > 0:  # the line it replaces had it
                known[hidden.text] -= 1
            else:
                found.append(hidden)
    return found


def findings(line: str) -> list[Hidden]:
    """Return everything in one line (no newline) that cannot be seen for what it is; [] for ordinary writing."""
    if line.isascii() and line.lstrip("\t").isprintable():
        return []
    if len(line) > LONGEST:
        return [Hidden(LONGEST + 1, line[LONGEST : LONGEST + 1], f"more than {LONGEST} characters in a line")]
    cjk = any(c.isalpha() and c not in _WIDE_SIGNS and _script(c) in _CJK for c in line)
    each = ((at, _character(line, at, cjk=cjk)) for at in range(len(line)))
    found = [Hidden(at + 1, line[at], why) for at, why in each if why]
    found += (*_stacked(line), *_words(line))
    if not unicodedata.is_normalized("NFC", line):
        composed = unicodedata.normalize("NFC", line) + "\0"
        at = next(i for i, (a, b) in enumerate(zip(line, composed, strict=False)) if a != b)
        found.append(Hidden(at + 1, line[at], "not in Unicode normal form C"))
    return found


def _character(line: str, at: int, *, cjk: bool) -> str:
    """Return why this one character may not stand where it stands, or ""."""
    char = line[at]
    if char.isascii():
        indent = char == "\t" and not line[:at].strip("\t ")
        return "" if indent or char.isprintable() else "a control character"
    before, after = line[at - 1 : at] if at else "", line[at + 1 : at + 2]
    if char in (_ZWNJ, _ZWJ):
        return "" if _joins(char, before, after) else "an invisible joiner"
    if char == _EMOJI_SELECTOR:
        emoji = _PICTOGRAPH.match(before) or (before in set("0123456789#*") and after == _KEYCAP)
        return "" if emoji else "a variation selector"
    if char == _KEYCAP:
        return "" if before == _EMOJI_SELECTOR else "an enclosing mark"
    if unicodedata.category(char) == "Zs":
        if char in _FRENCH_SPACES:
            beside = {before, after} & set(_TABLE["french-neighbours"])
            typographic = bool(beside) or (before.isdigit() and after.isdigit())
        else:
            typographic = char == _WIDE_SPACE and any(c and _script(c) in _CJK for c in (before, after))
        return "" if typographic else "a space that is not a plain space"
    if char in _WIDE_SIGNS:
        plain_shell = char == "！" and after in ("`", "\uff40")
        return "" if cjk and not plain_shell else "a look-alike of an ASCII character"
    return _shape(char)


@lru_cache(maxsize=4096)
def _shape(char: str) -> str:
    """Return what is wrong with a character wherever it stands, or ""."""
    category = unicodedata.category(char)
    if char in _TABLE["blank"]:
        return "a blank character"
    if _SELECTOR.match(char):
        return "a variation selector"
    if category == "Me":
        return "an enclosing mark"
    if category not in _CATEGORIES:
        return f"an invisible or unassigned character (category {category})"
    if char.isascii() or char in _TABLE["signs"]:
        return ""
    folded = unicodedata.normalize("NFKC", char)
    holds_ascii = any(c.isascii() and c != " " for c in folded)
    if holds_ascii or char in _TABLE["ascii-twins"] or _SMALL_CAPITAL.match(char):
        return "a look-alike of an ASCII character"
    return ""


def _joins(joiner: str, before: str, after: str) -> bool:
    """Return whether a joiner does its work here: beside a virama, in an emoji, or between Arabic letters (Persian)."""
    if not before or not after:
        return False
    if _VIRAMA in (unicodedata.combining(before), unicodedata.combining(after)):
        return True
    if joiner == _ZWNJ:
        return _script(before) == _script(after) == "ARABIC"
    skin = "\U0001f3fb" <= before <= "\U0001f3ff"
    return bool((_PICTOGRAPH.match(before) or before == _EMOJI_SELECTOR or skin) and _PICTOGRAPH.match(after))


def _stacked(line: str) -> Iterator[Hidden]:
    """Find runs of marks on one letter: two of the general ones at most, four of a script's own (Hindi needs three)."""
    general = own = 0
    for at, char in enumerate(line):
        category = "" if char.isascii() else unicodedata.category(char)
        if category not in ("Mn", "Me"):
            general = own = 0 if category != "Mc" else own
            continue
        if _script(char) in ("COMBINING", "VARIATION"):
            general += 1
        else:
            own += 1
        if general > 2 or own > 4:
            yield Hidden(at + 1, char, "too many marks on one letter")


def _words(line: str) -> Iterator[Hidden]:
    """Find words that mix Latin with letters drawn like it, or that are foreign letters posing as a Latin word."""
    native = {_script(c) for c in line if not c.isascii() and c.isalpha() and c not in _LOOKALIKES}
    latin = any(c.isascii() and c.isalpha() for c in line)
    for match in _WORD.finditer(line):
        word = match.group()
        if word.isascii():
            continue
        scripts = {_script(c) for c in word if unicodedata.category(c) in ("Lu", "Ll", "Lt", "Lo")} - _MIXABLE
        foreign = scripts - {"LATIN"}
        if len(scripts) > 1 and not _mixes_rightly(word):
            yield Hidden(match.start() + 1, word, "a word of mixed scripts")
        elif latin and foreign and not foreign & native and len(word) > 1 and _LOOKALIKES.issuperset(word):
            yield Hidden(match.start() + 1, word, "a word of look-alike letters")


def _mixes_rightly(word: str) -> bool:
    """Return whether a word of two scripts shows itself as one: ASCII with a Cyrillic ending, or a symbol like "Δt", "µs"."""
    foreign = word.lstrip(ascii_letters)
    scripts = {_script(c) for c in foreign}
    if foreign != word and scripts == {"CYRILLIC"} and not _LOOKALIKES.issuperset(foreign):
        return True
    greek = [c for c in word if not c.isascii()]
    single = len(word) <= 3 and len(greek) == 1 and greek[0] not in _LOOKALIKES
    return single and _script(greek[0]) in ("GREEK", "MICRO")


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    """Return the script of a character, as the first word of its Unicode name (the standard library has no property)."""
    name = unicodedata.name(char, "UNNAMED").split(" ", 1)[0]
    return "LATIN" if char.isascii() or char in "ªº" else name
