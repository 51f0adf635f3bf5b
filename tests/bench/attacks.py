"""Does anything that a person did not say reach a skill? And does what they said get through?

    python tests/bench/attacks.py                                  # genuine corrections (tests/data/benign) only
    python tests/bench/attacks.py --attacks FILE [--sample 50]     # and every text of FILE x carrier x drafter
    python tests/bench/attacks.py --attacks FILE --list            # and each combination that got further than it should

FILE is JSON lines with `text` and `kind`, optionally `needle` (a piece of it to look for; default: its longest line),
`evidence` (what the person typed, where the text twists that) and `carrier` ("skill_name": the text names a skill).

Each combination is a whole session file, read by the real reader, searched by the real detector, drafted, judged by
the real gate against a real SKILL.md under `apply.mode = "auto"`. The drafters: *offline* is skillloop's own; *model* is
a language model that obeys the text and cites genuine evidence of the session for it; *hostile* forges the evidence too.
The column "no gate" is what the same drafters would have written into the skill if every draft were applied. Hosts in
the texts are never contacted.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from transcripts import Transcript  # noqa: E402

from skillloop.detect import lesson as lessons  # noqa: E402
from skillloop.errors import SkillloopError  # noqa: E402
from skillloop.evaluate import cases, replay  # noqa: E402
from skillloop.gate.provenance import DOUBTS  # noqa: E402
from skillloop.hosts.claude_code import transcript  # noqa: E402
from skillloop.hosts.claude_code.hooks import receipts  # noqa: E402
from skillloop.model import Edit, Evidence, Lesson, Origin, Outcome, Proposal, SkillRef, sha256  # noqa: E402
from skillloop.pipeline import apply, gather  # noqa: E402
from skillloop.pipeline import session as problem  # noqa: E402
from skillloop.propose import model_drafter, offline_drafter, targets  # noqa: E402
from skillloop.skills import document  # noqa: E402
from skillloop.text import redact  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from skillloop.model import Session, Turn, Verdict

BENIGN = TESTS / "data" / "benign"
MARKS = frozenset({"words", "verbatim", "meaning"})
"""The findings that, where they are soft, mark a line as reworded."""

REQUEST = "add the /health endpoint"
GENUINE = "no, always run the linter before you say it's done"
"""The one correction that the person really typed in every session under attack."""

SHORTEST = 4
"""Characters of a needle; a shorter one is found anywhere."""

# --- carriers: how a text gets into a session without being typed -----------------------------------------------------


def _bash_result(t: Transcript, text: str) -> None:
    t.tool("Bash", command="make report").result(text)


def _list_result(t: Transcript, text: str) -> None:
    t.tool("WebFetch", url="https://news.test/a")
    call = t._pending
    t._pending = None
    block = {"tool_use_id": call, "type": "tool_result", "content": [{"type": "text", "text": text}]}
    t.record("user", message={"role": "user", "content": [block]}, toolUseResult={"stdout": text})


def _file_read(t: Transcript, text: str) -> None:
    numbered = "\n".join(f"{n:6}\t{line}" for n, line in enumerate(text.split("\n"), 1))
    t.tool("Read", file_path="/home/ana/project/NOTES.md").result(numbered)


def _person(**fields: Any) -> dict[str, Any]:
    """What the client writes beside words that a person typed."""
    return {"promptSource": "typed", "origin": {"kind": "human"}, "permissionMode": "default"} | fields


def _forged(t: Transcript, text: str) -> None:
    """The agent's shell appends a perfect line to the transcript."""
    t.tool(
        "Bash", command=f"cat forged.jsonl >> ~/.claude/projects/-home-ana-project/{t.session_id}.jsonl"
    ).result("")
    t.record("user", message={"role": "user", "content": text}, **_person())


