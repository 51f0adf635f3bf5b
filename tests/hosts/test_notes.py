"""Claude Code's feedback notes, in the shapes of both generations, each with the turn that it answers."""

import pytest
from transcripts import Transcript

from skillloop.hosts.claude_code import edits
from skillloop.hosts.claude_code.edits import Note
from skillloop.hosts.claude_code.transcript import read

SAID = "stop using pip here, we have uv for that"
RULE = "Use uv for every Python package, not pip."
OLD = f"""---
name: Use uv
description: uv, not the team's pip, for packages
type: feedback
---

{RULE} It is faster.

**Why:** The person corrected a pip call.
**How to apply:** In every project.
"""
NEW = f"""---
name: use-uv
description: "uv, not the team's pip, for packages"
metadata:
  node_type: memory
  type: feedback
  originSessionId: 5e55104e-0000-4000-8000-000000000001
  modified: 2026-11-01T10:00:00.000Z
---

# Packages

{RULE} It is faster.

**Why:** The person corrected a pip call.
"""
WORDINGS = (f"{RULE} It is faster.", RULE, "uv, not the team's pip, for packages")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / ".claude" / "projects" / "-p" / "memory"
    path.mkdir(parents=True)
    return path


def said(*after, version="2.1.332"):
    talk = Transcript(version=version).typed("Install requests").says("pip install requests").typed(SAID)
    for text in after:
        talk.says("Ok.").typed(text)
    return talk.says("Noted.")


def found(talk, folder):
    return edits.notes(read(talk.write(folder.parent / "5e55104e-0000-4000-8000-000000000001.jsonl")))


@pytest.mark.parametrize(("text", "version"), [(OLD, "2.1.101"), (NEW, "2.1.332")])
def test_a_written_note_answers_the_turn_before_the_call(folder, text, version):
    talk = said(version=version).tool("Write", file_path=str(folder / "use_uv.md"), content=text)
    talk.tool("Write", file_path=str(folder / "MEMORY.md"), content=f"- [uv](use_uv.md)\n{text}")
    assert found(talk.says("Done."), folder) == [Note("use_uv.md", WORDINGS, 2)]


def test_it_answers_the_turn_that_speaks_of_it_where_the_last_one_does_not(folder):
    path = str(folder / "use_uv.md")
    for last, index in (("ok go on", 2), ("not that, the tests", 2), ("use uv I said", 4)):
        assert (
            found(said(last).tool("Write", file_path=path, content=NEW).says("Done."), folder)[0].turn
            == index
        )
    talk = said("ok", "fine", "and now the tests").tool("Write", file_path=path, content=NEW).says("Done.")
    assert found(talk, folder)[0].turn == 8, "the last one, where none of the last three speaks of it"


def test_an_edit_makes_it_anew_and_the_last_text_for_a_turn_counts(folder):
    path = str(folder / "use_uv.md")
    talk = said().tool("Write", file_path=path, content=NEW)
    talk.tool("Edit", file_path=path, old_string=RULE, new_string="Use uv for packages.").says("Done.")
    (note,) = found(talk, folder)
    assert note.wordings[1] == "Use uv for packages."
    (folder / "old.md").write_text(NEW)
    talk.tool("Edit", file_path=str(folder / "old.md"), old_string=RULE, new_string="Take uv.").says("Done.")
    assert [each.wordings[1] for each in found(talk, folder)] == ["Use uv for packages.", "Take uv."]


def test_a_note_that_an_edit_emptied_is_none(folder):
    (folder / "use_uv.md").write_text(NEW)
    talk = (
        said().tool("Edit", file_path=str(folder / "use_uv.md"), old_string=NEW, new_string="").says("Done.")
    )
    assert found(talk, folder) == []


def test_a_note_in_the_folder_belongs_to_the_session_that_it_names(folder):
    (folder / "use_uv.md").write_text(NEW)
    (folder / "elsewhere.md").write_text(NEW.replace("5e55104e-", "77777777-"))
    (folder / "from-nowhere.md").write_text(
        NEW.replace(RULE + " It is faster", "Rebase branches").replace(
            "uv, not the team's pip, for packages", "rebasing"
        )
    )
    (folder / "broken.md").write_bytes(b"---\ntype: feedback\n\xff")
    (folder / "a-folder.md").mkdir()
    assert [(note.name, note.turn) for note in found(said("go on"), folder)] == [
        ("from-nowhere.md", None),
        ("use_uv.md", 2),
    ]


def test_a_session_in_a_subfolder_notes_beside_the_repository_s_sessions(folder):
    (folder / "use_uv.md").write_text(NEW)
    below = folder.parent.with_name("-p-my-pkg") / "memory"
    assert [note.name for note in found(said("go on"), below)] == ["use_uv.md"]
    assert found(said("go on"), folder.parent.with_name("-pkg") / "memory") == []


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("two", "", "one\n“three” two\n"),
        ('"three"', "3", "one\ntwo\n3 two\n"),
        ("four", "4", None),
    ],
)
def test_an_edit_is_what_the_client_makes_of_the_file(old, new, text):
    assert edits.edited("one\ntwo\n“three” two\n", old, new) == text
    both = {"two": "one\n“three” "}.get(old)
    assert both is None or edits.edited("one\ntwo\n“three” two\n", old, new, everywhere=True) == both


def test_no_note_is_what_is_of_another_type_or_place_or_was_refused_or_failed(folder):
    path = str(folder / "use_uv.md")
    talk = said().tool("Write", file_path=path, content=NEW.replace("type: feedback", "type: project"))
    talk.tool("Write", file_path="/home/ana/docs/memory/use_uv.md", content=NEW)
    talk.tool("Write", file_path=str(folder / "b.md"), content=NEW).denied("no, do not note that")
    talk.tool("Write", file_path=str(folder / "c.md"), content=NEW).result("disk full", failed=True)
    talk.tool(
        "Write", file_path=str(folder / "d.md"), content="---\ntype: feedback\n---\n\n# A title\n"
    ).says("Done.")
    assert found(talk, folder) == []


def test_a_note_before_anybody_spoke_has_no_turn(folder):
    talk = Transcript().says("Hello.").tool("Write", file_path=str(folder / "use_uv.md"), content=NEW)
    assert [note.turn for note in found(talk.typed("hi").says("Hi."), folder)] == [None]
