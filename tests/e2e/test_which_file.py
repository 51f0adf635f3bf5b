"""Which file a correction in the real client goes to: worktrees, forked skills, and links."""

import client
import pytest
from machine import CORRECTION, READY, SKILL, exchange, talk
from stub import text, tool

pytestmark = [
    pytest.mark.client,
    pytest.mark.slow,
    pytest.mark.xdist_group("client"),
    pytest.mark.skipif(client.missing() is not None, reason=str(client.missing())),
]


def leave(terminal):
    terminal.type("/exit")
    terminal.gone()


def test_a_correction_in_a_worktree_that_is_gone_at_the_end_reaches_the_repository(machine):
    git = ("git", "-c", "user.name=ann", "-c", "user.email=ann@example.org")
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "start")):
        assert machine.run(*git, *arguments).returncode == 0
    try:
        with machine.terminal(client.binary(), "--worktree", "feat") as terminal:
            talk(terminal, machine.stub)
            leave(terminal)
        assert ".claude/worktrees/feat/.claude/skills/research" in machine.transcripts
        assert not list(machine.project.glob(".claude/worktrees/*"))
        proposal = machine.wait_for_proposal(20)
        assert (proposal["path"], proposal["evidence"][0]["quote"]) == (str(machine.skill), CORRECTION)
    finally:
        machine.run("rm", "-rf", ".git", ".claude/worktrees")


def test_a_correction_after_a_forked_skill_goes_to_that_skill(machine):
    forked = machine.project / ".claude" / "skills" / "lookup" / "SKILL.md"
    forked.parent.mkdir()
    forked.write_text(SKILL.replace("name: research", "name: lookup\ncontext: fork"))
    try:
        with machine.terminal(client.binary(), "--permission-mode", "bypassPermissions") as terminal:
            talk(terminal, machine.stub, correction=None)
            machine.stub.replies[:] = [[tool("Skill", skill="lookup")], *[[text("A forum says so.")]] * 3]
            terminal.type("look up the same in the background")
            terminal.see("A forum says so.")
            client.until(lambda: '"status":"forked"' in machine.transcripts, "the skill was not forked")
            client.until(lambda: len(machine.stub.replies) == 0, "the sub-agent did not answer")
            machine.stub.replies[:] = [[text("Understood.")]]
            terminal.type(CORRECTION)
            terminal.see("Understood.")
            leave(terminal)
        assert machine.wait_for_proposal(20)["path"] == str(forked)
    finally:
        machine.run("rm", "-rf", forked.parent)


def test_a_line_is_corrected_after_other_work(machine):
    with machine.terminal(client.binary()) as terminal:
        talk(terminal, machine.stub, correction=None)
        exchange(
            terminal,
            machine.stub,
            ("why is the login page slow?", "The session lookup of the server has no index."),
            ("and how much memory does the cache take?", "It takes 120 MB of the 512 MB that it may."),
            ("no, never give the year of a study", "Understood."),
        )
        leave(terminal)
    proposal = machine.wait_for_proposal(20)
    assert proposal["path"] == str(machine.skill)
    assert "- Give the year of every study." in proposal["edit"][0]
    shown = machine.skillloop_json("show", proposal["id"], "--json")
    assert "“research” was used earlier" in str(shown)


def test_a_linked_skill_learns_in_the_dotfiles_and_stays_a_link(machine):
    file = machine.home / "dotfiles" / "research.md"
    link = machine.home / ".claude" / "skills" / "research" / "SKILL.md"
    for path in (file, link):
        path.parent.mkdir(parents=True)
    file.write_text(SKILL)
    link.symlink_to("../../../dotfiles/research.md")
    machine.skillloop.joinpath("config.toml").write_text('[apply]\nmode = "auto"\n')
    try:
        with machine.terminal(client.binary(), "--permission-mode", "bypassPermissions") as terminal:
            talk(terminal, machine.stub, "No, that's wrong. Never cite a forum when there is a study.")
            leave(terminal)
        client.until(lambda: "Never cite a forum" in file.read_text(), "not applied", 20, lambda: machine.log)
        assert link.is_symlink()
        assert file.read_text().startswith(SKILL.rstrip("\n"))
        assert list(file.parent.iterdir()) == [file]
        assert "Never" not in machine.skill.read_text()
    finally:
        machine.run("rm", "-rf", file.parent, link.parent)


def test_a_skill_that_is_gone_when_the_session_ends_is_said_at_the_next_start(machine):
    with machine.terminal(client.binary()) as terminal:
        talk(terminal, machine.stub)
        machine.skill.unlink()
        leave(terminal)
    machine.digested()
    with machine.terminal(client.binary()) as terminal:
        terminal.see("could not be learned")
        assert "there is no such" in " ".join(terminal.screen.split())
    assert machine.queue == []
    machine.skill.write_text(SKILL)
    with machine.terminal(client.binary()) as terminal:
        terminal.see(READY)
        leave(terminal)
    assert machine.wait_for_proposal(20)["evidence"][0]["quote"] == CORRECTION


def test_a_correction_without_a_skill_stands_in_the_next_session_once_it_is_approved(machine):
    rules = machine.project / ".claude" / "rules" / "learned.md"
    try:
        with machine.terminal(client.binary(), "--permission-mode", "bypassPermissions") as terminal:
            terminal.see(READY)
            exchange(
                terminal,
                machine.stub,
                ("set up the project", "I installed httpx with pip."),
                ("No, we use uv here, never pip.", "Understood, sorry."),
            )
            leave(terminal)
        proposal = machine.wait_for_proposal(20)
        assert proposal["path"] == str(rules)
        with machine.terminal(machine.skillloop / "bin" / "skillloop", "review") as terminal:
            terminal.see("? more")
            terminal.press("y")
            terminal.type(terminal.see(" to apply").rpartition(" to apply")[0].split()[-1])
            client.until(
                lambda: rules.exists() and rules.read_text(), "not applied"
            )  # it is made empty first
        machine.stub.requests.clear()
        with machine.terminal(client.binary()) as terminal:
            terminal.see(READY)
            terminal.type("hello")
            terminal.see("Done.")
            leave(terminal)
        assert any("se uv here, never pip" in str(request["messages"]) for request in machine.stub.requests)
    finally:
        machine.run("rm", "-rf", rules.parent)
