"""What goes in comes out; saving twice changes nothing; every change leaves a chained entry in the log."""

import dataclasses
import os
import sqlite3
import stat
import subprocess
import sys

import pytest
from helpers.store import SKILL, VERDICT, disagreement, lesson, proposal, session
from hypothesis import given, settings
from hypothesis import strategies as st

from skillloop.errors import Locked, SkillloopError, UsageError
from skillloop.model import (
    Disagreement,
    Lesson,
    Proposal,
    Session,
    SkillRef,
    Turn,
    Verdict,
    sha256,
)
from skillloop.pipeline.session import try_again
from skillloop.store import Corrupt, Store, backup
from skillloop.store.database import MIGRATIONS, Database, encode
from skillloop.store.versions import Publish


def test_the_home_and_all_files_in_it_are_the_persons_alone(tmp_path):
    previous = os.umask(0)
    try:
        with Store.open(tmp_path / "new" / "home") as opened:
            opened.record("config", file="config.toml")
    finally:
        os.umask(previous)
    for path in (tmp_path / "new" / "home", *(tmp_path / "new" / "home").iterdir()):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_a_home_that_others_may_write_is_refused(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o777)
    with pytest.raises(SkillloopError, match="other users") as caught:
        Store.open(tmp_path / "home")
    assert "chmod 700" in caught.value.hint


def test_a_digest_comes_back_and_a_second_one_of_the_same_bytes_changes_nothing(store):
    for _ in range(2):
        store.save_digest(session(), [disagreement("e1"), disagreement("e2")])
    assert store.sessions() == ["s1"]
    assert store.disagreements(session_id="s1") == [disagreement("e1"), disagreement("e2")]
    assert [entry.event for entry in store.log()] == ["digested"]


def test_a_resumed_session_adds_to_what_was_found_before(store):
    store.save_digest(session(), [disagreement("e1")])
    store.save_digest(session(end=200, digest="e"), [disagreement("e1"), disagreement("e2")])
    assert (len(store.disagreements()), len(store.log())) == (2, 2)


def test_sessions_are_listed_by_when_they_were_digested(store):
    for name in ("s1", "s2", "s3"):
        store.save_digest(session(name), [])
    store.save_digest(session("s1", end=200), [])
    assert store.sessions() == ["s1", "s3", "s2"]


def test_a_lesson_without_a_target_can_be_attached_to_a_skill(store):
    store.save_digest(session(), [], [lesson("e1", target=None), lesson("e2")])
    assert [each.id for each in store.lessons(waiting=True)] == ["e1"]
    changed = store.attach("e1", SkillRef("web", SKILL))
    assert (store.lessons(waiting=True), changed.target) == ([], SKILL)
    store.save_digest(session(), [], [lesson("e1", target=None)])
    assert store.lesson("e1") == changed


def test_what_is_never_to_be_asked_again_silences_what_says_the_same_and_not_the_opposite(store):
    said = ("Use tabs for indentation", "Please use tabs for indentation", "Never use tabs for indentation")
    lessons = [dataclasses.replace(lesson(f"e{n}", offered=False), text=text) for n, text in enumerate(said)]
    store.save_digest(session("s1"), [], lessons)
    store.dismiss("e0", never=True)
    assert [each.id for each in store.candidates()] == ["e2"]


def test_skillloop_s_own_commands_are_no_skills_in_the_store_of_an_older_version(store):
    plugins = "/home/ana/.claude/plugins/cache"
    own = f"{plugins}/market/skillloop/0.1.0/skills/review/SKILL.md"
    others = [f"{plugins}/market/acme/1.0/skills/review/SKILL.md", "/home/ana/.claude/skills/review/SKILL.md"]
    with store.transaction():
        sha = store.versions.keep(b"text")
        for path in (own, *others):
            store.versions.append(Publish(path, "import", "", sha, "as it was found"))
    assert [str(path) for path in store.skills()] == sorted(others)
    found = [
        lesson("e1", target=own),
        lesson("e2", target=own, offered=False),
        lesson("e3", target=others[1]),
    ]
    store.save_digest(session(), [], found)
    assert [each.target for each in store.candidates()] == [None]
    store.set_trouble("e1", f"{own} belongs to a plugin")
    try_again(store.home, store)
    assert [(each.id, each.target) for each in store.lessons(waiting=True)] == [("e1", None)]
    assert store.troubles() == []


