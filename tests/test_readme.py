"""The README is true: its commands are the ones that CI runs, its verbs exist."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from picture import PICTURE, PICTURES, draw

from skillloop import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "findings").glob("*.md")]
DEMO = "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/skillloop demo"
TESTS = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/pytest"


def test_the_two_commands_stand_there_word_for_word():
    assert re.search(rf"^    {re.escape(DEMO)}$", README, re.MULTILINE)
    assert re.search(rf"^    {re.escape(TESTS)}$", README, re.MULTILINE)


def test_it_is_short():
    assert len(README.splitlines()) <= 150
    assert len(README.split()) <= 1_500


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_leads_nowhere(page):
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_is_in_the_readme(verb):
    assert re.search(rf"`[^`]*\b{verb}\b", README)


def test_no_verb_in_the_readme_is_made_up():
    named = set(re.findall(r"(?:`|^    |[ /]bin/)skillloop ([a-z]+)\b", README, re.MULTILINE))
    assert named <= set(cli.VERBS), named - set(cli.VERBS)


def test_the_picture_is_what_the_demo_prints():
    def words(svg):
        return re.sub(r"[0-9a-f]{8,}", "HASH", " ".join(re.findall(r">([^<>]+)</text>", svg)))

    assert words(PICTURE.read_text(encoding="utf-8")) == words(draw())


def test_the_demo_tells_its_story_in_three_frames_of_thirty_lines(tmp_path):
    started = time.monotonic()
    run = [sys.executable, "-m", "skillloop.cli", "--home", tmp_path, "demo"]
    told = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert time.monotonic() - started < 3
    assert len(re.findall(r"^\d  ", told, re.MULTILINE)) == 3
    assert len(told.splitlines()) <= 30
    for part in (
        "research, ready",
        "-rules, ready",
        "+- Never use a table",
        "blocked by your rule",
        "rollback",
    ):
        assert part in told, part
    assert "skillloop-demo-" not in told
    assert list(tmp_path.iterdir()) == []


def test_the_pictures_are_of_the_size_of_a_page():
    for picture in PICTURES.glob("*.svg"):
        wide, high = map(
            int, re.search(r'<svg width="(\d+)" height="(\d+)"', picture.read_text("utf-8")).groups()
        )
        assert (wide <= 900, high <= 600) == (True, True), picture
