"""Claude Code's transcripts, read: a streaming, tolerant reader from JSONL to a `Session`.

Invariants: a broken line is counted and skipped, never fatal; memory does not grow with the file, only with the turns in
it; the same bytes give the same session; and what no person wrote is never a human turn (see `authorship`).
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from skillloop.errors import SkillloopError, UsageError
from skillloop.hosts.claude_code import pastes
from skillloop.hosts.claude_code.records import Lines, parse, skim
from skillloop.hosts.claude_code.turn_assembler import Assembly
from skillloop.model import Session

__all__ = ["echoes", "find", "locate", "read", "read_all"]

BAD_SHARE = 0.05  # of the lines: from more on the session is partial
ECHO_WORDS, ECHO_LETTERS = 5, 12
"""Words of a sentence, or letters where a script has no spaces, from which two do not say the same by accident."""
PARALLEL_FROM = 64 << 20
"""Bytes of transcripts from which starting more processes pays."""


def read(path: Path | str, *, prefilter: bool = True) -> Session:
    """Read a transcript.

    Args:
        path: The JSONL file.
        prefilter: False parses every line; it exists to prove that the result is the same.

    Returns:
        The session. `end` is the offset after the last whole line: a half-written one is left for next time.

    Raises:
        SkillloopError: there is no such file, it cannot be read, or nothing in it is a record.
    """
    path = Path(path)
    assembly = Assembly(pastes.from_history(path), path.with_suffix("") / "subagents")
    lines = Lines(path)
    count = _assemble(lines, assembly, prefilter=prefilter)
    if not count:
        raise SkillloopError(
            f"{path} holds no record of a session",
            "give a transcript that Claude Code wrote, with at least one whole line",
        )
    assembly.finish()
    human = assembly.human_drafts()
    assembly.rewinds.mark_abandoned(path, human)
    facts, bad = assembly.facts, assembly.bad
    return Session(
        facts.get("sessionId") or path.stem,
        str(path),
        tuple(draft.turn(index) for index, draft in enumerate(assembly.drafts)),
        skills=tuple(assembly.skills.seen),
        cwd=assembly.skills.home(facts["cwd"]) if "cwd" in facts else None,
        version=facts.get("version"),
        records=count,
        bad_lines=bad,
        machine=assembly.machine,
        partial=bad > BAD_SHARE * (count + bad) or not assembly.recognised,
        automated=assembly.automatic and not human,
        tainted=assembly.tainted,
        end=lines.end,
        digest=lines.digest,
    )


def _assemble(lines: Lines, assembly: Assembly, *, prefilter: bool) -> int:
    """Take every line; return the number of records up to the last one."""
    number = 0
    for batch in lines:
        assembly.rewinds.turn_to(batch, number + 1)
        for line in batch:
            number += 1
            replying = assembly.reply is not None
            blocks = skim(line, replying=replying, awaited=assembly.awaited) if prefilter else None
            if blocks:
                assembly.go_on(blocks)
            elif blocks is not None:
                continue
            elif (record := parse(line)) is not None:
                assembly.take(record, number, line)
            elif line.strip():
                assembly.bad += 1
            else:
                assembly.blank += 1
    return number - assembly.bad - assembly.blank


def read_all(paths: Sequence[Path]) -> Iterator[Session | SkillloopError]:
    """Read transcripts, in order, on every core where that pays; one that cannot be read gives its error."""
    if len(paths) < 2 or sum(map(_size, paths)) < PARALLEL_FROM or (os.cpu_count() or 1) < 2:
        yield from map(_read_or_error, paths)
        return
    with ProcessPoolExecutor(initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        yield from pool.map(_read_or_error, paths)


def _read_or_error(path: Path) -> Session | SkillloopError:
    try:
        return read(path)
    except SkillloopError as error:
        return error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def echoes(path: Path, quotes: dict[str, int]) -> set[str]:
    """Find the quotes that the assistant, or a result of its tools, had before the person: they are nobody's words.

    A person who pastes what the assistant printed quotes it without a mark. Who had a sentence first is told by the
    lines as they stand, so nothing has to be kept while a session is read.

    Args:
        path: The transcript.
        quotes: Verbatim spans of a person's turns, each with the 1-based line of its turn.
    """
    needles = {quote: _needles(quote) for quote in quotes if _long_enough(quote)}
    found: set[str] = set()
    number = 0
    for batch in Lines(path) if needles else ():
        for line in batch:
            number += 1
            for quote in [quote for quote, marks in needles.items() if any(mark in line for mark in marks)]:
                result = b'"tool_result"' in line
                if number < quotes[quote] and (
                    result or b'"type":"assistant"' in line or b'"type": "assistant"' in line
                ):
                    found.add(quote)
                if number >= quotes[quote] or result or b'"user"' in line or quote in found:
                    del needles[quote]
            if not needles:
                return found
    return found


def _needles(quote: str) -> tuple[bytes, ...]:
    """Return how a text stands in a line of JSON: as UTF-8, or as ASCII with escapes."""
    forms = (json.dumps(quote, ensure_ascii=ascii_only)[1:-1] for ascii_only in (False, True))
    return tuple({form.encode("utf-8", "surrogatepass") for form in forms})


def _long_enough(quote: str) -> bool:
    """Return whether it is no accident if somebody else said the very same."""
    return len(quote.split()) >= ECHO_WORDS or (not quote.isascii() and len(quote) >= ECHO_LETTERS)


def find(projects: Path) -> Iterator[Path]:
    """Find the main transcripts of a projects folder (`~/.claude/projects`), by name.

    They lie one level down, `SLUG/SESSION.jsonl`; sub-agents' files lie deeper or are called `agent-*.jsonl`.
    """
    for path in sorted(projects.glob("*/*.jsonl")):
        if not path.name.startswith("agent-") and path.is_file():
            yield path


def locate(session: Path | str, projects: Path) -> Path:
    """Return the transcript that a path, a session id or the beginning of one names.

    Raises:
        UsageError: no transcript is called so, or several are.
    """
    path = Path(session).expanduser()
    if path.exists() or path.suffix == ".jsonl" or len(path.parts) > 1:
        return path
    matches = [match for match in find(projects) if match.stem.startswith(path.name)]
    exact = [match for match in matches if match.stem == path.name]
    if len(exact or matches) == 1:
        return (exact or matches)[0]
    if matches:
        names = ", ".join(str(match) for match in matches[:5])
        raise UsageError(
            f"{len(matches)} sessions begin with {session}: {names}", "give more of the id, or the path"
        )
    raise UsageError(
        f"no session {session} under {projects}", "give a path, or an id that `skillloop status` shows"
    )
