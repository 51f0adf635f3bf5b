"""Where a line names a source: by host, by name, in several scripts, openly or in disguise.

`plain` reads a line as a person means it: compatibility forms folded, invisible characters dropped, entities and
percent-encoding undone, so that what a redirect leads to is seen too. A disguise is what a reader would make of a line,
though no host or name stands there: markup inside a word, "dot com", look-alike letters, letters set apart, a word split
in two, digits for letters, base64. Only sources that a rule or the table knows are looked for, so that ordinary text is
left alone.
"""

from __future__ import annotations

import html
import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote

from skillloop.gate.sources.rules import Mention, SourceRules, Trust, parents
from skillloop.text import lexicon
from skillloop.text.lexicon import expression, table
from skillloop.text.redact import decoded

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
# Around "X": letters of algebra, and other things of that name; and what makes it a place to read at.
_ALGEBRA = re.compile(r"(?<!\w)[YZ](?!\w)")
_OTHER_X = re.compile(r"\b(?:mac ?os|os) x\b|\bx (?:axis|and y|times|coordinate)\b")
_CLOSERS = frozenset({"first", "and", "or", "for", "as", "instead"})

TWINS = str.maketrans(*table("sources")["twins"])


def plain(line: str) -> str:
    """Return the line as it is meant: entities, percent-encoding and escapes undone, at most three times."""
    text = _UNSEEN.sub("", unicodedata.normalize("NFKC", line[:LONGEST]))
    for _ in range(3):
        undone = unquote(html.unescape(text)) if "%" in text or "&" in text else text
        if undone == text:
            break
        text = undone
    text = _ESCAPE.sub(lambda match: chr(int(match.group(1), 16)), text)
    return text.replace("İ", "I").replace("\\/", "/").replace("hxxp", "http")


def mentions(line: str, rules: SourceRules) -> list[Mention]:
    """Return the sources that a plain line (see `plain`) names openly, in order."""
    low = line.lower()
    if len(low) != len(line):
        line = low
    found: list[Mention] = []
    urls = []
    for match in _URL.finditer(low):
        host = match.group(1).rpartition("@")[2].partition("\\")[0].strip(".").removeprefix("www.")
        if match.group().startswith("//") and "." not in host:
            continue  # a comment of some programming language
        urls.append(match.span())
        found += _mention(host, match.start(1), rules, sure=True)
    for match in _BARE.finditer(low):
        if not any(m.start <= match.start() < m.end for m in found):
            mail = low[match.start() - 1 : match.start()] == "@"
            found += _mention(match.group(), match.start(), rules, sure=mail)
    taken = [(m.start, m.end) for m in found] + urls
    found += [m for m in _named(line, low, rules) if not any(a <= m.start < b for a, b in taken)]
    return sorted(found, key=lambda m: m.start)


def _mention(host: str, at: int, rules: SourceRules, *, sure: bool) -> Iterator[Mention]:
    """Yield the mention that a host is, unless it is none: this machine, or a name in code.

    `sure` says that a scheme or a mailbox tells that it is one.
    """
    end = at + len(host)
    host = host.removeprefix("www.")
    if not host or _LOCAL.match(host) or host in table("sources")["code"]:
        return
    unicode = _decoded(host)
    twin = unicodedata.normalize("NFKD", unicode).translate(TWINS)
    twin = "".join(c for c in twin if not unicodedata.combining(c))
    if twin != unicode and rules.knows(twin):
        yield Mention(label(twin, rules), at, end, host, f"imitates {twin}")
        return
    if sure or rules.knows(host) or host.rsplit(".", 1)[-1] in table("sources")["endings"].split():
        yield Mention(label(host, rules), at, end, host)


def _decoded(host: str) -> str:
    """Return a host with its punycode labels as Unicode (RFC 3492)."""
    labels = []
    for part in host.split("."):
        try:
            labels.append(part[4:].encode("ascii").decode("punycode") if part.startswith("xn--") else part)
        except UnicodeError:
            labels.append(part)
    return ".".join(labels)


def hides(host: str) -> bool:
    """Return whether a host is a shortener or a redirector, which does not show where it leads."""
    return any(domain in table("sources")["shorteners"] for domain in parents(host))


def label(host: str, rules: SourceRules) -> str:
    """Return what a host is called here: the source it belongs to, else the host itself."""
    return next((rules.owners[domain] for domain in parents(host) if domain in rules.owners), host)


def _named(line: str, low: str, rules: SourceRules) -> Iterator[Mention]:
    """Yield the sources called by a name."""
    for start, end, word, parts in words(low):
        called = rules.names.get(word, "") if parts == 1 or word in rules.phrases else ""
        # with an ending of up to three letters, where the name is long enough to bear one
        stems = (word[:-k] for k in (1, 2, 3) if len(word) - k >= 6) if parts == 1 and not called else ()
        called = called or next((rules.names[stem] for stem in stems if stem in rules.names), "")
        if called:
            yield Mention(called, start, end)
    if not low.isascii():
        for name, called in rules.foreign.items():
            at = low.replace(" ", "").find(name) if " " in name else low.find(name)
            if at >= 0:
                yield Mention(called, at, at + len(name))
    for name, called in rules.loose.items():
        if name in line:
            yield from _loosely(line, low, name, called)


