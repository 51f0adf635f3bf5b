"""`export`, `import` and the kept copies: a whole history as one file, and back, byte for byte."""

import json
import os
import random
import sqlite3
import stat
from itertools import pairwise

import pytest
from click.testing import CliRunner

from skillloop import cli
from skillloop.errors import SkillloopError
from skillloop.model import sha256
from skillloop.skills import history
from skillloop.store import Store, backup


def run(home, *args, code=0):
    """One command line in this process; what it printed."""
    done = CliRunner().invoke(cli.app, ["--home", str(home), *map(str, args)])
    assert (done.exit_code if done.exception is None else done.exception.exit_code) == code, done.output
    return done.stdout if code == 0 else done.exception.message


@pytest.fixture
def full(home, tmp_path):
    """A home with the histories of three skills: any bytes, rollbacks and a person's edits among them."""
    source = random.Random(3)
    with Store.open(home) as store:
        for name in ("web", "mail", "data"):
            skill = tmp_path / "skills" / name / "SKILL.md"
            skill.parent.mkdir(parents=True)
            skill.write_bytes(source.randbytes(900))
            for _ in range(5):
                live = skill.read_bytes()
                history.publish(store, skill, sha256(live), live + source.randbytes(500), by="auto")
            skill.write_bytes(source.randbytes(20_000))
            history.rollback(store, skill, to=2, exact=True)
    return home


def every_version(home):
    """The bytes of each version of each skill."""
    with Store.open(home) as store:
        assert store.verify() == []
        return {
            (skill, version.number, version.kind): history.content(store, version.sha)
            for skill in store.skills()
            for version in history.versions(store, skill)
        }


def test_every_version_is_the_same_byte_for_byte_in_a_fresh_home(full, tmp_path):
    told = json.loads(run(full, "export", tmp_path / "all.db", "--json"))
    assert (told["skills"], told["versions"]) == (3, 24)
    assert stat.S_IMODE((tmp_path / "all.db").stat().st_mode) == 0o600
    run(tmp_path / "fresh", "import", tmp_path / "all.db")
    assert every_version(tmp_path / "fresh") == every_version(full)
    assert "all unaltered" in run(tmp_path / "fresh", "verify")


def test_what_is_imported_goes_on_where_it_was(full, tmp_path):
    run(full, "export", tmp_path / "all.db")
    run(tmp_path / "fresh", "import", tmp_path / "all.db")
    with Store.open(tmp_path / "fresh") as store:
        version = history.rollback(store, tmp_path / "skills" / "web" / "SKILL.md", to=1, exact=True)
    assert version.number == 9
    assert "entries" in run(tmp_path / "fresh", "verify")


def test_an_export_overwrites_nothing(full, tmp_path):
    (tmp_path / "mine").write_text("mine")
    assert "exists already" in run(full, "export", tmp_path / "mine", code=2)
    assert (tmp_path / "mine").read_text() == "mine"


def test_an_import_over_a_history_is_refused_and_with_replace_needs_a_person(full, tmp_path):
    run(full, "export", tmp_path / "all.db")
    before = (full / "skillloop.db").read_bytes()
    assert "has a history: 3 skills, 24 versions" in run(full, "import", tmp_path / "all.db", code=2)
    assert "needs a person" in run(full, "import", tmp_path / "all.db", "--replace", code=4)
    assert (full / "skillloop.db").read_bytes() == before


def test_a_person_replaces_a_history_and_the_old_one_is_kept(full, tmp_path, monkeypatch):
    monkeypatch.setattr("skillloop.commands.options.App.require_person", lambda *_, **__: "a terminal")
    run(full, "export", tmp_path / "all.db")
    before = every_version(full)
    with Store.open(full) as store:
        history.rollback(store, tmp_path / "skills" / "web" / "SKILL.md", to=1, exact=True)
    told = json.loads(run(full, "import", tmp_path / "all.db", "--replace", "--json"))
    assert every_version(full) == before
    assert told["kept"] == str(full / "skillloop.db.replaced-1")


def test_a_damaged_home_takes_a_backup_and_the_damage_is_kept(full, tmp_path, monkeypatch):
    monkeypatch.setattr("skillloop.commands.options.App.require_person", lambda *_, **__: "a terminal")
    run(full, "export", tmp_path / "all.db")
    before = every_version(full)
    (full / "skillloop.db").write_bytes(b"\0" * 9000)
    assert "damaged" in run(full, "import", tmp_path / "all.db", code=2)
    run(full, "import", tmp_path / "all.db", "--replace")
    assert every_version(full) == before
    assert (full / "skillloop.db.replaced-1").read_bytes() == b"\0" * 9000


@pytest.mark.parametrize("cut", [0, 99, 4096, -4096])
def test_a_file_that_is_cut_or_no_export_changes_nothing(full, tmp_path, cut):
    run(full, "export", tmp_path / "all.db")
    data = (tmp_path / "all.db").read_bytes()
    (tmp_path / "bad.db").write_bytes(data[:cut])
    run(tmp_path / "fresh", "import", tmp_path / "bad.db", code=1)
    assert not list((tmp_path / "fresh").glob("*.db*"))


def grow(home, entries=backup.EVERY):
    """Let the log grow, and copy if that is due."""
    with Store.open(home) as store:
        with store.transaction():
            for _ in range(entries):
                store.record("config")
        store.back_up()


def test_the_last_five_copies_are_kept_for_the_person_alone(home):
    previous = os.umask(0)
    try:
        for _ in range(7):
            grow(home)
    finally:
        os.umask(previous)
    kept = backup.copies(home)
    assert [path.name for path in kept] == [f"{n:06}-{n * backup.EVERY}.db" for n in range(3, 8)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (home / "backups").iterdir()} == {0o600}
    assert stat.S_IMODE((home / "backups").stat().st_mode) == 0o700
    backup.restore(home / "new", kept[-1])
    assert len(every_entry(home / "new")) == 7 * backup.EVERY + 1


def every_entry(home):
    with Store.open(home) as store:
        return store.log()


def test_the_newest_copy_is_of_now_and_the_others_are_twenty_entries_apart(home):
    grow(home, 0)
    assert backup.copies(home) == []
    for _ in range(3 * backup.EVERY):
        grow(home, 1)
    counts = [int(copy.stem.split("-")[1]) for copy in backup.copies(home)]
    assert counts[-1] == 3 * backup.EVERY
    assert all(later - earlier >= backup.EVERY for earlier, later in pairwise(counts[:-1]))
    grow(home, 0)
    assert [int(copy.stem.split("-")[1]) for copy in backup.copies(home)] == counts


def test_a_damaged_store_takes_no_good_copys_place(full):
    grow(full)
    before = backup.copies(full)
    with sqlite3.connect(full / "skillloop.db") as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("UPDATE audit SET entry = replace(entry, 'config', 'nothing') WHERE seq = 30")
    connection.close()
    grow(full, 1)
    assert backup.copies(full) == before


def test_a_copy_that_cannot_be_written_leaves_the_others(home, monkeypatch):
    grow(home)
    before = backup.copies(home)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skillloop.store.backup.fs.sync", full)
    with pytest.raises(SkillloopError, match="No space left"):
        grow(home)
    assert list((home / "backups").iterdir()) == before


def test_the_copies_of_a_replaced_history_are_not_taken_for_the_new_ones(full, tmp_path):
    grow(full)
    backup.restore(tmp_path / "other", *backup.copies(full))
    grow(tmp_path / "other")
    backup.restore(tmp_path / "other", *backup.copies(full))
    assert backup.copies(tmp_path / "other") == []
