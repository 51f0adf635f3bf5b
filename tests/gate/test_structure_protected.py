"""What the person protects stays byte for byte; lines with safety words are a person's to change."""

import time

import pytest
from helpers.gate import AUTO, SKILL, deleted, failed, insert, replaced
from hypothesis import given
from hypothesis import strategies as st

from skillloop.config.sections import Config, Protect
from skillloop.gate import structure
from skillloop.gate.input import GateInput
from skillloop.model import Rule

NESTED = SKILL.replace("- Cite", "### Inner\n\n- Inner rule.\n\n## Sources of old\n\n- Cite")


def findings(text, base=SKILL, **protect):
    config = Config(protect=Protect(**protect))
    checks = structure.protected(None, GateInput(base=base, text=text, config=config))
    return {check.name + "!" * check.hard for check in checks if not check.passed}


@pytest.mark.parametrize("heading", ["Sources", "sources", "## Sources", " SOURCES "])
def test_a_protected_section_does_not_change(heading):
    assert findings(SKILL + "- Cite blogs too.\n", headings=(heading,)) == {"headings!"}
    assert findings(SKILL.replace("- Put the unit", "- Put a unit"), headings=(heading,)) == set()


def test_subsections_of_a_protected_section_are_protected():
    base = SKILL + "\n### Inner\n\n- Inner rule.\n\n## After\n\n- Free.\n"
    assert findings(base.replace("Inner rule", "Other rule"), base, headings=("Sources",)) == {"headings!"}
    assert findings(base.replace("Free", "Freer"), base, headings=("Sources",)) == set()


def test_a_heading_that_would_split_a_protected_section_is_refused():
    text = SKILL.replace("- Cite", "## Other\n\n- Cite")
    assert findings(text, headings=("Sources",)) == {"headings!"}


@pytest.mark.parametrize("close", ["<!-- /skillloop:lock -->", "<!--/skillloop:lock-->", ""])
def test_a_locked_region_does_not_change(close):
    base = SKILL.replace("- Put", "<!-- skillloop:lock -->\n- Put").replace(
        "header.\n", f"header.\n{close}\n"
    )
    assert findings(base.replace("the unit", "no unit"), base) == {"locked!"}
    assert findings(base.replace("Use tabs", "Use wide tabs"), base) == set()


def test_a_lock_that_is_not_closed_goes_to_the_end():
    base = SKILL.replace("- Put", "<!-- skillloop:lock -->\n- Put")
    assert findings(base + "- More.\n", base) == {"locked!"}


def test_nested_locks_end_with_the_outer_one():
    lock, end = "<!-- skillloop:lock -->", "<!-- /skillloop:lock -->"
    base = SKILL + f"{lock}\na\n{lock}\nb\n{end}\nc\n{end}\nd\n"
    assert findings(base.replace("\nc\n", "\nC\n"), base) == {"locked!"}
    assert findings(base.replace("\nd\n", "\nD\n"), base) == set()


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        ("must_keep", "never print"),
        ("must_keep", "never*name"),
        ("must_keep", "?ever print"),
        ("lines", "Never print a customer's name."),
        ("lines", "- Never print a customer's name."),
    ],
)
def test_a_line_that_must_stay_stays(key, entry):
    gone = SKILL.replace("- Never print a customer's name.\n", "")
    assert "must keep!" in findings(gone, **{key: (entry,)})
    assert "must keep!" in findings(
        SKILL.replace("customer's", "customers"), **{key: ("Never print a customer's name.",)}
    )
    assert "must keep!" not in findings(SKILL + "- More.\n", **{key: (entry,)})


def test_lines_that_must_stay_keep_their_order():
    base = SKILL + "- Rule A.\n- Rule B.\n"
    swapped = SKILL + "- Rule B.\n- Rule A.\n"
    assert "must keep!" in findings(swapped, base, must_keep=("rule ?.",))


def test_the_rule_that_decides_is_named():
    rule = Rule('protect.must_keep = ["never"]', "/p/skillloop.toml", 4)
    config = Config(protect=Protect(must_keep=("never",)), rules={("protect.must_keep", "never"): rule})
    inputs = GateInput(base=SKILL, text=SKILL.replace("- Never", "- Always"), config=config)
    [found] = [check for check in structure.protected(None, inputs) if check.name == "must keep"]
    assert found.rule == rule


@pytest.mark.parametrize(
    "line",
    [
        "- Never push to main.",
        "- You must run the tests.",
        "- Do not mail customers.",
        "- Check the security headers.",
        "- Ask before deleting.",
        "- No subas secretos.",
        "- Niemals ohne Prüfung mergen.",
        "- Ne jamais pousser sur main.",
        "- Nunca envie e-mails.",
        "- Никогда не удаляй данные.",
        "- 禁止直接推送。",
        "- 絶対にプッシュしない。",
    ],
)
def test_a_line_with_a_safety_word_is_a_persons_to_change(line):
    base = SKILL.replace("- Use tabs to align columns.", line)
    assert failed(structure.protected, "drop it", deleted(line), base=base) == {"safety lines"}
    assert failed(structure.protected, "drop it", replaced(line, "- Do as you like."), base=base) == {
        "safety lines"
    }


def test_moving_a_safety_line_counts_as_removing_it():
    moved = SKILL.replace("- Never print a customer's name.\n", "") + "- Never print a customer's name.\n"
    assert findings(moved) == {"safety lines"}


def test_a_line_without_safety_words_may_be_replaced():
    edit = replaced("- Put the unit in the header.", "- Put the unit in each cell.")
    assert failed(structure.protected, "x", edit) == set()
    assert failed(structure.protected, "x", insert("Never skip a row")) == set()


@given(
    st.lists(
        st.sampled_from([*SKILL.splitlines(keepends=True), "- new\n", "## Sources\n", "\n"]), max_size=25
    )
)
def test_whatever_the_text_a_protected_section_is_the_same_or_refused(lines):
    text = "---\nname: x\n---\n" + "".join(line for line in lines if line != "---\n")
    section = "## Sources\n\n- Cite the data warehouse first.\n"
    if findings(text, headings=("Sources",)).isdisjoint({"headings!"}):
        assert section in text


@pytest.mark.parametrize("pattern", ["*a*a*a*a*b", "?" * 50, "*" * 30 + "x", "[a-z]*[a-z]*[!a]"])
def test_no_pattern_of_a_person_makes_the_gate_slow(pattern):
    base = SKILL + "a" * 200_000 + "\n"
    start = time.process_time()
    findings(SKILL, base, must_keep=(pattern,))
    assert time.process_time() - start < 2


def test_the_defaults_protect_nothing_by_name():
    assert AUTO.protect == Protect()


def test_a_section_behind_the_last_protected_one_leaves_it_as_it_is():
    base = SKILL.rstrip("\n") + "\n\n## Tone\n\n- Speak plainly.\n"
    assert findings(base + "\n## Learned rules\n\n- Give the year.\n", base, headings=("Tone",)) == set()
    assert findings(base + "- Give the year.\n", base, headings=("Tone",)) == {"headings!"}
