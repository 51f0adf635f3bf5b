"""Claude's own edits of a skill: who made which version, what waits for the person, and the way back."""

import json
import os
import subprocess

import pytest
from helpers.sessions import corrected, digest, rewrites
from transcripts import SKILL, Transcript

from skillloop.hosts.claude_code.transcript import read
from skillloop.pipeline import session
from skillloop.skills import history
from skillloop.worker.notice import leave_notice

LAST = "- Start with the answer in one sentence.\n"
OWN = SKILL.replace(LAST, LAST + "- Always copy the whole department in.\n")


def asked(skill, words="Look up how much sleep adults need."):
    return Transcript(version="2.1.332").typed(words).skill("research", str(skill)).says("I will.")


def made(store, skill):
    return [(version.kind, version.author) for version in history.versions(store, skill)]


def notice(home):
    (home / "noticed").touch()
    leave_notice(home)
    text = (home / "notice.json").read_text()
    return json.loads(text.splitlines()[0])["systemMessage"] if text else ""


@pytest.mark.parametrize("tool", ["Edit", "Write", "MultiEdit"])
@pytest.mark.parametrize(
    "data", [SKILL, "\ufeff" + SKILL.replace("\n", "\r\n")], ids=["plain", "bom and crlf"]
)
def test_an_edit_that_nobody_asked_for_is_claude_s_waits_and_goes_back(
    tmp_path, home, store, skill, tool, data
):
    skill.write_bytes(data.encode())
    before = skill.read_bytes()
    said = asked(skill)
    digest(
        rewrites(said, skill, data.replace("\r\n", "\n").replace(LAST, OWN[SKILL.index(LAST) :]), tool=tool),
        tmp_path,
        home,
        store,
    )
    assert made(store, skill) == [("import", "unknown"), ("external", "client")]
    (change,) = history.waiting_claims(store)
    claim = change.version.claim
    assert (change.id, claim["why"], claim["lines"], claim["tool"]) == (
        "research@2",
        "not in your words",
        1,
        tool,
    )
    assert (claim["session"], claim["turn"]) == (said.session_id, json.loads(said.lines[0])["uuid"])
    assert "Claude changed research: 1 line, not in your words. Keep or take back?" in notice(home)
    history.rollback(store, skill, only=2)
    assert skill.read_bytes() == before
    assert made(store, skill)[-1] == ("rollback", "person")
    assert ([*history.waiting_claims(store)], notice(home)) == ([], "")
    assert store.verify() == []


def test_one_word_in_common_does_not_make_a_line_the_person_s(tmp_path, home, store, skill):
    said = asked(skill).typed("send it to the department")
    own = OWN.replace("copy the", "copy the legal")
    digest(rewrites(said, skill, own), tmp_path, home, store)
    assert [each.version.claim["why"] for each in history.waiting_claims(store)] == ["not in your words"]


def test_an_edit_that_the_client_tells_without_a_patch_is_claude_s(tmp_path, home, store, skill):
    own = LAST + "- Always copy the whole department in.\n"
    skill.write_text(OWN)
    told = {"filePath": str(skill), "oldString": LAST, "newString": own, "structuredPatch": []}
    said = asked(skill).tool("Edit", file_path=str(skill)).result("Updated.", payload=told)
    digest(said, tmp_path, home, store)
    assert made(store, skill) == [("import", "unknown"), ("external", "client")]


@pytest.mark.parametrize(
    "words",
    [
        "Add this to the research skill: always copy the department in.",
        "From now on always copy the whole department in.",
        "技能 SKILL.md 里加一条:总是抄送整个部门",
    ],
)
def test_an_edit_that_the_person_ordered_or_worded_is_said_once(tmp_path, home, store, skill, words):
    said = asked(skill).typed(words)
    digest(rewrites(said, skill, OWN).says("Done."), tmp_path, home, store)
    assert made(store, skill)[:2] == [("import", "unknown"), ("external", "client")]
    assert [*history.waiting_claims(store)] == []
    assert "Claude changed research: 1 line (undo: /skillloop:rollback research --only 2)" in notice(home)


def test_to_ask_about_a_skill_is_no_order(tmp_path, home, store, skill):
    said = asked(skill).typed("good. does the research skill look fine to you?")
    digest(rewrites(said, skill, OWN), tmp_path, home, store)
    assert [each.version.claim["why"] for each in history.waiting_claims(store)] == ["not in your words"]


