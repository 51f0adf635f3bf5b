"""Locks, atomic writes, and the one door to a SKILL.md."""

import os
import shlex
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from helpers.files import why_not_editable

from skillloop import fs
from skillloop.errors import Locked, SkillloopError, UsageError
from skillloop.fs import Missing, canonical, locked, open_skill, write_atomic

TEXT = b"---\nname: web\n---\n- a\n"
HOLDER = """
import sys, time
from pathlib import Path
from skillloop.fs import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def skill(tmp_path):
    path = tmp_path / "skills" / "web" / "SKILL.md"
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT)
    path.chmod(0o644)
    return path


@pytest.fixture
def holder(tmp_path):
    """Another process that holds tmp_path/lock."""
    command = [sys.executable, "-c", HOLDER, tmp_path / "lock"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_lock_that_is_held_is_refused_with_the_holders_number(tmp_path, holder):
    with pytest.raises(Locked, match=f"process {holder.pid}"), locked(tmp_path / "lock", wait=0):
        pass


def test_a_killed_holder_frees_the_lock(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    with locked(tmp_path / "lock", wait=10):
        assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_waiting_gets_the_lock_when_the_holder_leaves(tmp_path, holder):
    threading.Timer(0.2, holder.terminate).start()
    with locked(tmp_path / "lock", wait=10):
        assert int((tmp_path / "lock").read_text()) == os.getpid()


def test_a_lock_never_follows_a_link(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(SkillloopError, match="cannot lock"), locked(tmp_path / "lock"):
        pass
    assert not (tmp_path / "victim").exists()


def test_an_atomic_write_replaces_whole_and_leaves_no_temporary_file(tmp_path):
    for data in (b"one", b"", b"x" * 100_000):
        write_atomic(tmp_path / "file", data)
        assert (tmp_path / "file").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_atomic_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    write_atomic(tmp_path / "file", b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    with pytest.raises(SkillloopError, match="Input/output"):
        write_atomic(tmp_path / "file", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


def test_an_ordinary_skill_may_be_edited(skill):
    assert why_not_editable(skill) is None


@pytest.mark.parametrize(
    "path",
    [
        "skills/web/SKILL.md",
        "/x/skills/../web/SKILL.md",
        "/x/skills//web/SKILL.md",
        "/x/skills/web/skill.md",
        "/x/skills/web/README.md",
        "/x/web/SKILL.md",
        "/skills/SKILL.md",
        "/x/skills/web/./SKILL.md",
        "/x/skills/web\0/SKILL.md",
        "/x/skills/-rf/SKILL.md",
        "/x/skills/.hidden/SKILL.md",
        "/x/skills/a\nb/SKILL.md",
        "/x/skills/web\u202e/SKILL.md",
        "/x/skills/..\\..\\x/SKILL.md",
        "/x/skills/．．／x/SKILL.md",
        "/x/skills/Synced/SKILL.md",
        "~/skills/web/SKILL.md",
        "",
        "/",
    ],
)
def test_a_path_that_is_not_a_skills_is_refused(path):
    with pytest.raises(UsageError):
        canonical(path)


@pytest.mark.parametrize(
    "place",
    [
        "plugins/cache/market/web/1.0/skills/web",
        "plugins/Cache/market/web/skills/web",
        "plugins/marketplaces/market/plugins/books/skills/web",
        ".claude/plugins/repos/books/skills/web",
        "skills/synced/web",
        "skills/Synced/web",
    ],
)
def test_what_an_update_would_wipe_is_not_edited(tmp_path, place):
    path = tmp_path / place / "SKILL.md"
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT)
    assert "undo the edit" in why_not_editable(path)


def test_a_link_to_a_skills_folder_is_followed_once_and_shares_its_history(tmp_path, skill):
    (tmp_path / "project" / "skills").mkdir(parents=True)
    (tmp_path / "project" / "skills" / "web").symlink_to(skill.parent)
    assert canonical(tmp_path / "project" / "skills" / "web" / "SKILL.md") == str(skill)


def test_a_link_into_a_plugins_cache_is_still_the_cache(tmp_path):
    real = tmp_path / "plugins" / "cache" / "m" / "skills" / "web"
    real.mkdir(parents=True)
    (real / "SKILL.md").write_bytes(TEXT)
    (tmp_path / "skills").mkdir()
    (tmp_path / "skills" / "web").symlink_to(real)
    assert "belongs to a plugin" in why_not_editable(tmp_path / "skills" / "web" / "SKILL.md")


def as_link(skill):
    skill.rename(skill.with_name("real"))
    skill.symlink_to("real")


def as_second_name(skill):
    skill.with_name("other").hardlink_to(skill)


def as_pipe(skill):
    skill.unlink()
    os.mkfifo(skill)


def as_folder(skill):
    skill.unlink()
    skill.mkdir()


def as_device(skill):
    skill.unlink()
    skill.symlink_to("/dev/zero")


def as_giant(skill):
    with skill.open("ab") as file:
        file.truncate(fs.MAX_SKILL + 1)


@pytest.mark.parametrize(
    ("trick", "word"),
    [
        (as_link, "symbolic link"),
        (as_device, "symbolic link"),
        (as_second_name, "hard link"),
        (as_pipe, "not a regular file"),
        (as_folder, "not a regular file"),
        (as_giant, "larger than"),
        (lambda skill: skill.chmod(0o444), "read-only"),
        (lambda skill: skill.chmod(0o666), "everyone"),
        (lambda skill: skill.parent.chmod(0o777), "everyone"),
        (lambda skill: skill.unlink(), "no such file"),
    ],
    ids=[
        "link",
        "device",
        "hard link",
        "pipe",
        "folder",
        "giant",
        "read-only",
        "open file",
        "open folder",
        "gone",
    ],
)
def test_a_skill_that_must_not_be_edited_says_why(skill, trick, word):
    trick(skill)
    assert word in why_not_editable(skill)


def test_another_users_skill_is_not_edited(skill):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(skill, 12345, 12345)
    assert "another user" in why_not_editable(skill)


def test_a_group_writable_skill_is_ordinary(skill):
    skill.chmod(0o664)
    skill.parent.chmod(0o775)
    assert why_not_editable(skill) is None


@pytest.mark.parametrize("path", ["/proc/self/root/skills/web/SKILL.md", "/dev/fd/skills/web/SKILL.md"])
def test_what_is_not_on_a_disk_is_not_edited(path):
    assert why_not_editable(path)


def test_a_folder_exchanged_for_a_link_after_opening_is_noticed(tmp_path, skill):
    (tmp_path / "victim").mkdir()
    with open_skill(skill) as opened:
        skill.parent.rename(tmp_path / "moved")
        (tmp_path / "skills" / "web").symlink_to(tmp_path / "victim")
        with pytest.raises(Missing, match="moved or replaced"):
            opened.check_still_there()


def test_a_folder_swapped_for_a_link_all_the_time_never_leads_outside(tmp_path, skill):
    """A racer exchanges the skill's folder with a link to a victim; what we read is always the skill's."""
    victim = tmp_path / "skills" / "victim"
    victim.mkdir()
    (victim / "SKILL.md").write_bytes(b"victim")
    stop = threading.Event()

    def race():
        away = tmp_path / "skills" / "away"
        while not stop.is_set():
            skill.parent.rename(away)
            skill.parent.symlink_to(victim)
            skill.parent.unlink()
            away.rename(skill.parent)

    racer = threading.Thread(target=race)
    racer.start()
    outside = 0
    for _ in range(2_000):
        try:
            with open_skill(skill) as opened:
                path, data = opened.path, opened.read()
        except SkillloopError:
            continue
        outside += data == b"victim" and path == str(skill)
    stop.set()
    racer.join()
    assert outside == 0


def test_a_staged_file_takes_the_place_with_its_mode_and_gives_back_the_old_bytes(skill):
    skill.chmod(0o640)
    with open_skill(skill) as opened:
        opened.stage(".temp", b"new")
        opened.swap(".temp")
        opened.sync()
        assert opened.read(".temp") == TEXT
        opened.discard(".temp")
    assert skill.read_bytes() == b"new"
    assert stat.S_IMODE(skill.stat().st_mode) == 0o640


def test_where_names_cannot_be_exchanged_the_file_is_replaced(skill, monkeypatch):
    def refuse(*_):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(fs, "_exchange", refuse)
    with open_skill(skill) as opened:
        opened.stage(".temp", b"new")
        opened.swap(".temp")
    assert [(path.name, path.read_bytes()) for path in skill.parent.iterdir()] == [("SKILL.md", b"new")]


def test_staging_never_writes_through_a_name_that_is_taken(skill):
    skill.with_name(".temp").symlink_to("SKILL.md")
    with open_skill(skill) as opened, pytest.raises(FileExistsError):
        opened.stage(".temp", b"new")
    assert skill.read_bytes() == TEXT


def test_a_folder_that_one_may_only_pass_through_is_no_obstacle(tmp_path, skill):
    if os.geteuid() == 0:
        pytest.skip("root may read every folder")
    Path(tmp_path).chmod(0o311)
    try:
        assert why_not_editable(skill) is None
    finally:
        Path(tmp_path).chmod(0o755)


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")
def test_a_writer_is_waited_for_and_a_reader_is_not(skill):
    with open_skill(skill) as opened, skill.open() as reader:
        begun = time.monotonic()
        opened.wait_for_writers("SKILL.md")
        assert time.monotonic() - begun < fs._SAVE, reader
        with skill.open("r+") as writer:
            threading.Timer(0.1, writer.close).start()
            opened.wait_for_writers("SKILL.md")
            assert writer.closed


@pytest.fixture
def dotfile(tmp_path, monkeypatch):
    """A file of the person's own, and a skill of theirs whose SKILL.md is a link to it by way of another link."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / ".claude"))
    file = tmp_path / "dotfiles" / "web.md"
    file.parent.mkdir(mode=0o755)
    file.write_bytes(TEXT)
    file.chmod(0o640)
    hop = tmp_path / "generation" / "web"
    hop.parent.mkdir(mode=0o755)
    hop.symlink_to("../dotfiles/web.md")
    link = tmp_path / ".claude" / "skills" / "web" / "SKILL.md"
    link.parent.mkdir(parents=True)
    link.symlink_to(hop)
    return file


