"""Turns records, in the order of the file, into the turns of a session.

The assistant's consecutive records become one turn, tool results fill in how its calls went, and a person's words are
placed where they were said. Invariant: only `_say` and the queue make human turns, of words that `speaker` lets pass.
"""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

from skillloop.hosts.claude_code import authorship
from skillloop.hosts.claude_code.active_skill import ActiveSkill
from skillloop.hosts.claude_code.branches import Rewinds
from skillloop.hosts.claude_code.pastes import separate
from skillloop.hosts.claude_code.queued import Queue
from skillloop.hosts.claude_code.records import unambiguous
from skillloop.hosts.claude_code.turn_builder import (
    AssistantDraft,
    HumanDraft,
    Snapshot,
    same_message,
    string,
)
from skillloop.model import Origin, TurnKind


class Assembly:
    """The session so far. `take` each record, then `finish`.

    Args:
        pastes: What the person is known to have pasted in this session.
    """

    def __init__(self, pastes: tuple[str, ...] = ()) -> None:
        self.drafts: list[HumanDraft | AssistantDraft] = []
        self.reply: AssistantDraft | None = None  # the assistant's turn that is open
        self.skills = ActiveSkill()
        self.rewinds = Rewinds()
        self.queue = Queue()
        self.uuids: dict[str, None] = {}  # of the human records, in order
        self.machine = self.bad = self.blank = 0  # records that no person wrote, and lines that are none
        self.unsettled = (
            sys.maxsize
        )  # from this line on, queued words may still turn out to be in a later record
        self.recognised = self.automatic = False
        self.tainted: str | None = None
        self.facts: dict[str, str] = {}  # sessionId, cwd and version as last seen
        self._pastes = pastes
        self._replies: deque[AssistantDraft] = deque(maxlen=4)  # whose calls may still get a result
        self._said: HumanDraft | None = None  # the person's latest turn
        self._invocation: HumanDraft | None = None  # a slash command that a skill's launch may follow
        self._batch: list[bytes] = []
        self._first = self._end = 0  # number of its first line, and where in the file it ends
        self._lengths: list[int] = []  # of its lines, summed up; empty until they are asked for
        self._interrupted = self._denied = False
        self._refused_plan: str | None = None  # the id of its call

    def turn_to(self, batch: list[bytes], first: int, end: int) -> None:
        """Take the next lines: the number of the first of them, and where in the file they end."""
        self.rewinds.turn_to(batch, first)
        self._batch, self._first, self._end = batch, first, end
        self._lengths = []

    def take(self, record: dict[str, Any], line: int, source: bytes) -> None:
        """Add the record that stands on this 1-based line, whose bytes are `source`."""
        kind = record.get("type")
        if kind == "assistant":
            self._assistant(record, line)
        elif kind == "user":
            self._user(record, line, source)
        elif kind == "attachment":
            self._attachment(record, line, source)
        elif kind == "queue-operation" and unambiguous(source):
            self.queue.take(record, line, self._begins(line))

    def finish(self) -> None:
        """Settle what only the end of the file decides."""
        if self._refused_plan is not None:  # nobody spoke after it: the plan went on in a session of its own
            self._settle(self._refused_plan)
        heard = self.said()
        late = list(self.queue.unheard(heard))
        self.unsettled = self.queue.unsettled(heard)
        for said in late:
            said.text, said.pasted = separate(said.text, self._pastes)
        if late:
            self.drafts = sorted([*self.drafts, *late], key=lambda draft: draft.line)
            for before, draft in pairwise(self.drafts):
                if draft.kind is TurnKind.QUEUED:
                    draft.skill = before.skill

    def said(self) -> list[HumanDraft]:
        """The human turns so far."""
        return [draft for draft in self.drafts if isinstance(draft, HumanDraft)]

    def restore(self, snapshot: Snapshot, *, interrupted: bool, denied: bool) -> None:
        """Go on from how things stood at a human turn, which is taken next, with its marks."""
        self.machine, self.bad, self.blank = snapshot.machine, snapshot.bad, snapshot.blank
        self.queue.restore(snapshot.waiting)
        self.skills.restore(snapshot.skill, snapshot.called, snapshot.paths)
        self._interrupted, self._denied = interrupted, denied

    def _snapshot(self) -> Snapshot | None:
        """How things stand; None while words wait of which it is not known whether they were sent."""
        waiting = self.queue.waiting
        if waiting is None:
            return None
        return Snapshot(self.machine, self.bad, self.blank, len(self.uuids), waiting, *self.skills.snapshot())

    def _begins(self, line: int) -> int:
        """The byte offset of a line of the batch."""
        if not self._lengths:
            self._lengths = list(accumulate(map(len, self._batch), initial=0))
        return self._end - self._lengths[-1] + self._lengths[line - self._first]

    # ---- the assistant

    def go_on(self, blocks: list[Any]) -> None:
        """Add content blocks to the open assistant's turn."""
        if self.reply is not None:
            for block in blocks:
                self._block(block, self.reply)

    def _assistant(self, record: dict[str, Any], line: int) -> None:
        message = record.get("message")
        if (
            record.get("isSidechain")
            or not isinstance(message, dict)
            or message.get("model") == "<synthetic>"
        ):
            return
        blocks = message.get("content")
        for block in blocks if isinstance(blocks, list) else ():
            if isinstance(block, dict) and block.get("type") in ("text", "tool_use"):
                self._block(block, self._open(record, line))
        if "attributionSkill" in record:
            self.skills.attributed(record["attributionSkill"])

    def _open(self, record: dict[str, Any], line: int) -> AssistantDraft:
        """The assistant's turn that the record belongs to, begun if need be."""
        if self.reply is None:
            self._interrupted = self._denied = False
            self._refused_plan = None
            self._note(record)
            self.reply = AssistantDraft(record, line, self.skills.current)
            self.drafts.append(self.reply)
            self._replies.append(self.reply)
        return self.reply

    def _block(self, block: Any, reply: AssistantDraft) -> None:
        """Add a text or tool call to the assistant's turn; any other block is passed over."""
        if not isinstance(block, dict):
            return
        kind = block.get("type")
        if kind == "tool_use":
            key, name, arguments = block.get("id"), string(block.get("name")), block.get("input")
            reply.call(key if isinstance(key, str) else "", name, arguments)
            if self.tainted is None:
                self.tainted = authorship.taint(name, arguments)
            if name == "Skill" and isinstance(arguments, dict):
                self.skills.called(arguments.get("skill"))
        elif kind == "text" and isinstance(text := block.get("text"), str):
            reply.say(text)

    def _settle(self, key: str, *, failed: bool = False, rejected: bool = False) -> str:
        """Note how a call went; the name of its tool, or "" where it is not known."""
        for reply in reversed(self._replies):
            if key in reply.calls:
                reply.calls[key] = replace(reply.calls[key], failed=failed, rejected=rejected)
                return reply.calls[key].name
        return ""

    # ---- user-role records

    def _user(self, record: dict[str, Any], line: int, source: bytes) -> None:
        message = record.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        blocks = [block for block in blocks if isinstance(block, dict)]
        results = [block for block in blocks if block.get("type") == "tool_result"]
        for block in results:  # text beside a result is a reminder, never typed
            if block.get("is_error") and not record.get("isSidechain"):
                self._failure(block, record, line, source)
        if results:
            return
        texts = [
            text for block in blocks if block.get("type") == "text" and (text := string(block.get("text")))
        ]
        if texts:
            self._note(record)
            self._words(texts, record, line, source)

    def _failure(self, block: dict[str, Any], record: dict[str, Any], line: int, source: bytes) -> None:
        """A call that went wrong: it failed, or the person refused it, perhaps with a comment."""
        text = _joined(block.get("content"))
        key, refused = block.get("tool_use_id"), authorship.refused(text)
        key = key if isinstance(key, str) else ""
        tool = self._settle(key, failed=not refused, rejected=refused)
        if authorship.interruption(text):
            self._interrupted = True
        if not refused:
            return
        said = authorship.feedback(text)
        if authorship.machine_feedback(said):
            self.machine += 1
            return
        self._denied = True
        if said and authorship.origin(record) is not Origin.MACHINE:
            self._say(said, record, line, source, TurnKind.DENIAL, Origin.UNATTRIBUTED)
        elif tool == "ExitPlanMode":
            self._refused_plan = key

    def _words(self, texts: list[str], record: dict[str, Any], line: int, source: bytes) -> None:
        """Sort out who wrote the text blocks of a user-role record."""
        if authorship.interruption(texts[0]):
            self._interrupted = True
            return
        origin = authorship.origin(record)
        if origin is Origin.MACHINE:
            self.automatic = self.automatic or authorship.automated(record)
            if record.get("isMeta") and not record.get("isSidechain"):
                self._launch(texts[0])
        elif self._by_person(texts, record, line, source, origin):
            return
        self.machine += 1

    def _by_person(
        self, texts: list[str], record: dict[str, Any], line: int, source: bytes, origin: Origin
    ) -> bool:
        """Add a record that the person may have written; False where its text says that a program did."""
        if called := authorship.command(texts[0]):
            name, args = called
            if name == "clear":
                self.skills.cleared()
            self.skills.called(name)
            said = self._say(args, record, line, source, TurnKind.COMMAND, origin) if args else None
            self._invocation = said
        elif (shell := authorship.shell_command(texts[0])) is not None:
            self._say("!" + shell, record, line, source, TurnKind.COMMAND, origin)
        else:
            words = [
                own
                for text in texts
                if not authorship.machine_text(text) and (own := authorship.own_words(text))
            ]
            if not words:
                return False
            self._say("\n".join(words), record, line, source, TurnKind.PROMPT, origin)
        return True

    def _launch(self, text: str) -> None:
        """Take a text that may put a skill into force; the words it was called with belong to it."""
        if self.skills.launched(text):
            for draft in (self._invocation, self.reply):
                if draft is not None:
                    draft.skill = self.skills.current
            self._invocation = None

    def _attachment(self, record: dict[str, Any], line: int, source: bytes) -> None:
        attachment = record.get("attachment")
        if not isinstance(attachment, dict):
            return
        if attachment.get("type") == "invoked_skills":
            self._relaunch(attachment.get("skills"))
        elif attachment.get("type") == "queued_command" and attachment.get("commandMode") in (None, "prompt"):
            text = authorship.own_words(_joined(attachment.get("prompt")))
            origin = authorship.queued_origin(record, attachment)
            if text and origin is not Origin.MACHINE and not authorship.machine_text(text):
                self._say(text, record, line, source, TurnKind.QUEUED, origin)

    def _relaunch(self, skills: Any) -> None:
        """After a compaction the skills in force are put back, listed with the latest first."""
        for skill in reversed(skills) if isinstance(skills, list) else ():
            if isinstance(skill, dict):
                self.skills.called(skill.get("name"))
                self._launch(string(skill.get("content")))

    # ---- a person's words

    def _say(
        self, text: str, record: dict[str, Any], line: int, source: bytes, kind: TurnKind, origin: Origin
    ) -> HumanDraft | None:
        uuid = string(record.get("uuid")) or None
        if uuid in self.uuids:
            return None  # a line copied from an earlier place in the file
        if not unambiguous(source):
            self.machine += 1
            return None
        own, pasted = (text, ()) if kind is TurnKind.COMMAND else separate(text, self._pastes)
        parent, at = string(record.get("parentUuid")) or None, string(record.get("timestamp")) or None
        said = HumanDraft(line, own, pasted, uuid, parent, at, kind, origin, skill=self.skills.current)
        said.interrupted, said.denied = self._interrupted, self._denied
        said.offset = self._begins(line)
        self._replace_unanswered(said)
        if kind is not TurnKind.DENIAL:
            said.snapshot = self._snapshot()
            self.rewinds.prompt(said, self._said)
        if uuid is not None:
            self.uuids[uuid] = None
        self.drafts.append(said)
        self._said, self.reply, self._refused_plan = said, None, None
        self._interrupted = self._denied = False
        return said

    def _replace_unanswered(self, said: HumanDraft) -> None:
        """Drop the turn before if it is the same message, sent again before it had its answer."""
        before = self._said
        if before is None or before.kind is not said.kind:
            return
        sibling = said.parent is not None and said.parent == before.parent
        if (self.reply is None or said.interrupted or sibling) and same_message(before, said):
            at = next(at for at in range(len(self.drafts) - 1, -1, -1) if self.drafts[at] is before)
            del self.drafts[at]
            said.interrupted |= before.interrupted
            said.denied |= before.denied

    def _note(self, record: dict[str, Any]) -> None:
        self.recognised = True
        for key in ("sessionId", "cwd", "version"):
            value = record.get(key)
            if value and isinstance(value, str):
                self.facts[key] = value


def _joined(content: Any) -> str:
    """The text of a tool result or prompt, which is a string or a list of blocks."""
    if isinstance(content, list):
        return "\n".join(string(block.get("text")) for block in content if isinstance(block, dict))
    return string(content)
