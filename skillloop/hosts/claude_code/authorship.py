"""Who made these words: the one answer to whether a person typed what a record holds, and what proves it.

Default deny. Origin is TYPED only where the client says that a human sent the words (`origin`) and how (`promptSource`,
`turnOrigin`). An older client that says neither leaves them UNATTRIBUTED; whatever says something else, or something unknown,
is MACHINE and no turn at all, and so is a record that says nothing in a session whose client says it of others (`signs`).

A record can be forged by whatever can write the file, so two things outside it count as well. A receipt (`witnessed`) proves
that the words were submitted. A tool call that touched what skillloop rests on (transcripts, the prompt history, skillloop's
own state) taints the session: any mention counts, also inside a script that a call writes, but not a call that only reads,
and not a project's memory folder. A determined forger can hide the path: the taint lowers trust, it does not carry it.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

from skillloop.hosts.claude_code.hooks import receipts
from skillloop.hosts.claude_code.records import dicts, string
from skillloop.model import Origin, Session, Turn, TurnKind
from skillloop.text.lexicon import table

_TABLE = {key: tuple(entries) for key, entries in table("claude_code").items()}
_COMMENT, _BESIDE = (re.compile(table("claude_code")["patterns"][name]) for name in ("comment", "beside"))
_INTERRUPTED = "[Request interrupted by user"
_NOTE = "Note: The user's next message may contain a correction or preference."
_LIMIT_RESET = re.compile(r"Your .{0,60} limit has reset\. Continue")
_STATE = re.compile(r"(\.claude[/\\]+projects|history\.jsonl|\.skillloop\b|SKILLLOOP_HOME|skillloop\.db)")
_NOTES = re.compile(r"\.claude[/\\]+projects[^\s'\";|&<>{]{0,300}[/\\]memory(?![^\s'\";|&)/\\])")
_UP = re.compile(r"(?<![\w.])\.\.(?![\w.])")  # the way out of the folder of notes
# possessive: each character has one place, however many commands there are
_READS = r"(?:cat|du|grep|head|ls|stat|strings|tail|wc)(?: (?:(?<= )2>(?:&1|/dev/null)(?![^ |])|[^;&|<>`(){}\n\\])*+)?+"
_OURS = re.compile(rf"^[~$\w/.-]*/\.skillloop/bin/skillloop(?= |$)|^{_READS}(?:\| ?{_READS})*+$")
"""What our skills say, and what can only read."""
_MEMORY = "user-memory-input"  # around a note that the person began with `#`


class Authorship(NamedTuple):
    """Who made the words that a record holds, and how they got into it. What is the MACHINE's is no turn of a person's."""

    origin: Origin
    kind: TurnKind = TurnKind.PROMPT
    text: str = ""  # the person's own words; "" where there are none
    command: str | None = None  # the slash command that they are the arguments of


_NOBODY = Authorship(Origin.MACHINE)
_WITNESSED = (TurnKind.PROMPT, TurnKind.COMMAND, TurnKind.QUEUED)
"""What the hook may have seen. Clients before 2.1.332 do not tell it of queued words."""


def of_message(record: dict[str, Any], texts: list[str]) -> Authorship:
    """Return who wrote the text blocks of a user-role record."""
    sender, first = origin(record), texts[0].lstrip()
    if sender is Origin.MACHINE:
        return _NOBODY
    if first.startswith(("<command-message>", "<command-name>")):
        name = _inside(first, "command-name").strip().removeprefix("/")
        return Authorship(sender, TurnKind.COMMAND, _inside(first, "command-args").strip(), name)
    words = [own for text in texts if (own := own_words(text))]
    return Authorship(sender, TurnKind.PROMPT, "\n".join(words)) if words else _NOBODY


def of_queued(record: dict[str, Any], attachment: dict[str, Any], text: str) -> Authorship:
    """Return who wrote words that were queued: the attachment names its origin, and only what is typed is queued as a prompt."""
    if "origin" in attachment:
        record = record | {"origin": attachment["origin"], "promptSource": "queued"}
    sender = Origin.MACHINE if attachment.get("isMeta") else origin(record)
    if sender is Origin.TYPED and record.get("entrypoint") in _TABLE["personal-entrypoints"]:
        sender = Origin.UNATTRIBUTED  # as what is sent there at once
    own = own_words(text)
    return Authorship(sender, TurnKind.QUEUED, own) if own and sender is not Origin.MACHINE else _NOBODY


def of_refusal(record: dict[str, Any], result: str) -> Authorship:
    """Return who wrote the comment in the result of a refused call; a newer client says itself that it is the person's."""
    match = _COMMENT.search(result)
    comment = match[1].partition(_NOTE)[0].strip() if match else ""
    said = string(record.get("userFeedback")).strip()
    if (said or comment).startswith(_TABLE["machine-feedback"]):
        return _NOBODY
    machine = origin(record) is Origin.MACHINE
    proven = said and not machine and record.get("holdsPersonsWords") is True
    sender = Origin.TYPED if proven else Origin.UNATTRIBUTED
    return Authorship(sender, TurnKind.DENIAL, "" if machine else said or comment)


