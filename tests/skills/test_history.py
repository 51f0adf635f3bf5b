"""Publish, roll back, take one change out, settle what was interrupted: nothing is lost, nothing is guessed."""

import os
import stat
import tempfile
from pathlib import Path

import pytest
from helpers.store import TEXT, VERDICT, proposal
from hypothesis import given, settings
from hypothesis import strategies as st

from skillloop.errors import SkillloopError, Stale, UsageError
from skillloop.fs import Missing, NotEditable, open_skill
from skillloop.gate import structure
from skillloop.model import sha256
from skillloop.skillpath import SkillPath
from skillloop.skills import history
from skillloop.store import Store
from skillloop.store.database import Database
from skillloop.store.versions import Publish

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a disk that syncs in no time


@pytest.fixture(params=["a file", "a link"])
def skill(request, tmp_path):
    path = tmp_path / "skills" / "web" / "SKILL.md"
    path.parent.mkdir(parents=True)
    if request.param == "a file":
        path.write_bytes(TEXT)
        yield path
        return
    file = tmp_path / "dotfiles" / "web.md"
    file.parent.mkdir()
    file.write_bytes(TEXT)
    path.symlink_to("../../dotfiles/web.md")
    yield path
    assert path.is_symlink() or not path.exists()
    assert {each.name for each in file.parent.iterdir()} <= {"web.md"}


def publish(store, skill, data, base=None, **options):
    base = sha256(skill.read_bytes()) if base is None else base
    return history.publish(store, skill, base, data, by="auto", **options)


def kinds(store, skill):
    return [version.kind for version in history.versions(store, skill)]


def alone(skill):
    """Whether nothing but SKILL.md is in its folder."""
    return [path.name for path in skill.parent.iterdir()] == ["SKILL.md"]


def test_a_publish_writes_the_file_and_keeps_both_texts(store, skill):
    version = publish(store, skill, TEXT + b"- four\n", note="because")
    assert skill.read_bytes() == TEXT + b"- four\n"
    assert (version.number, version.kind, version.note) == (2, "proposal", "because")
    assert [history.content(store, v.sha) for v in history.versions(store, skill)] == [
        TEXT,
        TEXT + b"- four\n",
    ]
    assert alone(skill)
    assert store.verify() == []


def test_a_publish_keeps_the_mode(store, skill):
    skill.chmod(0o640)
    publish(store, skill, b"new\n")
    assert stat.S_IMODE(skill.stat().st_mode) == 0o640


def test_a_published_proposal_is_applied_in_the_same_breath(store, skill):
    store.save_proposal(proposal("p1", skill=str(skill)), VERDICT, "queued", "ask")
    version = publish(store, skill, b"new\n", proposal_id="p1", note="approved")
    found = store.find_proposal("p1")
    assert (found.state, found.reason, found.by, version.proposal) == ("applied", "approved", "auto", "p1")
    assert [entry.event for entry in store.log(skill)][:2] == ["applied", "version"]


def test_a_file_that_a_person_edited_is_recorded_and_not_overwritten(store, skill):
    with pytest.raises(Stale, match="changed on disk since"):
        publish(store, skill, b"new\n", base="0" * 64)
    publish(store, skill, TEXT + b"- four\n")
    skill.write_bytes(b"mine\n")
    with pytest.raises(Stale):
        publish(store, skill, b"new\n", base=sha256(TEXT + b"- four\n"))
    assert skill.read_bytes() == b"mine\n"
    assert kinds(store, skill) == ["import", "proposal", "external"]


def test_publishing_what_is_there_already_makes_no_version(store, skill):
    publish(store, skill, b"new\n")
    assert publish(store, skill, b"new\n").number == 2
    assert kinds(store, skill) == ["import", "proposal"]


