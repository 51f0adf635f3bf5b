"""Which skill is in force."""

import json

import pytest
from helpers.hosts import SKILL
from transcripts import Transcript

from skillloop.model import SkillRef
from skillloop.skillpath import COMMANDS, OWN_SKILLS


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


FORKED = {"success": True, "commandName": "forky", "status": "forked", "agentId": "a1f", "background": True}
OWN = "/home/ana/.claude/skills/{}/SKILL.md"


def with_agent(tmp_path, name="forky"):
    """The file of the sub-agent that runs a forked skill, where `read` writes the session."""
    agent = tmp_path / "session" / "subagents" / "agent-a1f.jsonl"
    return Transcript().meta(f"Base directory for this skill: {OWN.format(name)[:-9]}\n\n# A").write(agent)


def forked(by):
    """A skill in force, then another that runs as a sub-agent, then words of the person."""
    built = Transcript("2.1.332").typed("Write it").skill("mailer", OWN.format("mailer")).says("ok")
    if by == "model":
        built.typed("And fork").tool("Skill", skill="forky")
        built.result('Skill "forky" launched (forked execution, running in the background).', payload=FORKED)
        return built.says("Started").typed("No, never on Fridays")
    tag = '<forked-skill-launch>{"agentId":"a1f","skillName":"forky","description":"/forky"}</forked-skill-launch>'
    built.typed("/forky now").record("system", subtype="local_command", content=f"Running\n{tag}")
    return built.says("Started").typed("No, never on Fridays")


@pytest.mark.parametrize("by", ["model", "person"])
def test_a_skill_that_runs_as_a_sub_agent_is_in_force_after_it(read, tmp_path, by):
    with_agent(tmp_path)
    session = read(forked(by))
    ref = SkillRef("forky", OWN.format("forky"))
    assert [turn.skill for turn in session.turns[-2:]] == [ref, ref]
    assert session == read(forked(by), prefilter=False)
    assert (session.human_turns[1].skill == ref) is (by == "person")


@pytest.mark.parametrize("agent", [None, b"", b"{", b'{"type":"user","message":{"content":"Hello"}}\n'])
def test_a_forked_skill_whose_agent_left_nothing_has_no_file_and_is_not_the_one_before(read, tmp_path, agent):
    if agent is not None:
        with_agent(tmp_path).write_bytes(agent)
    assert read(forked("model")).human_turns[-1].skill == SkillRef("forky")


@pytest.mark.parametrize("agent", ["../../secret", "a/b", "", None, 7])
def test_the_name_of_an_agent_never_leads_out_of_its_folder(read, tmp_path, agent):
    with_agent(tmp_path).rename(tmp_path / "secret.jsonl")
    built = Transcript("2.1.332").typed("Go").tool("Skill", skill="forky")
    built.result("launched", payload=FORKED | {"agentId": agent}).says("ok").typed("No")
    assert read(built).human_turns[-1].skill == SkillRef("forky")


@pytest.mark.parametrize(
    ("worktree", "inside"),
    [("/w/app/.claude/worktrees/feat", ""), ("/w/app/.claude/worktrees/feat", "/docs"), ("/trees/feat", "")],
)
def test_a_skill_of_a_worktree_is_the_repository_s(read, worktree, inside):
    state = {"worktreePath": worktree, "originalCwd": "/w/app", "worktreeName": "feat"}
    built = Transcript("2.1.332", cwd=worktree).raw(
        json.dumps({"type": "worktree-state", "worktreeSession": state}).encode()
    )
    built.typed("Go").skill("mailer", f"{worktree}{inside}/.claude/skills/mailer/SKILL.md").says("ok")
    session = read(
        built.typed("No, never in capitals").raw(b'{"type":"worktree-state","worktreeSession":null}')
    )
    assert session.human_turns[-1].skill == SkillRef(
        "mailer", f"/w/app{inside}/.claude/skills/mailer/SKILL.md"
    )
    assert session.cwd == "/w/app"


def test_a_worktree_is_known_by_its_path_alone_and_its_neighbours_are_not_it(read):
    paths = ["/w/.claude/worktrees/a b/.claude/skills/x/SKILL.md", "/trees/feature/.claude/skills/x/SKILL.md"]
    state = {"worktreePath": "/trees/feat", "originalCwd": "/w/app"}
    built = Transcript().raw(json.dumps({"type": "worktree-state", "worktreeSession": state}).encode())
    for path in paths:
        built.typed("Go").skill("x", path).says("ok")
    assert [skill.path for skill in read(built).skills] == ["/w/.claude/skills/x/SKILL.md", paths[1]]


