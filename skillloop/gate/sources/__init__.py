"""Which sources a skill sends people and models to is the person's to decide.

No edit may bring in a source that the person distrusts or does not know, and none may remove, soften, speak against
or move down the mention of one that they trust (`[sources]` of the constraint files). Invariants: rules only
tighten, since an entry can add a failure and never take one away; a line that names no source is never touched.

A warning against a distrusted source ("never cite Twitter") names it too, so it goes to a person instead of being
refused. Without any `[sources]` rule, a host that the skill did not have goes to a person: a link in a skill is
followed by every later session. That is also the default for unknown hosts beside a trusted list: refusing outright
would throw away the person's own words for a list that nobody keeps complete, and `unknown = "refuse"` is there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from skillloop.config import Config
from skillloop.gate.input import GateInput
from skillloop.gate.sources.catalogue import Book, Mention, Standing, phrases
from skillloop.gate.sources.disguises import disguised
from skillloop.gate.sources.mentions import LONGEST, hides, mentions, plain
from skillloop.gate.sources.trusted import MOST, broken
from skillloop.model import Check, Proposal

_MARKER = re.compile(r"^\s{0,40}(?:[-*+>]\s{0,4}|\d{1,3}[.)]\s{1,4}|#{1,6}\s{1,4})*")
_SENTENCE = re.compile(r"[.;!?](?=\s|$)|[。！？；]")
# A warning may not turn round within its sentence: "never skip Twitter", "don't cite anything but Reddit".
_TURNS = re.compile(
    r"\b(?:skip|skipping|forget|omit|ignore|miss|hesitate|instead|use|prefer|if|when|while|stop|just|sólo|nur|seulement)\b"
)


def check(_proposal: Proposal, inputs: GateInput) -> list[Check]:
    """What the source rules say about the edits: hard failures, soft ones for a person, or one passed check."""
    return compare(inputs.base, inputs.text, inputs.config, inputs.added, inputs.removed)


def compare(
    base: str, text: str, config: Config, added: Sequence[str], removed: Sequence[str]
) -> list[Check]:
    """The same for two texts; `added` and `removed` are the lines by which they differ."""
    book = Book(config.sources)
    checks = [*_introduced(base, config, book, added, removed), *_unwarned(config, book, added, removed)]
    checks += [
        _failed(config, "sources.trusted", found.entry, found.why, hard=found.hard)
        for found in broken(base, text, book, added, removed)
    ]
    checks = list(dict.fromkeys(checks))
    return checks or [
        Check("sources", passed=True, detail="no source comes in and no trusted one is touched")
    ]


def _failed(config: Config, key: str, entry: str, why: str, *, hard: bool = True) -> Check:
    return Check("sources", passed=False, hard=hard, detail=why, rule=config.rule(key, entry or None))


# --- what comes in -------------------------------------------------------------------------------------------------


def _introduced(
    base: str, config: Config, book: Book, added: Sequence[str], removed: Iterable[str]
) -> Iterator[Check]:
    """A failure for each source that an added line names and the replaced lines did not name as openly."""
    had = Counter(_stance(m, line) for line in map(plain, removed) for m in mentions(line, book)[:MOST])
    for whole in added:
        line = plain(whole)
        named = mentions(line, book)
        if len(named) > MOST or len(whole) > LONGEST:
            why = f"a line of {len(whole)} characters with {len(named)} sources is too much to weigh"
            yield Check("sources", passed=False, hard=False, detail=why)
        for mention in (*named[:MOST], *disguised(line, book)[:MOST]):
            stance = _stance(mention, line)
            if had[stance] > 0 and not mention.disguise:
                had[stance] -= 1
            else:
                yield from _judged(mention, line, base, config, book)
    yield from _split_over_lines(added, config, book)


def _stance(mention: Mention, line: str) -> tuple[str, str | None, bool]:
    return mention.label, mention.host, warns(line, mention)


def _judged(mention: Mention, line: str, base: str, config: Config, book: Book) -> Iterator[Check]:
    """What one new mention means."""
    standing, entry = book.name(mention.label) if mention.host is None else book.host(mention.host)
    shown = mention.host or mention.label
    if mention.disguise and (standing is Standing.UNTRUSTED or mention.disguise.startswith("imitates")):
        key = "sources.untrusted" if entry in config.sources.untrusted else "sources.trusted"
        yield _failed(config, key, entry, f"{shown} in disguise ({mention.disguise})")
    elif standing is Standing.UNTRUSTED:
        warning = warns(line, mention)
        why = f"names {shown}, which is untrusted" + (", though as a warning" if warning else "")
        yield _failed(config, "sources.untrusted", entry, why, hard=not warning)
    elif standing is Standing.UNKNOWN and not _in(base, mention):
        yield from _unknown(mention, shown, config, book)


def _unknown(mention: Mention, shown: str, config: Config, book: Book) -> Iterator[Check]:
    """A source that no list names. A name alone matters only beside a trusted list."""
    rules = config.sources
    twin = book.resembled(mention.host or "")
    remark = mention.disguise or (f"it resembles {twin}" if twin else "")
    hidden = f" ({remark})" if remark else ""
    if mention.host is not None and hides(mention.host):
        ruled = bool(rules.trusted is not None or rules.untrusted or rules.kept)
        why = f"{shown} hides where it leads{hidden}"
        yield _failed(config, "sources.unknown", "", why, hard=ruled)
    elif rules.trusted is not None:
        why = f"names {shown}, which no list of yours names{hidden}"
        yield _failed(config, "sources.unknown", "", why, hard=rules.unknown == "refuse")
    elif mention.host is not None:
        yield _failed(
            config, "sources.unknown", "", f"a host that the skill did not name: {shown}{hidden}", hard=False
        )


def _in(base: str, mention: Mention) -> bool:
    """Whether the skill named the source before: the same host, or the name for a name."""
    needle, text = (mention.host or mention.label).lower(), base.lower()
    return needle in text and re.search(rf"(?<![\w.-]){re.escape(needle)}(?![\w-])", text) is not None


def _split_over_lines(added: Sequence[str], config: Config, book: Book) -> Iterator[Check]:
    """Untrusted sources that only the joined lines name."""
    if len(added) < 2 or not config.sources.untrusted:
        return
    bodies = [_MARKER.sub("", plain(line)).rstrip("-").strip() for line in added]
    single = {
        m.label for line in added for m in (*mentions(plain(line), book), *disguised(plain(line), book))
    }
    for glue in ("", " "):
        joined = glue.join(bodies)
        for mention in (*mentions(joined, book), *disguised(joined, book)):
            standing, entry = book.name(mention.label) if mention.host is None else book.host(mention.host)
            if standing is Standing.UNTRUSTED and mention.label not in single:
                yield _failed(
                    config,
                    "sources.untrusted",
                    entry,
                    f"names {mention.host or mention.label} over several lines",
                )


# --- warnings ------------------------------------------------------------------------------------------------------


def warns(line: str, mention: Mention) -> bool:
    """Whether the sentence around a mention plainly forbids it. In doubt it does not."""
    begin = max((m.end() for m in _SENTENCE.finditer(line, 0, mention.start)), default=0)
    stop = _SENTENCE.search(line, mention.end)
    sentence = _MARKER.sub("", line[begin : stop.start() if stop else len(line)]).lower()
    negations = phrases("against").findall(sentence)
    return (
        len(negations) == 1
        and not _TURNS.search(_verbless(sentence))
        and not phrases("turning", "soft").search(sentence)
    )


def _verbless(sentence: str) -> str:
    """The sentence without the verb that a negation governs: in "don't use Twitter", "use" does not turn it round."""
    return re.sub(r"\b(don't|dont|do not|never|not)( ever)? (use|prefer)\b", r"\1", sentence)


def _unwarned(config: Config, book: Book, added: Iterable[str], removed: Iterable[str]) -> Iterator[Check]:
    """A failure for each warning against a distrusted source that goes away."""
    kept = {m.label for line in map(plain, added) for m in mentions(line, book) if warns(line, m)}
    for line in map(plain, removed):
        for mention in mentions(line, book):
            standing, entry = book.name(mention.label) if mention.host is None else book.host(mention.host)
            if standing is Standing.UNTRUSTED and mention.label not in kept and warns(line, mention):
                yield _failed(
                    config, "sources.untrusted", entry, f"removes the warning against {mention.label}"
                )