def test_observing_records_only_what_is_new(store, skill):
    assert history.record_external_edit(store, skill).kind == "import"
    assert history.record_external_edit(store, skill).number == 1
    skill.write_bytes(b"mine\n")
    assert history.record_external_edit(store, skill).kind == "external"
    skill.unlink()
    assert history.record_external_edit(store, skill) is None
    assert kinds(store, skill) == ["import", "external"]


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbf---\r\nname: web\r\n---\r\n- a", b"\xff\xfe\x00\n\r\x80", b"", b"\n" * 5, b"no newline"],
    ids=["bom and crlf", "not utf-8", "empty", "blank", "no newline"],
)
def test_any_bytes_survive_a_publish_and_a_rollback(store, skill, data):
    skill.write_bytes(data)
    publish(store, skill, TEXT)
    history.rollback(store, skill)
    assert skill.read_bytes() == data


def test_each_further_rollback_goes_back_one_change_more_and_only_undoes_it(store, skill):
    publish(store, skill, TEXT + b"- two\n")
    publish(store, skill, TEXT + b"- two\n- three\n")
    notes = [history.rollback(store, skill).note for _ in range(2)]
    assert (notes, skill.read_bytes()) == (["back to version 2", "back to version 1"], TEXT)
    with pytest.raises(UsageError, match="taken back already"):
        history.rollback(store, skill)
    history.rollback(store, skill, only=5)
    assert skill.read_bytes() == TEXT + b"- two\n"
    history.rollback(store, skill, to=3)
    assert skill.read_bytes() == TEXT + b"- two\n- three\n"
    history.rollback(store, skill, only=2)
    history.rollback(store, skill)
    assert skill.read_bytes() == TEXT
    assert kinds(store, skill) == ["import", "proposal", "proposal", *["rollback"] * 6]


def test_a_rollback_to_a_version_restores_its_bytes(store, skill):
    for number in range(2, 6):
        publish(store, skill, b"%d\n" % number)
    assert history.rollback(store, skill, to=1).extra == {"to": 1, "exact": False}
    assert skill.read_bytes() == TEXT


def test_a_rollback_keeps_what_a_person_wrote_later(store, skill):
    publish(store, skill, TEXT + b"- four\n")
    publish(store, skill, TEXT + b"- four\n- five\n")
    skill.write_bytes(skill.read_bytes().replace(b"- one", b"- one, mine"))
    version = history.rollback(store, skill, to=1)
    assert skill.read_bytes() == TEXT.replace(b"- one", b"- one, mine")
    assert version.note == "back to version 1, later edits kept"
    assert kinds(store, skill)[-2:] == ["external", "rollback"]


def test_a_rollback_that_meets_a_persons_edit_asks_and_exact_obeys(store, skill):
    publish(store, skill, TEXT + b"- four\n")
    skill.write_bytes(TEXT + b"- four, but better\n")
    with pytest.raises(Stale) as caught:
        history.rollback(store, skill)
    assert "--exact" in caught.value.hint
    assert skill.read_bytes() == TEXT + b"- four, but better\n"
    history.rollback(store, skill, to=1, exact=True)
    assert skill.read_bytes() == TEXT
    assert history.content(store, history.versions(store, skill)[2].sha) == TEXT + b"- four, but better\n"


def test_one_change_can_be_taken_out_of_the_middle(store, skill):
    publish(store, skill, TEXT.replace(b"- one\n", b"- one\n- bad\n"))
    publish(store, skill, skill.read_bytes() + b"- good\n")
    version = history.rollback(store, skill, only=2)
    assert skill.read_bytes() == TEXT + b"- good\n"
    assert (version.kind, version.note) == ("rollback", "without the change of version 2")


@pytest.mark.parametrize("number", [2, 3, 4])
def test_a_learned_line_between_learned_lines_is_taken_out(store, skill, number):
    """The next change touches the line below it."""
    lines = [b"- four\n", b"- five\n", b"- six\n"]
    for line in lines:
        publish(store, skill, skill.read_bytes() + line)
    history.rollback(store, skill, only=number)
    assert skill.read_bytes() == TEXT + b"".join(line for at, line in enumerate(lines, 2) if at != number)


