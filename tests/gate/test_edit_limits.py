"""How much may change, and what is never automatic."""

import pytest
from helpers.gate import AUTO, SKILL, case, deleted, failed, insert, judged, replaced

from skillloop import gate
from skillloop.config.sections import Apply, Config, EditLimits
from skillloop.gate import structure
from skillloop.model import Outcome, Rule
from skillloop.skills.document import LEARNED

EDIT = insert("Sort by date")
LIMIT = Rule("edit.unseen = 2", "/p/skillloop.toml", 3)


def limited(**limits):
    return Config(edit=EditLimits(**limits), apply=Apply(mode="auto"))


def test_a_proposal_may_add_so_many_lines():
    edits = [insert(f"Rule number {n}") for n in range(4)]
    assert failed(structure.size, "x", *edits[:3]) == set()
    assert failed(structure.size, "x", *edits) == {"edit size!"}


def test_the_file_may_grow_to_so_many_bytes():
    assert failed(structure.size, "x", EDIT, config=limited(max_bytes=len(SKILL) + 5)) == {"file size!"}
    assert failed(structure.size, "x", EDIT, config=limited(max_bytes=len(SKILL) + 50)) == set()


def test_a_file_that_is_too_large_may_still_shrink():
    edit = deleted("- Use tabs to align columns.")
    assert failed(structure.size, "x", edit, config=limited(max_bytes=10)) == set()


def test_a_session_and_what_nobody_saw_have_budgets():
    assert failed(structure.drift, "x", EDIT, added_in_session=2, added_unseen=9) == set()
    assert failed(structure.drift, "x", EDIT, added_in_session=3) == {"session budget"}
    assert failed(structure.drift, "x", EDIT, added_unseen=10) == {"unseen budget"}


def test_growth_counts_against_the_persons_own_version():
    grown = SKILL + "".join(f"- Rule {n}.\n" for n in range(10))
    assert failed(structure.drift, "x", EDIT, base=grown, own=SKILL) == {"growth"}
    assert failed(structure.drift, "x", EDIT, base=grown, own=grown) == set()
    assert failed(structure.drift, "x", EDIT, base=grown) == set()


def test_replacing_counts_as_adding_and_deleting_does_not():
    tabs = "- Use tabs to align columns."
    assert failed(structure.drift, "x", replaced(tabs, "- Use spaces."), added_unseen=10) == {"unseen budget"}
    assert failed(structure.drift, "x", deleted(tabs), added_unseen=10) == set()


def test_the_heading_of_the_learned_rules_does_not_count():
    edit = insert("Sort by date", heading=LEARNED)
    assert failed(structure.size, "x", edit, config=limited(max_added_lines=1)) == set()


def test_the_rule_that_decides_is_named():
    config = Config(edit=EditLimits(unseen=2), rules={("edit.unseen", None): LIMIT})
    proposal, inputs = case("x", EDIT, config=config, added_unseen=2)
    [found] = [check for check in structure.drift(proposal, inputs) if not check.passed]
    assert found.rule == LIMIT
    assert "3 lines would have been added since you last decided; the limit is 2" in found.detail


@pytest.mark.parametrize(
    ("entries", "edit", "waits"),
    [
        (("delete",), deleted("- Use tabs to align columns."), True),
        (("delete",), EDIT, False),
        (("insert",), EDIT, True),
        (("report",), EDIT, True),
        (("REP*",), EDIT, True),
        (("deploy-*",), EDIT, False),
        ((), deleted("- Use tabs to align columns."), False),
    ],
)
def test_some_things_are_never_automatic(entries, edit, waits):
    config = Config(apply=Apply(mode="auto", never_auto=entries))
    assert failed(structure.automatic, "x", edit, config=config) == ({"never automatic"} if waits else set())


def test_an_unsure_detection_is_not_automatic():
    assert failed(structure.automatic, "x", EDIT, confidence=0.5) == {"confidence"}
    assert failed(structure.automatic, "x", EDIT, confidence=0.9) == set()
    assert (
        failed(structure.automatic, "x", EDIT, confidence=0.5, config=Config()) == set()
    )  # review asks anyway


def test_fifty_sessions_of_boiling_the_frog_stop_at_ten_lines():
    """Each session adds what it may; nothing counts time, so a wrong clock cannot help."""
    text, unseen, safety = SKILL, 0, "- Never print a customer's name."
    for session in range(50):
        for turn in range(5):
            said = f"Print col{session * 5 + turn} under table{session}{turn}"
            proposal, inputs = case(
                said, insert(said), base=text, own=SKILL, added_in_session=turn, added_unseen=unseen
            )
            if gate.judge(proposal, inputs).outcome is Outcome.KEEP:
                text, unseen = inputs.text, unseen + 1
        assert judged("drop it", deleted(safety), base=text).outcome is not Outcome.KEEP
        unseen = 0  # as if a person had decided something else: the budget against the person's own version remains
    assert len(text.splitlines()) - len(SKILL.splitlines()) == 10
    assert safety in text


def test_review_mode_is_the_default():
    assert Config().apply.mode == "review"
    assert AUTO.apply.mode == "auto"
