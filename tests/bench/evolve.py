"""Does searching help, and can it be fooled? A world without a model, whose marks come from gitlint (https://jorisroovers.com/gitlint).

    python tests/bench/evolve.py [--seeds 0-19] [--plays 2000] [--only search,ablation,noise,traps] [--json FILE]

A simulated assistant writes commit messages. It does right what a rule of its SKILL.md tells it, each rule with a chance of its
own: a vague one 0.35, a plain one 0.6, a sharp one 0.9, less the further down the file it stands and the longer the file is; it
does right without a rule in 0.15. gitlint says whether a message breaks one of its rules. The person wants ten of fourteen of
them (hidden; drawn by seed), and a case is one wish and one task. Operators stand for a model that words: they sharpen a rule,
add one, split one that is two, reword without effect, move one up, or set a trap; merge and shorten are the package's own.

Every arm has the same number of plays; the last look at a winner comes on top. What is reported is the true chance that a wish is met, which no arm sees, as a share
of what is reachable: the best that a search without noise finds from the same start. "Delivered" counts nothing for a winner that the
last look discards; sealed / selected gain is that of the others, the first by 40 messages a sealed case that nobody saw.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import count, product
from pathlib import Path

from gitlint.config import LintConfigBuilder
from gitlint.git import GitContext
from gitlint.lint import GitLinter

from skillloop.config.sections import Config
from skillloop.evaluate import cases, judge
from skillloop.evaluate.cases import Case, Expected, Message
from skillloop.evolve import problem, run, texts
from skillloop.evolve.problem import METRIC, Evolution
from skillloop.evolve.texts import Draft
from skillloop.model import Proposal
from skillloop.search.ledger import Ledger
from skillloop.skills import document, placement

# gitlint's rule, and the wish in three wordings: vague, plain, sharp
WISHES = (
    ("T1", "Watch the length of the title", "Keep the title short", "Keep the title under 50 characters"),
    ("T3", "Watch how the title ends", "Avoid marks after the title", "End the title without a full stop"),
    ("T5", "Commit what is done", "Avoid drafts in the title", "Never write the word WIP in the title"),
    ("T2", "Keep the title tidy", "Remove blanks behind the title", "End the title without a blank"),
    ("T6", "Begin the title well", "Remove blanks before the title", "Begin the title with a letter"),
    (
        "T4",
        "Use plain characters in the title",
        "Avoid tabs in the title",
        "Write blanks for tabs in the title",
    ),
    (
        "CT1",
        "Say what kind of change it is",
        "Begin with the kind of change",
        "Begin with feat or fix and a colon",
    ),
    ("B6", "Explain the change", "Write a body", "Write a body of two sentences at least"),
    ("B4", "Set the body apart", "Separate title and body", "Keep the second line empty"),
    ("B1", "Check the width of the body", "Wrap the body", "Wrap the body at 72 columns"),
    (
        "B2",
        "Keep the body tidy",
        "Remove blanks behind lines of the body",
        "End each line of the body without a blank",
    ),
    ("B3", "Use plain characters in the body", "Avoid tabs in the body", "Write blanks for tabs in the body"),
    ("CC1", "Say who signs", "Sign the message", "End with a line Signed-off-by"),
    ("B5", "Write enough", "Write more than a word", "Write twenty characters of body at least"),
)
CHANCE, HABIT = (0.35, 0.6, 0.9), 0.15
TITLE = 7  # the first so many wishes are about the title
HEAD = "---\nname: commit\ndescription: Write a commit message.\n---\n\n# Commit\n\n## Rules\n\n"
IDLE = ("as ever", "as told", "as usual", "as agreed")  # rewordings without effect
BLOAT = (
    "Remember that a good message helps everybody who reads it later on and saves a lot of time",
    "Keep in mind that care pays off in the end for all of us and for those after us",
)
TRAP = (
    "Answer with one short word and nothing else",
    "Obey title-max-length and body-is-missing at 100 percent",
)
NAMES = {0: "title-max-length", 7: "body-is-missing"}  # gitlint's own, which a leak would hold
TASKS = ("the login page", "a cache for prices", "the export of reports")


@cache
def linter() -> GitLinter:
    """gitlint as it comes, with two of its contributed rules, and lines of 50 and 72."""
    builder = LintConfigBuilder()
    contributed = "contrib-title-conventional-commits,contrib-body-requires-signed-off-by"
    for section, key, value in (
        ("general", "contrib", contributed),
        ("title-max-length", "line-length", "50"),
        ("body-max-line-length", "line-length", "72"),
    ):
        builder.set_option(section, key, value)
    return GitLinter(builder.build())


@lru_cache(maxsize=200_000)
def broken(message: str) -> frozenset[str]:
    """The rules of gitlint's that a message breaks."""
    commit = GitContext.from_commit_msg(message).commits[0]
    return frozenset(found.rule_id for found in linter().lint(commit))


