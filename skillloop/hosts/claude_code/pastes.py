"""Tells what a person pasted from what the person typed: by the client's marks, by its prompt history, and by its shape.

Clients before 2.1.332 write a paste unmarked, later ones still a short one. The client's `history.jsonl`, beside the `projects`
folder, keeps the typed line and the pasted texts apart (a long text under its hash, in `paste-cache`). Where it is missing, what
plainly is a paste moves out of the words: fenced blocks, quoted runs, logs, stack traces, terminal output, tables and code.
Invariant: the remark beside a paste stays, and so does prose of any length; in doubt a text counts as typed: the gate decides.
"""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from skillloop.hosts.claude_code.hooks import receipts
from skillloop.hosts.claude_code.records import dicts, string
from skillloop.text.contradiction import instructs
from skillloop.text.lexicon import table

SHORTEST = 20  # characters of a paste in the history; a shorter one is a word like any other
LARGEST = 64 << 20  # bytes of a history that is still looked through
CLUSTER = 3  # so many machine-like lines make a paste
GAP = 6  # so many other lines between two machine-like ones belong to it
LONG = 2000  # lines that a person may have typed; what follows them is pasted
REMARK = 4  # words from which a line can be a remark between two pastes
_LOOK = 300  # characters of a line that are looked at
_FENCE = re.compile(r"[ \t]*(`{3,20}|~{3,20})(.*)")
_QUOTE = re.compile(r"\n[ \t]*>(?!>)")  # begins with a literal, which is searched for several times faster
_QUOTED = re.compile(r"(?:^[ \t]*>(?!>).*(?:\n|\Z))+", re.MULTILINE)
_SCREEN_LINE = re.compile(table("pastes")["screen-line"], re.MULTILINE)
_FAILURE_LINE = re.compile(table("pastes")["failure-line"], re.MULTILINE | re.IGNORECASE)
_PROMPT = re.compile(table("pastes")["prompt"])
_PROSE = re.compile(r"[\w¿¡\"“(][^{};=<>|]*")
_MACHINE_LINE = re.compile(table("pastes")["machine-line"], re.VERBOSE)
_CODE_ENDS = (";", "{", "}")


def separate(text: str, known: tuple[str, ...] = ()) -> tuple[str, tuple[str, ...]]:
    """Split a message into the person's own words and the pasted pieces; `known` ones are given by `from_history`."""
    text, pasted = receipts.typed_and_pasted(text)
    for paste in known:
        if paste in text:
            pasted.append(paste)
            text = text.replace(paste, "\n")
    unknown = text

    def take(match: re.Match[str]) -> str:
        pasted.append(match[0].strip("\n"))
        return "\n"

    if "```" in text or "~~~" in text:
        text = _without_fences(text, pasted)
    text = _SCREEN_LINE.sub(take, text)
    if text.count("\n") >= CLUSTER - 1:
        text = _without_output(text, pasted)
    if ">" in text and _QUOTE.search("\n" + text):
        text = _QUOTED.sub(take, text)
    if not text.strip() and (own := _own_line(unknown.strip("\n").split("\n"))):
        return own, tuple(pasted)  # with what it was taken from: so the gate asks the person
    return text.strip(), tuple(pasted)


def _own_line(lines: list[str]) -> str:
    """Return the line that was typed if anything, as all else looks pasted: quoted at the head, or an order below output."""
    first, last = lines[0].strip(), lines[-1].strip()
    if first.startswith("> ") and not any(line.lstrip().startswith(">") for line in lines[1:]):
        return first[2:].strip()
    if len(lines) == 1 or lines[-2].lstrip().startswith(("`", "~", ">")) or any(map(_FENCE.match, lines)):
        return ""
    machine = any(pattern.match(last) for pattern in (_MACHINE_LINE, _FAILURE_LINE, _PROMPT))
    return last if _prose(last) and not machine and instructs(last) else ""


def _prose(line: str) -> bool:
    """Return whether a line has the words of a remark, and no signs of code."""
    return len(line.split()) >= REMARK and _PROSE.fullmatch(line[:_LOOK]) is not None


