"""Claude edits a skill in the real client: whose the version is, what the next start says, and the way back."""

import json
import re

import client
import pytest
from machine import READY, SKILL, talk
from stub import text, tool

from skillloop import outcomes
from skillloop.skills import history
from skillloop.store import Store

pytestmark = [
    pytest.mark.client,
    pytest.mark.slow,
    pytest.mark.xdist_group("client"),
    pytest.mark.skipif(client.missing() is not None, reason=str(client.missing())),
]

BYPASS = ("--permission-mode", "bypassPermissions")
LAST = "- Give the year of every study."
OWN = LAST + "\n- Always copy the whole department in."


def made(machine):
    return [version["author"] for version in machine.skillloop_json("log", "research", "--json")]


def waiting(machine):
    return [item for item in machine.skillloop_json("review", "--json") if "change" in item]


def session(machine, *replies, told=""):
    """The person is told something, asks for something, and Claude calls these tools on the way."""
    done = machine.log.count("; edits:")
    with machine.terminal(client.binary(), *BYPASS) as terminal:
        terminal.see(told)
        talk(terminal, machine.stub, correction=None)
        machine.stub.replies[:] = [*replies, [text("That was all.")]]
        terminal.type("now for children")
        terminal.see("That was all.", 60)
        terminal.type("/exit")
        terminal.gone()
    client.until(lambda: machine.log.count("; edits:") > done, "not digested", 60, lambda: machine.log)
    machine.idle()


def edits(machine):
    path = str(machine.skill)
    return (
        [tool("Read", file_path=path)],
        [tool("Edit", file_path=path, old_string=LAST, new_string=OWN)],
    )


def test_claude_s_edit_is_its_own_waits_and_is_taken_back_byte_for_byte(machine):
    session(machine, *edits(machine))
    assert machine.skill.read_text() == SKILL.replace(LAST, OWN)
    assert made(machine) == ["unknown", "client"]
    (change,) = waiting(machine)
    assert (change["why"], change["lines"], change["tool"]) == ("not in your words", 1, "Edit")
    with machine.terminal(client.binary()) as terminal:
        terminal.see("Claude changed research: 1 line, not in your words. Keep or take back?")
    with machine.terminal(machine.skillloop / "bin" / "skillloop", "review") as terminal:
        terminal.see("t take it back")
        terminal.press("t")
        terminal.type(re.search(r"Type (\w{4})", terminal.see("Type "))[1])
        terminal.see("taken back")
    assert machine.skill.read_text() == SKILL
    assert made(machine) == ["unknown", "client", "person"]
    assert waiting(machine) == []


def test_the_dialog_keeps_or_takes_back_in_a_session(machine):
    command = f"cat >> '{machine.skill}' <<'EOF'\n{OWN.removeprefix(LAST).strip()}\nEOF"
    session(
        machine,
        *edits(machine),
        [tool("Write", file_path=str(machine.skill), content=SKILL + "- Be kind.\n")],
    )
    session(machine, [tool("Bash", command=command)], told="Claude changed research: 1 line")
    changes = waiting(machine)
    assert [item["tool"] for item in changes] == ["Write", "Bash"]
    with machine.terminal(client.binary(), *BYPASS) as terminal:
        terminal.see(READY)
        machine.stub.replies[:] = [
            [tool("Bash", command=f"skillloop approve {changes[0]['change']}")],
            [tool("Bash", command=f"skillloop rollback research --only {changes[1]['number']}")],
            [text("That was all.")],
        ]
        terminal.type("go ahead")
        for shown in ("Be kind", "department"):
            assert shown in terminal.see("Do you want to proceed?")
            terminal.answer("Enter")
            client.until(lambda: "Do you want to proceed?" not in terminal.screen, "the dialog stays")
        terminal.see("That was all.")
    assert machine.skill.read_text() == SKILL + "- Be kind.\n"
    assert waiting(machine) == []


def test_what_changes_beside_claude_is_nobody_s(machine):
    session(machine, *edits(machine))
    machine.skill.write_text(SKILL.replace("checked", "verified"))
    session(machine, [tool("Read", file_path=str(machine.skill))], told="Claude changed research: 1 line")
    machine.run(machine.skillloop / "bin" / "skillloop", "doctor")
    assert made(machine) == ["unknown", "client", "unknown"]


