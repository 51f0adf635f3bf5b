"""A damaged store is made anew of the newest sound copy; what is lost is said."""

import json
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from helpers.store import proposal

from skillloop import cli, fs
from skillloop.errors import SkillloopError
from skillloop.model import (
    Disagreement,
    Evidence,
    Kind,
    Lesson,
    Origin,
    Outcome,
    Session,
    Turn,
    Verdict,
    sha256,
)
from skillloop.skills import history
from skillloop.store import Call, Corrupt, Store, backup
from skillloop.store.versions import Publish

OUTCOME = Verdict(Outcome.DEFER, ())


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A folder with a home that has something in every table, long texts among it, and two skills."""
    folder = tmp_path_factory.mktemp("original") / "scene"
    source = random.Random(7)
    with Store.open(folder / "home") as store:
        for number in range(10):
            save_session(store, number)
        for name in ("web", "mail"):
            skill = folder / "skills" / name / "SKILL.md"
            skill.parent.mkdir(parents=True)
            skill.write_bytes(b"---\nname: web\ndescription: d\n---\n\n- first\n")
            for _ in range(6):
                live = skill.read_bytes()
                history.publish(
                    store,
                    skill,
                    sha256(live),
                    live + source.randbytes(1_500).hex().encode() + b"\n",
                    by="auto",
                )
            history.rollback(store, skill, to=3)
        store.back_up()
        for number in range(10, 12):
            save_session(store, number)
        history.rollback(store, skill, to=2)
        store.evaluations.save_case("c1", skill, "s1", Evidence("e", "s1", "/t", 1, None, "q", Origin.TYPED))
        store.evaluations.read_held_out(skill, "p1")
        store.evaluations.save_opinion("p1", "judge", approves=True, consistent=True, said="yes")
        number = store.calls.reserve(Call("s1", "c", "draft", "b", "m", "p", "k", 5, 6), {})
        store.calls.charge(number, "answered", reply="words " * 2_000)
        assert store.verify() == []
    return folder


def save_session(store, number):
    said = Evidence(f"e{number}", f"s{number}", "/t.jsonl", 3, None, "never that " * 40, Origin.TYPED)
    found = Disagreement(said, Kind.CORRECTION, 0.9, True, None, 0)
    lesson = Lesson(said, "Never that", 0.9, True, 0.9, 0)
    session = Session(f"s{number}", f"/s{number}.jsonl", (Turn(0, "human", "hi", 1),), end=9, digest="d")
    store.save_digest(session, [found], [lesson])
    store.save_proposal(proposal(f"p{number}"), OUTCOME, "queued", "ask")
    if number % 3 == 0:
        store.set_state(f"p{number}", "rejected", "no", by="person")


@pytest.fixture
def scene(original):
    """The home, anew for each test at the same path, since skills are known by theirs."""
    kept = original.with_name("kept")
    if not kept.exists():
        shutil.copytree(original, kept)
    shutil.rmtree(original)
    shutil.copytree(kept, original)
    return original


def everything(home):
    """What has a hash or stands in the log, by table and key."""
    with Store.open(home) as store:
        assert store.verify() == []
        versions = [
            (skill, version) for skill in store.skills() for version in history.versions(store, skill)
        ]
        return {
            "entries": {entry.seq: entry for entry in store.log()},
            "versions": {(skill, version.number): text(store, version.sha) for skill, version in versions},
            "proposals": {queued.proposal.id: queued for queued in store.proposals()},
            "disagreements": {found.id: found for found in store.disagreements()},
            "lessons": {lesson.id: lesson for lesson in store.lessons()},
            "sessions": dict(store._database.rows("SELECT session_id, digest FROM sessions")),
        }


def text(store, sha):
    try:
        return history.content(store, sha)
    except Corrupt:
        return "lost"


def missing(before, after):
    """What the rebuilt store does not have as it was."""
    return [
        (table, key)
        for table, rows in before.items()
        for key, row in rows.items()
        if after[table].get(key) != row
    ]


def damage(home, change):
    path = home / "skillloop.db"
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    return bytes(data)


def page(data, number, size=4096):
    return slice((number - 1) * size, number * size)


def first_page_gone(data):
    data[page(data, 1)] = b"\0" * 4096


def cut(data):
    del data[len(data) // 2 :]


def every_fourth_page_gone(data):
    for number in range(4, len(data) // 4096 + 1, 4):
        data[page(data, number)] = b"\xff" * 4096


UNREADABLE = [first_page_gone, lambda data: data.clear(), lambda data: data.__setitem__(3, 0)]


@pytest.mark.parametrize("change", UNREADABLE)
def test_a_store_that_cannot_be_read_at_all_is_the_copy_again_and_what_is_lost_is_said(scene, change):
    before = everything(scene / "home")
    damaged = damage(scene / "home", change)
    done = backup.rebuild(scene / "home")
    after = everything(scene / "home")
    (copy,) = backup.copies(scene / "home")
    assert done.copy == copy
    assert done.kept.read_bytes() == damaged
    last = len(before["entries"]) - int(copy.stem.split("-")[1])
    assert (
        done.lost[0]
        == f"the last {last} of {len(before['entries'])} entries of the log, and what they record"
    )
    assert {key for table, key in missing(before, after) if table != "entries"} == {
        "s10", "s11", "e10", "e11", "p10", "p11", (scene / "skills" / "mail" / "SKILL.md", 9),
    }  # fmt: skip


def test_what_can_still_be_read_of_the_lost_entries_is_named(scene):
    """A flipped bit in a document, and the newest copy is of before the last decisions."""
    before = everything(scene / "home")
    connection = sqlite3.connect(scene / "home" / "skillloop.db")
    connection.execute("UPDATE proposals SET data = 'x' WHERE id = 'p1'")
    connection.commit()
    connection.close()
    total, *named = backup.rebuild(scene / "home").lost
    copied = int(backup.copies(scene / "home")[0].stem.split("-")[1])
    assert total.startswith(f"the last {len(before['entries']) - copied} of {len(before['entries'])} entries")
    skill = scene / "skills" / "mail" / "SKILL.md"
    assert [each.split(": ", 1)[1] for each in named if "version" in each] == [f"version {skill}"]
    with Store.open(scene / "home") as store:
        newest = store.log(limit=1)[0]
        assert (newest.event, newest.detail["lost"]) == ("rebuilt", [total, *named])


@pytest.mark.parametrize("kept", [True, False])
def test_a_lost_key_costs_nothing_but_the_old_signatures(scene, kept):
    with Store.open(scene / "home") as store:
        store.back_up()
    before = everything(scene / "home")
    if not kept:
        (scene / "home" / "key").unlink()
    assert backup.rebuild(scene / "home").lost == ()
    assert missing(before, everything(scene / "home")) == []


def test_without_a_copy_and_without_a_readable_file_the_skills_begin_anew(scene):
    for copy in backup.copies(scene / "home"):
        copy.unlink()
    damage(scene / "home", first_page_gone)
    live = (scene / "skills" / "web" / "SKILL.md").read_bytes()
    assert "entries of the log" in backup.rebuild(scene / "home").lost[0]
    with Store.open(scene / "home") as store:
        assert (store.verify(), store.skills(), len(store.audit)) == ([], [], 1)
        version = history.record_external_edit(store, scene / "skills" / "web" / "SKILL.md")
        assert (version.kind, history.content(store, version.sha)) == ("import", live)


def test_a_damaged_copy_is_passed_over(scene):
    with Store.open(scene / "home") as store:
        for _ in range(backup.EVERY):
            store.record("config")
        store.back_up()
    older, newest = backup.copies(scene / "home")
    damage_at = sqlite3.connect(newest)
    damage_at.execute("UPDATE blobs SET data = x'00'")
    damage_at.commit()
    damage_at.close()
    damage(scene / "home", first_page_gone)
    assert backup.rebuild(scene / "home").copy == older


def test_an_open_publish_of_the_copy_is_not_taken_up_again(scene):
    skill = scene / "skills" / "web" / "SKILL.md"
    live = skill.read_bytes()
    with Store.open(scene / "home") as store:
        with store.transaction():
            change = Publish(str(skill), "proposal", sha256(live), store.versions.keep(b"new\n"))
            store.versions.intend(change)
        for _ in range(backup.EVERY):
            store.record("config")
        store.back_up()
    damage(scene / "home", first_page_gone)
    backup.rebuild(scene / "home")
    with Store.open(scene / "home") as store:
        assert (store.versions.open_publishes(), history.recover(store)) == ([], [])
    assert skill.read_bytes() == live


def test_nothing_is_changed_where_the_disk_refuses(scene, monkeypatch):
    damaged = damage(scene / "home", every_fourth_page_gone)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skillloop.store.backup.os.link", full)
    with pytest.raises(SkillloopError, match="No space left"):
        backup.rebuild(scene / "home")
    assert (scene / "home" / "skillloop.db").read_bytes() == damaged
    assert not list((scene / "home").glob(".*"))


def test_a_rebuilt_store_can_be_rebuilt_again(scene):
    damage(scene / "home", every_fourth_page_gone)
    backup.rebuild(scene / "home")
    damage(scene / "home", every_fourth_page_gone)
    assert backup.rebuild(scene / "home").kept.name == "skillloop.db.damaged-2"
    everything(scene / "home")


def doctor(home, *args, code=0):
    done = CliRunner().invoke(cli.app, ["--home", str(home), "doctor", *args])
    assert (done.exit_code if done.exception is None else done.exception.exit_code) == code, done.output
    return done.stdout


@pytest.fixture
def yes(monkeypatch):
    """A person who retypes every code."""
    monkeypatch.setattr("skillloop.commands.options.App.require_person", lambda *_, **__: "a terminal")


def test_doctor_names_the_way_out_and_rebuilds_only_for_a_person(scene, yes, monkeypatch):
    damaged = damage(scene / "home", first_page_gone)
    assert "skillloop doctor --rebuild" in doctor(scene / "home", code=1)
    told = json.loads(doctor(scene / "home", "--rebuild", "--json"))
    assert (len(told["lost"]), told["rows"]["sessions"]) == (1, 10)
    assert Path(told["kept"]).read_bytes() == damaged
    assert json.loads(doctor(scene / "home", "--json"))["bad"] == 0
    monkeypatch.undo()
    damage(scene / "home", first_page_gone)
    doctor(scene / "home", "--rebuild", code=4)


def test_doctor_rebuilds_nothing_that_is_sound(scene, yes):
    before = (scene / "home" / "skillloop.db").read_bytes()
    assert doctor(scene / "home", "--rebuild") == ""
    assert (scene / "home" / "skillloop.db").read_bytes() == before


def test_a_database_of_a_newer_skillloop_is_not_rebuilt(scene, yes):
    connection = sqlite3.connect(scene / "home" / "skillloop.db")
    connection.execute("INSERT INTO migrations VALUES (99, 'x', '')")
    connection.commit()
    connection.close()
    doctor(scene / "home", "--rebuild", code=1)
    assert not list((scene / "home").glob("*damaged*"))


def test_a_persons_bytes_beside_a_skill_are_recorded_before_they_are_cleared_away(scene, yes):
    """A publish was interrupted between its swap and its settling, and then the store was damaged."""
    skill = scene / "skills" / "web" / "SKILL.md"
    beside = skill.with_name(fs.temporary("0123456789abcdef"))
    beside.write_bytes(b"a save of the last microsecond\n")
    damage(scene / "home", first_page_gone)
    doctor(scene / "home", "--rebuild")
    with Store.open(scene / "home") as store:
        *_, saved, now = history.versions(store, skill)
        assert (saved.kind, now.kind) == ("external", "external")
        assert history.content(store, saved.sha) == b"a save of the last microsecond\n"
        assert history.content(store, now.sha) == skill.read_bytes()
    assert [path.name for path in skill.parent.iterdir()] == ["SKILL.md"]


def flips(scene, count, seed):
    """Flip one bit after the copy that each session and decision ends with, rebuild, compare: nothing is ever lost."""
    with Store.open(scene / "home") as store:
        store.back_up()
    before, source = everything(scene / "home"), random.Random(seed)
    sound, head = ((scene / "home" / name).read_bytes() for name in ("skillloop.db", "head"))
    skills = {path: path.read_bytes() for path in (scene / "skills").rglob("SKILL.md")}
    for _ in range(count):
        for path in (scene / "home").glob("skillloop.db*"):
            path.unlink()
        data = bytearray(sound)
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)
        (scene / "home" / "skillloop.db").write_bytes(data)
        (scene / "home" / "head").write_bytes(head)
        backup.rebuild(scene / "home")
        assert missing(before, everything(scene / "home")) == []
        assert {path: path.read_bytes() for path in skills} == skills


def test_a_flipped_bit_costs_nothing_that_the_copy_has(scene):
    flips(scene, 25, 1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_flipped_bits_each_rebuilt(scene, record_property):
    flips(scene, 1_000, 2)
    record_property("faults", "bits flipped after the newest copy and the store rebuilt: 1000, 1000 whole")