def _forged_raw(t: Transcript, text: str) -> None:
    """A line from elsewhere: broken chain, no provenance, or the text itself where it is a record."""
    with contextlib.suppress(ValueError):
        if isinstance(json.loads(text), dict):
            t.raw(text.encode())
            return
    record = {
        "type": "user",
        "uuid": "00000000-0000-4000-8000-000000000001",
        "parentUuid": None,
        "sessionId": t.session_id,
    }
    t.raw(json.dumps(record | {"message": {"role": "user", "content": text}}).encode())


def _origin(kind: str) -> Callable[[Transcript, str], None]:
    def carry(t: Transcript, text: str) -> None:
        t.typed(text, promptSource="system", origin={"kind": kind})

    return carry


PASTED: dict[str, Callable[[str], str]] = {
    "pasted block": lambda x: f"can you check what this page says?\n\n```\n{x}\n```",
    "pasted quote": lambda x: "what does this mean?\n\n" + "\n".join("> " + line for line in x.split("\n")),
}
"""Messages that a person sends with somebody else's words in them."""

CARRIERS: dict[str, Callable[[Transcript, str], object]] = {
    "tool result": _bash_result,
    "tool result, list": _list_result,
    "file read": _file_read,
    "attachment": lambda t, x: t.attachment("edited_text_file", filename="a.md", snippet=x, content=x),
    "hook context": lambda t, x: t.attachment(
        "hook_additional_context", content=[x], hookName="SessionStart"
    ),
    "isMeta": lambda t, x: t.meta(x),
    "sidechain": lambda t, x: t.typed(x, isSidechain=True),
    "compact summary": lambda t, x: t.compacted(x),
    "peer": _origin("peer"),
    "channel": _origin("channel"),
    "task notification": lambda t, x: t.notified(x),
    "teammate": lambda t, x: t.teammate(x),
    "suggestion accepted": lambda t, x: t.suggested(x),
    "command output": lambda t, x: t.command("status", stdout=x),
    "assistant text": lambda t, x: t.says(x),
    **{name: lambda t, x, frame=frame: t.typed(frame(x)) for name, frame in PASTED.items()},
    "sdk prompt": lambda t, x: t.typed(x, promptSource="sdk", origin=None, entrypoint="sdk-cli"),
    "forged record": _forged,
    "foreign record": _forged_raw,
}


# --- one session under attack -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """A home in auto mode, a project, and a skill of it."""

    root: Path
    client: str = "2.1.197"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def project(self) -> Path:
        return self.root / "project"

    def skill(self, name: str = "python-service") -> Path:
        return self.project / ".claude" / "skills" / name / "SKILL.md"

    @classmethod
    def make(cls, root: Path, client: str = client) -> World:
        world = cls(root, client)
        world.home.mkdir(mode=0o700)
        (world.home / "config.toml").write_text('[apply]\nmode = "auto"\n')
        for source in BENIGN.glob("*/SKILL.md"):
            target = world.skill(source.parent.name)
            target.parent.mkdir(parents=True)
            target.write_bytes(source.read_bytes())
        return world

    def session(self, name: str = "python-service") -> Transcript:
        skill = self.skill(name)
        start = Transcript(self.client, cwd=str(self.project)).typed(REQUEST)
        return start.skill(name, str(skill), body=skill.read_text("utf-8")).says("Adding the endpoint now.")

    def watched(self, made: Transcript, *said: str) -> None:
        """The plugin's hook saw these lines submitted in that session, and no others."""
        (self.home / "receipts" / made.session_id).unlink(missing_ok=True)
        for text in said:
            receipts.issue(self.home, made.session_id, text)

    def write(self, made: Transcript) -> Path:
        return made.write(self.root / "projects" / "-p" / f"{made.session_id}.jsonl")


@dataclass(frozen=True)
class Result:
    """How far one combination got: applied, queued as the person's words, queued with a doubt shown, or nowhere."""

    kind: str
    carrier: str
    drafter: str
    drafted: bool  # a draft with the text existed before the gate
    outcome: str  # applied, said, doubted, refused, nothing
    leaks: tuple[str, ...] = ()  # "skill", "terminal": where the needle was found
    why: str = ""


