"""Where a line names a source, by host, by name, in several scripts, openly or in disguise; and what the person's rules say of it.

An entry of a constraint file may be a host ("nature.com", with its subdomains), a pattern ("*.edu") or a plain name
("Twitter"). Invariant: distrust spreads to everything that leads to the source ("twitter" covers x.com, t.co and «Твиттер»),
trust only to what the person named.

`plain` reads a line as a person means it: compatibility forms folded, invisible characters dropped, entities and
percent-encoding undone. A disguise is what a reader would make of a line, though no host or name stands there: markup inside
a word, "dot com", look-alike letters, letters set apart, a word split in two, digits for letters, base64. Only sources that a
rule or the table knows are looked for, so that ordinary text is left alone.
"""

import html
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import Enum
from functools import cache
from urllib.parse import unquote

import msgspec

from skillloop.config.sections import Sources, covers
from skillloop.text import lexicon
from skillloop.text.lexicon import expression, table
from skillloop.text.redact import decoded

_GAPS = dict.fromkeys(map(ord, " \t\u00a0-_'’"))
_HOST_SHAPE = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}$")


Trust = Enum("Trust", ["TRUSTED", "UNTRUSTED", "UNKNOWN"])  # what the person's rules say of a source


@dataclass(frozen=True, slots=True)
class Mention:
    """A source named in a line."""

    label: str  # the source's, or the host itself
    start: int  # in the plain form of the line
    end: int
    host: str | None = None  # None where it is called by a name
    disguise: str = ""  # what hid it


@dataclass(frozen=True, slots=True)
class Source:
    """One source: the label it goes by here, its hosts, and what people call it."""

    label: str
    hosts: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()  # lead to it or show its content
    names: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()  # names that are ordinary words too
    tool: bool = False  # named as a tool more often than as a source

    def reaches(self, host: str) -> bool:
        """Return whether a link to this host leads to the source: itself, a mirror, or a proxy ("x.com.proxy.example")."""
        return any(
            under(host, one) or any(f".{one}." in f".{way}" for way in (host, host.replace("-", ".")))
            for one in (*self.hosts, *self.mirrors)
        )


def under(host: str, domain: str) -> bool:
    """Return whether a host is a domain or one below it; a domain that ends in "." stands for any ending ("redlib.")."""
    if domain.endswith("."):
        return host.startswith(domain) or f".{domain}" in host
    return host == domain or host.endswith("." + domain)


def parents(host: str) -> Iterator[str]:
    """Yield the host and each domain above it: "a.b.org", "b.org", "org"."""
    while host:
        yield host
        host = host.partition(".")[2]


def squeezed(name: str) -> str:
    """Return a name without letter case, spaces, hyphens or compatibility forms: "Stack-Overflow" is "stackoverflow"."""
    plain = name if name.isascii() else unicodedata.normalize("NFKC", name)
    return plain.casefold().translate(_GAPS)


@cache
def known() -> dict[str, Source]:
    """Return the well-known sources by label."""
    return {source.label: source for source in msgspec.convert(table("sources")["source"], list[Source])}


@cache
def _index() -> dict[str, str]:
    """Return the label of each squeezed name, whatever kind of name it is."""
    rows = ((name, s.label) for s in known().values() for name in (*s.names, *s.loose, s.label))
    return {squeezed(name): label for name, label in rows}


@cache
def domains() -> frozenset[str]:
    """Return every domain that the table names, as a source's own, a mirror or a shortener."""
    hosts = (host for source in known().values() for host in (*source.hosts, *source.mirrors))
    return frozenset(table("sources")["shorteners"]).union(hosts)


