"""How long the report of 1,000 sessions takes, and how large it is; with `--picture FILE`, a picture of it by headless Chromium.

    python tests/bench/report.py [--picture docs/pictures/report.png]

A year of six skills: before a rule is there, what it says is wrong in one session of eight; after it, in one of fifty.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.store import VERDICT, disagreement, lesson, proposal, session

from skillloop import outcomes
from skillloop.model import Edit, SkillRef, Turn, sha256
from skillloop.report import dashboard
from skillloop.skills import history
from skillloop.store import Store
from skillloop.store import versions as version_times

SKILLS = ("release-notes", "commit-style", "api-docs", "blog", "sql", "research")
WISHES = (
    "Never put dates into headings", "Write in the active voice", "Leave emojis out of the subject line",
    "Cite the study, not a magazine", "Keep lists under ten bullets", "End with the ticket number",
    "Never add a summary paragraph", "Use British spelling", "Draw no table for two rows",
)  # fmt: skip


def lived(home: Path, skills: Path, sessions: int) -> None:
    """Fill a home with a year of sessions."""
    chance, clock = random.Random(4), datetime.now(UTC) - timedelta(days=365)

    def now() -> str:
        return clock.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    version_times.now = now
    learned: dict[str, set[str]] = {name: set() for name in SKILLS}
    with Store.open(home) as store:
        for name in SKILLS:
            path = skills / name / "SKILL.md"
            path.parent.mkdir(parents=True)
            path.write_text(
                f"---\nname: {name}\ndescription: Write {name}.\n---\n\n# {name}\n\n## Rules\n\n- Keep it short.\n"
            )
            history.record_external_edit(store, path)
        for number in range(sessions):
            clock += timedelta(days=365) / sessions
            name = chance.choice(SKILLS)
            path, known = skills / name / "SKILL.md", learned[name]
            said = [wish for wish in WISHES if chance.random() < (0.02 if wish in known else 0.03)]
            spoken = replace(session(f"s{number}"), turns=(Turn(0, "human", "hi", 1, timestamp=now()),))
            found, lessons = [], []
            for at, wish in enumerate(said):
                item = disagreement(f"d{number}-{at}", f"s{number}", str(path))
                item = replace(
                    item,
                    evidence=replace(item.evidence, quote=f"No. {wish}.", timestamp=now()),
                    skill=SkillRef(name, str(path)),
                )
                found.append(item)
                lessons.append(
                    replace(lesson(item.id, f"s{number}", str(path)), text=wish, evidence=item.evidence)
                )
            store.save_digest(spoken, found, lessons, [str(path)])
            for item in lessons:
                if item.text in known:
                    continue
                base, edit = (
                    path.read_bytes(),
                    Edit("insert", "Rules", new=f"- {item.text}", evidence=(item.id,)),
                )
                made = replace(
                    proposal(f"p{item.id}"),
                    skill=name,
                    path=str(path),
                    base=sha256(base),
                    edits=(edit,),
                    evidence=(item.evidence,),
                )
                store.save_proposal(made, VERDICT, state="queued", reason="")
                if number < sessions * 0.97:
                    new = base + f"- {item.text}\n".encode()
                    history.publish(store, path, sha256(base), new, by="person", proposal_id=made.id)
                    known.add(item.text)


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--sessions", type=int, default=1000)
    options.add_argument("--picture", type=Path, help="Where to put the picture; needs Chromium.")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        home.mkdir(mode=0o700)
        lived(home, Path(scratch) / ".claude" / "skills", asked.sessions)
        times = []
        with Store.open(home) as store:
            for _ in range(5):
                start = time.perf_counter()
                page = dashboard.page(store)
                times.append(time.perf_counter() - start)
            path = Path(scratch) / ".claude" / "skills" / "research" / "SKILL.md"
            lines = 500 - len(path.read_text().splitlines())
            path.write_text(path.read_text() + "A line of the manual.\n" * lines)
            history.record_external_edit(store, path)
            start = time.perf_counter()
            rules = len(list(outcomes.of(store, path)))
            blamed = time.perf_counter() - start
        size = len(page.encode())
        print(f"{asked.sessions} sessions: {statistics.median(times):.2f} s, {size / 1000:.0f} KB")
        print(f"blame of 500 lines, {rules} rules: {blamed * 1000:.0f} ms, once Python has started")
        if asked.picture:
            file = Path(scratch) / "report.html"
            file.write_text(page.replace(scratch, "/home/ana"), "utf-8")
            browser = shutil.which("chromium") or shutil.which("google-chrome") or sys.exit("needs Chromium")
            flags = (
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--window-size=900,1100",
            )
            start = time.perf_counter()
            subprocess.run(
                [browser, *flags, f"--screenshot={asked.picture.absolute()}", file.as_uri()],
                check=True,
                capture_output=True,
            )
            print(
                f"opened and drawn by Chromium in {time.perf_counter() - start:.1f} s, its own start included"
            )


if __name__ == "__main__":
    main()
