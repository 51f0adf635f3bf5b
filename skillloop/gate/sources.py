"""Which sources a skill sends people and models to is the person's to decide.

No edit may bring in a source that the person distrusts or does not know, and none may remove, soften, speak against
or move down the mention of one that they trust (`[sources]` of the constraint files). Invariants: rules only
tighten, since an entry can add a failure and never take one away; a line that names no source is never touched.

A warning against a distrusted source ("never cite Twitter") names it too, so it goes to a person. So does an unknown host
without any `[sources]` rule, since every later session follows a link in a skill, and beside a trusted list, unless the
person wants it refused (`unknown = "refuse"`).

What the text says of a trusted source stays: every mention that a reader sees, its force, and the order of preference, which
is read from the text, within each section and over the whole file.

Which way a sentence leans toward a source goes by its clauses: a negation governs the verb of its own clause and what that
verb takes, not a source in a subordinate clause ("never cite a blog when the study is on PubMed"), after a contrast ("not a
blog but PubMed") or beside a verb that does not use it. Invariant: AGAINST is said only where a negator, or a verb that gives
up ("skip"), reaches the source with nothing in between that may turn it; what is merely likely is DOUBTFUL: a person decides.
"""

import re
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from skillloop.gate.input import GateInput, finding
from skillloop.gate.mentions import LONGEST, Mention, SourceRules, Trust, disguised, mentions, phrases, plain
from skillloop.model import Check, Proposal
from skillloop.text import lexicon
from skillloop.text.lexicon import expression, table

MOST = 20  # mentions of a line that are weighed; no rule names more
Outline = list[tuple[str, str]]  # heading and label of each mention of a kept source that a reader sees
_MARKER = re.compile(r"^\s{0,40}(?:[-*+>]\s{0,4}|\d{1,3}[.)]\s{1,4}|#{1,6}\s{1,4})*")


class Found(NamedTuple):
    """The entry whose rule is broken ("" for none), why, whether that is certain (if not, a person decides), and the rule's key."""

    entry: str
    why: str
    hard: bool = True
    key: str = "sources.trusted"


def check(_proposal: Proposal, inputs: GateInput) -> list[Check]:
    """Return what the source rules say of the edits: hard failures, soft ones for a person, or one passed check."""
    rules = SourceRules(inputs.config.sources)
    added, removed = [plain(line) for line in inputs.added], [plain(line) for line in inputs.removed]
    found = [*_brought(inputs, rules, added, removed), *_hidden_or_unwarned(rules, added, removed)]
    before = _outline(inputs.base, rules) if rules.kept else []
    if before or any(map(rules.kept_in, added)):
        found += _lost(before, _outline(inputs.text, rules), rules)
        found += (*_weakened(before, rules, added, removed), *_outranked(before, rules, added))
        found += _undermined(inputs, rules)
    checks: dict[Check, None] = {}
    for one in found:
        rule = inputs.config.rule(one.key, one.entry or None) if one.key else None
        checks[finding("sources", one.why, hard=one.hard, rule=rule)] = None
    return [*checks] or [finding("sources", "", "no source comes in and no trusted one is touched")]


def _brought(inputs: GateInput, rules: SourceRules, added: list[str], removed: list[str]) -> Iterator[Found]:
    """Yield each source that an added line names and the replaced lines did not name as openly."""
    had = Counter((m.label, m.host, warns(line, m)) for line in removed for m in mentions(line, rules)[:MOST])
    for whole, line in zip(inputs.added, added, strict=True):
        named = mentions(line, rules)
        if len(named) > MOST or len(whole) > LONGEST:
            why = f"a line of {len(whole)} characters with {len(named)} sources is too much to weigh"
            yield Found("", why, hard=False, key="")
        for mention in (*named[:MOST], *disguised(line, rules)[:MOST]):
            openly = mention.label, mention.host, warns(line, mention)
            if had[openly] > 0 and not mention.disguise:
                had[openly] -= 1
            else:
                yield from _judged(mention, line, inputs.base, rules)


