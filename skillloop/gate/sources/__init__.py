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
from collections.abc import Iterator

from skillloop.gate.input import GateInput, finding
from skillloop.gate.sources.mentions import LONGEST, disguised, hides, mentions, plain
from skillloop.gate.sources.rules import Mention, SourceRules, Trust, phrases
from skillloop.gate.sources.trusted import MOST, Found, harm_to_trusted
from skillloop.model import Check, Proposal
from skillloop.text import lexicon

_MARKER = re.compile(r"^\s{0,40}(?:[-*+>]\s{0,4}|\d{1,3}[.)]\s{1,4}|#{1,6}\s{1,4})*")
_SENTENCE = re.compile(r"[.;!?](?=\s|$)|[。！？；]")


def check(_proposal: Proposal, inputs: GateInput) -> list[Check]:
    """Return what the source rules say of the edits: hard failures, soft ones for a person, or one passed check."""
    rules = SourceRules(inputs.config.sources)
    added, removed = [plain(line) for line in inputs.added], [plain(line) for line in inputs.removed]
    found = [*_introduced(inputs, rules, added, removed), *_unwarned(rules, added, removed)]
    found += harm_to_trusted(inputs.base, inputs.text, rules, inputs.added, inputs.removed)
    rule = inputs.config.rule
    checks = [
        finding("sources", one.why, hard=one.hard, rule=rule(one.key, one.entry or None) if one.key else None)
        for one in found
    ]
    fine = "no source comes in and no trusted one is touched"
    return list(dict.fromkeys(checks)) or [finding("sources", "", fine)]


def _introduced(
    inputs: GateInput, rules: SourceRules, added: list[str], removed: list[str]
) -> Iterator[Found]:
    """Yield each source that an added line names and the replaced lines did not name as openly."""
    had = Counter(_openly(m, line) for line in removed for m in mentions(line, rules)[:MOST])
    for whole, line in zip(inputs.added, added, strict=True):
        named = mentions(line, rules)
        if len(named) > MOST or len(whole) > LONGEST:
            why = f"a line of {len(whole)} characters with {len(named)} sources is too much to weigh"
            yield Found("", why, hard=False, key="")
        for mention in (*named[:MOST], *disguised(line, rules)[:MOST]):
            openly = _openly(mention, line)
            if had[openly] > 0 and not mention.disguise:
                had[openly] -= 1
            else:
                yield from _judged(mention, line, inputs.base, rules)
    yield from _split_over_lines(added, rules)


def _openly(mention: Mention, line: str) -> tuple[str, str | None, bool]:
    return mention.label, mention.host, warns(line, mention)


def _judged(mention: Mention, line: str, base: str, rules: SourceRules) -> Iterator[Found]:
    """Yield what one new mention means. A name alone that no list knows matters only beside a trusted list."""
    trust, entry = rules.trust(mention)
    shown, sources = mention.host or mention.label, rules.rules
    if mention.disguise and (trust is Trust.UNTRUSTED or mention.disguise.startswith("imitates")):
        key = "sources.untrusted" if entry in sources.untrusted else "sources.trusted"
        yield Found(entry, f"{shown} in disguise ({mention.disguise})", key=key)
    elif trust is Trust.UNTRUSTED:
        warning = warns(line, mention)
        why = f"names {shown}, which is untrusted" + ", though as a warning" * warning
        yield Found(entry, why, hard=not warning, key="sources.untrusted")
    elif trust is Trust.UNKNOWN:
        if re.search(rf"(?<![\w.-]){re.escape(shown.lower())}(?![\w-])", base.lower()):
            return  # the skill named it before
        twin = rules.resembled(mention.host or "")
        remark = mention.disguise or (f"it resembles {twin}" if twin else "")
        hidden, key = f" ({remark})" if remark else "", "sources.unknown"
        if mention.host is not None and hides(mention.host):
            ruled = bool(sources.trusted is not None or sources.untrusted or sources.kept)
            yield Found("", f"{shown} hides where it leads{hidden}", hard=ruled, key=key)
        elif sources.trusted is not None:
            why = f"names {shown}, which is in none of your lists{hidden}"
            yield Found("", why, hard=sources.unknown == "refuse", key=key)
        elif mention.host is not None:
            yield Found("", f"a host that the skill did not name: {shown}{hidden}", hard=False, key=key)


def _split_over_lines(added: list[str], rules: SourceRules) -> Iterator[Found]:
    """Yield untrusted sources that only the joined lines name."""
    if len(added) < 2 or not rules.rules.untrusted:
        return
    bodies = [_MARKER.sub("", line).rstrip("-").strip() for line in added]
    single = {m.label for line in added for m in (*mentions(line, rules), *disguised(line, rules))}
    for glue in ("", " "):
        joined = glue.join(bodies)
        for mention in (*mentions(joined, rules), *disguised(joined, rules)):
            trust, entry = rules.trust(mention)
            if trust is Trust.UNTRUSTED and mention.label not in single:
                why = f"names {mention.host or mention.label} over several lines"
                yield Found(entry, why, key="sources.untrusted")


def warns(line: str, mention: Mention) -> bool:
    """Return whether the sentence around a mention plainly forbids it. In doubt it does not."""
    begin = max((m.end() for m in _SENTENCE.finditer(line, 0, mention.start)), default=0)
    stop = _SENTENCE.search(line, mention.end)
    sentence = _MARKER.sub("", line[begin : stop.start() if stop else len(line)]).lower()
    # The verb that a negation governs does not turn it round: "don't use Twitter".
    verbless = re.sub(r"\b(don't|dont|do not|never|not)( ever)? (use|prefer)\b", r"\1", sentence)
    return (
        len(phrases("against").findall(sentence)) == 1
        and not lexicon.whole("sources.unwarned").search(verbless)
        and not phrases("turning", "soft").search(sentence)
    )


def _unwarned(rules: SourceRules, added: list[str], removed: list[str]) -> Iterator[Found]:
    """Yield each warning against a distrusted source that goes away."""
    kept = {m.label for line in added for m in mentions(line, rules) if warns(line, m)}
    for line in removed:
        for mention in mentions(line, rules):
            trust, entry = rules.trust(mention)
            if trust is Trust.UNTRUSTED and mention.label not in kept and warns(line, mention):
                yield Found(entry, f"removes the warning against {mention.label}", key="sources.untrusted")