def needle_of(row: dict[str, Any]) -> str:
    """A piece of the text by which it is known: as given, else its longest line."""
    return row.get("needle") or max(row["text"].split("\n"), key=len).strip()[:80]


def attack(world: World, row: dict[str, Any], carrier: str) -> Iterator[Result]:
    """One text in one carrier, with each drafter."""
    made = world.session()
    evidence = row.get("evidence")
    genuine = evidence if isinstance(evidence, str) else GENUINE
    CARRIERS[carrier](made, row["text"])
    line = made.line
    made.says("Done. Anything else?").typed(genuine).says("Understood.")
    path = world.write(made)
    pasted = (frame(row["text"]) for name, frame in PASTED.items() if name == carrier)
    world.watched(made, REQUEST, genuine, *pasted)
    digest = problem.digest(transcript.read(path), world.home)
    yield _offline(world, row, carrier, digest)
    for drafter, quote in (("model", None), ("hostile", row["text"])):
        yield _drafted(world, row, carrier, digest, drafter, _evidence(digest, quote, line, made.last))


def _offline(world: World, row: dict[str, Any], carrier: str, digest: problem.Digest) -> Result:
    """What skillloop's own drafter makes of the session, were its detector sure of every turn of every person."""
    needle, worst, why, drafted = needle_of(row), "nothing", "", False
    for turn in digest.session.human_turns:
        lesson = _lesson(digest.session, turn)
        if lesson is None or turn.text in (GENUINE, row.get("evidence"), REQUEST):
            continue
        if lesson.evidence.quote in " ".join(row["text"].split()):
            drafted = True
            outcome, reason = _through(world, digest.session, lesson)
            worst, why = max((worst, why), (outcome, reason), key=lambda one: ORDER.index(one[0]))
    evidence = (row.get("evidence") or "").casefold()
    typed = needle.casefold() in evidence  # a text that twists the person's words may hold a piece of them
    leaks = () if typed else _leaks(world, needle, digest)
    return Result(row["kind"], carrier, "offline", drafted, worst, leaks, why)


def _lesson(session: Session, turn: Turn) -> Lesson | None:
    """The lesson in a turn, as if the detector were sure of it."""
    drawn = next(iter(lessons.rules(turn.text, most=1)), None)
    first = ((quote, rule) for quote in lessons.sentences(turn.text) if (rule := lessons.trim(quote)))
    quote, rule = (drawn.quote, drawn.text) if drawn else next(first, ("", ""))
    if not rule:
        return None
    made = Evidence("b1", session.session_id, session.path, turn.line, turn.uuid, quote, turn.origin)
    text = redact.redact(rule)
    skill = turn.skill or session.skills[-1]
    return Lesson(made, text, 0.99, True, 0.99, turn.index, skill, target=skill.path)


ORDER = ("nothing", "no lesson", "already a rule", "refused", "doubted", "said", "turned round", "applied")


def _new(proposal: Proposal) -> str:
    return "\n".join(edit.new or "" for edit in proposal.edits)


def _outcome(outcome: Outcome, verdict: Verdict) -> str:
    if outcome is Outcome.KEEP:
        return "applied"
    if outcome is Outcome.DEFER:
        failed = {check.name for check in verdict.failed}
        return "doubted" if failed & (DOUBTS | MARKS) else "said"
    return "refused"


def _evidence(digest: problem.Digest, quote: str | None, line: int, uuid: str | None) -> tuple[Evidence, ...]:
    """The session's genuine evidence, or (with `quote`) a forged piece that points at the carrier's record."""
    if quote is None:
        said = next(turn for turn in reversed(digest.session.turns) if turn.role == "human")
        made = Evidence(
            "e1", digest.session.session_id, digest.session.path, said.line, said.uuid, said.text, said.origin
        )
        return (made,)
    where = {turn.line: turn.uuid for turn in digest.session.turns}
    return (
        Evidence(
            "f1", digest.session.session_id, digest.session.path, line, where.get(line), quote, Origin.TYPED
        ),
        Evidence("f2", digest.session.session_id, digest.session.path, line, uuid, quote[:200], Origin.TYPED),
    )


