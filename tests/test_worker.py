"""Draining the inbox with real files, locks and processes; only what digesting a transcript does is a stand-in."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from skillloop.config import confirmation
from skillloop.errors import SkillloopError
from skillloop.fs import locked
from skillloop.hosts.claude_code.hooks import session as hook
from skillloop.store import Store, backup
from skillloop.worker import queue, worker
from skillloop.worker.queue import Inbox, Job, failing

ROOT = Path(__file__).parents[1]


@pytest.fixture
def client(tmp_path):
    """A folder that plays ~/.claude."""
    (tmp_path / "claude" / "projects" / "-p").mkdir(parents=True)
    (tmp_path / "claude" / "sessions").mkdir()
    return tmp_path / "claude"


def said(client, name, words="hello", age=60):
    """A transcript of which the last word is `age` seconds old."""
    path = client / "projects" / "-p" / f"{name}.jsonl"
    path.write_text(json.dumps({"type": "user", "message": words}) + "\n")
    then = time.time() - age
    os.utime(path, (then, then))
    return path


READY = "skillloop is ready."


def end(home, path):
    """What the hook does when a session ends."""
    hook.spool(str(home), json.dumps({"session_id": path.stem, "transcript_path": str(path)}).encode())


def collect(into):
    """A digest that only notes what it was given."""
    return lambda home, path: into.append(path.stem) or "noted"


def message(home):
    text = (home / "notice.json").read_text()
    return json.loads(text.splitlines()[0])["systemMessage"] if text else ""


def test_the_worker_keeps_a_copy_of_the_history_when_it_is_done(home, client):
    with Store.open(home) as store:
        store.record("config")
    worker.drain(home, client, collect([]))
    worker.drain(home, client, collect([]))
    assert [path.name for path in backup.copies(home)] == ["000001-1.db"]


def test_every_waiting_session_is_digested_once_longest_waiting_first(home, client):
    done = []
    for name in ("c", "a", "b"):
        end(home, said(client, name))
    worker.drain(home, client, collect(done))
    worker.drain(home, client, collect(done))
    assert done == ["c", "a", "b"]
    assert not list((home / "inbox").rglob("*.json"))


def test_a_session_in_which_nothing_was_said_is_no_failure(home, client):
    end(home, client / "projects" / "-p" / "empty.jsonl")
    worker.drain(home, client, collect([]))
    assert not list((home / "inbox").rglob("*.json"))
    assert message(home) == READY


def test_a_failing_session_is_kept_and_the_others_go_on(home, client):
    def digest(home, path):
        if path.stem == "bad":
            raise SkillloopError("line 3 is not JSON")
        done.append(path.stem)

    done = []
    end(home, said(client, "bad"))
    end(home, said(client, "good"))
    worker.drain(home, client, digest)
    kept = json.loads((home / "inbox" / "bad.json").read_text())
    assert done == ["good"]
    assert (kept["attempts"], kept["error"]) == (1, "line 3 is not JSON")
    assert Inbox(home).due() == []


def test_a_session_that_keeps_failing_is_failing_with_its_reason_and_the_person_is_told(
    home, client, monkeypatch
):
    monkeypatch.setattr(queue, "BACK_OFF", 0.0)
    end(home, said(client, "bad"))
    tries = []

    def digest(home, path):
        tries.append(path)
        raise ValueError("a bug")

    worker.drain(home, client, digest)
    worker.drain(home, client, digest)
    assert len(tries) == queue.ATTEMPTS
    assert json.loads((home / "inbox" / "failed" / "bad.json").read_text())["error"] == "ValueError: a bug"
    assert "could not digest session bad: ValueError: a bug" in message(home)


def test_a_failing_session_that_ends_again_gets_another_chance(home, client):
    path = said(client, "bad")
    Inbox(home).put(Job("bad", str(path), attempts=queue.ATTEMPTS - 1))
    worker.drain(home, client, lambda home, path: 1 / 0)
    assert list(failing(home))
    end(home, path)
    worker.drain(home, client, collect([]))
    assert not list(failing(home))
    assert message(home) == READY


@pytest.mark.parametrize(
    "text", [b"", b"\0\0\0", b"[1]", b'{"session_id": "x"}', b'{"session_id":"x","transcript_path":"../y"}']
)
def test_a_file_that_is_no_job_is_failing_and_not_tried_again(home, client, text):
    inbox = Inbox(home)
    (inbox.waiting / "x.json").write_bytes(text)
    worker.drain(home, client, collect([]))
    assert "is not a job" in next(failing(home)).error
    assert inbox.due() == []


def test_a_second_worker_leaves_at_once(home, client):
    end(home, said(client, "a"))
    done = []
    with locked(home / "worker.lock"):
        worker.drain(home, client, collect(done))
    assert done == []
    assert Inbox(home).due() == ["a"]


def test_a_job_that_arrives_while_the_last_one_is_worked_on_is_not_stranded(home, client):
    done = []

    def digest(home, path):
        done.append(path.stem)
        if path.stem == "a":
            end(home, said(client, "b"))

    end(home, said(client, "a"))
    worker.drain(home, client, digest)
    assert done == ["a", "b"]


def test_a_job_that_arrives_after_the_last_look_is_not_stranded(home, client, monkeypatch):
    """Its own worker found the lock taken and left: the first one has to look again once the lock is free."""
    done, leave = [], worker.leave_notice

    def late(home):
        leave(home)
        if not done[1:]:
            end(home, said(client, "late"))

    monkeypatch.setattr(worker, "leave_notice", late)
    end(home, said(client, "a"))
    worker.drain(home, client, collect(done))
    assert done == ["a", "late"]


def test_a_session_that_ends_again_while_it_is_digested_is_digested_again(home, client):
    done = []

    def digest(home, path):
        done.append(path.read_text().count("\n"))
        if len(done) == 1:
            path.write_text(path.read_text() * 2)
            end(home, path)

    end(home, said(client, "a"))
    worker.drain(home, client, digest)
    assert done == [1, 2]


def test_a_retry_never_replaces_a_newer_end_of_the_session(home, client):
    def digest(home, path):
        end(home, path)
        raise SkillloopError("half written")

    end(home, said(client, "a"))
    inbox = Inbox(home)
    inbox.claim("a")
    end(home, said(client, "a"))
    inbox.fail("a", Job("a", "/x.jsonl"), "half written")
    assert json.loads((home / "inbox" / "a.json").read_text())["transcript_path"].endswith("/a.jsonl")
    assert inbox.due() == ["a"]


def test_what_a_dead_worker_was_at_counts_as_a_failure_and_is_tried_again(home, client, monkeypatch):
    end(home, said(client, "a"))
    Inbox(home).claim("a")
    done = []
    worker.drain(home, client, collect(done))
    assert json.loads((home / "inbox" / "a.json").read_text())["attempts"] == 1
    monkeypatch.setattr(queue, "BACK_OFF", 0.0)
    worker.drain(home, client, collect(done))
    assert done == ["a"]


def test_a_session_that_kills_its_worker_each_time_is_failing_in_the_end(home, client, monkeypatch):
    monkeypatch.setattr(queue, "BACK_OFF", 0.0)
    path = said(client, "deadly")
    end(home, path)
    inbox = Inbox(home)
    for _ in range(queue.ATTEMPTS):
        inbox.recover()
        if inbox.due():
            inbox.claim("deadly")
    inbox.recover()
    done = []
    worker.drain(home, client, collect(done))
    assert done == []
    assert "died" in next(failing(home)).error


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_great_many_jobs_are_drained(home, client, count):
    path, done = said(client, "one"), []
    inbox = Inbox(home)
    for number in range(count):
        job = {"session_id": f"s{number}", "transcript_path": str(path)}
        (inbox.waiting / f"s{number}.json").write_text(json.dumps(job))
    worker.drain(home, client, lambda home, path: done.append(path))
    assert len(done) == count


def test_what_killed_hooks_left_half_written_is_cleared_away_in_time(home, client):
    old, fresh = Inbox(home).waiting / ".a.1", Inbox(home).waiting / ".b.2"
    old.write_text("{")
    fresh.write_text("{")
    os.utime(old, (1, 1))
    worker.drain(home, client, collect([]))
    assert (old.exists(), fresh.exists()) == (False, True)


KILLED = """
import pathlib, sys
from skillloop.worker import worker
home, client = map(pathlib.Path, sys.argv[1:])
worker.drain(home, client, lambda home, path: (home / "done").touch())
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("call", ["rename", "renameat", "link", "unlink", "fsync", "flock"])
def test_a_worker_killed_at_any_system_call_has_digested_the_job_or_left_it(home, client, call):
    path, points = said(client, "a"), 0
    for point in range(1, 100):
        shutil.rmtree(home)
        home.mkdir()
        end(home, path)
        kill = ["strace", "-f", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={point}"]
        run = [*kill, sys.executable, "-c", KILLED, home, client]
        killed = subprocess.run(run, cwd=ROOT, capture_output=True, check=False).returncode
        assert (home / "done").exists() or list((home / "inbox").rglob("a.json")), f"{call} {point}"
        points += killed != 0
        if not killed:
            break
    assert points or call == "link"


def test_a_growing_transcript_is_waited_for(home, client):
    path = said(client, "a", age=0)

    def grow():
        for _ in range(3):
            time.sleep(0.15)
            with path.open("a") as file:
                file.write("more\n")

    writer = threading.Thread(target=grow)
    writer.start()
    worker.settle(path)
    writer.join()
    assert path.read_text().count("more") == 3


def test_a_transcript_that_grows_while_it_is_read_gives_whole_turns_only_and_is_read_on(
    home, client, tmp_path
):
    """A writer appends records byte by byte; every reading is a beginning of the whole, and the last one is all of it."""
    from transcripts import Transcript

    from skillloop.hosts.claude_code import transcript

    talk = Transcript()
    for number in range(40):
        talk.typed(f"Word number {number}").says(f"Answer {number}")
    data, path = talk.data(), client / "projects" / "-p" / "grows.jsonl"
    path.write_bytes(data[:2000])

    def grow():
        with path.open("ab", buffering=0) as file:
            for start in range(2000, len(data), 97):
                file.write(data[start : start + 97])
                time.sleep(0.0005)

    writer = threading.Thread(target=grow)
    writer.start()
    seen = []
    while writer.is_alive():
        seen.append([turn.text for turn in transcript.read(path).turns])
    whole = [turn.text for turn in transcript.read(path).turns]
    assert len(whole) == 80
    assert len({len(turns) for turns in seen}) > 1
    assert all(turns == whole[: len(turns)] for turns in seen)


@pytest.mark.parametrize("how", ["unlinked", "cut", "replaced"])
def test_a_transcript_that_vanishes_while_it_is_read_never_breaks_the_worker(home, client, monkeypatch, how):
    from transcripts import Transcript

    from skillloop.hosts.claude_code import transcript

    path = client / "projects" / "-p" / "gone.jsonl"
    Transcript().typed("How much sleep?").says("Eight hours.").typed("No, that is wrong.").write(path)
    os.utime(path, (1, 1))
    end(home, path)
    read = transcript.read

    def late(found):
        if how == "unlinked":
            path.unlink()
        elif how == "cut":
            os.truncate(path, 10)
        else:
            said(client, "other").rename(path)
        return read(found)

    monkeypatch.setattr(transcript, "read", late)
    worker.drain(home, client, worker.digested)
    waiting = [json.loads(job.read_text())["error"] for job in (home / "inbox").rglob("*.json")]
    assert not any("Error:" in error for error in waiting), waiting
    assert (home / "notice.json").exists()


def test_the_first_sweep_takes_the_past_as_seen_and_the_next_finds_what_ended_without_a_hook(home, client):
    done = []
    said(client, "old")
    worker.drain(home, client, collect(done))
    said(client, "killed")
    worker.drain(home, client, collect(done))
    worker.drain(home, client, collect(done))
    assert done == ["killed"]


def test_the_second_start_offers_once_to_look_at_the_past(home, client, monkeypatch):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(client))
    for name, days in (("now", 0), ("lately", 20), ("long-ago", 40)):
        said(client, name, age=days * 86_400)
    worker.drain(home, client, collect([]))
    assert f"{READY} You had 2 sessions in the last 30 days: /skillloop:reflect 30d" in hook.notice(str(home))
    worker.drain(home, client, collect([]))
    assert message(home) == ""


