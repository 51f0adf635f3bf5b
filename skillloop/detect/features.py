"""What a disagreement looks like from both sides of the turn, as named numbers between 0 and 1.

`features(scene)` names everything that speaks for or against a disagreement. The names are shown to people, so they are words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from skillloop.detect.scene import Scene
from skillloop.model import ToolUse, TurnKind
from skillloop.text import lexicon
from skillloop.text.phrases import Phrases, tokens, wide

_SAID, _REPLIED, _CLAIMED = map(Phrases, ("said", "replied", "claimed"))

HEAD, TAIL = 1200, 300
"""Characters of a person's prose that are looked at, from its start and from its end."""

OPENING, CLOSING = 260, 700
"""Characters of the reply, and of the assistant's turn before, that are looked at."""

OPENED = 6
"""Words of a later sentence that are looked at for how it starts."""

_SENTENCE = re.compile(r"[.!?。！？\n]+")
_EDITS = re.compile(
    r"edit|write|update$|patch|replace|create_file|insert|delete_file|notebook", re.IGNORECASE
)
_TROUBLE = re.compile(
    r"(?:Error|Exception)\b|traceback|\bfail(?:ed|ure|s)?\b|fatal|cannot find|not found|ERR!|panic|\b[45]\d\d\b (?:\(|error|bad|not|internal)",
    re.IGNORECASE,
)
# these begin with a few characters and look back from there, so that a text is searched several times faster
_TROUBLE_LINE = re.compile(
    r"(?:Error|Exception) ?[:(]|\n ?(?:error|fatal|npm ERR!)\b.*:|Traceback| \((?<=\b[45]\d\d \()|ERR_\w"
)
_MENTION = re.compile(
    r"[@/.](?:(?<=@)(?<!\S@)[\w./-]|(?<=[\w-]/)[\w./-]+\.\w{1,5}\b"
    r"|(?<=[\w-]\.)(?:py|ts|tsx|js|jsx|go|rs|md|json|css|html|vue|java|rb|php|sql|yml|yaml|toml|sh)\b)"
)
_SHOUTED = re.compile(r"[A-Z](?<!\w[A-Z])[A-Z]{3,}\b")
_MEASURE = re.compile(r"\d(?<!\w\d)\d* ?(?:px|%|rem|em|ms|pt|vh)\b")
_STRONG = re.compile(r"[!?]{2}|[！？]{2}")
_QUOTED = re.compile(r"[\"“«「`].{3,80}[\"”»」`]")
_IMAGE = re.compile(r"\[image|\[screenshot|\.(?:png|jpe?g|webp)\b", re.IGNORECASE)
_LIST = re.compile(r"^\s*(?:\d+[.)]|[-*])\s", re.MULTILINE)
_COMMIT = re.compile(r"\bgit (?:commit|push|merge)\b|gh pr")
_REVERT = re.compile(r"\bgit (?:revert|reset|restore|checkout --|checkout HEAD|stash)")


def features(scene: Scene) -> dict[str, float]:
    """Every feature of a scene that is not 0."""
    prose, log = scene.own_prose(), "\n".join(scene.turn.pasted)
    found = {"bias": 1.0}
    found |= words_used(prose) | _form(prose, log) | _standing(scene)
    found |= _before(scene) | _after(scene) | _asked_again(scene, prose)
    found |= _together(found)
    return found


def classes(words: list[str]) -> dict[str, int]:
    """The classes of words anywhere among these tokens, each with where it first stands."""
    return _SAID.find(words)


def words_used(prose: str) -> dict[str, float]:
    """The classes of words that a person used: anywhere, at the very start, and at the start of a later sentence."""
    sample = prose if len(prose) <= HEAD + TAIL else prose[:HEAD] + "\n" + prose[-TAIL:]
    lead = 5 if wide(sample) else 3
    found: dict[str, float] = {}
    for name, at in _SAID.find(tokens(sample)).items():
        if name != "asks":  # "what" and "that" are everywhere; only at the start do they ask
            found[f"says: {name}"] = 1.0
        if at < lead:
            found[f"starts: {name}"] = 1.0
    for sentence in _SENTENCE.split(sample)[1:]:
        for name, at in _SAID.find(tokens(sentence[:60])[:OPENED]).items():
            if at < lead:
                found[f"goes on: {name}"] = 1.0
    return found


def _form(prose: str, log: str) -> dict[str, float]:
    """Length, punctuation and what the message is made of."""
    size = len(tokens(prose[: HEAD + TAIL])) * (0.6 if wide(prose) else 1.0)
    head = prose[:HEAD]
    asks, shouts = "?" in prose or "？" in prose, "!" in prose or "！" in prose
    names = {
        "length: only a log": not prose and bool(log),
        "length: 1-2 words": 0 < size <= 2,
        "length: 3-7 words": 2 < size <= 7,
        "length: 8-20 words": 7 < size <= 20,
        "length: 21-60 words": 20 < size <= 60,
        "length: over 60 words": size > 60,
        "form: ends with a question mark": prose.rstrip().endswith(("?", "？")),
        "form: question mark": asks,
        "form: negative question": _negative_question(head),
        "form: exclamation mark": shouts,
        "form: strong punctuation": (asks or shouts) and bool(_STRONG.search(prose)),
        "form: trailing dots": ".." in prose or "…" in prose,
        "form: shouted word": size < 60 and bool(_SHOUTED.search(prose)),
        "form: log or code": bool(log),
        "form: trouble in a log": bool(_TROUBLE.search(log[:4000])),
        "form: trouble in a line": bool(_TROUBLE_LINE.search("\n" + head)),
        "form: names a file": bool(_MENTION.search(head)),
        "form: picture": bool(_IMAGE.search(head)),
        "form: list": len(_LIST.findall(head)) >= 2,
        "form: number with a unit": bool(_MEASURE.search(head)),
        "form: quotes something": bool(_QUOTED.search(head)),
    }
    return {name: 1.0 for name, true in names.items() if true}