def test_a_dismissed_lesson_is_kept_but_no_longer_asked_about(store):
    store.save_digest(session(), [], [lesson("e1", target=None)])
    store.dismiss("e1")
    assert store.lessons(waiting=True) == []
    assert [each.id for each in store.lessons()] == ["e1"]
    for act in (store.dismiss, store.lesson):
        with pytest.raises(UsageError, match="nothing-here"):
            act("nothing-here")


def test_a_candidate_waits_once_it_was_said_again(store):
    store.save_digest(session(), [], [lesson("e1", target=None, offered=False)])
    assert store.lessons(waiting=True) == []
    store.save_digest(session(end=200), [], [lesson("e1", target=None)])
    store.save_digest(session(end=300), [], [lesson("e1", target=None, offered=False)])
    assert [each.offered for each in store.lessons(waiting=True)] == [True]


def test_the_wishes_before_a_session_are_those_of_earlier_ones(store):
    for name in ("s1", "s2", "s3"):
        found = dataclasses.replace(lesson(f"e-{name}", name), text=f"lesson {name}", offered=name == "s1")
        store.save_digest(
            session(name), [disagreement(f"d-{name}", name), disagreement(f"e-{name}", name)], [found]
        )
    first = {"d-s1": "never do that", "e-s1": "lesson s1"}
    assert store.wishes(before="s2") == first
    assert store.wishes(before="new") == first | {
        "d-s2": "never do that",
        "d-s3": "never do that",
        "e-s2": "lesson s2",
        "e-s3": "lesson s3",
    }


def test_a_proposal_comes_back_whole_with_its_verdict_and_context(store):
    assert store.save_proposal(proposal(), VERDICT, "queued", "ask", context=("before", "after"))
    (found,) = store.proposals(states=("queued",))
    assert (found.proposal, found.verdict, found.context) == (proposal(), VERDICT, ("before", "after"))
    assert (found.state, found.reason, found.by) == ("queued", "ask", "auto")


def test_saving_a_known_proposal_keeps_what_a_person_decided(store):
    store.save_proposal(proposal(), VERDICT, "queued", "ask")
    store.set_state("abc123", "rejected", "no", by="person")
    assert not store.save_proposal(proposal(), VERDICT, "queued", "ask")
    assert store.find_proposal("abc123").state == "rejected"
    assert store.has_proposal("abc123")
    assert not store.has_proposal("abc")


def test_a_proposal_is_found_by_the_start_of_its_id_if_that_is_clear(store):
    for name in ("abc123", "abd456", "ab"):
        store.save_proposal(proposal(name), VERDICT, "queued", "ask")
    assert store.find_proposal("abc").proposal.id == "abc123"
    assert store.find_proposal("ab").proposal.id == "ab"
    for prefix, word in (("a", "could be"), ("x", "no edit"), ("", "no edit"), ("%", "no edit")):
        with pytest.raises(UsageError, match=word):
            store.find_proposal(prefix)
    with pytest.raises(UsageError, match="no edit"):
        store.set_state("x", "rejected", "no", by="person")


def test_proposals_can_be_listed_by_state_and_skill(store):
    other = "/x/skills/other/SKILL.md"
    store.save_proposal(proposal("a"), VERDICT, "queued", "ask")
    store.save_proposal(proposal("b", skill=other), VERDICT, "discarded", "no")
    assert [item.proposal.id for item in store.proposals()] == ["a", "b"]
    assert [item.proposal.id for item in store.proposals(skill=other)] == ["b"]
    assert [item.proposal.id for item in store.proposals(states=("queued", "stale"))] == ["a"]


def test_the_drift_budget_counts_automatic_lines_until_a_person_looks(store):
    for name in ("a", "b"):
        store.save_proposal(proposal(name, lines=2), VERDICT, "queued", "ask")
        store.set_state(name, "applied", "every check passed", by="auto")
    assert (store.added_in_session("s1"), sum(store.applied_unseen(SKILL).values())) == (4, 4)
    store.save_proposal(proposal("c"), VERDICT, "queued", "ask")
    store.set_state("c", "rejected", "no", by="person")
    assert (store.added_in_session("s1"), sum(store.applied_unseen(SKILL).values())) == (4, 0)
    store.save_proposal(proposal("d"), VERDICT, "queued", "ask")
    store.set_state("d", "applied", "every check passed", by="auto")
    assert (store.added_in_session("s1"), sum(store.applied_unseen(SKILL).values())) == (5, 1)
    assert store.applied_unseen("/x/skills/other/SKILL.md") == {}


def test_several_changes_can_be_one(store):
    def half():
        with store.transaction():
            store.save_digest(session(), [disagreement()])
            store.save_proposal(proposal(), VERDICT, "queued", "ask")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert (store.sessions(), store.proposals(), store.log()) == ([], [], [])
    store.save_digest(session(), [])
    assert store.verify() == []