def linked(file):
    return file.parents[1] / ".claude" / "skills" / "web" / "SKILL.md"


def test_a_link_of_the_person_s_is_followed_and_stays(dotfile):
    link = linked(dotfile)
    assert why_not_editable(link) is None
    with open_skill(link) as skill:
        assert (skill.path, skill.real, skill.read()) == (str(link), str(dotfile), TEXT)
        skill.stage(".staged", b"new")
        skill.check_still_there()
        skill.swap(".staged")
        skill.discard(".staged")
        skill.sync()
    assert link.is_symlink()
    assert (dotfile.read_bytes(), stat.S_IMODE(dotfile.stat().st_mode)) == (b"new", 0o640)
    assert list(dotfile.parent.iterdir()) == [dotfile]
    assert list(link.parent.iterdir()) == [link]


@pytest.mark.parametrize(
    ("trick", "word"),
    [
        (lambda file: file.chmod(0o440), "read-only for you"),
        (lambda file: file.parent.chmod(0o555), "read-only for you"),
        (lambda file: file.parent.chmod(0o777), "everyone may write to"),
        (lambda file: file.chmod(0o666), "everyone may write to"),
        (lambda file: (file.parents[1] / "generation").chmod(0o777), "everyone may write to"),
        (lambda file: linked(file).parent.chmod(0o777), "everyone may write to"),
        (as_second_name, "hard link"),
        (as_pipe, "not a regular file"),
        (lambda file: file.unlink(), "no such file"),
        (lambda file: (file.unlink(), file.symlink_to(linked(file))), "symbolic link"),
        (lambda file: file.rename(file.with_suffix(".sh")), "no such file"),
    ],
    ids=["file", "store", "open folder", "open file", "open hop", "open link", "hard link", "pipe", "gone", "loop", "moved"],
)  # fmt: skip
def test_what_must_not_be_edited_is_not_edited_by_a_link_either(dotfile, trick, word):
    trick(dotfile)
    assert word in why_not_editable(linked(dotfile))


