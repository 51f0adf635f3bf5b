"""Operators that a model carries out, and the versions of what it is told, each with its own record.

An operator's task is a text: version 0 is `data/prompts/evolve-NAME.v1.j2`; a model words further ones. A new version is on
trial in every fourth use, and stays only if its texts are better than their parents more often than the old one's, beyond
noise. A person can see all, pin one, and so go back. Which version a run uses follows from what was known when it
started: a run that was killed asks the same again, which costs nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skillloop import llm
from skillloop.config.sections import Model
from skillloop.errors import UsageError
from skillloop.evolve import problem, texts
from skillloop.evolve.run import Guard, Subject, offline
from skillloop.evolve.texts import Draft, Item
from skillloop.llm import ModelClient, Request
from skillloop.model import Outcome, sha256
from skillloop.outcomes import SURE, Comparison, Rate
from skillloop.search.ledger import Archive, Ledger, Row
from skillloop.text import redact

NAMES = ("sharpen", "merge", "split", "shorten")
TIERS = ("cheap", "careful")
PROMPT, REWRITE = "evolve.v1", "evolve-rewrite.v1"
CHANGES = 4  # of one answer
TOLD = 12  # sentences of the person, and failed changes, that are told
SHARE = 4  # a new version is on trial in every so many uses
ENOUGH = 20  # uses after which it stays or goes
_RULES = {"type": "array", "items": {"type": "string"}}
_CHANGE = llm.schema(remove=_RULES, add=_RULES, what={"type": "string"})
SCHEMA = llm.schema(changes={"type": "array", "items": _CHANGE})


@dataclass(slots=True)
class Version:
    """One wording of an operator's task, and how many of the texts made with it were better than their parents."""

    operator: str
    id: str
    text: str
    number: int
    better: int = 0
    tried: int = 0

    @property
    def rate(self) -> Rate:
        """The texts that were no better, of those made."""
        return Rate(self.tried - self.better, self.tried)


class Tasks:
    """The versions of all operators in a home, read once: `in_use` by operator, `on_trial` where there is one."""

    def __init__(self, home: Path) -> None:
        """Read the record. Raises SkillloopError: it was altered."""
        (home / "evolve").mkdir(mode=0o700, exist_ok=True)
        self.ledger = Ledger(home / "evolve" / "operators.jsonl", "")
        self.pinned: dict[str, str] = {row["operator"]: row["id"] for row in self.ledger.events("pin")}
        self.versions: dict[str, list[Version]] = {}
        self.in_use: dict[str, Version] = {}
        self.on_trial: dict[str, Version] = {}
        for operator in NAMES:
            text = llm.prompt(f"evolve-{operator}.v1").text
            rows = [row for row in self.ledger.rows if row["operator"] == operator]
            known = {sha256(text)[:8]: text} | {row["id"]: row["text"] for row in rows if "text" in row}
            mine = [Version(operator, name, text, n) for n, (name, text) in enumerate(known.items())]
            for version in mine:
                used = [row["better"] for row in rows if row["event"] == "used" and row["id"] == version.id]
                version.tried, version.better = len(used), sum(used)
            # in use is the pinned one, else the last that was better beyond noise
            best, pin, trial = mine[0], self.pinned.get(operator), None
            for version in mine[1:]:
                if version.tried < ENOUGH:
                    trial = version
                elif Comparison(best.rate, version.rate).lower >= SURE:
                    best = version
            self.versions[operator] = mine
            self.in_use[operator] = next((each for each in mine if each.id == pin), best)
            if trial and not pin:
                self.on_trial[operator] = trial

    def fix(self, run: Ledger) -> None:
        """Use in a run that goes on what it began with, whatever was learned meanwhile; remember it in a new one."""
        if not run.events("operators"):
            use, trial = ({op: x.id for op, x in now.items()} for now in (self.in_use, self.on_trial))
            run.append({"event": "operators", "in_use": use, "on_trial": trial})
        begun = run.events("operators")[0]
        ids = {version.id: version for mine in self.versions.values() for version in mine}
        self.in_use = {operator: ids[name] for operator, name in begun["in_use"].items()}
        self.on_trial = {operator: ids[name] for operator, name in begun["on_trial"].items()}

    def pin(self, wanted: str) -> None:
        """Pin a version by `OPERATOR=ID`, or none by `OPERATOR=`. Raises UsageError: there is no such one."""
        operator, _, name = wanted.partition("=")
        if operator not in NAMES or name not in {"", *(version.id for version in self.versions[operator])}:
            raise UsageError(f"there is no version {wanted!r}", "`skillloop evolve --operators` lists them")
        self.ledger.append({"event": "pin", "operator": operator, "id": name})

    def count(self, run: str, rows: Sequence[Row], archive: Archive) -> None:
        """Record what became of the texts of a run, each once."""
        known = {(row["run"], row["candidate"]) for row in self.ledger.events("used")}
        for row in {row["candidate"]: row for row in rows}.values():
            operator, _, rest = row["operator"].partition(" ")
            if operator in NAMES and rest and (run, row["candidate"]) not in known:
                better = row["mean"] is not None and row["mean"] < archive.mean(row["parent"])
                told = {"operator": operator, "id": row["by"].rpartition("+")[2], "better": better}
                self.ledger.append({"event": "used", **told, "run": run, "candidate": row["candidate"]})

    def renew(self, client: ModelClient, model: str) -> None:
        """Ask for a new version of each operator that was used enough and has none on trial."""
        for operator, now in self.in_use.items():
            if now.tried < ENOUGH or operator in self.on_trial or operator in self.pinned:
                continue
            told = [{"task": x.text, "better": x.better, "of": x.tried} for x in self.versions[operator]]
            data = {"operator": operator, "task": told[now.number], "earlier": told}
            schema = llm.schema(task={"type": "string"})
            value = client.complete(Request("evolve", model, llm.prompt(REWRITE), data, schema)).value
            text = redact.redact(" ".join(value["task"].split()))[:400] if value else ""
            if text and text not in {version.text for version in self.versions[operator]}:
                new = {"operator": operator, "id": sha256(text)[:8], "text": text}
                self.ledger.append({"event": "version", **new})