def test_every_change_leaves_an_entry(store):
    store.save_digest(session(), [], [lesson(target=None)])
    store.attach("e1", SkillRef("web", SKILL))
    store.save_proposal(proposal(), VERDICT, "queued", "ask")
    store.set_state("abc123", "rejected", "no", by="person")
    store.record("config", file="config.toml", sha="f" * 64)
    events = ["config", "rejected", "proposal", "attached", "digested"]
    assert [entry.event for entry in store.log()] == events
    assert [entry.event for entry in store.log(SKILL, limit=2)] == events[1:3]
    assert len(store.audit) == 5
    assert store.verify() == []


def test_paths_that_lead_to_the_same_skill_are_one(store, tmp_path):
    real = tmp_path / "skills" / "web"
    real.mkdir(parents=True)
    (tmp_path / "project" / "skills").mkdir(parents=True)
    (tmp_path / "project" / "skills" / "web").symlink_to(real)
    store.save_proposal(
        proposal(skill=str(tmp_path / "project/skills/web/SKILL.md")), VERDICT, "queued", "ask"
    )
    assert len(store.proposals(skill=real / "SKILL.md")) == 1


@pytest.mark.parametrize(
    "damage", [b"", b"not a database", os.urandom(5_000)], ids=["empty", "text", "noise"]
)
def test_a_file_that_is_no_database_is_named_with_what_to_do(home, damage):
    (home / "skillloop.db").write_bytes(damage)
    if not damage:
        Store.open(home).close()
        return
    with pytest.raises(Corrupt, match=r"skillloop\.db is damaged") as caught:
        Store.open(home)
    assert "skillloop doctor" in caught.value.hint


def test_another_programs_database_is_left_alone(home):
    with sqlite3.connect(home / "skillloop.db") as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = (home / "skillloop.db").read_bytes()
    with pytest.raises(SkillloopError, match="another program"):
        Store.open(home)
    assert (home / "skillloop.db").read_bytes() == before


def test_a_database_of_a_newer_skillloop_is_left_alone(home):
    Store.open(home).close()
    with sqlite3.connect(home / "skillloop.db") as connection:
        connection.execute("INSERT INTO migrations VALUES (?, 'future', '')", (len(MIGRATIONS) + 1,))
    connection.close()
    before = (home / "skillloop.db").read_bytes()
    with pytest.raises(SkillloopError, match="newer skillloop"):
        Store.open(home)
    assert (home / "skillloop.db").read_bytes() == before


def test_a_busy_database_is_waited_for_and_then_named(home, store, monkeypatch):
    monkeypatch.setattr("skillloop.store.database._WAIT", 0.05)
    with Store.open(home) as second, store.transaction():
        store.record("config")
        with pytest.raises(Locked, match="in use by another process"):
            second.record("config")


def test_eight_processes_that_open_a_new_home_at_once_all_succeed(tmp_path):
    program = "import sys; from pathlib import Path; from skillloop.store import Store\n"
    program += "with Store.open(Path(sys.argv[1])) as store: store.record('config')"
    command = [sys.executable, "-c", program, tmp_path / "home"]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(8)]
    for process in started:
        assert process.communicate()[1] == b""
    with Store.open(tmp_path / "home") as store:
        assert (len(store.audit), store.verify()) == (8, [])


@pytest.mark.parametrize("table", ["audit", "versions"])
@pytest.mark.parametrize("change", ["UPDATE {} SET rowid = 99", "DELETE FROM {}"])
def test_what_is_append_only_cannot_be_changed_by_a_slip(home, store, table, change):
    store.record("config")
    with store.transaction():
        store.versions.append(Publish(SKILL, "import", "", store.versions.keep(b"text")))
    with sqlite3.connect(home / "skillloop.db") as connection, pytest.raises(sqlite3.Error, match="appended"):
        connection.execute(change.format(table))
    connection.close()


def test_an_export_restores_all_of_it_in_another_home(store, tmp_path):
    store.save_digest(session(), [disagreement()], [lesson()])
    store.save_proposal(proposal(), VERDICT, "queued", "ask", context=("x",))
    with store.transaction():
        store.versions.append(Publish(SKILL, "import", "", store.versions.keep(b"\xff text")))
    store.export(tmp_path / "export")
    assert stat.S_IMODE((tmp_path / "export").stat().st_mode) == 0o600
    assert backup.restore(tmp_path / "new", tmp_path / "export") is None
    with Store.open(tmp_path / "new") as again:
        assert again.proposals() == store.proposals()
        assert (again.disagreements(), again.lessons()) == (store.disagreements(), store.lessons())
        assert again.versions.of(SKILL) == store.versions.of(SKILL)
        assert again.log()[1:] == store.log()
        assert (again.log()[0].event, again.verify()) == ("restored", [])


