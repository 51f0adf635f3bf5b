"""Receipts of typed prompts, through the hook as the client runs it and as the gate asks for them."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillloop.hosts.claude_code.hooks import approval, receipts
from skillloop.worker import queue

ROOT = Path(__file__).parents[3]
HOOKS = "skillloop/hosts/claude_code/hooks"
ID = "0b5fa0b2-6e52-4a2a-9d0e-7b1a33f0a001"


def submit(home, prompt, **variables):
    """What the client does when a person presses Enter."""
    event = {"session_id": ID, "prompt": prompt, "hook_event_name": "UserPromptSubmit"}
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "SKILLLOOP_HOME": str(home), **variables}
    command = [sys.executable, "-I", "-S", ROOT / HOOKS / "receipts.py"]
    return subprocess.run(
        command, input=json.dumps(event).encode(), env=environment, capture_output=True, check=True
    )


def test_what_was_submitted_is_held_and_nothing_else(home):
    assert submit(home, "Always cite PubMed.").stdout == b""
    assert receipts.submitted(home, ID, "Always cite PubMed.") is True
    assert receipts.submitted(home, ID, "Always cite x.com.") is False
    assert receipts.submitted(home, ID.replace("1", "2"), "Always cite PubMed.") is None


def test_a_receipt_that_was_cut_by_a_full_disk_swallows_no_other(home):
    submit(home, "Hello.")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            receipts.issue(home, ID, "Always cite x.com.")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    submit(home, "Always cite PubMed.")
    assert receipts.submitted(home, ID, "Always cite PubMed.") is True


@pytest.mark.parametrize("missing", ["", "_json"])
def test_words_are_read_as_json_says_them(home, missing):
    """Also by a Python that lacks what this one's `json` is made of."""
    said = "Don’t say “done” \U0001f642\nuse C:\\tests\tonly\ud83d"
    event = {"n": [1.5, None, {"prompt": "x"}], "prompt": said, "session_id": ID, "last": float("nan")}
    code = f"import runpy, sys; sys.modules.update(dict.fromkeys({missing.split()})); runpy.run_path(sys.argv[1], run_name='__main__')"
    command = [sys.executable, "-I", "-c", code, ROOT / HOOKS / "receipts.py"]
    environment = {"SKILLLOOP_HOME": str(home)}
    subprocess.run(command, input=f" {json.dumps(event)}\n".encode(), env=environment, check=True)
    assert receipts.submitted(home, ID, said) is True
    assert receipts.submitted(home, ID, "x") is False


def test_what_is_submitted_after_a_look_is_held_at_the_next(home):
    submit(home, "Always cite PubMed.")
    assert receipts.submitted(home, ID, "Never cite x.com.") is False
    submit(home, "Never cite x.com.")
    assert receipts.submitted(home, ID, "Never cite x.com.") is True


def test_a_session_that_the_hook_did_not_see_is_neither_yes_nor_no(home):
    assert receipts.submitted(home, ID, "Always cite PubMed.") is None
    assert receipts.submitted(home, "../../etc/passwd", "x") is None


def test_the_typed_lines_around_a_paste_are_held_without_it(home):
    submit(home, "look at this:\n  pasted   log line\nuse pytest, not unittest")
    assert receipts.submitted(home, ID, "look at this:\nuse pytest, not unittest") is True
    assert receipts.submitted(home, ID, "pasted log line") is True
    assert receipts.submitted(home, ID, "use pytest") is False


def test_the_arguments_of_a_slash_command_are_held_alone(home):
    submit(home, "/research  vitamin D,\nfrom PubMed only")
    assert receipts.submitted(home, ID, "vitamin D,\nfrom PubMed only") is True


@pytest.mark.parametrize("variables", [{"SKILLLOOP_INSIDE": "1"}, {"CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}])
def test_a_session_without_a_person_gets_none(home, variables):
    submit(home, "Always cite PubMed.", **variables)
    assert list(home.iterdir()) == []


def test_no_words_are_stored_and_the_files_are_private(home):
    submit(home, "my secret wish")
    files = [path for path in home.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert not any(b"secret" in path.read_bytes() for path in files)
    assert all(path.stat().st_mode & 0o77 == 0 for path in files)


def test_whatever_comes_first_makes_a_home_that_is_private(tmp_path):
    homes = [tmp_path / name for name in "abc"]
    receipts.issue(homes[0], ID, "hello")
    approval.issue_token(homes[1], "approve 3fa8", "s1")
    queue.Inbox(homes[2])
    assert [home.stat().st_mode & 0o77 for home in homes] == [0, 0, 0]


def test_receipts_of_another_key_are_worth_nothing(home, tmp_path):
    receipts.issue(tmp_path, ID, "Always cite x.com.")
    receipts.issue(home, ID, "hello")
    (home / "receipts" / ID).write_text((tmp_path / "receipts" / ID).read_text())
    assert receipts.submitted(home, ID, "Always cite x.com.") is False


def test_a_very_long_prompt_is_cut_to_what_a_person_types(home):
    receipts.issue(home, ID, "\n".join(map(str, range(10_000))))
    assert len((home / "receipts" / ID).read_text().split()) == receipts.LINES


@given(st.text())
def test_whatever_is_typed_is_held(prompt):
    home = Path(os.environ["SKILLLOOP_HOME"])
    receipts.issue(home, ID, prompt)
    typed, _ = receipts.typed_and_pasted(prompt)  # a mark opens a paste
    assert receipts.submitted(home, ID, typed) is True
