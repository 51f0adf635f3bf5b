"""Receipts for what a person submitted: the UserPromptSubmit hook keeps a keyed hash of each line.

No prompt waits for it. A line that something else wrote into a transcript has no receipt, so it cannot pass for the person's.
Prompts and slash commands get one, and from 2.1.332 on words that are queued; the comment of a refused tool call, answers to
questions and what the client marks as pasted do not. Not covered: a process of the same user that reads the key.

Invariants: no words are stored, only hashes under a key that never leaves the folder; a session without a person gets
no receipts. The hook half runs by path on any Python: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

import os
import sys

try:  # what `json` and `hashlib` are made of: importing these takes longer than starting Python
    from _blake2 import blake2b
    from _json import make_scanner

    class JSONDecoder:
        """What the scanner asks of a decoder."""

        strict, parse_float, parse_int, parse_constant = True, float, int, float
        object_hook = object_pairs_hook = array_hook = None

except ImportError:
    from hashlib import blake2b
    from json.decoder import JSONDecoder  # type: ignore[assignment]
    from json.scanner import make_scanner

LINES = 200  # of one prompt; a longer one is pasted, and pasted words are no evidence
_READ: dict[tuple[str, int, int], frozenset[str]] = {}
"""The receipts of the session that was asked for last, and the state of their file: it is read once for all its turns."""
_PASTE, _PASTED = '<pasted_content id="', '</pasted_content id="'


def typed_and_pasted(text: str) -> tuple[str, list[str]]:
    """Split a message by the client's marks: what stands outside of them was typed. One that stays open reaches to the end."""
    own = ""
    pastes: list[str] = []
    while True:
        before, mark, rest = text.partition(_PASTE)
        own += before
        if not mark:
            return own, pastes
        name, _, rest = rest.partition('">')
        inside, _, text = rest.partition(f'{_PASTED}{name}">')
        pastes.append(inside.strip("\n"))
        own += "\n"


def issue(home: str | os.PathLike[str], session_id: str, prompt: str) -> None:
    """Keep receipts for one submitted prompt: of every line, and of a slash command's arguments alone."""
    prompt, _ = typed_and_pasted(prompt)
    texts = [prompt]
    if prompt.startswith("/"):
        texts += prompt.split(None, 1)[1:]
    for folder in (home, os.path.join(home, "receipts")):
        os.makedirs(folder, mode=0o700, exist_ok=True)  # the mode is of the last folder alone
    key = _key(home)
    receipts = ["\n" + _receipt(key, session_id, line) for text in texts for line in _lines(text)[:LINES]]
    with open(os.open(_place(home, session_id), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
        file.write("".join(receipts).encode())  # a cut one before has no line end


def submitted(home: str | os.PathLike[str], session_id: str, text: str) -> bool | None:
    """Return whether every line of `text` was submitted in that session; None where the hook was not there to see it."""
    try:
        place = _place(home, session_id)
        status = os.stat(place)
        state = (place, status.st_size, status.st_mtime_ns)
        if state not in _READ:
            with open(place, encoding="ascii") as file:
                _READ.clear()
                _READ[state] = frozenset(file.read().split())
        receipts, key = _READ[state], _key(home)
    except (OSError, ValueError):
        return None
    return all(_receipt(key, session_id, line) in receipts for line in _lines(text))


def _place(home: str | os.PathLike[str], session_id: str) -> str:
    if not session_id.replace("-", "").isalnum():
        raise ValueError(f"{session_id!r} is not the id of a session")
    return os.path.join(home, "receipts", session_id)


def _lines(text: str) -> list[str]:
    """Return the lines that say something, with their spacing made even."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _receipt(key: bytes, session_id: str, line: str) -> str:
    message = f"{session_id}\0{line}".encode("utf-8", "surrogatepass")
    return blake2b(message, key=key, digest_size=16).hexdigest()  # keyed BLAKE2 is a MAC: RFC 7693


def _key(home: str | os.PathLike[str]) -> bytes:
    """Return the secret key, made on first use. Of two processes that make one, the first one's counts."""
    path = os.path.join(home, "receipts.key")
    if not os.path.exists(path):
        fresh = f"{path}.{os.getpid()}"
        try:
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(os.urandom(32))
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(fresh)
    with open(path, "rb") as file:
        return file.read()


def main() -> None:
    """Run as the hook: one submitted prompt on stdin."""
    # as in session.py
    machine = os.environ.get("CLAUDE_CODE_ENTRYPOINT", "").startswith("sdk")
    if machine or os.environ.get("SKILLLOOP_INSIDE"):
        return
    event, _ = make_scanner(JSONDecoder())(sys.stdin.buffer.read().decode().strip(), 0)  # type: ignore[arg-type]
    home = os.path.abspath(os.environ.get("SKILLLOOP_HOME") or os.path.expanduser("~/.skillloop"))
    issue(home, event["session_id"], event["prompt"])


if __name__ == "__main__":
    main()
