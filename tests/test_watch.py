"""`watch` over real folders, with real events: edits become versions, ended sessions are digested, folders come and go."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.store import TEXT
from test_commands import desk, queued  # noqa: F401  (fixtures)
from test_worker import client, said  # noqa: F401  (client is a fixture)

from skillloop.errors import SkillloopError
from skillloop.model import sha256
from skillloop.skills import history
from skillloop.store import Store
from skillloop.worker import watch


@pytest.fixture
def skill(tmp_path):
    path = tmp_path / "skills" / "web" / "SKILL.md"
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT)
    return path


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(watch, "SAVED", 0.1)
    monkeypatch.setattr(watch, "LEFT", 0.2)


@pytest.fixture
def digested():
    return []


@pytest.fixture
def follow(home, client, digested):  # noqa: F811
    """A function that starts watching; sessions are digested by noting their names."""

    def start(idle=3600.0):
        return watch.Watch(home, client, idle, lambda _, path: digested.append(path.stem) or "noted")

    return start


def steps(watching, enough, seconds=15.0):
    """The new entries of the log, until there is enough."""
    entries, until = [], time.monotonic() + seconds
    while not enough(entries) and time.monotonic() < until:
        entries += watching.step(0.2)
    assert enough(entries), entries
    return entries


def known(home, path):
    """Give the skill a history."""
    with Store.open(home) as store:
        history.record_external_edit(store, path)


def test_a_saved_edit_is_a_version_soon_after(home, follow, skill):
    known(home, skill)
    with follow() as watching:
        skill.write_bytes(skill.read_bytes() + b"- mine\n")
        (entry,) = steps(watching, len)
    assert (entry.event, entry.detail["kind"], entry.detail["number"]) == ("version", "external", 2)
    assert entry.detail["sha"] == sha256(skill.read_bytes())


def test_an_editor_that_saves_by_rename_and_an_edit_from_before_are_recorded_too(home, follow, skill):
    known(home, skill)
    skill.write_bytes(b"before\n")
    with follow() as watching:
        steps(watching, len)
        (skill.parent / "SKILL.md~").write_bytes(b"renamed\n")
        (skill.parent / "SKILL.md~").rename(skill)
        (entry,) = steps(watching, len)
    assert entry.detail["sha"] == sha256(b"renamed\n")


def test_what_skillloop_itself_writes_is_no_edit_of_a_person(home, follow, skill):
    known(home, skill)
    with follow() as watching, Store.open(home) as store:
        live = skill.read_bytes()
        history.publish(store, skill, sha256(live), live + b"- learned\n", by="auto")
        for _ in range(5):
            watching.step(0.2)
        assert [version.kind for version in history.versions(store, skill)] == ["import", "proposal"]


def test_a_skill_without_a_history_is_left_alone(home, follow, skill):
    with follow() as watching:
        skill.write_bytes(b"x\n")
        assert [watching.step(0.2) for _ in range(3)] == [[], [], []]


def test_a_session_whose_client_is_gone_is_digested_and_one_that_runs_is_not(home, client, follow, digested):  # noqa: F811
    mine = {"pid": os.getpid(), "sessionId": "open"}
    (client / "sessions" / "1.json").write_text(json.dumps(mine))
    with follow() as watching:
        said(client, "open")
        said(client, "killed")
        steps(watching, lambda _: digested)
        for _ in range(5):
            watching.step(0.1)
    assert digested == ["killed"]


def test_a_session_that_is_open_but_silent_is_digested_after_the_idle_time(client, follow, digested):  # noqa: F811
    (client / "sessions" / "1.json").write_text(json.dumps({"pid": os.getpid(), "sessionId": "open"}))
    path = said(client, "open")
    with follow(idle=0.5) as watching:
        steps(watching, lambda _: digested == ["open"])
        path.write_text(path.read_text() * 2)
        os.utime(path, (1, 1))
        steps(watching, lambda _: digested == ["open", "open"])


def test_a_session_that_the_hook_handed_over_is_not_digested_twice(home, client, follow, digested):  # noqa: F811
    from test_worker import collect, end

    from skillloop.worker import worker

    with follow() as watching:
        path = said(client, "ended")
        end(home, path)
        worker.drain(home, client, collect(digested))
        for _ in range(5):
            watching.step(0.2)
    assert digested == ["ended"]


def test_folders_that_appear_late_vanish_and_come_back_are_followed(home, client, follow, digested, skill):  # noqa: F811
    known(home, skill)
    shutil.rmtree(client / "projects")
    with follow() as watching:
        watching.step(0.1)
        (client / "projects" / "-p").mkdir(parents=True)
        said(client, "one")
        steps(watching, lambda _: digested == ["one"])
        shutil.rmtree(client / "projects")
        shutil.rmtree(skill.parent)
        for _ in range(3):
            watching.step(0.1)
        (client / "projects" / "-p").mkdir(parents=True)
        said(client, "two")
        skill.parent.mkdir()
        skill.write_bytes(b"back\n")
        steps(watching, lambda _: digested == ["one", "two"])
    with Store.open(home) as store:
        assert history.content(store, history.versions(store, skill)[-1].sha) == b"back\n"


def test_a_project_that_appears_while_watching_is_followed(client, follow, digested):  # noqa: F811
    with follow() as watching:
        watching.step(0.1)
        (client / "projects" / "-new").mkdir()
        said(client, "seen")
        (client / "projects" / "-p" / "seen.jsonl").rename(client / "projects" / "-new" / "moved.jsonl")
        steps(watching, lambda _: "moved" in digested)


def test_a_transcript_that_vanishes_before_its_time_is_forgotten(client, follow, digested):  # noqa: F811
    with follow() as watching:
        said(client, "gone").unlink()
        said(client, "stays")
        steps(watching, lambda _: digested)
    assert digested == ["stays"]


def test_a_history_that_goes_away_ends_it_in_words(home, follow):
    with follow() as watching:
        (home / "skillloop.db").unlink()
        with pytest.raises(SkillloopError, match="No such file"):
            watching.step(0.1)


def test_the_command_prints_lines_when_piped_and_ends_cleanly_on_ctrl_c(queued, tmp_path):  # noqa: F811
    desk, _ = queued  # noqa: F811
    with Store.open(desk.home) as store:
        history.record_external_edit(store, desk.skill)
    argv = desk.argv("watch", "--json")
    with subprocess.Popen(argv, env=desk.env, stdout=-1, stderr=-1, text=True) as process:
        assert "following" in process.stderr.readline()
        desk.skill.write_text(desk.skill.read_text() + "- mine\n")
        line = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert (line["event"], line["skill"]) == ("version", str(desk.skill))
    assert (process.returncode, "Traceback" in told) == (130, False)


@pytest.mark.slow
def test_ten_thousand_transcripts_cost_next_to_nothing_while_nothing_happens():
    bench = Path(__file__).parent / "bench" / "watch.py"
    done = subprocess.run(
        [sys.executable, bench, "--seconds", "10"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
