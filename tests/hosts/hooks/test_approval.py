"""One-time words and the PreToolUse hook that makes them, against a stand-in for the command line."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillloop.hosts.claude_code.hooks import approval, guard

ROOT = Path(__file__).parents[3]
LAUNCHER = """#!/bin/sh
case "$2" in none) echo "no such proposal" >&2; exit 2;; esac
echo "- Cite the primary source."
echo '{"action": "'"$1 $2"'", "digest": "s1"}'
"""


@pytest.fixture
def installed(home):
    """A home whose launcher says what a command would decide, as the real one does for `--token ?`."""
    (home / "bin").mkdir()
    (home / "bin" / "skillloop").write_text(LAUNCHER)
    (home / "bin" / "skillloop").chmod(0o755)
    return home


def bash(command):
    return {"tool_name": "Bash", "tool_input": {"command": command, "description": "d"}}


def word_in(answer):
    return answer["hookSpecificOutput"]["updatedInput"]["command"].split()[-1]


def test_a_word_is_accepted_once(home):
    word = approval.issue_token(home, "approve 3fa8", "s1")
    assert approval.accept(home, word, "approve 3fa8", "s1")
    assert not approval.accept(home, word, "approve 3fa8", "s1")


@pytest.mark.parametrize(
    ("action", "digest"), [("approve 3fa9", "s1"), ("reject 3fa8", "s1"), ("approve 3fa8", "s2")]
)
def test_a_word_is_good_for_nothing_but_what_the_person_saw(home, action, digest):
    word = approval.issue_token(home, "approve 3fa8", "s1")
    assert not approval.accept(home, word, action, digest)
    assert not approval.accept(home, word, "approve 3fa8", "s1"), "trying another thing uses it up"


@pytest.mark.parametrize("shift", [approval.LIFETIME + 1, -1])
def test_a_word_ends_after_a_while_and_a_clock_set_back_ends_it_too(home, monkeypatch, shift):
    word = approval.issue_token(home, "approve 3fa8", "s1")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + shift)
    assert not approval.accept(home, word, "approve 3fa8", "s1")


def test_reading_the_folder_does_not_reveal_a_word(home):
    word = approval.issue_token(home, "approve 3fa8", "s1")
    (stored,) = (home / "tokens").iterdir()
    assert word not in stored.name + stored.read_text()
    assert stored.stat().st_mode & 0o777 == 0o600
    assert not approval.accept(home, stored.name, "approve 3fa8", "s1")


@given(st.text())
def test_no_guess_is_accepted(guess):
    assert not approval.accept(Path(os.environ["SKILLLOOP_HOME"]), guess, "approve 3fa8", "s1")


def test_the_code_is_short_legible_and_bound_to_what_is_shown():
    assert approval.code("a") == approval.code("a") != approval.code("b")
    assert len(approval.code("a")) == 4
    assert not set("".join(map(approval.code, map(str, range(500))))) & set("01oil")


def test_another_process_cannot_know_the_code():
    script = "from skillloop.hosts.claude_code.hooks import approval; print(approval.code('a'))"
    other = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() != approval.code("a")


@pytest.mark.parametrize(
    "command",
    ["skillloop approve 3fa8", "/any/bin/skillloop approve 3fa8", "skillloop 'approve' 3fa8 --json"],
)
def test_the_hook_asks_and_adds_a_word_for_just_this(installed, command):
    answer = approval.answer(installed, bash(command))
    output = answer["hookSpecificOutput"]
    assert output["permissionDecision"] == "ask"
    assert output["permissionDecisionReason"] == "- Cite the primary source."
    assert output["updatedInput"]["description"] == "d"
    assert output["updatedInput"]["command"].startswith(command.replace("'", "") + " --token ")
    assert approval.accept(installed, word_in(answer), "approve 3fa8", "s1")


@pytest.mark.parametrize(
    "command",
    [
        "env skillloop approve 3fa8",
        "env skillloop constraints --confirm",
        "sh -c 'skillloop approve 3fa8'",
        "script -qc 'skillloop remember x' /dev/null",
        "script -qc 'skillloop approve 3fa8' /dev/null",
        "A=1 skillloop approve 3fa8",
        "cd x && skillloop approve 3fa8",
        "skillloop approve 3fa8; skillloop approve 3fb0",
        "skillloop approve 3fa8 | tee x",
        "skillloop approve 3fa8 &",
        "skillloop approve 3fa8\nskillloop approve 3fb0",
        "yes | skillloop approve 3fa8",
        "(skillloop approve 3fa8)",
        "python3 -m skillloop approve 3fa8",
        "skillloop approve '3fa8",
    ],
)
def test_a_wrapped_decision_asks_the_person_but_gets_no_word(installed, command):
    output = approval.answer(installed, bash(command))["hookSpecificOutput"]
    assert output["permissionDecision"] == "ask"
    assert "updatedInput" not in output
    assert not (installed / "tokens").exists()


@pytest.mark.parametrize(
    "command",
    [
        "skillloop --home /elsewhere approve 3fa8",
        "skillloop approve 3fa8 --token abc",
        "skillloop approve 3fa8 --token=abc",
        "skillloop approve none",
        "skillloop status",
        "skillloop constraints --json",
        "cat skillloop/commands/reject.py && git -C skillloop log",
        "skillloop",
        "",
        "ls",
    ],
)
def test_a_call_that_decides_nothing_or_will_refuse_by_itself_is_left_alone(installed, command):
    assert approval.answer(installed, bash(command)) is None
    assert not (installed / "tokens").exists()


def test_what_a_shell_would_expand_reaches_the_command_as_plain_text(installed):
    answer = approval.answer(installed, bash("skillloop reject 3fa8 --reason '$(id) `id`' $HOME"))
    command = answer["hookSpecificOutput"]["updatedInput"]["command"]
    assert "--reason '$(id) `id`' '$HOME' --token" in command


@pytest.mark.parametrize(
    "event",
    [
        bash("echo x >> ~/.skillloop/config.toml"),
        bash("cat ~/.skillloop/log/worker.log > ~/.skillloop/config.toml"),
        bash("sqlite3 HOME/skillloop.db 'delete from queue'"),
        bash("rm .claude/skillloop.toml"),
        {"tool_name": "Write", "tool_input": {"file_path": "HOME/config.toml"}},
        {"tool_name": "Edit", "tool_input": {"file_path": "HOME/x/../tokens/y"}},
        {"tool_name": "Edit", "tool_input": {"file_path": "/p/.claude/skillloop.toml"}},
    ],
)
def test_touching_the_state_or_the_rules_asks_the_person(tmp_path, event):
    home = tmp_path / ".skillloop"
    event = json.loads(json.dumps(event).replace("HOME", str(home)))
    output = approval.answer(home, event)["hookSpecificOutput"]
    assert output["permissionDecision"] == "ask"
    assert "updatedInput" not in output


@pytest.mark.parametrize(
    "mode", ["default", "acceptEdits", "plan", "auto", "bypassPermissions", "dontAsk", None]
)
@pytest.mark.parametrize(
    "file", ["/p/.claude/skillloop.toml", "/p/skills/x/skillloop.toml", "/p/.claude/skills/x/SKILL.md"]
)
def test_where_the_client_asks_nobody_about_a_file_of_its_folder_the_answer_is_no(installed, file, mode):
    (installed / "bin" / "skillloop").write_text("#!/bin/sh\ncat >/dev/null; echo 'against a rule'; exit 4\n")
    event = {"tool_name": "Edit", "tool_input": {"file_path": file}, "permission_mode": mode}
    if mode is None:
        del event["permission_mode"]  # an older client
    output = approval.answer(installed, event)["hookSpecificOutput"]
    asks = mode in {"default", "acceptEdits", "plan", None} or ".claude" not in file
    assert output["permissionDecision"] == ("ask" if asks else "deny")
    assert ("by hand" in output["permissionDecisionReason"]) is not asks


@pytest.mark.parametrize("launcher", ["exit 0", "echo broken >&2; exit 3", None])
@pytest.mark.parametrize("name", ["SKILL.md", "learned.md"])
def test_a_change_that_breaks_no_rule_or_cannot_be_checked_is_left_to_the_client(installed, launcher, name):
    (installed / "bin" / "skillloop").unlink()
    if launcher:
        (installed / "bin" / "skillloop").write_text(f"#!/bin/sh\ncat >/dev/null\n{launcher}\n")
        (installed / "bin" / "skillloop").chmod(0o755)
    event = {"tool_name": "Write", "tool_input": {"file_path": f"/p/.claude/skills/x/{name}", "content": "x"}}
    assert approval.answer(installed, event) is None


@pytest.mark.parametrize(
    "event",
    [
        bash("cd /code/skillloop && git status"),
        bash("tail -n 20 ~/.skillloop/log/worker.log"),
        {"tool_name": "Edit", "tool_input": {"file_path": "/code/skillloop/README.md"}},
        {"tool_name": "Write", "tool_input": {}},
    ],
)
def test_work_on_other_things_is_left_alone(home, event):
    assert approval.answer(home, event) is None


def test_control_characters_never_reach_the_dialog(installed):
    launcher = installed / "bin" / "skillloop"
    launcher.write_text(
        LAUNCHER.replace("- Cite", "\\033[2J\\r- Cite")
        .replace("echo", "printf '%b\\n'", 1)
        .replace("echo", "printf '%b\\n'", 1)
    )
    reason = approval.answer(installed, bash("skillloop approve 3fa8"))["hookSpecificOutput"][
        "permissionDecisionReason"
    ]
    assert reason == "[2J- Cite the primary source."


def test_the_hook_by_path_asks_about_an_edit_that_breaks_a_rule(installed):
    (installed / "bin" / "skillloop").write_text("#!/bin/sh\ncat >/dev/null; echo 'against a rule'; exit 4\n")
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "SKILLLOOP_HOME": str(installed)}
    event = {"tool_name": "Edit", "tool_input": {"file_path": "/p/.claude/skills/x/SKILL.md"}}
    command = ["sh", ROOT / "hooks" / "run", "guard"]
    done = subprocess.run(
        command, input=json.dumps(event).encode(), env=environment, capture_output=True, check=True
    )
    assert b"against a rule" in done.stdout


def test_the_hook_by_path_prints_its_answer_and_exits_0(installed):
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "SKILLLOOP_HOME": str(installed)}
    command = ["sh", ROOT / "hooks" / "run", "guard"]
    event = json.dumps(bash("skillloop approve 3fa8"))
    done = subprocess.run(command, input=event, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["hookSpecificOutput"]["permissionDecision"] == "ask"


WORDS = [
    *approval.GUARDED,
    "skillloop",
    "/x/skillloop",
    "constraints",
    "--confirm",
    "remember",
    "status",
    "sh -c",
    "~/.skillloop/x",
]
PARTS = st.sampled_from(
    [
        *WORDS,
        *(word[:3] for word in WORDS),
        *(word[3:] for word in WORDS),
        *" '\"\\;|&\n",
        "skillloop.toml",
        "/SKILL.md",
    ]
)


@given(st.lists(PARTS, max_size=9).map("".join), st.sampled_from(["Bash", "Edit"]), st.booleans())
def test_nothing_passes_the_guard_that_a_person_is_to_be_asked_about(text, tool, ascii_only):
    home = Path(os.environ["SKILLLOOP_HOME"]) / ".skillloop"
    event = {"tool_name": tool, "tool_input": {"command": text, "file_path": text}}
    try:
        with mock.patch.object(approval, "_broken", return_value="This breaks a rule."):
            reply = approval.answer(home, event)
    except OSError:  # no launcher is there to say what the command would decide
        reply = {}
    sent = json.dumps(event, ensure_ascii=ascii_only).encode()
    assert reply is None or guard.concerns(sent, str(home))


@pytest.mark.parametrize(
    "command", ["skillloop status", "skillloop review --json", "cd /code/skillloop && ls"]
)
def test_the_guard_lets_other_calls_pass_without_a_look(command):
    assert not guard.concerns(json.dumps(bash(command)).encode(), "/home/me/.skillloop")


@pytest.mark.parametrize("stdin", ["", "not json", "[]", "approve", '["approve"]'])
def test_a_hook_that_breaks_gives_no_word_and_does_not_disturb(installed, stdin):
    environment = {"PATH": os.environ["PATH"], "SKILLLOOP_HOME": str(installed)}
    command = ["sh", ROOT / "hooks" / "run", "guard"]
    done = subprocess.run(command, input=stdin, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == ""
