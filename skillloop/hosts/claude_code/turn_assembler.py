"""Assemble records, in the order of the file, into the turns of a session.

The assistant's consecutive records become one turn, tool results fill in how its calls went, and a person's words are
placed where they were said. Invariant: only `_add_human` and the queue make human turns, of words that `authorship` says
are a person's.
"""

import re
import sys
from bisect import bisect_left, bisect_right
from collections import ChainMap, defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from skillloop.hosts.claude_code import authorship
from skillloop.hosts.claude_code.active_skill import ActiveSkill
from skillloop.hosts.claude_code.authorship import Authorship
from skillloop.hosts.claude_code.hooks import receipts
from skillloop.hosts.claude_code.pastes import separate
from skillloop.hosts.claude_code.records import SYNTHETIC, content, dicts, naming, parse, string, unambiguous
from skillloop.model import Origin, SkillRef, ToolUse, Turn, TurnKind
from skillloop.skillpath import is_command
from skillloop.text import words

HEAD, TAIL = 1500, 2500  # characters kept of an assistant turn's text
ALIKE = 0.9  # share of a message that must stand before and behind a small edit
CUT = "\n[…]\n"  # stands where the middle was
TOOLS = 200  # tool calls kept of an assistant turn, the latest
BRIEF = 300  # characters kept of a tool call
_BRIEF_KEYS = "command file_path notebook_path url path pattern query skill prompt description".split()
NEAR = 20  # turns after it among which queued words may have a record of their own
# commands, JSON and notifications, placeholders
_NOT_WORDS = re.compile(r"\s*(?:[/!][\w:-]|\{\s*\"|<[\w-]+>|\[Pasted text)")
WINDOW = 64  # lines in which a parent is looked for at once
_UUID = re.compile(rb'"uuid": ?"([^"\\]{1,100})"')
Record = dict[str, Any]