def of_answers(record: dict[str, Any]) -> Authorship:
    """Return what a person wrote themselves in answer to questions of the assistant's: all that is no option's label."""
    result = record.get("toolUseResult")
    result = result if isinstance(result, dict) else {}
    answers, questions = result.get("answers"), result.get("questions")
    if not isinstance(answers, dict) or origin(record) is Origin.MACHINE:
        return _NOBODY
    options = (option for question in dicts(questions) for option in dicts(question.get("options")))
    labels = {string(option.get("label")) for option in options}.union(_TABLE["unchosen"]) - {""}
    # the options that were chosen beside the person's own words stand before these, with commas
    chosen = "|".join(map(re.escape, sorted(labels, key=len, reverse=True)))
    chosen = rf"\A(?:(?:{chosen})(?:, [, ]*|\Z))+"
    own = [re.sub(chosen, "", string(answer).strip()) for answer in answers.values()]
    remarks = result.get("annotations")
    remarks = dicts(list(remarks.values())) if isinstance(remarks, dict) else ()
    own += [string(remark.get("notes")).strip() for remark in remarks]
    text = "\n".join(dict.fromkeys(filter(None, own)))
    return Authorship(Origin.UNATTRIBUTED, TurnKind.ANSWER, text) if text else _NOBODY


def of_comment(record: dict[str, Any], texts: list[str]) -> Authorship:
    """Return who wrote the text blocks beside a tool's result: a person may comment on a call when they allow it."""
    text = "\n".join(own for text in texts if not interruption(text) and (own := own_words(text)))
    nobody = not text or origin(record) is Origin.MACHINE
    return _NOBODY if nobody else Authorship(Origin.UNATTRIBUTED, TurnKind.ANSWER, text)


def origin(record: dict[str, Any]) -> Origin:
    """Return who the record says sent it. An `origin` or `promptSource` that is not known here is MACHINE."""
    if automated(record) or any(map(record.get, _TABLE["machine-flags"])):
        return Origin.MACHINE
    sender, source = record.get("origin"), record.get("promptSource")
    human = isinstance(sender, dict) and sender.get("kind") == "human"
    if (sender is not None and not human) or record.get("turnOrigin") not in (None, "human", "sdk"):
        return Origin.MACHINE
    if source == "sdk":  # not `automated`: a person in the desktop app or an IDE, as far as can be told
        return Origin.UNATTRIBUTED
    if source is not None and source not in _TABLE["typed-sources"]:
        return Origin.MACHINE
    how = source is not None or record.get("turnOrigin") == "human"  # a slash command has no `promptSource`
    return Origin.TYPED if human and how else Origin.UNATTRIBUTED