def test_a_change_that_later_ones_built_on_is_not_taken_out(store, skill):
    publish(store, skill, TEXT + b"- bad\n")
    publish(store, skill, TEXT + b"- bad, softened\n")
    with pytest.raises(Stale):
        history.rollback(store, skill, only=2)
    assert kinds(store, skill) == ["import", "proposal", "proposal"]


def test_what_cannot_be_taken_back_is_said(store, skill):
    with pytest.raises(UsageError, match="never changed it"):
        history.rollback(store, skill)
    for number in (0, 2, -1):
        with pytest.raises(UsageError, match="no version"):
            history.rollback(store, skill, to=number)
    with pytest.raises(UsageError, match="begins"):
        history.rollback(store, skill, only=1)
    assert history.rollback(store, skill, to=1).number == 1


def test_a_rollback_lets_the_drift_budget_start_anew(store, skill):
    store.save_proposal(proposal("p1", skill=str(skill), lines=3), VERDICT, "queued", "ask")
    publish(store, skill, b"new\n", proposal_id="p1")
    skill.write_bytes(b"edited by something\n")
    history.record_external_edit(store, skill)
    assert sum(store.applied_unseen(skill).values()) == 3
    history.rollback(store, skill, to=1, exact=True)
    assert store.applied_unseen(skill) == {}


def test_a_deleted_skill_stays_deleted(store, skill):
    publish(store, skill, b"new\n")
    skill.unlink()
    for act in (
        lambda: publish(store, skill, b"more\n", base=sha256(b"new\n")),
        lambda: history.rollback(store, skill),
        lambda: history.rollback(store, skill, to=1, exact=True),
    ):
        with pytest.raises(Missing, match="no such file"):
            act()
    assert list(skill.parent.iterdir()) == []
    assert kinds(store, skill) == ["import", "proposal"]


def test_a_plugins_skill_is_not_edited_but_can_be_copied(store, tmp_path):
    cached = tmp_path / "plugins" / "cache" / "m" / "skills" / "web" / "SKILL.md"
    (cached.parent / "scripts").mkdir(parents=True)
    cached.write_bytes(TEXT)
    (cached.parent / "scripts" / "run.py").write_text("print()\n")
    with pytest.raises(NotEditable) as caught:
        publish(store, cached, b"new\n")
    assert "copy the skill" in caught.value.hint
    copy = history.copy_skill(cached, tmp_path / "skills")
    assert (copy.read_bytes(), (copy.parent / "scripts" / "run.py").exists()) == (TEXT, True)
    assert publish(store, copy, b"new\n").number == 2
    with pytest.raises(UsageError, match="exists already"):
        history.copy_skill(cached, tmp_path / "skills")


@pytest.mark.parametrize("whole", [True, False], ids=["its folder", "its file"])
def test_a_link_into_a_read_only_store_is_refused_and_gives_way_to_a_copy(store, tmp_path, whole):
    skill = tmp_path / "skills" / "web" / "SKILL.md"
    kept = tmp_path / "store" / "1a2b-web"
    (kept / "scripts").mkdir(parents=True)
    (kept / "SKILL.md").write_bytes(TEXT)
    skill.parent.parent.mkdir()
    if whole:
        skill.parent.symlink_to(kept)
    else:
        skill.parent.mkdir()
        skill.symlink_to(kept / "SKILL.md")
    for path, mode in ((kept / "SKILL.md", 0o444), (kept / "scripts", 0o555), (kept, 0o555)):
        path.chmod(mode)
    assert "read-only for you; copy the skill" in structure.forbidden(SkillPath.of(skill))
    with pytest.raises(NotEditable, match="read-only"):
        publish(store, skill, b"new\n")
    assert history.copy_skill(skill, tmp_path / "skills") == skill
    assert (skill.read_bytes(), skill.resolve()) == (TEXT, skill)
    assert [path.name for path in skill.parent.parent.iterdir()] == ["web"]
    assert publish(store, skill, b"new\n").number == 2
    assert history.rollback(store, skill, to=1).number == 3
    assert ((kept / "SKILL.md").read_bytes(), skill.read_bytes()) == (TEXT, TEXT)


