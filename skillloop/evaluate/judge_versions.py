"""Versions of the judge: written from the person's decisions, chosen by them, and put into force by those that no choice saw.

A model writes rubrics from what the person took and turned down (after Eureka, arXiv 2310.12931). The version that agrees best
with these decisions and with injected defects takes the place of the one in force only if, on other decisions, Cohen's kappa
rises beyond the 95 % interval of the rise (paired bootstrap), and if it is not worse on defects of other kinds (after
Self-Rewarding Language Models, arXiv 2401.10020). Invariants: a decision tells at most once, and only before it chose; every
trial is in the audit log; what a person pinned stays. That the person may have seen the old one's opinion speaks for the old one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from skillloop import llm
from skillloop.errors import Refused, SkillloopError, UsageError
from skillloop.evaluate import defects, judge
from skillloop.evaluate.defects import Example
from skillloop.evaluate.judge import CHANGED, Kappa, Said, Version, in_force
from skillloop.llm import ModelClient, ModelError, Request
from skillloop.model import sha256
from skillloop.skills import document
from skillloop.store import Store
from skillloop.text import redact

PROMPTS = ("judge.v2", "judge.v3")  # that have a place for a rubric
RUBRICS, CRITERIA = 3, 6  # written in one trial; lines of each
CHOOSING, TELLING = 30, 60  # decisions, at most; with 700 questions a trial comes to two or three dollars
LEAST = 30  # decisions on either side: with 20 that tell, one of a hundred worse judges got through
EXAMPLES = 18  # injected defects and sound edits that choose, and as many that tell
_SCHEMA = llm.schema(rubrics={"type": "array", "items": {"type": "string"}})


class Trial(NamedTuple):
    """What came of trying other versions."""

    new: Version  # the one that agreed best
    rise: Kappa | None  # of its kappa over the old one's, on decisions that no choice saw
    unseen: Kappa | None  # the same on injected defects of unseen kinds
    tried: int  # versions

    @property
    def better(self) -> bool:
        """Whether the new one is to take the old one's place."""
        worse = self.unseen is not None and self.unseen.high < 0
        return self.rise is not None and self.rise.low > 0 and not worse

    @property
    def why(self) -> str:
        """Return the figures, for a person."""
        parts = [(self.rise, "decisions"), (self.unseen, "injected defects of unseen kinds")]
        return f"the best of {self.tried}: " + "; ".join(
            f"kappa {each.value:+.2f} ({each.low:+.2f} to {each.high:+.2f}) on {each.n} {what}"
            for each, what in parts
            if each is not None
        )


def decisions(store: Store) -> list[tuple[str, Example]]:
    """Return the edits that a person took or turned down, oldest first, each behind the lot of its session; not those whose text is lost."""
    found = []
    for queued in store.proposals(states=("applied", "rejected")):
        item, data = queued.proposal, store.versions.content(queued.proposal.base)
        if queued.by == "person" and data is not None:
            try:
                old = document.decode(data, item.path)
                new = document.apply(old, item.edits, item.path)
            except SkillloopError:
                continue
            said = tuple(each.quote for each in item.evidence)
            why = queued.reason if queued.state == "rejected" else ""
            example = Example(said, old, new, queued.state == "applied", edit=item.id, why=why)
            found.append((sha256(item.session_id)[-1], example))
    return found


def split(store: Store) -> tuple[list[Example], list[Example]]:
    """Split the decisions into those that choose and those that tell, by sessions; what either did once chooses from then on."""
    known = decisions(store)
    seen = {name for entry in store.audit.entries(CHANGED) for name in entry.detail.get("seen", ())}
    few = sum(each.edit in seen for _, each in known) < LEAST
    tell = [each for lot, each in known if each.edit not in seen and (not few or lot in "13579bdf")]
    told = {each.edit for each in tell}
    return [each for _, each in known if each.edit not in told][-CHOOSING:], tell[:TELLING]


def asked(client: ModelClient, version: Version, model: str, items: Sequence[Example]) -> list[Said]:
    """Return what a version says of each edit. Raises BudgetExceeded, ModelError."""
    return [judge.ask(client, version, each.said, each.old, each.new, model) for each in items]


def rated(said: Iterable[Said], items: Iterable[Example]) -> list[tuple[bool, bool]]:
    """Return whether each edit was taken, and whether it should have been."""
    return [(each.approves, item.wanted) for each, item in zip(said, items, strict=True)]


