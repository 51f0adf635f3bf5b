"""Claude Code's transcripts, read: a streaming, tolerant reader from JSONL to a `Session`.

Invariants: a broken line is counted and skipped, never fatal; memory does not grow with the file, only with the turns in
it; the same bytes give the same session; and what no person wrote is never a human turn (see `authorship`).
"""

import concurrent.futures  # its pools are loaded when one is made
import json
import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path

from skillloop import fs
from skillloop.errors import SkillloopError
from skillloop.hosts.claude_code import pastes
from skillloop.hosts.claude_code.edits import NAMES
from skillloop.hosts.claude_code.records import Lines, skim
from skillloop.hosts.claude_code.turn_assembler import Assembly
from skillloop.model import Session

BAD_SHARE = 0.05  # of the lines: from more on the session is partial
ECHO_WORDS, ECHO_LETTERS = 5, 12
"""Words of a sentence, or letters where a script has no spaces, from which two do not say the same by accident."""
ENDS = 1 << 10  # bytes of a record's start, and of its end, in which its role stands
_ROLES = (b'"assistant"', b'"user"', b'"tool_result"')
_NO_WORD = bytes(at if at > 127 or chr(at).isalnum() else 32 for at in range(256))  # the rest become spaces
PARALLEL_FROM = 64 << 20  # bytes of transcripts from which starting more processes pays


def read(path: Path | str, *, prefilter: bool = True) -> Session:
    """Read a transcript. Its `end` is the offset after the last whole line: a half-written one is left for next time.

    Without `prefilter` every line is parsed, to the same result. The last session is kept: its gate reads it again.
    Raises SkillloopError: the file cannot be read, or has no record.
    """
    path, state = Path(path), None
    with suppress(OSError, ValueError):  # then reading says it
        state = fs.mark(path)
    return _read(path, state, prefilter)


@lru_cache(maxsize=1)
def _read(path: Path, _state: fs.Mark | None, prefilter: bool) -> Session:
    assembly = Assembly(pastes.from_history(path), path.with_suffix("") / "subagents")
    lines, number, names_files = Lines(path), 0, False
    for block in lines:
        names_files = names_files or any(name in block for name in NAMES)
        batch = list(BytesIO(block))  # finds the newlines several times faster than split does
        assembly.rewinds.turn_to(batch, number + 1)
        for line in batch:
            number += 1
            replying = assembly.reply is not None
            blocks = skim(line, replying=replying, awaited=assembly.awaited) if prefilter else None
            if blocks:
                assembly.go_on(blocks)
            elif blocks is None:
                assembly.take(line, number)
    count = number - assembly.bad - assembly.blank
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
        bad_lines=bad,
        partial=bad > BAD_SHARE * (count + bad) or not assembly.recognised,
        automated=assembly.automatic and not human,
        tainted=assembly.tainted,
        names_files=names_files,
        end=lines.end,
        digest=lines.digest,
    )


def read_all(paths: Sequence[Path]) -> Iterator[Session | SkillloopError]:
    """Read transcripts, in order, on every core where that pays; one that cannot be read gives its error."""
    size = 0
    with suppress(OSError):  # reading says it
        size = sum(path.stat().st_size for path in paths)
    if len(paths) < 2 or size < PARALLEL_FROM or (os.cpu_count() or 1) < 2:
        yield from map(_read_or_error, paths)
        return
    with concurrent.futures.ProcessPoolExecutor(
        initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    ) as pool:
        yield from pool.map(_read_or_error, paths)


def _read_or_error(path: Path) -> Session | SkillloopError:
    try:
        return read(path)
    except SkillloopError as error:
        return error


def echoes(session: Session, quotes: dict[str, int]) -> dict[str, str]:
    """Find what the assistant, or a result of its tools, had before the person, who pasted it: those are nobody's words.

    `quotes` are verbatim spans, each with the 1-based line of its turn. Returns those that hold such words, with what is left.
    """
    known: dict[tuple[str, int], str | None] = {}
    with suppress(OSError):  # then reading says it
        state = os.stat(session.path)  # noqa: PTH116
        known = _echoes(session.path, state.st_size, state.st_mtime_ns)
    unknown = quotes.items() - known.keys()
    traces = every = [trace for item in unknown if (trace := _Trace(*item)).marks]
    said = {turn.line for turn in session.human_turns}  # a refusal's comment stands in a tool's result
    before = 0
    for block in Lines(Path(session.path)) if traces else ():
        traces = [trace for trace in traces if not trace.decided and before + 1 < trace.line]
        if not traces:
            break
        for trace in traces:
            for number, line, words in trace.near(block, before):
                ends = line if len(line) <= 2 * ENDS else line[:ENDS] + line[-ENDS:]
                if number in said or any(role in ends for role in _ROLES):
                    result = b'"tool_result"' in line
                    person = number in said or (not result and b'"user"' in line)
                    trace.take(words, person=person)
        before += block.count(b"\n")
    known |= dict.fromkeys(unknown) | {(each.quote, each.line): each.rest for each in every if each.echoed}
    return {quote: rest for quote, line in quotes.items() if (rest := known[quote, line]) is not None}


