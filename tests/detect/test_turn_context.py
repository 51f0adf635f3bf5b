"""What stands around a turn: the assistant's side before and after, and the person's own words."""

from skillloop.detect.features import features as features_of
from skillloop.detect.features import scenes, words_used
from skillloop.model import Session, ToolUse, Turn, TurnKind


def test_what_the_person_repeats_of_the_assistant_is_not_held_against_them():
    finding = "2. The variable is never used and the error handling is wrong"
    turns = (
        Turn(0, "assistant", f"I found:\n\n{finding}", 1, kind=TurnKind.REPLY),
        Turn(1, "human", f"let's do this one\n\n{finding}", 2),
    )
    (scene,) = scenes(Session("s", "p", turns))
    assert "says: broken" not in features_of(scene)
    assert "says: broken" in words_used(finding)


def test_both_sides_of_a_turn_are_its_own():
    edit = (ToolUse("Edit", "a.py"),)
    turns = (
        Turn(0, "human", "one", 1),
        Turn(1, "assistant", "Done.", 2, kind=TurnKind.REPLY, tools=edit),
        Turn(2, "assistant", "And this.", 3, kind=TurnKind.REPLY),
        Turn(3, "human", "two", 4),
        Turn(4, "assistant", "You're right.", 5, kind=TurnKind.REPLY, tools=edit),
    )
    first, second = scenes(Session("s", "p", turns))
    assert (len(first.before), len(first.after)) == (0, 2)
    assert (second.before, second.after) == (turns[1:3], turns[4:])
    assert {"before: edited", "after: opens and concedes", "after: edits the same file again"} <= set(
        features_of(second)
    )
