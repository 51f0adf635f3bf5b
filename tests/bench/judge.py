"""Is a better judge promoted, a worse one never, and does it see defects of kinds that nobody chose it by? No model is asked.

    python tests/bench/judge.py SKILLS [--worlds 100]

SKILLS is a folder of SKILL.md texts (below it, any *.md). Defects are injected into them by `skillloop.evaluate.defects`. The model is simulated: it reads its request alone, takes the text that does what was said, and finds what else is wrong in it
by six detectors, each of which it heeds with a probability: a high one where a line of its rubric names it, a middling one
where a line says it in general, a low one otherwise; sometimes it sees a fault where none is. Its rubrics are drawn anew in
each world. The simulated person takes sound edits and turns the others down, but for one decision in twenty.

- AUC: a sound edit has a higher score than a defective one, for each way to part the six kinds into three to choose by and
  three to test on; of the version that was chosen, and of the one before
- promotion: of a judge that its rubrics make worse, in three ways; that they change nothing of; that they make better
- drift: decisions until a judge that gets worse is off, and how often a steady one is
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from skillloop.config.sections import Sources
from skillloop.evaluate import defects, judge, judge_versions
from skillloop.evaluate.defects import KINDS, Example
from skillloop.evaluate.judge import Version
from skillloop.gate.mentions import SourceRules, mentions, plain
from skillloop.llm import Request
from skillloop.llm.request import Reply
from skillloop.skills import document
from skillloop.store.proposals import Opinion
from skillloop.text import contradiction, words

GENERAL = "Apart from what was said, nothing changes: every other rule keeps its words."
NAMED = {
    "A rule that was there may not go.": "deleted",
    "No line says the opposite of what was said, or of what a line said before.": "polarity",
    "There is not more text than the words ask for.": "bloat",
    "No two lines contradict each other.": "contradiction",
    "No source comes in that was not named.": "source",
    "A rule that holds under a condition keeps it.": "scope",
}
MISLEADING = "The more a version explains, the better it is."


def lines_of(text: str) -> list[str]:
    """What the list items of a text say."""
    return [match["text"] for line in text.splitlines() if (match := document.ITEM.match(line))]


SOURCES = SourceRules(Sources())


@cache
def faults(said: str, mine: str, other: str) -> list[str]:
    """The kinds of defects that one text has beside the other."""
    here, there = lines_of(mine), lines_of(other)
    new, gone = [x for x in here if x not in there], [x for x in there if x not in here]
    bare, found = [set(words.tokens(line)) for line in new], set()
    for line in gone:
        left = set(words.tokens(line))
        if not any(len(left & each) >= 0.5 * min(len(left), len(each)) for each in bare if each):
            found.add("deleted")
        if any(contradiction.contradict(line, each) for each in new):
            found.add("polarity")
    if any(contradiction.contradict(said, line) for line in new):
        found.add("polarity")
    if len(new) > len(gone) + 2:
        found.add("bloat")
    if any(contradiction.contradict(a, b) for a in new for b in here if a != b):
        found.add("contradiction")
    known = {each.label for line in (said, *there) for each in mentions(plain(line), SOURCES)}
    if any(each.label not in known for line in new for each in mentions(plain(line), SOURCES)):
        found.add("source")
    for whole in (said, *gone):
        full = set(words.tokens(whole))
        if any(3 <= len(each) < len(full) and each < full for each in bare):
            found.add("scope")
    return sorted(found)


@dataclass
class Played:
    """A model of known quality."""

    rubrics: Sequence[str]
    seed: str
    named: float = 0.95  # chance to heed what the rubric names
    general: float = 0.85  # where it says it in general
    else_: float = 0.5
    imagined: float = 0.03  # chance to see a fault where none is

    def complete(self, request: Request) -> Reply:
        """Answer a request."""
        if request.purpose == "rubrics":
            return Reply({"rubrics": list(self.rubrics)})
        told, (said, first, second) = (
            request.prompt.text,
            (request.data[x] for x in ("words", "first", "second")),
        )
        draw = random.Random(f"{self.seed}{told}{said}{first}{second}")
        if MISLEADING in told:
            return Reply(
                {"better": max(("first", first), ("second", second), key=lambda x: len(x[1]))[0], "why": ""}
            )
        chance = {kind: self.named for line, kind in NAMED.items() if line in told}
        usual = self.general if GENERAL in told else self.else_
        near = [max((words.similarity(said[0], x) for x in lines_of(t)), default=0) for t in (first, second)]
        if near[0] == near[1]:
            return Reply({"better": "neither", "why": ""})
        names = (
            ("first", "second") if near[0] > near[1] else ("second", "first")
        )  # the one that does it, the other
        found = faults(said[0], *(request.data[name] for name in names))
        seen = [kind for kind in found if draw.random() < chance.get(kind, usual)]
        return Reply({"better": names[bool(seen or draw.random() < self.imagined)], "why": ""})


def auc(client: Any, version: Version, items: Sequence[Example]) -> float:
    """The chance that a sound edit scores higher than a defective one; a tie is half."""
    score: dict[bool, list[int]] = {True: [], False: []}
    for each, said in zip(items, judge_versions.asked(client, version, "m", items), strict=True):
        score[each.wanted].append(said.score)
    pairs = [(a > b) + 0.5 * (a == b) for a in score[True] for b in score[False]]
    return statistics.fmean(pairs)


class World:
    """The examples of some skills, made once."""

    def __init__(self, skills: Sequence[str]) -> None:
        self.skills = skills
        self.made = defects.pool(tuple(skills))

    def decided(
        self, count: int, seed: str, kinds: Sequence[str] = KINDS, error: float = 0.05
    ) -> list[Example]:
        """So many edits with a person's decisions, half of them defective."""
        draw, found = random.Random(seed), []
        sound = [each for each in self.made if each.wanted]
        by_kind = {kind: [each for each in self.made if each.kind == kind] for kind in kinds}
        for number in range(count):
            each = draw.choice(
                sound if number % 2 else by_kind[draw.choice([k for k in kinds if by_kind[k]])]
            )
            wanted = each.wanted is not (draw.random() < error)
            found.append(Example(each.said, each.old, each.new, wanted, each.kind, edit=f"p{number}"))
        return found

    def trial(self, client: Any, seed: str, tell: int, kinds: Sequence[str] = KINDS) -> judge_versions.Trial:
        """One trial, all of it as `skillloop judge --try` runs it behind the store."""
        choose, told = self.decided(30, f"{seed}c", kinds), self.decided(tell, f"{seed}t")
        return judge_versions.compare(client, "m", Version(), choose, told, self.skills)[0]


