"""The nouns that every module shares, as plain frozen data without behaviour beyond derived values.

Layers: this module imports nothing of the package. Whatever crosses a module boundary is one of these.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal


class Origin(StrEnum):
    """Who is known to have produced the words of a turn. Default deny: only TYPED may ever be applied."""

    TYPED = "typed"  # the record itself says that a person typed it
    UNATTRIBUTED = "unattributed"  # an older client that does not say: may be queued, never applied
    MACHINE = "machine"  # SDK, `claude -p`, hooks, plans, summaries, notifications, other agents


class TurnKind(StrEnum):
    """How a human turn reached the transcript (facts: transcripts §3)."""

    PROMPT = "prompt"  # an ordinary typed message
    QUEUED = "queued"  # typed while the assistant worked
    DENIAL = "denial"  # the comment a person gave when rejecting a tool call
    COMMAND = "command"  # the arguments of a slash command
    ANSWER = "answer"  # what a person wrote themselves in answer to a question of the assistant's
    REPLY = "reply"  # an assistant turn

    @property
    def submitted(self) -> bool:
        """Whether the client tells its hooks when a person submits such a turn."""
        return self in {TurnKind.PROMPT, TurnKind.COMMAND}


class Kind(StrEnum):
    """What sort of disagreement."""

    CORRECTION = "correction"
    REJECTION = "rejection"
    REPHRASE = "rephrase"
    COMPLAINT = "complaint"
    BUG_REPORT = "bug_report"
    PREFERENCE = "preference"


class Outcome(StrEnum):
    """What became of a trial. DEFER means: ask a person, or measure again."""

    KEEP = "keep"
    DEFER = "defer"
    DISCARD = "discard"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class SkillRef:
    """A skill that was in force: its name as the client gives it, and the folder that holds SKILL.md (or None)."""

    name: str
    path: str | None = None  # absolute path of the SKILL.md


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool call of an assistant turn, capped to what a detector can use."""

    name: str
    brief: str = ""  # command, file path or url, at most 300 characters
    failed: bool = False  # its result was an error
    rejected: bool = False  # the person refused it in the dialog


@dataclass(frozen=True, slots=True)
class Turn:
    """One contribution to a session.

    For a human turn `text` holds only the person's own words: wrappers, reminders and what is known to be pasted
    are taken out (`pasted` holds the latter). For an assistant turn it is the joined text blocks of consecutive
    assistant records, capped in the middle.
    """

    index: int  # position in Session.turns
    role: Literal["human", "assistant"]
    text: str
    line: int  # 1-based line of its (first) record in the transcript
    uuid: str | None = None
    parent: str | None = None
    timestamp: str | None = None
    kind: TurnKind = TurnKind.PROMPT
    origin: Origin = Origin.UNATTRIBUTED
    interrupted: bool = False  # the person stopped the assistant just before this turn
    denied: bool = False  # a tool call was refused just before this turn
    abandoned: bool = False  # the conversation was rewound: this turn is not on the final branch
    pasted: tuple[str, ...] = ()
    marked: bool = False  # the client itself marked all that is pasted, so the rest was typed
    tools: tuple[ToolUse, ...] = ()
    skill: SkillRef | None = None  # the skill in force when this turn was said
    copied_from: str | None = None  # id of the session that it was said in, where this one is a fork of it


@dataclass(frozen=True, slots=True)
class Session:
    """One transcript, read. `turns` holds genuine contributions only."""

    session_id: str
    path: str
    turns: tuple[Turn, ...]
    skills: tuple[SkillRef, ...] = ()
    cwd: str | None = None
    bad_lines: int = 0
    partial: bool = False  # more than 5 % of the lines were unreadable, or the schema is unknown: queue only
    automated: bool = False  # a `claude -p`, SDK or observer session: no person in it
    tainted: str | None = None  # a tool call touched transcripts or skillloop's state: why; queue only
    names_files: bool = True  # somewhere in it stands the name that skills' files have, or rules'
    end: int = 0  # byte offset after the last whole line read
    digest: str = ""  # sha256 over the last 16 KiB read: each record has an id and a time

    @property
    def human_turns(self) -> tuple[Turn, ...]:
        """The turns that a person said."""
        return tuple(turn for turn in self.turns if turn.role == "human")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The verbatim quote of a person's own words, and where it stands."""

    id: str
    session_id: str
    path: str  # of the transcript
    line: int  # 1-based
    uuid: str | None
    quote: str
    origin: Origin
    timestamp: str | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """One reason why a detector spoke: a named feature and what it added to the log-odds."""

    name: str
    weight: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A human turn that says the assistant's work or way was wrong."""

    evidence: Evidence
    kind: Kind
    confidence: float  # 0 to 1, calibrated
    durable: bool  # a lesson of its turn is offered
    skill: SkillRef | None
    turn: int  # index into Session.turns
    signals: tuple[Signal, ...] = ()

    @property
    def id(self) -> str:
        """Stable over re-reading the same bytes: the id of its evidence."""
        return self.evidence.id