@pytest.mark.parametrize("name", [".bashrc", "notes.txt", "config.toml", "id_rsa"])
def test_a_link_to_what_is_no_markdown_is_not_even_read(dotfile, name):
    linked(dotfile).unlink()
    linked(dotfile).symlink_to(dotfile.rename(dotfile.with_name(name)))
    with open_skill(linked(dotfile)) as skill, pytest.raises(fs.NotEditable, match="not Markdown"):
        skill.read()


@pytest.mark.parametrize(
    ("leads_to", "followed"),
    [
        ("app/docs/web.md", True),
        ("app/.agents/skills/web/SKILL.md", True),
        ("dotfiles/web.md", False),
        (".claude/CLAUDE.md", False),
        ("app.md", False),
    ],
)
def test_a_link_that_a_repository_brings_stays_in_it_or_leads_to_a_skill(dotfile, leads_to, followed):
    root = dotfile.parents[1]
    link = root / "app" / ".claude" / "skills" / "web" / "SKILL.md"
    link.parent.mkdir(parents=True)
    (root / leads_to).parent.mkdir(parents=True, exist_ok=True)
    (root / leads_to).write_bytes(TEXT)
    link.symlink_to(root / leads_to)
    assert (why_not_editable(link) is None) is followed


def test_a_link_that_another_user_could_turn_is_not_followed(dotfile):
    if os.geteuid() != 0:
        pytest.skip("only root can give a link away")
    os.chown(dotfile.parents[1] / "generation" / "web", 12345, 12345, follow_symlinks=False)
    assert "another user" in why_not_editable(linked(dotfile))