def test_a_yes_to_claude_s_question_is_an_order(tmp_path, home, store, skill):
    said = asked(skill).says("I could keep that.\n\nShall I note in the skill whom to copy in?").typed("sure")
    digest(rewrites(said, skill, OWN), tmp_path, home, store)
    assert [*history.waiting_claims(store)] == []


@pytest.mark.parametrize(
    ("rules", "old", "new", "why"),
    [
        (
            '[protect]\nmust_keep = ["prefer pubmed"]\n',
            "Prefer PubMed over",
            "Consider PubMed beside",
            "must stay as it is",
        ),
        (
            '[protect]\nheadings = ["Sources"]\n',
            "over everything else",
            "most of the time",
            "the section 'Sources' would change",
        ),
        ('[sources]\nuntrusted = ["twitter"]\n', LAST, LAST + "- Search Twitter first.\n", "untrusted"),
        ("", LAST, LAST + "- Copy \u202ethe department in.\n", "U+202E"),
    ],
)
def test_the_person_s_rules_hold_even_where_they_ordered_the_edit(
    tmp_path, home, store, skill, rules, old, new, why
):
    (home / "config.toml").write_text(rules)
    said = asked(skill).typed("Improve the research skill as you see fit.")
    digest(rewrites(said, skill, SKILL.replace(old, new)), tmp_path, home, store)
    (change,) = history.waiting_claims(store)
    assert change.version.claim["why"].startswith("against ")
    assert why in change.version.claim["why"]


def test_a_change_by_hand_or_by_git_is_nobody_s(tmp_path, home, store, skill):
    history.record_external_edit(store, skill)
    git = ["git", "-C", str(skill.parent), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *arguments], check=True)
    skill.write_text(SKILL.replace("one sentence", "two sentences"))
    digest(asked(skill).tool("Read", file_path=str(skill)).result("text"), tmp_path, home, store)
    history.record_external_edit(store, skill)
    subprocess.run([*git, "checkout", "-q", "."], check=True)
    digest(asked(skill).tool("Bash", command=f"cat {skill}").result("text"), tmp_path, home, store)
    assert history.record_external_edit(store, skill).told == "edited outside skillloop (author unknown)"
    assert made(store, skill) == [("import", "unknown"), ("external", "unknown"), ("external", "unknown")]
    assert (notice(home), [*history.waiting_claims(store)]) == ("", [])


def test_what_a_person_wrote_beside_claude_stays_theirs(tmp_path, home, store, skill):
    history.record_external_edit(store, skill)
    said = rewrites(asked(skill), skill, OWN)
    skill.write_text(skill.read_text().replace("everything else", "all else"))
    digest(said, tmp_path, home, store)
    assert made(store, skill) == [("import", "unknown"), ("external", "unknown"), ("external", "client")]
    history.rollback(store, skill, only=3)
    assert skill.read_text() == SKILL.replace("everything else", "all else")


def test_versions_that_were_recorded_before_the_session_ended_are_claimed_too(tmp_path, home, store, skill):
    history.record_external_edit(store, skill)
    said = rewrites(asked(skill), skill, OWN)
    history.record_external_edit(store, skill)
    skill.write_text(skill.read_text().replace("everything else", "all else"))
    history.record_external_edit(store, skill)
    said = rewrites(said.typed("go on"), skill, skill.read_text() + "- Be kind.\n")
    for _ in range(2):  # digesting again changes nothing
        digest(said, tmp_path, home, store)
    assert [author for _, author in made(store, skill)] == ["unknown", "client", "unknown", "client"]
    fork = said.forked("5e55104e-0000-4000-8000-00000000000f").typed("and now?")
    digest(fork, tmp_path / "fork", home, store)
    assert len(store.audit.entries(history.CLAIMED)) == 2


def test_edits_of_several_turns_are_versions_of_their_own(tmp_path, home, store, skill):
    said = rewrites(asked(skill), skill, OWN).says("Done.").typed("Now improve the skill.")
    digest(rewrites(said, skill, OWN + "- Be kind.\n"), tmp_path, home, store)
    assert [change.id for change in history.waiting_claims(store)] == ["research@2"]
    assert [author for _, author in made(store, skill)] == ["unknown", "client", "client"]


