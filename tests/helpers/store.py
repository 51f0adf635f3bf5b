"""What a store keeps, made by hand, and a skill with three rules."""

from skillloop.model import (
    Check,
    Disagreement,
    Edit,
    Evidence,
    Kind,
    Lesson,
    Origin,
    Outcome,
    Proposal,
    Session,
    SkillRef,
    Turn,
    Verdict,
)

SKILL = "/x/skills/web/SKILL.md"
TEXT = b"---\nname: web\ndescription: d\n---\n\n# Rules\n\n- one\n- two\n- three\n"
VERDICT = Verdict(Outcome.DEFER, (Check("sources", False, hard=False, detail="unknown"),))


def evidence(name="e1", session="s1"):
    return Evidence(name, session, "/t.jsonl", 3, "u-3", "never do that", Origin.TYPED)


def disagreement(name="e1", session="s1", skill=SKILL):
    ref = SkillRef("web", skill) if skill else None
    return Disagreement(evidence(name, session), Kind.CORRECTION, 0.9, True, ref, 4)


def lesson(name="e1", session="s1", target=SKILL, **fields):
    said = evidence(name, session)
    return Lesson(
        said, "Never do that", 0.8, **{"offered": True, "confidence": 0.9, "turn": 4} | fields, target=target
    )


def proposal(name="abc123", *, session="s1", skill=SKILL, lines=1):
    edits = tuple(Edit("insert", "Rules", new=f"- rule {n}", evidence=("e1",)) for n in range(lines))
    return Proposal(name, "web", skill, "0" * 64, edits, (evidence(),), "why", "offline", session)


def session(name="s1", end=100, digest="d"):
    turns = (Turn(0, "human", "hi", 1), Turn(1, "assistant", "hello", 2))
    return Session(name, f"/{name}.jsonl", turns, end=end, digest=digest)
