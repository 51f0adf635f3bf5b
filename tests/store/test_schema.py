"""A store of every earlier schema opens, whole, with its log still signed; one of a later schema is left alone."""

import sqlite3
from pathlib import Path

import pytest

from skillloop.errors import SkillloopError
from skillloop.model import sha256
from skillloop.skills import history
from skillloop.store import Store, backup
from skillloop.store.database import MIGRATIONS

STORES = Path(__file__).parents[1] / "data" / "stores"
SKILL = "/nowhere/skills/web/SKILL.md"


def put_up(home, kept):
    """Write a kept store into a home."""
    connection = sqlite3.connect(home / "skillloop.db")
    connection.executescript((kept / "skillloop.sql").read_text("utf-8"))
    connection.close()
    (home / "key").write_bytes(bytes.fromhex((kept / "key.hex").read_text()))
    (home / "head").write_bytes((kept / "head").read_bytes())


def tables(home):
    """The schema of a database, without its blanks."""
    connection = sqlite3.connect(home / "skillloop.db")
    rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {" ".join(sql.split()) for (sql,) in rows}


def test_a_store_of_every_earlier_schema_is_kept():
    assert sorted(path.name for path in STORES.glob("schema*"))[: len(MIGRATIONS) - 1] == [
        f"schema{number}" for number in range(1, len(MIGRATIONS))
    ]


@pytest.fixture(params=sorted(STORES.glob("schema*")), ids=lambda path: path.name)
def older(request, home):
    put_up(home, request.param)
    return home


def test_an_older_store_opens_with_all_that_was_in_it(older):
    with Store.open(older) as store:
        assert store.verify() == []
        versions = history.versions(store, SKILL)
        states = {queued.proposal.id: queued.state for queued in store.proposals()}
        found = store.lessons()[:3]
        assert [version.kind for version in versions] == ["import", "proposal", "external", "rollback"]
        assert history.content(store, versions[3].sha) == b"text 0 \xff\n"
        assert states == {"p0": "queued", "p1": "rejected", "p2": "applied"}
        assert [(each.id, each.text, each.evidence.quote, each.target) for each in found] == [
            (f"e{n}", "Never do that", "never do that", SKILL) for n in range(3)
        ]
        assert len(store.sessions()) == 3
        assert [entry.event for entry in store.log(SKILL)][:4] == ["version"] * 4


def test_what_waited_for_a_skill_in_an_older_store_is_a_lesson_that_waits(home):
    put_up(home, STORES / "schema3")
    with Store.open(home) as store:
        assert [found.durable for found in store.disagreements()] == [True] * 4 + [False]
        (lesson,) = store.lessons(waiting=True)
        assert (lesson.id, lesson.text, lesson.target) == ("e3", 'Put "lesson": "text" in quotes', None)
        assert lesson.evidence.quote == 'put "lesson":null in\nquotes \\ 😀 ünï \ud83d'
        assert store.verify() == []


def test_an_older_store_has_the_schema_of_a_new_one_once_it_was_opened(older, tmp_path):
    Store.open(older).close()
    Store.open(tmp_path / "new").close()
    assert tables(older) == tables(tmp_path / "new")


def test_an_older_store_goes_on(older, tmp_path):
    skill = tmp_path / "skills" / "web" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_bytes(b"one\n")
    with Store.open(older) as store:
        history.publish(store, skill, sha256(b"one\n"), b"two\n", by="person")
        assert store.verify() == []


def test_an_older_store_survives_export_and_rebuilding(older, tmp_path):
    with Store.open(older) as store:
        store.export(tmp_path / "all.db")
        store.back_up()
    data = bytearray((older / "skillloop.db").read_bytes())
    data[:100] = b"\0" * 100
    (older / "skillloop.db").write_bytes(data)
    assert backup.rebuild(older).lost == ()
    with Store.open(older) as store:
        assert (store.verify(), len(history.versions(store, SKILL))) == ([], 4)


def test_an_interrupted_migration_is_begun_again(older, monkeypatch):
    """Each migration is one transaction with its number."""
    before = tables(older)

    broken = "99-broken", ["CREATE TABLE half (x TEXT) STRICT;"] * 2
    monkeypatch.setattr("skillloop.store.database.MIGRATIONS", (*MIGRATIONS, broken))
    with pytest.raises(SkillloopError, match="already exists"):
        Store.open(older)
    assert tables(older) == before
    monkeypatch.undo()
    Store.open(older).close()


@pytest.mark.parametrize("ahead", [1, 7])
def test_a_store_of_a_later_schema_is_left_alone_in_clear_words(older, ahead):
    Store.open(older).close()
    connection = sqlite3.connect(older / "skillloop.db")
    connection.execute("INSERT INTO migrations VALUES (?, 'later', '')", (len(MIGRATIONS) + ahead,))
    connection.commit()
    connection.close()
    before = (older / "skillloop.db").read_bytes()
    with pytest.raises(SkillloopError, match="written by a newer skillloop") as told:
        Store.open(older)
    assert told.value.hint == "upgrade skillloop"
    assert (older / "skillloop.db").read_bytes() == before
