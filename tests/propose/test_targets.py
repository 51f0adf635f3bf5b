"""The file that a lesson is for: the skill that it is about, offered where it was not in force, else a rules file."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from skillloop.model import Evidence, Lesson, Origin, Scope, Session, SkillRef, ToolUse, Turn
from skillloop.propose import targets
from skillloop.propose.targets import KnownSkill

DATA = tomllib.loads((Path(__file__).parents[1] / "data" / "targets.toml").read_text("utf-8"))
KNOWN = [
    KnownSkill(SkillRef(name, f"/work/app/.claude/skills/{name}/SKILL.md"), text.lstrip())
    for name, text in DATA["skills"].items()
]
REFS = {skill.ref.name: skill.ref for skill in KNOWN}
CASES = DATA["case"]
RULES = "/work/app/.claude/rules/learned.md"


def session_of(case):
    """The session of a case, with the turn that teaches at its end."""
    turns, skill = [], None
    for said in (*case["turns"], case["say"]):
        role, text = ("assistant", said[2:]) if said.startswith("> ") else ("human", said)
        launched = re.match(r"/(\S+) ?", text) if role == "human" else None
        tools = tuple(ToolUse(*tool.split(" ", 1)) for tool in re.findall(r"\[(\w+ [^\]]+)\]", text))
        turns.append(
            Turn(len(turns), role, text[launched.end() :] if launched else text, 1, skill=skill, tools=tools)
        )
        skill = REFS[launched[1]] if launched else skill
    used = tuple(dict.fromkeys(turn.skill for turn in turns if turn.skill))
    return Session("s1", "/t/s1.jsonl", tuple(turns), used, cwd=case.get("cwd", "/work/app"))


def aimed(case, known=None):
    known = known or [skill for skill in KNOWN if skill.ref.name not in case.get("without", ())]
    session = session_of(case)
    turn = session.turns[-1]
    said = Evidence("e1", "s1", "/t/s1.jsonl", 1, None, turn.text, Origin.TYPED)
    disagreement = None if case.get("plain") else "e1"
    sure = case.get("confidence", 0.8)
    lesson = Lesson(said, turn.text, 0.5, True, sure, turn.index, turn.skill, disagreement=disagreement)
    return targets.aimed(lesson, session, known)


def right(case):
    return RULES if case["right"] == "rules" else REFS[case["right"]].path


@pytest.mark.parametrize("half", [0, 1])
def test_nine_in_ten_lessons_go_to_the_right_file_in_either_half_of_the_cases(half):
    wrong = [case["say"] for case in CASES[half::2] if aimed(case).target != right(case)]
    assert len(wrong) <= 0.1 * len(CASES[half::2]), wrong


def test_no_lesson_goes_unasked_to_a_skill_that_it_is_not_about():
    wrong = [case["say"] for case in CASES if aimed(case).target != right(case) and not aimed(case).look]
    assert [
        say for say in wrong if aimed(next(c for c in CASES if c["say"] == say)).scope is Scope.SKILL
    ] == []


def test_a_skill_that_was_not_in_force_is_offered_and_never_automatic():
    case = next(case for case in CASES if "ticket number" in case["say"])
    found = aimed(case)
    assert found.target == REFS["commit-style"].path
    assert found.look == ("“commit-style” was used earlier",)
    found = aimed(case | {"turns": ["/pdf read it", "> Read."]})
    assert found.target == REFS["commit-style"].path
    assert found.look == ("“commit-style” was not in force",)


TALK = (
    *("the login page is slow, why?", "> The session lookup has no index. [Edit src/login.js] I added one."),
    *("and add a test for it", "> Added tests/login.test.js, it passes. [Write tests/login.test.js]"),
    *("how much memory does the cache take?", "> 120 MB of the 512 MB that it may take."),
    *("then double the limit of the cache", "> Done, it is 1 GB now. [Edit config/cache.toml]"),
)


@pytest.mark.parametrize("talk", range(2, len(TALK) + 1, 2))
@pytest.mark.parametrize("after", [(), ("/pdf read it", "> Read.")])
@pytest.mark.parametrize(
    "say",
    [
        "the subject line can be 72 characters, not 60",  # contradicts a line
        "Sign off every commit",  # says one again
        "never amend commits that are in a repository",  # is about it
    ],
)
def test_what_is_said_later_of_a_skill_s_line_is_offered_to_it_and_waits(say, after, talk):
    found = aimed({"turns": ["/commit-style commit it", "> Committed.", *after, *TALK[:talk]], "say": say})
    assert (found.target, found.look) == (REFS["commit-style"].path, ("“commit-style” was used earlier",))


def test_what_is_said_later_of_something_else_is_for_the_rules_and_the_skill_that_was_used_is_named():
    found = aimed({"turns": ["/commit-style commit it", "> Committed.", *TALK], "say": "never cache a login"})
    assert (found.target, found.look) == (RULES, ("“commit-style” was used earlier: m moves it there",))


def test_a_skill_in_force_wins_over_one_that_only_shares_words():
    say = "In future, begin with a one-line answer"
    found = aimed({"turns": ["/pdf read it", "> Read."], "say": say, "plain": True})
    assert (found.target, found.look) == (REFS["pdf"].path, ("it may not be about “pdf”",))
    without = aimed({"turns": ["read it", "> Read."], "say": say})
    assert without.look == ("“sql-reports” was not in force",)


@pytest.mark.parametrize("head", ["For release notes, by the way: ", "In the release-notes, please, "])
def test_a_skill_that_the_sentence_names_is_the_target(head):
    turns, rule = ["/api-review look at it", "> Reviewed."], "always link the issue number"
    session = session_of({"turns": turns, "say": f"Thanks. {head}{rule}."})
    said = Evidence("e1", "s1", "/t/s1.jsonl", 1, None, rule, Origin.TYPED)
    turn = session.turns[-1]
    lesson = Lesson(said, rule, 0.5, True, 0.8, turn.index, turn.skill)
    found = targets.aimed(lesson, session, KNOWN)
    assert (found.target, found.look) == (REFS["release-notes"].path, ("“release-notes” was not in force",))
    other = session_of({"turns": turns, "say": f"Done with the release notes. {rule}"})
    assert targets.aimed(lesson, other, KNOWN).target == REFS["api-review"].path


def test_without_a_project_it_is_the_persons_own_rules_file(monkeypatch, tmp_path):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    case = next(case for case in CASES if "never pip" in case["say"])
    found = aimed(case | {"cwd": str(Path.home())})
    assert (found.scope, found.target) == (Scope.PERSON, f"{tmp_path}/rules/learned.md")


def test_the_skill_in_force_is_kept_where_it_is_the_only_one_known():
    case = next(case for case in CASES if "three bullets" in case["say"])
    assert aimed(case, [skill for skill in KNOWN if skill.ref.name == "release-notes"]).target == right(case)


@pytest.mark.parametrize(
    ("before", "say", "confidence", "sure"),
    [
        (["/pdf read it", "> Read."], "no, never use slang", 0.99, False),
        (["/pdf read it", "> Read."], "no, never link a subject", 0.8, True),
        ([], "no, never use slang", 0.99, True),  # it surely corrects the one answer of the one skill
        ([], "never use slang", 0.9, False),
        (
            [],
            "always give a name and a description",
            0.9,
            False,
        ),  # keys of the front matter are no words of a skill
    ],
)
def test_the_skill_in_force_is_asked_about_where_no_word_is_in_common_unless_it_surely_corrects_it(
    before, say, confidence, sure
):
    found = aimed(
        {"turns": [*before, "/commit-style commit it", "> Committed."], "say": say, "confidence": confidence}
    )
    assert found.target == REFS["commit-style"].path
    assert (found.look == ()) == sure


def test_who_says_the_name_of_a_skill_that_was_used_means_it():
    turns = ["/pdf read it", "> Read.", "/commit-style commit it", "> Committed."]
    found = aimed({"turns": turns, "say": "always number the pages of the pdf"})
    assert (found.target, found.look) == (REFS["pdf"].path, ("“pdf” was used earlier",))
    assert aimed({"turns": turns[2:], "say": "never commit a pdf"}).target == REFS["commit-style"].path


def test_what_a_person_wants_in_a_rules_file_goes_there():
    said = {
        "turns": ["/commit-style commit it", "> Committed."],
        "say": "Sign off each commit. Add this to CLAUDE.md",
    }
    assert aimed(said).target == RULES


@pytest.mark.parametrize("cwd", [None, "", ".", "project"])
def test_a_folder_that_is_not_named_whole_is_no_project(cwd):
    assert targets.project_of(Session("s", "/t/s.jsonl", (), cwd=cwd)) is None


def test_what_is_said_of_a_plugin_s_skill_is_for_no_other_of_its_name():
    session = session_of({"turns": ["/pdf read it", "> Read."], "say": "never number the pages of a pdf"})
    plugin = SkillRef("acme:pdf", None)
    turns = tuple(dataclasses.replace(turn, skill=plugin) for turn in session.turns)
    said = Evidence("e1", "s1", "/t/s1.jsonl", 1, None, turns[-1].text, Origin.TYPED)
    lesson = Lesson(said, turns[-1].text, 0.5, True, 0.8, turns[-1].index, plugin, disagreement="e1")
    known = [KnownSkill(plugin, ""), *KNOWN]
    found = targets.aimed(
        lesson, dataclasses.replace(session, turns=turns, skills=(REFS["pdf"], plugin)), known
    )
    assert found.target == RULES
