"""The README is true: its commands are the ones that CI runs, its verbs exist."""

import re
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import pytest
from picture import PICTURE, PICTURES, draw
from transcripts import Transcript

from skillloop import cli
from skillloop.hosts.claude_code.transcript import read
from skillloop.pipeline import session
from skillloop.render import standing
from skillloop.store import Store

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
    started = getrusage(RUSAGE_CHILDREN).ru_utime
    run = [sys.executable, "-m", "skillloop.cli", "--home", tmp_path, "demo"]
    told = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert getrusage(RUSAGE_CHILDREN).ru_utime - started < 3  # of the processor: others may use the machine
    assert len(re.findall(r"^\d  ", told, re.MULTILINE)) == 3
    assert len(told.splitlines()) <= 30
    for part in (
        "research, ready",
        "-rules, needs a look: “research” was used earlier",
        "+ - Never use a table",
        "blocked by your setting",
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


def said_in_the_readme():
    """What the README says becomes of each sentence: (the words, the state or "nothing", the reason)."""
    rows = re.findall(
        r'^\| "(.+)" \| (an edit that|nothing)(?: is| needs a)?:? ?([\w ]*)(?:: )?(.*) \|$',
        README,
        re.MULTILINE,
    )
    return [(words, outcome, state if outcome != "nothing" else "") for words, outcome, state, _ in rows]


@pytest.mark.parametrize(("words", "outcome", "state"), said_in_the_readme())
def test_what_the_readme_says_of_a_sentence_is_what_becomes_of_it(tmp_path, home, words, outcome, state):
    skill = tmp_path / ".claude" / "skills" / "release-notes" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    head = "name: release-notes\ndescription: Write the release notes of a version from its commits."
    skill.write_text(
        f"---\n{head}\n---\n\n# Release notes\n\n- Start with what users notice.\n- Write in the present tense.\n"
    )
    made = Transcript().typed("Write the notes for 1.2, please.").skill("release-notes", str(skill))
    made.says("Here are the notes. I have finished them.").typed(words).says("You're right, sorry. Done.")
    path = made.witnessed(home).write(tmp_path / "session.jsonl")
    with Store.open(home) as store:
        found = [standing(trial.verdict)[0] for trial in session.digest(read(path), home, store).trials]
    assert found == ([] if outcome == "nothing" else [{"ready": "ready", "look": "needs a look"}[state]])


def test_the_readme_has_eight_sentences():
    assert len(said_in_the_readme()) == 8
    assert {outcome for _, outcome, _ in said_in_the_readme()} == {"an edit that", "nothing"}