def test_what_a_repository_links_to_is_never_copied_into_the_person_s_skills(tmp_path):
    (tmp_path / "secret").write_bytes(TEXT)
    link = tmp_path / "app" / ".claude" / "skills" / "web" / "SKILL.md"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../../../secret")
    with pytest.raises(UsageError, match="symbolic link"):
        history.copy_skill(link, tmp_path / "skills")
    assert not (tmp_path / "skills").exists()


@pytest.mark.parametrize("mode", [0o444, 0o400])
def test_a_read_only_skill_stays_as_it_is_mode_included(store, skill, mode):
    skill.chmod(mode)
    with pytest.raises(NotEditable, match="read-only"):
        publish(store, skill, b"new\n")
    assert (skill.read_bytes(), stat.S_IMODE(skill.stat().st_mode)) == (TEXT, mode)


def test_a_version_whose_bytes_changed_in_the_store_is_never_written(store, skill, home):
    import sqlite3

    publish(store, skill, b"new\n")
    with sqlite3.connect(home / "skillloop.db") as connection:
        connection.execute("UPDATE blobs SET data = ? WHERE sha = ?", (b"evil", sha256(TEXT)))
    connection.close()
    with pytest.raises(SkillloopError, match="damaged"):
        history.rollback(store, skill)
    assert skill.read_bytes() == b"new\n"


def intent(store, skill, data):
    """What a publish leaves behind that dies right after its intent was stored."""
    change = Publish(
        str(skill), "proposal", store.versions.keep(skill.read_bytes()), store.versions.keep(data)
    )
    return store.versions.intend(change)


@pytest.mark.parametrize(
    ("live", "temporary", "state", "after"),
    [
        (TEXT, None, "aborted", TEXT),
        (TEXT, b"ne", "aborted", TEXT),
        (TEXT, b"new\n", "aborted", TEXT),
        (b"new\n", None, "applied", b"new\n"),
        (b"new\n", TEXT, "applied", b"new\n"),
        (b"mine\n", b"new\n", "conflict", b"mine\n"),
        (b"new\n", b"mine\n", "conflict", b"mine\n"),
        (b"mine again\n", b"mine\n", "conflict", b"mine again\n"),
        (None, b"new\n", "conflict", None),
    ],
)
def test_an_interrupted_publish_is_settled_by_what_is_on_disk(store, skill, live, temporary, state, after):
    history.record_external_edit(store, skill)
    with store.transaction():
        change = intent(store, skill, b"new\n")
    file = skill.resolve()
    file.unlink() if live is None else file.write_bytes(live)
    if temporary is not None:
        file.with_name(change.temporary).write_bytes(temporary)
    assert history.recover(store) == [(str(skill), state)]
    assert (skill.read_bytes() if skill.exists() else None) == after
    assert list(file.parent.iterdir()) == [file] * (after is not None)
    assert history.recover(store) == []
    recorded = {history.content(store, version.sha) for version in history.versions(store, skill)}
    assert {data for data in (live, temporary, after) if data and data.startswith(b"mine")} <= recorded
    assert ("proposal" in kinds(store, skill)) == (state == "applied")


def test_an_interrupted_publish_of_a_removed_skill_is_a_conflict(store, skill):
    with store.transaction():
        intent(store, skill, b"new\n")
    skill.rename(skill.parent.parent.parent / "kept")
    skill.parent.rmdir()
    assert history.recover(store) == [(str(skill), "conflict")]


def test_a_save_in_the_last_microsecond_wins(store, skill, monkeypatch):
    """An editor saves after the last look and before the swap: its bytes come back, and ours become stale."""
    from skillloop.fs import OpenSkill

    swap = OpenSkill.swap

    def saved_just_before(opened, name):
        monkeypatch.undo()
        saved = skill.with_name("editor.tmp")
        saved.write_bytes(b"mine\n")
        saved.rename(skill.resolve())
        swap(opened, name)

    monkeypatch.setattr(OpenSkill, "swap", saved_just_before)
    with pytest.raises(Stale, match="just now"):
        publish(store, skill, b"new\n")
    assert skill.read_bytes() == b"mine\n"
    assert kinds(store, skill) == ["import", "external"]
    assert alone(skill)


