"""Whether two rules cannot both be followed: a person is asked to give one of them up, so in doubt they can.

Each is taken apart into clauses: what a clause tells to do, to what, and whether that is wanted. Two clauses are opposed where

- one forbids all that the other asks for ("No emojis in the subject", "Start the subject with an emoji"),
- one gives up for something else what the other uses ("X, not Y", "Y"),
- both give a value for one thing, and not the same ("past tense", "present tense"; "under 50 characters", "at most 72"),
- both put the same things in order, and not in the same ("Ask A first", "Ask B before A").

The heading that a line stands under may say what it is about. Words are stems: whether "emoji" is a word of the subject or
of what is put into it nobody knows, so a clause has to share all that the other forbids.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from skillloop.text import lexicon, words

SMALL = 3  # words from which a clause says enough to be about something else
_CLAUSE = re.compile(r"\s*(?:[;:.!?。！？；，,、]+(?=\s|$|[^\x00-\x7f])|\s[-–—→]+\s)\s*")
_MARKS = re.compile(
    r"https?://\S+|(?<!\w)\w'(?=\w{3})|[*`✅❌⚠🚫\ufe0f]|(?<!\w)_+|_+(?!\w)|\([^()]*\)|(?<![\w-])--?[a-z][\w-]*"
)
_LABEL = re.compile(r"(?:(?:\*\*|__|`)[^*_`]{1,60}(?:\*\*|__|`)\s*(?::|[-–—]\s)|[\w /-]{1,40}:\s)\s*(?=\S)")
_NAME = re.compile(r"(?<=\w)(?:\.(?=\w)|/)")  # of files: "news.md" is one word, and not "news"; so is "docs/"
_TOLD = frozenset({"must", "all", "only"})
_CONDITIONS = frozenset({"if", "except", "only", "without", "before", "after"})

Stems = frozenset[str]


@dataclass(frozen=True, slots=True)
class Clause:
    """What a clause says."""

    tokens: tuple[str, ...]
    polar: tuple[str, ...]  # the classes of its words of scope
    wanted: bool
    act: str | None  # the stem of its verb; "" where that only says that something is there; None without one
    head: str  # the first stem behind it
    about: Stems  # all of them
    main: Stems  # the verb, and the stems ahead of a condition
    frame: Stems | None  # of what it is given up for; None where it says itself what not to do

    @property
    def verb(self) -> Stems:
        """Its stem, if it has one."""
        return frozenset({self.act} if self.act else ())

    @property
    def said(self) -> Stems:
        """What it speaks of, the verb included."""
        return self.about | self.verb

    @property
    def given(self) -> bool:
        """Whether it only says when something else holds, or what one need not do."""
        condition = self.act is None and self.polar[:1] == ("if",)
        told = self.act is None and not self.wanted and self.frame is None and "must" not in self.polar
        return (
            condition
            or ("not", "must") in (self.polar[:2], self.polar[-2:])
            or (told and "not" not in words.polarity(self.tokens[0]))  # "it does not work"
        )

    @property
    def places(self) -> Stems:
        """The values that it gives, as the sets of them are written: where something stands, or in which tense."""
        sets = (_sets().get(words.stem(token), {}) for token in self.tokens)
        return frozenset(value for each in sets for number, value in each.items() if number < 0)

    @property
    def bare(self) -> str:
        """The object of the verb where that is a word of scope, and what it is about only says where: "never use any in tests"."""
        at = next((n for n, token in enumerate(self.tokens) if words.stem(token) == self.head), 0)
        where = self.act == "" and at > 1 and self.tokens[at - 1] in lexicon.words("gate.frame")
        return self.tokens[at - 2] if where else ""

    @property
    def conditions(self) -> Stems:
        """The classes of words that say when."""
        return _CONDITIONS.intersection(self.polar)


def contradict(rule: str, line: str, heading: str = "") -> bool:
    """Return whether a rule and a line under a heading cannot both be followed."""
    if not _hint(rule).search(words.fold(line)):
        return False
    if label := _LABEL.match(line):  # "Subject: under 50 characters"
        heading, line = f"{heading} {label[0]}", line[label.end() :]
        if "if" in words.polarity(label[0]):
            return False
    around = words.content_words(lexicon.whole("placement.rules").sub(" ", words.fold(heading)))
    mine, theirs = ([one for one in clauses(text) if not one.given] for text in (rule, line))
    pairs = [(a, b) for a in mine for b in theirs]
    return any(_opposed(a, b, around) or _reordered(a, b) or _reordered(b, a) for a, b in pairs)


def matter(rule: str) -> Stems:
    """Return what a rule is about: its words but for those of scope, the verbs, and figures with what they count."""
    found: set[str] = set()
    for clause in clauses(rule):
        _, beside, _ = _figure(clause)
        found |= {stem for stem in clause.about - beside if not (stem.isdigit() or "_" in stem)}
    return frozenset(found)


def instructs(line: str) -> bool:
    """Return whether a line tells how to work, by its form: it starts with a verb, or says "must", "not", "always", "only"."""
    first = [clause for text in (line, _LABEL.sub("", line, count=1)) for clause in clauses(text)[:1]]
    return any(one.act is not None or not one.wanted or _TOLD.intersection(one.polar) for one in first)


@lru_cache(maxsize=64)
def _hint(rule: str) -> re.Pattern[str]:
    """Compile what a line has to hold that a rule may contradict: a quick first look."""
    stems = {stem for clause in clauses(rule) for stem in clause.said}
    numbers = {number for stem in stems for number in _sets().get(stem, ())}
    stems |= {stem for stem, sets in _sets().items() if numbers.intersection(sets)}
    return re.compile("|".join(sorted(re.escape(stem.split("_")[0][:5]) for stem in stems)) or "(?!)")


def plain(text: str) -> str:
    """Return a text folded, without marks; the name of a file is one word, and "Du" in "mit Du" no stop word."""
    named = _behind().sub(lambda match: f"{match[0]}{'_it' * (words.fold(match[1]) in _stop())}", text)
    return _NAME.sub("_", _MARKS.sub("", words.unanswered(words.fold(named))))


@cache
def _behind() -> re.Pattern[str]:
    """Compile a word with a capital letter behind a preposition."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(lexicon.words('gate.frame'))}) ([A-ZÀ-ÖØ-Þ]\w+)")


