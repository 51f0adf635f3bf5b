"""Turns records, in the order of the file, into the turns of a session.

The assistant's consecutive records become one turn, tool results fill in how its calls went, and a person's words are
placed where they were said. Invariant: only `_say` makes a human turn, and only of words that `speaker` lets pass.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

from skillloop.model import Origin, TurnKind
from skillloop.transcript import speaker, taint
from skillloop.transcript.drafts import Reply, Said, string
from skillloop.transcript.lines import unambiguous
from skillloop.transcript.pasted import separate
from skillloop.transcript.queued import Queue
from skillloop.transcript.resent import same_message
from skillloop.transcript.rewinds import Rewinds
from skillloop.transcript.skills import InForce


class Assembly:
    """The session so far. `take` each record, then `finish`."""

    def __init__(self) -> None:
        self.drafts: list[Said | Reply] = []
        self.skills = InForce()
        self.rewinds = Rewinds()
        self.machine = 0
        self.recognised = self.automatic = False
        self.tainted: str | None = None
        self.facts: dict[str, str] = {}  # sessionId, cwd and version as last seen
        self._source = b""
        self._queue = Queue()
        self.reply: Reply | None = None  # the assistant turn that is open
        self._said: Said | None = None  # the person's latest turn
        self._invocation: Said | None = None  # a slash command that a skill's launch may follow
        self._uuids: set[str] = set()
        self._replies: deque[Reply] = deque(maxlen=4)  # whose calls may still get a result
        self._interrupted = self._denied = False
        self._refused_plan: str | None = None  # the id of its call

    def take(self, record: dict[str, Any], line: int, source: bytes) -> None:
        """Add the record that stands on this 1-based line, whose bytes are `source`."""
        self._source = source
        kind = record.get("type")
        if kind == "assistant":
            self._assistant(record, line)
        elif kind == "user":
            self._user(record, line)
        elif kind == "attachment":
            self._attachment(record, line)
        elif kind == "queue-operation" and unambiguous(source):
            self._queue.take(record, line)

    def finish(self) -> None:
        """Settle what only the end of the file decides."""
        if self._refused_plan is not None:  # nobody spoke after it: the plan went on in a session of its own
            self._settle(self._refused_plan)
        for said in self._queue.unheard(self.said()):
            self._place(said)

    def said(self) -> list[Said]:
        """The human turns so far."""
        return [draft for draft in self.drafts if isinstance(draft, Said)]

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
            if isinstance(block, dict) and block.get("type") in {"text", "tool_use"}:
                self._block(block, self._open(record, line))
        if "attributionSkill" in record:
            self.skills.attributed(record["attributionSkill"])

    def _open(self, record: dict[str, Any], line: int) -> Reply:
        """The assistant turn that the record belongs to, begun if need be."""
        if self.reply is None:
            self._interrupted = self._denied = False
            self._refused_plan = None
            self._note(record)
            self.reply = Reply(record, line, self.skills.current)
            self.drafts.append(self.reply)
            self._replies.append(self.reply)
        return self.reply

    def _block(self, block: Any, reply: Reply) -> None:
        """Add a text or tool call to the assistant's turn; any other block is passed over."""
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text" and isinstance(text := block.get("text"), str):
            reply.say(text)
        elif kind == "tool_use":
            name, arguments = string(block.get("name")), block.get("input")
            reply.call(string(block.get("id")), name, arguments)
            if name == "Skill" and isinstance(arguments, dict):
                self.skills.called(arguments.get("skill"))
            if self.tainted is None:
                self.tainted = taint.reason(name, arguments)

    def _settle(self, key: str, *, failed: bool = False, rejected: bool = False) -> str:
        """Note how a call went; the name of its tool, or "" where it is not known."""
        for reply in reversed(self._replies):
            if key in reply.calls:
                reply.calls[key] = replace(reply.calls[key], failed=failed, rejected=rejected)
                return reply.calls[key].name
        return ""

    # ---- user-role records

    def _user(self, record: dict[str, Any], line: int) -> None:
        message = record.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        texts: list[str] = []
        for block in content if isinstance(content, list) else ():
            kind = block.get("type") if isinstance(block, dict) else None
            if kind == "tool_result":
                self._result(block, record, line)
            elif kind == "text" and (text := string(block.get("text"))):
                texts.append(text)
        if texts:
            self._note(record)
            self._words(texts, record, line)

    def _result(self, block: dict[str, Any], record: dict[str, Any], line: int) -> None:
        if not block.get("is_error") or record.get("isSidechain"):
            return
        text = _result_text(block.get("content"))
        key, refused = string(block.get("tool_use_id")), speaker.refused(text)
        tool = self._settle(key, failed=not refused, rejected=refused)
        if not refused:
            return
        said = speaker.feedback(text)
        if speaker.machine_feedback(said):
            self.machine += 1
            return
        self._denied = True
        if said and speaker.origin(record) is not Origin.MACHINE:
            self._say(said, record, line, TurnKind.DENIAL, Origin.UNATTRIBUTED)
        elif tool == "ExitPlanMode":
            self._refused_plan = key

    def _words(self, texts: list[str], record: dict[str, Any], line: int) -> None:
        """Sort out who wrote the text blocks of a user-role record."""
        first = texts[0]
        if speaker.interruption(first):
            self._interrupted = True
            return
        origin = speaker.origin(record)
        if origin is Origin.MACHINE and speaker.automated(record):
            self.automatic = True
        if record.get("isMeta"):
            if not record.get("isSidechain") and self.skills.launched(first):
                self._launched()
        elif origin is not Origin.MACHINE and self._by_person(texts, record, line, origin):
            return
        self.machine += 1

    def _by_person(self, texts: list[str], record: dict[str, Any], line: int, origin: Origin) -> bool:
        """Add a record that the person may have written; False where its text says that a program did."""
        if called := speaker.command(texts[0]):
            self._command(*called, record, line, origin)
        elif (shell := speaker.shell_command(texts[0])) is not None:
            self._say("!" + shell, record, line, TurnKind.COMMAND, origin)
        else:
            words = [
                own for text in texts if not speaker.machine_text(text) and (own := speaker.own_words(text))
            ]
            if not words:
                return False
            self._say("\n".join(words), record, line, TurnKind.PROMPT, origin)
        return True

    def _command(self, name: str, args: str, record: dict[str, Any], line: int, origin: Origin) -> None:
        if name == "clear":
            self.skills.cleared()
        self._invocation = None
        self.skills.called(name)
        if args:
            self._say(args, record, line, TurnKind.COMMAND, origin)
            self._invocation = self._said

    def _launched(self) -> None:
        """A skill came into force; the words it was called with belong to it."""
        if self._invocation is not None:
            self._invocation.skill = self.skills.current
            self._invocation = None

    # ---- a person's words

    def _say(self, text: str, record: dict[str, Any], line: int, kind: TurnKind, origin: Origin) -> None:
        uuid = string(record.get("uuid")) or None
        if uuid in self._uuids:
            return  # a line copied from an earlier place in the file
        if not unambiguous(self._source):
            self.machine += 1
            return
        own, pasted = (text, ()) if kind is TurnKind.COMMAND else separate(text)
        said = Said(
            line,
            own,
            pasted,
            uuid,
            string(record.get("parentUuid")) or None,
            string(record.get("timestamp")) or None,
            kind,
            origin,
            interrupted=self._interrupted,
            denied=self._denied,
            skill=self.skills.current,
        )
        self._replace_unanswered(said)
        if uuid is not None:
            self._uuids.add(uuid)
        if kind is not TurnKind.DENIAL:
            self.rewinds.prompt(said, self._said)
        self.drafts.append(said)
        self._said, self.reply = said, None
        self._interrupted = self._denied = False
        self._refused_plan = None

    def _replace_unanswered(self, said: Said) -> None:
        """Drop the turn before if it is the same message, sent again before it had its answer."""
        before = self._said
        if before is None:
            return
        unanswered = self.reply is None or said.interrupted or (said.parent and said.parent == before.parent)
        if unanswered and before.kind is said.kind and same_message(before, said):
            self.drafts.remove(before)
            said.interrupted |= before.interrupted
            said.denied |= before.denied

    def _attachment(self, record: dict[str, Any], line: int) -> None:
        attachment = record.get("attachment")
        if not isinstance(attachment, dict) or attachment.get("type") != "queued_command":
            return
        text = speaker.own_words(_result_text(attachment.get("prompt")))
        if attachment.get("commandMode") not in (None, "prompt") or speaker.machine_text(text):
            return
        origin = speaker.origin(
            record | {key: attachment[key] for key in ("origin", "isMeta") if key in attachment}
        )
        if text and origin is not Origin.MACHINE:
            self._say(text, record, line, TurnKind.QUEUED, origin)

    def _place(self, said: Said) -> None:
        """Put a turn that was found late among the others, by its line."""
        said.text, said.pasted = separate(said.text)
        said.kind = TurnKind.QUEUED
        at = next((at for at, draft in enumerate(self.drafts) if draft.line > said.line), len(self.drafts))
        said.skill = self.drafts[at - 1].skill if at else None
        self.drafts.insert(at, said)

    def _note(self, record: dict[str, Any]) -> None:
        for key in ("sessionId", "cwd", "version"):
            if value := string(record.get(key)):
                self.facts[key] = value
        self.recognised = True


def _result_text(content: Any) -> str:
    """The text of a tool result or prompt: a string, or a list of blocks."""
    if isinstance(content, list):
        return "\n".join(string(block.get("text")) for block in content if isinstance(block, dict))
    return string(content)
