"""`skillloop …` in a child of a warmed-up process: everything a person's command does but the interpreter's start and the imports.

As a script it is that process: for each JSON object {"args", "env", "cwd"} on its socket, sent with the three standard file
descriptors, it forks a child, answers with its process id, and with its exit code once it has ended.
"""

import atexit
import fcntl
import functools
import importlib
import json
import os
import pkgutil
import socket
import subprocess
import sys
import tempfile
import termios
import traceback
from pathlib import Path


class Warm:
    """The warmed-up process."""

    def __init__(self):
        self.socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno())]
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        self.answers = self.socket.makefile()
        atexit.register(self.close)

    def start(self, args, env, fds):
        """Start a command; its process id."""
        request = json.dumps({"args": [str(arg) for arg in args], "env": env, "cwd": str(Path.cwd())})
        socket.send_fds(self.socket, [request.encode()], fds)
        return int(self.answers.readline())

    def wait(self):
        """Its exit code, negative for a signal."""
        return int(self.answers.readline())

    def close(self):
        self.answers.close()
        self.socket.close()
        self.process.wait()


@functools.cache
def warm():
    """One for all tests of this process."""
    return Warm()


def run(args, env, given=""):
    """Run a command without a terminal, with this input; what `subprocess.run` would return."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as into:
        into.write(given.encode())
        into.seek(0)
        warm().start(args, env, [into.fileno(), out.fileno(), err.fileno()])
        code = warm().wait()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(args, code, out.read().decode(), err.read().decode())


def child(request, fds):
    """Be the command; never returns."""
    os.setsid()
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    os.closerange(3, 64)
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv = ["skillloop", *request["args"]]
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    try:
        code = importlib.import_module("skillloop.cli").run(sys.argv[1:])
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def serve(channel):
    """Import what any verb needs, then do what is asked until nobody is left to ask."""
    for module in pkgutil.iter_modules(
        importlib.import_module("skillloop.commands").__path__, "skillloop.commands."
    ):
        importlib.import_module(module.name)
    while True:
        message, fds, _, _ = socket.recv_fds(channel, 1 << 20, 3)
        if not message:
            return
        pid = os.fork()
        if not pid:
            child(json.loads(message), fds)
        for fd in fds:
            os.close(fd)
        channel.sendall(f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        channel.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
