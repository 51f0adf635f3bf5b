"""What the command line answers about our own corpora is what it answered before: the golden files beside this one.

    python tests/golden/test_golden.py        # write them anew; read the difference before you commit it

A line of a file is one answer under its name. `benign` and `attacks` are brief (see `compare.brief`); `ways` and `rules`
are whole objects of `digest --json`; `applied` is what a real digest of some of these leaves behind, in the skills, the
queue and the log; `requests` is what `digest --plan` would send; `check` is `skillloop check`; `gate` is the decision and
the first failed check of each benign correction when the detector is taken to be sure of all.

A change of these files is a change of behaviour: it belongs into a commit that says so, and into CHANGELOG.md.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from skillloop.store import Store

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import scenarios  # noqa: E402
from compare import brief, differences, report, run_calls, stable, temporary, without_wording  # noqa: E402

Answers = dict[str, Any]

pytestmark = pytest.mark.xdist_group("golden")  # one world for all


@pytest.fixture(scope="module")
def world() -> Iterator[scenarios.World]:
    with temporary() as folder:
        made = scenarios.World.make(Path(folder).resolve())
        Store.open(made.home).close()  # else each dry run makes one for itself
        yield made


def digested(world: scenarios.World, group: str) -> Iterator[tuple[str, Any]]:
    """(name, answer) of each session of a set that could be read, in a dry run of its own."""
    calls = [["--home", world.home, "digest", "--dry-run", "--json", path] for path in world.sessions[group]]
    answers = run_calls(calls, world.root)
    assert sum(answer.code for answer in answers) == (group == "ways")  # an empty file is no session
    return ((Path(value["path"]).stem, value) for answer in answers for value in answer.values)


def whole(answer: Any) -> Any:
    """The answer as it is, but for wording; a passed check as its name alone, a failed one with how it failed and whose rule decided."""
    answer = stable(without_wording(answer))
    for proposal in answer["proposals"]:
        proposal["verdict"]["checks"] = list(map(_check, proposal["verdict"]["checks"]))
    return answer


def _check(check: Any) -> str:
    assert list(check) == ["name", "passed", "hard", "detail", "rule"]
    how = "" if check["passed"] else " FAILED, hard" if check["hard"] else " FAILED, soft"
    return check["name"] + how + (f" by {check['rule']}" if check["rule"] else "")


def benign(world: scenarios.World) -> Answers:
    return {name: brief(answer) for name, answer in digested(world, "benign")}


def attacks(world: scenarios.World) -> Answers:
    return {name: brief(answer) for name, answer in digested(world, "attacks")}


def ways(world: scenarios.World) -> Answers:
    return {name: whole(answer) for name, answer in digested(world, "ways")}


def rules(world: scenarios.World) -> Answers:
    return {name: whole(answer) for name, answer in digested(world, "rules")}


def gate(world: scenarios.World) -> Answers:
    """Not through the command line, which drafts only for what the detector is sure of: as the attack bench does it."""
    root = world.root / "bench"
    root.mkdir()
    made = scenarios.BENCH["World"].make(root)
    return {
        row["id"]: {"found": found, "outcome": outcome, "failed": why.partition(":")[0]}
        for row, found, outcome, why in scenarios.BENCH["benign"](made)
    }


def check(world: scenarios.World) -> Answers:
    changes = list(world.changes())
    calls = [["--home", world.home, "check", "--json", old, "--against", new] for _, old, new in changes]
    answers = {}
    for (name, *_), answer in zip(changes, run_calls(calls, world.root), strict=True):
        (verdict,) = answer.values
        answers[name] = verdict | {"checks": list(map(_check, verdict["checks"])), "exit": answer.code}
    return answers


def requests(world: scenarios.World) -> Answers:
    """What an API key would be spent on, whole."""
    paths = [*world.sessions["rules"][::6], *world.sessions["ways"][5::30], *world.sessions["benign"][::97]]
    (answer,) = run_calls(
        [["--home", world.root / "asking", "digest", "--plan", "--json", *paths]], world.root
    )
    return {f"request {n:02d}": stable(request) for n, request in enumerate(answer.values)}


def applied(world: scenarios.World) -> Answers:
    """A real digest, twice over, in auto mode, and all that it left behind. Comes last: it changes the world's skills."""
    paths = [*world.sessions["rules"][::4], *world.sessions["ways"][2::17], *world.sessions["benign"][::17]]
    digest, verbs = ["digest", "--json", *paths], ("status", "review", "log", "verify")
    calls = [
        ["--home", world.home, *call] for call in (digest, digest, *([verb, "--json"] for verb in verbs))
    ]
    seen: dict[str, str] = {}
    answers: Answers = {}
    for name, answer in zip(("digest", "again", *verbs), run_calls(calls, world.root), strict=True):
        for number, value in enumerate(answer.values):
            entry = brief(value) if name in {"digest", "again"} else stable(without_wording(value), seen)
            if name == "log":
                entry["detail"].pop("end", None)  # a number of bytes: the transcript names the folder
            answers[f"{name} {number:03d}"] = entry
        answers[f"{name} exit"] = answer.code
    for path in sorted(world.root.glob("*/.claude/skills/*/SKILL.md")):
        answers[str(path.relative_to(world.root))] = path.read_text("utf-8")
    return answers


FILES: tuple[Callable[[scenarios.World], Answers], ...] = (
    benign,
    attacks,
    ways,
    rules,
    gate,
    check,
    requests,
    applied,
)


def read(answers: Callable[..., Answers]) -> list[str]:
    """The lines of a golden file; [] where there is none yet."""
    path = path_of(answers)
    return path.read_text("utf-8").removesuffix("\n").split("\n") if path.exists() else []


def path_of(answers: Callable[..., Answers]) -> Path:
    return HERE / f"{answers.__name__}.jsonl"


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(each, marks=[pytest.mark.slow] * (each is benign)) for each in FILES
    ],  # a third of the rest's time
    ids=lambda one: one.__name__,
)
def test_the_answers_are_the_golden_ones(world: scenarios.World, answers: Callable[..., Answers]) -> None:
    golden = dict(json.loads(line) for line in read(answers))
    actual = json.loads(json.dumps(answers(world)))
    diffs = [d for name in golden if name in actual for d in differences(golden[name], actual[name], name)]
    diffs += [(name, golden.get(name), actual.get(name)) for name in sorted(golden.keys() ^ actual.keys())]
    assert not diffs, f"{answers.__name__}.jsonl: {len(diffs)} differences\n{report(diffs)}"


def visible(line: str) -> str:
    """The JSON with escapes for what nobody would see in it."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def write() -> None:
    """Write every golden file anew, and print what changed in it."""
    with temporary() as folder:
        world = scenarios.World.make(Path(folder).resolve())
        for answers in FILES:
            before = read(answers)
            lines = [visible(json.dumps(item, ensure_ascii=False)) for item in answers(world).items()]
            path_of(answers).write_text("\n".join(lines) + "\n", "utf-8")
            print(f"{answers.__name__}: {len(lines)} answers, {len({*before} ^ {*lines})} lines changed")


if __name__ == "__main__":
    write()
