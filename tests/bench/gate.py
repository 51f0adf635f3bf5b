"""What does each check of the gate cost, in processor time?

    python tests/bench/gate.py

Two tables: the median time of each check on a 500-line skill (goal: under 5 ms), and of the whole verdict; and the
worst time of each check when one line of a megabyte of something awkward is cited, replaced, or stands beside the edit
(goal: under 100 ms). A check whose result another one computed first is measured by itself, on a fresh context.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers.gate import AUTO, case, insert, replaced

from skillloop import gate
from skillloop.config.sections import Config, Protect, Sources
from skillloop.text import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from skillloop.model import Check, Proposal

SAID = "no, I told you: always sort the tables by date, and never by name"
LINE = "Always sort the tables by date, and never by name"
RULES = Config(
    apply=AUTO.apply,
    protect=Protect(
        headings=("Topic 7",), must_keep=("never*page 3*",), lines=("Say where number 4 comes from.",)
    ),
    sources=Sources(
        trusted=("nature.com", "*.edu"),
        untrusted=("x.com",),
        aliases={"x.com": ("Twitter",)},
        kept=("nature.com",),
    ),
)
AWKWARD = [
    *(
        "a",
        "a ",
        "no ",
        "-",
        "`",
        "!",
        "@a",
        "<",
        "!`",
        "$1",
        "不",
        "！",
        "\u200b",
        "a.",
        "a/",
        "http://a.b/",
        "--a ",
    ),
    *(
        "skip ",
        "1 ",
        ", ",
        "{",
        "x.com ",
        " ",
        "[](",
        "<!--",
        "-->",
        "[a](http://b.c/",
        "key=",
        "key: ",
        "密码=",
        "eyJ",
        "xn--",
    ),
    *(
        "аa",
        "é",
        "😀",
        "e\u0301",
        "*",
        "**a",
        "~~",
        "| a ",
        "\\",
        '"',
        "«",
        "’",
        "Twitter ",
        "t.co/",
        "dot ",
        "not ",
        "unless ",
    ),
    *(
        "never ",
        "0",
        "0x",
        "a_b",
        "A1b2",
        "PuTTY-User-Key-File-2: ",
        "-----BEGIN ",
        "password is ",
        "cGFzc3dvcmQgaXMg",
        "(",
        "：",
        "¡",
    ),
]
"""What the megabyte is made of: whatever a pattern could start with, over and over."""


def skill(lines: int) -> str:
    """A skill of so many lines: ten topics of bullets."""
    head = ["---", "name: report", "description: Write a report.", "---", "", "# Report", ""]
    body = []
    for number in range(lines - len(head)):
        every = (lines - len(head)) // 10
        body.append(
            f"## Topic {number // every}"
            if number % every == 0
            else f"- Rule {number}: say where number {number % 97} on page {number % 13} comes from."
        )
    return "\n".join([*head, *body]) + "\n"


def fresh() -> None:
    """Forget what was computed for an earlier call."""
    words.content_words.cache_clear()
    words.polarity.cache_clear()


def timed(check: gate.Gate, made: Callable[[], tuple[Proposal, gate.GateInput]], repeat: int) -> float:
    """The median time of one check in milliseconds, without building its input."""
    times = []
    for _ in range(repeat):
        proposal, context = made()
        fresh()
        start = time.process_time()
        list(_listed(check, proposal, context))
        times.append(time.process_time() - start)
    return statistics.median(times) * 1000


def _listed(check: gate.Gate, proposal: Proposal, context: gate.GateInput) -> Iterator[Check]:
    found = check(proposal, context)
    yield from found if not hasattr(found, "passed") else [found]


def name(check: gate.Gate) -> str:
    return f"{check.__module__.rpartition('.')[2]}.{check.__name__}"


def main() -> None:
    base = skill(500)
    print("500-line skill, median of 20, ms")
    for check in gate.CHECKS:
        print(f"  {name(check):24} {timed(check, lambda: edit(base), 20):8.2f}")
    whole = []
    for _ in range(20):
        fresh()
        proposal, context = edit(base)
        start = time.process_time()
        gate.judge(proposal, context)
        whole.append(time.process_time() - start)
    print(f"  {'the whole verdict':24} {statistics.median(whole) * 1000:8.2f}")
    print("one line of a megabyte, worst of what it is made of and where it stands, ms")
    small = skill(40)
    rest = {unit: list(megabytes(unit, small)) for unit in AWKWARD}
    for check in gate.CHECKS:
        worst = max((timed(check, made, 1), what) for cases in rest.values() for what, made in cases)
        print(f"  {name(check):24} {worst[0]:8.1f}   {worst[1]}")
    print("  an added line as long is refused before any check looks at it:")
    whole_verdict = max(
        timed(lambda *given: gate.judge(*given).checks, lambda unit=unit: added(unit, small), 1)
        for unit in AWKWARD
    )
    print(f"  {'the whole verdict':24} {whole_verdict:8.1f}")


def edit(base: str) -> tuple[Proposal, gate.GateInput]:
    """An ordinary edit of a long skill."""
    return case(SAID, insert(LINE, "Topic 3"), base=base, config=RULES, own=base)


def added(unit: str, base: str) -> tuple[Proposal, gate.GateInput]:
    """An edit that would add a megabyte in one line."""
    return case(SAID, insert(unit * (1_000_000 // len(unit)), "Topic 3"), base=base)


def megabytes(unit: str, base: str) -> Iterator[tuple[str, Callable[[], tuple[Proposal, gate.GateInput]]]]:
    line = unit * (1_000_000 // len(unit.encode()))
    big = base + f"- {line}\n"
    yield f"said {unit!r}", lambda: case(line, insert(LINE, "Topic 3"), base=base, config=RULES)
    yield (
        f"replaced {unit!r}",
        lambda: case(SAID, replaced(f"- {line}", f"- {LINE}", "Topic 9"), base=big, config=RULES, own=big),
    )
    yield f"beside {unit!r}", lambda: case(SAID, insert(LINE, "Topic 9"), base=big, config=RULES, own=big)


if __name__ == "__main__":
    main()