def without_failures(text: str) -> str:
    """Return a text without the lines in which a program says that it failed."""
    return _FAILURE_LINE.sub(" ", text)


def _without_fences(text: str, pasted: list[str]) -> str:
    """Take all from the first fence to the last out of the text, or to its end where a block stays open.

    Words between two blocks go, too: who wrote them cannot be told. A fence with a word behind it opens a block even inside
    another; a remark behind the last one was typed.
    """
    lines = text.split("\n")
    fences = [(at, fence) for at, line in enumerate(lines) if (fence := _FENCE.match(line))]
    if not fences:
        return text
    opened: list[str] = []
    for at, fence in fences:
        mark, behind = fence[1], fence[2].strip("`~ \t")
        closes = not behind or (at == fences[-1][0] and _prose(behind))
        if opened and closes and mark.startswith(opened[-1]):
            opened.pop()
        elif behind or not opened:
            opened.append(mark)
    first, last = fences[0][0], fences[-1][0]
    end = len(lines) if opened else last + 1
    tail = "" if opened or not _prose(behind) else behind
    pasted.append("\n".join(lines[first:end]).removesuffix(tail))
    return "\n".join([*lines[:first], tail, *lines[end:]])


def _without_output(text: str, pasted: list[str]) -> str:
    """Take logs, traces, terminal output and code out of the text, appending them to `pasted`."""
    lines = text.split("\n")
    runs: list[tuple[int, int, int]] = []  # first and last machine-like line, and how many such there are
    for at in _marks(lines):
        # a paragraph of prose between two, set off by a blank line, is a remark
        between = range(runs[-1][1] + 1, at) if runs else ()
        remark = any(_prose(lines[near]) for near in between if not lines[near - 1].strip())
        if runs and at - runs[-1][1] <= GAP and not remark:
            runs[-1] = (runs[-1][0], at, runs[-1][2] + 1)
        else:
            runs.append((at, at, 1))
    kept, done = [], 0
    for first, last, count in runs:
        if count >= CLUSTER:
            kept += lines[done:first]
            pasted.append("\n".join(lines[first : last + 1]))
            done = last + 1
    return "\n".join(kept + lines[done:])


def _marks(lines: list[str]) -> list[int]:
    """Return the lines that look machine-made; after a shell prompt, every line up to a blank one."""
    marks, output = [], False
    for at, line in enumerate(lines[:LONG]):
        head = line[:_LOOK]
        prompt = _PROMPT.match(head) is not None
        output = prompt or (output and bool(line.strip()))
        code = head.rstrip().endswith(_CODE_ENDS) and not _prose(head.rstrip(" {"))
        if output or code or _MACHINE_LINE.match(head):
            marks.append(at)
    return [*marks, *range(LONG, len(lines))]


def from_history(transcript: Path) -> tuple[str, ...]:
    """Return the texts that were pasted into this session, longest first; none where no history tells."""
    projects = transcript.parent.parent
    history = projects.parent / "history.jsonl"
    if projects.name != "projects" or not history.is_file() or history.stat().st_size > LARGEST:
        return ()
    texts: set[str] = set()
    session = json.dumps(transcript.stem).encode()
    try:
        with history.open("rb") as lines:
            for line in lines:
                if session in line and b'"content' in line:
                    with suppress(ValueError, RecursionError, AttributeError, LookupError, TypeError):
                        pastes = dicts([*json.loads(line)["pastedContents"].values()])
                        texts.update(_pasted_text(paste, history.parent / "paste-cache") for paste in pastes)
    except OSError:
        return ()
    return tuple(sorted((text for text in texts if len(text) >= SHORTEST), key=len, reverse=True))


def _pasted_text(paste: dict[str, Any], cache: Path) -> str:
    """Return a paste's text, from the entry itself or from the cache."""
    text, key = string(paste.get("content")).strip(), string(paste.get("contentHash"))
    with suppress(OSError, ValueError):
        text = text or (key.isalnum() and (cache / f"{key}.txt").read_text("utf-8").strip()) or ""
    return text
