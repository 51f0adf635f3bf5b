"""Where a line names a source: by host, by name, in other scripts, and in the disguises that people try.

`mentions` reads a line as a person means it: compatibility forms folded, invisible characters dropped, entities and
percent-encoding undone, so that what a redirect leads to is seen too. `disguised` then looks at what a reader would
make of it: markup inside a word, "dot com", letters set apart, look-alike letters, digits for letters.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import html
import itertools
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from skillloop.gate.sources.catalogue import Standing, domains, parents, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skillloop.gate.sources.catalogue import Book

LONGEST = 2_000  # characters of a line that are read; a longer one goes to a person

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff]"
)
_ESCAPE = re.compile(r"\\(?:x|u00)([2-7][0-9a-fA-F])")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,400}={0,2}")
_URL = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}:)?//(?:[^\s/?#<>\"'`]{0,200}@)?([^\s/?#<>\"'`()\[\]{}|,:;]{1,255})[^\s<>\"'`)\]]{0,2000}"
)
_BARE = re.compile(
    r"(?<![\w.-])(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}(?:xn--[a-z0-9-]{1,59}|[^\W\d_]{2,24})(?![\w-])"
)
_TOKEN = re.compile(r"[a-z0-9]+")
_GAP = re.compile(r"[ \-_'’]{0,2}$")
_LOCAL = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0)$|.*\.localhost$")
# Endings of hosts that are written without a scheme; the others ("app.py", "user.id", "list.at") are code.
_ENDINGS = frozenset(
    {
        "com",
        "org",
        "net",
        "edu",
        "gov",
        "mil",
        "info",
        "biz",
        "io",
        "ai",
        "co",
        "dev",
        "app",
        "uk",
        "de",
        "fr",
        "jp",
    }
    | {"cn", "ru", "eu", "nl", "ch", "se", "es", "br", "au", "ca", "kr", "tw", "рф", "онлайн", "中国", "公司"}
)
_CODE = frozenset(
    {"asp.net", "vb.net", "ado.net", "ml.net", "socket.io", "system.io", "java.io", "file.io", "ext.net"}
)

_TWO_WORDS = frozenset({"linked in", "face book"})  # ordinary English, too

# Around "X": letters of algebra, and other things of that name; and what makes it a place to read at.
_ALGEBRA = re.compile(r"(?<!\w)[YZ](?!\w)")
_OTHER_X = re.compile(r"\b(?:mac ?os|os) x\b|\bx (?:axis|and y|times|coordinate)\b")
_PLACES = frozenset({"on", "via", "from", "auf", "von", "sur", "en", "su", "no", "na", "в", "из", "на"})
_CLOSERS = frozenset({"first", "and", "or", "for", "as", "instead"})

_MARKUP = re.compile(r"<!--.{0,400}?-->|</?[a-z][^>]{0,200}>|[*~`\\]|(?<=\w)\|(?=\w)")
_DOT = r"(?:\.|dot|punkt|punto|ponto|point|точка|点|點|ドット|닷|점|نقطة|डॉट)"
_SPELLED = re.compile(
    rf"\s?[\[({{<]\s?{_DOT}\s?[\])}}>]\s?|\s{_DOT}\s|\s?\.\s?(?=(?:com|org|net|io|co|me|ly|be|it)\b)|[。．｡]"
)
_SET_APART = re.compile(r"(?<![a-z0-9])(?:[a-z0-9][\s.\-_+|/]{1,3}){3,30}[a-z0-9](?![a-z0-9])")
_TWINS = str.maketrans("аеорсухѕіјһԁԛԝӏктвмнгαονιρυκχτβωı", "aeopcyxsijhdqwlktbmhraovipykxtbwi")
_DIGITS = str.maketrans("013457@$", "oieastas")


@dataclass(frozen=True, slots=True)
class Mention:
    """A source named in a line."""

    label: str  # the source's, or the host itself
    start: int  # in the plain form of the line
    end: int
    host: str | None = None  # None where it is called by a name
    disguise: str = ""  # what hid it


def plain(line: str) -> str:
    """The line as it is meant, in lower case: entities, percent-encoding and escapes undone, at most three times."""
    text = _UNSEEN.sub("", unicodedata.normalize("NFKC", line[:LONGEST]))
    for _ in range(3):
        undone = unquote(html.unescape(text)) if "%" in text or "&" in text else text
        if undone == text:
            break
        text = undone
    text = _ESCAPE.sub(lambda match: chr(int(match.group(1), 16)), text)
    return text.replace("İ", "I").replace("\\/", "/").replace("hxxp", "http")


def mentions(line: str, book: Book) -> list[Mention]:
    """The sources that a plain line (see `plain`) names openly, in order."""
    low = line.lower()
    if len(low) != len(line):
        line = low
    found: list[Mention] = []
    urls = []
    for match in _URL.finditer(low):
        host = _clean(match.group(1))
        if match.group().startswith("//") and "." not in host:
            continue  # a comment of some programming language
        urls.append(match.span())
        found += _mention(host, match.start(1), book, written=True)
    for match in _BARE.finditer(low):
        if not any(m.start <= match.start() < m.end for m in found):
            found += _mention(
                match.group(), match.start(), book, mail=low[match.start() - 1 : match.start()] == "@"
            )
    taken = [(m.start, m.end) for m in found] + urls
    found += [m for m in _named(line, low, book) if not any(a <= m.start < b for a, b in taken)]
    return sorted(found, key=lambda m: m.start)


def _clean(host: str) -> str:
    return host.rpartition("@")[2].partition("\\")[0].strip(".").removeprefix("www.")


def _mention(
    host: str, at: int, book: Book, *, written: bool = False, mail: bool = False
) -> Iterator[Mention]:
    """The mention that a host is, unless it is none: this machine, or a name in code."""
    end = at + len(host)
    host = host.removeprefix("www.")
    if not host or _LOCAL.match(host) or host in _CODE:
        return
    unicode = _decoded(host)
    twin = unicodedata.normalize("NFKD", unicode).translate(_TWINS)
    twin = "".join(c for c in twin if not unicodedata.combining(c))
    if twin != unicode and (book.host(twin)[0] is not Standing.UNKNOWN or _well_known(twin)):
        yield Mention(label(twin, book), at, end, host, f"imitates {twin}")
        return
    listed = book.host(host)[0] is not Standing.UNKNOWN or _well_known(host)
    if written or mail or listed or host.rsplit(".", 1)[-1] in _ENDINGS:
        yield Mention(label(host, book), at, end, host)


def _decoded(host: str) -> str:
    """A host with its punycode labels as Unicode (RFC 3492)."""
    labels = []
    for part in host.split("."):
        try:
            labels.append(part[4:].encode("ascii").decode("punycode") if part.startswith("xn--") else part)
        except UnicodeError:
            labels.append(part)
    return ".".join(labels)


def _well_known(host: str) -> bool:
    return any(domain in domains() for domain in parents(host))


def hides(host: str) -> bool:
    """Whether a host is a shortener or a redirector, which does not show where it leads."""
    return any(domain in table()["shorteners"] for domain in parents(host))


def label(host: str, book: Book) -> str:
    """What a host is called here: the source it belongs to, else the host itself."""
    return next((book.owners[domain] for domain in parents(host) if domain in book.owners), host)


def _named(line: str, low: str, book: Book) -> Iterator[Mention]:
    """Sources called by a name."""
    for start, end, word, parts in _words(low):
        called = book.names.get(word, "") if parts == 1 or word in book.phrases else ""
        called = called or (_inflected(word, book) if parts == 1 else "")
        if called:
            yield Mention(called, start, end)
    if not low.isascii():
        for name, called in book.foreign.items():
            at = low.replace(" ", "").find(name) if " " in name else low.find(name)
            if at >= 0:
                yield Mention(called, at, at + len(name))
    for name, called in book.loose.items():
        if name in line:
            yield from _loosely(line, low, name, called)


def _words(low: str) -> Iterator[tuple[int, int, str, int]]:
    """Each run of one to four neighbouring words: where it is, its letters, and of how many words."""
    tokens = list(_TOKEN.finditer(low))
    for at, first in enumerate(tokens):
        yield first.start(), first.end(), first.group(), 1
        for before, last in itertools.pairwise(tokens[at : at + 4]):
            if not _GAP.match(low[before.end() : last.start()]):
                break
            run = tokens[at : tokens.index(last, at) + 1]
            yield first.start(), last.end(), "".join(t.group() for t in run), len(run)


def _inflected(word: str, book: Book) -> str:
    """The label of a name with an ending of up to three letters, where it is long enough to bear one."""
    stems = (word[:-k] for k in (1, 2, 3) if len(word) - k >= 6)
    return next((book.names[stem] for stem in stems if stem in book.names), "")


def _loosely(line: str, low: str, name: str, called: str) -> Iterator[Mention]:
    """A name that is an ordinary word too, where the words around it speak of a source."""
    if name == "X" and (_ALGEBRA.search(line) or _OTHER_X.search(low)):
        return
    for match in re.finditer(rf"(?<![\w.=/-]){re.escape(name)}(?![\w=/-]|\.\w)", line):
        before = low[max(0, match.start() - 80) : match.start()].split()[-4:]
        after = low[match.end() : match.end() + 80].split()[:4]
        near = {word.strip(".,:;!?()\"'") for word in (*before, *after)}
        placed = bool(before) and before[-1] in _PLACES
        closed = not after or low[match.end()] in ".,;!?)" or after[0] in _CLOSERS
        if near & set(table()["media"]) or (placed and closed):
            yield Mention(called, match.start(), match.end())


def disguised(line: str, book: Book) -> list[Mention]:
    """The sources that a plain line names in a form that hides them. Only those that a rule or the table knows."""
    low = line.lower()
    open_ones = {(m.label, m.host) for m in mentions(line, book)}
    found = []
    bare = _MARKUP.sub("", low)
    for text, how in (
        (bare, "split by markup"),
        (_SPELLED.sub(".", bare), "spelled out"),
        (bare.translate(_TWINS), "look-alike letters"),
    ):
        if text != low:
            found += [
                _hidden(m, how)
                for m in mentions(text, book)
                if (m.label, m.host) not in open_ones and _solid(m, book)
            ]
    found += _encoded(line, book)
    for start, end, word, parts in _words(bare):
        called = (
            book.names.get(word, "") if parts == 2 and len(word) >= 6 and word not in book.phrases else ""
        )
        if called and book.name(called)[0] is Standing.UNTRUSTED and bare[start:end] not in _TWO_WORDS:
            found.append(Mention(called, start, end, None, "split in two"))
    for match in _SET_APART.finditer(bare):
        joined = re.sub(r"[^a-z0-9]", "", match.group())
        called = next((label for name, label in book.names.items() if len(name) >= 4 and name in joined), "")
        if called:
            found.append(Mention(called, match.start(), match.end(), None, "letters set apart"))
    for match in re.finditer(r"[a-z0-9@$]*[0-9@$][a-z0-9@$]*", bare):
        called = (
            book.names.get(match.group().translate(_DIGITS), "") if re.search("[a-z]", match.group()) else ""
        )
        if called and called not in {name for name, _ in open_ones}:
            found.append(Mention(called, match.start(), match.end(), None, "digits for letters"))
    return list(dict.fromkeys(found))


def _encoded(line: str, book: Book) -> Iterator[Mention]:
    """Sources in base64."""
    for run in _BASE64.finditer(line):
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            body = run.group().rstrip("=").replace("-", "+").replace("_", "/")
            text = base64.b64decode(body + "=" * (-len(body) % 4)).decode("utf-8")
            if text.isprintable():
                yield from (
                    Mention(m.label, run.start(), run.end(), m.host, "in base64")
                    for m in mentions(text, book)
                )


def _hidden(mention: Mention, how: str) -> Mention:
    return Mention(mention.label, mention.start, mention.end, mention.host, mention.disguise or how)


def _solid(mention: Mention, book: Book) -> bool:
    """Whether a find in a changed text is more than an accident of the change."""
    if mention.host is None:
        return True
    name, _, ending = mention.host.rpartition(".")
    listed = book.host(mention.host)[0] is not Standing.UNKNOWN or _well_known(mention.host)
    return listed or (len(name) >= 4 and ending in ("com", "org", "net", "io", "info"))
