"""A damaged store or log: never a wrong SKILL.md, always a clear word."""

import json
import random
import sqlite3

import pytest
import world as worlds

from skillloop.errors import SkillloopError
from skillloop.model import sha256
from skillloop.skills import history
from skillloop.store import Store

FLIPS = 1_000


def flip(path, position, bit):
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)


def acts(world):
    """What a session does with a store: reads all of it, applies the proposal, rolls back."""
    with Store.open(world.home) as store:
        problems = store.verify()
        queued = store.find_proposal("p1")
        live = world.live()
        assert queued.proposal.base == sha256(live)
        line = (queued.proposal.edits[0].new + "\n").encode()
        history.publish(store, world.skill, sha256(live), live + line, by="person", proposal_id="p1")
        history.rollback(store, world.skill, to=1)
        return problems


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_flipped_bit_in_the_database_leads_to_a_wrong_skill(template, scene, record_property):
    source, told, harmless = random.Random(5), 0, 0
    size = (template.home / "skillloop.db").stat().st_size
    for _ in range(FLIPS):
        world = template.copy_to(scene)
        flip(world.home / "skillloop.db", source.randrange(size), source.randrange(8))
        try:
            found = bool(acts(world))
        except SkillloopError:
            found = True
        told, harmless = told + found, harmless + (not found)
        assert world.live() in {worlds.FIRST, worlds.OLD, worlds.OLD + b"- three\n"}
    record_property(
        "faults", f"bits flipped in the database: {FLIPS}, {told} told, {harmless} without effect, 0 wrong"
    )


@pytest.fixture
def logged(home):
    """A home with 200 audit entries."""
    with Store.open(home) as store:
        with store.transaction():
            for number in range(200):
                store.record("config", file="config.toml", number=number)
        assert store.verify() == []
    return home


def tamper(home, statement, *values):
    """Change the log as somebody would who does not ask skillloop."""
    connection = sqlite3.connect(home / "skillloop.db")
    connection.executescript("DROP TRIGGER IF EXISTS audit_no_update; DROP TRIGGER IF EXISTS audit_no_delete")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def problems(home):
    with Store.open(home) as store:
        return store.verify()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_flipped_bit_of_200_entries_is_found(logged):
    connection = sqlite3.connect(logged / "skillloop.db")
    connection.executescript(
        "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; PRAGMA synchronous=OFF"
    )
    missed = []
    with Store.open(logged) as store:
        for seq, *columns in connection.execute("SELECT seq, entry, hash, mac FROM audit").fetchall():
            for name, text in zip(("entry", "hash", "mac"), columns, strict=True):
                position = random.Random(seq).randrange(len(text))
                for at in range(len(text)) if seq == 100 else (position,):
                    for bit in range(7):
                        changed = text[:at] + chr(ord(text[at]) ^ 1 << bit) + text[at + 1 :]
                        connection.execute(f"UPDATE audit SET {name} = ? WHERE seq = ?", (changed, seq))
                        connection.commit()
                        missed += [(seq, name, at, bit)] if not store.audit.problems() else []
                connection.execute(f"UPDATE audit SET {name} = ? WHERE seq = ?", (text, seq))
                connection.commit()
        assert store.verify() == []
    connection.close()
    assert missed == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit WHERE seq = 100",
        "DELETE FROM audit WHERE seq = 1",
        "DELETE FROM audit WHERE seq > 150",
        "DELETE FROM audit WHERE seq = 200",
        "DELETE FROM audit",
        "UPDATE audit SET seq = 1000 WHERE seq = 7",
        "UPDATE audit SET seq = -seq",
        "UPDATE audit SET skill = '/x/skills/web/SKILL.md' WHERE seq = 9",
        "UPDATE audit SET entry = (SELECT entry FROM audit WHERE seq = 4) WHERE seq = 5",
        "UPDATE audit SET mac = (SELECT mac FROM audit WHERE seq = 4) WHERE seq = 5",
        "INSERT INTO audit SELECT seq + 200, entry, hash, mac, skill FROM audit WHERE seq = 3",
    ],
)
def test_a_dropped_moved_or_forged_entry_is_found(logged, statement):
    tamper(logged, statement)
    assert problems(logged)


def test_an_entry_forged_without_the_key_is_found_even_with_a_right_chain(logged):
    import hashlib

    connection = sqlite3.connect(logged / "skillloop.db")
    (last,) = connection.execute("SELECT hash FROM audit WHERE seq = 200").fetchone()
    entry = json.dumps(
        {"seq": 201, "previous": last, "at": "", "event": "applied", "skill": None, "detail": {}}
    )
    digest = hashlib.sha256(entry.encode()).hexdigest()
    connection.execute("INSERT INTO audit VALUES (201, ?, ?, ?, NULL)", (entry, digest, "0" * 64))
    connection.commit()
    connection.close()
    assert problems(logged) == ["audit entry 201 was not signed with this installation's key"]


def test_a_lost_key_or_head_is_told(logged):
    (logged / "head").unlink()
    assert "head is missing" in problems(logged)[0]
    (logged / "key").unlink()
    assert "audit entry 1 was not signed" in problems(logged)[0]


def test_a_head_that_lags_behind_is_no_alarm(logged):
    old = (logged / "head").read_bytes()
    with Store.open(logged) as store:
        store.record("config")
    (logged / "head").write_bytes(old)
    assert problems(logged) == []


def test_a_version_that_the_log_does_not_know_is_found(logged):
    tamper(logged, "INSERT INTO blobs VALUES ('00', x'00')")
    tamper(
        logged,
        "INSERT INTO versions VALUES ('/x/skills/web/SKILL.md', 1, 'import', '00', '', '', NULL, '{}')",
    )
    assert any("version 1" in problem for problem in problems(logged))
