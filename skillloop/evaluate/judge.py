"""The judge: a model whose opinion is measured before it counts, and that can only lower a verdict.

How far it agrees with what the person approved and rejected is measured by Cohen's kappa. Once the decisions speak for a kappa of
0.3 rather than of 0.7, it is off, and a person decides in its place, until they speak for 0.7 again. It sees two texts in both
orders without knowing which is new; if it changes its mind with the order, it has none. Its versions: see `judge_versions`.
"""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal, NamedTuple

from skillloop import llm
from skillloop.evaluate.cases import Case
from skillloop.llm import ModelClient, Prompt, Request
from skillloop.model import Check, Outcome, Proposal, Verdict, sha256
from skillloop.store import Store
from skillloop.text import redact, words

CHANGED = "judge"  # event of the log: a version of the judge was put into force, pinned, or tried in vain
ENOUGH = 20  # decisions of the person from which the judge counts as measured
GOOD, BAD = 0.7, 0.3  # kappa of a judge that is to be heard, and of one that is not
BEYOND = 4.0  # logarithm of the likelihood ratio that switches it off or on: see `steady`
DRAWS = 1000  # of a bootstrap
WAITS = "what it would judge waits for you"  # while it is off
RUN = 6  # words in a row that an edit may not share with a text that it must not know
PROOF = frozenset({"transcription", "own case", "cases", "held-out cases", "judge", "judge off"})
"""Checks that are made once, when a draft is made: a later look at the proposal shows them again."""
_ORDER = (Outcome.KEEP, Outcome.DEFER, Outcome.DISCARD, Outcome.CRASH)
_SHOWN = (("first", "second"), ("second", "first"))  # names of the old and the new text, in either order
_TEXT = {"type": "string"}
_RUBRIC = llm.schema(answer={**_TEXT, "enum": ["meets", "fails", "does not apply"]}, why=_TEXT)
_CHOICE = llm.schema(better={**_TEXT, "enum": ["first", "second", "neither"]}, why=_TEXT)
Mark = Literal["meets", "fails", "does not apply"]  # what one run of a case came to


@dataclass(frozen=True, slots=True)
class Version:
    """What a model is told when it judges."""

    prompt: str = "judge.v1"
    rubric: str = ""  # "" for the first, which has no place for one

    @property
    def id(self) -> str:
        """Return the hash of its words."""
        return sha256(f"{llm.versioned(self.prompt)}\0{self.rubric}")[:8]

    def of(self, model: str) -> str:
        """Return the name under which a judge is measured. Another model, or other instructions, is another judge."""
        return f"{model}:{llm.versioned(self.prompt)}" + f":{self.id}" * bool(self.rubric)


@lru_cache(maxsize=64)
def instructions(version: Version) -> Prompt:
    """Return the instructions of a version, its rubric in them."""
    return llm.prompt(version.prompt, rubric=version.rubric)


def in_force(store: Store) -> Version:
    """Return the version that judges now."""
    put = (entry.detail for entry in store.audit.entries(CHANGED) if entry.detail["put"])
    newest = next(put, None)
    return Version(newest["prompt"], newest["rubric"]) if newest else Version()


def status(store: Store, model: str, version: Version | None = None) -> tuple[bool, str]:
    """Measure how well a version (that in force) judged so far: return whether it is heard, and why, for a person."""
    name = (version or in_force(store)).of(model)
    opinions = [item for item in store.evaluations.opinions() if item.judge == name]
    decided = [(item.approves, item.person) for item in opinions if item.person is not None]
    if len(decided) < ENOUGH:
        return True, f"judge not measured yet: {len(decided)} of {ENOUGH} decisions"
    share = sum(item.consistent for item in opinions) / len(opinions)
    swapped = f"the same in either order {share:.0%} of the time"
    on, overall = steady(decided), kappa(decided)
    told = f"{overall or 'no agreement to measure'} with your decisions"
    return on, f"judge {'on' if on else 'off'}: {told}, {swapped}"


def steady(decided: Sequence[tuple[bool, bool]]) -> bool:
    """Return whether a judge is to be heard after what it and the person said, oldest first.

    By turns, a CUSUM test for a fall and one for a rise (Page 1954, doi:10.1093/biomet/41.1-2.100): they add up how much
    likelier each decision is with BAD than with GOOD, or the reverse. False alarms and delays: docs/figures.md.
    """
    apart, on, evidence = 1 - chance(decided), True, 0.0
    if not apart:  # both always said the same one thing
        return False
    for approves, person in decided:
        bad, good = ((1 - k) * apart if approves != person else 1 - (1 - k) * apart for k in (BAD, GOOD))
        evidence = max(0.0, evidence + math.log(bad / good) * (1 if on else -1))
        if evidence > BEYOND:
            on, evidence = not on, 0.0
    return on


def chance(rated: Sequence[tuple[bool, bool]]) -> float:
    """Return how often two raters would agree by chance, by how often each says yes."""
    first, second = (sum(pair[i] for pair in rated) / len(rated) for i in (0, 1))
    return first * second + (1 - first) * (1 - second)


class Kappa(NamedTuple):
    """Agreement beyond chance of two raters who say yes or no, with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"kappa {self.value:.2f} ({self.low:.2f} to {self.high:.2f}, {self.n} decisions)"


def kappa(pairs: Iterable[tuple[bool, bool]]) -> Kappa | None:
    """Return Cohen's kappa (doi:10.1177/001316446002000104), its interval for large samples; None where it is not defined."""
    rated = list(pairs)
    n = len(rated)
    if not n or (by_chance := chance(rated)) >= 1:
        return None
    observed = sum(a == b for a, b in rated) / n
    value = (observed - by_chance) / (1 - by_chance)
    error = 1.96 * math.sqrt(observed * (1 - observed) / n) / (1 - by_chance)
    return Kappa(value, max(-1.0, value - error), min(1.0, value + error), n)


