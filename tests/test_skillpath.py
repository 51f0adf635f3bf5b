"""Whose a SKILL.md is, and that everything that asks gets this one answer."""

import pytest
from helpers.files import why_not_editable
from helpers.store import lesson, session

from skillloop import fs
from skillloop.gate import structure
from skillloop.model import sha256
from skillloop.skillpath import (
    OWN_SKILLS,
    Owner,
    SkillPath,
    client_folder,
    is_rules,
    malformed_path,
    owner_of,
    target_name,
)
from skillloop.skills import history

CACHE = "plugins/cache/market/books/1.0/skills/reader"
MARKET = "plugins/marketplaces/market/plugins/books/skills/reader"

PLACES = {
    # the person's own; HOME is /home/ann and CLAUDE_CONFIG_DIR is /x/conf
    "/x/conf/skills/reader": Owner.PERSON,
    "/home/ann/.claude/skills/reader": Owner.PERSON,
    "/X/Conf/Skills/reader": Owner.PERSON,
    "/x/conf/skills/deep/skills/reader": Owner.PERSON,
    # a project's
    "/work/app/.claude/skills/reader": Owner.PROJECT,
    "/work/app/docs/.claude/skills/reader": Owner.PROJECT,
    "/work/app/.claude/worktrees/fix/.claude/skills/reader": Owner.PROJECT,
    "/home/ann/.claude/worktrees/fix/.claude/skills/reader": Owner.PROJECT,
    "/home/bob/.claude/skills/reader": Owner.PROJECT,
    # a plugin's
    f"/home/ann/.claude/{CACHE}": Owner.PLUGIN,
    f"/home/ann/.claude/{MARKET}": Owner.PLUGIN,
    f"/home/ann/.CLAUDE/{CACHE.title()}": Owner.PLUGIN,
    "/home/ann/.claude/plugins/repos/books/skills/reader": Owner.PLUGIN,
    f"/x/conf/{CACHE}": Owner.PLUGIN,
    f"/x/conf/{MARKET}": Owner.PLUGIN,
    "/x/conf/plugins/books/skills/reader": Owner.PLUGIN,
    "/X/CONF/Plugins/books/skills/reader": Owner.PLUGIN,
    f"/y/other-conf/{CACHE}": Owner.PLUGIN,
    f"/y/other-conf/{MARKET}": Owner.PLUGIN,
    f"/work/app/.claude/{MARKET}": Owner.PLUGIN,
    f"/work/app/.claude/{CACHE}/.claude/skills/inner": Owner.PLUGIN,
    "/home/ann/.claude/plugins/cache/market/books/1.0/.claude/skills/reader": Owner.PLUGIN,
    str(OWN_SKILLS / "review"): Owner.PLUGIN,
    # downloaded
    "/home/ann/.claude/skills/synced/reader": Owner.SYNCED,
    "/home/ann/.claude/skills/Synced/reader": Owner.SYNCED,
    "/x/conf/Skills/SYNCED/reader": Owner.SYNCED,
    "/y/other-conf/skills/synced/reader": Owner.SYNCED,
    "/work/app/.claude/skills/synced/reader": Owner.SYNCED,
    # anywhere else
    "/work/app/.agents/skills/reader": Owner.OTHER,
    "/work/books/plugins/books/skills/reader": Owner.OTHER,  # a plugin that the person makes
    "/x/conf-of-mine/skills/reader": Owner.OTHER,
    "/work/cache/plugins/skills/reader": Owner.OTHER,
    "/work/skills/unsynced/reader": Owner.OTHER,
    "/skills/reader": Owner.OTHER,
    "/home/ann/.claude/skills/部署": Owner.PERSON,
    "/work/app/.claude/skills/deploy site": Owner.PROJECT,
    "/home/ann/.claude/worktrees/fix it/.claude/skills/reader": Owner.PROJECT,
    "/trees/fix/.claude/skills/reader": Owner.PROJECT,
    "/work/market/plugins/books/skills/reader": Owner.OTHER,  # a marketplace that is a folder runs in place
    f"/x/conf/{CACHE}/.claude/worktrees/fix/.claude/skills/reader": Owner.PLUGIN,
}