def signs(record: dict[str, Any]) -> tuple[TurnKind, ...]:
    """Return the kinds of turns of which the client, to judge by this record, says who sent them.

    From 2.1.161 on: prompts. Since there is `turnOrigin`: slash commands, and whether a person decided on a call's result.
    """
    decision = record.get("permissionDecision")
    if isinstance(decision, dict):
        return (TurnKind.ANSWER,) if string(decision.get("source")).startswith("user_") else ()
    if record.get("turnOrigin") == "human":
        return (TurnKind.PROMPT, TurnKind.COMMAND, TurnKind.ANSWER)
    sender = record.get("origin")
    human = isinstance(sender, dict) and sender.get("kind") == "human"
    return (TurnKind.PROMPT,) if human or record.get("promptSource") in _TABLE["signs"] else ()


def automated(record: dict[str, Any]) -> bool:
    """Return whether no person is there to type: `claude -p`, the SDK, a sub-agent, a team's agent, a tool's observer."""
    entrypoint, cwd = str(record.get("entrypoint")), str(record.get("cwd"))
    unattended = any(name in cwd for name in _TABLE["unattended"])
    if unattended or record.get("agentName") or record.get("isSidechain"):
        return True
    if record.get("promptSource") == "sdk":
        return entrypoint not in _TABLE["personal-entrypoints"]
    return entrypoint.startswith(("sdk", "mcp"))


def interruption(text: str) -> bool:
    """Return whether the text is the marker that the person stopped the assistant."""
    return text.lstrip().startswith(_INTERRUPTED)


def refused(result: str) -> bool:
    """Return whether an erroneous tool result says that the person refused the call."""
    return result.startswith(_TABLE["refused"])


def own_words(text: str) -> str:
    """Return what a person may have typed of a text, without wrappers; "" where a program wrote it, by how it begins."""
    own = _BESIDE.sub("", text) if "<" in text else text
    own = (_inside(own, _MEMORY) if own.lstrip().startswith(f"<{_MEMORY}>") else own).strip()
    starts = _TABLE["machine-starts"]
    machine = own.startswith(starts) or text.lstrip().startswith(starts)
    return "" if machine or "<teammate-message" in own or _LIMIT_RESET.match(own) else own


def _inside(text: str, tag: str) -> str:
    """Return what stands in the first such tag."""
    return text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]


def taint(tool: str, arguments: Any) -> str | None:
    """Return why a tool call taints the session, or None."""
    if tool in _TABLE["reading-tools"] or not isinstance(arguments, dict):
        return None
    todo = list(arguments.values())
    for item in todo:  # it grows by what is nested
        if isinstance(item, str):
            # one of these is in whatever the pattern finds, and in few calls
            if ".claude" in item or "history.jsonl" in item or "killloop" in item or "KILLLOOP" in item:
                rest = _OURS.sub("", item)
                touched = _STATE.search(rest if _UP.search(rest) else _NOTES.sub("", rest))
                if touched is not None:
                    return f"a {tool} call touched {touched[1]}"
        elif isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, list):
            todo += item
    return None


def witnessed(home: Path, session_id: str, path: str, turn: Turn) -> bool | None:
    """Return whether the hook saw these words submitted; None where it did not watch the session.

    No hook is told of answers and of comments on a refusal: for those it counts that one watched. A fork's turn has its receipt
    where it was said. A record may claim another session (`session_id`) than the one that the transcript is named after.
    """
    text = turn.text if turn.kind in _WITNESSED else ""
    for watched in (turn.copied_from or Path(path).stem, session_id):
        seen = receipts.submitted(home, watched, text)
        if seen is not None:
            return seen
    return None


def suspicion(session: Session, turn: Turn, home: Path) -> str:
    """Return why something else than the person may well have put this human turn into the transcript, or "".

    Such words are neither shown as the person's nor sent to a model. That nothing watched the session is no such reason.
    """
    seen = witnessed(home, session.session_id, session.path, turn)
    if seen and (turn.kind in _WITNESSED or turn.origin is Origin.TYPED):
        return ""
    if seen is False and turn.kind.submitted:
        return "the plugin did not see it submitted"
    if session.tainted:
        return session.tainted
    attributed = (other.line for other in session.human_turns if other.origin is Origin.TYPED)
    foreign = turn.origin is Origin.UNATTRIBUTED and min(attributed, default=turn.line) < turn.line
    return "it does not say who typed it, as earlier ones do" if turn.kind.submitted and foreign else ""