def words(low: str) -> Iterator[tuple[int, int, str, int]]:
    """Yield each run of one to four neighbouring words: where it is, its letters, and of how many words."""
    tokens = list(_TOKEN.finditer(low))
    for at, first in enumerate(tokens):
        yield first.start(), first.end(), first.group(), 1
        for before, last in itertools.pairwise(tokens[at : at + 4]):
            if not _GAP.match(low[before.end() : last.start()]):
                break
            run = tokens[at : tokens.index(last, at) + 1]
            yield first.start(), last.end(), "".join(t.group() for t in run), len(run)


def _loosely(line: str, low: str, name: str, called: str) -> Iterator[Mention]:
    """Yield a name that is an ordinary word too, where the words around it speak of a source."""
    if name == "X" and (_ALGEBRA.search(line) or _OTHER_X.search(low)):
        return
    for match in re.finditer(rf"(?<![\w.=/-]){re.escape(name)}(?![\w=/-]|\.\w)", line):
        before = low[max(0, match.start() - 80) : match.start()].split()[-4:]
        after = low[match.end() : match.end() + 80].split()[:4]
        near = {word.strip(".,:;!?()\"'") for word in (*before, *after)}
        placed = bool(before) and before[-1] in lexicon.words("sources.place")
        closed = not after or low[match.end()] in ".,;!?)" or after[0] in _CLOSERS
        if not near.isdisjoint(lexicon.phrases("sources.media")) or (placed and closed):
            yield Mention(called, match.start(), match.end())


_TWO_WORDS = frozenset({"linked in", "face rules"})  # ordinary English, too

_MARKUP = re.compile(r"<!--.{0,400}?-->|</?[a-z][^>]{0,200}>|[*~`\\]|(?<=\w)\|(?=\w)")
_SPELLED = (
    r"\s?[\[({<]\s?(?:\.|<sources.dot>)\s?[\])}>]\s?|\s(?:\.|<sources.dot>)\s"
    r"|\s?\.\s?(?=(?:com|org|net|io|co|me|ly|be|it)\b)|[。．｡]"
)
_SET_APART = re.compile(r"(?<![a-z0-9])(?:[a-z0-9][\s.\-_+|/]{1,3}){3,30}[a-z0-9](?![a-z0-9])")
_LEET = re.compile(r"[a-z0-9@$]{1,30}")
_DIGITS = str.maketrans("013457@$", "oieastas")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,400}={0,2}")


def disguised(line: str, rules: SourceRules) -> list[Mention]:
    """Return the sources that a plain line names in a form that hides them."""
    low, openly = line.lower(), {(mention.label, mention.host) for mention in mentions(line, rules)}
    bare = _MARKUP.sub("", low)
    tricks = (_rewritten(low, bare, rules), _respelled(bare, rules), _encoded(line, rules))
    found = dict.fromkeys(mention for trick in tricks for mention in trick)
    return [mention for mention in found if (mention.label, mention.host) not in openly]


def _rewritten(low: str, bare: str, rules: SourceRules) -> Iterator[Mention]:
    """Yield mentions that appear once markup is gone, dots are dots, or letters are Latin."""
    for text, how in (
        (bare, "split by markup"),
        (expression(_SPELLED).sub(".", bare), "spelled out"),
        (bare.translate(TWINS), "look-alike letters"),
    ):
        for mention in mentions(text, rules) if text != low else ():
            name, _, ending = (mention.host or "").rpartition(".")
            # else it may be an accident of the rewriting
            likely = len(name) >= 4 and ending in {"com", "org", "net", "io", "info"}
            if mention.host is None or likely or rules.knows(mention.host):
                yield replace(mention, disguise=mention.disguise or how)


def _respelled(bare: str, rules: SourceRules) -> Iterator[Mention]:
    """Yield names of which the word is split in two, the letters are set apart, or some letters are digits."""
    for start, end, word, parts in words(bare):
        if parts == 2 and len(word) >= 6 and word not in rules.phrases and bare[start:end] not in _TWO_WORDS:
            called = rules.names.get(word, "")
            if called and rules.name(called)[0] is Trust.UNTRUSTED:
                yield Mention(called, start, end, disguise="split in two")
    for match in _SET_APART.finditer(bare):
        joined = re.sub(r"[^a-z0-9]", "", match.group())
        for name, called in rules.names.items():
            if len(name) >= 4 and name in joined:
                yield Mention(called, *match.span(), disguise="letters set apart")
    for match in _LEET.finditer(bare):
        word = match.group().translate(_DIGITS)
        if word in rules.names and word != match.group():
            yield Mention(rules.names[word], *match.span(), disguise="digits for letters")


def _encoded(line: str, rules: SourceRules) -> Iterator[Mention]:
    for run in _BASE64.finditer(line):
        text = decoded(run.group())
        inside = mentions(text, rules) if text.isprintable() else []
        yield from (Mention(m.label, *run.span(), m.host, "in base64") for m in inside)
