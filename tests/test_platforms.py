"""Every call that is Linux's own is listed in docs/platforms.md with another way, and without any of them the loop runs."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/platforms.md").read_text("utf-8")
LINUX = re.compile(
    r"O_PATH|F_SETLEASE|renameat2|\"/proc|/proc/\{|[Ii]notify|libc\.syscall\(|\bprctl\(|O_TMPFILE|pidfd_|memfd_"
)
ELSEWHERE = """
import ctypes, errno, fcntl, os, runpy, sys

def forbid(event, arguments):
    if event == "open" and str(arguments[0]).startswith("/proc/"):
        raise FileNotFoundError(errno.ENOENT, "there is no /proc", str(arguments[0]))

del fcntl.F_SETLEASE, os.O_PATH
sys.addaudithook(forbid)
sys.platform = "darwin"     # whose renameatx_np the C library here does not have
sys.argv = ["skillloop", *sys.argv[1:]]
runpy.run_module("skillloop.cli", run_name="__main__")
"""


def test_every_call_of_linux_is_on_the_page():
    for path in (ROOT / "skillloop").rglob("*.py"):
        code = re.sub(r'"""[\s\S]*?"""|#.*', "", path.read_text("utf-8"))
        if LINUX.search(code):
            place = str(path.relative_to(ROOT / "skillloop"))
            assert any(
                f"`{each}`" in PAGE for each in (place, f"{path.parent.relative_to(ROOT / 'skillloop')}/")
            ), place


def test_without_them_an_edit_is_found_applied_and_taken_back(tmp_path):
    run = [sys.executable, "-c", ELSEWHERE, "--home", tmp_path, "demo"]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "identical to the original" in done.stdout