def test_a_start_says_at_once_that_the_rules_cannot_be_read_and_no_more_once_they_can(home, client):
    python = home / "env" / "current" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    worker.drain(home, client, collect([]))
    rules, said = home / "config.toml", []
    for text, age in (('[apply]\nmodus = "auto"\n', 0), ('[apply]\nmode = "auto"\n', -1)):
        rules.write_text(text)
        os.utime(rules, (time.time() - age, time.time() - age))
        said += [hook.notice(str(home))]
    assert f"skillloop is off until you correct {rules}:2: " in said[0]
    assert json.loads(said[1])["systemMessage"] == READY


def test_a_start_says_that_auto_mode_is_paused_until_the_setting_is_confirmed(home):
    with Store.open(home) as store:
        confirmation.record_changes(store, home)
        (home / "config.toml").write_text('[apply]\nmode = "auto"\n')
        worker.leave_notice(home)
        assert message(home).count("Auto mode is paused") == message(home).count("constraints --confirm") == 1
        confirmation.confirm(store, home, confirmation.all_changes(store, home), "a terminal")
    worker.leave_notice(home)
    assert "paused" not in message(home)


def test_a_start_in_a_project_says_that_its_rules_cannot_be_read_until_they_can(
    home, client, monkeypatch, tmp_path
):
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(tmp_path / "project"))  # a hook may start anywhere
    python = home / "env" / "current" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    rules = tmp_path / "project" / ".claude" / "skillloop.toml"
    rules.parent.mkdir(parents=True)
    worker.drain(home, client, collect([]))
    said = []
    for text, age in (('[apply]\nmodus = "auto"\n', 0), ('[apply]\nmode = "auto"\n', -1)):
        rules.write_text(text)
        os.utime(rules, (time.time() - age, time.time() - age))
        monkeypatch.chdir(tmp_path)
        said += [hook.notice(str(home))]
        monkeypatch.chdir(rules.parents[1])
        worker.drain(home, client, collect([]))
        said += [hook.notice(str(home))]
    assert said[0] == said[1]
    assert f"skillloop is off in one folder until you correct {rules}:2: " in said[0]
    assert "is off" not in said[2] + said[3]


