"""A process with everything imported that forks a child for each experiment: a fault costs 20 ms instead of 200.

One JSON object a line on stdin: {"act", "world", "strace": [options] or null, "log": path, "patch": name or null,
"limit": bytes of the largest file or null}; one on stdout: {"code": exit code of the child, negative for a signal,
"message"}. Code 0: done. 70: a SkillloopError, whose message it is. 99: a bug.
"""

import contextlib
import ctypes  # noqa: F401  (so that no child loads it while its calls are counted)
import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import mutants
from verbs import VERBS
from world import ACTS, World

from skillloop.errors import SkillloopError


def child(request, pipe):
    """Do the act and leave without any cleaning up."""
    signal.alarm(30)
    code, message = 0, ""
    patch = mutants.PATCHES[request["patch"]] if request["patch"] else contextlib.nullcontext
    if request["limit"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["limit"], resource.RLIM_INFINITY))
    try:
        with patch():
            if request["strace"] is not None:
                os.kill(os.getpid(), signal.SIGSTOP)
            (ACTS | VERBS)[request["act"]](World(Path(request["world"])))
    except SkillloopError as error:
        code, message = 70, f"{error.message} ({error.hint})"
    except BaseException:  # noqa: BLE001
        code, message = 99, traceback.format_exc()
    os.writev(pipe, [message.encode()])  # a call that no experiment makes fail
    os._exit(code)


def serve(request):
    """Fork a child, let strace at it if asked, and say how it ended."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        child(request, writing)
    os.close(writing)
    tracer = None
    if request["strace"] is not None:
        os.waitpid(pid, os.WUNTRACED)
        command = ["strace", "-o", request["log"], *request["strace"], "-p", str(pid)]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        told = tracer.stderr.readline()
        if "attached" not in told:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return {"code": None, "message": told + tracer.stderr.read()}
        os.kill(pid, signal.SIGCONT)
    _, status = os.waitpid(pid, 0)
    if tracer is not None:
        tracer.communicate()
    with os.fdopen(reading) as pipe:
        return {"code": os.waitstatus_to_exitcode(status), "message": pipe.read()}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(serve(json.loads(line))), flush=True)