@lru_cache(maxsize=1)
def _echoes(path: str, size: int, changed: int) -> dict[tuple[str, int], str | None]:  # noqa: ARG001  (they are the key)
    """Remember what was found in a file that has not changed: its gate asks for the same quotes again."""
    return {}


class _Trace:
    """One quote, looked for in overlapping pieces, each too long for two to say the same by accident; spacing does not count."""

    def __init__(self, quote: str, line: int) -> None:
        self.quote, self.line = quote, line
        parts = [match.span() for match in re.finditer(r"\S+", quote)]
        size = ECHO_WORDS
        if len(parts) < ECHO_WORDS and not quote.isascii():
            parts, size = [(at, at + 1) for at in range(len(quote))], ECHO_LETTERS
        spans = [(parts[at][0], parts[at + size - 1][1]) for at in range(len(parts) - size + 1)]
        self._spans = spans
        middle = quote[slice(*spans[len(spans) // 2])] if spans else ""
        words = sorted(re.findall(r"\w+", middle), key=len, reverse=True)
        self.marks = set(zip(*map(_as_json, words), strict=True))
        self.echoed: set[tuple[int, int]] = set()
        self.decided = False  # who had each piece first

    def near(self, block: bytes, before: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Find where all words of the middle piece stand, as they do where half of the quote does, before the quote's line.

        Yields the line's number, the line, and what stands there; `before` is how many lines stand before the block.
        """
        reach = 3 * len(self.quote.encode()) + 100  # with escapes and spacing
        for rare, *others in self.marks:
            at, end, number, line = block.find(rare), 0, 0, b""
            while at >= 0:  # what stands around it on its line
                start = block.rfind(b"\n", max(0, at - reach), at) + 1 or max(0, at - reach)
                stop = block.find(b"\n", at, at + 2 * reach) + 1 or min(len(block), at + 2 * reach)
                if all(block.find(word, start, stop) >= 0 for word in others):
                    if at >= end:  # another line
                        first, end = block.rfind(b"\n", 0, at) + 1, block.find(b"\n", at) + 1 or len(block)
                        number, line = before + 1 + block.count(b"\n", 0, first), block[first:end]
                    if number >= self.line:
                        break
                    yield number, line, block[start:stop]
                at = block.find(rare, min(stop, at + reach))

    def take(self, words: bytes, *, person: bool) -> None:
        """Take what stands in an earlier line, of the person's or of somebody else's; the first that has a piece has it."""
        plain = _plain(words)
        found = {span for span, forms in self._pieces.items() if any(form in plain for form in forms)}
        if not person:
            self.echoed |= found
        for span in found:
            del self._pieces[span]
        self.decided = not self._pieces

    @cached_property
    def _pieces(self) -> dict[tuple[int, int], set[bytes]]:
        """How each piece that nobody had yet may stand in a line; few quotes stand anywhere else, and need them."""
        texts = ((span, map(_plain, _as_json(self.quote[slice(*span)]))) for span in self._spans)
        return {span: {form for form in forms if form} for span, forms in texts}

    @property
    def rest(self) -> str:
        """What is left of the quote without the pieces that somebody else had first."""
        gone = {at for first, end in self.echoed for at in range(first, end)}
        return "".join(" " if at in gone else letter for at, letter in enumerate(self.quote)).strip()


def _as_json(text: str) -> tuple[bytes, bytes]:
    """Return how a text stands in a line of JSON: as UTF-8, and as ASCII with escapes."""
    plain, escaped = (json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (False, True))
    return plain.encode("utf-8", "surrogatepass"), escaped.encode()


def _plain(data: bytes) -> bytes:
    """Return what a line of JSON says without spacing, punctuation and escapes of control characters."""
    for escape in (b"\\n", b"\\t", b"\\r"):
        data = data.replace(escape, b" ")
    return b" ".join(data.translate(_NO_WORD).split())
