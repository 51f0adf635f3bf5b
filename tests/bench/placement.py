"""Where rules go in the SKILL.md texts of a folder: how many join a list, which, and whether each file comes back whole.

    python tests/bench/placement.py FOLDER [--count 1000] [--show 40] [--seed 1]

The rules are our own. Every placement is applied and taken out again; a line that a reader would not see as an item of
a list, or a file that does not come back byte for byte, is an error.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from pathlib import Path

from skillloop.errors import SkillloopError
from skillloop.model import Edit, Evidence, Lesson, Origin, Proposal
from skillloop.propose import offline_drafter
from skillloop.skills import document, placement
from skillloop.skills.history import revert

OTHER = re.compile(
    r"\b(?:when|trigger|never|don.?t|avoid|red flag|mistake|example|reference|next step|output|template|checklist)",
    re.IGNORECASE,
)
"""Headings of lists that hold no rules, told otherwise than the code tells them."""

RULES = (Path(__file__).parents[1] / "data" / "rules.txt").read_text("utf-8").splitlines()


def drafted(text: str, rule: str, path: Path) -> Edit | str:
    """The edit that the drafter makes, or why there is none."""
    evidence = Evidence("e", "s", "/t.jsonl", 1, None, rule, Origin.TYPED)
    lesson = Lesson(evidence, rule, 0.9, True, 0.9, 0, target=str(path))
    try:
        made = offline_drafter.draft(lesson, text, str(path))
    except SkillloopError as error:
        return error.message
    return made.edits[0] if isinstance(made, Proposal) else "recurrence"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--show", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    files = sorted(options.folder.rglob("*.md"))
    source, kinds, shown = random.Random(options.seed), Counter[str](), []
    drawn = sorted((source.choice(files), source.choice(RULES)) for _ in range(options.count))
    for path, rule in drawn:
        text = path.read_text("utf-8")
        edit = drafted(text, rule, path)
        if isinstance(edit, str):
            kinds[edit if edit == "recurrence" else "refused"] += 1
            continue
        new = document.apply(text, [edit])
        assert placement.is_listed(new, edit.new or ""), (path, edit)
        assert revert(text.encode(), new.encode(), new.encode())[0] == text.encode(), path
        kind = "pair" if edit.op == "replace" else "learned rules" if edit.after is None else "list"
        kinds[kind] += 1
        above = (edit.heading or "") if kind == "list" else ""
        kinds["under a heading of another kind"] += bool(OTHER.search(above))
        said = [f"line {item.line + 1}: {item.text[:80]}" for _, item in placement.contradicted(text, rule)]
        kinds["said to contradict"] += bool(said)
        shown.append((kind, path.name, rule, edit.heading, edit.old or edit.after, *said))
    print(f"{len(files)} files, {options.count} placements: {dict(kinds)}")
    for row in source.sample(shown, min(options.show, len(shown))):
        print(*row, sep=" | ")


if __name__ == "__main__":
    main()