@lru_cache(maxsize=4096)
def clauses(text: str) -> tuple[Clause, ...]:
    """Take a text apart."""
    found: list[Clause] = []
    before = lexicon.alternatives("clause.instead before")
    instead = lexicon.pattern("clause.instead", f"{lexicon.WHOLE}|{before}")
    whole = plain(text)
    for piece, given_up in _contrasts([x for part in _CLAUSE.split(whole) for x in _spoken(part) if x]):
        wanted, *unwanted = [piece, given_up] if given_up else instead.split(piece)
        if unwanted and not given_up and re.search(before, piece):
            wanted, unwanted = unwanted[-1], [wanted, *unwanted[:-1]]
        elif not unwanted and "not" not in words.polarity(piece):
            wanted, *unwanted = lexicon.whole("polarity.without").split(piece)
        if clause := _clause(wanted, found):
            bit = (
                len(clause.about) < SMALL and _sets().keys().isdisjoint(clause.about)
                if clause.act is None
                else clause.act and not clause.about
            )
            nor = lexicon.pattern("sources.nor").match(piece)
            if not (
                found and clause.wanted and ((bit and not clause.polar) or nor)
            ):  # no bits of an enumeration
                found.append(clause)
        last = found[-1].said if found else frozenset()
        if "without" in words.polarity(piece):  # what comes without: no stem of its own, so never alone
            last |= {""}
        found += filter(None, (_clause(piece, found, last) for piece in unwanted))
    scope = words.polarity(whole)
    limits = {"without", "except"}.intersection(scope) if scope[:1] == ("not",) else ()
    if limits:  # "Do not tag, or push without asking"
        return tuple(replace(one, polar=(*one.polar, *limits)) for one in found)
    return tuple(found)