def _hidden_or_unwarned(rules: SourceRules, added: list[str], removed: list[str]) -> Iterator[Found]:
    """Yield untrusted sources that only the joined lines name, and those of which a warning goes away."""
    bodies = [_MARKER.sub("", line).rstrip("-").strip() for line in added]
    split = len(added) > 1 and rules.rules.untrusted
    whole = ("".join(bodies), " ".join(bodies)) if split else ()
    single = {m.label for line in added if whole for m in (*mentions(line, rules), *disguised(line, rules))}
    joined = (m for text in whole for m in (*mentions(text, rules), *disguised(text, rules)))
    warned = {m.label for line in added for m in mentions(line, rules) if warns(line, m)}
    gone = (m for line in removed for m in mentions(line, rules) if warns(line, m))
    for mention, why in (
        *((m, f"names {m.host or m.label} over several lines") for m in joined if m.label not in single),
        *((m, f"removes the warning against {m.label}") for m in gone if m.label not in warned),
    ):
        trust, entry = rules.trust(mention)
        if trust is Trust.UNTRUSTED:
            yield Found(entry, why, key="sources.untrusted")


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
        if rules.redirects(mention.host or ""):
            ruled = bool(sources.trusted is not None or sources.untrusted or sources.kept)
            yield Found("", f"{shown} hides where it leads{hidden}", hard=ruled, key=key)
        elif sources.trusted is not None:
            why = f"names {shown}, which is in none of your lists{hidden}"
            yield Found("", why, hard=sources.unknown == "refuse", key=key)
        elif mention.host is not None:
            yield Found("", f"a host that the skill did not name: {shown}{hidden}", hard=False, key=key)


def warns(line: str, mention: Mention) -> bool:
    """Return whether the sentence around a mention plainly forbids it. In doubt it does not."""
    begin = max((m.end() for m in _SENTENCE.finditer(line, 0, mention.start)), default=0)
    stop = _SENTENCE.search(line, mention.end)
    sentence = verbless = _MARKER.sub("", line[begin : stop.start() if stop else len(line)]).lower()
    for governed, negation in lexicon.rewrites("sources.verbless"):
        verbless = governed.sub(negation, verbless)
    return (
        len(phrases("against").findall(sentence)) == 1
        and not lexicon.whole("sources.unwarned").search(verbless)
        and not phrases("turning", "soft").search(sentence)
    )


# --- what is said of a trusted source -------------------------------------------------------------------------------------

Stance = Enum("Stance", ["FOR", "DOUBTFUL", "AGAINST"])  # what a sentence wants done with a source
_UNREAD = re.compile(r"(?sm)<!--.*?(?:-->|\Z)|~~.{1,2000}?~~|<del>[^<]{0,2000}</del>|^(```|~~~).*?(?:^\1|\Z)")
_HEADING = re.compile(r"#{1,6}\s")
_CONDITION = re.compile(r"\b(?:unless|only if)\b[^,.;:!?]*$")


def _outline(text: str, rules: SourceRules) -> Outline:
    lines = ((heading, line) for heading, rows in _sections(_UNREAD.sub("", text)) for _, line in rows)
    return [(heading, m.label) for heading, line in lines for m in rules.kept_in(line)]


def _lost(before: Outline, after: Outline, rules: SourceRules) -> Iterator[Found]:
    """Yield mentions that are gone or out of order, and sources that stand where another stood first."""
    rest = iter(after)  # `in` consumes it: what comes after must go on from there
    missing = next((one for one in before if one not in rest), None)
    if missing is not None:
        label = missing[1]
        fewer = sum(name == label for _, name in after) < sum(name == label for _, name in before)
        why = f"a mention of {label} is removed" if fewer else f"{label} changes its place"
        yield Found(rules.entry(label), why)
        return
    for heading in dict.fromkeys(heading for heading, _ in before):
        old, new = (list(dict.fromkeys(n for h, n in side if h == heading)) for side in (before, after))
        if [name for name in new if name in old] != old or new[0] != old[0]:
            yield Found(rules.entry(old[0]), f"another source comes before {old[0]}")