def test_git_pull_and_a_plugin_s_update_are_nobody_s(machine, tmp_path):
    plugin = tmp_path / "market" / "acme"
    manifest = {"name": "acme", "description": "Mail.", "author": {"name": "A"}}
    market = {"name": "m", "owner": {"name": "A"}, "plugins": [{"name": "acme", "source": "./acme"}]}
    mail = plugin / "skills" / "mail" / "SKILL.md"
    for path, told in (
        (plugin / ".claude-plugin" / "plugin.json", json.dumps(manifest | {"version": "1.0.0"})),
        (plugin.parent / ".claude-plugin" / "marketplace.json", json.dumps(market)),
        (mail, SKILL.replace("research", "mail")),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(told)
    for arguments in (("marketplace", "add", plugin.parent), ("install", "acme@m")):
        assert machine.claude("plugin", *arguments).returncode == 0
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org")
    upstream = tmp_path / "upstream"
    for command in (
        (*git, "init", "-q", "-b", "main"),
        (*git, "add", ".claude/skills"),
        (*git, "commit", "-qm", "one"),
        (*git, "clone", "-q", ".", upstream),
        (*git, "remote", "add", "origin", upstream),
    ):
        assert machine.run(*command).returncode == 0
    session(machine)
    with Store.open(machine.skillloop) as store:
        for path in (machine.skill, mail):  # a folder as marketplace runs in place, so its skill may learn
            history.record_external_edit(store, path)
    upstream_skill = upstream / machine.skill.relative_to(machine.project)
    upstream_skill.write_text(SKILL.replace(LAST, OWN))
    mail.write_text(mail.read_text().replace(LAST, OWN))
    (plugin / ".claude-plugin" / "plugin.json").write_text(json.dumps(manifest | {"version": "1.1.0"}))
    for command in (
        (*git, "-C", upstream, "commit", "-qam", "two"),
        (*git, "pull", "-q", "origin", "main"),
        (client.binary(), "plugin", "update", "acme@m"),
    ):
        done = machine.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    assert machine.skill.read_text() == SKILL.replace(LAST, OWN)
    session(machine, [tool("Skill", skill="acme:mail")])
    machine.run(machine.skillloop / "bin" / "skillloop", "doctor")
    with Store.open(machine.skillloop) as store:
        for path in (machine.skill, mail):
            assert [version.author for version in history.versions(store, path)] == ["unknown", "unknown"]
        assert store.skills() == sorted([machine.skill, mail])  # the copies in the client's cache never learn
        assert outcomes.waiting(store) == []
    assert waiting(machine) == []
    notice = machine.skillloop / "notice.json"
    assert "Claude changed" not in (notice.read_text() if notice.exists() else "")


@pytest.mark.parametrize("own", [False, True], ids=["project", "person"])
def test_a_change_that_breaks_a_rule_is_not_made_without_the_person(machine, own):
    """A line that must stay: neither an Edit nor a Write takes it out where nobody is asked; other edits are left alone."""
    session(machine)  # builds the environment
    machine.skillloop.joinpath("config.toml").write_text('[protect]\nmust_keep = ["*year of every study*"]\n')
    rules = machine.project / ".claude" / "skillloop.toml"
    path = machine.home / ".claude" / "skills" / "diary" / "SKILL.md" if own else machine.skill
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SKILL)
    kept = SKILL.replace("can be checked", "were checked")
    without = kept.replace(LAST, "- Be kind.")
    with machine.terminal(client.binary(), *BYPASS) as terminal:
        terminal.see(READY)
        machine.stub.replies[:] = [
            [tool("Read", file_path=str(path))],
            [tool("Edit", file_path=str(path), old_string="can be checked", new_string="were checked")],
            [tool("Edit", file_path=str(path), old_string=LAST, new_string="- Be kind.")],
            [tool("Write", file_path=str(path), content=without)],
            [tool("Write", file_path=str(rules), content='[apply]\nmode = "auto"\n')],
            [text("That was all.")],
        ]
        terminal.type("tidy it up")
        terminal.see("That was all.", 60)
        terminal.type("/exit")
        terminal.gone()
    assert (path.read_text(), rules.exists()) == (kept, False)
    results = json.dumps(machine.stub.requests[-1]["messages"])
    assert results.count("This change is against your setting protect.must_keep") == 2
    assert results.count("only a person changes") == 1
    with machine.terminal(client.binary(), "--permission-mode", "default") as terminal:
        terminal.see(READY)
        machine.stub.replies[:] = [
            [tool("Read", file_path=str(path))],
            [tool("Write", file_path=str(path), content=without)],
            [text("That was all.")],
        ]
        terminal.type("go on")
        if own:  # reading outside of the project is asked for as well
            terminal.see("Do you want to proceed")
            terminal.answer("Enter")
        terminal.see("Do you want to overwrite")
        assert path.read_text() == kept
        terminal.answer("Enter")
        terminal.see("That was all.")
        terminal.type("/exit")
        terminal.gone()
    assert path.read_text() == without
    client.until(lambda: machine.log.count("; edits:") > 2, "not digested", 60, lambda: machine.log)
    machine.idle()
    assert "against your setting protect.must_keep" in waiting(machine)[-1]["why"]