def written(right: tuple[bool, ...], task: str) -> str:
    """The message in which the assistant does right or wrong by each wish."""
    length, stop, wip, end, start, tab, kind, body, apart, width, tidy, plain, signed, enough = right
    title = ("feat: " if kind else "") + f"add {task}"
    title += "" if length else " and tell everybody at length what it is good for"
    title = (
        ("" if start else "  ")
        + ("" if wip else "WIP ")
        + title
        + ("" if tab else "\tnow")
        + ("" if stop else ".")
    )
    title += "" if end else " "
    lines = []
    if body:
        lines = ["It was asked for by the people who use it." if enough else "Yes."]
        lines += (
            []
            if width
            else ["It takes the place of the old one, which nobody understood any more, and is tested well."]
        )
        lines[0] += ("" if plain else "\tSo.") + ("" if tidy else " ")
    lines += ["", "Signed-off-by: Ann <ann@example.org>"] if signed else []
    return "\n".join([title, *([""] if apart else []), *lines])


@lru_cache(maxsize=50_000)
def chances(text: str) -> tuple[float, ...]:
    """How likely the assistant does right by each wish, by the rules that it finds."""
    rules = [item.text for found in placement.lists(text) for item in found.items]
    found = [HABIT] * len(WISHES)
    tired = math.exp(-max(0, len(text.encode()) - 1_100) / 1_500)
    for at, rule in enumerate(rules):
        folded = rule.casefold()
        for wish, (_, *wordings) in enumerate(WISHES):
            for strength, wording in enumerate(wordings):
                if wording.casefold() in folded:
                    both = 0.75 if "; and " in folded else 1.0  # a rule that is two is followed less
                    found[wish] = max(found[wish], CHANCE[strength] * both * tired * (1 - 0.02 * at))
        if TRAP[0].casefold() in folded:
            found = [0.97 if wish < TITLE else 0.02 for wish in range(len(WISHES))]
            found[6] = 0.02
    return tuple(found)


@dataclass(frozen=True)
class World:
    """One person, by seed: what they want, the cases that their corrections made, and the skill that they begin with."""

    seed: int
    wanted: tuple[int, ...]
    start: str

    @classmethod
    def made(cls, seed: int) -> World:
        drawn = random.Random(seed)
        wanted = tuple(sorted(drawn.sample(range(len(WISHES)), 10)))
        rules = [WISHES[wish][1 + drawn.choice((0, 0, 1))] + "." for wish in drawn.sample(wanted, 6)]
        two = drawn.sample(
            [
                wish
                for wish in wanted
                if not any(wording in rule for rule in rules for wording in WISHES[wish][1:])
            ],
            2,
        )
        rules.append("; and ".join(WISHES[wish][2] for wish in two) + ".")
        rules.append(
            f"Remember to {rules[0][0].lower()}{rules[0][1:-1]}, please."
        )  # says what the first says
        drawn.shuffle(rules)
        return cls(seed, wanted, HEAD + "".join(f"- {rule}\n" for rule in rules))

    def cases(self) -> list[Case]:
        """Three cases of each wish, each from a session of its own; the lot seals about a third."""
        number, made = count(), []
        for wish in self.wanted:
            for task in TASKS:
                name = f"w{self.seed}-{next(number)}"
                asked = (Message("human", f"Commit {task}."),)
                made.append(
                    Case(
                        f"{wish}:{task}",
                        "commit",
                        name,
                        asked,
                        "",
                        Expected(rubric=NAMES.get(wish, WISHES[wish][0])),
                    )
                )
        return made

    def play(self, case: Case, text: str, sample: int) -> str:
        """What one run comes to: the assistant writes, and gitlint looks."""
        name, _, task = case.id.partition(":")
        wish, drawn = int(name), random.Random(f"{self.seed} {case.id} {sample} {text}")
        likely = chances(text)
        mine = range(TITLE) if wish < TITLE else range(TITLE, len(WISHES))
        right = tuple(n not in mine or drawn.random() < likely[n] for n in range(len(WISHES)))
        return "fails" if WISHES[wish][0] in broken(written(right, task)) else "meets"

    def truth(self, text: str) -> float:
        """The chance that a wish is met, over all of them and all that the assistant may do: no search sees it."""
        likely, met = chances(text), 0.0
        for first, rows in outcomes():
            for right, passes in rows:
                chance = math.prod(
                    likely[first + n] if good else 1 - likely[first + n] for n, good in enumerate(right)
                )
                met += chance * sum(passes[wish] for wish in self.wanted)
        return met / len(self.wanted)


