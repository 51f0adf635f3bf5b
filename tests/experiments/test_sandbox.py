"""The policy and the clock, tried by real processes that try to get past them."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skillloop.bench import sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and subreapers are Linux's")


@pytest.fixture
def place(tmp_path):
    """own/ may be written, secret/ may not be read and is watched."""
    for name in ("own", "secret"):
        (tmp_path / name).mkdir()
    (tmp_path / "secret/sealed.bin").write_text("sealed")
    return tmp_path


def attempt(place, code, seconds=10.0, **options):
    script = place / "own/script.py"
    script.write_text(code.replace("SECRET", str(place / "secret")).replace("OWN", str(place / "own")))
    policy = sandbox.Policy((), (place / "own",), watched=(place,))
    log = place / "log.txt"
    ended = sandbox.run(
        [str(script)],
        python=sys.executable,
        policy=policy,
        cwd=place / "own",
        seconds=seconds,
        log=log,
        **options,
    )
    return ended, log.read_text()


def alive(marker):
    listing = subprocess.check_output(["ps", "-eo", "args"], text=True)
    return [line for line in listing.splitlines() if marker in line]


def test_an_honest_command_runs_and_ends_well(place):
    ended, said = attempt(place, "open('OWN/result', 'w').write('x'); print('done')")
    assert (ended.returncode, ended.touched, ended.left, ended.late) == (0, (), (), False)
    assert said == "done\n"


def test_a_secret_cannot_be_read_and_the_attempt_is_named(place):
    ended, said = attempt(place, "print(open('SECRET/sealed.bin').read())")
    assert ended.touched[0].startswith("open ")
    assert "PermissionError" in said


def test_a_swallowed_attempt_is_named_too(place):
    ended, _ = attempt(place, "import os\ntry:\n    os.listdir('SECRET')\nexcept OSError:\n    pass")
    assert (ended.returncode, len(ended.touched)) == (0, 1)


def test_native_code_does_not_get_past_the_policy(place):
    _, said = attempt(
        place, "import os\nos.system('cat SECRET/sealed.bin; rm SECRET/sealed.bin; echo x > SECRET/y')"
    )
    assert said.count("Permission denied") == 3
    assert [p.name for p in (place / "secret").iterdir()] == ["sealed.bin"]


def test_no_network(place):
    _, said = attempt(place, "import socket\nsocket.create_connection(('127.0.0.1', 9), 1)")
    assert "PermissionError" in said


def test_a_late_command_is_killed_in_time(place):
    start = time.monotonic()
    ended, _ = attempt(place, "import time\ntime.sleep(60)", seconds=0.5)
    assert ended.late
    assert time.monotonic() - start < 8


def test_processor_time_is_a_clock_that_sleeping_does_not_move(place):
    ended, _ = attempt(place, "import time\ntime.sleep(1)", seconds=0.5, clock="cpu")
    assert not ended.late
    assert ended.seconds < 0.5


def test_processor_time_of_helpers_counts(place):
    code = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'while 1: pass'])"
    ended, _ = attempt(place, code, seconds=1.0, clock="cpu")
    assert ended.late


def test_what_is_left_behind_is_found_named_and_killed(place):
    daemon = "import subprocess\nsubprocess.Popen(['sleep', '86397'], start_new_session=True)"
    ended, _ = attempt(place, daemon)
    assert ended.left == ("sleep 86397 ",)
    assert not alive("sleep 86397")


@pytest.mark.slow
def test_a_daemon_that_forked_twice_is_found(place):
    code = "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.execvp('sleep', ['sleep', '86396'])"
    ended, _ = attempt(place, code)
    assert ended.left
    assert not alive("sleep 86396")


def test_killing_the_supervisor_does_not_go_unnoticed(place):
    ended, said = attempt(place, "import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(1)")
    if ended.landlock >= 6:
        assert "PermissionError" in said
    else:
        assert ended.touched == ("the supervisor of this run was killed",)


def test_signals_and_abstract_sockets_stay_inside_where_the_kernel_can_see_to_it(place):
    name = f"\0skillloop-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as outside:
        outside.bind(name)
        outside.listen()
        code = f"""
import os, signal, socket
def reached(what, *args):
    try:
        what(*args)
    except PermissionError:
        return False
    return True
with socket.socket(socket.AF_UNIX) as own, socket.socket(socket.AF_UNIX) as peer:
    own.bind({name!r} + "-own"); own.listen()
    print(reached(socket.socket(socket.AF_UNIX).connect, {name!r}), reached(os.kill, {os.getpid()}, 0),
          reached(peer.connect, {name!r} + "-own"), reached(os.kill, os.getpid(), 0))
"""
        ended, said = attempt(place, code)
    inside = "False False" if ended.landlock >= 6 else "True True"
    assert said == f"{inside} True True\n"


def test_the_log_is_out_of_reach(place):
    ended, said = attempt(
        place,
        f"import os\nprint('before', flush=True)\ntry:\n    os.remove('{place}/log.txt')\nexcept OSError:\n    print('no')",
    )
    assert said == "before\nno\n"
    assert ended.touched


def test_the_command_ends_with_its_runner(place):
    code = f"""
import sys
sys.path.insert(0, {str(Path(sandbox.__file__).parent.parent.parent)!r})
from pathlib import Path
from skillloop.bench import sandbox
script = Path({str(place)!r}, "own/script.py")
script.write_text("import subprocess; subprocess.run(['sleep', '86395'])")
policy = sandbox.Policy((), (script.parent,))
sandbox.run([str(script)], python=sys.executable, policy=policy, cwd=script.parent, seconds=60, log=Path({str(place)!r}, "log.txt"))
"""
    runner = subprocess.Popen([sys.executable, "-c", code], env=dict(os.environ))
    deadline = time.monotonic() + 20
    while not alive("sleep 86395") and time.monotonic() < deadline:
        time.sleep(0.05)
    runner.kill()
    runner.wait()
    while alive("sleep 86395") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive("sleep 86395")


@pytest.mark.parametrize("job", ["", '{"python": "/usr/bi'])
def test_a_runner_that_ends_before_its_job_is_written_leaves_nothing_behind(job):
    command = [sys.executable, "-I", Path(sandbox.__file__).with_name("supervise.py")]
    done = subprocess.run(command, input=job, text=True, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")


def test_a_folder_that_trials_can_read_is_known(tmp_path):
    assert sandbox.exposed(Path("/usr/share/somewhere"), sys.executable) == "/usr"
    assert sandbox.exposed(tmp_path, sys.executable) is None
