"""A person decides: in a terminal, or in Claude Code's own dialog. Nobody else does."""

import re

import client
import pytest
from machine import READY, SKILL, talk
from stub import text, tool

pytestmark = [
    pytest.mark.client,
    pytest.mark.slow,
    pytest.mark.xdist_group("client"),
    pytest.mark.skipif(client.missing() is not None, reason=str(client.missing())),
]

BYPASS = ("--permission-mode", "bypassPermissions")


def command(machine, *arguments):
    """Run skillloop in a terminal of the person's own."""
    return machine.terminal(machine.skillloop / "bin" / "skillloop", *arguments)


def retype(terminal, pattern):
    """Type the code that the terminal shows."""
    client.until(lambda: re.search(pattern, terminal.screen), "no code", 15, lambda: terminal.screen)
    terminal.type(re.search(pattern, terminal.screen)[1])


def in_session(terminal, machine, *commands):
    """A person lets the assistant run commands in a session that asks for nothing."""
    machine.stub.replies[:] = [[tool("Bash", command=line, description="Runs it")] for line in commands]
    machine.stub.replies.append([text("That was all.")])
    terminal.see("bypass permissions on")
    terminal.type("go ahead")


def test_review_runs_in_the_session_without_a_dialog(machine, proposal):
    with machine.terminal(client.binary()) as terminal:
        machine.stub.replies[:] = [[tool("Bash", command="skillloop review --json")], [text("That was it.")]]
        terminal.see(READY)
        terminal.type("/skillloop:review")
        terminal.see("That was it.")
    assert proposal["id"] in str(machine.stub.requests[-1]["messages"])


def test_review_applies_and_rollback_restores_every_byte(machine, proposal):
    with command(machine, "review") as terminal:
        terminal.see("? more")
        terminal.press("y")
        retype(terminal, r"Type (\w{4}) to apply")
        terminal.see("Enter ends")
        terminal.press("u")
        client.until(lambda: terminal.screen.count("? more") > 1, "not undone", 15, lambda: terminal.screen)
        assert machine.skill.read_text() == SKILL
        terminal.press("y")
        client.until(lambda: terminal.screen.count("Enter ends") > 1, "no end", 15, lambda: terminal.screen)
        terminal.press("Enter")
        terminal.gone()
    assert "always cite PubMed" in machine.skill.read_text().lower().replace("pubmed", "PubMed")
    assert machine.queue == []
    with command(machine, "rollback", "research") as terminal:
        retype(terminal, r"Type (\w{4})")
        terminal.gone()
    assert machine.skill.read_text() == SKILL


def test_the_dialog_decides_in_a_session_even_where_permissions_are_bypassed(machine, proposal):
    with machine.terminal(client.binary(), *BYPASS) as terminal:
        in_session(terminal, machine, f"skillloop approve {proposal['id']}")
        shown = terminal.see("Do you want to proceed?")
        assert "PubMed" in shown
        assert machine.skill.read_text() == SKILL
        terminal.answer("Enter")
        terminal.see("That was all.")
    assert "PubMed" in machine.skill.read_text()


def test_a_dialog_of_80_by_24_shows_the_whole_change_and_the_words(machine, proposal):
    with machine.terminal(client.binary(), *BYPASS, size=(80, 24)) as terminal:
        in_session(terminal, machine, f"skillloop approve {proposal['id']}")
        shown = terminal.see("Do you want to proceed?")
        assert "+ - Always cite PubMed" in shown
        assert "You said: “" in shown
        assert "more line" not in shown
        terminal.answer("Escape")


def test_a_no_in_the_dialog_changes_nothing(machine, proposal):
    with machine.terminal(client.binary(), *BYPASS) as terminal:
        in_session(terminal, machine, f"skillloop approve {proposal['id']}")
        terminal.see("Do you want to proceed?")
        terminal.answer("Escape")
        terminal.see("Interrupted")
    assert machine.skill.read_text() == SKILL
    assert [item["id"] for item in machine.queue] == [proposal["id"]]


def test_no_other_way_to_run_it_gets_past_the_command(machine, proposal):
    approve = f"skillloop approve {proposal['id']}"
    ways = [
        f"sh -c '{approve}'",
        f"env -u CLAUDE_CODE_CHILD_SESSION {approve}",
        f"echo '{approve}' | sh",
    ]
    with machine.terminal(client.binary(), *BYPASS) as terminal:
        in_session(terminal, machine, *ways, f"{approve} --token 0000")
        for way in ways:
            terminal.see(way.split()[0] + " ")
            terminal.see("without showing you what")
            terminal.answer("Enter")
            client.until(lambda: "without showing" not in terminal.screen, "the dialog stays")
        terminal.see("That was all.")
    results = str(machine.stub.requests[-1]["messages"])
    assert results.count("needs a person") == len(ways), results
    assert results.count("not valid") == 1
    assert machine.skill.read_text() == SKILL


def test_loosened_rules_are_confirmed_in_the_dialog(machine, proposal):
    (machine.skillloop / "config.toml").write_text("[edit]\nper_session = 9\n")
    assert "per_session" in str(machine.skillloop_json("status", "--json")[0]["troubles"]), proposal
    with machine.terminal(client.binary(), *BYPASS) as terminal:
        in_session(terminal, machine, "skillloop constraints --confirm")
        assert "per_session = 9" in terminal.see("Do you want to proceed?")
        terminal.answer("Enter")
        terminal.see("That was all.")
    assert machine.skillloop_json("status", "--json")[0]["troubles"] == []


LESSON = "Always cite PubMed rather than forum threads."


@pytest.mark.parametrize("mode", ["default", "acceptEdits", "auto", "plan"])
def test_reflect_proposes_in_every_permission_mode_without_a_dialog(machine, mode):
    with machine.terminal(client.binary(), "--permission-mode", mode) as terminal:
        talk(terminal, machine.stub)
        (session,) = (path.stem for path in machine.home.glob(".claude/projects/*/*.jsonl"))
        cited = machine.skillloop_json("turns", session, "--json")[-1]["id"]
        lesson = f'cites = ["{cited}"]\nlesson = "{LESSON}"\nwhy = "it\'s \\"the\\" $source `here`"'
        propose = f"skillloop propose {session} --json <<'LESSONS'\n[[lesson]]\n{lesson}\nLESSONS"
        machine.stub.replies[:] = [
            [tool("Bash", command=f"skillloop turns {session} --json")],
            [tool("Bash", command=propose)],
            [text("One lesson waits.")],
        ]
        terminal.type("/skillloop:reflect")
        terminal.see("One lesson waits.")
    told = str(machine.stub.requests[-1]["messages"])
    assert f"Run `skillloop turns {session} --json`" in told, "the client put the session's id into the skill"
    (waiting,) = machine.queue
    assert LESSON in str(waiting["edit"])
    assert machine.skill.read_text() == SKILL
