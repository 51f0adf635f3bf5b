"""What the client's session hooks run: hand the finished session over, say what waits for the person, and leave.

It is part of every session, so it is quick and harmless: `os` and `sys` only (importing json costs as much as starting
Python), no transcript is read, nothing is printed but a ready-made notice, and the exit status is 0 whatever happens. It runs
by path on any Python from 3.8 on, before skillloop's environment exists. Invariants: a job file is whole or absent; ends of one
session collapse into one job; the worker that is started outlives the hook, and holds none of its file descriptors.
"""

import os
import sys

LIMIT = 65536  # bytes of hook input; the client sends well under 2 kB
WELCOME = (
    '{"systemMessage": "skillloop drafts edits to your skills from what you correct; you decide on each one. '
    'To draw lessons from a session yourself: /skillloop:reflect. It is being set up in the background, once."}\n'
)
# Variables that tie a process to the session it was started from: the worker belongs to none.
SESSION_VARIABLES = (
    "CLAUDECODE CLAUDE_CODE_CHILD_SESSION CLAUDE_CODE_ENTRYPOINT CLAUDE_CODE_SESSION_ID CLAUDE_ENV_FILE CLAUDE_PROJECT_DIR"
).split()


def state_folder() -> str:
    """Return the folder that holds all of skillloop's state: $SKILLLOOP_HOME, else ~/.skillloop."""
    # as in receipts.py, guard.py and approval.py, which run by path, too
    return os.path.abspath(os.environ.get("SKILLLOOP_HOME") or os.path.expanduser("~/.skillloop"))


def session_id(job: bytes) -> str:
    """Return the id in the hook's JSON input as a safe file name, or one of its own; an escaped quote cannot imitate the key."""
    value = job.partition(b'"session_id"')[2].partition(b'"')[2].partition(b'"')[0]
    name = value.decode("ascii", "replace")
    if len(name) <= 64 and name.replace("-", "").isalnum() and name.isascii():
        return name
    return "unnamed-" + os.urandom(8).hex()


def spool(home: str, job: bytes) -> None:
    """Write the job file of one session, replacing an older one that nobody has taken up yet."""
    if not 0 < len(job) <= LIMIT:
        raise ValueError(f"hook input of {len(job)} bytes")
    inbox = os.path.join(home, "inbox")
    os.makedirs(inbox, mode=0o700, exist_ok=True)
    name = session_id(job)
    path = os.path.join(inbox, f".{name}.{os.getpid()}")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(job)  # all of it, or an error
    os.rename(path, os.path.join(inbox, name + ".json"))


def waiting(home: str) -> int:
    """Return how many jobs wait."""
    try:
        return sum(name.endswith(".json") for name in os.listdir(os.path.join(home, "inbox")))
    except FileNotFoundError:
        return 0


def start_worker(home: str) -> None:
    """Start the worker in a session of its own, with the log as its output."""
    if os.fork():
        return
    try:
        os.setsid()
        folder = os.getcwd()
        os.chdir("/")
        log = os.path.join(home, "log")
        os.makedirs(log, mode=0o700, exist_ok=True)
        output = os.open(os.path.join(log, "worker.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 4096)
        environment = {name: value for name, value in os.environ.items() if name not in SESSION_VARIABLES}
        # whose settings may have set the environment
        project = os.environ.get("CLAUDE_PROJECT_DIR") or folder
        environment.update(SKILLLOOP_HOME=home, SKILLLOOP_INSIDE="1", SKILLLOOP_PROJECT=project)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "environment.py")
        os.execve(sys.executable, [sys.executable, "-I", script], environment)  # noqa: S606  (no shell is wanted)
    finally:
        os._exit(1)


def notice(home: str) -> str:
    """Return what the worker left to say at the start of a session, as the hook's output; "" if nothing.

    It is said once: a second line is the entry of the log that then counts as told. Where rules changed it is made anew.
    """
    try:
        project = os.environ.get("CLAUDE_PROJECT_DIR") or os.getcwd()
        paths = (os.path.join(home, "config.toml"), os.path.join(project, ".claude", "skillloop.toml"))
        changed = max((os.stat(path).st_mtime_ns for path in paths if os.path.exists(path)), default=0)
        if changed > os.stat(os.path.join(home, "notice.json")).st_mtime_ns:
            python = os.path.join(home, "env", "current", "bin", "python")
            command = [python, "-I", "-m", "skillloop.worker.notice"]
            environment = {**os.environ, "SKILLLOOP_HOME": home, "SKILLLOOP_PROJECT": project}
            os.spawnve(os.P_WAIT, python, command, environment)  # noqa: S606
    except OSError:
        pass  # a file is missing
    try:
        with open(os.path.join(home, "notice.json"), encoding="utf-8") as file:
            line, _, told = file.read(LIMIT).partition("\n")
    except FileNotFoundError:
        return "" if os.path.exists(os.path.join(home, "env", "current")) else WELCOME
    if told:
        path = os.path.join(home, "noticed")
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(told)
        os.replace(path + ".new", path)
    return line and line + "\n"


def main(event: str) -> None:
    """Serve one hook: "start" or "end" of a session."""
    # `claude -p`, or what uses the SDK; as in receipts.py
    machine = os.environ.get("CLAUDE_CODE_ENTRYPOINT", "").startswith("sdk")
    if machine or os.environ.get("SKILLLOOP_INSIDE"):
        return
    os.umask(0o077)
    home = state_folder()
    os.makedirs(home, mode=0o700, exist_ok=True)
    if event == "end":
        spool(home, sys.stdin.buffer.read(LIMIT + 1))
    else:
        sys.stdout.write(notice(home))
        sys.stdout.flush()
    start_worker(home)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception as error:  # noqa: BLE001  (a hook that fails is a hook that disturbs)
        sys.stderr.write(f"skillloop: {error}\n")
    os._exit(0)