class Scope(StrEnum):
    """For what a lesson holds."""

    SKILL = "skill"
    PROJECT = "project"
    PERSON = "person"
    ONCE = "once"


Source = Literal["detector", "note", "session", "model"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a turn of a person teaches for the next time, and for which file. A turn can teach several."""

    evidence: Evidence  # its quote is the verbatim span that the lesson was drawn from
    text: str  # one imperative sentence that stands alone
    chance: float  # 0 to 1, that it is durable
    offered: bool  # sure enough to propose; else a candidate, which a second saying may lift
    confidence: float  # 0 to 1, that its turn is a disagreement
    turn: int  # index into Session.turns
    skill: SkillRef | None = None  # in force when it was said
    scope: Scope = Scope.ONCE
    target: str | None = None  # absolute path of the SKILL.md or rules file it goes to; None is nowhere yet
    source: Source = "detector"
    also: tuple[Evidence, ...] = ()  # further turns that it rests on
    old: str | None = None  # the line of the target whose place it takes
    why: str = ""  # what its source says for it
    look: tuple[str, ...] = ()  # why a person must look at it: never applied by itself
    disagreement: str | None = None  # id of the one that its turn is

    @property
    def id(self) -> str:
        """Stable over re-reading the same bytes: the id of its evidence."""
        return self.evidence.id


@dataclass(frozen=True, slots=True)
class Edit:
    """One typed edit operation on the body of a SKILL.md.

    insert: `new` goes behind the item on the line `after` under `heading`, the `nth` that reads so where there are
    several; without `after` it becomes the last line of the list under `heading`. A heading that does not exist is made,
    at the end of the file, only if it is the section for learned rules. replace: the one line equal to `old` under
    `heading` becomes `new`. delete: that line goes.
    """

    op: Literal["insert", "replace", "delete"]
    heading: str | None  # text of the heading, without the #s; None is the text before the first heading
    old: str | None = None
    new: str | None = None
    evidence: tuple[str, ...] = ()  # ids of the evidence that this edit rests on
    after: str | None = field(default=None, repr=False)  # not in a proposal's id
    nth: int = field(default=0, repr=False)


@dataclass(frozen=True, slots=True)
class Proposal:
    """Edits to one SKILL.md, made against `base`."""

    id: str
    skill: str
    path: str  # absolute path of the SKILL.md
    base: str  # sha256 of the bytes that it was drafted on
    edits: tuple[Edit, ...]
    evidence: tuple[Evidence, ...]
    rationale: str
    drafter: str  # "offline", or back end and model, with the prompt's hash
    session_id: str
    look: tuple[str, ...] = ()  # why a person must look at it: never applied by itself


@dataclass(frozen=True, slots=True)
class Rule:
    """Whose constraint decided: the file and line it was read from, or skillloop's own default."""

    text: str  # as in the file, e.g. `sources.untrusted = ["x.com"]`
    file: str | None = None
    line: int | None = None

    @property
    def where(self) -> str:
        """Its file and line, else "built in"."""
        return ":".join(map(str, filter(None, (self.file, self.line)))) or "built in"

    def __str__(self) -> str:
        return f"{self.text} ({self.where})"


@dataclass(frozen=True, slots=True)
class Check:
    """One named finding of the gate."""

    name: str
    passed: bool
    hard: bool = True  # a failed hard check discards; a failed soft one defers to a person
    detail: str = ""  # a sentence: why it failed, or what was looked at
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """All checks of one proposal with their outcome."""

    outcome: Outcome
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not pass, hard ones first."""
        return tuple(sorted((c for c in self.checks if not c.passed), key=lambda c: not c.hard))

    @property
    def forbidding(self) -> Check | None:
        """The check by which a rule of the person's forbids it, if one does."""
        return next((c for c in self.failed if c.hard and c.rule and c.rule.file), None)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a trial, and why, in words for a person."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Version:
    """One row of a skill's append-only history."""

    number: int  # 1, 2, 3 … per skill file
    kind: Literal["import", "proposal", "rollback", "external"]
    sha: str
    created: str  # ISO 8601, UTC; for display only, order is by number
    note: str = ""
    proposal: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    claim: dict[str, Any] = field(default_factory=dict)  # what proves that Claude made it

    @property
    def author(self) -> str:
        """Return who made it: `person`, `skillloop`, `client` (Claude itself, by a tool) or `unknown`."""
        if self.claim:
            return "client"
        rollback = "skillloop" if self.extra.get("by") == "auto" else "person"
        return {"proposal": "skillloop", "rollback": rollback}.get(self.kind, "unknown")

    @property
    def told(self) -> str:
        """Return the note, with what is known of who made a change that skillloop did not."""
        if self.claim:
            return "by Claude's {tool}, {path}:{line}".format(**self.claim)
        return f"{self.note} (author unknown)" if self.kind == "external" else self.note


def sha256(data: bytes | str) -> str:
    """Hex sha256; text is taken as UTF-8."""
    data = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return hashlib.sha256(data).hexdigest()
