"""Cases: what a disagreement lets code check, what the situation is, a skill's own evals, and the split."""

import json

import pytest
from helpers.models import case
from helpers.sessions import RULE, corrected
from hypothesis import given
from hypothesis import strategies as st
from transcripts import SKILL

from skillloop.evaluate import cases
from skillloop.evaluate.cases import Case, Expected, Message
from skillloop.hosts.claude_code import transcript
from skillloop.pipeline import session
from skillloop.store import Corrupt, Store


@pytest.mark.parametrize(
    ("lesson", "expected"),
    [
        ("Always end with `Sources:`.", Expected(contains=("Sources:",))),
        ("Never use `rm -rf`.", Expected(absent=("rm -rf",))),
        ("Use `pnpm` instead of `npm`.", Expected(contains=("pnpm",), absent=("npm",))),
        ("Usa `pnpm` ao invés de `npm`.", Expected(contains=("pnpm",), absent=("npm",))),
        ("Führe `make test` aus, bevor du fertig bist.", Expected(commands=("make test",))),
        ("Run `make test` before you finish.", Expected(commands=("make test",))),
        (
            "Don't write “basically”; write “in short”.",
            Expected(contains=("in short",), absent=("basically",)),
        ),
        ("Nunca uses `sudo`.", Expected(absent=("sudo",))),
        ("Never cite a magazine.", Expected(rubric="Never cite a magazine.")),
        ("Use `uv pip` instead of `pip`.", Expected(rubric="Use `uv pip` instead of `pip`.")),
    ],
)
def test_what_a_lesson_lets_code_check(lesson, expected):
    assert cases.expected(lesson) == expected


@pytest.mark.parametrize(
    ("expected", "answer", "commands", "met"),
    [
        (Expected(contains=("Sources:",)), "… sources: a, b", (), True),
        (Expected(contains=("Sources:",)), "none", (), False),
        (Expected(absent=("npm",)), "use pnpm", ("pnpm i",), True),
        (Expected(absent=("npm",)), "fine", ("npm i",), False),
        (Expected(commands=("make test",)), "I ran make test", (), False),
        (Expected(commands=("make test",)), "", ("make test -j2",), True),
        (Expected(contains=("a(b",), absent=("(c)+",)), "a(b", (), True),
    ],
)
def test_code_tells_whether_an_answer_meets_it(expected, answer, commands, met):
    assert expected.met(answer, commands) is met


def test_a_lesson_is_a_case_whose_situation_ends_before_the_wrong_answer(tmp_path):
    read = transcript.read(
        corrected(tmp_path / "skills" / "research" / "SKILL.md", RULE).write(tmp_path / "t" / "s.jsonl")
    )
    (found,) = [lesson for lesson in session.study(read)[1] if lesson.offered]
    case = cases.from_lesson(read, found)
    assert case.situation == (Message("human", "How much sleep do adults need? Look it up."),)
    assert case.wrong == RULE
    assert "magazine" in case.expected.rubric
    assert (case.id, case.session_id) == (found.id, read.session_id)


def test_every_digested_disagreement_is_a_case_in_the_store_also_offline(tmp_path, home):
    skill = tmp_path / ".claude" / "skills" / "research" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text(SKILL)
    read = transcript.read(corrected(skill, RULE).write(tmp_path / "t" / "s.jsonl"))
    with Store.open(home) as store:
        result = session.digest(read, home, store)
        session.digest(read, home, store)
        assert [case.id for case in store.evaluations.cases(skill, Case)] == [
            item.id for item in result.disagreements
        ]


def test_a_stored_case_that_was_changed_is_an_error(home):
    import sqlite3

    with Store.open(home) as store:
        store.evaluations.save_case("c1", "/nowhere/skills/x/SKILL.md", "s", case("s"))
    with sqlite3.connect(home / "skillloop.db") as database:
        database.execute("UPDATE cases SET data = replace(data, 'must', 'need')")
    database.close()
    with Store.open(home) as store, pytest.raises(Corrupt):
        store.evaluations.cases("/nowhere/skills/x/SKILL.md", Case)


@pytest.fixture
def evals(tmp_path):
    def write(text):
        path = tmp_path / "evals" / "evals.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        return str(tmp_path / "SKILL.md")

    return write


ASKED = {"prompt": "Greet Bob", "expectations": ["It names Bob"]}