def rise(old: Sequence[tuple[bool, bool]], new: Sequence[tuple[bool, bool]]) -> Kappa | None:
    """Return how much higher the kappa of a rater is than another's, with the 95 % interval of a paired percentile bootstrap."""
    draw, every, differences = random.Random(len(old)), range(len(old)), []
    for chosen in [[*every], *(draw.choices(every, k=len(old)) for _ in range(DRAWS))] if old else []:
        one, other = (kappa(rater[at] for at in chosen) for rater in (old, new))
        differences.append((other.value if other else 0.0) - (one.value if one else 0.0))
    if not differences:
        return None
    value, *drawn = differences
    drawn.sort()
    return Kappa(value, drawn[DRAWS // 40], drawn[-DRAWS // 40], len(old))


def meets(client: ModelClient, case: Case, answer: str, commands: Sequence[str], model: str) -> Mark | None:
    """Ask whether an answer meets a case's rubric; None where the judge gave no usable answer."""
    asked = {"requirement": case.expected.rubric, "situation": case.situation[-1].text}
    data = {**asked, "answer": answer, "commands": list(commands)}
    value = client.complete(Request("rubric", model, llm.prompt("rubric.v2"), data, _RUBRIC)).value
    return None if value is None else value["answer"]


def opinion(client: ModelClient, store: Store, proposal: Proposal, old: str, new: str, model: str) -> Check:
    """Ask which text the person would want, in both orders, and remember it. A soft check: it can only demote."""
    version = in_force(store)
    said = ask(client, version, [item.quote for item in proposal.evidence], old, new, model)
    told = {"approves": said.approves, "consistent": said.consistent}
    store.evaluations.save_opinion(proposal.id, version.of(model), **told, said=said.why)
    detail = f"the judge would {'not ' * (not said.approves)}take it"
    detail = detail if said.consistent else "the judge could not decide"
    return Check("judge", passed=said.approves, hard=False, detail=detail)


class Said(NamedTuple):
    """What a judge said of one edit."""

    score: int  # orders in which it took the new text, less those in which it took the old one
    consistent: bool  # it said the same in both
    why: str

    @property
    def approves(self) -> bool:
        """Whether it takes the new text in either order."""
        return self.score == len(_SHOWN)


def ask(client: ModelClient, version: Version, quotes: Sequence[str], old: str, new: str, model: str) -> Said:
    """Ask a version of the judge in both orders. Raises BudgetExceeded, ModelError."""
    useless = {"better": "neither", "why": "no usable answer"}
    answers = [client.complete(each).value or useless for each in requests(version, quotes, old, new, model)]
    said = zip(answers, _SHOWN, strict=True)
    votes = [{newer: 1, "neither": 0}.get(answer["better"], -1) for answer, (_, newer) in said]
    why = redact.clean(" / ".join(answer["why"] for answer in answers), 600)
    return Said(sum(votes), len(set(votes)) == 1, why)


def requests(version: Version, quotes: Iterable[str], old: str, new: str, model: str) -> list[Request]:
    """Return the two questions to a version of the judge: the same texts in both orders."""
    said, texts = [" ".join(quote.split()) for quote in quotes], differing(old, new)
    shown = [{"words": said, **dict(zip(names, texts, strict=True))} for names in _SHOWN]
    return [Request("judge", model, instructions(version), data, _CHOICE) for data in shown]


@lru_cache(maxsize=512)
def differing(old: str, new: str) -> tuple[str, str]:
    """Return the lines of each text in which they differ, with two lines around each place, redacted."""
    lines = old.splitlines(), new.splitlines()
    places = list(SequenceMatcher(None, *lines, autojunk=False).get_grouped_opcodes(2))
    spans = [(place[0][1:4:2], place[-1][2:5:2]) for place in places]
    parts = ["\n…\n".join("\n".join(lines[i][a[i] : b[i]]) for a, b in spans) for i in (0, 1)]
    return redact.clean(parts[0], 2000), redact.clean(parts[1], 2000)


def copies_hidden_answer(proposal: Proposal, hidden: Iterable[str], known: Iterable[str]) -> Check:
    """Check, hard, that no edit carries over what is `hidden` (of cases, of the judge), beyond the words in `known` texts."""
    open_text, lines = "\n".join(known).casefold(), [(edit.new or "").casefold() for edit in proposal.edits]
    allowed, copied = _runs(open_text), False
    for secret in map(str.casefold, hidden):
        for line in lines:
            whole = len(secret) >= 8 and secret in line and secret not in open_text
            copied = copied or whole or bool((_runs(line) & _runs(secret)) - allowed)
    detail = f"{'an' if copied else 'no'} edit repeats words of a check or of the judge"
    return Check("transcription", passed=not copied, detail=detail)


def _runs(text: str) -> set[tuple[str, ...]]:
    tokens = words.tokens(text)
    return {tuple(tokens[n : n + RUN]) for n in range(len(tokens) - RUN + 1)}


def demoted(verdict: Verdict, checks: Iterable[Check]) -> Verdict:
    """Return a verdict with further checks. It can come out lower than before, never higher."""
    more = tuple(checks)
    failed = [Outcome.DISCARD if check.hard else Outcome.DEFER for check in more if not check.passed]
    outcome = max((verdict.outcome, *failed), key=_ORDER.index)
    return Verdict(outcome, verdict.checks + more)