STORE = "/nix/store/1a2b-home-manager-files/.claude/skills/reader/SKILL.md"
LINKS = {
    # a SKILL.md and the file that it leads to
    ("/x/conf/skills/reader", "/home/ann/dotfiles/claude/skills/reader/SKILL.md"): Owner.OTHER,
    ("/x/conf/skills/reader", "/home/ann/dotfiles/reader.md"): Owner.OTHER,
    ("/home/ann/.claude/skills/reader", "/home/ann/notes/READER.MD"): Owner.OTHER,
    ("/x/conf/skills/reader", "/work/app/.claude/skills/reader/SKILL.md"): Owner.PROJECT,
    ("/work/app/.claude/skills/reader", "/work/app/docs/reader.md"): Owner.OTHER,
    ("/work/app/.claude/skills/reader", "/work/app/.agents/skills/reader/SKILL.md"): Owner.OTHER,
    ("/work/app/.agents/skills/reader", "/work/app/reader.md"): Owner.OTHER,
    ("/work/app/.claude/skills/reader", "/home/ann/.claude/skills/reader/SKILL.md"): Owner.PERSON,
    ("/x/conf/skills/reader", "/x/conf/skills/reader/skill.md"): Owner.PERSON,
    # nobody's skill
    ("/x/conf/skills/reader", "/home/ann/.bashrc"): Owner.STRAY,
    ("/x/conf/skills/reader", "/dev/zero"): Owner.STRAY,
    ("/work/app/.claude/skills/reader", "/home/ann/dotfiles/reader.md"): Owner.STRAY,
    ("/work/app/.claude/skills/reader", "/home/ann/.claude/CLAUDE.md"): Owner.STRAY,
    ("/work/app/.claude/skills/reader", "/work/application/reader.md"): Owner.STRAY,
    ("/work/app/.agents/skills/reader", "/work/reader.md"): Owner.STRAY,
    # what is never edited stays so by any way
    ("/x/conf/skills/reader", f"/x/conf/{CACHE}/SKILL.md"): Owner.PLUGIN,
    ("/x/conf/skills/reader", f"/x/conf/{CACHE}/reader.md"): Owner.PLUGIN,
    ("/x/conf/skills/reader", "/x/conf/skills/synced/reader/SKILL.md"): Owner.SYNCED,
    (f"/x/conf/{CACHE}", "/home/ann/dotfiles/reader.md"): Owner.PLUGIN,
    # a store
    ("/x/conf/skills/reader", STORE): Owner.STORE,
    ("/x/conf/skills/reader", "/nix/store/1a2b-reader.md"): Owner.STORE,
    ("/work/app/.claude/skills/reader", "/gnu/store/1a2b/SKILL.md"): Owner.STORE,
}


@pytest.fixture
def _client(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "/x/conf")


@pytest.mark.usefixtures("_client")
@pytest.mark.parametrize(("folder", "owner"), PLACES.items(), ids=PLACES)
def test_the_owner_of_a_skill_and_what_the_gate_makes_of_it(folder, owner):
    skill = SkillPath.of(f"{folder}/SKILL.md")
    assert skill.owner is owner_of(skill.path) is owner
    assert owner.editable is (owner not in {Owner.PLUGIN, Owner.SYNCED})
    assert bool(skill.reason) is bool(structure.forbidden(skill)) is not owner.editable


@pytest.mark.usefixtures("_client")
@pytest.mark.parametrize(("link", "owner"), LINKS.items(), ids=map(" → ".join, LINKS))
def test_the_owner_of_a_link_is_that_of_what_it_leads_to(link, owner):
    skill = SkillPath.leading_to(f"{link[0]}/SKILL.md", link[1])
    assert skill.owner is owner
    assert bool(skill.reason) is bool(structure.forbidden(skill)) is not owner.editable
    assert ("`skillloop review`" in skill.hint) is (owner in {Owner.PLUGIN, Owner.SYNCED, Owner.STORE})


RULES = {
    "/work/app/.claude/rules/learned.md": (Owner.PROJECT, "project-rules"),
    "/work/app/docs/.claude/rules/learned.md": (Owner.PROJECT, "project-rules"),
    "/home/ann/.claude/rules/learned.md": (Owner.PERSON, "my-rules"),
    "/x/conf/rules/learned.md": (Owner.PERSON, "my-rules"),
}
NO_RULES = [
    "/work/app/.claude/rules/style.md",
    "/work/app/.claude/rules/deep/learned.md",
    "/work/app/rules/learned.md",
    "/work/app/.claude/learned.md",
    "/work/app/.claude/rules/Learned.md",
    "/x/conf/rules/../learned.md",
    "/work/a\u202epp/.claude/rules/learned.md",
    "rules/learned.md",
]