def _contrasts(pieces: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each clause, and what it gives up: of "F not A but B", in one piece or two, "F B" and "A"."""
    but = lexicon.pattern("clause.but", r"(?<!\w)<spaced>\s+")
    spare = _stop() | lexicon.words("placement.verbs")
    while pieces:
        piece, *pieces = pieces
        joined = f"{piece} {pieces[0]}" if pieces and but.match(pieces[0]) else piece
        denied, *told = but.split(joined, 1)
        said = words.tokens(denied)
        kinds = {at: name for name, start, end in words.polar(said) for at in range(start, end)}
        apt = [at for at, word in enumerate(said) if word not in spare]
        named = [at for at in apt if kinds.get(at, "") in {"", "first", "last"}]
        own = told and told[0].split(maxsplit=1)[0] in lexicon.words("placement.verbs")
        apart = own or "only" in kinds.values() or "not" in words.polarity(" ".join(told))
        if not told or not named or apart or "not" not in kinds.values():
            yield told[0] if told and not said else piece, ""
        else:
            pieces = pieces[joined != piece :]
            kept = [word for at, word in enumerate(said) if at != named[-1] and kinds.get(at) != "not"]
            yield " ".join([*kept, told[0]]), said[named[-1]]


def _spoken(part: str) -> Iterator[str]:
    """Split a clause where "and" or "but" starts another one, which keeps the "but"."""
    start, but = 0, lexicon.pattern("clause.but", "<spaced>")
    for match in lexicon.pattern("clause.conjunction", r"(?<!\w)<spaced>\s+").finditer(part):
        behind = words.tokens(part[match.end() :])[:3]
        if behind and (
            behind[0] in lexicon.words("placement.verbs") or any(not at for _, at, _ in words.polar(behind))
        ):
            yield part[start : match.start()]
            start = match.start() if but.match(match[0]) else match.end()
    yield part[start:]


@cache
def _stop() -> Stems:
    return lexicon.words("text.stop") - lexicon.words("placement.verbs")


@cache
def numbers() -> dict[str, str]:
    """Return the digits of words for numbers."""
    lines = (line.split() for line in lexicon.lines("placement.numbers"))
    return {word: str(number) for line in lines for number, word in enumerate(line, 1)}


def _clause(text: str, before: list[Clause], frame: Stems | None = None) -> Clause | None:
    """Take a clause apart; `frame` says that it names what is given up, and of what for."""
    found = [numbers().get(token, token) for token in words.tokens(text)]
    polar = words.polar(found)
    small = {at for _, start, end in polar for at in range(start, end)}
    stop = _stop()
    own = [at for at, word in enumerate(found) if at not in small and word not in stop]
    if not own:
        return None
    spaced = found[own[0]].isascii() or len(found[own[0]]) > 1
    plain = " ".join(found[own[0] :]) if spaced else text.strip()
    act, removes, put = None, False, lexicon.whole("placement.put")
    if frame is None:
        if match := lexicon.whole("placement.remove").match(plain) or put.match(plain):
            act, removes, plain = "", match.re is not put, plain[match.end() :]
        elif found[own[0]] in lexicon.words("placement.verbs"):
            act = words.stem(found[own[0]])
        elif put.search(plain):  # "Keine Emojis verwenden"
            late = put.fullmatch(found[own[-1]]) and found[own[-1] - 1] not in stop
            act, plain = "" if late or not spaced else None, put.sub(" ", plain)
    about = words.content_words(plain) - {words.stem(found[at]) for at in small} - {act}
    head = next((stem for word in words.tokens(plain) if (stem := words.stem(word)) in about), "")
    if before and len(own) <= SMALL and act is None and polar and polar[0][:2] == ("not", 0):
        frame = next((one.said for one in reversed(before) if one.wanted), before[-1].said)  # "…, not X"
    limit = next((at for name, at, _ in polar if at and name in ("if", "before", "after")), None)
    main = about if limit is None else about.intersection(map(words.stem, found[:limit]))
    negated = any(name == "not" for name, _, _ in polar)
    wanted = removes == negated and frame is None
    names = tuple(name for name, _, _ in polar)
    if before and before[-1].polar[:1] == ("if",) == before[-1].polar[-1:] and frame is None:
        names = ("if", *names)  # "If …, do …"
    return Clause(tuple(found), names, wanted, act, head, about, main | {act or ""}, frame)


def shared(these: Stems, those: Stems) -> Stems:
    """Return the stems of these that those have in one form or another: "indent" and "indentat", "summary" and "summaris"."""
    return frozenset(one for one in these if one in those or any(_akin(one, other) for other in those))


def _akin(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if long.count("_") == 1 and words.stem(long.split("_")[0]) == words.stem(short.split("_")[0]):
        return True
    most = len(short) + (3 if len(short) < 6 else 5)
    return len(short) > 4 and len(long) <= most and (long.startswith(short) or long[:6] == short[:6])


def _opposed(a: Clause, b: Clause, around: Stems) -> bool:
    """Return whether two clauses cannot both be followed; the second stands under a heading of these words."""
    if a.wanted == b.wanted:
        return a.wanted and (_other_value(a, b, around) or _other_figure(a, b, around))
    no, yes = (b, a) if a.wanted else (a, b)
    known = yes.said | around if yes is b and yes.act is not None else yes.said
    both = shared(yes.said, no.said)
    ordered = {"first", "last"}.intersection(no.polar).difference(yes.polar)
    if (
        ordered
        or no.conditions - yes.conditions
        or {"only", "without"} & no.conditions
        or no.polar.count("not") > 1
    ):
        return False
    small = (2 if yes.act is None else 3) * len(both) < len(yes.said)
    if not both or small or (no.bare and no.bare not in yes.tokens):
        return False
    aside = no.frame is None and len(no.about) == 1 and no.head not in ("", yes.head)
    if aside and yes.act is not None and len(yes.said) > 1:  # "no notes" is no word on a list of notes
        return False
    if yes.act is None and yes is b and (len(yes.said) < 2 or not _TOLD.intersection(yes.polar)):
        return False
    if no.frame is not None:
        return _given_up(no, yes, both)
    there = no.act == "" and no.about <= yes.about and no.places & yes.places  # "no table at the end"
    if not shared(yes.verb, no.verb if no.act else no.said) and yes.act:
        return bool(there)
    if not shared(no.verb, yes.said) and no.act:  # "do not build the site", "run it from the site"
        return False
    if not shared(yes.main, no.main) - {""} or (no.act is None and both == yes.verb):
        return False
    missing = no.said - shared(no.said, known)
    covered = 4 * len(missing) <= len(no.said) and not missing & {no.head, no.act}
    return covered and bool(no.about or both == yes.said)


def _given_up(no: Clause, yes: Clause, both: Stems) -> bool:
    """Return whether a clause asks for what another one gives up for something else: what else is said has to be about the same."""
    frame = no.frame or frozenset()
    one_word = len(frame) == len(no.said) == 1
    if not set(lexicon.phrases("said.only")).isdisjoint(no.tokens):  # "not just X"
        return False
    rest = shared(frame, yes.said) or (no.said == both and no.about - {no.head})
    alone = (one_word or (yes.about == no.said and not no.polar)) and "" not in frame
    # "uv, not pip" is no word on "replace each pipe"
    alone = alone and (not yes.act or no.tokens[-1] in yes.tokens)
    # "in that file, not in this one"
    file = all(any("_" in stem for stem in named) for named in (both, frame))
    if 2 * len(shared(frame, yes.said)) > len(frame) and no.said - both:
        return False  # it asks for what is wanted
    return "if" not in yes.polar and no.head in {"", *yes.said} and (alone or file or bool(rest))


@cache
def _sets() -> dict[str, dict[int, str]]:
    """Return by stem the sets of values that exclude each other, and which it is; those below 0 need a noun beside them."""
    found: dict[str, dict[int, str]] = {}
    for sign, key in ((1, "values"), (-1, "opposites")):
        for number, line in enumerate(lexicon.lines(f"placement.{key}"), 1):
            for value in line.partition(" : ")[0].split():
                for word in value.split("/"):
                    found.setdefault(words.stem(words.fold(word)), {})[sign * number] = value
    return found


def _other_value(a: Clause, b: Clause, around: Stems) -> bool:
    """Return whether both say which of some values one thing has, and not the same one."""
    if (a.conditions ^ b.conditions) - {"before", "after"}:
        return False
    stems = [{words.stem(token) for token in one.tokens} | one.about for one in (a, b)]
    for number in {number for stem in stems[0] for number in _sets().get(stem, ())}:
        mine, theirs = ({stem for stem in both if number in _sets().get(stem, ())} for both in stems)
        values = [{_sets()[stem][number] for stem in named} for named in (mine, theirs)]
        if not len(values[0]) == len(values[1]) == 1 or values[0] == values[1]:
            continue
        line = lexicon.lines(f"placement.{'values' if number > 0 else 'opposites'}")[abs(number) - 1]
        kinds = frozenset(map(words.stem, line.partition(" : ")[2].split()))
        rest, other = _beside(a.said, mine) - kinds, _beside(b.said, theirs) - kinds
        if number < 0 and rest and not other and around and not shared(rest, around):
            continue  # the heading says of what
        common = shared(other, rest) or (a.said & kinds if b.said & kinds else frozenset())
        known = other if rest and other and not common else other | around
        if not rest and not common and any(not stem.isdigit() for stem in other - around):
            continue  # "Indent with tabs" is no word on "generous white space"
        covers = rest == shared(rest, known) or other == shared(other, rest)
        enough = (2 if b.act is None else 3) * len(common) >= len(other) or (not rest and len(other) < SMALL)
        if covers and enough and (common or number > 0 or (shared(rest, around) and not other)):
            return True
    return False


def _beside(stems: Stems, values: set[str]) -> Stems:
    """Return the stems but for the values, and but for pairs that overlap with one where words are not spaced."""
    chars = {char for value in values for char in value}
    pairs = {stem for stem in stems if len(stem) == 2 and not stem.isascii() and not chars.isdisjoint(stem)}
    return stems - values - pairs


def _other_figure(a: Clause, b: Clause, around: Stems) -> bool:
    """Return whether both give a figure for one thing, and not the same."""
    (mine, near, least), (theirs, beside, lowest) = _figure(a), _figure(b)
    unit = near & beside
    if not unit or mine == theirs or least != lowest:
        return False
    bounds = {words.stem(word) for key in ("most", "least") for word in lexicon.words(f"placement.{key}")}
    rest, other = a.said - {mine} - unit - bounds, b.said - {theirs} - unit - bounds
    if not other:
        return rest == shared(rest, around)
    first, second = (
        [stem for stem in map(words.stem, one.tokens) if stem in left - {one.act}][:1] or [*one.verb]
        for one, left in ((a, rest), (b, other))
    )
    meet = shared(frozenset(first), other | around) and shared(frozenset(second), rest)
    heads = not (first and second) or meet
    named = shared(a.about & rest, other) or shared(b.about & other, rest)
    return bool(named and heads) and (rest == shared(rest, other | around) or other == shared(other, rest))


def _figure(clause: Clause) -> tuple[str, Stems, bool]:
    """Return the one figure of a clause or "", the words beside it, one of which is what it counts, and whether it is the least."""
    at = [n for n, token in enumerate(clause.tokens) if token.isdigit()]
    if len(at) != 1:
        return "", frozenset(), False
    number = clause.tokens[at[0]]
    near = {*clause.tokens[max(at[0] - 1, 0) : at[0] + 2]} - lexicon.words("text.stop") - {number}
    least = not lexicon.words("placement.least").isdisjoint({*clause.tokens, *clause.about})
    return number, frozenset(words.stem(word) for word in near if word not in _stop()), least


def _reordered(a: Clause, b: Clause) -> bool:
    """Return whether a clause puts something before all that another one puts first."""
    if not (a.wanted and b.wanted and b.about and "before" in a.polar and "first" in b.polar):
        return False
    start = next(end for name, _, end in words.polar([*a.tokens]) if name == "before")
    second = words.content_words(" ".join(a.tokens[start:]))
    return b.about == shared(b.about, second) and second == shared(second, b.said)