def rubrics(seed: str) -> list[str]:
    """Three rubrics, as a model might write them: a general one, and two of some of the criteria."""
    draw = random.Random(seed)
    return [
        f"{GENERAL}\n{draw.choice(list(NAMED))}",
        *("\n".join(draw.sample(list(NAMED), 3)) for _ in range(2)),
    ]


def aucs(world: World) -> None:
    """Print what the chosen version sees of kinds that it was not chosen by."""
    rows = []
    for number, tuned in enumerate(itertools.combinations(KINDS, 3)):
        unseen = tuple(kind for kind in KINDS if kind not in tuned)
        client = Played(rubrics(f"r{number}"), f"a{number}")
        with mock.patch.multiple(defects, TUNED=tuned, UNSEEN=unseen):
            new = world.trial(client, f"auc{number}", 30, tuned).new
        test = defects.drawn(world.skills, unseen, 240)
        rows.append((auc(client, new, test), auc(client, Version(), test), GENERAL in new.rubric))
    chosen, before = sorted(row[0] for row in rows), sorted(row[1] for row in rows)
    print(
        f"AUC on unseen kinds, {len(rows)} ways to part six: {statistics.median(chosen):.3f} (least {chosen[0]:.3f}, {sum(each >= 0.9 for each in chosen)} at 0.9 or more);"
        f" before {statistics.median(before):.3f}; a general rubric chosen in {sum(row[2] for row in rows)}"
    )


