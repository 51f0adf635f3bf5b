"""Build one turn from its records: a person's, or the assistant's."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from skillloop.model import Origin, SkillRef, ToolUse, Turn, TurnKind
from skillloop.text import words

HEAD, TAIL = 1500, 2500  # characters kept of an assistant turn's text
ALIKE = 0.9  # share of a message that must stand before and behind a small edit
CUT = "\n[…]\n"  # stands where the middle was
TOOLS = 200  # tool calls kept of an assistant turn, the latest
BRIEF = 300  # characters kept of a tool call
_BRIEF_KEYS = frozenset(
    "command file_path notebook_path url path pattern query skill prompt description".split()
)


def string(value: Any) -> str:
    """Return the value if it is a string, with lone surrogates replaced so that it can be written out; else ""."""
    if not isinstance(value, str):
        return ""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Return the objects in a value, if it is a list; what else stands in it is passed over."""
    return (item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict))


def content(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the content blocks of a record's message, which may also be one string."""
    message = record.get("message")
    blocks = message.get("content") if isinstance(message, dict) else None
    return dicts(blocks if isinstance(blocks, list) else [{"type": "text", "text": blocks}])


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

    def __init__(self, record: dict[str, Any], line: int, skill: SkillRef | None) -> None:
        self.line = line
        self.uuid = string(record.get("uuid")) or None
        self.parent = string(record.get("parentUuid")) or None
        self.timestamp = string(record.get("timestamp")) or None
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
        """Add a tool call under its id."""
        self.calls[key] = ToolUse(name, _brief(arguments))
        if len(self.calls) > TOOLS:
            del self.calls[next(iter(self.calls))]

    def turn(self, index: int) -> Turn:
        """Return the finished turn."""
        cut = CUT if self._length > HEAD + TAIL else ""
        text, tools = string(self._head + cut + self._tail), tuple(self.calls.values())
        where = {
            name: getattr(self, name) for name in ("line", "uuid", "parent", "timestamp", "kind", "skill")
        }
        return Turn(index, "assistant", text, origin=Origin.MACHINE, tools=tools, **where)


def _brief(arguments: Any) -> str:
    """Return what a tool call was about: its command, path or address, or else its first string."""
    if not isinstance(arguments, dict):
        return ""
    first = ""
    for key, value in arguments.items():
        if isinstance(value, str):
            if key in _BRIEF_KEYS:
                return string(value[:BRIEF])
            first = first or value
        elif key == "questions":
            first = first or " ".join(string(item.get("question")) for item in dicts(value))
    return string(first[:BRIEF])
