"""Do the genuine corrections of tests/data/benign get through from end to end: detector, drafter and gate, in auto mode?

    python tests/bench/benign.py [--list]

Twice: *bare*, where the assistant had only talked before and answers nothing; and *working*, where it had edited a file before and edits it
again after the correction, without a word. Beside the share that is applied: found, sure enough, and held to be durable.

Then the same for tests/data/one_off.jsonl, corrections in nine languages that are for this once: of these none should be durable, or applied.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import attacks

from skillloop.detect import DRAFT_AT
from skillloop.hosts.claude_code import transcript
from skillloop.hosts.claude_code.hooks import receipts
from skillloop.pipeline import session as problem

ONE_OFF = attacks.TESTS / "data" / "one_off.jsonl"


def play(world, row, *, working):
    """The session of one correction, written as the client would, with receipts for what was typed."""
    made = world.session(row["skill"])
    if working:
        made.tool("Edit", file_path="/home/ana/project/app.py").result("ok")
    made.says(row["after"]).typed(row["text"])
    if working:
        made.tool("Edit", file_path="/home/ana/project/app.py").result("ok")
    made.says("…")
    for said in (attacks.REQUEST, row["text"]):
        receipts.issue(world.home, made.session_id, said)
    return transcript.read(world.write(made))


def judge(world, row, *, working):
    """What was reached: a set of "found", "sure", "durable", "applied"."""
    session = play(world, row, working=working)
    last = session.human_turns[-1].index
    found, lessons = problem.study(session)
    reached = set()
    for one in found:
        if one.turn == last:
            reached |= {"found"} | ({"sure"} if one.confidence >= DRAFT_AT else set())
            reached |= {"durable"} if one.durable else set()
    for one in (lesson for lesson in lessons if lesson.turn == last):
        if problem.draftable(one) and attacks._through(world, session, one)[0] == "applied":
            reached.add("applied")
    return reached


def report(world, rows, *, working, each):
    """Print, over all and by language, how far the rows got; with `each` also those that got where they should not, or not far enough."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        reached = judge(world, row, working=working)
        for part in ("all", row["lang"]):
            counts[part].update({"rows", *reached})
        if each and ("applied" in reached) == row["once"]:
            print(f"  {row['id']} {row['text']!r}: {sorted(reached)}")
    for part, count in counts.items():
        print(
            f"  {part:4} {count['rows']:4} rows: "
            + "  ".join(
                f"{name} {count[name]:3} ({count[name] / count['rows']:.0%})"
                for name in ("found", "sure", "durable", "applied")
            )
        )


def read(files, *, once):
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    return [json.loads(line) | {"once": once} for line in lines]


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--list", action="store_true", help="print the rows that went wrong")
    opts = args.parse_args()
    lasting = read(sorted(attacks.BENIGN.glob("*.jsonl")), once=False)
    passing = read([ONE_OFF], once=True)
    with tempfile.TemporaryDirectory() as folder:
        world = attacks.World.make(Path(folder).resolve())
        for name, rows in (("meant to last", lasting), ("for this once", passing)):
            for working in (False, True):
                print(f"{name}, {'working' if working else 'bare'}")
                report(world, rows, working=working, each=opts.list)


if __name__ == "__main__":
    main()