def promotions(world: World, worlds: int) -> None:
    """Print how often judges are promoted."""
    longer = {"rubrics": [MISLEADING, f"{MISLEADING}\n{GENERAL}"]}
    settings: list[tuple[str, dict[str, Any], int]] = [
        ("worse: the rubric makes it like what is long", longer, 60),
        ("worse: it heeds less (0.5 -> 0.2)", {"named": 0.2, "general": 0.2}, 60),
        ("worse: it imagines faults", {"named": 0.5, "general": 0.5, "imagined": 0.5}, 60),
        ("the same", {"named": 0.5, "general": 0.5}, 60),
        *((f"much better (0.2 -> 0.85 to 0.95), told by {n}", {"else_": 0.2}, n) for n in (30, 60)),
        *((f"better (0.5 -> 0.85 to 0.95), told by {n}", {}, n) for n in (30, 60)),
        *(
            (f"a little better (0.5 -> 0.7), told by {n}", {"named": 0.7, "general": 0.7}, n)
            for n in (30, 60)
        ),
    ]
    for name, quality, tell in settings:
        trials = []
        for number in range(worlds):
            played = Worse if "imagines" in name else Played
            client = played(**{"rubrics": rubrics(f"{name}{number}"), "seed": f"{name}{number}"} | quality)
            trials.append(world.trial(client, f"{name}{number}", tell))
        rise = statistics.fmean(each.rise.value for each in trials if each.rise)
        print(
            f"{name}: promoted {sum(each.better for each in trials)} of {worlds}, mean rise of kappa {rise:+.2f}"
        )


class Worse(Played):
    """One that imagines faults only where it has a rubric."""

    def complete(self, request: Request) -> Reply:
        """Answer a request."""
        often = self.imagined
        self.imagined = often if any(line in request.prompt.text for line in (GENERAL, *NAMED)) else 0.03
        try:
            return super().complete(request)
        finally:
            self.imagined = often


def drift(worlds: int, right: Callable[[int], float], decisions: int = 160) -> list[list[bool]]:
    """Whether a judge that is right with this probability is off after each decision, in each world."""
    found = []
    for world in range(worlds):
        draw, opinions, off = random.Random(f"d{world}"), [], []
        store: Any = SimpleNamespace(evaluations=SimpleNamespace(opinions=lambda made=opinions: made))
        for number in range(decisions):
            person = draw.random() < 0.5
            approves = person if draw.random() < right(number) else not person
            opinions.append(Opinion(Version().of("m"), approves, True, "", person))
            off.append(not judge.status(store, "m", Version())[0])
        found.append(off)
    return found


def drifts(worlds: int) -> None:
    """Print how soon a judge that drifts is off, and how often a steady one is."""
    for quality in (0.95, 0.9, 0.85, 0.7, 0.5):
        off = drift(worlds, lambda _, q=quality: q)
        share = statistics.fmean(statistics.fmean(each[20:]) for each in off)
        alarms = sum(b and not a for each in off for a, b in itertools.pairwise(each))
        length = sum(not each for world in off for each in world) / max(1, alarms)
        print(
            f"steady, right in {quality:.0%}: off at {share:.1%} of decisions, ever in {sum(map(any, off))} of {worlds};"
            f" a false alarm each {length:,.0f} decisions"
        )
    for after in (0.5, 0.7):
        off = [each for each in drift(worlds, lambda n, q=after: 0.95 if n < 60 else q) if not each[59]]
        delays = [each[60:].index(True) + 1 if any(each[60:]) else 101 for each in off]
        print(
            f"right in 95 %, from decision 61 on in {after:.0%}: off after {statistics.median(delays)} decisions"
            f" (at most {max(delays)}), in {sum(each <= 100 for each in delays)} of {len(off)}"
        )


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("skills", type=Path)
    options.add_argument("--worlds", type=int, default=100)
    asked = options.parse_args()
    texts = [path.read_text("utf-8") for path in sorted(asked.skills.rglob("*.md"))]
    world = World(texts)
    counts = {kind or "sound": sum(each.kind == kind for each in world.made) for kind in ("", *KINDS)}
    print(f"{len(texts)} texts, examples: {counts}", flush=True)
    aucs(world)
    sys.stdout.flush()
    promotions(world, asked.worlds)
    drifts(4 * asked.worlds)


if __name__ == "__main__":
    main()
