"""Three-way merge: the same as git where git is clean, and nothing that a person wrote is ever lost."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillloop.skills.merge import Conflict, merge

BASE = b"---\nname: web\n---\n\n# Rules\n\n- one\n- two\n- three\n"


def git_merge(folder, base, mine, other):
    """What `git merge-file` makes of it, or None where it finds a conflict."""
    for name, data in (("base", base), ("mine", mine), ("other", other)):
        (folder / name).write_bytes(data)
    command = ["git", "merge-file", "-p", "-q", "mine", "base", "other"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def merged(base, mine, other):
    try:
        return merge(base, mine, other)
    except Conflict:
        return None


def is_subsequence(part, whole):
    rest = iter(whole)
    return all(line in rest for line in part)


@st.composite
def triples(draw, blank=True):
    """A base, a person's text and another, as lines; each side's own lines say whose they are."""
    count = draw(st.integers(0, 12))
    empty = [""] if blank else []
    base = [
        draw(st.sampled_from([*empty, f"- rule {number}", f"## Part {number}"])) for number in range(count)
    ]
    return base, draw(edited(base, "mine", empty)), draw(edited(base, "other", empty))


@st.composite
def edited(draw, base, whose, empty):
    lines = list(base)
    for number in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["insert", "insert", "delete", "replace"]))
        at = draw(st.integers(0, len(lines)))
        if kind == "insert":
            lines.insert(at, draw(st.sampled_from([*empty, "- both", f"- {whose} {number}"])))
        elif at < len(lines):
            lines[at : at + 1] = [f"{whose} {number}"] if kind == "replace" else []
    return lines


def text(lines, end=True):
    return "".join(line + "\n" for line in lines).encode()[: None if end else -1]


def differs(folder, triple):
    """Whether we do not give git's clean text; a text of our own must still hold what the person did."""
    base, mine, other = map(text, triple)
    ours, theirs = merged(base, mine, other), git_merge(folder, base, mine, other)
    if ours is not None:
        lines = ours.decode().split("\n")
        assert is_subsequence([line for line in triple[1] if "mine" in line], lines)
        assert set(lines) <= {"", *triple[1], *triple[2]}
    return theirs is not None and ours != theirs


@given(triples(blank=False))
@settings(max_examples=150, deadline=None)
def test_without_blank_lines_it_agrees_with_git_to_the_byte(tmp_path_factory, triple):
    assert not differs(tmp_path_factory.getbasetemp(), triple)


@given(triples())
@settings(max_examples=150, deadline=None)
def test_among_blank_lines_every_change_of_the_person_stays(tmp_path_factory, triple):
    differs(tmp_path_factory.getbasetemp(), triple)


@pytest.mark.slow
def test_ten_thousand_merges_and_hardly_ever_another_answer_than_git_gives(tmp_path_factory):
    """Among blank lines a change can stand in several places: then git's reading is one of several as short."""
    odd = []

    @given(triples())
    @settings(max_examples=10_000, deadline=None)
    def compare(triple):
        if differs(tmp_path_factory.getbasetemp(), triple):
            odd.append(triple)

    compare()
    assert len(odd) <= 10


@given(triples())
@settings(max_examples=300, deadline=None)
def test_one_side_alone_is_taken_as_it_is(triple):
    base, mine, _ = map(text, triple)
    assert merge(base, mine, base) == merge(base, base, mine) == merge(base, mine, mine) == mine


def test_changes_at_different_places_are_both_kept():
    mine = BASE.replace(b"- one", b"- one, really")
    assert merge(BASE, mine, BASE + b"- four\n") == mine + b"- four\n"


def test_items_added_by_both_at_the_end_stay_and_the_persons_come_first():
    assert merge(BASE, BASE + b"- mine\n", BASE + b"- other\n") == BASE + b"- mine\n- other\n"


def test_the_same_item_added_by_both_is_there_once():
    assert merge(BASE, BASE + b"- new\n- mine\n", BASE + b"- new\n") == BASE + b"- new\n- mine\n"


def test_prose_added_by_both_at_one_place_is_a_conflict_with_its_line():
    with pytest.raises(Conflict) as caught:
        merge(BASE, BASE + b"Some prose.\n", BASE + b"- other\n")
    assert caught.value.line == 10


def test_the_same_line_changed_by_both_is_a_conflict():
    with pytest.raises(Conflict):
        merge(BASE, BASE.replace(b"two", b"2"), BASE.replace(b"two", b"zwei"))


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_missing_last_newline_is_no_reason_for_a_conflict(end):
    base = BASE.removesuffix(b"\n")
    assert merge(base, base + b"\n- mine" + end, base + b"\n- other\n").startswith(BASE + b"- mine\n- other")


def test_crlf_line_ends_survive():
    base = BASE.replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    mine = base.replace(b"- one", b"- 1")
    assert merge(base, mine, base + b"\r\n- four\r\n") == mine + b"\r\n- four\r\n"


def test_bytes_that_are_not_utf8_pass_through():
    base = b"\xef\xbb\xbf\xff\xfe\n- a\n- b\n"
    assert merge(base, base + b"\x80 mine\n", b"- new\n" + base) == b"- new\n" + base + b"\x80 mine\n"