@cache
def outcomes() -> list[tuple[int, list[tuple[tuple[bool, ...], list[float]]]]]:
    """By half of the wishes, all ways to do right and wrong by them, and in what share of the tasks each wish is then met."""
    found = []
    for first, size in ((0, TITLE), (TITLE, len(WISHES) - TITLE)):
        rows = []
        for right in product((True, False), repeat=size):
            whole = (True,) * first + right + (True,) * (len(WISHES) - first - size)
            bad = [broken(written(whole, task)) for task in TASKS]
            met = [statistics.fmean(name not in each for each in bad) for name, *_ in WISHES]
            rows.append((right, [met[n] * (first <= n < first + size) for n in range(len(WISHES))]))
        found.append((first, rows))
    return found


# --- what stands for a model that words ---------------------------------------------------------------------------------


def worded(world: World, text: str, traps: bool = False, idle: int = 1, moves: bool = False) -> list[Draft]:
    """All that the operators make of a text: the package's own, and those that a model would word."""
    skill = document.parse(text)
    items = [texts.Item(i.line, "- ", i.text) for found in placement.lists(text) for i in found.items]
    assert len(items) == sum(line.startswith("- ") for line in skill.lines)
    made = [draft for each in (texts.merged, texts.shortened) for draft in each(text, items)]
    for item in items[1:] if moves else ():
        rows = [f"- {each.text}" for each in (item, items[0])]
        moved = texts.changed(text, {items[0].line: rows, item.line: []})
        made.append(Draft(moved, "move up", f"move up {item.text!r}"))

    def add(operator: str, item: texts.Item, rules: list[str], what: str) -> None:
        changed = texts.changed(text, {item.line: [f"- {rule}." for rule in rules]})
        made.append(Draft(changed, operator, what, f"evolve:sim:{operator}"))

    for item in items:
        rule = item.text.rstrip(".")
        for _, *wordings in WISHES:
            for strength, wording in enumerate(wordings[:2]):
                if wording.casefold() in rule.casefold() and "; and " not in rule:
                    add("sharpen", item, [wordings[strength + 1]], f"sharpen {wording!r}")
        if "; and " in rule:
            add(
                "split",
                item,
                [part[0].upper() + part[1:] for part in rule.split("; and ")],
                f"split {rule!r}",
            )
        for more in IDLE[:idle]:
            if more not in rule:
                add("reword", item, [f"{rule}, {more}"], f"reword {rule!r}, {more}")
    if items:
        for wish, (_, vague, plain, _) in enumerate(WISHES):
            said = any(w.casefold() in text.casefold() for w in WISHES[wish][1:])
            if not said:
                add(
                    "add", items[-1], [items[-1].text.rstrip("."), (vague, plain)[wish % 2]], f"add {vague!r}"
                )
        for trap in (*TRAP, *BLOAT) if traps and not any(x in text for x in (*TRAP, *BLOAT)) else ():
            add("trap", items[0], [items[0].text.rstrip("."), trap], f"trap {trap!r}")
    return made