@pytest.mark.parametrize(
    "turn", [lambda link, other: link.symlink_to(other), lambda link, other: other.rename(link)]
)
def test_a_link_that_is_turned_while_it_is_open_is_noticed_and_the_other_file_stays(dotfile, turn):
    other = dotfile.with_name("other.md")
    other.write_bytes(b"other")
    with open_skill(linked(dotfile)) as skill:
        linked(dotfile).unlink()
        turn(linked(dotfile), other)
        assert skill.read() == TEXT
        with pytest.raises(Missing, match="moved or replaced"):
            skill.check_still_there()
    assert linked(dotfile).read_bytes() == b"other"


def test_a_skill_is_found_by_its_name_in_other_letters_where_that_is_the_only_one(skill):
    lower = skill.rename(skill.with_name("skill.md"))
    with open_skill(skill) as opened:
        assert (opened.path, opened.real, opened.read()) == (str(skill), str(lower), TEXT)
    skill.write_bytes(b"upper")
    with open_skill(skill) as opened:
        assert opened.read() == b"upper"


@pytest.mark.parametrize("name", ["部署", "deploy site", "a" * 80, "$(id)", "x;rm -rf ~"])
def test_a_folder_may_have_any_name_and_a_hint_is_safe_to_paste(tmp_path, name):
    path = tmp_path / "skills" / name / "SKILL.md"
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT)
    path.chmod(0o444)
    assert shlex.quote(str(path)) in why_not_editable(path)
    path.chmod(0o644)
    assert why_not_editable(path) is None