@cache
def phrases(*kinds: str) -> re.Pattern[str]:
    """Compile the phrases of all languages under these keys, longest first: whole words, or any part where no spaces are."""
    listed = {phrase for kind in kinds for phrase in lexicon.phrases(f"sources.{kind}")}
    spaced: list[str] = []
    joined: list[str] = []
    for phrase in sorted(listed, key=len, reverse=True):
        dense = any("\u2e80" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7af" for char in phrase)
        (joined if dense else spaced).append(re.escape(phrase))
    return re.compile(rf"(?<!\w)(?:{'|'.join(spaced)})(?!\w)|{'|'.join(joined)}", re.IGNORECASE)


class SourceRules:
    """One `[sources]` section together with the table."""

    def __init__(self, rules: Sources) -> None:
        self.rules = rules
        self.trusted = (*(rules.trusted or ()), *rules.kept)  # what some level of the rules trusts
        self.kept = tuple(dict.fromkeys(map(self.label, self.trusted)))  # their labels, in the person's order
        # by label: the well-known ones, and one for each entry that is none of them
        self.sources = dict(known())
        for entry in (*rules.untrusted, *self.trusted, *rules.aliases):
            label = self.label(entry)
            old = self.sources.get(label)
            if old is None:  # no table knows it
                host = is_host(label)
                old = Source(label, hosts=(label,) * host, names=(label,) * (not host and "*" not in label))
            names = (*old.names, *rules.aliases.get(entry, ()))
            self.sources[label] = replace(old, names=names, tool=False)
        sources = self.sources.values()
        self.owners = {host: source.label for source in sources for host in source.hosts}
        named = [(name, s.label) for s in sources if not s.tool for name in s.names if "." not in name]
        self.phrases = {squeezed(name) for name, _ in named if " " in name or "-" in name}  # several words
        self.names = {squeezed(name): label for name, label in named if name.isascii()}  # in Latin letters
        # names in other scripts, which take endings and know no spaces
        self.foreign = {name.casefold(): label for name, label in named if not name.isascii()}
        self.loose = {name: source.label for source in sources for name in source.loose}  # need a context
        kept = [self.sources[label] for label in self.kept]
        parts = (part for s in kept for part in (*s.hosts, *s.names, *s.loose, s.label.replace("*", "")))
        self._needles = set(map(squeezed, parts)) - {""}  # no line without one mentions a kept source
        self._read: dict[str, list[Mention]] = {}  # the kept sources of lines that were read before

    def kept_in(self, line: str) -> list[Mention]:
        """Return the mentions of kept sources in a line, with a cheap first look."""
        if line not in self._read:
            squeeze = squeezed(line)
            possible = any(needle in squeeze for needle in self._needles)
            found = mentions(plain(line), self) if possible else []
            trusted = {m for m in found if m.host and self.covering(m.host, self.trusted)}
            self._read[line] = [m for m in found if m.label in self.kept or m in trusted]
        return self._read[line]

    def label(self, entry: str) -> str:
        """Return the label of an entry: a well-known source where it names one or is its host, else the entry itself."""
        entry = cleaned(entry)
        if is_host(entry):
            return next((label for label, source in known().items() if entry in source.hosts), entry)
        return _index().get(squeezed(entry), entry)

    def called(self, host: str) -> str:
        """Return what a host is called here: the source it belongs to, else the host itself."""
        return next((self.owners[domain] for domain in parents(host) if domain in self.owners), host)

    def trust(self, mention: Mention) -> tuple[Trust, str]:
        """Return what the rules say of what a line mentions, and the entry that says it ("" for unknown)."""
        if mention.host is not None:
            return self.host(mention.host)
        for trust, entries in ((Trust.UNTRUSTED, self.rules.untrusted), (Trust.TRUSTED, self.rules.trusted)):
            if entry := next((entry for entry in entries or () if self.label(entry) == mention.label), ""):
                return trust, entry
        return Trust.UNKNOWN, ""

    def host(self, host: str) -> tuple[Trust, str]:
        """Return the same of a host."""
        for entry in self.rules.untrusted:
            source = self.sources[self.label(entry)]
            if _covered(entry, host) or (source.label != cleaned(entry) and source.reaches(host)):
                return Trust.UNTRUSTED, entry
        entry = self.covering(host, self.rules.trusted or ())
        return (Trust.TRUSTED, entry) if entry else (Trust.UNKNOWN, "")

    def knows(self, host: str) -> bool:
        """Return whether a rule or the table names this host or a domain above it."""
        return self.host(host)[0] is not Trust.UNKNOWN or not domains().isdisjoint(parents(host))

    def redirects(self, host: str) -> bool:
        """Return whether a host hides where it leads."""
        return not set(table("sources")["shorteners"]).isdisjoint(parents(host))

    def covering(self, host: str, entries: Iterable[str]) -> str:
        """Return the first entry that trusts this host, or ""."""
        for entry in entries:
            named = () if is_host(cleaned(entry)) else self.sources[self.label(entry)].hosts
            if _covered(entry, host) or any(under(host, own) for own in named):
                return entry
        return ""

    def resembled(self, host: str) -> str:
        """Return the trusted host that another one could be taken for ("arxlv.org", "arxiv.org.example"), or ""."""
        own = (one for label in self.kept for one in self.sources[label].hosts)
        return next((one for one in own if one in host or SequenceMatcher(None, one, host).ratio() > 0.8), "")

    def entry(self, label: str) -> str:
        """Return the entry that trusts a source, or ""."""
        return next((entry for entry in self.trusted if self.label(entry) == label), "")


def cleaned(entry: str) -> str:
    """Return an entry without scheme, "www." and path where it is a host; letter case stays for plain names."""
    host = re.sub(r"^(?:[a-z]+://)?(?:www\.)?", "", entry.strip(), flags=re.IGNORECASE)
    host = host.split("/")[0].rstrip(".")
    return host.casefold() if is_host(host) or "*" in host else entry.strip()


def is_host(entry: str) -> bool:
    """Return whether an entry has the shape of a host."""
    return bool(_HOST_SHAPE.match(entry))


def _covered(entry: str, host: str) -> bool:
    entry = cleaned(entry)
    return (is_host(entry) or "*" in entry) and covers(entry, host)


# --- in a line -----------------------------------------------------------------------------------------------------------

LONGEST = 2_000  # characters of a line that are read; a longer one goes to a person
_UNSEEN, _URL, _BARE = (re.compile(table("sources")[name]) for name in ("unseen", "url", "bare"))
_ESCAPE = re.compile(r"\\(?:x|u00)([2-7][0-9a-fA-F])")
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
    """Yield the mention that a host is, but this machine or a name in code; a scheme or a mailbox makes it `sure`."""
    end = at + len(host)
    host = host.removeprefix("www.")
    if not host or _LOCAL.match(host) or host in table("sources")["code"]:
        return
    labels = host.split(".")
    for number, part in enumerate(labels):
        with suppress(UnicodeError):  # punycode (RFC 3492)
            labels[number] = part[4:].encode("ascii").decode("punycode") if part.startswith("xn--") else part
    unicode = ".".join(labels)
    twin = unicodedata.normalize("NFKD", unicode).translate(TWINS)
    twin = "".join(c for c in twin if not unicodedata.combining(c))
    if twin != unicode and rules.knows(twin):
        yield Mention(rules.called(twin), at, end, host, f"imitates {twin}")
        return
    if sure or rules.knows(host) or host.rsplit(".", 1)[-1] in table("sources")["endings"].split():
        yield Mention(rules.called(host), at, end, host)


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
_SPELLED = table("sources")["spelled"]
_SET_APART = re.compile(r"(?<![a-z0-9])(?:[a-z0-9][\s.\-_+|/]{1,3}){3,30}[a-z0-9](?![a-z0-9])")
_LEET = re.compile(r"[a-z0-9@$]{1,30}")
_DIGITS = str.maketrans("013457@$", "oieastas")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,400}={0,2}")


