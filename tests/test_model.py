"""The shared nouns: what they derive."""

from skillloop.model import Check, Outcome, Verdict


def test_a_verdict_names_the_hard_failure_first():
    verdict = Verdict(
        Outcome.DISCARD,
        (
            Check("budget", passed=False, hard=False, detail="b"),
            Check("schema", passed=True),
            Check("sources", passed=False, detail="a"),
        ),
    )
    assert [check.name for check in verdict.failed] == ["sources", "budget"]
