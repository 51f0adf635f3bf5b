"""What of a session is sent: redacted first, then cut."""

import sys
from dataclasses import fields
from pathlib import Path

from helpers.models import brief
from helpers.sessions import RULE
from transcripts import SKILL, Transcript

from skillloop import llm
from skillloop.config.sections import Budget
from skillloop.hosts.claude_code import transcript
from skillloop.llm.backends import Api
from skillloop.propose import model_drafter
from skillloop.text import redact

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
from redaction import positives


def hidden_in(sent, value):
    """Whether no ten characters in a row of the secret part of a value were sent (see tests/bench/redaction.py)."""
    core = value.rsplit("@", 1)[0].rsplit(":", 1)[-1] if "://" in value and "@" in value else value
    core = core.split("sig=")[-1][-max(8, len(core) // 2) :]
    return not any(core[i : i + 10] in sent for i in range(max(1, len(core) - 9)))


def test_a_secret_is_hidden_before_the_text_is_cut(tmp_path):
    token = "ghp_" + "a1B2c3D4e5F6" * 3
    for lead in range(0, 700, 7):
        text = "x " * (lead // 2) + token + " y" * 600
        assert not any(token[i : i + 10] in redact.clean(text, 400) for i in range(30))


def test_planted_secrets_are_in_no_request(tmp_path, store, server):
    """248, each in the request, the answer, a tool call, its result, the person's words, the skill and the rules."""
    everything = llm.limits(Budget(**{item.name: 10**9 for item in fields(Budget)}))
    client = llm.ModelClient(Api(), store, everything, "s", "c")
    sent = 0
    for kind, place, text, value in positives():
        ask = f"Question {sent}: {text}"  # else two that are redacted alike are one question
        record = (
            Transcript()
            .typed(ask)
            .skill("research", "/nowhere/skills/research/SKILL.md")
            .tool("Bash", command=text)
        )
        record.result(text).says(f"I did: {text}").typed(f"{RULE} {text}").says("Sorry.")
        read = transcript.read(record.write(tmp_path / "t" / "session.jsonl"))
        described = SKILL.replace("sources.", f"sources. {' '.join(text.split())}")
        told = brief(read, described + f"\n- {' '.join(text.split())}\n")
        client.complete(model_drafter.request(told._replace(rules={"person": f"- {text}\n"}), "m"))
        assert len(server.raw) == sent + 1, (kind, place)
        sent += 1
        assert hidden_in(server.raw[-1].decode(), value), (kind, place)
    assert sent == 248


def test_of_a_long_message_the_part_around_the_disagreement_is_sent():
    long = "word " * 400 + RULE + " and" * 400
    told = model_drafter.around(long, RULE)
    assert RULE in told
    assert len(told) <= model_drafter.CORRECTION + 4