def disguised(line: str, rules: SourceRules) -> list[Mention]:
    """Return the sources that a plain line names in a form that hides them."""
    low, openly = line.lower(), {(mention.label, mention.host) for mention in mentions(line, rules)}
    bare, found = _MARKUP.sub("", low), list[Mention]()
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
                found.append(replace(mention, disguise=mention.disguise or how))
    found += _respelled(bare, rules)
    for run in _BASE64.finditer(line):
        text = decoded(run.group())
        inside = mentions(text, rules) if text.isprintable() else []
        found += (Mention(m.label, *run.span(), m.host, "in base64") for m in inside)
    return [each for each in dict.fromkeys(found) if (each.label, each.host) not in openly]


def _respelled(bare: str, rules: SourceRules) -> Iterator[Mention]:
    """Yield names of which the word is split in two, the letters are set apart, or some letters are digits."""
    for start, end, word, parts in words(bare):
        if parts == 2 and len(word) >= 6 and word not in rules.phrases and bare[start:end] not in _TWO_WORDS:
            found = Mention(rules.names.get(word, ""), start, end, disguise="split in two")
            if rules.trust(found)[0] is Trust.UNTRUSTED:
                yield found
    for match in _SET_APART.finditer(bare):
        joined = re.sub(r"[^a-z0-9]", "", match.group())
        for name, called in rules.names.items():
            if len(name) >= 4 and name in joined:
                yield Mention(called, *match.span(), disguise="letters set apart")
    for match in _LEET.finditer(bare):
        word = match.group().translate(_DIGITS)
        if word in rules.names and word != match.group():
            yield Mention(rules.names[word], *match.span(), disguise="digits for letters")
