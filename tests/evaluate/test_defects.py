"""Injected defects: the sound edit brings back just what was said, and each defect is what its name says."""

import pytest

from skillloop.config.sections import Sources
from skillloop.evaluate import defects
from skillloop.evaluate.defects import KINDS, TUNED, UNSEEN
from skillloop.gate.mentions import SourceRules, known, mentions, plain
from skillloop.skills import document
from skillloop.text.contradiction import contradict

RULES = (
    "Never push to the main branch.",
    "Use tabs for indents when the file is a Makefile.",
    "Cite each claim from nature.com.",
    "Keep the subject line under fifty characters.",
    "Do not add emojis to headings.",
    "Ask the person before you delete a table.",
    "Write tests for every new function.",
)
TEXT = "---\nname: x\ndescription: d\n---\n\n# X\n\n## Rules\n\n" + "".join(f"- {rule}\n" for rule in RULES)
MADE = list(defects.examples(TEXT, "1"))


def rules(text):
    return [match["text"] for line in text.splitlines() if (match := document.ITEM.match(line))]


def test_the_sound_edit_brings_back_what_was_said_and_nothing_else():
    sound = [each for each in MADE if each.wanted]
    assert {each.said[0] for each in sound} == set(RULES)
    for each in sound:
        assert each.new == TEXT
        assert rules(each.old) == [rule for rule in RULES if rule != each.said[0]]


def test_there_is_every_kind_and_none_is_sound():
    assert {each.kind for each in MADE if not each.wanted} == set(KINDS)
    assert all(each.new != TEXT for each in MADE if each.kind)
    assert not set(TUNED) & set(UNSEEN)


@pytest.mark.parametrize(
    "made", [each for each in MADE if each.kind], ids=lambda each: f"{each.kind} {each.said[0][:20]}"
)
def test_each_defect_is_what_it_is_called(made):
    now = rules(made.new)
    gone, new = [rule for rule in RULES if rule not in now], [rule for rule in now if rule not in RULES]
    if made.kind == "deleted":
        assert (len(gone), new) == (1, [])
        assert gone != [made.said[0]]
    elif made.kind == "bloat":
        assert len(now) == len(RULES) + defects.BLOAT
    elif made.kind == "contradiction":
        assert not gone
        assert any(contradict(rule, new[0]) for rule in RULES)
    elif made.kind == "polarity":
        assert contradict(gone[0], new[0])
    elif made.kind == "scope":
        assert gone[0].startswith(new[0].rstrip("."))
    else:
        had, has = (
            {each.label for each in mentions(plain(line), SourceRules(Sources()))}
            for line in (gone[0], new[0])
        )
        assert had < has
        assert (has - had) & set(known())


def test_the_same_seed_gives_the_same_and_half_of_those_drawn_are_sound():
    assert list(defects.examples(TEXT, "1")) == MADE
    drawn = defects.drawn([TEXT, "---\nno end"], UNSEEN, 12)
    assert [each.wanted for each in drawn].count(True) == 6
    assert {each.kind for each in drawn if each.kind} == set(UNSEEN)
