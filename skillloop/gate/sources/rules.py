"""What a source is called: well-known ones from a table, and the person's own entries.

An entry of a constraint file may be a host ("nature.com", with its subdomains), a pattern ("*.edu") or a plain name
("Twitter"). `SourceRules` puts the entries of one `[sources]` section together with the table, so that distrusting
"twitter" covers x.com, t.co and «Твиттер». Invariant: distrust spreads to everything that leads to the source,
trust only to what the person named.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import Enum
from functools import cache, cached_property

import msgspec

from skillloop.config import Sources, covers
from skillloop.text import lexicon
from skillloop.text.lexicon import table

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
        """Return whether a link to this host leads to the source, by itself, through a mirror or through a proxy for it.

        Proxies carry the host in their own: "x.com.proxy.example", "x-com.translate.goog".
        """
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
    """Compile the phrases of every language under these keys: whole words in scripts with spaces, any part in the others.

    Longest first, so that "no longer" is one phrase. (Korean counts as unspaced: it glues its endings on.)
    """
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
        self.read: dict[str, list[Mention]] = {}  # the kept sources of lines that were read before

    def label(self, entry: str) -> str:
        """Return the label of an entry: a well-known source where it names one or is its host, else the entry itself."""
        entry = cleaned(entry)
        if is_host(entry):
            return next((label for label, source in known().items() if entry in source.hosts), entry)
        return _index().get(squeezed(entry), entry)

    def trust(self, mention: Mention) -> tuple[Trust, str]:
        """Return what the rules say of what a line mentions, and the entry that says it ("" for unknown)."""
        return self.name(mention.label) if mention.host is None else self.host(mention.host)

    def host(self, host: str) -> tuple[Trust, str]:
        """Return what the rules say of a host, and the entry that says it ("" for unknown)."""
        for entry in self.rules.untrusted:
            source = self.sources[self.label(entry)]
            if _covered(entry, host) or (source.label != cleaned(entry) and source.reaches(host)):
                return Trust.UNTRUSTED, entry
        entry = self._covering(host, self.rules.trusted or ())
        return (Trust.TRUSTED, entry) if entry else (Trust.UNKNOWN, "")

    def knows(self, host: str) -> bool:
        """Return whether a rule or the table names this host or a domain above it."""
        return self.host(host)[0] is not Trust.UNKNOWN or not domains().isdisjoint(parents(host))

    def keeps(self, host: str) -> bool:
        """Return whether mentions of a host stay, because some level of the rules trusts it."""
        return bool(self._covering(host, self.trusted))

    def _covering(self, host: str, entries: Iterable[str]) -> str:
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

    def name(self, label: str) -> tuple[Trust, str]:
        """Return what the rules say of a source that is called by a name, and the entry that says it."""
        for trust, entries in ((Trust.UNTRUSTED, self.rules.untrusted), (Trust.TRUSTED, self.rules.trusted)):
            if entry := next((entry for entry in entries or () if self.label(entry) == label), ""):
                return trust, entry
        return Trust.UNKNOWN, ""

    def entry(self, label: str) -> str:
        """Return the entry that trusts a source, or ""."""
        return next((entry for entry in self.trusted if self.label(entry) == label), "")

    @cached_property
    def needles(self) -> tuple[str, ...]:
        """Pieces of text without one of which a line mentions no kept source: a cheap first look."""
        kept = [self.sources[label] for label in self.kept]
        parts = (part for s in kept for part in (*s.hosts, *s.names, *s.loose, s.label.replace("*", "")))
        return tuple(sorted(set(map(squeezed, parts)) - {""}))


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