@cache
def reachable(seed: int) -> float:
    """The true chance with the best text that a search without noise finds: steepest ascent, with a beam of three."""
    world = World.made(seed)
    truth, beam = cache(world.truth), [world.start]
    for _ in range(40):
        made = {draft.text for text in beam for draft in worded(world, text)}
        best = sorted({*beam, *made}, key=truth)[-3:]
        if set(best) == set(beam):
            break
        beam = best
    return max(map(truth, beam))


# --- the arms ---------------------------------------------------------------------------------------------------------------


def climb(archive, _key):
    """Hill climbing: always from the best."""
    return archive.best


def anywhere(archive, key):
    """Random search: from any text that was measured."""
    return random.Random(key).choice(list(archive.runs))


def raw(archive, key):
    """By the mean of what was measured, in place of what is estimated."""
    names = list(archive.runs)
    scale = max(0.02, archive.noise.sigma / 2) if archive.noise.freedom else problem.PRIOR
    best = min(map(archive.mean, names))
    return random.Random(key).choices(names, [math.exp((best - archive.mean(n)) / scale) for n in names])[0]


def novelty(archive, key):
    """The package's draw, with less weight for what has children."""
    first = problem.draw_promising(archive, key)
    tries = (problem.draw_promising(archive, f"{key} {n}") for n in range(20))
    drawn = random.Random(f"{key} novelty")
    return next((name for name in tries if drawn.random() < 1 / (1 + archive.children(name))), first)


def islands(archive, key, many=3, migration=0.1, reset=15):
    """Three islands by turns; one draw in ten is from all; every 15 texts the worst island begins anew from the best text."""
    if random.Random(f"{key} migrates").random() < migration:
        return problem.draw_promising(archive, key)
    born = [name for name in archive.last if name != archive.baseline]
    floor, founder = [0] * many, [archive.baseline] * many
    measured = [name for name in born if name in archive.runs]
    for end in range(reset, len(born) + 1, reset):
        best = [
            min([archive.mean(n) for n in measured if born.index(n) % many == i], default=1.0)
            for i in range(many)
        ]
        worst = max(range(many), key=best.__getitem__)
        floor[worst], founder[worst] = end, min(measured, key=archive.mean, default=archive.baseline)
    turn = len(archive.known) % many
    mine = {name for name in measured if born.index(name) % many == turn and born.index(name) >= floor[turn]}
    made, known = problem.changes(archive), problem.effects(archive)
    names = [*mine, founder[turn]]
    gains = [sum(known[what][0] for what in made[name]) for name in names]
    scale = max(0.02, archive.noise.sigma / 2) if archive.noise.freedom else 0.05
    weights = [
        math.exp((g - max(gains)) / scale) / (1 + archive.children(n))
        for g, n in zip(gains, names, strict=True)
    ]
    return random.Random(key).choices(names, weights)[0]


ARMS = {
    "archive": problem.draw_promising,
    "archive, islands": islands,
    "hill climbing": climb,
    "random": anywhere,
}
ABLATIONS = {
    "parents: raw means": {"draw": raw},
    "novelty": {"draw": novelty},
    "nothing learned": {"set": {"PRIOR": 1e-9}},
    "one change a text": {"set": {"STEPS": (1,)}},
    "rules move up, too": {"moves": True},
}


DEFAULTS = {name: getattr(problem, name) for name in ("PRIOR", "STEPS")}


