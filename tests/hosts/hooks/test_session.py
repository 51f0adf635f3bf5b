"""The session hooks, run as the client runs them: `sh hooks/run session end`, with a worker that only leaves a mark."""

import ast
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from skillloop.hosts.claude_code.hooks import session as inbox

ROOT = Path(__file__).parents[3]
HOOKS = "skillloop/hosts/claude_code/hooks"
ID = "0b5fa0b2-6e52-4a2a-9d0e-7b1a33f0a001"
WORKER = """import os, sys
with open(os.path.join(os.environ["SKILLLOOP_HOME"], "started"), "a") as file:
    file.write(f"{os.getpid()} {os.getsid(0)} {os.environ.get('CLAUDECODE')} {os.environ['SKILLLOOP_INSIDE']}\\n")
print("worker says hello", flush=True)
"""


@pytest.fixture
def plugin(tmp_path):
    """The plugin's hook beside a worker that writes down that it was started."""
    shutil.copytree(ROOT / "hooks", tmp_path / "plugin" / "hooks")
    (tmp_path / "plugin" / HOOKS).mkdir(parents=True)
    shutil.copy(ROOT / HOOKS / "session.py", tmp_path / "plugin" / HOOKS)
    (tmp_path / "plugin" / HOOKS / "environment.py").write_text(WORKER)
    return tmp_path / "plugin"


@pytest.fixture
def hook(plugin, home):
    """Run one hook with an input, in an environment like the client's."""
    python = home / "env" / "current" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(os.path.realpath(sys.executable))

    def run(event="end", stdin=b"", setup=None, **variables):
        environment = {
            "PATH": os.environ["PATH"],
            "SKILLLOOP_HOME": str(home),
            "CLAUDECODE": "1",
            **variables,
        }
        command = ["sh", plugin / "hooks" / "run", "session", event]
        return subprocess.run(
            command,
            input=stdin,
            env=environment,
            capture_output=True,
            timeout=20,
            check=False,
            preexec_fn=setup,
        )

    return run


def ended(session=ID, **more):
    return json.dumps({"session_id": session, "transcript_path": f"/x/{session}.jsonl", **more}).encode()


def written(path):
    """What a started worker wrote, once it has."""
    deadline = time.monotonic() + 10
    while not (path.exists() and path.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return path.read_text()


def test_a_job_that_the_disk_takes_only_in_part_is_absent(hook, home):
    done = hook(stdin=ended(), setup=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)))
    assert b"File too large" in done.stderr
    assert list((home / "inbox").glob("*.json")) == []


def test_an_end_leaves_one_private_job_file_and_starts_a_worker(hook, home):
    done = hook(stdin=ended())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    job = home / "inbox" / f"{ID}.json"
    assert job.read_bytes() == ended()
    assert job.stat().st_mode & 0o777 == 0o600
    assert job.parent.stat().st_mode & 0o777 == 0o700
    assert list(job.parent.iterdir()) == [job]
    assert written(home / "started")


def test_the_worker_is_in_a_session_of_its_own_and_belongs_to_no_session_of_the_client(hook, home):
    hook(stdin=ended())
    pid, session, claudecode, inside = written(home / "started").split()
    assert (pid, claudecode, inside) == (session, "None", "1")
    assert "worker says hello" in written(home / "log" / "worker.log")


def test_the_hook_does_not_wait_for_its_worker(hook, home, plugin):
    (plugin / HOOKS / "environment.py").write_text("import time; time.sleep(6)")
    start = time.monotonic()
    hook(stdin=ended())
    assert time.monotonic() - start < 5


def test_repeated_ends_of_a_session_are_one_job_the_latest(hook, home):
    hook(stdin=ended(reason="clear"))
    hook(stdin=ended(reason="other"))
    assert inbox.waiting(str(home)) == 1
    assert json.loads((home / "inbox" / f"{ID}.json").read_bytes())["reason"] == "other"


