"""Approving is a person's act: in a terminal by a code, inside a session by Claude Code's own permission dialog.

A change of Claude's to a skill, or to a rules file, that would break a rule of the person's opens the same dialog.

A command that decides something (`GUARDED`, `constraints --confirm`) refuses to run without a terminal unless it carries a
one-time token. Only the plugin's PreToolUse hook issues tokens, in the very answer that opens the dialog: it asks the command
what it would decide (`--token ?`), shows that to the person, and adds the token to the command that runs after their yes. Forms
that it does not know (`sh -c`, pipes, `cd x && …`) get none, so the command refuses them; where the hook fails, the same.

Invariants: a token is accepted once, within `LIFETIME`, for exactly the action and content that it was issued for; it
is stored only as a hash. Not covered (docs/security.md): a process of the same user can write whatever skillloop can write.
`guard` runs this as that hook, on any Python: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import shlex
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

LIFETIME = 900.0  # seconds that a dialog may stay open
PREVIEW = "?"  # in the place of the token: say what would be decided, and decide nothing
GUARDED = ("approve", "reject", "rollback", "uninstall")
CONFIRM = "--confirm"  # of `skillloop constraints`
RULES = "skillloop.toml"
REFUSED = 4  # exit status of a command that a rule refuses: `errors.Refused`
READS_LOG = r"(?:cat|tail|head)(?: -n ?\d+| -\d+)? [~$\w/.-]*/\.skillloop/log/worker\.log"
"""A command that only reads how far the environment is, as our skills say."""
OURS = "This touches skillloop's own data or settings, which only a person changes."
ASKING = ("default", "acceptEdits", "plan")
"""The permission modes in which the client opens a dialog about a file in a `.claude` folder, whatever a hook says."""
CHECKED = ("SKILL.md", "learned.md")  # files of which a change of Claude's is held to the person's rules
_WRAPPED = re.compile(
    rf"skillloop['\"]?\s[^;|&\n]*(?:\b(?:{'|'.join((*GUARDED, 'remember'))})\b|\s{CONFIRM}\b)"
)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
_KEY = os.urandom(16)


def code(digest: str) -> str:
    """Return four characters to retype in a terminal: bound to what was shown, and known only to this process."""
    mac = hmac.new(_KEY, digest.encode(), hashlib.sha256).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in mac[:4])


def issue_token(home: Path, action: str, digest: str) -> str:
    """Return a one-time token for one action, e.g. "approve 3fa8", on the content with this digest."""
    token = os.urandom(16).hex()
    folder = home / "tokens"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.iterdir():
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > LIFETIME:
                old.unlink()
    record = json.dumps({"action": action, "digest": digest, "made": time.time()})
    handle = os.open(_place(home, token), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(record)
    return token


def accept(home: Path, token: str, action: str, digest: str) -> bool:
    """Return whether a person said yes to exactly this in the dialog. Asking uses the token up, whatever the answer."""
    place = _place(home, token)
    try:
        record = json.loads(place.read_text(encoding="utf-8"))
        place.unlink()  # of two that read it, one fails here
        fresh = 0 <= time.time() - record["made"] <= LIFETIME
        return fresh and (record["action"], record["digest"]) == (action, digest)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _place(home: Path, token: str) -> Path:
    return home / "tokens" / hashlib.sha256(token.encode()).hexdigest()


def answer(home: Path, event: dict[str, Any]) -> dict[str, Any] | None:
    """Return the hook's answer to one tool call: ask the person, or None where skillloop has no say in it."""
    tool_input: dict[str, Any] = event.get("tool_input") or {}
    if event.get("tool_name") == "Bash":
        command = str(tool_input.get("command", ""))
        words = parse(command)
        if words is not None:
            return _decision(home, tool_input, words)
        if re.fullmatch(READS_LOG, command):
            return None
        if _WRAPPED.search(command):
            return _ask("This may decide about a skill in your name without showing you what.")
        names = (str(home), home.name, RULES) if home.name.startswith(".") else (str(home), RULES)
        return _ask(OURS) if any(name in command for name in names) else None
    path = Path(os.path.normpath(str(tool_input.get("file_path", ""))))
    reason = OURS if home in path.parents or path.name == RULES else ""
    if path.name in CHECKED:
        reason = reason or _broken(home, path, tool_input)
    if reason and ".claude" in path.parts and event.get("permission_mode", "default") not in ASKING:
        why = f"{reason} Claude Code asks nobody in this mode: make the change by hand if you want it."
        return _answer("deny", why)
    return _ask(reason) if reason else None


def parse(command: str) -> list[str] | None:
    """Return the words of a command line that is one plain call of skillloop and nothing else, else None."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:  # an open quote
        return None
    plain = not any(set(word) <= set("();<>|&") for word in words) and "\n" not in command.strip()
    if not plain or not words or Path(words[0]).name != "skillloop":
        return None
    return words


def _decision(home: Path, tool_input: dict[str, Any], words: list[str]) -> dict[str, Any] | None:
    """Ask about a guarded command, with a token for it. None: not guarded, or it will itself say what is wrong."""
    arguments = words[1:]
    verb = arguments[0] if arguments else ""
    decides = verb in GUARDED or (verb == "constraints" and CONFIRM in arguments)
    if not decides or any(word.startswith("--token") for word in arguments):
        return None
    launcher = str(home / "bin" / "skillloop")  # not the one that the session's PATH may lead to
    preview = [launcher, *(word for word in arguments if word != "--json"), "--token", PREVIEW]
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    shown = subprocess.run(preview, stdout=pipe, stderr=quiet, timeout=30, check=False)
    page, _, last = shown.stdout.decode("utf-8", "replace").rstrip("\n").rpartition("\n")
    if shown.returncode:
        return None
    subject = json.loads(last)
    token = issue_token(home, subject["action"], subject["digest"])
    command = " ".join(map(shlex.quote, [*words, "--token", token]))
    return _ask(page or f"skillloop {subject['action']}", {**tool_input, "command": command})


def _broken(home: Path, path: Path, tool_input: dict[str, Any]) -> str:
    """Return which rule of the person's a change of a skill, or of a rules file, breaks; "" where none."""
    call, pipe, quiet = json.dumps(tool_input).encode(), subprocess.PIPE, subprocess.DEVNULL
    command = [str(home / "bin" / "skillloop"), "check", str(path), "--call"]
    with suppress(OSError, subprocess.TimeoutExpired):  # not installed yet: the client asks as without us
        told = subprocess.run(command, input=call, stdout=pipe, stderr=quiet, timeout=30, check=False)
        if told.returncode == REFUSED:
            return f"This change is {told.stdout.decode('utf-8', 'replace').strip()}."
    return ""


def _ask(reason: str, changed_input: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return an answer that opens the permission dialog, in every mode but for files of a `.claude` folder (`ASKING`)."""
    return _answer("ask", reason, **({"updatedInput": changed_input} if changed_input else {}))


def _answer(decision: str, reason: str, **more: Any) -> dict[str, Any]:
    visible = "".join(letter for letter in reason if letter.isprintable() or letter == "\n")
    output = {"permissionDecision": decision, "permissionDecisionReason": visible, **more}
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **output}}


def main(event: bytes) -> None:
    """Answer one tool call on stdout, or with nothing. Failing means: no token."""
    home = os.path.abspath(os.environ.get("SKILLLOOP_HOME") or os.path.expanduser("~/.skillloop"))  # noqa: PTH100, PTH111  (as in session.py)
    reply = answer(Path(home), json.loads(event))
    if reply is not None:
        json.dump(reply, sys.stdout)