@dataclass(slots=True)
class HumanDraft:
    """A human turn; the fields are those of `model.Turn`."""

    line: int
    text: str
    pasted: tuple[str, ...] = ()
    marked: bool = False
    uuid: str | None = None
    parent: str | None = None
    timestamp: str | None = None
    kind: TurnKind = TurnKind.PROMPT
    origin: Origin = Origin.UNATTRIBUTED
    interrupted: bool = False
    denied: bool = False
    abandoned: bool = False
    skill: SkillRef | None = None
    copied_from: str | None = None
    unsigned: tuple[TurnKind, str] | None = None  # kind and client's version, where nothing says who sent it

    def turn(self, index: int) -> Turn:
        """Return the finished turn."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "unsigned"}
        return Turn(index, "human", **own)


def _moment(record: Record) -> str | None:
    """Return when a record was written, as it says; None where that is no date."""
    at = string(record.get("timestamp"))
    with suppress(ValueError, OverflowError):
        datetime.fromisoformat(at).astimezone()
        return at
    return None


def same_message(earlier: HumanDraft, later: HumanDraft) -> bool:
    """Return whether a message is an earlier one sent again: the same words but for case, spaces and one small edit."""
    a, b = (" ".join(draft.text.casefold().split()) for draft in (earlier, later))
    if a == b:
        return bool(a) or earlier.pasted == later.pasted
    before = words.shared(a, b)
    behind = words.shared(a[before:][::-1], b[before:][::-1])
    return before + behind >= ALIKE * max(len(a), len(b))


class AssistantDraft:
    """An assistant turn: the joined text of consecutive records, cut in the middle, and the latest tool calls."""

    kind = TurnKind.REPLY
    __slots__ = ("_head", "_length", "_tail", "calls", "line", "parent", "skill", "timestamp", "uuid")

    def __init__(self, record: Record, line: int, skill: SkillRef | None) -> None:
        self.line = line
        self.uuid = string(record.get("uuid")) or None
        self.parent = string(record.get("parentUuid")) or None
        self.timestamp = _moment(record)
        self.skill = skill
        self.calls: dict[str, ToolUse] = {}
        self._head = self._tail = ""
        self._length = 0

    def say(self, text: str) -> None:
        """Add a text block."""
        text = text.strip()
        if not text:
            return
        if self._length:
            text = "\n\n" + text
        self._length += len(text)
        room = HEAD - len(self._head)
        self._head += text[:room]
        self._tail = (self._tail + text[room:])[-TAIL:]

    def call(self, key: str, name: str, arguments: Any) -> None:
        """Add a tool call under its id, with what it was about: its command, path or address, or else its first string."""
        first = ""
        for field, value in arguments.items() if isinstance(arguments, dict) else ():
            if isinstance(value, str) and field in _BRIEF_KEYS:
                first = value
                break
            if isinstance(value, str):
                first = first or value
            elif field == "questions":
                first = first or " ".join(string(item.get("question")) for item in dicts(value))
        self.calls[key] = ToolUse(name, string(first[:BRIEF]))
        if len(self.calls) > TOOLS:
            del self.calls[next(iter(self.calls))]

    def turn(self, index: int) -> Turn:
        """Return the finished turn."""
        cut = CUT if self._length > HEAD + TAIL else ""
        text, tools = string(self._head + cut + self._tail), tuple(self.calls.values())
        names = ("line", "uuid", "parent", "timestamp", "kind", "skill")
        where = {name: getattr(self, name) for name in names}
        return Turn(index, "assistant", text, origin=Origin.MACHINE, tools=tools, **where)


class Rewinds:
    """Which turns the person went back on. `turn_to` each batch of lines, then call `prompt` for the human turns in it.

    A prompt whose parent stands on line X abandons every human turn between X and itself. Where X is not near, a second pass
    looks for the last line before the turn that has the parent's uuid: lines get copied.
    """

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._first = 1  # the number of the first of them
        self._missing: dict[bytes, list[HumanDraft]] = {}  # by the uuid of the parent to be found

    def turn_to(self, batch: list[bytes], first: int) -> None:
        """Take the next lines, of which the first has this number."""
        kept = self._lines[-WINDOW:]
        self._lines, self._first = kept + batch, first - len(kept)

    def prompt(self, turn: HumanDraft, before: HumanDraft | None) -> None:
        """Note a human turn that stands after another one in the file."""
        if before is None or not turn.parent:
            return
        parent = turn.parent.encode()
        here = turn.line - self._first
        own = (b'"uuid":"%b"' % parent, b'"uuid": "%b"' % parent)  # of a record, or of one nested in it
        for at in range(here - 1, max(before.line - self._first, here - WINDOW, 0) - 1, -1):
            line = self._lines[at]
            if line.find(own[0]) > 0 or line.find(own[1]) > 0:
                return
        self._missing.setdefault(parent, []).append(turn)

    def mark_abandoned(self, path: Path, turns: list[HumanDraft]) -> None:
        """Mark the turns that were abandoned; `turns` are in the order of their lines."""
        if not self._missing:
            return
        places: dict[bytes, list[int]] = defaultdict(list)
        for number, line in naming(path, b'"uuid"'):
            for uuid in self._missing.keys() & _UUID.findall(line):
                places[uuid].append(number)
        left = sorted(  # the line that a turn goes on from, and the turn's own
            (places[parent][at - 1], prompt.line)
            for parent, prompts in self._missing.items()
            for prompt in prompts
            if (at := bisect_left(places[parent], prompt.line))
        )
        reach, pairs = 0, iter((*left, (sys.maxsize, 0)))
        after, before = next(pairs)
        for turn in turns:  # both are sorted
            while after < turn.line:
                reach = max(reach, before)
                after, before = next(pairs)
            turn.abandoned = turn.line < reach


class Queue:
    """What a person typed while the assistant worked. `take` each operation; `missing` gives what stands nowhere else.

    The client logs words that enter its queue, and that one left it, but not which. Before 2.1.165 words slipped in mid-turn
    stand nowhere else: whatever entered and left was sent; words returned to the input box (`popAll`) never were.
    """

    def __init__(self) -> None:
        self._waiting: deque[HumanDraft] = deque()
        self._sent: list[HumanDraft] = []
        self._repeated: set[int] = set()  # hashes of texts that a machine's record holds

    def take(self, record: Record, line: int) -> None:
        """Add a queue-operation record."""
        operation = record.get("operation")
        if operation == "enqueue":
            text, at = string(record.get("content")), _moment(record)
            self._waiting.append(HumanDraft(line, text, timestamp=at, kind=TurnKind.QUEUED))
        elif operation in ("remove", "dequeue") and self._waiting:
            self._sent.append(self._waiting.popleft())
        elif operation == "popAll":
            self._waiting.clear()

    def repeated(self, texts: list[str]) -> None:
        """Note the texts of a machine's record: a headless run logs its prompt in the queue too, and that is no person's."""
        self._repeated.update(hash(text.strip()) for text in texts)

    def missing(self, turns: list[HumanDraft]) -> Iterator[HumanDraft]:
        """Yield the person's queued words that no turn holds; `turns` are in the order of their lines."""
        lines = [turn.line for turn in turns]
        for draft in self._sent:
            if hash(draft.text.strip()) in self._repeated:
                continue
            draft.text = authorship.own_words(draft.text)
            if not authorship.own_words(draft.text) or _NOT_WORDS.match(draft.text):
                continue
            words, first = " ".join(draft.text.split()), bisect_right(lines, draft.line)
            later = ("\n".join((turn.text, *turn.pasted)) for turn in turns[first : first + NEAR])
            if not any(words in " ".join(text.split()) for text in later):
                yield draft