def _negative_question(prose: str) -> bool:
    """Whether it asks in the negative: "shouldn't it …?"."""
    end = prose.rfind("?") + 1
    key = "scene.negative question"
    return bool(
        lexicon.pattern(key, "<spaced>").search(prose, 0, end)
        or lexicon.pattern(key, "<dense>").search(prose)
    )


def _standing(scene: Scene) -> dict[str, float]:
    """How and when the turn came."""
    turn = scene.turn
    names = {
        "turn: first of the session": scene.position == 0,
        "turn: second or third": 0 < scene.position <= 2,
        "turn: later than the tenth": scene.position > 10,
        "turn: interrupted the assistant": turn.interrupted,
        "turn: refused a tool": turn.denied or turn.kind is TurnKind.DENIAL,
        "turn: comment on a refusal": turn.kind is TurnKind.DENIAL,
        "turn: typed while the assistant worked": turn.kind is TurnKind.QUEUED,
        "turn: arguments of a command": turn.kind is TurnKind.COMMAND,
        "turn: rewound": turn.abandoned
        or (bool(scene.earlier) and scene.earlier[0].abandoned and not turn.abandoned),
    }
    return {name: 1.0 for name, true in names.items() if true}


def _before(scene: Scene) -> dict[str, float]:
    """What the assistant had done or claimed."""
    text = "\n".join(turn.text for turn in scene.before).strip()
    tools = [tool for turn in scene.before for tool in turn.tools]
    names = {
        "before: nothing": not scene.before,
        "before: edited": bool(_edited(tools)),
        "before: a tool failed": any(tool.failed and not tool.rejected for tool in tools),
        "before: claims to be done": bool(_CLAIMED.find(tokens(text[-CLOSING:]))),
    }
    return {name: 1.0 for name, true in names.items() if true}


def _after(scene: Scene) -> dict[str, float]:
    """What the assistant answered, and what it did first."""
    text = "\n".join(turn.text for turn in scene.after).strip()
    tools = [tool for turn in scene.after for tool in turn.tools]
    words = tokens(text[:OPENING])
    edited = _edited(tool for turn in scene.before for tool in turn.tools)
    editing = _edited(tools)
    first = "\n".join(tool.brief for tool in tools[:6])
    names = {
        "after: edits the same file again": bool(edited & editing),
        "after: edits other files": bool(editing) and not edited & editing,
        "after: edits at once": any(_edits(tool.name) for tool in tools[:3]),
        "after: a few edits": 0 < sum(_edits(tool.name) for tool in tools) <= 3,
        "after: commits": _COMMIT.search(first) is not None,
        "after: reverts": _REVERT.search(first) is not None,
    }
    found = {name: 1.0 for name, true in names.items() if true}
    for name, at in _REPLIED.find(words).items():
        if name != "welcomes":  # assistants are friendly anywhere; only the opening tells
            found[f"after: {name}"] = 1.0
        if at < 3:
            found[f"after: opens and {name}"] = 1.0
    return found


def _edited(tools: Iterator[ToolUse] | list[ToolUse]) -> set[str]:
    return {tool.brief or tool.name for tool in tools if _edits(tool.name)}


@lru_cache(maxsize=256)
def _edits(tool: str) -> bool:
    """Whether a tool of this name changes files."""
    return _EDITS.search(tool) is not None


def _asked_again(scene: Scene, prose: str) -> dict[str, float]:
    """Likeness to what the person asked before."""
    mine = _content(prose[:HEAD])
    if len(mine) < 2:
        return {}
    closest = max((_overlap(mine, _content(turn.text[:HEAD])) for turn in scene.earlier), default=0.0)
    return {"asked before": min(1.0, closest * 1.5)} if closest >= 0.25 else {}


@lru_cache(maxsize=64)
def _content(text: str) -> frozenset[str]:
    words = tokens(text)
    if wide(text):
        return frozenset(a + b for a, b in pairwise(words))
    return frozenset(word for word in words if len(word) > 3)


def _overlap(a: frozenset[str], b: frozenset[str]) -> float:
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared) if a and b else 0.0


_PAIRS = (
    ("says: broken", "before: edited"),
    ("says: broken", "turn: first of the session"),
    ("form: trouble in a log", "before: nothing"),
    ("says: new work", "before: claims to be done"),
    ("says: doubt", "form: question mark"),
    ("says: opinion", "says: contrast"),
    ("says: pleased", "says: contrast"),
)
"""Features that mean more together than apart."""


def _together(found: dict[str, float]) -> dict[str, float]:
    return {f"{a} + {b}": 1.0 for a, b in _PAIRS if a in found and b in found}
