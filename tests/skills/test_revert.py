"""Taking one change out of a text that was edited since: nothing a person wrote is ever lost, and nothing is guessed."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillloop.skills.history import revert

BASE = b"---\nname: web\n---\n\n# Rules\n\n- one\n- two\n- three\n"


def git_merge(folder, before, after, data):
    """What `git merge-file` makes of it, or None where it finds a conflict."""
    for name, text in (("after", after), ("data", data), ("before", before)):
        (folder / name).write_bytes(text)
    command = ["git", "merge-file", "-p", "-q", "data", "after", "before"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


@st.composite
def edited(draw, base, whose):
    lines = list(base)
    for number in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["insert", "insert", "delete", "replace"]))
        at = draw(st.integers(0, len(lines)))
        if kind == "insert":
            lines.insert(at, draw(st.sampled_from(["", "- both", f"- {whose} {number}"])))
        elif at < len(lines):
            lines[at : at + 1] = [f"{whose} {number}"] if kind == "replace" else []
    return lines


@st.composite
def triples(draw):
    """A text, the same with a change, and what a person made of that; each side's own lines say whose they are."""
    before = [
        draw(st.sampled_from(["", f"- rule {number}", f"## Part {number}"]))
        for number in range(draw(st.integers(0, 12)))
    ]
    after = draw(edited(before, "change"))
    return before, after, draw(edited(after, "mine"))


def text(lines):
    return "".join(line + "\n" for line in lines).encode()


def is_subsequence(part, whole):
    rest = iter(whole)
    return all(line in rest for line in part)


def holds_what_the_person_did(before, after, mine):
    """Revert, and check what must hold whenever there is an answer; the answer."""
    ours, line = revert(text(before), text(after), text(mine))
    if ours is None:
        assert 1 <= line <= len(after) + 1
        return None
    lines = ours.decode().split("\n")
    assert is_subsequence([each for each in mine if "mine" in each], lines)
    assert not [each for each in lines if "change" in each]
    assert set(lines) <= {"", *before, *mine}
    return ours


@given(triples())
@settings(max_examples=300, deadline=None)
def test_every_change_of_the_person_stays_and_the_other_is_gone(triple):
    before, after, mine = triple
    holds_what_the_person_did(before, after, mine)
    assert revert(text(before), text(after), text(after)) == (text(before), 0)


@pytest.mark.slow
def test_ten_thousand_texts_against_git(tmp_path_factory, record_property):
    """Git also takes out a block whose neighbours the person changed, and guesses among equal lines; we ask then."""
    count = dict.fromkeys(("same", "differs", "we ask", "git asks", "both ask"), 0)

    @given(triples())
    @settings(max_examples=10_000, deadline=None)
    def compare(triple):
        ours = holds_what_the_person_did(*triple)
        theirs = git_merge(tmp_path_factory.getbasetemp(), *map(text, triple))
        if ours is None or theirs is None:
            count["both ask" if ours == theirs else "we ask" if ours is None else "git asks"] += 1
        else:
            count["same" if ours == theirs else "differs"] += 1

    compare()
    record_property("revert", str(count))
    assert count["differs"] < 0.02 * count["same"]
    assert count["we ask"] < 0.1 * count["same"]


def test_the_lines_of_a_change_are_found_where_they_moved():
    after = BASE + b"- four\n"
    assert revert(BASE, after, b"# New\n\n" + after) == (b"# New\n\n" + BASE, 0)
    assert revert(BASE, after, after.replace(b"- one\n", b"").replace(b"# Rules", b"# Laws"))[
        0
    ] == BASE.replace(b"- one\n", b"").replace(b"# Rules", b"# Laws")


def test_of_two_equal_lines_the_one_at_its_place_is_taken():
    assert (
        revert(BASE, BASE + b"- four\n", BASE + b"- four\n- five\n- four\n")[0] == BASE + b"- five\n- four\n"
    )


def test_two_equal_places_are_a_persons_to_decide():
    text = b"- a\n- b\n"
    assert revert(text, b"- a\n- new\n- b\n", b"- a\n- new\n- b\n- a\n- new\n- b\n") == (None, 2)


def test_a_changed_line_is_a_persons_to_decide():
    assert revert(BASE, BASE.replace(b"two", b"2"), BASE.replace(b"two", b"zwei")) == (None, 8)


def test_a_line_that_was_taken_away_comes_back_between_its_neighbours():
    assert revert(BASE, BASE.replace(b"- two\n", b""), b"x\n" + BASE.replace(b"- two\n", b"")) == (
        b"x\n" + BASE,
        0,
    )


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_missing_last_newline_is_no_obstacle(end):
    base = BASE.removesuffix(b"\n")
    assert revert(base, base + b"\n- four\n", base + b"\n- four\n- mine" + end) == (BASE + b"- mine" + end, 0)


def test_crlf_line_ends_and_bytes_that_are_not_utf8_pass_through():
    base = BASE.replace(b"\n", b"\r\n") + b"\xff\xfe\r\n"
    assert (
        revert(base, base + b"- four\r\n", b"\x80 mine\r\n" + base + b"- four\r\n")[0]
        == b"\x80 mine\r\n" + base
    )
