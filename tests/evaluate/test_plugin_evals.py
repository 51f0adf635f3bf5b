"""The cases of `claude plugin eval`: each shape read, each written one read back, and the YAML that they are in."""

import tempfile
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skillloop.evaluate import cases
from skillloop.evaluate.cases import Case, Expected, Message


@pytest.fixture
def skill(tmp_path):
    def write(files):
        for name, text in files.items():
            path = tmp_path / "evals" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(tmp_path / "SKILL.md")

    return write


PROMPT = "---\nmax_turns: 10\nallowed_tools: [Read, Glob]\n---\n\nGreet Bob\n"
WHOLE = r"""
schema_version: "1.1"
name: greeting
tags: [short, 'polite']
execution:
  max_turns: 5   # enough
  prompt: |
    Greet Bob
    in one line
graders:
  - name: polite
    type: llm
    criteria: >-
      The answer greets Bob
      in one line.
  - name: no-hello
    type: regex
    pattern: 'Hello\b'
    match: not_contains
  - type: tool_used
    name: reads
    tool: Read
"""


@pytest.mark.parametrize(
    ("files", "asked", "expected"),
    [
        (
            {
                "a/prompt.md": PROMPT,
                "a/graders/criteria.md": "---\ntype: llm\nweight: 1\n---\n\nIt names Bob.\n",
            },
            "Greet Bob",
            Expected(rubric="It names Bob."),
        ),
        (
            {
                "a/prompt.md": "Greet Bob",
                "a/graders/c.md": '---\ntype: llm\ncriteria: "It names Bob: once"\n---\n',
            },
            "Greet Bob",
            Expected(rubric="It names Bob: once"),
        ),
        (
            {
                "group/a/prompt.md": PROMPT,
                "group/a/graders/bob.md": "---\ntype: regex\npattern: Bob\\.\nflags: i\n---\n",
                "group/a/graders/jane.md": "---\ntype: regex\npattern: \\bJane\\b\nmatch: not_contains\n---\n",
            },
            "Greet Bob",
            Expected(contains=("Bob.",), absent=("Jane",)),
        ),
        (
            {"a/case.yaml": WHOLE},
            "Greet Bob\nin one line",
            Expected(
                rubric="The answer greets Bob in one line.\n"
                "The answer does not match the regular expression Hello\\b"
            ),
        ),
        (
            {
                "a/case.yaml": "execution:\n  prompt: Another\ngraders:\n- type: regex\n  pattern: 'Bo+b'\n",
                "a/prompt.md": PROMPT,
            },
            "Greet Bob",
            Expected(rubric="The answer matches the regular expression Bo+b"),
        ),
    ],
    ids=["as init writes it", "criteria in front", "literal patterns", "one file", "prompt.md wins"],
)
def test_each_shape_is_a_case(skill, files, asked, expected):
    (found,), _ = cases.plugin_evals(skill(files))
    assert (found.situation, found.expected) == ((Message("human", asked),), expected)
    assert found.session_id.startswith("evals:")


def test_what_a_replay_cannot_ask_is_said_and_costs_only_itself(skill, tmp_path):
    llm = "---\ntype: llm\n---\nIt names Bob.\n"
    (tmp_path.parent / "elsewhere.md").write_text("Greet Bob")
    files = {
        "a/case.yaml": WHOLE,
        "no prompt/case.yaml": "name: x\n",
        "only tools/prompt.md": PROMPT,
        "only tools/graders/x.md": "---\ntype: tool_order\nbefore: Read\nafter: Edit\n---\n",
        "broken/case.yaml": "graders:\n  - [\n  what\n",
        "results/now/prompt.md": PROMPT,
        "linked/graders/x.md": llm,
    }
    path = skill(files)
    (tmp_path / "evals/linked/prompt.md").symlink_to(tmp_path.parent / "elsewhere.md")
    (found,), troubles = cases.plugin_evals(path)
    assert found.session_id == "evals:a"
    said = {trouble.split("/evals/")[1].split(": ")[0]: trouble for trouble in troubles}
    assert "the grader reads needs tools" in said["a"]
    assert "no prompt" in said["no prompt"]
    assert "does not say what is expected" in said["only tools"]
    assert "lies outside" in said["linked"]
    assert set(said) == {"a", "no prompt", "only tools", "broken", "linked"}


