"""Whether a rule helped: does the person still say it where the rule is in force?

Every list item that came into a file since its history began has an outcome. A session counts after the rule if the person first
spoke in it once the rule was there, else before it, and the session that taught it counts as neither: it was chosen for what
was said in it. Rates are compared with the same Beta(1, 3) prior for both, which says that a wish comes up in one session of
four. Nothing is stored: every number follows from the sessions, the sayings and the versions.

What a rule undid is looked for, too: where another rule had held, and is said again since this one came, the change at which
that rate rose most is named. A rule in the person's own words is suspected last.

A clock that is wrong makes an outcome wrong, and nothing else: an outcome changes no file.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from itertools import takewhile
from math import exp, lgamma, log
from pathlib import Path

from skillloop import fs
from skillloop.model import Origin, Version
from skillloop.skillpath import target_name
from skillloop.skills import document, history
from skillloop.skills.history import KEPT, WaitingChange
from skillloop.skills.team import ON_BRANCH
from skillloop.store import Queued, Store
from skillloop.store.sessions import Saying
from skillloop.text.wishes import opposite_wish, same_wish
from skillloop.text.words import counted

PRIOR = (1, 3)
SURE = 0.95  # chance from which a rate counts as lower, or higher, than before
SURER = 0.99  # the same where a rule is accused of corrections that do not speak of it
LIKELY = 0.9  # the same where nobody knows that the person gave the rule
RARE = 0.05  # expected rate from which a rule came back: once in a hundred sessions it holds well
MANY = 30  # sessions before a rule, and as many since, in none of which the person said it: it may go
OPPOSED = 2  # sessions in which the person says the opposite of a rule, from which it does harm
TRIED = 10  # automatic edits, the last, that are looked at
FAILED = 3  # of them that made things worse or changed nothing, from which the breaker opens
LOGGED = 40  # entries of a file's log, the last, in which it counts what was taken back, and drafts
TAKEN_BACK = 3  # changes of any kind that were taken back, from which it opens
DRAFTED = 3  # drafts from which it opens if most of them rest on words of unknown origin
NEVER = "never mattered"  # is said of a rule that may go
_DRAWS = 1000


class Effect(StrEnum):
    """What a rule did, as far as sessions tell."""

    HELPED = "helped"
    NO_SIGN = "no sign yet"
    CAME_BACK = "said again"
    WORSE = "made it worse"


@dataclass(frozen=True, slots=True)
class Rate:
    """In how many of some sessions something was said."""

    said: int
    sessions: int

    @property
    def posterior(self) -> tuple[int, int]:
        """The parameters of its Beta distribution."""
        return PRIOR[0] + self.said, PRIOR[1] + self.sessions - self.said


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two rates."""

    before: Rate
    after: Rate

    @property
    def lower(self) -> float:
        """Return the chance that the rate after is the lower one."""
        return _lower(*self.before.posterior, *self.after.posterior)

    @property
    def drop(self) -> tuple[float, float]:
        """Return the 90 % interval of how much lower the rate after is; below 0 it is higher."""
        draw = random.Random(0).betavariate
        drops = sorted(draw(*self.before.posterior) - draw(*self.after.posterior) for _ in range(_DRAWS))
        return drops[_DRAWS // 20], drops[-_DRAWS // 20]


@lru_cache(maxsize=4096)
def _lower(a: int, b: int, c: int, d: int) -> float:
    """Return the chance that a Beta(c, d) variable is below a Beta(a, b) one: the closed form for whole numbers."""

    def beta(x: int, y: int) -> float:
        return lgamma(x) + lgamma(y) - lgamma(x + y)

    return sum(exp(beta(c + n, b + d) - log(b + n) - beta(1 + n, b) - beta(c, d)) for n in range(a))


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What became of one line."""

    line: int  # 1-based, in the newest version
    rule: str  # without its marker
    version: Version  # that brought it
    taught: Queued | None  # the edit that did
    again: tuple[str, ...]  # ids of the later sessions in which it was said again
    opposed: tuple[str, ...]  # in which the opposite was said
    wish: Comparison
    corrections: Comparison  # the others of the file
    undid: tuple[str, Comparison] | None = None  # a rule that held until this one came, and its rates

    @property
    def effect(self) -> Effect:
        """Return what the rule did."""
        enough = OPPOSED if self.version.author in {"skillloop", "person"} else 1  # else nobody's words
        if self.undid or len(self.opposed) >= enough or self.corrections.lower <= 1 - SURER:
            return Effect.WORSE
        if self.wish.lower >= SURE:
            return Effect.HELPED
        a, b = self.wish.after.posterior
        often = (a + len(self.opposed)) / (a + b) >= RARE
        return Effect.CAME_BACK if often and (self.again or self.opposed) else Effect.NO_SIGN

    @property
    def changed_nothing(self) -> bool:
        """Whether the person says it as often as one would expect without the rule, in two sessions at least."""
        a, b = self.wish.after.posterior
        return self.wish.after.said > 1 and a / (a + b) >= PRIOR[0] / sum(PRIOR)

    @property
    def needless(self) -> bool:
        """Whether the person said it in none of many sessions, neither before it nor since; nobody doubts their own words."""
        rates = (self.wish.before, self.wish.after)
        said = self.opposed or any(rate.said for rate in rates)
        return not said and self.version.author == "skillloop" and min(x.sessions for x in rates) >= MANY

    @property
    def failing(self) -> bool:
        """Whether a person should look at it."""
        return self.effect in {Effect.CAME_BACK, Effect.WORSE}

    @property
    def why(self) -> str:
        """Return the figures, for a person."""
        before = _rate(", before", self.wish.before) * bool(self.wish.before.sessions)
        told = [_rate("you said it again", self.wish.after) + before]
        if self.opposed:
            told.append(f"the opposite in {len(self.opposed)}")
        if self.undid:
            rule, rates = self.undid
            told.append(_rate(f"you said “{rule}”", rates.after) + _rate(", before", rates.before))
        if self.corrections.lower <= 1 - SURER:
            told.append(
                _rate("you corrected something else", self.corrections.after)
                + _rate(", before", self.corrections.before)
            )
        return "; ".join(told)


def _rate(what: str, rate: Rate) -> str:
    return f"{what} in {rate.said} of {counted(rate.sessions, 'session')}"


def of(
    store: Store, path: str | Path, lines: Sequence[tuple[str, Version]] | None = None
) -> Iterator[RuleOutcome]:
    """Yield the outcome of each list item that came since a file's history began (`lines`: see `history.annotate`)."""
    target = fs.canonical(path)
    lines = history.annotate(store, path) if lines is None else lines
    if all(version.kind == "import" for _, version in lines):
        return
    at = {session: _time(spoken) for session, spoken in store.exposures(target).items()}
    sayings = store.sayings(target)
    corrections = [each for each in sayings if each.corrects and each.skill == target]
    edits = {each.proposal.id: each for each in store.proposals(skill=target)}
    on_branches = (each for each in edits.values() if each.reason.startswith(ON_BRANCH))
    merged = {each.proposal.edits[0].new: each for each in on_branches}
    items = [
        (number, item["text"], version)
        for number, (line, version) in enumerate(lines, start=1)
        if (item := document.ITEM.match(line)) and version.kind != "import"
    ]
    said = _said([rule for _, rule, _ in items], sayings)
    found = []
    for number, rule, version in items:
        taught = edits.get(version.proposal or "") or merged.get(lines[number - 1][0])
        lessons = {each.session_id for each in taught.proposal.evidence} if taught else set()
        after = {session for session, spoken in at.items() if spoken > _time(version.created)}
        about, again = said[rule], _sessions(said[rule], after)
        later = [each for each in sayings if each.session in after]
        against = _sessions([each for each in later if opposite_wish(each.text, rule)], after)
        meant = {each.id for each in about}
        others = [each for each in corrections if each.id not in meant]
        outcome = RuleOutcome(
            number,
            rule,
            version,
            taught,
            again,
            tuple(each for each in against if each not in again),
            _compared(about, at.keys() - after - lessons, after),
            _compared(others, at.keys() - after, after),
        )
        found.append((outcome, after))
    undone = _undone(found, said)
    yield from (replace(each, undid=undone.get(each.version.number)) for each, _ in found)


def _said(rules: Iterable[str], sayings: Sequence[Saying]) -> dict[str, dict[Saying, None]]:
    """Return what the person said that means each rule, or another rule that means the same: the same sayings for those."""
    found: dict[str, dict[Saying, None]] = {}
    for rule in rules:
        about = dict.fromkeys(each for each in sayings if same_wish(each.text, rule))
        near = [x for x, known in found.items() if same_wish(x, rule) or not known.keys().isdisjoint(about)]
        for other in near:
            about |= found[other]
        same = {id(found[other]) for other in near}
        found |= {other: about for other, known in found.items() if id(known) in same} | {rule: about}
    return found


def _undone(
    found: Sequence[tuple[RuleOutcome, set[str]]], said: Mapping[str, Collection[Saying]]
) -> dict[int, tuple[str, Comparison]]:
    """Return the rules that held until another came, by the number of its version: that at which the rate rose most.

    Of several that one version undid, that whose rate rose most surely.
    """
    undone: dict[int, tuple[str, Comparison]] = {}
    for rule, held in found:
        cuts = []
        for other, after in found:
            if after < held and said[other.rule] is not said[rule.rule]:
                before, later = (Rate(len(x.intersection(rule.again)), len(x)) for x in (held - after, after))
                own, rates = other.version.author == "skillloop", Comparison(before, later)
                if later.said >= OPPOSED and rates.lower <= 1 - (SURER if own else LIKELY):
                    cuts.append((own, rates.lower, other.version.number, rates))
        if cuts:
            _, _, number, rates = min(cuts, key=lambda cut: cut[:3])
            one = rule.rule, rates
            undone[number] = min(undone.get(number, one), one, key=lambda each: each[1].lower)
    return undone


def breaker(store: Store, path: str | Path, found: Iterable[RuleOutcome] | None = None) -> str:
    """Return why automatic edits of a file have to wait for a person, or "" (`found` are its outcomes, where they are known).

    Too many of the last ones did not help, or were taken back; or most of what was drafted rests on words that nobody
    is known to have typed. Any other decision of the person's about the file than to take a change back closes it.
    """
    name, unseen = target_name(path), store.applied_unseen(path)
    if len(unseen) >= FAILED:
        rules = of(store, path) if found is None else found
        known = {each.version.proposal: each for each in rules if each.wish.after.sessions}
        tried = [known[edit] for edit in unseen if edit in known][-TRIED:]
        failed = sum(each.effect is Effect.WORSE or each.changed_nothing for each in tried)
        if failed >= FAILED:
            return f"{failed} of the last {len(tried)} automatic edits of {name} made things worse or changed nothing"
    return _log_speaks_against(store, path, name)


def _log_speaks_against(store: Store, path: str | Path, name: str) -> str:
    """Return what opens the breaker in a file's log since the person last decided about it, or ""."""
    entries = [(x.event, x.detail.get("kind"), x.detail) for x in store.log(path, limit=LOGGED)]
    since = list(takewhile(lambda x: x[1] == "rollback" or x[2].get("by") != "person", entries))
    back = sum(kind == "rollback" for _, kind, _ in since)
    if back >= TAKEN_BACK:
        return f"{back} of the last changes of {name} were taken back"
    drafted = [detail["proposal"] for event, _, detail in since if event == "proposal"]
    if len(drafted) >= DRAFTED:
        edits = (each.proposal for each in store.proposals(skill=path))
        typed = {edit.id for edit in edits if {x.origin for x in edit.evidence} == {Origin.TYPED}}
        doubted = sum(edit not in typed for edit in drafted)
        if 2 * doubted > len(drafted):
            return f"{doubted} of the last {len(drafted)} drafts for {name} rest on words that nobody is known to have typed"
    return ""


def waiting(store: Store) -> list[WaitingChange]:
    """Find the changes that wait for the person's word: Claude's own, and those of rules that failed or never mattered."""
    return standing(store)[0]


def standing(store: Store) -> tuple[list[WaitingChange], list[str]]:
    """Return the changes of `waiting`, and say which files get no automatic edits any more, and why."""
    changes, paused = list(history.waiting_claims(store)), []
    for skill in filter(Path.exists, store.skills()):
        found = list(of(store, skill))
        changes += _asked(store, skill, found)
        if why := breaker(store, skill, found):
            paused.append(f"{why}; until you decide, the next ones wait")
    return changes, paused


def _asked(store: Store, skill: Path, found: Iterable[RuleOutcome]) -> Iterator[WaitingChange]:
    """Find the changes of one file about whose rules the person is asked, and has not said that they stay."""
    log = store.audit.entries(KEPT, skill=str(skill))
    kept = {entry.detail["number"]: entry.detail for entry in reversed(log)}
    brought: dict[int, list[RuleOutcome]] = {}
    for each in found:
        brought.setdefault(each.version.number, []).append(each)
    known = store.versions.of(str(skill))  # after these were found: another process may have brought more
    for number, rules in brought.items():
        failing = [each for each in rules if each.failing]
        worst = max(failing or rules, key=lambda each: (each.effect is Effect.WORSE, _counted(each)))
        if _counted(worst) > kept.get(number, {}).get("seen", -1):
            effect = str(worst.effect) if failing else NEVER
            happened = f": {worst.why}" if effect == Effect.CAME_BACK else f" {effect}, {worst.why}"
            told = f"{target_name(skill)}: “{worst.rule}”{happened}"
            before, after = (history.text(store, each.sha) for each in known[number - 2 : number])
            if failing or all(each.needless for each in rules):
                yield WaitingChange(skill, worst.version, before, after, told, worst.why, effect)


def _counted(outcome: RuleOutcome) -> int:
    """Return how much speaks against a rule: it is asked about again only when that grows."""
    return (
        len(outcome.again)
        + len(outcome.opposed)
        + outcome.corrections.after.said * (outcome.corrections.lower <= 1 - SURER)
        + (outcome.undid[1].after.said if outcome.undid else 0)
    )


def keep(store: Store, change: WaitingChange) -> None:
    """Remember that the person keeps a change that waited."""
    number = change.version.number
    against = [_counted(each) for each in of(store, change.skill) if each.version.number == number]
    store.record(KEPT, skill=change.skill, number=number, seen=max(against, default=-1), by="person")


def _time(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _sessions(sayings: Iterable[Saying], among: Collection[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.session for each in sayings if each.session in among))


def _compared(sayings: Collection[Saying], before: Collection[str], after: Collection[str]) -> Comparison:
    return Comparison(*(Rate(len(_sessions(sayings, among)), len(among)) for among in (before, after)))
