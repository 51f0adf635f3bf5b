"""How little of a session is sent to a model, and that nothing which was found is left out.

    python tests/bench/sent.py FOLDER                     # with transcripts in it, at any depth
    python tests/bench/sent.py FOLDER --skills SKILLS     # the .md files in SKILLS are the person's skills

The plan of each session is made, as by `skillloop digest --plan`, and counted; nothing is sent. Tokens are taken as four
bytes on both sides, so their share is one of bytes of the transcript file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from skillloop import llm
from skillloop.detect import ONLY_PASTED
from skillloop.hosts.claude_code import transcript
from skillloop.pipeline import session as pipeline
from skillloop.store import Store


def main() -> int:
    """Print the table; exit 1 when more than 6 % of all is sent."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--skills", type=Path)
    arguments = parser.parse_args()
    rows, found, whole, turns, told = [], 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        home, client = Path(folder) / "home", Path(folder) / ".claude"
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text('[model]\nbackend = "anthropic"\n')
        os.environ["CLAUDE_CONFIG_DIR"] = str(client)
        for file in sorted(arguments.skills.glob("*.md")) if arguments.skills else ():
            (client / "skills" / file.stem).mkdir(parents=True)
            shutil.copyfile(file, client / "skills" / file.stem / "SKILL.md")
        with Store.open(home) as store:
            for path in sorted(arguments.folder.rglob("*.jsonl")):
                session, start = transcript.read(path), time.process_time()
                planned = pipeline.plan(session, home, store)
                if not planned:
                    continue
                (asked,) = planned
                rows.append(
                    (asked.request.bytes, path.stat().st_size, asked.cost, time.process_time() - start)
                )
                words = " ".join(" ".join(item["person"] for item in asked.request.data["turns"]).split())
                turns += len(session.human_turns)
                told += len(asked.request.data["turns"])
                given = {item["id"] for item in asked.request.data["turns"]}
                for item in pipeline.study(session)[0]:
                    if f"t{item.turn}" not in given:
                        continue
                    quote = " ".join(item.evidence.quote.split())
                    found += 1
                    whole += quote == ONLY_PASTED or quote in words
    size, files = (sum(row[n] for row in rows) for n in (0, 1))
    shares = sorted(row[0] / row[1] for row in rows)
    dollars = sorted(row[2].likely / 1e9 for row in rows)
    print(
        json.dumps(
            {
                "sessions": len(rows),
                "turns": turns,
                "turns sent": told,
                "disagreements in these": found,
                "whole in what is sent": whole,
                "tokens": size // 4,
                "tokens of the transcripts": files // 4,
                "share": round(size / files, 4),
                "median of a session": round(statistics.median(shares), 4),
                "bytes, median and most": [
                    statistics.median(row[0] for row in rows),
                    max(row[0] for row in rows),
                ],
                "dollars, likely, median and most": [
                    round(statistics.median(dollars), 4),
                    round(dollars[-1], 4),
                ],
                "dollars, at the very most": round(max(row[2].most for row in rows) / 1e9, 4),
                "seconds, median": round(statistics.median(row[3] for row in rows), 3),
                "model": llm.prompt("lessons.v1", most=0).name,
            },
            indent=2,
        )
    )
    return int(size > 0.06 * files)


if __name__ == "__main__":
    sys.exit(main())