def test_a_shell_command_counts_where_it_holds_the_new_lines(tmp_path, home, store, skill):
    history.record_external_edit(store, skill)
    skill.write_text(OWN)
    command = f"cd {skill.parent} && cat >> SKILL.md <<'EOF'\n- Always copy the whole department in.\nEOF"
    digest(asked(skill).tool("Bash", command=command).result(""), tmp_path, home, store)
    assert made(store, skill)[-1] == ("external", "client")
    assert [change.version.claim["tool"] for change in history.waiting_claims(store)] == ["Bash"]


def test_a_new_skill_is_claude_s_and_no_question(tmp_path, home, store, skill):
    path = skill.parent.parent / "mail" / "SKILL.md"
    digest(rewrites(asked(skill), path, SKILL, tool="Write"), tmp_path, home, store)
    assert made(store, path) == [("import", "client")]
    assert [*history.waiting_claims(store)] == []


def test_what_failed_or_the_person_changed_in_the_dialog_is_not_claude_s(tmp_path, home, store, skill):
    history.record_external_edit(store, skill)
    said = rewrites(asked(skill), skill, OWN, modified=True)
    said.tool("Edit", file_path=str(skill)).result(
        "String not found", failed=True, payload="Error: not found"
    )
    digest(said, tmp_path, home, store)
    history.record_external_edit(store, skill)
    assert made(store, skill)[-1] == ("external", "unknown")


def test_an_old_edit_of_a_skill_without_a_history_proves_nothing(tmp_path, home, store, skill):
    said = rewrites(asked(skill), skill, OWN)
    path = said.write(tmp_path / "t" / "session.jsonl")
    os.utime(path, (1, 1))
    session.digest(read(path), home, store)
    assert store.skills() == []


def test_an_agent_s_edit_is_claude_s(tmp_path, home, store, skill):
    history.record_external_edit(store, skill)
    agent = rewrites(Transcript(version="2.1.332"), skill, OWN)
    agent.write(tmp_path / "t" / "session" / "subagents" / "agent-a1.jsonl")
    digest(asked(skill), tmp_path, home, store)
    assert made(store, skill)[-1] == ("external", "client")


def test_a_plugin_s_skill_and_skillloop_s_own_edits_are_not_claude_s(tmp_path, home, store, skill):
    (home / "config.toml").write_text('[apply]\nmode = "auto"\n')
    digest(
        corrected(skill, "No, that's wrong. Never cite a magazine.").witnessed(home), tmp_path, home, store
    )
    assert made(store, skill) == [("import", "unknown"), ("proposal", "skillloop")]
    plugin = tmp_path / ".claude" / "plugins" / "cache" / "m" / "p" / "1" / "skills" / "x" / "SKILL.md"
    rewrites(Transcript(), plugin, SKILL, tool="Write")
    digest(rewrites(asked(skill), plugin, OWN), tmp_path / "b", home, store)
    assert store.skills() == [skill]


def test_records_of_any_other_shape_are_passed_over(tmp_path, home, store, skill):
    name = f'"{skill}"'
    odd = [
        '{"type": "user", "message": {"content": [7, "SKILL.md"]}, "toolUseResult": {"filePath": %s}}',
        '{"type": "user", "message": "SKILL.md", "toolUseResult": {"filePath": %s, "structuredPatch": 3}}',
        '{"message": {"content": [{"type": "tool_use", "name": "Edit", "id": [1], "input": {"file_path": %s}}]}}',
        '{"message": {"content": [{"type": "tool_use", "name": "Edit", "id": "t", "input": {"file_path": %s}}]}}',
        (
            '{"message": {"content": [{"type": "tool_result", "tool_use_id": "t"}]}, "toolUseResult": '
            '{"filePath": %s, "structuredPatch": [{"lines": [null]}]}}'
        ),
        '{"message": {"content": [{"type": "tool_use", "name": "Bash", "input": %s}]}}',
    ]
    said = asked(skill)
    for line in odd:
        said.raw((line % name).encode())
    digest(rewrites(said, skill, OWN), tmp_path, home, store)
    assert made(store, skill)[-1] == ("external", "client")