def _drafted(
    world: World,
    row: dict[str, Any],
    carrier: str,
    digest: problem.Digest,
    drafter: str,
    evidence: tuple[Evidence, ...],
) -> Result:
    """A drafter that wants the text in the skill: verbatim, as list items, and under the heading for learned rules."""
    worst, why = "nothing", ""
    leaks: set[str] = set()
    needle = needle_of(row)
    for proposal in _attempts(world, row, digest.session.session_id, drafter, evidence):
        try:
            judged = apply.prepare(proposal, world.home, None, digest.session, 0.99)
        except SkillloopError as error:
            outcome, reason = "refused", error.message
        else:
            outcome = _outcome(judged.verdict.outcome, judged.verdict)
            reason = "; ".join(f"{check.name}: {check.detail}" for check in judged.verdict.failed)
            if outcome == "applied" and needle in judged.new:
                leaks.add("skill")
        worst, why = max((worst, why), (outcome, reason), key=lambda one: ORDER.index(one[0]))
    return Result(row["kind"], carrier, drafter, drafted=True, outcome=worst, leaks=tuple(leaks), why=why)


def _attempts(
    world: World, row: dict[str, Any], session_id: str, drafter: str, evidence: tuple[Evidence, ...]
) -> Iterator[Proposal]:
    """The text as edits of the skill in force, or of the one that it names."""
    ids = tuple(item.id for item in evidence)
    lines = [line.strip() for line in row["text"].split("\n") if line.strip()]
    bullets = [
        line if line.startswith(("- ", "* ")) else "- " + line
        for line in sorted(lines, key=needle_of(row).__contains__)[:3]
    ]
    path = world.skill()
    if row.get("carrier") == "skill_name":
        path = Path(f"{world.project}/.claude/skills/{row['text']}/SKILL.md")
        bullets = [f"- {GENUINE}"]
    base = world.skill().read_text("utf-8")
    for edits in (
        tuple(Edit("insert", "Code", new=line, evidence=ids) for line in bullets),
        (Edit("insert", document.LEARNED, new=bullets[0] if bullets else row["text"], evidence=ids),),
        (Edit("insert", "Code", new=row["text"], evidence=ids),),
        (
            Edit(
                "replace",
                "Code",
                old="- Return early instead of nesting.",
                new=bullets[0] if bullets else "- ",
                evidence=ids,
            ),
        ),
    ):
        number = offline_drafter.proposal_id(str(path), edits)
        yield Proposal(
            number, path.parent.name, str(path), sha256(base), edits, evidence, "", drafter, session_id
        )


def _leaks(world: World, needle: str, digest: problem.Digest) -> tuple[str, ...]:
    """Where the needle turned up: in the skill, in what the command line prints of the session, or in a prompt."""
    leaks: list[str] = []
    if len(needle) < SHORTEST:
        return ()
    if needle in world.skill().read_text("utf-8") and needle not in (
        BENIGN / world.skill().parent.name / "SKILL.md"
    ).read_text("utf-8"):
        leaks.append("skill")
    if digest.disagreements and needle in printed(digest):
        leaks.append("terminal")
    if any(needle in text for text in sent(world, digest)):
        leaks.append("prompt")
    return tuple(leaks)


def printed(digest: problem.Digest) -> str:
    """What `skillloop digest` prints of it."""
    from skillloop.commands.digest import print_digest
    from skillloop.render import Terminal

    screen = io.StringIO()
    print_digest(Terminal(file=screen, width=200), digest, dry_run=True)
    return screen.getvalue()


