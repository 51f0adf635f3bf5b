"""Which skill is in force."""

import pytest
from helpers.hosts import SKILL
from transcripts import Transcript

from skillloop.model import SkillRef


@pytest.mark.parametrize("by", ["model", "person"])
def test_the_skill_in_force_is_known_by_its_file(read, by):
    built = (
        Transcript()
        .typed("Find papers")
        .skill("research", SKILL, by=by)
        .says("Found")
        .typed("Use the journal")
    )
    session = read(built.says("ok").typed("And shorter"))
    ref = SkillRef("research", SKILL)
    assert [turn.skill for turn in session.human_turns][-2:] == [ref, ref]
    assert session.skills == (ref,)
    assert session.turns[0].skill is None


def test_words_given_with_a_skills_command_belong_to_it(read):
    built = Transcript().skill("research", SKILL, by="person", args="only journals").says("ok")
    assert read(built).turns[0].skill == SkillRef("research", SKILL)


@pytest.mark.parametrize("version", ["2.1.170", "2.1.197"])
def test_a_skill_stays_in_force_over_a_compaction_and_until_another(read, version):
    built = Transcript(version).skill("research", SKILL).says("a").typed("One").says("b").compacted()
    built.restored(("research", SKILL)).typed("Two").skill("write", "/w/SKILL.md").says("c").typed("Three")
    built.command("clear", stdout="").typed("Four")
    skills = [turn.skill and turn.skill.name for turn in read(built).human_turns]
    assert skills == ["research", "research", "write", None]


def test_a_plugins_skill_keeps_its_full_name(read):
    path = "/home/ana/.claude/plugins/cache/market/tools/1.0/skills/research/SKILL.md"
    session = read(Transcript().typed("Go").skill("tools:research", path).says("ok").typed("No"))
    assert session.human_turns[-1].skill == SkillRef("tools:research", path)
    assert len(session.skills) == 1
