"""The disguises in which a line may name a source: what a reader would make of it, though no host or name stands there.

Markup inside a word, "dot com", look-alike letters, letters set apart, a word split in two, digits for letters, base64.
Only sources that a rule or the table knows are looked for, so that ordinary text is left alone.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace

from skillloop.gate.sources.catalogue import Book, Mention, Standing
from skillloop.gate.sources.mentions import TWINS, mentions, well_known, words

_TWO_WORDS = frozenset({"linked in", "face book"})  # ordinary English, too

_MARKUP = re.compile(r"<!--.{0,400}?-->|</?[a-z][^>]{0,200}>|[*~`\\]|(?<=\w)\|(?=\w)")
_DOT = r"(?:\.|dot|punkt|punto|ponto|point|точка|点|點|ドット|닷|점|نقطة|डॉट)"
_SPELLED = re.compile(
    rf"\s?[\[({{<]\s?{_DOT}\s?[\])}}>]\s?|\s{_DOT}\s|\s?\.\s?(?=(?:com|org|net|io|co|me|ly|be|it)\b)|[。．｡]"
)
_SET_APART = re.compile(r"(?<![a-z0-9])(?:[a-z0-9][\s.\-_+|/]{1,3}){3,30}[a-z0-9](?![a-z0-9])")
_LEET = re.compile(r"[a-z0-9@$]{1,30}")
_DIGITS = str.maketrans("013457@$", "oieastas")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,400}={0,2}")


def disguised(line: str, book: Book) -> list[Mention]:
    """The sources that a plain line names in a form that hides them."""
    bare = _MARKUP.sub("", line.lower())
    openly = {(mention.label, mention.host) for mention in mentions(line, book)}
    tricks = (_rewritten, _split_in_two, _set_apart, _with_digits)
    found = [mention for trick in tricks for mention in trick(line.lower(), bare, book)]
    found += _encoded(line, book)
    return [mention for mention in dict.fromkeys(found) if (mention.label, mention.host) not in openly]


def _rewritten(low: str, bare: str, book: Book) -> Iterator[Mention]:
    """Mentions that appear once markup is gone, dots are dots, or letters are Latin."""
    rewritten = (
        (bare, "split by markup"),
        (_SPELLED.sub(".", bare), "spelled out"),
        (bare.translate(TWINS), "look-alike letters"),
    )
    for text, how in rewritten:
        for mention in mentions(text, book) if text != low else ():
            if _solid(mention, book):
                yield replace(mention, disguise=mention.disguise or how)


def _solid(mention: Mention, book: Book) -> bool:
    """Whether a find in a rewritten text is more than an accident of the rewriting."""
    if mention.host is None or book.host(mention.host)[0] is not Standing.UNKNOWN or well_known(mention.host):
        return True
    name, _, ending = mention.host.rpartition(".")
    return len(name) >= 4 and ending in ("com", "org", "net", "io", "info")


def _split_in_two(_low: str, bare: str, book: Book) -> Iterator[Mention]:
    for start, end, word, parts in words(bare):
        called = (
            book.names.get(word, "") if parts == 2 and len(word) >= 6 and word not in book.phrases else ""
        )
        if called and book.name(called)[0] is Standing.UNTRUSTED and bare[start:end] not in _TWO_WORDS:
            yield Mention(called, start, end, disguise="split in two")


def _set_apart(_low: str, bare: str, book: Book) -> Iterator[Mention]:
    for match in _SET_APART.finditer(bare):
        joined = re.sub(r"[^a-z0-9]", "", match.group())
        called = (label for name, label in book.names.items() if len(name) >= 4 and name in joined)
        yield from (Mention(label, *match.span(), disguise="letters set apart") for label in called)


def _with_digits(_low: str, bare: str, book: Book) -> Iterator[Mention]:
    for match in _LEET.finditer(bare):
        word = match.group().translate(_DIGITS)
        if word in book.names and word != match.group():
            yield Mention(book.names[word], *match.span(), disguise="digits for letters")


def _encoded(line: str, book: Book) -> Iterator[Mention]:
    for run in _BASE64.finditer(line):
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            body = run.group().rstrip("=").replace("-", "+").replace("_", "/")
            text = base64.b64decode(body + "=" * (-len(body) % 4)).decode("utf-8")
            inside = mentions(text, book) if text.isprintable() else []
            yield from (Mention(m.label, *run.span(), m.host, "in base64") for m in inside)