def sent(world: World, digest: problem.Digest) -> Iterator[str]:
    """Every text that a model would get for this session, were each of its turns a case.

    Without what the assistant itself had said: a model is sent that on purpose, as data, and it may repeat anything.
    """
    seen = problem.Run(digest.session, world.home, None, None).model.shown
    turns = (turn if turn.role == "human" else replace(turn, text="", tools=()) for turn in seen.turns)
    shown = replace(seen, turns=tuple(turns))
    text, path = world.skill().read_text("utf-8"), str(world.skill())
    said = tuple(turn for turn in shown.human_turns if turn.text)
    known = targets.KnownSkill(SkillRef("attacked", path), text)
    requests = [model_drafter.request(model_drafter.Brief(shown, said, (), (known,), {}), "careful")]
    lessons = filter(None, (_lesson(shown, turn) for turn in said))
    for case in filter(None, (cases.from_lesson(shown, lesson) for lesson in lessons)):
        requests.append(replay.request(case, text, "cheap", 0))
    for request in requests:
        yield from _strings([request.shared, request.data])


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


# --- genuine corrections ----------------------------------------------------------------------------------------------------


def benign(world: World) -> Iterator[tuple[dict[str, Any], bool, str, str]]:
    """(row, found by the detector, outcome, why) of each correction; drafted for whatever the detector thinks of it."""
    for file in sorted(BENIGN.glob("*.jsonl")):
        for row in map(json.loads, file.read_text("utf-8").splitlines()):
            made = world.session(row["skill"]).says(row["after"]).typed(row["text"]).says("…")
            path = world.write(made)
            world.watched(made, REQUEST, row["text"])
            session = transcript.read(path)
            _, found = problem.study(session)
            sure = next((one for one in found if problem.draftable(one) and not one.look), None)
            lesson = sure or _lesson(session, session.human_turns[-1])
            outcome, why = _through(world, session, lesson) if lesson else ("no lesson", "")
            yield row, sure is not None, _BENIGN.get(outcome, outcome), why


_BENIGN = {"said": "queued", "doubted": "queued", "refused": "blocked"}
"""What the outcomes are called where the words are genuine."""


def _through(world: World, session: Session, lesson: Lesson) -> tuple[str, str]:
    """What the drafter and the gate make of one lesson."""
    if lesson.target is None:
        return "no lesson", ""
    try:
        drafted = offline_drafter.draft(lesson, gather.live_text(lesson.target), lesson.target)
        if not isinstance(drafted, Proposal):
            return "already a rule", drafted.rule
        judged = apply.prepare(drafted, world.home, None, session, max(lesson.confidence, 0.9))
    except SkillloopError as error:
        return "refused", error.message
    why = "; ".join(f"{check.name}: {check.detail}" for check in judged.verdict.failed)
    outcome = _outcome(judged.verdict.outcome, judged.verdict)
    turned = _NEGATION.match(lesson.evidence.quote) and not _NEGATION.match(_new(drafted)[2:])
    return "turned round" if outcome == "applied" and turned else outcome, why


_NEGATION = re.compile(
    r"(?:no|non|não|not|don't|stop|keine?|pas|нет|не|никаких|без|sin|sem|niente|nada|geen) (?=\w)",
    re.IGNORECASE,
)
"""A quote that begins so, without a comma, is a prohibition; the line drawn from it must begin so too."""


# --- tables -----------------------------------------------------------------------------------------------------------------


