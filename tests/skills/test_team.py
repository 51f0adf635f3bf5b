"""Two people, each with a home of their own, and one bare repository between them: commits, branches, and what they tell each other."""

import json
import subprocess
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from helpers.sessions import RULE, corrected, digest
from transcripts import SKILL

from skillloop import cli, outcomes
from skillloop.errors import Stale
from skillloop.hosts.claude_code.hooks import approval
from skillloop.pipeline import apply, gather
from skillloop.skills import history, team
from skillloop.store import Store

LINE = "- Never cite a magazine when there is a study"
OTHER = "No, that's wrong. Always give the year of each source."
GIT = ("git", "-c", "protocol.file.allow=always")


def git(folder, *arguments):
    done = subprocess.run([*GIT, "-C", folder, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture
def people(tmp_path):
    """Ana and Ben, with clones of a repository that holds the skill."""
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "shared.git")

    def person(name, config='[apply]\nmode = "auto"\nas = "commit"\nshare = "quotes"\n'):
        git(tmp_path, "clone", "-q", "shared.git", f"{name}/work")
        root, home = tmp_path / name / "work", tmp_path / name / "home"
        for key, value in (("name", name), ("email", f"{name}@example.org"), ("commit.gpgsign", "false")):
            git(root, "config", key if "." in key else f"user.{key}", value)
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text(config)
        skill = root / ".claude" / "skills" / "research" / "SKILL.md"

        def says(words):
            with Store.open(home) as store:
                said = corrected(skill, words, cwd=str(root)).witnessed(home)
                (trial,) = digest(said, tmp_path / name, home, store).trials
            return trial

        return SimpleNamespace(root=root, home=home, skill=skill, says=says)

    ana = person("ana")
    git(ana.root, "checkout", "-q", "-B", "main")
    ana.skill.parent.mkdir(parents=True)
    ana.skill.write_text(SKILL)
    (ana.root / ".gitattributes").write_text("SKILL.md merge=union\n")
    (ana.root / "notes.txt").write_text("one\n")
    git(ana.root, "add", ".")
    git(ana.root, "commit", "-qm", "The skill")
    git(ana.root, "push", "-q", "origin", "main")
    return ana, person("ben")


def test_an_edit_is_a_commit_of_its_own_with_the_words_that_its_person_shares(people):
    ana, _ = people
    (ana.root / "notes.txt").write_text("two\n")
    git(ana.root, "add", "notes.txt")
    edit = ana.says(RULE).proposal
    assert LINE in ana.skill.read_text()
    message = git(ana.root, "log", "-1", "--format=%B")
    assert message.startswith("research: Never cite a magazine when there is a study\n")
    assert f"> {edit.evidence[0].quote}" in message
    assert message.endswith(f"Skillloop-Edit: {edit.id}")
    names = git(ana.root, "show", "--format=", "--name-only").splitlines()
    assert names == [f".claude/skillloop/{edit.id}.json", ".claude/skills/research/SKILL.md"]
    assert git(ana.root, "diff", "--cached", "--name-only") == "notes.txt"
    assert str(ana.root) not in message + git(ana.root, "show")


@pytest.mark.parametrize("share", ["nothing", "rules"])
def test_no_word_of_a_person_s_leaves_without_their_choice(people, share):
    ana, _ = people
    (ana.home / "config.toml").write_text(f'[apply]\nmode = "auto"\nas = "commit"\nshare = "{share}"\n')
    ana.says(RULE)
    shown = git(ana.root, "show")
    assert "that's wrong" not in shown
    assert ("skillloop/" in shown) == (share == "rules")


def test_lessons_of_two_people_merge_and_each_sees_the_other_s_words(people):
    ana, ben = people
    ana.says(RULE)
    git(ana.root, "push", "-q", "origin", "main")
    ben.says(OTHER)
    git(ben.root, "pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
    assert LINE in ben.skill.read_text()
    assert "- Always give the year of each source" in ben.skill.read_text()
    with Store.open(ben.home) as store:
        pulled = history.record_external_edit(store, ben.skill)
        assert pulled.author == "unknown"
        assert [each.version.author for each in outcomes.of(store, ben.skill)].count("unknown") == 1
        assert outcomes.waiting(store) == []
    done = CliRunner().invoke(cli.app, ["--home", str(ben.home), "blame", str(ben.skill)])
    assert "ana said: “" in done.output
    assert "you said: “" in done.output
    trial = ben.says(
        "No, wrong. Never end an answer with a question."
    )  # git pull left nothing in the way of the next
    assert trial.decision.outcome == "keep"


def test_a_rule_of_one_binds_the_other_s_automatic_mode(people):
    ana, ben = people
    (ana.root / ".claude" / "skillloop.toml").write_text('[apply]\nmode = "review"\nas = "branch"\n')
    git(ana.root, "add", ".")
    git(ana.root, "commit", "-qm", "Rules")
    git(ana.root, "push", "-q", "origin", "main")
    git(ben.root, "pull", "-q", "origin", "main")
    assert ben.says(RULE).decision.outcome == "defer"
    assert ben.skill.read_text() == SKILL
    git(ben.root, "rm", "-q", ".claude/skillloop.toml")
    (ben.root / ".claude" / "skillloop.toml").write_text('[apply]\nas = "file"\n')
    assert gather.rules_for(str(ben.skill), ben.home).apply.as_ == "commit"


def test_a_branch_holds_the_edit_and_nothing_that_is_checked_out_changes(people):
    ana, ben = people
    (ana.home / "config.toml").write_text('[apply]\nmode = "auto"\nas = "branch"\nshare = "rules"\n')
    (ana.root / "notes.txt").write_text("two\n")
    edit = ana.says(RULE).proposal
    branch = team.branch_of(edit)
    assert ana.skill.read_text() == SKILL
    assert git(ana.root, "status", "--porcelain") == "M notes.txt"
    assert LINE in git(ana.root, "show", f"{branch}:.claude/skills/research/SKILL.md")
    changed = git(ana.root, "diff", "--name-only", "main", branch).splitlines()
    assert changed == [f".claude/skillloop/{edit.id}.json", ".claude/skills/research/SKILL.md"]
    with Store.open(ana.home) as store:
        (queued,) = store.proposals()
        assert (queued.state, queued.reason) == ("applied", f"on the branch {branch}")
        assert len(history.versions(store, ana.skill)) == 1
        git(ana.root, "push", "-q", "origin", branch)
        git(ben.root, "pull", "-q", "origin", branch)
        git(ana.root, "merge", "-q", branch)
        assert history.record_external_edit(store, ana.skill).author == "unknown"
        (rule,) = outcomes.of(store, ana.skill)
        assert rule.taught.proposal == edit
    assert LINE in ben.skill.read_text()
    status = CliRunner().invoke(cli.app, ["--home", str(ana.home), "status"]).output
    assert "no longer in the skill" not in status


def test_a_person_s_yes_makes_the_branch_and_is_told_how_to_propose_it(people, tmp_path, monkeypatch):
    ana, _ = people
    (tmp_path / "gh").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    (tmp_path / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (ana.home / "config.toml").write_text('[apply]\nas = "branch"\n')
    edit = ana.says(RULE).proposal
    with Store.open(ana.home) as store:
        digest_shown = apply.prepare(edit, ana.home, store).digest
    token = approval.issue_token(ana.home, f"approve {edit.id}", digest_shown)
    done = CliRunner().invoke(cli.app, ["--home", str(ana.home), "approve", edit.id, "--token", token])
    branch = team.branch_of(edit)
    command = done.output.partition("to propose it: ")[2]
    subprocess.run(command, shell=True, cwd=ana.root, check=True, capture_output=True)
    assert (tmp_path / "asked").read_text().split() == ["pr", "create", "--fill", "--head", branch]
    assert git(ana.root, "ls-remote", "origin", branch).split()[0] == git(ana.root, "rev-parse", branch)
    assert (done.exit_code, ana.skill.read_text()) == (0, SKILL)
    assert LINE in git(ana.root, "show", f"{branch}:.claude/skills/research/SKILL.md")


@pytest.mark.parametrize("way", ["commit", "branch"])
def test_what_git_does_not_know_yet_is_neither_committed_nor_left_out(people, way):
    ana, _ = people
    (ana.home / "config.toml").write_text(f'[apply]\nmode = "auto"\nas = "{way}"\n')
    ana.skill.write_text(SKILL + "\nNot committed.\n")
    before = git(ana.root, "rev-parse", "HEAD")
    trial = ana.says(RULE)
    assert trial.decision.outcome == "defer"
    assert "has uncommitted changes" in trial.decision.reason
    assert ana.skill.read_text() == SKILL + "\nNot committed.\n"
    with Store.open(ana.home) as store, pytest.raises(Stale):
        apply.publish(apply.prepare(trial.proposal, ana.home, store), store, by="person", note="yes")
    git(ana.root, "commit", "-qam", "Mine")
    assert git(ana.root, "rev-parse", "HEAD~1") == before


def test_an_edit_stands_and_the_log_tells_where_a_hook_of_the_repository_refuses_it(people):
    ana, _ = people
    hook = ana.root / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\necho not on a Friday >&2\nexit 1\n")
    hook.chmod(0o755)
    assert ana.says(RULE).decision.outcome == "keep"
    assert LINE in ana.skill.read_text()
    with Store.open(ana.home) as store:
        assert "not on a Friday" in store.audit.entries("not shared")[0].detail["reason"]


def test_a_skill_outside_of_git_is_edited_as_ever(tmp_path, home, store, skill):
    (home / "config.toml").write_text('[apply]\nmode = "auto"\nas = "branch"\nshare = "quotes"\n')
    digest(corrected(skill, RULE).witnessed(home), tmp_path, home, store)
    assert LINE in skill.read_text()


def test_whatever_stands_in_such_a_file_breaks_nothing(people, tmp_path):
    ana, _ = people
    folder = ana.root / ".claude" / "skillloop"
    folder.mkdir()
    good = {"file": ".claude/skills/research/SKILL.md", "lines": [LINE], "by": "ben", "quotes": []}
    for number, data in enumerate(
        (b"\xff", b"7", b"[]", b'{"file": 1}', json.dumps(good | {"quotes": 3}).encode())
    ):
        (folder / f"{number}.json").write_bytes(data)
    assert team.told(ana.skill) == {}
    (folder / "9.json").write_text(json.dumps(good))
    assert team.told(ana.skill) == {LINE: "taught by ben (says 9.json)"}
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    ana.says(RULE)
    assert list(tmp_path.glob("*.json")) == []
