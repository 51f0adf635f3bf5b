"""Which files may be edited at all."""

from dataclasses import replace

import pytest
from helpers.gate import case, insert

from skillloop.gate import structure
from skillloop.skillpath import Owner, SkillPath, owner_of

GOOD = "/home/ann/.claude/skills/code-review/SKILL.md"


def found(path=GOOD, skill="code-review", leads_to=""):
    real = leads_to or path
    owner = next((owner for owner in map(owner_of, (path, real)) if not owner.editable), Owner.OTHER)
    proposal, inputs = case("sort by date", insert("Sort by date"), target=SkillPath(path, real, owner))
    return structure.place(replace(proposal, path=path, skill=skill), inputs)


@pytest.mark.parametrize(
    "path", [GOOD, "/work/.claude/skills/x/SKILL.md", "/p/.agents/skills/3d-print/SKILL.md"]
)
def test_a_skill_of_the_persons_own_may_be_edited(path):
    assert found(path).passed


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", ".git", ".claude-plugin", "--help", "CON", "nul", "com1", "SYNCED", "synced", "a\nb", "a\0b", "a\x1b[31m", "．．／x",
        "skill\\..\\x", "a/../b", "/etc/cron.d/x", "a\u202eb", "a\u200bb", "\u2028", "\ud800",
    ],
)  # fmt: skip
def test_a_name_that_is_no_name_is_refused(name):
    check = found(f"/home/ann/.claude/skills/{name}/SKILL.md")
    assert not check.passed
    assert check.hard


@pytest.mark.parametrize(
    "name",
    [
        "Commit", "my_skill", "v1.2", "部署", "deploy site", "é", "a:b", "~", "*", "x;rm -rf ~", "$(id)", "`id`", "сommit", "∕etc∕passwd", "x" * 65,
        "%2e%2e%2fx",
    ],
)  # fmt: skip
def test_a_name_outside_the_format_goes_to_a_person(name):
    check = found(f"/home/ann/.claude/skills/{name}/SKILL.md")
    assert (check.passed, check.hard) == (False, False)


@pytest.mark.parametrize(
    "path",
    [
        "skills/x/SKILL.md",
        "/p/skills/x/skill.md",
        "/p/skills/x/README.md",
        "/p/skills/x/SKILL.md/",
        "/p/skills/./x/SKILL.md",
        "/p//skills/x/SKILL.md",
        "/home/ann/.claude/plugins/cache/market/tool/1.0/skills/x/SKILL.md",
        "/home/ann/.CLAUDE/Plugins/cache/x/SKILL.md",
        "/home/ann/.claude/skills/synced/x/SKILL.md",
        "/home/ann/.claude/skills/Synced/SKILL.md",
        str(structure.OWN_SKILLS / "review" / "SKILL.md"),
        "SKILL.md",
        "/SKILL.md",
        "",
    ],
)
def test_no_other_file_is_edited(path):
    check = found(path)
    assert not check.passed
    assert check.hard


def test_a_plugin_s_skill_that_runs_in_place_goes_to_a_person():
    check = found("/work/market/acme/skills/review/SKILL.md", "acme:review")
    assert (check.passed, check.hard) == (False, False)


def test_skillloop_does_not_edit_its_own_skills():
    assert found(skill="skillloop:review").detail == "skillloop never edits its own skills"


@pytest.mark.parametrize("leads_to", ["plugins/cache/m/p/1/skills/report", "skills/synced/report"])
def test_a_link_to_a_skill_that_is_not_editable_is_that_skill(leads_to):
    assert not found(leads_to=f"/home/ann/.claude/{leads_to}/SKILL.md").passed


def test_a_link_to_skillloop_s_own_skills_is_refused():
    assert "its own skills" in found(leads_to=f"{structure.OWN_SKILLS}/review/SKILL.md").detail