def written(client: ModelClient, model: str, items: Sequence[Example]) -> list[Version]:
    """Have rubrics written from decisions. Raises BudgetExceeded, ModelError."""
    told = [
        {"words": list(each.said), "took": each.wanted, "why not": each.why}
        | dict(zip(("before", "after"), judge.differing(each.old, each.new), strict=True))
        for each in items
    ]
    prompt = llm.prompt("rubrics.v1", count=RUBRICS, most=CRITERIA)
    reply = client.complete(Request("rubrics", model, prompt, {"decisions": told}, _SCHEMA))
    if reply.value is None:
        raise ModelError(f"no rubrics: {reply.trouble}")
    lines = [text.strip().splitlines()[:CRITERIA] for text in reply.value["rubrics"][:RUBRICS]]
    rubrics = [redact.clean("\n".join(each), 1500) for each in lines if each]
    return [Version(PROMPTS[0], rubric) for rubric in dict.fromkeys(rubrics)]


def improve(client: ModelClient, store: Store, model: str, skills: Sequence[str]) -> Trial:
    """Try other versions, put the best into force if it is better beyond noise, and record the trial.

    Defects are injected into the texts of `skills`. Raises Refused: a version is pinned; UsageError: too few decisions;
    BudgetExceeded, ModelError: see `ModelClient.complete`.
    """
    if pinned(store):
        raise Refused("a version of the judge is pinned", "let others be tried again with --unpin")
    choose, tell = split(store)
    if min(len(choose), len(tell)) < LEAST:
        wanted = f"{LEAST} of each are needed"
        raise UsageError(f"{len(choose)} decisions to choose a version and {len(tell)} to test it; {wanted}")
    trial, said = compare(client, model, in_force(store), choose, tell, skills)
    new = trial.new
    with store.transaction():
        seen = [each.edit for each in (*choose, *tell)]
        record(store, new, trial.why, put=trial.better, seen=seen)
        for item, each in zip(tell, said, strict=True) if trial.better else ():
            store.evaluations.save_opinion(
                item.edit, new.of(model), approves=each.approves, consistent=each.consistent, said=each.why
            )
    return trial


def compare(
    client: ModelClient,
    model: str,
    old: Version,
    choose: Sequence[Example],
    tell: Sequence[Example],
    skills: Sequence[str],
) -> tuple[Trial, list[Said]]:
    """Choose the best of the versions that are written, and compare it with the old one; what it said where that tells."""
    versions = [each for each in written(client, model, choose) if each != old]
    if not versions:
        raise ModelError("no rubric that was written differs from the one in force")
    training = [*choose, *defects.drawn(skills, defects.TUNED, EXAMPLES)]

    @cache
    def agreement(version: Version) -> tuple[float, int]:
        found = judge.kappa(rated(asked(client, version, model, training), training))
        return found.value if found else -1.0, -len(version.rubric)  # of equals the shorter

    best = max(versions, key=agreement)
    new = max((replace(best, prompt=prompt) for prompt in PROMPTS), key=agreement)
    other = defects.drawn(skills, defects.UNSEEN, EXAMPLES)
    before, after = ([asked(client, each, model, on) for on in (tell, other)] for each in (old, new))
    rise, unseen = (
        judge.rise(rated(a, on), rated(b, on)) for a, b, on in zip(before, after, (tell, other), strict=True)
    )
    return Trial(new, rise, unseen, len(versions) + len(PROMPTS) - 1), after[0]


def record(store: Store, version: Version, why: str, *, put: bool, **more: Any) -> None:
    """Write down that a version was tried, and whether it judges from now on."""
    told: dict[str, Any] = {"judge": version.id, "prompt": version.prompt, "rubric": version.rubric}
    store.record(CHANGED, **told, put=put, why=why, **more)


def pinned(store: Store) -> bool:
    """Return whether a person said that the version in force stays."""
    told = (entry.detail["pinned"] for entry in store.audit.entries(CHANGED) if "pinned" in entry.detail)
    return bool(next(told, False))


def known(store: Store) -> dict[str, tuple[Version, str]]:
    """Return every version that was ever tried with what was last said of it, by id; the one it began with comes first."""
    found = {Version().id: (Version(), "the one that skillloop came with")}
    for entry in store.audit.entries(CHANGED)[::-1]:
        version = Version(entry.detail["prompt"], entry.detail["rubric"])
        found[version.id] = version, entry.detail["why"]
    return found