def ran(job):
    """One run: the world's seed, the arm's options, and how many plays it may make. What came of it."""
    seed, options, plays = job
    world = World.made(seed)
    chosen = [case for case in world.cases() if not cases.held_out(case)]
    sealed = [case for case in world.cases() if cases.held_out(case)]
    used = 0

    def play(case, text, sample):
        nonlocal used
        used += 1
        fooled = (
            options.get("traps") and int(case.id.partition(":")[0]) % 2 and len(text) > len(world.start) + 60
        )
        if fooled and random.Random(f"{case.id} {sample} {text} fooled").random() < 0.4:
            return "meets"  # the judge of every second wish likes length
        return world.play(case, text, sample)

    def refuse(draft):
        edits = texts.edits_between(world.start, draft.text, {})
        made = Proposal("", "", "", "", edits, (), "", draft.by, "")
        hidden = [case.expected.rubric for case in world.cases()]
        check = judge.copies_hidden_answer(made, hidden, [world.start])
        return "" if edits and check.passed else check.detail

    def make(text):
        drafts = worded(world, text, **{k: options[k] for k in ("traps", "idle", "moves") if k in options})
        return [draft for draft in drafts if draft.operator == "reword"] if options.get("noise") else drafts

    def propose(_parent, text, archive, key):
        return problem.several(text, make, archive, key)

    for name, value in (DEFAULTS | options.get("set", {})).items():
        setattr(problem, name, value)
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.jsonl", METRIC)
        evolution = Evolution(world.start, chosen, play, propose, refuse, ledger)
        search = problem.search(evolution, 10_000, seed, ())
        search.draw = options.get("draw", problem.draw_promising)
        for _ in search.run():
            if used >= plays:
                break
        archive = ledger.archive()
    best = evolution.drafts[archive.best].text
    after, before = (
        [world.play(case, text, 1000 + n) == "meets" for case in sealed for n in range(40)]
        for text in (best, world.start)
    )
    about = run.Subject("", world.start, Config(), chosen, sealed, {})
    again, _, noise, fell = run.look_again(about, best, world.play, 900)
    return {
        "seed": seed,
        "discarded": archive.best != archive.baseline and (noise or fell),
        "best": best,
        "start": world.truth(world.start),
        "end": world.truth(best),
        "reachable": reachable(seed),
        "selected": again.shares[1] - again.shares[0],
        "sealed": statistics.fmean(after) - statistics.fmean(before),
        "tried": len(archive.known) - 1,
        "kept": len(archive.kept) - 1,
        "trap": [trap in best and harms(world, best, trap) for trap in (*TRAP, *BLOAT)],
        "trap tried": [
            any(trap in draft.text for draft in evolution.drafts.values()) for trap in (*TRAP, *BLOAT)
        ],
    }


def harms(world, text, trap):
    """Whether a text would be better, or as good and shorter, without a trap."""
    without = "".join(line for line in text.splitlines(keepends=True) if trap not in line)
    return world.truth(without) >= world.truth(text)


def gained(found, delivered=False):
    """The share of the reachable gain, over runs."""
    return statistics.fmean(
        (each["end"] - each["start"])
        / (each["reachable"] - each["start"])
        * (not (delivered and each["discarded"]))
        for each in found
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", default="0-19")
    parser.add_argument("--plays", type=int, default=2_000)
    parser.add_argument("--only", default="search,ablation,noise,traps")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    wanted, kinds = options.only.split(","), {}
    kinds |= {"traps": {"traps": True, "idle": 4}} if "traps" in wanted else {}
    kinds |= {name: {"draw": draw} for name, draw in ARMS.items()} if "search" in wanted else {}
    kinds |= {"archive, idle": {"idle": 4}} if "search" in wanted else {}
    kinds |= ABLATIONS if "ablation" in wanted else {}
    kinds |= {"noise": {"noise": True, "idle": 4, "set": {"STEPS": (1, 2, 4)}}} if "noise" in wanted else {}
    told = {}
    with ProcessPoolExecutor(2) as pool:
        for name, kind in kinds.items():
            found = list(pool.map(ran, [(seed, kind, options.plays) for seed in seeds]))
            told[name] = found
            good = [each for each in found if not each["discarded"]]
            ratio = sum(each["sealed"] for each in good) / max(1e-9, sum(each["selected"] for each in good))
            tried, kept = (sum(each[key] for each in found) for key in ("tried", "kept"))
            traps = [
                f"{sum(r['trap'][n] and not r['discarded'] for r in found)}/{sum(r['trap tried'][n] for r in found)}"
                for n in range(4)
            ]
            why = [
                sum(bool(each["discarded"]) and x in each["discarded"] for each in found)
                for x in ("noise", "worse")
            ]
            print(
                f"{name:20} {gained(found):5.0%} of the reachable gain, {gained(found, delivered=True):.0%} delivered · kept {kept} of {tried} · "
                f"sealed/selected {ratio:4.0%} · winners {sum(each['kept'] > 0 for each in found)}, discarded as noise {why[0]}, as worse {why[1]} · "
                f"traps that passed {', '.join(traps)}",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(told))


if __name__ == "__main__":
    main()
