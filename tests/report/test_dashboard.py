"""The report of what was learned: every number in it is counted anew here, from the tables of the store."""

import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from helpers.sessions import RULE
from helpers.store import VERDICT, disagreement, lesson, proposal, session
from transcripts import Transcript

from skillloop.hosts.claude_code.transcript import read
from skillloop.pipeline import session as pipeline
from skillloop.report import dashboard
from skillloop.skills import history

WISHES = (
    RULE,
    "No, that's wrong. Always give the year of each source.",
    "No. Never use tables for two rows, from now on.",
)


@pytest.fixture
def lived(tmp_path, home, store, skill):
    """A home in which 24 sessions over ten weeks taught a few rules, applied and waiting."""
    for number in range(24):
        mode = "auto" if number < 12 else "review"
        (home / "config.toml").write_text(f'[apply]\nmode = "{mode}"\n')
        start = datetime.now(UTC) + timedelta(days=3 * number - 30)
        talk = Transcript(session_id=f"5e55104e-0000-4000-8000-{number:012d}", start=start)
        talk.typed("How much sleep do adults need? Look it up.")
        if number % 4 != 3:
            talk.skill("research", str(skill))
        talk.says("Eight hours, says a health magazine. I have finished the answer.")
        if number % 5 == 1:
            talk.typed(WISHES[number // 5 % 3]).says("You're right, sorry. I will do that from now on.")
        talk.typed("Thanks, that is all for today.").says("You're welcome.")
        path = talk.witnessed(home).write(tmp_path / "t" / f"{number}.jsonl")
        pipeline.digest(read(path), home, store)
    return store


def rows(home, query, *values):
    with closing(sqlite3.connect(home / "skillloop.db")) as connection:
        return connection.execute(query, values).fetchall()


def test_every_number_of_the_page_follows_from_the_tables(lived, home, skill):
    page = dashboard.page(lived)
    (target,) = [each for each in dashboard.targets(lived) if each.path == str(skill)]
    states = Counter(dict(rows(home, "SELECT state, count(*) FROM proposals GROUP BY state")))
    ((sessions,),) = rows(home, "SELECT count(*) FROM sessions")
    ((corrections,),) = rows(home, "SELECT count(*) FROM disagreements")
    assert states["applied"] > 1
    assert (
        f"{sessions} sessions read, {corrections} corrections found; {states['applied']} edits applied"
        in page
    )

    exposed = dict(rows(home, "SELECT session_id, at FROM exposures WHERE target = ?", str(skill)))
    assert sum(week.sessions for week in target.weeks) == len(exposed) == 18
    wrong = rows(home, "SELECT session_id FROM disagreements WHERE skill = ?", str(skill))
    assert sum(week.corrections for week in target.weeks) == len(wrong)
    for week in target.weeks:
        begins, ends = week.begins.isoformat(), (week.begins + timedelta(days=7)).isoformat()
        assert week.sessions == sum(begins <= at < ends for at in exposed.values())
        title = f"Week of {begins}: {week.sessions} sessions, {week.corrections} corrections"
        assert title in page
    versions = rows(home, "SELECT number FROM versions WHERE skill = ? AND number > 1", str(skill))
    assert sorted(edit.number for week in target.weeks for edit in week.edits) == [
        number for (number,) in versions
    ]

    lines = skill.read_text().splitlines()
    assert sum(target.authors.values()) == len(lines)
    cells = re.findall(r"<tr><td>(\d+)<td>([^<]*)", page)
    assert [(int(line), rule) for line, rule in cells] == [(each.line, each.rule) for each in target.rules]
    for rule in target.rules:
        assert lines[rule.line - 1] == f"- {rule.rule}"
        later = [
            name
            for name, at in exposed.items()
            if datetime.fromisoformat(at) > datetime.fromisoformat(rule.version.created)
        ]
        assert rule.wish.after.sessions == len(later)


def test_the_page_loads_nothing_and_shows_the_words_of_others_as_text(store, skill, home):
    history.record_external_edit(store, skill)
    odd = "<script>alert(1)</script> <img src=https://example.org/x> \u202e sk-ant-api03-" + "a1B2" * 20
    store.save_digest(session(), [disagreement()], [lesson()])
    item = proposal("p1")
    changed = replace(item, evidence=(replace(item.evidence[0], quote=odd),))
    store.save_proposal(changed, VERDICT, state="queued", reason="")
    page = dashboard.page(store)
    assert "&lt;script&gt;" in page
    assert "U+202E" in page
    assert "sk-ant-api03" not in page
    assert not re.search(r"<(script|img|link|iframe|object)\b|<[^>]*\bsrc=|url\(|@import", page)


def test_a_home_without_a_history_says_what_to_do(store):
    assert "No file has learned anything yet." in dashboard.page(store)