def test_nothing_is_exported_over_a_file_or_restored_from_damage(store, home, tmp_path):
    store.record("config")
    store.export(tmp_path / "export")
    with pytest.raises(UsageError, match="exists already"):
        store.export(tmp_path / "export")
    for damage in (b"", b"text" * 99, (tmp_path / "export").read_bytes()[:9000]):
        (tmp_path / "bad").write_bytes(damage)
        with pytest.raises(SkillloopError):
            backup.restore(tmp_path / "new", tmp_path / "bad")
        assert not (tmp_path / "new" / "skillloop.db").exists()


def test_a_store_that_is_replaced_is_kept_and_an_open_connection_cannot_write_to_it(store, home, tmp_path):
    store.record("config", number=1)
    store.export(tmp_path / "export")
    store.record("config", number=2)
    kept = backup.restore(home, tmp_path / "export")
    with pytest.raises(SkillloopError, match="readonly"):
        store.record("config", number=3)
    with Store.open(home) as now, Store.open(tmp_path / "old") as old:
        assert [entry.event for entry in now.log()] == ["restored", "config"]
        assert now.verify() == []
        old.close()
    (tmp_path / "old" / "skillloop.db").write_bytes(kept.read_bytes())
    with Store.open(tmp_path / "old") as old:
        assert [entry.detail["number"] for entry in old.log()] == [2, 1]


def test_a_store_in_the_middle_of_a_write_is_not_replaced(store, home, tmp_path, monkeypatch):
    store.record("config")
    store.export(tmp_path / "export")
    monkeypatch.setattr("skillloop.store.backup._WAIT", 0.05)
    with store.transaction():
        store.record("config")
        with pytest.raises(Locked):
            backup.restore(home, tmp_path / "export")
    assert (store.verify(), len(store.audit)) == ([], 2)
    assert [path.name for path in home.glob("*db*")] == ["skillloop.db"]


def test_a_damaged_store_is_not_exported_and_nothing_is_left_of_the_try(store, home, tmp_path):
    with store.transaction():
        store.versions.append(Publish(SKILL, "import", "", store.versions.keep(b"text")))
    connection = sqlite3.connect(home / "skillloop.db")
    connection.execute("UPDATE blobs SET data = x'00'")
    connection.commit()
    connection.close()
    (tmp_path / "out").mkdir()
    with pytest.raises(Corrupt, match="has changed"):
        store.export(tmp_path / "out" / "export")
    assert not list((tmp_path / "out").iterdir())


VALUES = st.one_of(*(st.from_type(kind) for kind in (Turn, Session, Disagreement, Lesson, Proposal, Verdict)))


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    opened = Database(tmp_path_factory.mktemp("home") / "x.db")
    yield opened
    opened.close()


@given(value=VALUES)
@settings(max_examples=300, deadline=None)
def test_the_model_survives_json_exactly(database, value):
    text = encode(value)
    again = database.document(type(value), text, sha256(text))
    assert repr(again) == repr(value)  # repr, since nan is not equal to itself
    assert text.isascii()
    assert encode(again) == text


def test_half_a_character_survives_the_store(store):
    odd = dataclasses.replace(lesson(), text="half \ud83d, nul \0, line \u2028")
    store.save_digest(session(), [], [odd])
    assert store.lessons() == [odd]


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"outcome": "no such", "checks": []}', '{"unknown": 1}', "1", '"x"', "{"]
)
def test_json_of_something_else_is_an_error_and_not_a_value(database, text):
    with pytest.raises(Corrupt):
        database.document(Verdict, text, sha256(text))


def test_a_document_with_another_hash_is_an_error(database):
    with pytest.raises(Corrupt, match="a stored verdict has changed"):
        database.document(Verdict, encode(VERDICT), "0" * 64)


def test_a_changed_document_is_found_by_verify(store, home):
    store.save_digest(session(), [disagreement()], [lesson()])
    with sqlite3.connect(home / "skillloop.db") as connection:
        for table in ("disagreements", "lessons"):
            connection.execute(f"UPDATE {table} SET data = replace(data, 'never', 'always')")
    connection.close()
    assert store.verify() == [
        f"{home / 'skillloop.db'}: e1 in {table} has changed" for table in ("disagreements", "lessons")
    ]