@pytest.mark.parametrize("error", [5, 13, 28, 30, 122], ids=os.strerror)
@pytest.mark.parametrize("step", ["stage", "swap"])
def test_an_error_of_the_disk_leaves_all_as_it_was(store, skill, monkeypatch, step, error):
    def refuse(*_):
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patch:
        patch.setattr(f"skillloop.fs.OpenSkill.{step}", refuse)
        with pytest.raises(SkillloopError, match=os.strerror(error)) as caught:
            publish(store, skill, b"new\n")
    assert caught.value.hint == "nothing was changed"
    assert (skill.read_bytes(), alone(skill), kinds(store, skill)) == (TEXT, True, ["import"])
    assert publish(store, skill, b"new\n").number == 2


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["publish", "person", "rollback", "back to", "exact", "only"]), st.integers(0, 9)
    ),
    max_size=12,
)


def act(store, skill, kind, number):
    """One step of a random history; a refusal is an answer too."""
    text = skill.read_bytes()
    if kind == "publish":
        publish(store, skill, text + b"- learned %d\n" % number)
    elif kind == "person":
        lines = text.splitlines(keepends=True)
        lines.insert(number % (len(lines) + 1), b"- mine %d\n" % len(lines))
        skill.write_bytes(b"".join(lines))
    elif kind == "only":
        history.rollback(store, skill, only=2 + number)
    else:
        to = None if kind == "rollback" else 1 + number
        history.rollback(store, skill, to=to, exact=kind == "exact")


def check_random_history(folder, acts):
    skill = folder / "skills" / "web" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_bytes(TEXT)
    gentle = not {"exact", "only"} & {
        kind for kind, _ in acts
    }  # these two take out a person's lines when asked
    with Store.open(folder / "home") as store:
        for kind, number in acts:
            before = skill.read_bytes()
            try:
                act(store, skill, kind, number)
            except (Stale, UsageError):
                assert skill.read_bytes() == before
            if kind != "person":
                assert sha256(before) in {version.sha for version in history.versions(store, skill)}
            if gentle:
                mine = [line for line in before.splitlines() if b"mine" in line]
                assert [
                    line for line in skill.read_bytes().splitlines() if line in mine
                ] == mine or kind == "person"
        for version in history.versions(store, skill):
            history.rollback(store, skill, to=version.number, exact=True)
            assert skill.read_bytes() == history.content(store, version.sha)
        assert store.verify() == []


@given(acts=ACTS)
@settings(max_examples=15, deadline=None)
def test_no_random_history_loses_a_byte(tmp_path_factory, acts):
    check_random_history(tmp_path_factory.mktemp("random"), acts)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@given(acts=ACTS)
@settings(max_examples=5_000, deadline=None)
def test_no_random_history_of_five_thousand_loses_a_byte(acts):
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        check_random_history(Path(folder), acts)


@pytest.fixture
def rules(tmp_path):
    """The rules file of a project, which is not there yet."""
    (tmp_path / "app").mkdir()
    return tmp_path / "app" / ".claude" / "rules" / "learned.md"


def test_a_rules_file_is_made_by_its_first_rule_and_taken_back_whole(store, rules):
    version = publish(store, rules, b"- one\n", base=sha256(b""))
    assert (rules.read_bytes(), version.number, kinds(store, rules)) == (
        b"- one\n",
        2,
        ["import", "proposal"],
    )
    assert [path.name for path in rules.parent.iterdir()] == ["learned.md"]
    assert stat.S_IMODE(rules.stat().st_mode) & 0o022 == 0
    back = history.rollback(store, rules)
    assert list(rules.parent.iterdir()) == []  # it made the file, and nothing else stood in it
    assert history.preview_rollback(store, rules, only=back.number) == (b"", b"- one\n")
    assert list(rules.parent.iterdir()) == []
    history.rollback(store, rules, only=back.number)
    assert rules.read_bytes() == b"- one\n"
    history.rollback(store, rules, to=1)
    with pytest.raises(UsageError, match="no version 99"):
        history.rollback(store, rules, to=99)
    assert not rules.exists()
    history.rollback(store, rules, to=2, exact=True)
    assert rules.read_bytes() == b"- one\n"
    history.rollback(store, rules, to=1)
    assert publish(store, rules, b"- two\n", base=sha256(b"")).kind == "proposal"
    assert [path.read_bytes() for path in rules.parent.iterdir()] == [b"- two\n"]