@pytest.mark.parametrize(
    "variables",
    [{"SKILLLOOP_INSIDE": "1"}, {"CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}, {"CLAUDE_CODE_ENTRYPOINT": "sdk-py"}],
)
@pytest.mark.parametrize("event", ["start", "end"])
def test_a_session_without_a_person_starts_nothing(hook, home, event, variables):
    done = hook(event, ended(), **variables)
    assert (done.returncode, done.stdout) == (0, b"")
    assert not (home / "inbox").exists()
    assert not (home / "log").exists()


@pytest.mark.parametrize("stdin", [b"", b"x" * 200_000])
def test_an_input_that_is_no_job_is_refused_without_disturbing_anyone(hook, home, stdin):
    done = hook(stdin=stdin)
    assert done.returncode == 0
    assert b"hook input of" in done.stderr
    assert inbox.waiting(str(home)) == 0


def test_a_home_that_cannot_be_written_never_fails_the_session(hook, home, tmp_path):
    (tmp_path / "file").write_text("")
    done = hook(stdin=ended(), SKILLLOOP_HOME=str(tmp_path / "file" / "home"))
    assert done.returncode == 0
    assert b"skillloop:" in done.stderr


@pytest.mark.parametrize(
    ("job", "name"),
    [
        (ended(), ID),
        (b'{"a": "\\"session_id\\": \\"evil\\"", "session_id" : "good"}', "good"),
        (b'{"session_id":"../../x"}', None),
        (b'{"session_id":"' + b"a" * 65 + b'"}', None),
        (b'{"session_id":""}', None),
        (b"{}", None),
        ('{"session_id":"é"}'.encode(), None),
    ],
)
def test_the_session_id_becomes_a_file_name_only_if_it_is_a_plain_one(job, name):
    found = inbox.session_id(job)
    assert found == name if name else found.startswith("unnamed-")


def test_a_start_says_what_the_worker_left_to_say(hook, home):
    (home / "notice.json").write_text('{"systemMessage": "2 edits wait"}\n')
    assert json.loads(hook("start").stdout) == {"systemMessage": "2 edits wait"}


def test_a_start_with_nothing_to_say_says_nothing(hook, home):
    assert hook("start").stdout == b""
    (home / "notice.json").write_text("")
    assert hook("start").stdout == b""


def test_the_first_start_says_what_it_does_and_what_to_type(hook, home):
    shutil.rmtree(home / "env")
    said = json.loads(hook("start").stdout)["systemMessage"]
    assert "/skillloop:reflect" in said
    assert "set up in the background" in said


def test_sessions_that_end_at_once_lose_no_job(hook, home):
    names = [f"{ID[:-3]}{number:03}" for number in range(40)]
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda name: hook(stdin=ended(name)), names))
    assert sorted(path.stem for path in (home / "inbox").iterdir()) == names


def test_the_hook_runs_on_python_3_8_with_nothing_but_os_and_sys():
    tree = ast.parse((ROOT / HOOKS / "session.py").read_text(), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"os", "sys"}
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.slow
def test_a_hook_killed_at_any_system_call_leaves_a_whole_job_or_none(plugin, home):
    """SIGKILL at the n-th of every call that touches the job, until a run gets through."""
    script = plugin / HOOKS / "session.py"
    environment = {"PATH": os.environ["PATH"], "SKILLLOOP_HOME": str(home)}
    job, whole = home / "inbox" / f"{ID}.json", set()
    for call in ("openat", "read", "write", "rename", "close", "mkdir", "clone"):
        for point in range(1, 200):
            shutil.rmtree(home / "inbox", ignore_errors=True)
            kill = ["strace", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={point}"]
            done = subprocess.run(
                [*kill, sys.executable, "-I", "-S", script, "end"],
                input=ended(),
                env=environment,
                check=False,
            )
            whole.add(job.exists())
            assert not job.exists() or job.read_bytes() == ended()
            if done.returncode == 0:
                break
    assert whole == {True, False}