@pytest.mark.parametrize(
    ("document", "rubric", "name"),
    [
        ({"skill_name": "greeter", "evals": [ASKED | {"id": 7, "files": []}]}, "It names Bob", "evals:7"),
        ({"evals": [ASKED | {"id": 1, "expected_output": "A line"}]}, "A line\nIt names Bob", "evals:1"),
        ([ASKED], "It names Bob", "evals:1"),
        ({"evals": [{"prompt": "Greet Bob", "assertions": ["a", "b"]}]}, "a\nb", "evals:1"),
        ({"evals": [{"prompt": "Greet Bob", "expected_output": "A line"}]}, "A line", "evals:1"),
        (
            [{"prompt": "Greet Bob", "assertions": [{"id": "a1", "description": "It is short"}]}],
            "It is short",
            "evals:1",
        ),
        ([{"prompt": "Greet Bob", "expectations": "It names Bob"}], "It names Bob", "evals:1"),
        (
            [
                ASKED
                | {
                    "expectations": [
                        {"name": "n", "description": "d"},
                        {"id": 3, "text": "t"},
                        {"name": "only"},
                    ]
                }
            ],
            "d\nt\nonly",
            "evals:1",
        ),
    ],
)
def test_a_skill_s_own_evals_are_cases_in_every_shape_that_is_about(evals, document, rubric, name):
    (found,), troubles = cases.evals(evals(document))
    assert troubles == []
    assert found.situation == (Message("human", "Greet Bob"),)
    assert (found.expected, found.session_id) == (Expected(rubric=rubric), name)


def test_one_item_that_is_none_costs_only_itself(evals):
    path = evals([1, ASKED, {"prompt": "x"}, {"expectations": ["y"]}, ASKED | {"files": ["gone.txt"]}])
    (found,), troubles = cases.evals(path)
    assert found.situation == (Message("human", "Greet Bob"),)
    reasons = ["no prompt", "it does not say what is expected", "no prompt", "its file gone.txt is not there"]
    assert [trouble.split("evals.json: ")[1] for trouble in troubles] == [
        f"eval {number}: {why}" for number, why in zip((1, 3, 4, 5), reasons, strict=True)
    ]


def test_a_small_text_file_is_part_of_the_situation_and_no_other_is(evals, tmp_path):
    path = evals(
        [ASKED | {"files": [name]} for name in ("evals/in.csv", "in.csv", "big", "bin", "../out.txt")]
    )
    (tmp_path.parent / "out.txt").write_text("outside")
    for name, data in (("in.csv", b"a,b\n"), ("big", b"x" * 9_000), ("bin", b"\0")):
        (tmp_path / "evals" / name).write_bytes(data)
    found, troubles = cases.evals(path)
    assert [case.situation[0].text for case in found] == ["evals/in.csv:\na,b", "in.csv:\na,b"]
    assert len(troubles) == 3


@pytest.mark.parametrize("text", ["", "{}", '{"evals": null}', "[" * 9999, "3"])
def test_evals_in_another_form_are_said_to_be_so(evals, text):
    found, (trouble,) = cases.evals(evals(text))
    assert found == []
    assert "evals.json: " in trouble


def test_without_evals_there_are_none(tmp_path):
    assert cases.evals(str(tmp_path / "SKILL.md")) == ([], [])


@given(st.lists(st.sampled_from([f"session-{n}" for n in range(30)]), min_size=1, max_size=60))
def test_no_session_is_ever_on_both_sides_and_the_own_one_is_never_held_out(sessions):
    everything = [case(session_id, number) for number, session_id in enumerate(sessions)]
    chosen, hidden = cases.split(everything, everything[0])
    assert not {item.session_id for item in chosen} & {item.session_id for item in hidden}
    assert everything[0].session_id not in {item.session_id for item in hidden}
    assert len(chosen) + len(hidden) == len(everything) - 1


def test_about_a_third_of_the_sessions_is_held_out_for_ever():
    share = sum(cases.held_out(case(f"session-{n}")) for n in range(3000)) / 3000
    assert 0.3 < share < 0.37


def test_evals_that_are_a_link_out_of_the_skill_are_not_read(tmp_path):
    (tmp_path / "private.json").write_text('[{"prompt": "Greet Bob", "expectations": ["It names Bob"]}]')
    (tmp_path / "greet" / "evals").mkdir(parents=True)
    (tmp_path / "greet" / "evals" / "evals.json").symlink_to(tmp_path / "private.json")
    found, (trouble,) = cases.evals(str(tmp_path / "greet" / "SKILL.md"))
    assert (found, "lies outside" in trouble) == ([], True)