def _weakened(before: Outline, rules: SourceRules, added: list[str], removed: list[str]) -> Iterator[Found]:
    """Yield lines that say less of a trusted source than the text did, or speak against it."""
    old = {mention.label: line.lower() for line in removed for mention in rules.kept_in(line)}
    known = {label for _, label in before}
    for line in added:
        for mention in rules.kept_in(line)[:MOST]:
            label, said = mention.label, line.lower()
            way = stance(said, mention)
            if label in old and phrases("against").search(old[label]):
                way = Stance.FOR
            if way is not Stance.FOR:
                sure = way is Stance.AGAINST
                verb = "speaks" if sure else "may speak"
                yield Found(rules.entry(label), f"{verb} against {label}, which is trusted", hard=sure)
            elif label in known and (soft := _soft(said, mention) - _soft(old.get(label, ""))):
                why = f"softens what is said of {label}: {', '.join(sorted(soft))}"
                yield Found(rules.entry(label), why)
            elif label in old and phrases("force").search(old[label]) and not phrases("force").search(said):
                yield Found(rules.entry(label), f"takes the force out of what is said of {label}")


def _soft(line: str, mention: Mention | None = None) -> set[str]:
    """Return the weakening words of a line ("unless PubMed …", too); verbs of permission count only without a word of force."""
    before = line[: mention.start] if mention else ""
    conditional = mention is not None and _CONDITION.search(before)
    words = set(phrases("soft").findall(line.replace(conditional[0], " ") if conditional else line))
    return words if phrases("force").search(line) else words | set(phrases("modal").findall(line))


def _outranked(before: Outline, rules: SourceRules, added: list[str]) -> Iterator[Found]:
    """Yield added lines that put a trusted source above one that the text, or else the list, prefers; a new one may come first."""
    ranks = list(dict.fromkeys([*(label for _, label in before), *rules.kept]))
    stated = {label for _, label in before}
    for line in added:
        if not phrases("lead").search(line):
            continue
        named = list(dict.fromkeys(m.label for m in rules.kept_in(line)))
        places = [ranks.index(label) for label in named if label in ranks]
        if places != sorted(places):
            yield Found(rules.entry(ranks[min(places)]), f"puts {named[0]} above {ranks[min(places)]}")
            continue
        alone = len(places) == 1 and 0 < places[0] < len(stated)
        if alone and lexicon.whole("sources.first").search(line.lower()):
            yield Found(rules.entry(ranks[0]), f"puts {named[0]} above {ranks[0]}")


def _undermined(inputs: GateInput, rules: SourceRules) -> Iterator[Found]:
    """Yield added lines that weaken trusted mentions beside them ("The sources below are optional."), or put a source above them."""
    fresh = set(inputs.added) - set(inputs.base.split("\n"))
    for heading, lines in _sections(inputs.text):
        old = ((at, rules.kept_in(line)) for at, line in lines if line not in fresh)
        first, label = next(((at, found[0].label) for at, found in old if found), (-1, ""))
        if first < 0:
            continue
        for at, line in lines:
            if line not in fresh:
                continue
            said = plain(line)
            weak = phrases("soft", "against").search(said) and not rules.kept_in(line)
            pointing = lexicon.whole("sources.pointing").search(said)
            if weak and (pointing or lexicon.whole("sources.at large").search(said)):
                why = f"weakens what {heading.strip('# ') or 'the text'} says of {label}"
                yield Found(rules.entry(label), why, hard=bool(pointing))
            elif at < first and mentions(said, rules):
                yield Found(rules.entry(label), f"another source comes before {label}")


