"""Whether a person says again, weeks later and in other words, what a rule says; whether two rules are one.

They do if most of the words meet (also in another language: `clause.alike`), at most one of the two has words that the other
lacks, nothing that one asks for is what the other gives up, and no figure differs. A complaint ("tabs again!", "you forgot the
tests") is about a rule, and does not say which way round. Two rules are one (`same_rule`) only where all words meet.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from unicodedata import category

from skillloop.text import contradiction, lexicon, words
from skillloop.text.contradiction import Clause, Stems
from skillloop.text.lexicon import Phrases
from skillloop.text.lexicon import tokens as bare

ENOUGH = 0.55  # share of the roots of both that meet (Dice), from which they may say the same
ROOT = 5
"""Letters that two forms of a word have in common: "indent" and "indentation", "запускай" and "запустил"."""

_SIGNS = frozenset("#%&@/\\")
# ".env", "-1", "!important", "*.log", "day/month"
_MARKED = re.compile(r"(?<!\w)[.!-]+(?=\w)|\*|\w+(?:/\w+)+")
_QUOTED = re.compile(r"[\"“„«`][^\"”“»`\n]+")
_COMPLAINS = {"still", "broken", "asks why", "fault"}
_FLAW = {"broken", "asks why", "fault", "flaw"}
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")
_PART = re.compile(r"[,，、;.!?。！？…]+(?=\s|$|[^\x00-\x7f])")
_ENDING = re.compile("(?<=[a-zà-ž]{3})(?:[aei]r|en|[aoiy])$")
_RUN = re.compile("[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_KANA = re.compile("[\u3041-\u309f]|[\u30a0-\u30ff]{2}")
_LOAN = re.compile("[\u30a0-\u30ff]{2,}")  # in katakana, one word


@cache
def _said() -> Phrases:
    return Phrases({name: lexicon.phrases(f"said.{name}") for name in _COMPLAINS | _FLAW})


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a text asks for, in roots."""

    said: Stems
    acts: Stems  # the same with the verbs that say only that something is to be there
    wanted: Stems
    unwanted: tuple[Stems, ...]  # by clause
    before: dict[str, str]  # the word before each
    figures: dict[str, str]  # by what they count


def same_wish(saying: str, rule: str) -> bool:
    """Return whether a person, in other words, says what a rule says."""
    stance = _stance(saying, rule)
    if stance or not _wish(rule).said <= _wish(saying).said:
        return stance == "same"
    return any(
        _stance(part, rule) == "same" for part in _PART.split(saying)
    )  # "Too long, nobody reads that."


def opposite_wish(saying: str, rule: str) -> bool:
    """Return whether a person asks for what a rule forbids, or the other way round, or for another figure."""
    (_, first, _), (_, other, _) = _order(saying), _order(rule)
    if first and other and first.isdisjoint(other):  # "never A before B" is no word against B
        return False
    return _stance(saying, rule) == "opposite" or contradiction.contradict(rule, saying)


def same_rule(one: str, other: str) -> bool:
    """Return whether two rules are one, so that a file needs one of them: the same words in the same order but for their forms.

    In doubt they are two. One word, as the verb, may stand elsewhere, if not on the other side of a "not" or "before"; a verb
    that says only that something is to be there may be missing.
    """
    mine, theirs = _forms(one), _forms(other)
    if _marks(one) != _marks(other) or not words.same_names(one, other):
        return False
    both = {form.lstrip() for form in mine}.intersection(form.lstrip() for form in theirs)
    verbs = {form.lstrip() for form in (*mine[:1], *theirs[:1])}
    rests = (
        [_without(each, form, "<" if form in verbs else "< ") for each in (mine, theirs)]
        for form in both
        if form[:1] != "<" and (form in verbs or form in mine)
    )
    pairs = [(mine, theirs), *((a, b) for (a, ahead), (b, before) in rests if ahead == before)]
    return any(_holds(a, b) or _holds(b, a) for a, b in pairs)