def test_a_plugin_s_skill_is_never_the_person_s_of_the_same_name(read):
    own = OWN.format("review")
    built = Transcript().typed("Go").skill("review", own).says("ok").typed("And again")
    built.says("Done", attributionSkill="acme:review", attributionPlugin="acme").typed("No, never so")
    assert read(built).human_turns[-1].skill == SkillRef("acme:review")
    theirs = "/home/ana/.claude/plugins/cache/m/acme/1.0/skills/review/SKILL.md"
    built.skill("acme:review", theirs).says("ok").typed("No").skill("review", own).says("ok").typed("No")
    assert [turn.skill for turn in read(built).human_turns[-2:]] == [
        SkillRef("acme:review", theirs),
        SkillRef("review", own),
    ]


def test_a_plugin_s_skill_that_was_never_launched_is_found_where_it_is_installed(read, tmp_path, monkeypatch):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "conf"))
    for version in ("1.0", "1.1"):
        path = (
            tmp_path
            / "conf"
            / "plugins"
            / "cache"
            / "m"
            / "acme"
            / version
            / "skills"
            / "review"
            / "SKILL.md"
        )
        path.parent.mkdir(parents=True)
        path.write_text("---\nname: review\n---\n")
    for name, found in (
        ("acme:review", str(path)),
        ("acme:other", None),
        ("../m/acme:review", None),
        ("*:review", None),
    ):
        built = Transcript().typed("Go").says("ok", attributionSkill=name).typed("No")
        assert read(built).human_turns[-1].skill == SkillRef(name, found)


def test_a_plugin_s_skill_that_was_called_by_its_short_name_keeps_its_file(read):
    theirs = "/work/market/acme/skills/review/SKILL.md"
    built = Transcript().typed("Go").skill("review", theirs).says("ok", attributionSkill="acme:review")
    assert read(built.typed("No")).human_turns[-1].skill == SkillRef("acme:review", theirs)


@pytest.mark.parametrize(
    "again",
    [
        "Skill /deploy site is already loaded above; instructions unchanged. Arguments: now",
        "(Re-invocation of /deploy site — the skill instructions were previously loaded; what follows is new.)",
    ],
)
def test_a_skill_that_is_called_again_is_in_force_without_its_text(read, again):
    built = Transcript().typed("Go").skill("deploy site", OWN.format("deploy site")).says("ok")
    built.typed("Mail it").skill("mailer", OWN.format("mailer")).says("ok").typed("Again").meta(again)
    assert read(built.typed("No")).human_turns[-1].skill == SkillRef("deploy site", OWN.format("deploy site"))


@pytest.mark.parametrize(("version", "kept"), [("2.1.101", True), ("2.1.332", False)])
def test_a_skill_that_a_compaction_does_not_put_back_is_not_in_force(read, version, kept):
    """So it is with one that was loaded before a `--resume`; older clients do not say what they put back."""
    built = Transcript(version).typed("Go").skill("research", SKILL).says("ok").compacted(resumed=True)
    built.typed("No")
    assert (read(built).human_turns[-1].skill is not None) is kept


def test_the_commands_are_all_skills_that_skillloop_comes_with_but_one_that_may_learn():
    assert {*COMMANDS, "gpu-benchmark"} == {folder.name for folder in OWN_SKILLS.iterdir()}


@pytest.mark.parametrize("name", ["skillloop:{}", "{}"])  # a model may leave out the plugin
@pytest.mark.parametrize("by", ["model", "person"])
@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_a_command_of_skillloop_s_own_never_comes_into_force(read, verb, by, name):
    built = (
        Transcript("2.1.332").typed("Go").skill("research", SKILL).says("ok").typed("And so on").says("ok")
    )
    built.skill(name.format(verb), f"{OWN_SKILLS}/{verb}/SKILL.md", by=by)
    session = read(built.says("ok", attributionSkill=f"skillloop:{verb}").typed("No, never in capitals"))
    assert session.human_turns[-1].skill == SkillRef("research", SKILL)
    assert session.skills == (SkillRef("research", SKILL),)


def test_a_skill_of_the_person_s_with_the_name_of_a_command_does(read):
    built = Transcript().typed("Go").skill("review", OWN.format("review")).says("ok").typed("No")
    assert read(built).human_turns[-1].skill == SkillRef("review", OWN.format("review"))


def test_what_skillloop_is_told_to_remember_is_dealt_with_already_and_what_it_reflects_on_is_said(read):
    built = Transcript("2.1.332").typed("Go").skill("research", SKILL).says("ok").interrupted()
    for verb in ("remember", "reflect"):
        built.skill(
            f"skillloop:{verb}", f"{OWN_SKILLS}/{verb}/SKILL.md", by="person", args=f"Never {verb} it"
        )
        built.says("ok")
    said = read(built).human_turns
    assert [turn.text for turn in said] == ["Go", "Never reflect it"]
    assert not said[-1].interrupted
