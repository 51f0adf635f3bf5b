"""A transcript with every kind of record, and what a person says in it."""

from transcripts import Transcript

SKILL = "/home/ana/.claude/skills/research/SKILL.md"
SAID = [
    "Find papers on birds",
    "never fetch, use the journal",
    "Ask first",
    "stop amending",
    "and sign it",
    "Use a database",
    "Use a file",
    "what is that?",
    "shorter",
    "No, you will not",
]  # what a person says in `everything`


def said(session):
    return [turn.text for turn in session.human_turns]


def everything(version, *, spaced=False):
    """A transcript with every kind of record that the builder knows."""
    built = (
        Transcript(version, spaced=spaced)
        .snapshot()
        .typed("Find papers on birds")
        .thinks("hm")
        .says("I will. Déjà vu 🐦")
    )
    built.skill("research", SKILL).tool("Bash", command="curl x.com").denied("never fetch, use the journal")
    built.says("Sorry").tool("Edit", file_path="a.py", old_string='"is_error":true').denied().typed(
        "Ask first", images=1
    )
    built.tool("Bash", command="make").result("Exit code 2\nboom", failed=True).queued("stop amending").says(
        "Right."
    )
    built.queued("and sign it", "dequeue").says("Signed").queued("oops", "popAll").typed(
        "Use a database"
    ).says("Done")
    built.rewound().typed("Use a file").says('He said "tool_result"').interrupted().typed(
        "Use a file", ide="/a.py"
    )
    built.compacted().restored(("research", SKILL)).command("model", stdout="ok").bash(
        "git restore ."
    ).notified()
    built.teammate("No!").subagent("Never do that").handoff("# Plan\nnever").meta("Always").suggested(
        "yes, go on"
    )
    built.tool("Task", prompt="x").result(
        "a", payload={"content": [{"type": "text", "text": "y"}], "uuid": "u"}
    )
    built.tool("mcp__x", data={"role": "user", "content": [{"type": "tool_result", "is_error": True}]}).says(
        "End"
    )
    built.typed("```\nError: boom\n```\nwhat is that?").raw(
        b'{"type":"summary","summary":"x","leafUuid":"u"}'
    )
    return (
        built.skill("write", "/w/SKILL.md", by="person", args="shorter")
        .says("ok")
        .typed("> I will.\nNo, you will not")
    )
