"""The rows that the detector is trained and measured on: a scene, whether it is a disagreement, and whose it is.

Three sources: our own examples (tests/data/detector), labelled turns of real sessions, and labelled messages without a session.
Only rows that may be trained on carry `trainable`. A row's `group` is whom it comes from: folds are cut by it, never by row.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path

from skillloop.detect.features import Scene, scenes
from skillloop.hosts.claude_code import transcript
from skillloop.hosts.claude_code.pastes import separate
from skillloop.model import ToolUse, Turn, TurnKind

OWN = Path(__file__).parents[1] / "data" / "detector"
PERMISSIVE = {"Apache-2.0", "MIT", "CC0", "CC0-1.0"}
SILENT = 0.5
"""Share of our examples' concessions that are played as a plain edit: assistants concede that often in words, not always."""


@dataclass(frozen=True)
class Row:
    scene: Scene
    disagreement: bool
    label: str
    durable: bool
    lang: str
    group: str
    trainable: bool
    weight: float = 1.0
    part: str = ""  # of the labelled sessions


def own() -> list[Row]:
    """Our own examples, each played in a scene whose assistant speaks the same language."""
    lines = json.loads((OWN / "assistant.json").read_text(encoding="utf-8"))
    rows = []
    for line in (OWN / "examples.jsonl").read_text(encoding="utf-8").splitlines():
        example = json.loads(line)
        said = example["label"]
        wrong = said not in {"none", "approval"}
        rows.append(
            Row(
                _play(example, lines[example["lang"]]),
                wrong,
                said,
                example["durable"],
                example["lang"],
                "own",
                True,
            )
        )
    return rows


def _play(example: dict, lines: dict) -> Scene:
    rng = random.Random(hashlib.sha256((example["lang"] + example["text"]).encode()).digest())
    after = example["after"]
    if after in {"concedes", "agrees", "apologises", "repairs"} and rng.random() < SILENT:
        after = "edits"
    before, did = example["before"], []
    if before in {"done", "working"}:
        did = [ToolUse("Edit", f"src/{rng.choice('abc')}.ts") for _ in range(rng.randint(1, 3))]
    if before == "struggling":
        did = [ToolUse("Bash", "npm test", failed=True)]
    place = 0 if before == "nothing" else rng.choice((1, 2, 3, 5, 8, 13, 21))
    how = example.get("how")
    text, pasted = separate(example["text"])
    turn = Turn(
        1,
        "human",
        text,
        2,
        pasted=pasted,
        kind={"denied": TurnKind.DENIAL, "queued": TurnKind.QUEUED}.get(how, TurnKind.PROMPT),
        interrupted=how == "interrupted",
        denied=how == "denied",
    )
    spoken = (
        ()
        if before == "nothing"
        else (Turn(0, "assistant", rng.choice(lines[before]), 1, kind=TurnKind.REPLY, tools=tuple(did)),)
    )
    # The reply speaks but uses no tools: what assistants then do is learned from real sessions only.
    reply = Turn(2, "assistant", rng.choice(lines[after]), 3, kind=TurnKind.REPLY)
    return Scene(turn, spoken, (reply,), (), place)


def dev(path: Path) -> list[Row]:
    """Labelled turns of real sessions, read by skillloop's own reader; a turn that it does not give is left out and counted."""
    wanted: dict[str, dict[int, dict]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        label = json.loads(line)
        wanted.setdefault(label["session_file"], {})[label["record_index"] + 1] = label
    rows = []
    for name, labels in wanted.items():
        for scene in scenes(transcript.read(path.parent / name)):
            label = labels.get(scene.turn.line)
            if label is not None:
                rows.append(
                    Row(
                        scene,
                        label["disagreement"],
                        label["label"],
                        label["durable"],
                        label["lang"],
                        label["group"],
                        label["licence"] in PERMISSIVE,
                        part="released" if label.get("released") else "",
                    )
                )
    return rows


def labelled(path: Path, weight: float = 0.2) -> list[Row]:
    """Messages to a model without what it answered; the request before stands for what was said earlier."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        if not item["text"] or not item["source"].startswith("CodeChat"):
            continue
        text, pasted = separate(item["text"])
        earlier = (Turn(0, "human", item["context"].get("user_prev") or "", 1),)
        spoken = (Turn(1, "assistant", "", 2, kind=TurnKind.REPLY),)
        scene = Scene(Turn(2, "human", text, 3, pasted=pasted), spoken, spoken, earlier, 3)
        label = "correction" if item["disagreement"] else "none"
        rows.append(Row(scene, item["disagreement"], label, False, "en", "codechat", True, weight))
    return rows
