"""How little of a session is sent to a model, and that nothing which was found is left out.

    python tests/bench/sent.py FOLDER            # with transcripts in it, at any depth
    python tests/bench/sent.py FOLDER --skill path/to/SKILL.md

For every disagreement that the detector finds, the request is built as for drafting and counted, not sent; likewise the
second opinions on what it is unsure of. Tokens are
taken as four bytes on both sides, so their share is one of bytes: of the transcript file, and of what was said in it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

from skillloop.detect import ONLY_PASTED
from skillloop.evaluate import second_opinion
from skillloop.hosts.claude_code import transcript
from skillloop.model import Lesson
from skillloop.pipeline import session as problem
from skillloop.propose import llm_drafter

RULE = "- When the build fails, read the log from its end and fix the first error before anything else.\n"
TYPICAL = (
    "---\nname: example\ndescription: An example of common size.\n---\n\n# Example\n\n## Rules\n\n"
    + RULE * 40
)


def sent(session, skill: str) -> tuple[int, int, int, int, int]:
    """Disagreements found, those whose words are all in the request, bytes if all were sent, bytes of those drafted for.

    Last the bytes of the second opinions, which are asked for where the detector is unsure.
    """
    unsure = []
    found, lessons = problem.study(session, second_opinion=lambda item, _session: unsure.append(item))
    offered = {lesson.disagreement: lesson for lesson in lessons if lesson.offered}
    asked = sum(second_opinion.request(item, session, "m").bytes for item in unsure)
    whole = size = drafted = 0
    for item in found:
        lesson = offered.get(item.id)
        text = lesson.text if lesson else item.evidence.quote
        target = "/skills/example/SKILL.md"
        ready = Lesson(item.evidence, text, 0, bool(lesson), item.confidence, item.turn, target=target)
        (request,) = llm_drafter.requests(
            llm_drafter.Brief(session, ready, skill, "/skills/example/SKILL.md"), "m"
        )
        size += request.bytes
        drafted += request.bytes * problem.draftable(ready)
        quote = " ".join(item.evidence.quote.split())
        whole += quote == ONLY_PASTED or quote in " ".join(request.data["scene"]["person"].split())
    return len(found), whole, size, drafted, asked


def main() -> int:
    """Print the table; exit 1 when more than 5 % of all is sent, or words of a disagreement are missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--skill", type=Path, help="a SKILL.md; without it one of 4 kB")
    arguments = parser.parse_args()
    skill = arguments.skill.read_text("utf-8") if arguments.skill else TYPICAL
    rows = []
    for path in sorted(arguments.folder.rglob("*.jsonl")):
        session = transcript.read(path)
        said = sum(len(turn.text.encode("utf-8", "replace")) for turn in session.turns)
        rows.append((*sent(session, skill), path.stat().st_size, said))
    found, whole, size, drafted, asked, files, said = (sum(column) for column in zip(*rows, strict=True))
    shares = sorted(row[2] / row[5] for row in rows if row[0])
    told = {
        "sessions": len(rows),
        "disagreements": found,
        "whole in what is sent": whole,
        "tokens, all disagreements sent": size // 4,
        "tokens, lasting ones with a lesson": drafted // 4,
        "tokens, second opinions": asked // 4,
        "tokens of the transcripts": files // 4,
        "share, all": round(size / files, 4),
        "share, lasting": round(drafted / files, 4),
        "share, lasting and second opinions": round((drafted + asked) / files, 4),
        "share of what was said": round(size / said, 4),
        "median of a session": round(statistics.median(shares), 4),
        "90th percentile": round(shares[int(0.9 * len(shares))], 4),
        "skill, bytes": len(skill.encode()),
    }
    print(json.dumps(told, indent=2))
    return int(size > 0.05 * files or whole < found)


if __name__ == "__main__":
    sys.exit(main())