@lru_cache(maxsize=4096)
def _marks(text: str) -> tuple[list[str], list[str]]:
    """Return the signs in a text, and what is marked or quoted and would be left out without its quotes: `Write "please" in forms`."""
    folded = words.fold(text)
    quoted = (quote for quote in _QUOTED.findall(folded) if not words.content_words(quote))
    signs = [char for char in text if char in _SIGNS or category(char)[0] == "S"]
    return signs, [*_MARKED.findall(folded), *quoted]


def _without(forms: tuple[str, ...], form: str, kept: str) -> tuple[tuple[str, ...], list[str]]:
    """Return the other words of a rule, and those of the `kept` marks that stand before the one: "from" in "A from B"."""
    at = [each.lstrip() for each in forms].index(form)
    return forms[:at] + forms[at + 1 :], [each for each in forms[:at] if each[0] in kept]


def _holds(long: Iterable[str], short: Iterable[str]) -> bool:
    """Return whether a rule has the words of another in their order, and none besides that carries meaning."""
    rest = iter(short)
    wanted = next(rest, "")
    for form in long:
        if form == wanted:
            wanted = next(rest, "")
        elif not form.startswith(" "):
            return False
    return not wanted


def _exchanged(one: str, other: str) -> bool:
    """Return whether two texts are one but for a word: "before a commit", "before a release"; or for its place: "A into B", "B into A"."""
    mine, theirs = ([form for form in _forms(text) if form[0] != " "] for text in (one, other))
    if sorted(mine) == sorted(theirs):
        first, second = ([form for form in each if form[0] != "<"] for each in (mine, theirs))
        return first[:1] == second[:1] and first != second
    differ = ([form for form in a if form not in b] for a, b in ((mine, theirs), (theirs, mine)))
    roots = [form if form[0] == "<" else _root(form) for each in differ if len(each) == 1 for form in each]
    return len(roots) == 2 and min(map(len, roots)) > 1 and roots[0] != roots[1]


@lru_cache(maxsize=4096)
def _forms(text: str) -> tuple[str, ...]:
    """Return the forms of a rule's words, in order: a blank before those that it may be said without, "<" before those of scope."""
    tokens = [_digits().get(token, token) for token in words.tokens(text)]
    polar = {at: name for name, start, end in words.polar(tokens) for at in range(start, end)}
    silent = set() if "not" in polar.values() else {"all", "must"}
    stop, filler = lexicon.words("text.stop"), lexicon.words("gate.filler")
    put, change = lexicon.whole("placement.put"), lexicon.whole("clause.change")
    found: list[str] = []
    for at, token in enumerate(tokens):
        name, before, head = polar.get(at), polar.get(at - 1), token.partition("'")[0]
        verb, idle = not found or before is not None, token in filler or (head != token and head in stop)
        if name in {"not", "instead"}:
            found += ["<not"] * (before != name)
        elif name not in silent if name else not idle:
            plain = (
                token if token.endswith("ing") and not verb else words.stem(token.removesuffix("en") or token)
            )
            form = "=" if verb and change.fullmatch(token) else plain
            spare = token in stop or (not found and put.fullmatch(token))
            found.append(f"<{form}" if name else f" {form}" if spare else form)
    return tuple(found)


def _stance(saying: str, rule: str) -> str:
    """Return "same", "opposite", or "" where they speak of different things."""
    if same_order(saying, rule):
        return "same"
    one, other = _wish(saying), _wish(rule)
    if not (one.said and other.said):
        return "same" if words.tokens(saying) == words.tokens(rule) else ""
    asks = one.wanted and other.wanted  # then what is given up for it is no further wish
    mine, theirs = (each.said & each.wanted if asks else each.said for each in (one, other))
    if max(_shared(one.said, other.said), _shared(mine, theirs)) < ENOUGH:
        return ""
    acts = (each.acts - (each.said - core) for each, core in ((one, mine), (other, theirs)))
    if min(len(one.said), len(other.said)) == 1 and _shared(*acts) < ENOUGH:
        return ""  # "run the tests", "write tests"
    if any(_parted(a, b) for a, b in ((one, other), (other, one))):
        return "opposite"
    ways = {(not each.wanted, not each.unwanted) for each in (one, other)}
    failed = "error" in one.said and not ("error" in other.said and other.said <= one.said)
    crossed = failed or ways == {(True, False), (False, True)}
    if crossed or (mine - other.said and theirs - one.said):  # another value for the same thing
        return ""
    return "" if _exchanged(saying, rule) else "same"


