"""Write Claude Code transcripts for tests: realistic JSONL records of several client versions, in a few words each.

    from transcripts import Transcript      # pytest puts tests/ on the path

    path = (
        Transcript(version="2.1.197")
        .typed("Tidy the report")
        .says("On it.")
        .tool("Bash", command="rm -rf old")     # its result is a success, unless the next call says otherwise
        .denied("never delete, move it to attic/")
        .skill("research", "/home/ana/.claude/skills/research/SKILL.md")
        .typed("Use the journal, not the blog")
        .write(tmp_path / "session.jsonl")
    )

Each method appends records and returns the transcript. `last` is the uuid of the newest record and `line` its 1-based
line, so a test can say where a turn must be found. Versions differ as facts about real files say: `promptId` from 2.1.76,
`entrypoint` from 2.1.78, `promptSource` from 2.1.161, `origin` from 2.1.197 (seen in the real
client, also on queued words), `userFeedback` from 2.1.217, `turnOrigin`
and `<pasted_content>` in 2.1.332, progress records up to 2.1.81, attachments for
queued words from 2.1.165, sub-agents inline in 1.0. `raw` and `record` write anything else. Ids and times are deterministic.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from skillloop.hosts.claude_code.hooks import receipts

if TYPE_CHECKING:
    from pathlib import Path

VERSIONS = ("1.0.98", "2.0.64", "2.1.30", "2.1.101", "2.1.170", "2.1.197", "2.1.332")

REJECTED = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, "
    "the new_string was NOT written to the file). "
)
STOPPED = REJECTED + "STOP what you are doing and wait for the user to tell you how to proceed."
FEEDBACK = REJECTED + "To tell you how to proceed, the user said:\n"
NOTE = (
    "\n\nNote: The user's next message may contain a correction or preference. Pay close attention — if they "
    "explain what went wrong or how they'd prefer you to work, consider saving that to memory for future sessions."
)
CLARIFY = (
    "The user wants to clarify these questions.\n    This means they may have additional information, context or "
    "questions for you.\n    Take their response into account and then reformulate the questions if appropriate.\n"
)
SUMMARY = (
    "This session is being continued from a previous conversation that ran out of context. The summary below "
    "covers the earlier portion of the conversation.\n\nSummary:\n"
)

SKILL = """---
name: research
description: Answer from sources.
---

# Research

## Sources

- Prefer PubMed over everything else.

## Answers

