"""`uninstall` names exactly what skillloop made, removes nothing else, and leaves every skill as it is."""

import json
import re
import shutil

import pytest
from test_commands import desk, queued, shown_code  # noqa: F401  (desk and queued are fixtures)

from skillloop.commands import doctor
from skillloop.commands.doctor import MADE
from skillloop.commands.options import App
from skillloop.hosts.claude_code.hooks import approval, receipts, session
from skillloop.store import Store
from skillloop.worker import worker


@pytest.fixture
def used(queued):  # noqa: F811
    """A home in which about everything was made that skillloop makes, and two things of the person's."""
    desk, name = queued  # noqa: F811
    session.spool(str(desk.home), b'{"session_id": "s9", "transcript_path": "/gone.jsonl"}')
    worker.drain(desk.home, desk.claude, lambda *_: "noted")
    receipts.issue(str(desk.home), "s9", "hello")
    approval.issue_token(desk.home, "reject x", "digest")
    for folder in ("env/1.0-abc/bin", "bin", "log"):
        (desk.home / folder).mkdir(parents=True, exist_ok=True)
    (desk.home / "bin" / "skillloop").symlink_to("../env/current/bin/skillloop")
    (desk.home / "log" / "worker.log").write_text("…")
    desk.type("approve", name, answers=[("Type ", shown_code)])
    (desk.home / "notice.json").write_text('{"systemMessage": "…"}\n7\n')
    session.notice(str(desk.home))  # as the next start does, which remembers what was told
    desk.run("report")
    desk.run("evolve", "research")
    desk.run("export", desk.home / "mine.db")
    (desk.home / "config.toml").write_text('[apply]\nmode = "review"\n')
    return desk


def left(desk):  # noqa: F811
    return sorted(path.name for path in desk.home.iterdir())


def test_every_name_that_skillloop_makes_in_its_home_is_known(used):
    assert "evolve" in left(used)
    assert [name for name in left(used) if not MADE.fullmatch(name)] == ["config.toml", "mine.db"]


def test_without_purge_it_only_shows(used):
    before = left(used)
    told = used.run("uninstall").stdout
    assert f"{used.home / 'skillloop.db'}  (1 file" in told
    assert "kept, because it is yours: " + str(used.home / "config.toml") in told
    assert left(used) == before


def test_a_purge_needs_a_person_and_leaves_the_skills_and_what_is_the_persons(used):
    taught = used.skill.read_bytes()
    assert b"Never cite" in taught
    used.run("uninstall", "--purge", code=4)
    code, shown = used.type("uninstall", "--purge", answers=[("to uninstall", shown_code)])
    assert code == 0, shown
    assert left(used) == ["config.toml", "mine.db"]
    assert used.skill.read_bytes() == taught
    assert list(used.skill.parent.iterdir()) == [used.skill]


def test_a_purge_of_a_home_with_nothing_else_removes_the_home(used):
    for mine in ("config.toml", "mine.db"):
        (used.home / mine).unlink()
    preview = json.loads(
        used.run("uninstall", "--purge", "--token", approval.PREVIEW).stdout.splitlines()[-1]
    )
    used.run(
        "uninstall",
        "--purge",
        "--token",
        approval.issue_token(used.home, preview["action"], preview["digest"]),
    )
    assert not used.home.exists()
    assert "created nothing" in used.run("uninstall").stdout


def test_a_purge_that_is_cut_off_can_be_run_again_until_all_that_is_private_is_gone(used):
    code, shown = used.type("uninstall", "--purge", answers=[("to uninstall", shown_code)])
    removed = re.findall(r"removing .*/(\S+)", shown)
    assert (code, removed[-4:]) == (0, ["bin", "env", "worker.lock", "history.lock"]), shown


def test_what_goes_while_it_is_removed_is_no_error(used, monkeypatch):
    remove, left_over = shutil.rmtree, [used.home / "env" / "current"]

    def racing(path):
        if path == used.home / "env" and left_over:  # another process takes a part away first
            left_over.pop()
            raise FileNotFoundError(2, "No such file or directory", str(path))
        remove(path)

    monkeypatch.setattr(shutil, "rmtree", racing)
    made = {used.home / "env": (1, 1)}
    doctor._remove(App(used.home, as_json=False), made)
    assert not left_over
    assert not (used.home / "env").exists()


def test_what_was_exported_before_a_purge_comes_back(used):
    with Store.open(used.home) as store:
        before = [version.sha for version in store.versions.of(str(used.skill))]
    used.type("uninstall", "--purge", answers=[("to uninstall", shown_code)])
    used.run("import", used.home / "mine.db")
    with Store.open(used.home) as store:
        assert [version.sha for version in store.versions.of(str(used.skill))] == before


def test_an_assistant_s_uninstall_opens_the_dialog():
    assert "uninstall" in approval.GUARDED