class Assembly:
    """The session so far: `take` each record, then `finish`. `pastes` are known ones, in `agents` lie sub-agents' transcripts."""

    def __init__(self, pastes: tuple[str, ...] = (), agents: Path | None = None) -> None:
        self.drafts: list[HumanDraft | AssistantDraft] = []
        self.reply: AssistantDraft | None = None  # the assistant's turn that is open
        self.skills = ActiveSkill(agents)
        self.awaited: set[bytes] = set()  # ids of the calls whose results tell of the person or of a skill
        self.rewinds = Rewinds()
        self.queue = Queue()
        self.uuids: set[str] = set()  # of the human records
        self.bad = self.blank = 0  # lines that are no records
        self.recognised = self.automatic = False
        self._signing: set[tuple[TurnKind, str]] = set()  # kinds of which a client's version says the sender
        self.tainted: str | None = None
        self.facts: dict[str, str] = {}  # sessionId and cwd as last seen
        self._pastes = pastes
        self._replies: deque[AssistantDraft] = deque(maxlen=4)  # whose calls may still get a result
        self._last_human: HumanDraft | None = None  # the person's latest turn
        self._invocation: HumanDraft | None = None  # a slash command that a skill's launch may follow
        self._interrupted = self._denied = False
        self._refused_plan: str | None = None  # the id of its call

    def take(self, source: bytes, line: int) -> None:
        """Add the record that these bytes of a 1-based line are, or count them as none."""
        if (record := parse(source)) is None:
            self.bad, self.blank = self.bad + bool(source.strip()), self.blank + (not source.strip())
            return
        kind = record.get("type")
        subtype = record.get("subtype") if kind == "system" else None
        if kind == "assistant":
            self._assistant(record, line)
        elif kind == "user":
            self._user(record, line, source)
        elif kind == "attachment":
            self._attachment(record, line, source)
        elif kind == "queue-operation" and unambiguous(source):
            self.queue.take(record, line)
        elif kind == "worktree-state":
            self.skills.entered(record.get("worktreeSession"))
        elif subtype == "compact_boundary":
            self.skills.compacted(record.get("version"))
        elif subtype == "local_command" and self.skills.forked(record.get("content")):
            last = self._last_human  # its slash command stands there as it was typed
            self._invocation = last if last is not None and last.text.startswith("/") else None
            self._entered(launched=True)

    def finish(self) -> None:
        """Decide what only the end of the file decides."""
        self.drafts = [x for x in self.drafts if getattr(x, "unsigned", None) not in self._signing]
        if self._refused_plan is not None:  # nobody spoke after it: the plan went on in a session of its own
            self._mark_call(self._refused_plan)
        human = self.human_drafts()
        # a headless run logs its prompts in the queue, too
        late = [] if self.automatic and not human else list(self.queue.missing(human))
        for draft in late:
            draft.text, draft.pasted = separate(draft.text, self._pastes)
        if late:
            self.drafts = sorted([*self.drafts, *late], key=lambda draft: draft.line)
            for before, later in pairwise(self.drafts):
                if later.kind is TurnKind.QUEUED:
                    later.skill = before.skill

    def human_drafts(self) -> list[HumanDraft]:
        """Return the human turns so far."""
        return [draft for draft in self.drafts if isinstance(draft, HumanDraft)]

    # ---- the assistant

    def go_on(self, blocks: Iterable[dict[str, Any]]) -> None:
        """Add texts and tool calls to the open assistant's turn; any other block is passed over."""
        if (reply := self.reply) is None:
            return
        for block in blocks:
            kind = block.get("type")
            if kind == "tool_use":
                key, name, arguments = block.get("id"), string(block.get("name")), block.get("input")
                reply.call(key if isinstance(key, str) else "", name, arguments)
                if self.tainted is None:
                    self.tainted = authorship.taint(name, arguments)
                if name in ("AskUserQuestion", "Skill") and isinstance(key, str):
                    self.awaited.add(string(key).encode())
                if name == "Skill" and isinstance(arguments, dict):
                    self.skills.called(arguments.get("skill"))
            elif kind == "text" and isinstance(text := block.get("text"), str):
                reply.say(text)

    def _assistant(self, record: Record, line: int) -> None:
        """Add a record to the assistant's turn, begun if need be."""
        message = record.get("message")
        if record.get("isSidechain") or not isinstance(message, dict) or message.get("model") == SYNTHETIC:
            return
        blocks = [each for each in dicts(message.get("content")) if each.get("type") in ("text", "tool_use")]
        if blocks and self.reply is None:
            session = string(record.get("requestSessionId"))
            if session and session != record.get("sessionId"):  # a fork holds a copy of what was said there
                for draft in reversed(self.drafts):
                    if not isinstance(draft, HumanDraft):
                        break
                    draft.copied_from = session
            self._interrupted = self._denied = False
            self._refused_plan = None
            self._note(record)
            self.reply = AssistantDraft(record, line, self.skills.current)
            self.drafts.append(self.reply)
            self._replies.append(self.reply)
        self.go_on(blocks)
        if "attributionSkill" in record:
            self.skills.attributed(record["attributionSkill"])

    def _mark_call(self, key: str, *, failed: bool = False, rejected: bool = False) -> str:
        """Note how a call went; the name of its tool, or "" where it is not known."""
        for reply in reversed(self._replies):
            if key in reply.calls:
                reply.calls[key] = replace(reply.calls[key], failed=failed, rejected=rejected)
                return reply.calls[key].name
        return ""

    # ---- user-role records

    def _user(self, record: Record, line: int, source: bytes) -> None:
        blocks = list(content(record))
        results = [block for block in blocks if block.get("type") == "tool_result"]
        for block in results:
            if block.get("is_error") and not record.get("isSidechain"):
                self._failure(block, record, line, source)
        said = (string(block.get("text")) for block in blocks if block.get("type") == "text")
        texts = list(filter(None, said))
        if results:
            self._entered(self.skills.forked(record.get("toolUseResult")))
            calls = ChainMap(*(reply.calls for reply in self._replies))  # the latest
            called = [string(block.get("tool_use_id")) for block in results]
            tools = {calls[key].name if key and key in calls else "" for key in called}
            self.awaited.difference_update(map(str.encode, called))
            asked = "AskUserQuestion" in tools
            author = authorship.of_answers(record) if asked else authorship.of_comment(record, texts)
            if tools == {""}:  # the result of a call that nobody made
                author = author._replace(text="")
            if asked and (TurnKind.PROMPT, string(record.get("version"))) in self._signing:
                author = author._replace(origin=Origin.TYPED)
            if author.text:
                self._add_human(author, record, line, source)
        elif texts:
            self._note(record)
            self._message(texts, record, line, source)

    def _failure(self, block: dict[str, Any], record: Record, line: int, source: bytes) -> None:
        """Take the result of a call that went wrong: it failed, or the person refused it, perhaps with a comment."""
        text = _joined(block.get("content"))
        key, refused = block.get("tool_use_id"), authorship.refused(text)
        key = key if isinstance(key, str) else ""
        tool = self._mark_call(key, failed=not refused, rejected=refused)
        if authorship.interruption(text):
            self._interrupted = True
        if not refused:
            return
        author = authorship.of_refusal(record, text)
        if author.origin is Origin.MACHINE:
            return
        self._denied = True
        if author.text:
            self._add_human(author, record, line, source)
        elif tool == "ExitPlanMode":
            self._refused_plan = key

    def _message(self, texts: list[str], record: Record, line: int, source: bytes) -> None:
        """Take the text blocks of a user-role record."""
        if authorship.interruption(texts[0]):
            self._interrupted = True
            return
        author = authorship.of_message(record, texts)
        if author.origin is Origin.MACHINE:
            self.queue.repeated(texts)
            self.automatic = self.automatic or authorship.automated(record)
            if record.get("isMeta") and not record.get("isSidechain"):
                self._entered(self.skills.launched(texts[0]))
            return
        if author.command is not None:
            if author.command == "clear":
                self.skills.cleared()
            self.skills.called(author.command)
            self._invocation = self._add_human(author, record, line, source) if author.text else None
        else:
            self._add_human(author, record, line, source)

    def _entered(self, launched: bool) -> None:
        """Where a skill was launched, let the words that it was called with, and the call, belong to it."""
        if launched:
            for draft in (self._invocation, self.reply):
                if draft is not None:
                    draft.skill = self.skills.current
            self._invocation = None

    def _attachment(self, record: Record, line: int, source: bytes) -> None:
        attachment = record.get("attachment")
        if not isinstance(attachment, dict):
            return
        if attachment.get("type") == "invoked_skills":  # a compaction puts these back, the latest first
            for skill in reversed([*dicts(attachment.get("skills"))]):
                self.skills.called(skill.get("name"))
                self._entered(self.skills.launched(string(skill.get("content"))))
        elif attachment.get("type") == "queued_command" and attachment.get("commandMode") in (None, "prompt"):
            prompt = _joined(attachment.get("prompt"))
            author = authorship.of_queued(record, attachment, prompt)
            if author.origin is Origin.MACHINE:
                self.queue.repeated([prompt])
            else:
                self._add_human(author, record, line, source)

    # ---- a person's words

    def _add_human(self, author: Authorship, record: Record, line: int, source: bytes) -> HumanDraft | None:
        """Add a turn of the person's; None where it is a copy, or where its record can be read in two ways."""
        uuid, version = string(record.get("uuid")) or None, string(record.get("version"))
        if uuid in self.uuids:
            return None  # a line copied from an earlier place in the file
        self._signing |= {(kind, version) for kind in authorship.signs(record)}
        if author.command != "skillloop:reflect" and is_command(author.command or ""):
            self._interrupted = self._denied = False
            return None  # the verb itself deals with it: what it remembers is queued already
        ran = author.text.startswith("!")  # no client says who ran a command, and it teaches nothing
        typed = author.origin is Origin.TYPED
        proven = ran or typed or authorship.signs(record) or "attachment" in record
        unsigned = None if proven else (author.kind, version)
        if not unambiguous(source) or unsigned in self._signing:
            return None
        own, marked = receipts.typed_and_pasted(author.text)
        own, rest = (own, ()) if author.kind is TurnKind.COMMAND else separate(own, self._pastes)
        draft = HumanDraft(line, own.strip(), (*marked, *rest), bool(marked) and not rest, uuid)
        draft.parent = string(record.get("parentUuid")) or None
        draft.timestamp = _moment(record)
        draft.kind, draft.origin, draft.unsigned = author.kind, author.origin, unsigned
        draft.interrupted, draft.denied, draft.skill = self._interrupted, self._denied, self.skills.current
        before = self._last_human
        if before is not None and before.kind is draft.kind:
            sibling = draft.parent is not None and draft.parent == before.parent
            if (self.reply is None or draft.interrupted or sibling) and same_message(before, draft):
                at = next(at for at in range(-1, -len(self.drafts) - 1, -1) if self.drafts[at] is before)
                del self.drafts[at]  # sent again, unanswered
                draft.interrupted |= before.interrupted
                draft.denied |= before.denied
        if draft.kind not in (TurnKind.DENIAL, TurnKind.ANSWER):
            self.rewinds.prompt(draft, before)
        if uuid is not None:
            self.uuids.add(uuid)
        self.drafts.append(draft)
        self._last_human, self.reply, self._refused_plan = draft, None, None
        self._interrupted = self._denied = False
        return draft

    def _note(self, record: Record) -> None:
        self.recognised = True
        for key in ("sessionId", "cwd"):
            if value := string(record.get(key)):
                self.facts[key] = value


def _joined(content: Any) -> str:
    """Return the text of a tool result or prompt, which is a string or a list of blocks."""
    if isinstance(content, list):
        return "\n".join(string(block.get("text")) for block in dicts(content))
    return string(content)