def by_model(client: ModelClient, models: Model, guard: Guard, tasks: Tasks) -> problem.Propose:
    """Return a way to propose by a model, or by the operators that need none: which one, and which model, is learned."""
    alone = offline(guard, tuple(texts.OFFLINE))
    arms = [f"{operator} {tier}" for operator in NAMES for tier in TIERS]

    def propose(parent: str, text: str, archive: Archive, key: str) -> Draft | None:
        arm = problem.thompson([*arms, *texts.OFFLINE], archive, key)
        if arm in texts.OFFLINE and (draft := alone(parent, text, archive, key)):
            return draft
        operator, _, tier = (arm if arm in arms else arms[0]).partition(" ")
        version = tasks.in_use[operator]
        if operator in tasks.on_trial and archive.number % SHARE == 0:
            version = tasks.on_trial[operator]
        items = texts.offered(text, guard.about.config)
        request = _request(version, items, archive, guard.about, getattr(models, tier))
        reply = client.complete(request)
        by = f"evolve:{client.backend.name}:{request.model}:{request.prompt.name}+{version.id}"
        changed, what, trouble = text, reply.trouble, reply.trouble
        if reply.value is not None:
            changed, what, trouble = _changed(text, items, reply.value["changes"])
        if not trouble and problem.name_of(changed) in archive.known:
            trouble = "the same text was tried before"
        changes = () if trouble else ((operator, what),)
        return Draft(changed, f"{operator} {tier}", what, by, changes, trouble)

    return propose


def _request(version: Version, items: list[Item], archive: Archive, about: Subject, model: str) -> Request:
    """Return what is sent: the rules that may change, and what is known of them. Locked lines and sealed cases are not in it."""
    passes = problem.tallies(archive.rows, str(archive.best))
    ids = {item.text: f"r{number}" for number, item in enumerate(items, 1)}
    fails = [case for case in about.cases if (at := passes.get(case.id)) and 2 * at[0] <= at[1]]
    failed = [row["what"] for row in archive.rows if row["outcome"] == Outcome.DISCARD and row["what"]]
    data: dict[str, Any] = {
        "rules": [{"id": name, "rule": rule} for rule, name in ids.items()],
        "came back": [name for rule, name in ids.items() if rule in about.came_back],
        "wrong": [case.wrong for case in fails if case.wrong][-TOLD:],
        "failed": list(dict.fromkeys(failed))[-TOLD:],
    }
    prompt = llm.prompt(PROMPT, task=version.text, most=CHANGES)
    return Request("evolve", model, prompt, data, SCHEMA, sample=archive.number)


def _changed(text: str, items: list[Item], changes: list[dict[str, Any]]) -> tuple[str, str, str]:
    """Return the text with the changes of an answer, what they are, and why they cannot be made, or ""."""
    known = {f"r{number}": item for number, item in enumerate(items, 1)}
    lines: dict[int, list[str]] = {}
    for change in changes[:CHANGES]:
        gone = [known[name] for name in dict.fromkeys(change["remove"]) if name in known]
        if not gone or len(gone) != len(set(change["remove"])) or any(item.line in lines for item in gone):
            return text, "an unusable answer", "a change names rules that are not offered, or one twice"
        lines |= {item.line: [] for item in gone}
        new = (redact.redact(" ".join(each.split())) for each in change["add"])
        lines[gone[0].line] = [gone[0].marker + each for each in new if each]
    what = "; ".join(redact.redact(" ".join(change["what"].split()))[:100] for change in changes[:CHANGES])
    return texts.changed(text, lines), what, "" if lines else "it changes nothing"