def _sections(text: str) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Yield each heading with its numbered lines."""
    heading, lines = "", list[tuple[int, str]]()
    for at, line in enumerate(text.split("\n")):
        if _HEADING.match(line):
            yield heading, lines
            heading, lines = line.strip(), []
        lines.append((at, line))
    yield heading, lines


# --- which way a sentence leans ------------------------------------------------------------------------------------------

# Full-width marks arrive folded, without a space beside them.
_SENTENCE = re.compile(r"[.;!?](?=\s|$)|(?<=[^\x00-\x7f])[;!?]|[。؛]")
_PART = re.compile(r"[,:](?=\s|$)|(?<=[^\x00-\x7f])[,:]|[、،—–]|\s-\s|\s\(|[。](?=.)")
_ASIDE = re.compile(r"\s\([^()]{0,200}\)(?=[\s.,;:!?]|$)")
_NEGATED_STATE = r"<sources.not> (?:\w+ ){0,2}?<sources.at>\b|<sources.absent>"
_LIST = r"\s*(?:<sources.join>|\W)*\s*"
_NOR = r"<sources.nor>(?: <sources.join>)?\s*$"
_BARE = r"\W*(?:<sources.bare>\W*)+"
_VERB_AFTER = r"(?<=\w )<sources.imperative>\b"
_AND_VERB = r"\b<sources.and> (?:<sources.then> )?<sources.imperative>\b"
_ABOVE = re.compile(table("sources")["above"])
_LATE = re.compile("[\u3040-\u30ff\uac00-\ud7af\u0900-\u097f\u0600-\u06ff]")  # the verb comes last
_HEAD_FINAL = re.compile("[\u3040-\u30ff\uac00-\ud7af\u0900-\u097f]")  # what is before governs nothing behind


def stance(line: str, mention: Mention) -> Stance:
    """Return which way a lower-case line leans toward what it mentions."""
    start = max((m.end() for m in _SENTENCE.finditer(line, 0, mention.start)), default=0)
    end = stop.start() if (stop := _SENTENCE.search(line, mention.end)) else len(line)
    idle = lexicon.whole("sources.idle")
    parts = _PART.split(_ASIDE.sub("", idle.sub(" ", line[start : mention.start])))
    before = parts.pop()
    behind = _PART.split(idle.sub(" ", line[mention.end : end]))[0]
    reached = None if _HEAD_FINAL.search(before + behind) else _reached(before)
    if reached is Stance.AGAINST:
        # the words behind may turn it once more ("sin PubMed no …"), or open a clause
        without = expression(r"(?:<sources.without>(?: \w{1,4})?\s*)$").search(before)
        if without and phrases("negator").search(behind):
            return Stance.FOR
        return Stance.DOUBTFUL if expression(r".{0,12}?<sources.closes>").match(behind) else reached
    if reached is not None:
        return reached
    if _carried(parts, before, behind):
        nor = expression(_NOR).search(before) and expression(_LIST).fullmatch(before)
        return Stance.AGAINST if nor or expression(_BARE).fullmatch(parts[0]) else Stance.DOUBTFUL
    if expression(r"<sources.demotes>\s*$").search(before):
        return Stance.DOUBTFUL
    found = _subject(behind)
    if phrases("clause").search(before) or expression("<sources.relative>").search(before):  # subordinate
        sure = found is not Stance.AGAINST or _LATE.search(behind)
        return Stance.FOR if sure else Stance.DOUBTFUL
    return found


def _odd(text: str) -> bool:
    return len(phrases("against").findall(text)) % 2 == 1


def _reached(before: str) -> Stance | None:
    """Return what the negations of the clause up to the mention make of it; None where there is none."""
    against = phrases("against")
    if not against.search(before):
        return None
    # the last word that begins another clause, a contrast or a limit; not "instead of", which negates
    relative = expression("<sources.relative>")
    found = [*phrases("clause", "turning", "contrast").finditer(before), *relative.finditer(before)]
    found += [*_ABOVE.finditer(before)][:1]
    if expression(r"\W*<sources.instead>\b").match(before):
        found += expression(_VERB_AFTER).finditer(before)
    found += expression(_AND_VERB).finditer(before)
    taken = {match.end() for match in against.finditer(before)}  # the "than" of "rather than"
    opener = max((m for m in found if m.end() not in taken), key=lambda match: match.start(), default=None)
    if opener is None:
        return _governed(before) if _odd(before) else Stance.FOR
    outer, own = before[: opener.start()], before[opener.end() :]
    if not against.search(outer):  # a state ("if it is not on PubMed"), or perhaps a prohibition
        if not _odd(own):
            return Stance.FOR
        if phrases("clause").fullmatch(opener[0]) or relative.fullmatch(opener[0]):
            return Stance.FOR if expression(_NEGATED_STATE).search(own) else Stance.DOUBTFUL
        return _governed(own)
    if against.search(own):
        return Stance.FOR if _odd(outer) == _odd(own) else Stance.DOUBTFUL
    if not _odd(outer):
        return Stance.FOR
    at_once = not against.split(outer)[-1].strip() and not phrases("turning").fullmatch(opener[0])
    if expression(_AND_VERB).fullmatch(opener[0]):
        hangs = not expression(r"\W*<sources.gives up>\b").match(before)
    else:  # the clause may still say what the negation is about ("never cite a paper if it is on …")
        hangs = relative.match(before, opener.start()) is not None
    return Stance.DOUBTFUL if at_once or hangs else Stance.FOR


def _governed(clause: str) -> Stance:
    """Return whether the negated verb is one of use, and the source what it takes."""
    last = list(phrases("against").finditer(clause))[-1]
    between = clause[last.end() :]
    verb = phrases("using").search(between)
    rest = between[verb.end() :] if verb else ""
    if expression(r"\b<sources.of>\b").search(rest if verb else between):
        return Stance.DOUBTFUL
    for match in expression(_VERB_AFTER).finditer(rest):  # a second verb, without a comma
        if not expression(r"\b<sources.joins verbs>\s*$").search(rest[: match.start()]):
            return Stance.DOUBTFUL
    # "no PubMed", "never on PubMed": nothing but articles and prepositions parts the negator from the source.
    articles = lexicon.words("sources.article").issuperset(re.findall(r"[^\W\d_]+", between))
    plain = articles and len(re.findall(r"\w+", between)) <= 2
    gives_up = not phrases("negator").fullmatch(last[0])
    return Stance.AGAINST if verb or gives_up or plain else Stance.DOUBTFUL


def _carried(parts: list[str], before: str, behind: str) -> bool:
    """Return whether the mention is the member of a list that began under a negation ("never blogs, news or PubMed")."""
    if not parts:
        return False
    if phrases("using", "contrast", "force").search(before) or phrases("clause").search(before):
        return bool(expression(_BARE).fullmatch(parts[0])) and not phrases("contrast").search(before)
    listed = expression(_LIST).fullmatch(before) or expression(_NOR).search(before)
    ends = not re.search(r"\w", behind) or expression(r"\s*<sources.also>\b").match(behind)
    begun = any(_odd(part) and expression(r"\w+\W+\w|<sources.alone>").search(part) for part in parts)
    return bool(listed and ends) and begun


def _subject(behind: str) -> Stance:
    """Return what is said of the source as the subject, or by a verb that comes last."""
    if expression("<sources.given up>").match(behind):
        return Stance.AGAINST
    if _LATE.search(behind):
        clause = expression("<sources.late>").search(behind)
        own = behind[: clause.start()] if clause else behind
        if clause and not own.strip():
            return Stance.DOUBTFUL if _turned(behind) else Stance.FOR
        return Stance.AGAINST if _turned(own) else Stance.FOR
    if denied := expression("<sources.denied>").match(behind):
        rest = next(group for group in denied.groups() if group is not None)
        if phrases("against").search(rest) or phrases("soft").search(rest):
            return Stance.FOR
        if lexicon.whole("sources.needed").search(rest) or expression("<sources.serves>").search(denied[0]):
            return Stance.AGAINST
        state = expression(r"\W*<sources.state>\b").match(denied[0].strip())
        return Stance.DOUBTFUL if state else Stance.FOR
    ended = expression("<sources.ended>").match(behind)
    return Stance.AGAINST if ended and not any(verb and _odd(verb) for verb in ended.groups()) else Stance.FOR


def _turned(text: str) -> bool:
    against = len(phrases("against").findall(text))
    turned = len(phrases("turning").findall(text)) if against else 0
    return (against + turned) % 2 == 1