def _shared(these: Stems, those: Stems) -> float:
    """Return how much two sets have in common, 0 to 1 (Dice)."""
    return 2 * len(these & those) / max(len(these) + len(those), 1)


def same_order(one: str, other: str) -> bool:
    """Return whether both ask for one order, one of them by forbidding the other: "never A before B", "B before A"."""
    (denied, early, late), (denies, first, then) = _order(one), _order(other)
    turned = all(
        min(pair, key=len) and (pair[0] <= pair[1] or pair[0] >= pair[1])
        for pair in ((early, then), (late, first))
    )
    return denied != denies and turned and not (early & first or late & then)


@lru_cache(maxsize=4096)
def _order(text: str) -> tuple[bool, Stems, Stems]:
    """Return whether a text forbids, and the roots of what it has before another, and of that; none where it has no order."""
    tokens = words.tokens(text)
    polar = words.polar(tokens)
    at = next(((start, end) for name, start, end in polar if name in {"before", "without"}), None)
    if at is None:
        return False, frozenset(), frozenset()
    sides = (" ".join(side) for side in (tokens[: at[0]], tokens[at[1] :]))
    early, late = (_roots(words.content_words(side), side) for side in sides)
    return any(name == "not" for name, start, _ in polar if start < at[0]), early, late


def _parted(one: _Wish, other: _Wish) -> bool:
    """Return whether one forbids what the other asks for, or has another figure."""
    # where they agree on what is wanted, only what is forbidden altogether parts them
    agrees = 2 * len(one.wanted & other.wanted) > len(one.wanted)
    clauses = (
        (len(each & other.wanted), min(len(each), max(2, len(other.wanted))))
        for each in one.unwanted
        if (not agrees or each <= other.wanted) and {root for root in each if root[0] == "<"} <= other.wanted
    )
    forbidden = any(2 * both > least for both, least in clauses)
    return forbidden or any(other.before.get(each, number) != number for each, number in one.figures.items())


@lru_cache(maxsize=4096)
def _wish(text: str) -> _Wish:
    for phrases in _alike()[1]:
        text = phrases.sub(lambda match: f" {_meaning(words.stem(words.fold(match[0])))} ", text)
    wanted, again = set[str](), list[Stems]()
    unwanted: list[Stems] = []
    complaint, limits = False, lexicon.words("placement.most") | lexicon.words("placement.least")
    for clause in chain.from_iterable(map(contradiction.clauses, _SENTENCE.split(text))):
        missing = clause.frame is not None and "" in clause.frame  # "a file without its header"
        told = _complaints(clause)
        complaint = (complaint and missing) or bool(told)
        if told and clause.wanted and told.isdisjoint(_FLAW):
            again.append(_roots(clause.said, ""))
        said = clause.said if clause.wanted else (clause.main - {""} or clause.said)
        roots = frozenset[str]() if complaint else _roots(said, "".join(clause.tokens))
        roots |= {f"<{name}" for name in clause.polar if roots and name in {"first", "last"}}
        bound = not limits.isdisjoint(clause.tokens) and any(map(str.isdigit, clause.tokens))
        if clause.wanted or bound:  # "not over 72" is a wish
            wanted |= roots
        elif roots:
            unwanted.append(roots)
    unwanted += [
        each for each in again if each and wanted and each.isdisjoint(wanted)
    ]  # "Tabs again? Spaces!"
    plain = contradiction.plain(text)
    tokens = [_digits().get(token, token) for token in words.tokens(plain)]
    before, figures, counts = {}, {}, any(map(str.isdigit, tokens))
    for ahead, token, counted in zip(["", *tokens], tokens, tokens[1:], strict=False):
        if token not in lexicon.words("text.stop") or ahead in limits:
            before[words.stem(counted)] = token
            if token[0].isdigit() or (ahead in limits and not counts):
                figures[words.stem(counted)] = token
    bounds = [token in lexicon.words("placement.least") for token in tokens if token in limits]
    if bounds and counts:  # "at most 72", "not over 72"
        figures["<"] = before["<"] = str(bounds[0] != ("not" in words.polarity(text)))
    meant = words.content_words(plain)
    said = _roots(meant, plain)
    change = lexicon.whole("clause.change")
    silent = {stem for stem in meant - words.scope() if _meaning(stem) and not _root(stem)}
    acts = said | {"=" if change.fullmatch(stem) else _meaning(stem) for stem in silent}
    wanted &= said | {"<first", "<last"}
    return _Wish(said, acts, frozenset(wanted), tuple(unwanted), before, figures)


