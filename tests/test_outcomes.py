"""Whether a rule helped, on real sessions: digested from transcripts, applied to files, asked of the store."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from helpers.sessions import RULE, corrected, digest
from transcripts import Transcript

from skillloop import outcomes
from skillloop.model import Origin
from skillloop.outcomes import Comparison, Effect, Rate
from skillloop.pipeline.undo import take_back
from skillloop.report import dashboard
from skillloop.skills import history
from skillloop.worker.notice import leave_notice

OTHER = "No, that's wrong. Always give the year of each source."
OPPOSITE = "No, that's wrong. Always cite a magazine when there is a study."


@pytest.fixture
def live(tmp_path, home, store, skill):
    """Run sessions that use the skill, in which the person says this or nothing: before today, or `later` than the rule."""
    (home / "config.toml").write_text('[apply]\nmode = "auto"\n')
    count = 0

    def run(*words, later=True, uses=True):
        nonlocal count
        count += 1
        start = datetime.now(UTC) + timedelta(hours=count) * (1 if later else -1)
        transcript = Transcript(session_id=f"5e55104e-0000-4000-8000-{count:012d}", start=start)
        transcript.typed("How much sleep do adults need? Look it up.")
        if uses:
            transcript.skill("research", str(skill))
        transcript.says("Eight hours, says a health magazine. I have finished the answer.")
        for said in words:
            transcript.typed(said).says("You're right, sorry. I will do that from now on.")
        transcript.typed("Thanks, that is all for today.").says("You're welcome.")
        return digest(transcript.witnessed(home), tmp_path, home, store)

    return run


def only(store, skill):
    (found,) = outcomes.of(store, skill)
    return found


def test_a_rule_whose_correction_stops_helped_once_that_is_beyond_chance(live, store, skill):
    for _ in range(3):
        live(RULE, later=False)
    assert only(store, skill).effect is Effect.NO_SIGN
    seen = []
    for _ in range(20):
        live()
        seen.append(only(store, skill))
    assert seen[0].effect is Effect.NO_SIGN
    assert seen[-1].effect is Effect.HELPED
    assert (seen[-1].wish.after.said, seen[-1].wish.after.sessions) == (0, 20)
    chances = [each.wish.lower for each in seen]
    assert chances == sorted(chances)


def test_the_session_that_taught_a_rule_says_nothing_of_how_often_it_was_said(live, store, skill):
    live(RULE, later=False)
    found = only(store, skill)
    assert (found.wish.before.said, found.wish.before.sessions) == (0, 0)


def test_a_rule_that_is_said_again_came_back_and_is_not_added_twice(live, store, skill):
    live(RULE, later=False)
    text = skill.read_text()
    live()
    again = live("No. Never cite a magazine when there is a study, please!")
    found = only(store, skill)
    assert (found.effect, found.again) == (Effect.CAME_BACK, (again.session.session_id,))
    assert "again in 1 of 2 sessions" in found.why
    assert skill.read_text() == text


def test_a_rule_that_is_said_again_once_in_many_sessions_did_not_come_back(store, live, skill):
    live(RULE, later=False)
    live(RULE)
    assert only(store, skill).effect is Effect.CAME_BACK
    for _ in range(40):
        live()
    assert only(store, skill).effect is Effect.NO_SIGN


def test_a_session_without_the_skill_is_no_exposure(live, store, skill):
    live(RULE, later=False)
    live(uses=False)
    assert only(store, skill).wish.after.sessions == 0


def test_a_rule_against_which_the_person_speaks_in_two_sessions_made_it_worse(live, store, skill):
    live(RULE, later=False)
    live(OPPOSITE)
    assert only(store, skill).effect is not Effect.WORSE
    live(OPPOSITE)
    found = next(each for each in outcomes.of(store, skill) if each.rule.startswith("Never cite"))
    assert (found.effect, len(found.opposed)) == (Effect.WORSE, 2)


def test_one_session_against_a_line_that_nobody_s_words_stand_behind_is_enough(live, store, skill):
    live(OTHER, later=False)
    skill.write_text(skill.read_text() + "- Always cite a magazine when there is a study.\n")
    history.record_external_edit(store, skill)
    live()
    live(RULE)
    (change,) = outcomes.waiting(store)
    assert change.told.startswith("research: “Always cite a magazine when there is a study.” made it worse")
    assert change.told.endswith("the opposite in 1")


def test_corrections_that_rise_beyond_chance_accuse_the_rule(live, store, skill):
    for _ in range(12):
        live(later=False)
    live(RULE, later=False)
    wrong = (
        "No, that is wrong, the tone is off.",
        "No, wrong again, that is not what I asked.",
        "No, you broke the table.",
    )
    for said in (*wrong, *wrong, *wrong[:2]):
        live(said)
    found = only(store, skill)
    assert (found.effect, found.again, found.opposed) == (Effect.WORSE, (), ())
    assert "you corrected something else in 8 of 8 sessions, before in 0 of" in found.why


def test_the_change_since_which_a_rule_that_had_held_is_said_again_made_it_worse(live, store, skill):
    live(RULE, later=False)
    taught = only(store, skill)
    days = [f"day {number}" for number in range(30)]

    def brought(rule, number, since, kind="external"):
        version = replace(taught.version, number=number, kind=kind)
        return replace(taught, rule=rule, version=version, again=()), set(days[since:])

    held = replace(taught, again=("day 21", "day 23", "day 24", "day 27")), set(days)
    others = [
        brought("mine", 3, 12, "proposal"),
        brought("planted", 4, 20),
        brought("mine, too", 5, 22, "proposal"),
    ]
    said = {each.rule: [] for each, _ in (held, *others)}
    ((number, (rule, rates)),) = outcomes._undone([held, *others], said).items()
    assert (number, rule) == (4, taught.rule)
    assert (rates.before, rates.after) == (Rate(0, 20), Rate(4, 10))
    assert replace(others[1][0], undid=(rule, rates)).effect is Effect.WORSE
    rarer = (
        replace(held[0], again=("day 21", "day 27")),
        set(days),
    )  # nine in ten: too little to accuse one's own words
    assert outcomes._undone([rarer, brought("planted", 4, 17)], said).keys() == {4}
    assert outcomes._undone([rarer, brought("mine", 4, 17, "proposal")], said) == {}

    more = replace(taught, rule="more", again=tuple(days[20:])), set(days)
    said["more"] = []
    for two in ([held, more], [more, held]):
        assert outcomes._undone([*two, *others], said)[4] == ("more", Comparison(Rate(0, 20), Rate(10, 10)))


def test_edits_that_change_nothing_make_the_next_one_wait_until_the_person_decides(live, home, store, skill):
    rules = (RULE, OTHER, "No, wrong. Never end an answer with a question.")
    live(*rules, later=False)
    assert outcomes.breaker(store, skill) == ""
    for _ in range(3):
        live(*rules)
    told = "3 of the last 3 automatic edits of research made things worse or changed nothing"
    assert outcomes.breaker(store, skill) == told
    before = skill.read_text()
    (trial,) = live("No, that's wrong. Always write numbers with a comma.").trials
    assert [check.name for check in trial.verdict.failed] == ["breaker"]
    assert skill.read_text() == before
    leave_notice(home)
    assert told in (home / "notice.json").read_text()
    store.set_state(trial.proposal.id, "rejected", "not now", by="person")
    assert outcomes.breaker(store, skill) == ""
    (trial,) = live("No, that's wrong. Always sort the references by year.").trials
    assert trial.verdict.failed == ()


def test_changes_that_are_taken_back_make_the_next_one_wait_until_the_person_decides_otherwise(
    live, store, skill
):
    rules = (RULE, OTHER, "No, wrong. Never end an answer with a question.")
    live(*rules, later=False)
    for number in (4, 3):
        history.rollback(store, skill, only=number)
    assert outcomes.breaker(store, skill) == ""
    history.rollback(store, skill, only=2)
    told = "3 of the last changes of research were taken back"
    assert outcomes.breaker(store, skill) == told
    assert outcomes.standing(store)[1] == [f"{told}; until you decide, the next ones wait"]
    (trial,) = live("No, that's wrong. Always sort the references by year.").trials
    assert [check.name for check in trial.verdict.failed] == ["breaker"]
    store.set_state(trial.proposal.id, "rejected", "not now", by="person")
    assert outcomes.breaker(store, skill) == ""


def test_drafts_that_rest_mostly_on_words_of_unknown_origin_make_the_next_one_wait(live, store, skill):
    (trial,) = live(RULE, later=False).trials
    (said,) = trial.proposal.evidence
    older = replace(trial.proposal, evidence=(replace(said, origin=Origin.UNATTRIBUTED),))
    for name in ("one", "two"):
        assert outcomes.breaker(store, skill) == ""
        store.save_proposal(replace(older, id=name), trial.verdict, "queued", "from an older client")
    assert outcomes.breaker(store, skill).startswith("2 of the last 3 drafts for research rest on words")
    store.set_state("one", "rejected", "not mine", by="person")
    assert outcomes.breaker(store, skill) == ""


def test_a_rule_that_nobody_ever_said_before_or_since_is_offered_to_go_in_review_alone(
    live, home, store, skill
):
    for _ in range(outcomes.MANY):
        live(later=False)
    live(RULE, later=False)
    for _ in range(outcomes.MANY - 1):
        live()
    assert not only(store, skill).needless
    live()
    assert only(store, skill).needless
    (change,) = outcomes.waiting(store)
    never = "“Never cite a magazine when there is a study” never mattered"
    assert (
        change.told == f"research: {never}, you said it again in 0 of 30 sessions, before in 0 of 30 sessions"
    )
    assert "Never mattered" in dashboard.page(store)
    leave_notice(home)
    assert never not in (home / "notice.json").read_text()
    outcomes.keep(store, change)
    assert outcomes.waiting(store) == []


def test_a_rule_that_was_said_before_is_needed_however_long_it_holds(live, store, skill):
    for number in range(outcomes.MANY):
        live(*[RULE] * (number == 3), later=False)
    for _ in range(outcomes.MANY):
        live()
    assert [each.needless for each in outcomes.of(store, skill)] == [False]


@pytest.mark.parametrize("undo", ["auto", "review"])
def test_what_made_it_worse_is_taken_back_by_itself_once_and_only_where_the_person_says_so(
    live, home, store, skill, undo
):
    (home / "config.toml").write_text(f'[apply]\nmode = "auto"\nundo = "{undo}"\n')
    live(RULE, later=False)
    for _ in range(2):
        take_back(home, store)
        live(OPPOSITE)
    rule = "Never cite a magazine when there is a study"
    assert rule in skill.read_text()
    rules = (home / "config.toml").read_text()
    (home / "config.toml").write_text("[apply")
    take_back(home, store)
    assert rule in skill.read_text()
    (home / "config.toml").write_text(rules)
    take_back(home, store)
    assert (rule in skill.read_text()) == (undo == "review")
    if undo == "auto":
        back = history.versions(store, skill)[-1]
        assert (back.kind, back.author) == ("rollback", "skillloop")
        assert f"back to version 1: research: “{rule}” made it worse" in back.note
        leave_notice(home)
        assert "Taken back" in (home / "notice.json").read_text()
        history.rollback(store, skill, only=back.number)
        take_back(home, store)
        assert rule in skill.read_text()


def test_the_same_session_digested_twice_counts_once(live, tmp_path, home, store, skill):
    digest(corrected(skill, RULE).witnessed(home), tmp_path, home, store)
    first = only(store, skill)
    digest(corrected(skill, RULE).witnessed(home), tmp_path, home, store)
    assert only(store, skill) == first


def test_lines_of_the_first_version_are_nobodys_rules_and_a_persons_own_line_is_theirs(live, store, skill):
    live(RULE, later=False)
    skill.write_text(skill.read_text() + "- Say how sure you are.\n")
    live()
    found = list(outcomes.of(store, skill))
    assert [each.version.author for each in found] == ["skillloop", "unknown"]
    assert [bool(each.taught) for each in found] == [True, False]


def test_a_line_that_a_rollback_brings_back_keeps_who_brought_it(live, store, skill):
    live(RULE, later=False)
    history.rollback(store, skill)
    assert list(outcomes.of(store, skill)) == []
    history.rollback(store, skill, to=2)
    assert [each.version.number for each in outcomes.of(store, skill)] == [2]


def test_a_rule_that_came_back_waits_for_the_person_until_they_keep_it_and_again_when_it_comes_back_once_more(
    live, store, skill
):
    live(RULE, later=False)
    live()
    assert list(outcomes.waiting(store)) == []
    for _ in range(2):
        live(RULE)
        (change,) = outcomes.waiting(store)
        assert change.id == "research@2"
        assert change.told.startswith(
            "research: “Never cite a magazine when there is a study”: you said it again"
        )
        assert change.diff.count("\n+- Never cite") == 1
        outcomes.keep(store, change)
        assert list(outcomes.waiting(store)) == []


def test_the_start_of_the_next_session_tells_of_it_and_a_rollback_ends_it(live, home, store, skill):
    live(RULE, later=False)
    live(OPPOSITE)
    live(OPPOSITE)
    leave_notice(home)
    message = json.loads((home / "notice.json").read_text().splitlines()[0])["systemMessage"]
    assert "research: “Never cite a magazine when there is a study” made it worse" in message
    history.rollback(store, skill, only=2)
    leave_notice(home)
    assert "made it worse" not in (home / "notice.json").read_text()


def test_the_chance_is_that_of_the_posterior_and_so_is_the_interval():
    assert Comparison(Rate(0, 0), Rate(0, 0)).lower == pytest.approx(0.5)
    rates = Comparison(Rate(4, 6), Rate(0, 10))
    draw = random.Random(7).betavariate
    drops = [draw(5, 5) - draw(1, 13) for _ in range(20_000)]
    assert rates.lower == pytest.approx(sum(drop > 0 for drop in drops) / len(drops), abs=0.01)
    low, high = rates.drop
    assert sum(low < drop < high for drop in drops) / len(drops) == pytest.approx(0.9, abs=0.03)