def test_both_formats_of_one_skill_are_brought(skill):
    path = skill(
        {
            "evals.json": '[{"prompt": "Greet Ann", "expectations": ["It names Ann"]}]',
            "a/prompt.md": PROMPT,
            "a/graders/x.md": "---\ntype: llm\n---\nIt names Bob.\n",
        }
    )
    found, troubles = cases.brought(path)
    assert ([case.situation[0].text for case in found], troubles) == (["Greet Ann", "Greet Bob"], [])


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], include_characters=" "), min_size=1
)
plain = texts.map(str.strip).filter(bool)


@given(st.tuples(plain), st.tuples(plain), st.tuples(plain))
@example((r"a\b",), (r"\\b",), (r"\b",))
def test_what_is_written_is_read_as_it_was(contains, absent, commands):
    with tempfile.TemporaryDirectory() as folder:
        expected = Expected(contains, absent, commands)
        one = Case("c1", "SKILL.md", "s1", (Message("human", "Greet Bob"),), "", expected)
        cases.write([one], Path(folder, "evals"))
        (found,), troubles = cases.plugin_evals(f"{folder}/SKILL.md")
        assert (found.expected, found.situation, troubles) == (expected, one.situation, [])


def test_a_rubric_and_earlier_turns_are_written_for_a_reader(tmp_path):
    situation = (Message("human", "Hi"), Message("assistant", "Hello"), Message("human", "Greet Bob"))
    one = Case("c1", "SKILL.md", "s1", situation, "", Expected(rubric="It names Bob."))
    cases.write([one], tmp_path / "evals")
    assert (
        (tmp_path / "evals/c1/prompt.md")
        .read_text()
        .endswith("human said before: Hi\n\nassistant said before: Hello\n\nGreet Bob\n")
    )
    (found,), _ = cases.plugin_evals(str(tmp_path / "SKILL.md"))
    assert found.expected == one.expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb:\n  c: x # remark\n", {"a": "1", "b": {"c": "x"}}),
        ("a:\n- x\n- y: 1\n  z: 'it''s'\n", {"a": ["x", {"y": "1", "z": "it's"}]}),
        (
            "a: |\n  one\n\n    two\nb: >\n  one\n  two\n\n  three\n",
            {"a": "one\n\n  two\n", "b": "one two\nthree\n"},
        ),
        ('a: "x \\u00e9: # no remark"\nb: one\n  two\n', {"a": "x é: # no remark", "b": "one two"}),
        ("a: https://x.example/#top\nb: []\n", {"a": "https://x.example/#top", "b": []}),
    ],
)
def test_every_scalar_of_yaml_is_text(text, value):
    assert cases._mapping(text) == value


@pytest.mark.parametrize(
    "text",
    ["a: " + "[" * 50_000, "a: &x [1]\nb: &y [" + "*x, " * 20_000, "{" * 3000, "a: b: c\n", "? [x]\n: y\n"],
    ids=["deep", "aliases", "open", "two keys", "a list as key"],
)
def test_what_is_no_yaml_costs_a_sentence(skill, text):
    start = time.monotonic()
    assert cases.plugin_evals(skill({"a/case.yaml": text}))[0] == []
    assert time.monotonic() - start < 5


def test_what_aliases_blow_up_is_no_text(skill):
    bomb = "a: &a x\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghijklmn")
    )
    path = skill(
        {
            "a/case.yaml": f"{bomb}prompt: Greet\ngraders:\n- {{type: regex, pattern: *n}}\n",
            "a/prompt.md": PROMPT,
        }
    )
    assert "replay" in cases.plugin_evals(path)[1][0]