def test_a_transcript_that_grew_after_its_digest_is_found(home, client):
    done = []
    end(home, said(client, "a"))
    worker.drain(home, client, collect(done))
    said(client, "a", words="one more thing")
    worker.drain(home, client, collect(done))
    assert done == ["a", "a"]


def test_a_running_session_is_left_alone_until_its_process_is_gone(home, client):
    done = []
    worker.drain(home, client, collect(done))
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (client / "sessions" / f"{process.pid}.json").write_text(
        json.dumps({"pid": process.pid, "sessionId": "live"})
    )
    said(client, "live")
    worker.drain(home, client, collect(done))
    assert done == []
    process.kill()
    process.wait()
    worker.drain(home, client, collect(done))
    assert done == ["live"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_killed_client_that_nobody_has_reaped_is_not_running(client):
    process = subprocess.Popen(["true"])
    until = time.monotonic() + 5
    while Path(f"/proc/{process.pid}/stat").read_text().split()[2] != "Z" and time.monotonic() < until:
        time.sleep(0.01)
    (client / "sessions" / "1.json").write_text(json.dumps({"pid": process.pid, "sessionId": "zombie"}))
    assert queue.running(client) == frozenset()
    process.wait()


def test_a_process_number_given_to_another_does_not_keep_a_session_alive(client):
    record = {"pid": os.getpid(), "sessionId": "gone", "procStart": "1"}
    (client / "sessions" / "1.json").write_text(json.dumps(record))
    (client / "sessions" / "2.json").write_text('{"pid": 12')
    (client / "sessions" / "3.json").write_text("[]")
    assert queue.running(client) == frozenset()


def test_a_failing_session_is_not_swept_up_again_before_its_back_off(home, client):
    tries = []
    worker.drain(home, client, collect([]))
    said(client, "bad")
    for _ in range(3):
        worker.drain(home, client, lambda home, path: tries.append(path) or 1 / 0)
    assert len(tries) == 1


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}'])
def test_a_damaged_memory_of_what_was_seen_starts_afresh(home, client, text):
    (home / "seen.json").write_text(text)
    said(client, "old")
    done = []
    worker.drain(home, client, collect(done))
    assert done == []
    assert len(json.loads((home / "seen.json").read_text())) == 1


def test_the_worker_process_keeps_its_files_private_and_says_when_it_stopped(home, client):
    (home / "inbox").write_text("not a folder")
    environment = {**os.environ, "SKILLLOOP_HOME": str(home), "CLAUDE_CONFIG_DIR": str(client)}
    command = [sys.executable, "-m", "skillloop.worker.worker"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "worker: stopped" in done.stderr
    assert "worker stopped: FileExistsError" in message(home)
    assert (home / "notice.json").stat().st_mode & 0o777 == 0o600
