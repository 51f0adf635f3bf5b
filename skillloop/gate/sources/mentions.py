"""Where a line names a source: by host, by name, in several scripts.

`mentions` reads a line as a person means it: compatibility forms folded, invisible characters dropped, entities and
percent-encoding undone, so that what a redirect leads to is seen too.
"""

from __future__ import annotations

import html
import itertools
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

from skillloop.gate.sources.catalogue import Book, Mention, Standing, domains, parents, table

LONGEST = 2_000  # characters of a line that are read; a longer one goes to a person

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff]"
)
_ESCAPE = re.compile(r"\\(?:x|u00)([2-7][0-9a-fA-F])")
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
    "com org net edu gov mil info biz io ai co dev app uk de fr jp cn ru eu nl ch se es br au ca kr tw рф онлайн 中国 公司".split()
)
_CODE = frozenset(
    {"asp.net", "vb.net", "ado.net", "ml.net", "socket.io", "system.io", "java.io", "file.io", "ext.net"}
)

# Around "X": letters of algebra, and other things of that name; and what makes it a place to read at.
_ALGEBRA = re.compile(r"(?<!\w)[YZ](?!\w)")
_OTHER_X = re.compile(r"\b(?:mac ?os|os) x\b|\bx (?:axis|and y|times|coordinate)\b")
_PLACES = frozenset({"on", "via", "from", "auf", "von", "sur", "en", "su", "no", "na", "в", "из", "на"})
_CLOSERS = frozenset({"first", "and", "or", "for", "as", "instead"})

TWINS = str.maketrans("аеорсухѕіјһԁԛԝӏктвмнгαονιρυκχτβωı", "aeopcyxsijhdqwlktbmhraovipykxtbwi")


def plain(line: str) -> str:
    """The line as it is meant: entities, percent-encoding and escapes undone, at most three times."""
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
    twin = unicodedata.normalize("NFKD", unicode).translate(TWINS)
    twin = "".join(c for c in twin if not unicodedata.combining(c))
    if twin != unicode and (book.host(twin)[0] is not Standing.UNKNOWN or well_known(twin)):
        yield Mention(label(twin, book), at, end, host, f"imitates {twin}")
        return
    listed = book.host(host)[0] is not Standing.UNKNOWN or well_known(host)
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


def well_known(host: str) -> bool:
    """Whether the table names the host or a domain above it."""
    return any(domain in domains() for domain in parents(host))


def hides(host: str) -> bool:
    """Whether a host is a shortener or a redirector, which does not show where it leads."""
    return any(domain in table()["shorteners"] for domain in parents(host))


def label(host: str, book: Book) -> str:
    """What a host is called here: the source it belongs to, else the host itself."""
    return next((book.owners[domain] for domain in parents(host) if domain in book.owners), host)


def _named(line: str, low: str, book: Book) -> Iterator[Mention]:
    """Sources called by a name."""
    for start, end, word, parts in words(low):
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


def words(low: str) -> Iterator[tuple[int, int, str, int]]:
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