@pytest.mark.usefixtures("_client")
@pytest.mark.parametrize("path", RULES)
def test_the_rules_files_of_a_project_and_of_the_person_may_learn(path):
    rules = SkillPath.of(path)
    assert (rules.owner, target_name(path)) == RULES[path]
    assert (is_rules(path), structure.forbidden(rules), malformed_path(path)) == (True, "", "")


@pytest.mark.usefixtures("_client")
@pytest.mark.parametrize("path", NO_RULES)
def test_no_other_file_of_rules_is_ever_edited(path):
    assert structure.forbidden(SkillPath.of(path))


@pytest.mark.usefixtures("_client")
@pytest.mark.parametrize(
    "path", [f"/x/conf/{CACHE}/.claude/rules/learned.md", "/x/conf/plugins/.claude/rules/learned.md"]
)
def test_a_plugins_rules_are_never_edited(path):
    assert SkillPath.of(path).owner is Owner.PLUGIN


@pytest.mark.usefixtures("_client")
def test_a_link_that_stands_for_rules_may_lead_to_rules_alone():
    path = "/work/app/.claude/rules/learned.md"
    assert SkillPath.leading_to(path, "/work/app/docs/rules.md").owner.editable
    for real in ("/home/ann/.bashrc", "/home/ann/notes.md", "/x/conf/skills/reader/SKILL.md"):
        assert SkillPath.leading_to(path, real).owner is Owner.STRAY
    assert SkillPath.leading_to("/x/conf/rules/learned.md", "/home/ann/dotfiles/rules.md").owner.editable


@pytest.mark.usefixtures("_client")
def test_the_client_keeps_its_state_where_it_is_told_to(monkeypatch):
    assert str(client_folder()) == "/x/conf"
    monkeypatch.delenv("CLAUDE_CONFIG_DIR")
    assert str(client_folder()) == "/home/ann/.claude"
    assert owner_of("/x/conf/skills/reader/SKILL.md") is Owner.OTHER


def test_the_links_of_the_client_s_folder_lead_to_it_too(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "dotfiles" / "plugins").mkdir(parents=True)
    (tmp_path / ".claude").symlink_to(tmp_path / "dotfiles")
    for folder in (".claude", "dotfiles"):
        assert owner_of(f"{tmp_path}/{folder}/skills/reader/SKILL.md") is Owner.PERSON
        assert owner_of(f"{tmp_path}/{folder}/plugins/own/skills/reader/SKILL.md") is Owner.PLUGIN


@pytest.mark.parametrize("place", [CACHE, MARKET, "skills/synced/reader"])
def test_a_link_to_what_is_never_edited_and_a_link_that_stands_there_are_never_edited(tmp_path, place):
    mine, theirs = tmp_path / ".claude" / "skills" / "mine", tmp_path / "conf" / place
    for link, real in ((mine, theirs), (theirs, mine)):
        real.mkdir(parents=True)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(real)
        skill = SkillPath.of(link / "SKILL.md")
        assert (skill.real, skill.owner.editable) == (f"{real}/SKILL.md", False)
        link.unlink()
        real.rmdir()


def test_a_path_that_no_file_can_have_is_nobodys():
    skill = SkillPath.of("/p/skills/a\0b/SKILL.md")
    assert (skill.path, skill.owner) == (skill.real, Owner.OTHER)
    assert "not a skill's name" in structure.forbidden(skill)


@pytest.mark.parametrize("place", [CACHE, MARKET, "plugins/own/skills/reader", "skills/synced/reader"])
def test_what_is_never_edited_is_refused_at_every_door_and_its_lesson_waits_for_a_home(
    tmp_path, monkeypatch, store, place
):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "conf"))
    skill = tmp_path / "conf" / place / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("---\nname: reader\n---\n- a\n")
    reason = SkillPath.of(skill).reason
    assert reason in why_not_editable(skill)
    for act in (
        lambda: history.publish(store, skill, sha256(skill.read_bytes()), b"new\n", by="person"),
        lambda: history.rollback(store, skill, to=1),
    ):
        with pytest.raises(fs.NotEditable, match=reason) as caught:
            act()
        assert "let the copy learn" in caught.value.hint
    assert list(skill.parent.iterdir()) == [skill]
    store.save_digest(session(), [], [lesson("e1", target=str(skill))])
    assert [each.id for each in store.lessons(waiting=True)] == ["e1"]
    copy = history.copy_skill(skill, tmp_path / "conf" / "skills")
    assert why_not_editable(copy) is None