def _complaints(clause: Clause) -> set[str]:
    """Return in what ways a clause speaks that says that something is so again, or is not: it starts so, or orders nothing."""
    tokens = bare(" ".join(clause.tokens))
    said = _said().find(tokens)
    found = {said[name] for name in _COMPLAINS.intersection(said)}
    found = {
        at for at in found if words.polarity(tokens[at]) != ("all",)
    }  # "toujours" is "still", or "always"
    orders = clause.act is not None or not (clause.wanted or clause.given)
    return set(said) if found and (not orders or min(found) == 0) else set()


def _roots(stems: Collection[str], text: str) -> Stems:
    """Return what the words of a text have in common with other forms of them."""
    return frozenset(filter(None, map(_root, stems))).union(_LOAN.findall(text))


@cache
def _alike() -> tuple[dict[str, str], list[re.Pattern[str]]]:
    """Return the English words for words of all languages, by stem, beginning ("test*") or phrase, and what finds the phrases."""
    entries = (entry.split(":") for entry in lexicon.phrases("clause.alike"))
    named = {word.replace("_", " "): name.strip(" -") for name, row in entries for word in row.split()}
    longest = sorted(named, key=len, reverse=True)
    dense = "|".join(filter(_RUN.match, longest))
    spaced = "|".join(each for each in longest if len(words.tokens(each)) > 1 and not _RUN.match(each))
    names = {words.stem(words.fold(word)): name for word, name in named.items()}
    return names, [re.compile(dense), re.compile(rf"\b(?:{spaced})\b", re.IGNORECASE)]


@lru_cache(maxsize=8192)
def _meaning(stem: str) -> str:
    """Return the English word for a stem or a phrase, or itself; "" of one that means little."""
    names, _ = _alike()
    begun = (f"{stem[:end]}*" for end in range(len(stem), 2, -1))
    return next((names[each] for each in (stem, *begun) if each in names), stem)


@lru_cache(maxsize=8192)
def _root(stem: str) -> str:
    """Return what forms of a word have in common; "" of one that says how, or only that something is there."""
    stem = _meaning(_digits().get(stem, stem))
    idle = (lexicon.whole(key).fullmatch(stem) for key in ("placement.put", "clause.change", "clause.but"))
    silent = stem in words.scope() or _KANA.search(stem) or any(idle)
    return "" if silent else _ENDING.sub("", stem)[:ROOT]


@cache
def _digits() -> dict[str, str]:
    """Return the digits of words for numbers, and of their stems; "one" is an article."""
    named = {word: number for word, number in contradiction.numbers().items() if number != "1"}
    stems = {words.stem(word): number for word, number in named.items()}
    return {stem: number for stem, number in stems.items() if len(stem) > 2} | named  # "du" is no "due"