- Start with the answer in one sentence.
"""


class Transcript:
    """A transcript under construction; see the module's docstring for the way it reads."""

    def __init__(
        self,
        version: str = "2.1.197",
        *,
        session_id: str = "5e55104e-0000-4000-8000-000000000001",
        cwd: str = "/home/ana/project",
        entrypoint: str = "cli",
        spaced: bool = False,
        start: datetime = datetime(2026, 3, 2, 9, tzinfo=UTC),
    ) -> None:
        self.version = version
        self.session_id = session_id
        self.cwd = cwd
        self.entrypoint = entrypoint
        self.start = start  # when its first record was written
        self.spaced = spaced  # `", "` and `": "` between items, as other writers than Claude Code do
        self.lines: list[bytes] = []
        self.last: str | None = None
        self._parent: str | None = None
        self._records = 0
        self._message: str | None = None  # id of the assistant message that is being written
        self._pending: str | None = None  # id of a tool call without a result
        self._skill: str | None = None  # to which the client attributes what the assistant says in this turn
        self._launched: dict[str, str] = {}  # path of SKILL.md by name, the latest last
        self.submitted: list[str] = []  # what was typed at the prompt
        self._turn_parents: list[str | None] = []  # what each typed turn follows, for a rewind

    # ---- what a person does

    def typed(self, text: str, *, images: int = 0, ide: str | None = None, **fields: Any) -> Self:
        """A prompt typed by a person, optionally with pictures or the IDE's note on the open file."""
        self._settle()
        self.submitted.append(text)
        self._turn_parents.append(self._parent)
        self._skill = None
        content: str | list[dict[str, Any]] = text
        if images or ide or self._before("2.0"):
            content = [{"type": "text", "text": text}] if self._before("2.0") or images or ide else text
        if ide:
            note = f"<ide_opened_file>The user opened the file {ide} in the IDE. This may or may not be related to the current task.</ide_opened_file>"
            content = [{"type": "text", "text": note}, {"type": "text", "text": text}]
        for _ in range(images):
            source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
            content = [*content, {"type": "image", "source": source}]  # type: ignore[misc]
        return self._user(content, **self._provenance() | fields)

    def denied(self, feedback: str | None = None, *, clarify: bool = False, note: bool = True) -> Self:
        """The person refused the pending tool call, with or without a comment (`clarify`: a machine-made one).

        From 2.1.101 on Claude Code may add a `note` of its own behind the comment.
        """
        if feedback is None and not clarify:
            self._result(STOPPED, is_error=True, payload="User rejected tool use")
            return self.interrupted(for_tool=True)
        said = FEEDBACK + (CLARIFY if clarify else str(feedback))
        said += NOTE if note and not self._before("2.1.101") else ""
        signs: dict[str, Any] = {}
        if feedback is not None and not self._before("2.1.217"):
            signs = {"userFeedback": feedback, "toolDenialKind": "user-rejected"}
        if feedback is not None and not self._before("2.1.332"):
            signs["holdsPersonsWords"] = True
        return self._result(said, is_error=True, payload=f"Error: {said}", **signs)

    def answered(self, question: str, answer: str, *options: str, note: str = "") -> Self:
        """The person answers the assistant's question: by one of the options, or in words of their own, with a `note`."""
        asked = {"question": question, "header": "Choice", "options": [{"label": label} for label in options]}
        self.tool("AskUserQuestion", questions=[asked])
        said = f'The user answered: "{question}"="{answer}". You can now continue.'
        payload = {"questions": [asked], "answers": {question: answer}}
        payload["annotations"] = {question: {"notes": note}} if note else {}
        return self._result(said, payload=payload)

    def interrupted(self, *, for_tool: bool = False) -> Self:
        """Escape was pressed."""
        marker = "[Request interrupted by user for tool use]" if for_tool else "[Request interrupted by user]"
        return self._user([{"type": "text", "text": marker}])

    def pasted(self, before: str, paste: str, after: str = "", *, mark: str = "a1f3") -> Self:
        """A prompt with a marked paste in it, as 2.1.332 writes one of more than two lines."""
        inside = f'<pasted_content id="{mark}">\n{paste}\n</pasted_content id="{mark}">'
        return self.typed(f"{before}\n\n{inside}\n\n{after}".strip())

    def queued(self, text: str, then: str = "remove") -> Self:
        """Words typed while the assistant works: `then` is remove (sent mid-turn), dequeue (a turn) or popAll (taken back)."""
        self._queue("enqueue", content=text)
        if then == "dequeue":
            self._queue("dequeue")
            return self.typed(text)
        self._queue(then)
        if then == "remove" and not self._before("2.1.165"):
            said_by = (
                {} if self._before("2.1.197") else {"origin": {"kind": "human"}, "timestamp": self._now()}
            )
            self.attachment("queued_command", prompt=text, commandMode="prompt", **said_by)
        return self

    def command(self, name: str, args: str = "", *, stdout: str | None = None) -> Self:
        """A slash command; with `stdout` one of Claude Code's own (name first, then what it printed)."""
        self._settle()
        tags = {"message": name, "name": f"/{name}", "args": args}
        order, glue = (
            (("message", "name", "args"), "\n")
            if stdout is None
            else (("name", "message", "args"), "\n            ")
        )
        known = self._provenance() if stdout is None and not self._before("2.1.332") else {}
        known.pop("promptSource", None)
        self._user(glue.join(f"<command-{tag}>{tags[tag]}</command-{tag}>" for tag in order), **known)
        if stdout is not None:
            self._user(f"<local-command-stdout>{stdout}</local-command-stdout>")
        return self

    def bash(self, command: str, output: str = "") -> Self:
        """A shell command that the person ran with `!`."""
        self._user(f"<bash-input>{command}</bash-input>")
        return self._user(f"<bash-stdout>{output}</bash-stdout><bash-stderr></bash-stderr>")

    def rewound(self, turns: int = 1) -> Self:
        """The person went back to before the last `turns` typed turns: what follows is another branch."""
        self._settle()
        self._parent = self._turn_parents[-turns]
        del self._turn_parents[-turns:]
        return self

    # ---- what the assistant does

    def says(self, text: str, **fields: Any) -> Self:
        """A text block of the assistant."""
        return self._block({"type": "text", "text": text}, **fields)

    def thinks(self, text: str) -> Self:
        """A thinking block."""
        return self._block({"type": "thinking", "thinking": text, "signature": ""})

    def tool(self, name: str, **arguments: Any) -> Self:
        """A tool call. The next method decides its result: `result`, `denied`, or else a plain success."""
        call = f"toolu_{self._records:024d}"
        self._block({"type": "tool_use", "id": call, "name": name, "input": arguments})
        self._pending = call
        return self

    def result(
        self, text: str, *, failed: bool = False, payload: Any = None, beside: str = "", decider: str = ""
    ) -> Self:
        """The pending tool call's result; `payload` is the record's `toolUseResult`.

        Who allowed the call (`decider`, e.g. "user_temporary", from 2.1.332) may write a comment (`beside`).
        """
        signs = {"permissionDecision": {"decision": "accept", "source": decider}} if decider else {}
        payload = payload if payload is not None else {"stdout": text}
        return self._result(text, is_error=failed, payload=payload, beside=beside, **signs)

    def skill(
        self, name: str, path: str, *, args: str = "", by: str = "model", body: str = "# A skill"
    ) -> Self:
        """A skill comes into force: called by the model, or (`by="person"`) as a slash command. `path` is its SKILL.md."""
        extra: dict[str, Any] = {}
        if by == "model":
            self.tool("Skill", skill=name, **({"args": args} if args else {}))
            extra["sourceToolUseID"] = self._pending
            self._result(f"Launching skill: {name}", payload={"success": True, "commandName": name})
        else:
            self.command(name, args)
        folder = path.removesuffix("/SKILL.md")
        text = f"Base directory for this skill: {folder}\n\n{body}" + (
            f"\n\nARGUMENTS: {args}" if args else ""
        )
        self._skill = name
        self._launched.pop(name, None)
        self._launched[name] = path
        return self.meta([{"type": "text", "text": text}], **extra)

    # ---- what machines write

    def meta(self, content: Any, **fields: Any) -> Self:
        """A user-role record that Claude Code marks as not typed."""
        return self._user(content, isMeta=True, **fields)

    def restored(self, *skills: tuple[str, str]) -> Self:
        """After a compaction, the skills (name and path of SKILL.md) that were in force, the latest first (from 2.1.170)."""
        listed = [
            {
                "name": name,
                "path": f"userSettings:{name}",
                "content": f"Base directory for this skill: {path.removesuffix('/SKILL.md')}\n\n# A skill",
            }
            for name, path in skills
        ]
        return self.attachment("invoked_skills", skills=listed)

    def compacted(self, summary: str = "1. Primary request: never mind.", *, resumed: bool = False) -> Self:
        """The conversation was summarised to make room; the client forgot its skills if it was `resumed` before."""
        self._settle()
        self.record(
            "system",
            subtype="compact_boundary",
            content="Conversation compacted",
            parentUuid=None,
            logicalParentUuid=self._parent,
        )
        self._user(SUMMARY + summary, isVisibleInTranscriptOnly=True, isCompactSummary=True)
        if not resumed and self._launched and not self._before("2.1.170"):
            self.restored(*reversed(self._launched.items()))
        return self

    def handoff(self, plan: str) -> Self:
        """An accepted plan opens a new session with this as its first "user" message."""
        extra = {} if self._before("2.1.20") else {"planContent": plan}
        return self._user("Implement the following plan:\n\n" + plan, **extra)

    def notified(self, text: str = "Background command finished") -> Self:
        """A background task reports, in a user-role record."""
        known = (
            {}
            if self._before("2.1.161")
            else {"origin": {"kind": "task-notification"}, "promptSource": "system"}
        )
        return self._user(
            f"<task-notification>\n<task-id>b1</task-id>\n<summary>{text}</summary>\n</task-notification>",
            **known,
        )

    def teammate(self, text: str, name: str = "lead") -> Self:
        """Another agent of a team speaks, in a user-role record."""
        said = f'<teammate-message teammate_id="{name}">\n{text}\n</teammate-message>'
        return self._user(said, teamName="crew", agentName="worker")

    def subagent(self, prompt: str, reply: str = "Done.") -> Self:
        """A sub-agent's turns: inline side chain in 1.0, mirrored in progress records up to 2.1.81, else nowhere."""
        if self._before("2.0"):
            self._user(prompt, isSidechain=True)
            return self.says(reply, isSidechain=True)
        for role, said in (("user", prompt), ("assistant", reply)) if self._before("2.1.82") else ():
            nested = {
                "type": role,
                "message": {"role": role, "content": [{"type": "text", "text": said}]},
                "uuid": self._uuid("n"),
            }
            self.record(
                "progress",
                data={"type": "agent_progress", "message": nested, "prompt": prompt, "agentId": "a1"},
            )
        return self

    def suggested(self, text: str) -> Self:
        """The person accepted a prompt that the model had suggested."""
        return self.typed(text, promptSource="suggestion_accepted")

    def attachment(self, kind: str, **fields: Any) -> Self:
        """An attachment record."""
        return self.record("attachment", attachment={"type": kind, **fields})

    def snapshot(self) -> Self:
        """The file history line that often comes first, with no place in the chain."""
        empty = {"messageId": "m", "trackedFileBackups": {}, "timestamp": self._now()}
        return self._line(
            {"type": "file-history-snapshot", "messageId": "m", "snapshot": empty, "isSnapshotUpdate": False}
        )

    def forked(self, session_id: str) -> Transcript:
        """The copy of this session that `--fork-session` goes on in: the same records, under another session's id."""
        copy = Transcript(self.version, session_id=session_id, cwd=self.cwd, entrypoint=self.entrypoint)
        for line in self.data().splitlines():
            record = json.loads(line)
            if record["type"] == "assistant":
                record["requestSessionId"] = record.get("requestSessionId", self.session_id)
            copy._line(record | {"sessionId": session_id})
        copy._parent, copy.last = self._parent, self.last
        return copy

    # ---- anything else

    def record(self, kind: str, **fields: Any) -> Self:
        """A record of type `kind` in the chain, with these fields over the usual ones."""
        self.last = self._uuid()
        chain = {"parentUuid": self._parent, "isSidechain": False}
        common = {
            "userType": "external",
            "cwd": self.cwd,
            "sessionId": self.session_id,
            "version": self.version,
            "gitBranch": "main",
        }
        if not self._before("2.1.78"):
            common = {"userType": "external", "entrypoint": self.entrypoint} | common
        own = {"type": kind, **fields}
        stamp = {"uuid": self.last, "timestamp": self._now()}
        old = self._before("2.1.92")  # the order of keys changed with the versions
        self._line(chain | common | own | stamp if old else chain | own | stamp | common | fields)
        self._parent = self.last
        return self

    def raw(self, data: bytes) -> Self:
        """These bytes as a line (a newline is added)."""
        self.lines.append(data)
        return self

    @property
    def line(self) -> int:
        """1-based number of the newest line."""
        return len(self.lines)

    def data(self) -> bytes:
        """The whole file."""
        self._settle()
        return b"".join(line + b"\n" for line in self.lines)

    def write(self, path: Path) -> Path:
        """Write the file and return its path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.data())
        return path

    def witnessed(self, home: Path) -> Self:
        """The plugin's hook saw every prompt so far."""
        for text in self.submitted:
            receipts.issue(home, self.session_id, text)
        return self

    # ---- how records are made

    def _user(self, content: Any, **fields: Any) -> Self:
        self._settle()
        self._message = None
        if not self._before("2.1.76"):
            fields = {"promptId": self._uuid("p")} | fields
        return self.record("user", message={"role": "user", "content": content}, **fields)

    def _provenance(self) -> dict[str, Any]:
        """What the client says of who sent a prompt, by version."""
        fields: dict[str, Any] = {}
        if not self._before("2.1.15"):
            fields["permissionMode"] = "default"
        person = self.entrypoint == "cli"
        if not self._before("2.1.161"):
            fields["promptSource"] = "typed" if person else "sdk"
        if not self._before("2.1.197") and person:
            fields["origin"] = {"kind": "human"}
        if not self._before("2.1.332"):
            fields["turnOrigin"] = "human" if person or self.entrypoint.startswith("claude-") else "sdk"
        return fields

    def _block(self, block: dict[str, Any], **fields: Any) -> Self:
        self._settle()
        if self._message is None:
            self._message = f"msg_{self._records:022d}"
        message = {
            "model": "claude-test",
            "id": self._message,
            "type": "message",
            "role": "assistant",
            "content": [block],
            "stop_reason": None,
            "usage": {"input_tokens": 3, "output_tokens": 9},
        }
        if self._skill and not self._before("2.1.165"):
            fields = {"attributionSkill": self._skill} | fields
        return self.record("assistant", message=message, requestId="req_1", **fields)

    def _result(
        self, text: str, *, is_error: bool = False, payload: Any = None, beside: str = "", **signs: Any
    ) -> Self:
        call, self._pending, self._message = self._pending, None, None
        block: dict[str, Any] = {"tool_use_id": call, "type": "tool_result", "content": text}
        if is_error or not self._before("2.1.71"):
            block["is_error"] = is_error
        fields = signs if self._before("2.0.65") else {"sourceToolAssistantUUID": self._parent} | signs
        blocks = [block, {"type": "text", "text": beside}] if beside else [block]
        return self.record(
            "user", message={"role": "user", "content": blocks}, toolUseResult=payload, **fields
        )

    def _settle(self) -> None:
        """Give a pending tool call its plain success."""
        if self._pending is not None:
            self.result("ok")

    def _queue(self, operation: str, **fields: Any) -> Self:
        return self._line(
            {
                "type": "queue-operation",
                "operation": operation,
                "timestamp": self._now(),
                "sessionId": self.session_id,
                **fields,
            }
        )

    def _line(self, record: dict[str, Any]) -> Self:
        separators = (", ", ": ") if self.spaced else (",", ":")
        self.lines.append(json.dumps(record, ensure_ascii=False, separators=separators).encode())
        return self

    def _uuid(self, salt: str = "") -> str:
        self._records += 1
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.session_id}/{self._records}{salt}"))

    def _now(self) -> str:
        at = self.start + timedelta(seconds=7 * self._records)
        return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def _before(self, version: str) -> bool:
        def number(text: str) -> tuple[int, ...]:
            return tuple(int(part) for part in text.split("."))

        return number(self.version) < number(version)