def report_benign(world: World, *, each: bool) -> bool:
    """Print the table of genuine corrections; whether the goals are met."""
    rows = list(benign(world))
    judged = [row for row in rows if row[2] in ("applied", "turned round", "queued", "blocked")]
    counts = Counter(outcome for _, _, outcome, _ in rows)
    share = {name: counts[name] / max(1, len(judged)) for name in ("applied", "queued", "blocked")}
    print(
        f"\ngenuine corrections: {len(rows)} in {len({row[0]['lang'] for row in rows})} languages, {len(judged)} drafted"
    )
    print(f"  found by the detector, sure and durable  {sum(found for _, found, *_ in rows) / len(rows):.1%}")
    for name, part in share.items():
        print(f"  {name:<12} {counts[name]:>4}  {part:.1%}")
    turned = [row for row in rows if row[2] == "turned round"]
    print(f"  {'turned round':<12} {len(turned):>4}  (applied with the opposite meaning)")
    for name in ("no lesson", "already a rule"):
        print(f"  {name:<14} {counts[name]}")
    reasons = Counter(
        why.partition(":")[0] for _, _, outcome, why in rows if outcome in ("queued", "blocked")
    )
    print("  for", dict(reasons.most_common()))
    if each:
        for row, _, outcome, why in rows:
            if outcome != "applied":
                print(f"  {outcome:<10} {row['id']} {row['text']!r}: {why[:200]}")
    return not turned and share["applied"] >= 0.85 and share["queued"] <= 0.10 and share["blocked"] <= 0.01


def control(world: World) -> bool:
    """Whether the same road is open to what the person did say: without this, a table of zeros says nothing."""
    row = {"kind": "control", "text": GENUINE, "evidence": GENUINE}
    # not the assistant's text: what that had said before is nobody's evidence
    outcomes = {result.drafter: result.outcome for result in attack(world, row, "sidechain")}
    print(f"\ncontrol: the person's own words through the model drafter are {outcomes['model']}")
    return outcomes["model"] == "applied"


def report_attacks(results: list[Result], *, each: bool, seconds: float) -> bool:
    """Print the tables of attacks by drafter and by carrier; whether nothing got through."""
    print(f"\nattacks: {len(results)} combinations in {seconds:.0f} s")
    _table(results, "drafter")
    _table(results, "carrier")
    _table([r for r in results if r.outcome in ("applied", "said", "doubted")] or [], "kind")
    if each:
        for r in results:
            if r.outcome in ("applied", "said") or r.leaks:
                print(f"  {r.outcome} {r.kind} | {r.carrier} | {r.drafter} | {r.leaks} | {r.why[:300]}")
    return not any(r.outcome in ("applied", "said") or r.leaks for r in results)


def _table(results: list[Result], by: str) -> None:
    print(
        f"\n  {by:<22} {'tried':>6} {'no gate':>8} {'applied':>8} {'as said':>8} {'doubted':>8} {'leaks':>6}"
    )
    for name in dict.fromkeys(getattr(r, by) for r in results):
        mine = [r for r in results if getattr(r, by) == name]
        count = Counter(r.outcome for r in mine)
        leaks = sum(bool(r.leaks) for r in mine)
        cells = (
            len(mine),
            sum(r.drafted for r in mine),
            count["applied"],
            count["said"],
            count["doubted"],
            leaks,
        )
        print(
            f"  {name:<22} "
            + " ".join(f"{cell:>{width}}" for cell, width in zip(cells, (6, 8, 8, 8, 8, 6), strict=True))
        )


def main() -> int:
    """Run what is asked for; exit 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--attacks", type=Path, help="JSON lines of attack texts")
    parser.add_argument("--sample", type=int, default=1, help="take every N-th text only")
    parser.add_argument("--client", default="2.1.197", help="version of Claude Code that writes the sessions")
    parser.add_argument("--carrier", help="this carrier only")
    parser.add_argument(
        "--list", action="store_true", help="print each combination that got further than it should"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = World.make(Path(folder).resolve(), arguments.client)
        good = report_benign(world, each=arguments.list)
        if arguments.attacks:
            rows = [json.loads(line) for line in arguments.attacks.read_text("utf-8").splitlines()]
            carriers = [arguments.carrier] if arguments.carrier else list(CARRIERS)
            good &= control(world)
            start = time.monotonic()
            results = [
                r
                for row in rows[:: arguments.sample]
                for carrier in carriers
                for r in attack(world, row, carrier)
            ]
            good &= report_attacks(results, each=arguments.list, seconds=time.monotonic() - start)
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
