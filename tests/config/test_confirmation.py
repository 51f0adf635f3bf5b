"""A change of the rules is noticed, and one that loosens them waits for the person's yes."""

from datetime import UTC, datetime

import pytest
from helpers.sessions import RULE, corrected, digest

from skillloop import cli
from skillloop.config import confirmation
from skillloop.model import Outcome


def rules(home, text):
    (home / "config.toml").write_text(text)


def logged(store):
    return [entry.detail["state"] for entry in reversed(store.audit.entries(confirmation.EVENT))]


def test_what_is_seen_first_is_taken_as_it_is(home, store):
    confirmation.record_changes(store, home)
    confirmation.record_changes(store, home)
    assert logged(store) == ["first seen"]
    assert confirmation.unconfirmed(store, home) == []


def test_a_change_that_tightens_counts_at_once(home, store):
    rules(home, '[sources]\nuntrusted = ["reddit"]\n')
    confirmation.record_changes(store, home)
    rules(home, '[sources]\nuntrusted = ["x.com", "reddit"]\n[edit]\nper_session = 1\n')
    confirmation.record_changes(store, home)
    assert logged(store) == ["first seen", "tightened"]
    assert confirmation.unconfirmed(store, home) == []


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("", '[apply]\nmode = "auto"\n', "apply.mode"),
        ("[edit]\nunseen = 2\n", "", "edit.unseen"),
        ('[sources]\nuntrusted = ["x.com", "reddit"]\n', '[sources]\nuntrusted = ["x.com"]\n', "untrusted"),
        ('[sources]\ntrusted = ["a.org"]\n', '[sources]\ntrusted = ["a.org", "b.org"]\n', "sources.trusted"),
        ('[sources]\ntrusted = ["a.org", "b.org"]\n', '[sources]\ntrusted = ["b.org", "a.org"]\n', "trusted"),
        ('[sources]\ntrusted = ["a.org"]\n', "", "sources.trusted"),
        ('[protect]\nheadings = ["Safety"]\n', "[protect]\n", "protect.headings"),
        ('[sources.aliases]\nx = ["y"]\n', '[sources.aliases]\nx = ["z"]\n', "sources.aliases"),
    ],
)
def test_a_change_that_loosens_is_logged_once_and_told_until_it_is_confirmed(home, store, before, after, key):
    rules(home, before)
    confirmation.record_changes(store, home)
    rules(home, after)
    for _ in range(2):
        confirmation.record_changes(store, home)
    assert logged(store) == ["first seen", "loosened"]
    assert key in confirmation.unconfirmed(store, home)[0]
    confirmation.confirm(store, home, confirmation.all_changes(store, home), "a terminal")
    assert (logged(store)[-1], confirmation.unconfirmed(store, home)) == ("confirmed", [])
    assert store.verify() == []


def test_loosened_rules_apply_nothing_until_the_person_confirms_them(tmp_path, home, store, skill):
    confirmation.record_changes(store, home)
    rules(home, '[apply]\nmode = "auto"\n')
    result = digest(corrected(skill, RULE).witnessed(home), tmp_path, home, store)
    assert result.trials[0].decision.outcome is Outcome.DEFER
    assert "constraints --confirm" in result.trials[0].decision.reason
    confirmation.confirm(store, home, confirmation.all_changes(store, home), "a terminal")
    said = "No, that's wrong. Always name the journal.", "No, that's wrong. Always give the year of a study."
    starts = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime.now(UTC)
    for words, start, outcome in zip(said, starts, (Outcome.DEFER, Outcome.KEEP), strict=True):
        result = digest(corrected(skill, words, start=start).witnessed(home), tmp_path, home, store)
        assert [trial.decision.outcome for trial in result.trials] == [outcome]
    assert "before you last confirmed" in store.proposals(states=("queued",))[-1].reason


def test_a_skill_s_rules_that_are_gone_are_a_change_too(tmp_path, home, store, skill):
    own = skill.with_name("skillloop.toml")
    own.write_text("[edit]\nper_session = 1\n")
    digest(corrected(skill, RULE), tmp_path, home, store)
    own.unlink()
    (told,) = confirmation.unconfirmed(store, home)
    assert f"{own} is gone, which loosens edit.per_session" in told
    skill.unlink()
    skill.parent.rmdir()
    assert confirmation.unconfirmed(store, home) == []


def test_a_confirmed_text_that_is_lost_makes_no_change_harmless(home, store):
    rules(home, "[edit]\nunseen = 2\n")
    confirmation.record_changes(store, home)
    for kept in (home / "rules").iterdir():
        kept.write_text("tampered")
    rules(home, "[edit]\nunseen = 1\n")
    assert "can no longer be told" in confirmation.unconfirmed(store, home)[0]


def test_rules_that_cannot_be_read_are_told_of(home, store):
    confirmation.record_changes(store, home)
    rules(home, "[aply]\n")
    assert "config.toml:1" in confirmation.unconfirmed(store, home)[0]


def test_rules_of_a_project_that_could_not_be_read_are_first_seen_once_they_can(
    home, store, tmp_path, monkeypatch
):
    file = tmp_path / "project" / ".claude" / "skillloop.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[aply]\n")
    confirmation.record_changes(store, home, file.parents[1])
    assert [str(each) for each in confirmation.unreadable(store, home)] == []
    monkeypatch.chdir(file.parents[1])
    (wrong,) = confirmation.unreadable(store, home)
    assert wrong.message.startswith(f"{file}:1: ")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert confirmation.unreadable(store, home) == []
    file.write_text("[apply]\n")
    confirmation.record_changes(store, home, file.parents[1])
    assert confirmation.unconfirmed(store, home) == []
    file.write_text("[aply]\n")
    (wrong,) = confirmation.unreadable(store, home)  # it is known from now on
    assert wrong.message.startswith(f"{file}:1: ")


@pytest.mark.parametrize("arguments", [[], ["--token", "made-up"]])
def test_nobody_confirms_without_a_person(home, store, capsys, arguments):
    confirmation.record_changes(store, home)
    rules(home, '[apply]\nmode = "auto"\n')
    confirmation.record_changes(store, home)
    assert cli.run(["--home", str(home), "constraints", "--confirm", *arguments]) == 4
    shown = capsys.readouterr().out
    assert '+apply.mode = "auto"' in shown
    assert confirmation.unconfirmed(store, home) != []


def test_the_kept_texts_are_the_person_s_alone(home, store):
    rules(home, "[edit]\nunseen = 2\n")
    confirmation.record_changes(store, home)
    (kept,) = (home / "rules").iterdir()
    assert [path.stat().st_mode & 0o77 for path in (kept, kept.parent)] == [0, 0]


def test_a_file_that_loosens_nothing_is_not_said_to_wait(home, store):
    confirmation.record_changes(store, home)
    (home / "config.toml").write_text('# [apply]\n# mode = "review"\n')
    assert confirmation.unconfirmed(store, home) == []
    (home / "config.toml").write_text('[apply]\nmode = "auto"\n')
    assert "loosens apply.mode" in confirmation.unconfirmed(store, home)[0]