def test_a_rules_file_that_a_person_made_or_wrote_into_stays(store, rules):
    rules.parent.mkdir(parents=True)
    rules.write_bytes(b"")
    publish(store, rules, b"- one\n", base=sha256(b""))
    history.rollback(store, rules)
    assert rules.read_bytes() == b""
    with open_skill(rules) as skill:
        rules.write_bytes(b"- mine\n")  # just after it was found empty
        skill.remove_empty()
    assert [path.read_bytes() for path in rules.parent.iterdir()] == [b"- mine\n"]


def test_a_rules_file_that_appeared_meanwhile_is_kept(store, rules):
    rules.parent.mkdir(parents=True)
    rules.write_bytes(b"- mine\n")
    with pytest.raises(Stale):
        publish(store, rules, b"- one\n", base=sha256(b""))
    assert rules.read_bytes() == b"- mine\n"


def test_a_rules_file_is_made_in_no_project_that_is_gone_nor_through_a_link(store, rules, tmp_path):
    gone = tmp_path / "gone" / ".claude" / "rules" / "learned.md"
    with pytest.raises(Missing):
        publish(store, gone, b"- one\n", base=sha256(b""))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    rules.parents[1].symlink_to(elsewhere)
    with pytest.raises(UsageError, match="link"):
        publish(store, rules, b"- one\n", base=sha256(b""))
    assert not any(elsewhere.iterdir())
    assert not gone.parents[2].exists()


def test_a_broken_link_in_the_place_of_a_rules_file_is_never_followed(store, rules, tmp_path):
    rules.parent.mkdir(parents=True)
    rules.symlink_to(tmp_path / "app" / "nowhere.md")
    with pytest.raises(SkillloopError):
        publish(store, rules, b"- one\n", base=sha256(b""))
    assert not (tmp_path / "app" / "nowhere.md").exists()


def test_no_skill_is_ever_made(store, tmp_path):
    (tmp_path / "skills" / "web").mkdir(parents=True)
    with pytest.raises(Missing):
        publish(store, tmp_path / "skills" / "web" / "SKILL.md", b"- one\n", base=sha256(b""))
    assert not any((tmp_path / "skills" / "web").iterdir())


def test_an_interrupted_publish_of_rules_under_another_client_folder_waits(store, tmp_path, monkeypatch):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "conf"))
    (tmp_path / "conf").mkdir()
    rules = tmp_path / "conf" / "rules" / "learned.md"
    publish(store, rules, b"- one\n", base=sha256(b""))
    with store.transaction():
        store.versions.intend(
            Publish(str(rules), "proposal", sha256(b"- one\n"), store.versions.keep(b"- two\n"))
        )
    monkeypatch.delenv("CLAUDE_CONFIG_DIR")
    assert history.recover(store) == []
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "conf"))
    assert [done.state for done in history.recover(store)] == ["aborted"]


def test_a_publish_reads_no_more_of_a_long_history_than_of_a_short_one(store, skill, monkeypatch):
    read = []
    rows = Database.rows

    def counted(self, query, *values):
        found = rows(self, query, *values)
        read.append(len(found))
        return found

    def publish(number):
        live = skill.read_bytes()
        read.clear()
        history.publish(store, skill, sha256(live), live + b"- rule %d\n" % number, by="auto")

    monkeypatch.setattr(Database, "rows", counted)
    publish(0)
    publish(1)
    before = sum(read)
    for number in range(2, 30):
        publish(number)
    assert sum(read) == before
