"""The verbs over a real home, skill and transcript; approval needs a person, played on a pseudo-terminal."""

import io
import json
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from helpers import command_line
from helpers.sessions import rewrites
from transcripts import Transcript

from skillloop import render
from skillloop.commands import options, review, show, sitting, status
from skillloop.commands.options import App
from skillloop.config import confirmation
from skillloop.gate.structure import BEFORE
from skillloop.hosts.claude_code.hooks import approval
from skillloop.hosts.claude_code.hooks import session as session_hook
from skillloop.model import Check, Outcome, Rule, Verdict, sha256
from skillloop.pipeline import apply
from skillloop.propose import offline_drafter
from skillloop.skillpath import rules_file
from skillloop.skills import history
from skillloop.store import Store
from skillloop.worker.notice import leave_notice

SKILL = """---
name: research
description: Answer from sources: studies, journals, trials, effects, tables, percentages, dates, references, abstracts, summaries, correlations, dosage, methods, preprints.
---

# Research

## Answers

- Start with the answer in one sentence.
"""
SAID = "No, that's wrong. Never cite a magazine when there is a study."


class Desk:
    """A person's machine: a home, a skill, transcripts, and a way to run the command line."""

    def __init__(self, root):
        self.home = root / "state"
        self.claude = root / ".claude"
        self.skill = self.claude / "skills" / "research" / "SKILL.md"
        self.skill.parent.mkdir(parents=True)
        self.skill.write_text(SKILL)
        self.transcript = self.claude / "projects" / "-p" / "5e55104e-0000-4000-8000-000000000001.jsonl"
        (
            Transcript()
            .typed("How much sleep do adults need?")
            .skill("research", str(self.skill))
            .says("Eight hours, says a health magazine. I have finished the answer.")
            .typed(SAID)
            .says("You're right, sorry. I will do that from now on.")
            .write(self.transcript)
        )
        self.env = {
            **os.environ,
            "CLAUDE_CONFIG_DIR": str(self.claude),
            "TERM": "dumb",
            "NO_COLOR": "1",
            "BROWSER": "false",
        }

    def argv(self, *args):
        return [sys.executable, "-m", "skillloop.cli", "--home", str(self.home), *map(str, args)]

    def run(self, *args, code=0):
        done = command_line.run(["--home", self.home, *args], self.env)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def type(self, *args, answers):
        """Run in a terminal of its own; each answer is (what to wait for, the keys to press, or how to tell from what was shown).

        What asks at its end whether that was all is told so.
        """
        terminal, theirs = pty.openpty()
        warm = command_line.warm()
        warm.start(["--home", self.home, *args], self.env, [theirs] * 3)
        os.close(theirs)
        shown = b""
        for wait, answer in [*answers, (None, None)]:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and (
                wait is None or wait not in shown.decode(errors="replace")
            ):
                if select.select([terminal], [], [], 0.1)[0]:
                    try:
                        shown += os.read(terminal, 65536)
                    except OSError:
                        break
                if wait is None and shown.endswith(b"Enter ends "):
                    os.write(terminal, b"\n")
                    shown += b"\n"
            if wait is not None:
                text = shown.decode(errors="replace")
                assert wait in text, text
                os.write(terminal, (answer if isinstance(answer, str) else answer(text)).encode())
                shown = b""
        code = warm.wait()
        os.close(terminal)
        return code, shown.decode(errors="replace")

    def store(self):
        return Store.open(self.home)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.fixture
def queued(desk):
    """A desk with one proposal in the queue, and its id."""
    desk.run("digest", desk.transcript)
    with desk.store() as store:
        (item,) = store.proposals(states=("queued",))
    return desk, item.proposal.id


def shown_code(text):
    return text.partition("Type ")[2][:4] + "\n"


YES = [("? more", "y"), ("to apply", shown_code)]
END = ("Enter ends", "\n")


def test_digest_by_id_prefix_last_and_all_find_the_session(desk):
    for args in (("5e55",), ("--last",), ("--all",), ("--since", "1d")):
        out = json.loads(desk.run("digest", *args, "--dry-run", "--json").stdout)
        assert out["path"] == str(desk.transcript)
        assert len(out["proposals"]) == 1


AGAIN = "As I said: do not cite magazines when there is a study."
NEW = "No, always give the year of every study."


@pytest.mark.parametrize("mode", ["review", "auto"])
def test_a_dry_run_says_word_for_word_what_the_real_run_does(desk, mode):
    desk.home.mkdir(mode=0o700)
    (desk.home / "config.toml").write_text(f'[apply]\nmode = "{mode}"\n')
    for day, said in enumerate(([SAID, AGAIN], [AGAIN, NEW], [NEW], ["Thanks, go on."]), start=1):
        name = f"5e55104e-0000-4000-8000-00000000000{day}"
        made = Transcript(session_id=name, start=datetime(2026, 3, day, 9, tzinfo=UTC)).typed(
            "How much sleep?"
        )
        made.skill("research", str(desk.skill)).says(
            "Eight hours, says a magazine. I have finished the answer."
        )
        for words in said:
            made.typed(words).says("You're right, sorry.")
        made.witnessed(desk.home).write(desk.transcript.with_name(f"{name}.jsonl"))
    before = {path: path.read_bytes() for path in desk.home.parent.rglob("*") if path.is_file()}
    dry = desk.run("digest", "--all", "--dry-run").stdout
    assert {path: path.read_bytes() for path in desk.home.parent.rglob("*") if path.is_file()} == before
    real = desk.run("digest", "--all").stdout
    told = dry.replace("would be applied", "applied").removesuffix("Nothing was written.\n")
    told += "Undo what was applied with: skillloop rollback SKILL\n" * (mode == "auto")
    assert told + "Decide with: skillloop review\n" * (mode == "review") == real
    assert "this session taught it; it" in real
    assert "said again; it" in real
    assert "4 sessions, 1 of them without a correction; edits: " in real
    assert "2026-03-02 " in real
    assert (desk.skill.read_text() == SKILL) == (mode == "review")


def test_approve_in_a_terminal_and_roll_back(queued):
    desk, name = queued
    code, shown = desk.type("approve", name[:5], answers=[("Type ", shown_code)])
    assert code == 0, shown
    assert "Never cite a magazine" in desk.skill.read_text()
    code, shown = desk.type("rollback", "research", answers=[("Type ", shown_code)])
    assert code == 0, shown
    assert desk.skill.read_text() == SKILL
    versions = [
        json.loads(line)["kind"] for line in desk.run("log", "research", "--json").stdout.splitlines()
    ]
    assert versions == ["import", "proposal", "rollback"]


def taught(desk, *lines):
    """Append lines to the skill, each as a version of its own."""
    with desk.store() as store:
        for line in lines:
            live = desk.skill.read_bytes()
            history.publish(store, desk.skill, sha256(live), live + f"- {line}\n".encode(), by="person")


def test_one_change_is_taken_out_of_the_middle_and_the_later_ones_stay(desk):
    taught(desk, "One.", "Two.", "Three.")
    code, shown = desk.type("rollback", "research", "--only", "3", answers=[("to roll back", shown_code)])
    assert (code, "without the change of version 3" in shown) == (0, True), shown
    assert desk.skill.read_text() == SKILL + "- One.\n- Three.\n"
    assert "version 3 was taken out already" in desk.run("rollback", "research", "--only", "3", code=2).stderr
    back = desk.type("rollback", "research", "--only", "5", answers=[("to roll back", shown_code)])
    assert (back[0], desk.skill.read_text()) == (0, SKILL + "- One.\n- Two.\n- Three.\n"), back
    assert "version 5 was taken out already" in desk.run("rollback", "research", "--only", "5", code=2).stderr


def test_a_change_that_later_ones_stand_on_is_not_taken_out_and_the_line_is_named(desk):
    taught(desk, "One.")
    desk.skill.write_text(desk.skill.read_text().replace("One.", "One, mine."))
    text = desk.skill.read_text()
    told = desk.run("rollback", "research", "--only", "2", code=5).stderr
    assert "SKILL.md:11: was changed again later" in told
    assert desk.skill.read_text() == text
    assert (
        "cannot be combined with"
        in desk.run("rollback", "research", "--only", "2", "--to", "1", code=2).stderr
    )


def test_a_rollback_that_changes_nothing_asks_for_nothing_and_makes_no_version(desk):
    taught(desk, "One.")
    told = desk.run("rollback", "research", "--to", "2").stdout
    assert "nothing was changed, it stays version 2" in told
    assert len(desk.run("log", "research", "--json").stdout.splitlines()) == 2


def test_the_diff_of_a_rollback_does_not_call_it_proposed(desk):
    taught(desk, "One.")
    shown = desk.run("rollback", "research", code=4).stdout
    assert "SKILL.md (after the rollback)" in shown
    assert "proposed" not in shown


def test_a_wrong_code_changes_nothing(queued):
    desk, name = queued
    code, shown = desk.type("approve", name, answers=[("Type ", "nope\n")])
    assert code == 4, shown
    assert desk.skill.read_text() == SKILL


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_without_a_terminal_nobody_decides(queued, verb):
    desk, name = queued
    assert "needs a person" in desk.run(verb, name, code=4).stderr
    assert desk.skill.read_text() == SKILL


def test_inside_a_session_a_terminal_is_not_enough(queued):
    desk, name = queued
    desk.env["CLAUDE_CODE_CHILD_SESSION"] = "1"
    code, shown = desk.type("approve", name, answers=[])
    assert code == 4, shown
    assert desk.skill.read_text() == SKILL


def test_a_one_time_word_approves_exactly_what_was_shown(queued):
    desk, name = queued
    preview = json.loads(desk.run("approve", name, "--token", approval.PREVIEW).stdout.splitlines()[-1])
    word = approval.issue_token(desk.home, preview["action"], preview["digest"])
    desk.skill.write_text(SKILL + "\n- And a line of mine.\n")
    desk.run("approve", name, "--token", word, code=4)
    preview = json.loads(desk.run("approve", name, "--token", approval.PREVIEW).stdout.splitlines()[-1])
    word = approval.issue_token(desk.home, preview["action"], preview["digest"])
    desk.run("approve", name, "--token", word)
    assert "And a line of mine" in desk.skill.read_text()
    assert "Never cite a magazine" in desk.skill.read_text()


def test_review_rejects_with_a_reason(queued):
    desk, name = queued
    code, shown = desk.type("review", answers=[("? more", "n"), ("why", "only this once\n")])
    assert code == 0, shown
    with desk.store() as store:
        found = store.find_proposal(name)
    assert (found.state, found.reason) == ("rejected", "only this once")
    assert desk.skill.read_text() == SKILL


def test_a_rejected_edit_is_taken_up_again_if_the_rules_still_allow_it(queued):
    desk, name = queued
    code, shown = desk.type("reject", name, answers=[("Type ", shown_code)])
    assert (code, f"to take it up again: skillloop approve {name}" in shown) == (0, True), shown
    code, shown = desk.type("approve", name, answers=[("Type ", shown_code)])
    assert code == 0, shown
    assert "Never cite a magazine" in desk.skill.read_text()
    desk.type("rollback", "research", answers=[("Type ", shown_code)])
    with desk.store() as store:
        store.set_state(name, "rejected", "again", by="person")
    (desk.home / "config.toml").write_text('[protect]\nheadings = ["Learned rules"]\n')
    assert "Learned rules" in desk.run("approve", name, code=4).stderr
    assert desk.skill.read_text() == SKILL


def test_a_change_of_claude_s_is_shown_everywhere_and_kept_or_taken_back(desk):
    text = SKILL + "- Always copy the whole department in.\n"
    for more in ("", "- Be kind to everybody.\n"):
        said = Transcript(session_id=f"5e55104e-0000-4000-8000-00000000000{len(more)}").typed("Look it up.")
        rewrites(said, desk.skill, text + more).write(desk.transcript.with_name(f"{said.session_id}.jsonl"))
        desk.run("digest", said.session_id)
    status = desk.run("status").stdout
    assert "research@2: Claude changed research: 1 line, not in your words" in status
    leave_notice(desk.home)
    assert "Keep or take back?" in (desk.home / "notice.json").read_text()
    versions = [json.loads(line) for line in desk.run("log", "research", "--json").stdout.splitlines()]
    assert [each["author"] for each in versions] == ["unknown", "client", "client"]
    assert versions[1]["session"] == "5e55104e-0000-4000-8000-000000000000"
    told = desk.run("log", "research").stdout
    assert "client" in told
    assert "\n+ - " in told
    assert "version 3, by client" in desk.run("diff", "research", "2").stdout
    desk.run("approve", "research@9", code=2)
    desk.run("approve", "research@2", code=4)
    waiting = [json.loads(line) for line in desk.run("review", "--json").stdout.splitlines()]
    assert [(each["change"], each["why"]) for each in waiting] == [
        ("research@2", "not in your words"),
        ("research@3", "not in your words"),
    ]
    answers = [("k keep", "k"), ("t take it back", "t"), ("to take it back", shown_code)]
    code, shown = desk.type("review", answers=answers)
    assert (code, "taken back" in shown) == (0, True), shown
    assert desk.skill.read_text() == text
    assert desk.run("review", "--json").stdout == ""
    assert "Claude" not in (desk.home / "notice.json").read_text()


def test_blame_shows_each_line_with_its_author_the_words_that_taught_it_and_what_became_of_it(queued):
    desk, proposal = queued
    assert desk.type("approve", proposal, answers=[("Type", shown_code)])[0] == 0
    again = Transcript(
        session_id="5e55104e-0000-4000-8000-000000000002", start=datetime(2099, 1, 1, tzinfo=UTC)
    )
    again.typed("And children?").skill("research", str(desk.skill)).says(
        "Nine hours, says a magazine."
    ).typed(SAID).says("Sorry.")
    again.write(desk.transcript.with_name(f"{again.session_id}.jsonl"))
    desk.run("digest", again.session_id)
    shown = desk.run("blame", "research").stdout
    assert "name: research" not in shown
    assert "name: research" in desk.run("blame", "research", "--all").stdout
    assert "you said: “" in shown
    assert "said again: you said it again in 1 of 1 session" in shown
    lines = [json.loads(line) for line in desk.run("blame", "research", "--json").stdout.splitlines()]
    assert [line["text"] for line in lines] == desk.skill.read_text().splitlines()
    (rule,) = [line for line in lines if "effect" in line]
    assert (rule["author"], rule["effect"], rule["again"]) == ("skillloop", "said again", [again.session_id])
    assert rule["wish"]["after"] == {"said": 1, "sessions": 1}
    assert "research: “" in desk.run("status").stdout
    assert "made it worse" not in desk.run("status").stdout


@pytest.mark.parametrize(
    ("call", "against"),
    [
        ({"old_string": "- Start with the answer in one sentence.\n", "new_string": ""}, "protect.must_keep"),
        ({"content": "---\nname: research\ndescription: x\n---\n\n# Research\n"}, "protect.must_keep"),
        ({"old_string": "# Answers", "new_string": "# Answers from x.com"}, "sources.untrusted"),
        ({"old_string": "# Answers", "new_string": "# Replies"}, ""),
        ({"old_string": "e", "new_string": "E", "replace_all": True}, "protect.must_keep"),
    ],
)
def test_a_call_of_claude_s_is_checked_before_it_is_made(desk, call, against):
    desk.home.mkdir(mode=0o700, exist_ok=True)
    rules = '[protect]\nmust_keep = ["*start with the answer*"]\n[sources]\nuntrusted = ["twitter"]\n'
    (desk.home / "config.toml").write_text(rules)
    given = json.dumps({"file_path": str(desk.skill), **call})
    done = subprocess.run(
        desk.argv("check", desk.skill, "--call"),
        input=given,
        capture_output=True,
        text=True,
        env=desk.env,
        check=False,
    )
    assert done.returncode == (4 if against else 0), done.stderr
    assert against in done.stdout
    assert desk.skill.read_text() == SKILL
    done = subprocess.run(
        desk.argv("check", desk.skill.with_name("NEW.md"), "--call"),
        input=given,
        capture_output=True,
        text=True,
        env=desk.env,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")  # what is not there yet breaks nothing


@pytest.mark.parametrize(
    ("old", "against"),
    [
        (
            "- Say 'why' in \"one\" line.\n- Be kind.\n",
            "protect.must_keep",
        ),  # as the client finds it, and a model types it
        ('- Say "why" in "one" line.\n', "of words that are not in the file"),
    ],
)
def test_a_call_is_checked_as_the_client_s_edit_will_read_the_file(desk, old, against):
    desk.home.mkdir(mode=0o700, exist_ok=True)
    (desk.home / "config.toml").write_text('[protect]\nmust_keep = ["*be kind*"]\n')
    desk.skill.write_bytes(
        (SKILL + "- Say ‘why’ in “one” line.\n- Be kind.\n").replace("\n", "\r\n").encode()
    )
    given = json.dumps({"file_path": str(desk.skill), "old_string": old, "new_string": ""})
    done = command_line.run(["--home", desk.home, "check", desk.skill, "--call"], desk.env, given=given)
    assert done.returncode == 4
    assert against in done.stdout


def test_report_writes_one_page_for_the_person_alone(queued, tmp_path):
    desk, proposal = queued
    told = json.loads(desk.run("report", "--json").stdout)
    page = Path(told["file"])
    assert (page, page.stat().st_size) == (desk.home / "report.html", told["bytes"])
    assert page.stat().st_mode & 0o777 == 0o600
    assert proposal in page.read_text()
    assert "could be started" in desk.run("report", tmp_path / "here.html", "--open").stderr
    assert (tmp_path / "here.html").read_text() == page.read_text()
    (tmp_path / "README.md").write_text("mine")
    assert "is no run" in desk.run("report", tmp_path / "README.md", code=2).stderr
    assert (tmp_path / "README.md").read_text() == "mine"


def edits_by(desk, folder, command):
    """Let the person's editor be a line of shell, on the file "$1"."""
    editor = folder / "editor"
    editor.write_text(f"#!/bin/sh\n{command}\n")
    editor.chmod(0o755)
    desk.env["EDITOR"] = desk.env["VISUAL"] = str(editor)


def test_review_can_reword_a_line_in_the_editor(queued, tmp_path):
    desk, _ = queued
    edits_by(desk, tmp_path, "printf -- 'Cite the study, never a magazine.\\n' > \"$1\"")

    code, shown = desk.type("review", answers=[("? more", "e"), *YES])
    assert code == 0, shown
    assert "- Cite the study, never a magazine." in desk.skill.read_text()


def test_a_lesson_without_a_skill_waits_for_the_rules_and_is_moved_to_a_skill_in_review(desk):
    Transcript(session_id="5e55104e-0000-4000-8000-000000000002").typed("Write the report").says(
        "Done, all finished."
    ).typed(SAID).says("You're right, sorry.").write(desk.transcript)
    assert "-rules" in desk.run("digest", desk.transcript).stdout
    assert "magazine" in desk.run("review", "project-rules").stdout
    code, shown = desk.type("review", answers=[("? more", "m"), ("leave it", "1\n"), *YES])
    assert code == 0, shown
    assert "Never cite a magazine" in desk.skill.read_text()


@pytest.mark.parametrize("place", ["cache/market/books/1.0", "marketplaces/market/plugins/books"])
def test_a_plugin_s_skill_is_not_edited_but_its_copy_learns(desk, place):
    plugin = desk.claude / "plugins" / place / "skills" / "reader" / "SKILL.md"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(SKILL)
    (
        Transcript(session_id="5e55104e-0000-4000-8000-000000000003")
        .typed("Read this")
        .skill("books:reader", str(plugin))
        .says("Done, all finished.")
        .typed(SAID)
        .says("You're right, sorry.")
        .write(desk.transcript)
    )
    assert "belongs to a plugin" in desk.run("digest", desk.transcript).stdout
    listed = desk.run("review").stdout
    flat = " ".join(listed.split())
    assert str(plugin) in flat and "belongs to a plugin" in flat  # noqa: PT018
    code, shown = desk.type(
        "review",
        answers=[("q quit", "c\n"), *YES],
    )
    assert code == 0, shown
    assert plugin.read_text() == SKILL
    assert "Never cite a magazine" in (desk.claude / "skills" / "reader" / "SKILL.md").read_text()


def test_a_skill_in_a_read_only_store_learns_as_a_copy_in_its_place(desk):
    kept = desk.claude.parent / "store" / "1a2b"
    desk.skill.parent.rename(kept.parent.mkdir() or kept)
    desk.skill.parent.symlink_to(kept)
    (kept / "SKILL.md").chmod(0o444)
    kept.chmod(0o555)
    assert "read-only for you" in " ".join(desk.run("digest", desk.transcript).stdout.split())
    code, shown = desk.type("review", answers=[("q quit", "c\n"), *YES])
    assert code == 0, shown
    assert "Never cite a magazine" in desk.skill.read_text()
    assert (desk.skill.parent.is_symlink(), (kept / "SKILL.md").read_text()) == (False, SKILL)


def test_what_stands_in_the_way_of_a_lesson_is_said_everywhere_and_then_gone(desk):
    desk.skill.rename(desk.claude / "SKILL.md")
    desk.run("digest", desk.transcript)
    for verb in ("status", "review", "doctor"):
        assert "there is no such file" in " ".join(desk.run(verb).stdout.split())
    leave_notice(desk.home)
    assert f"1 lesson could not be learned ({desk.skill}" in (desk.home / "notice.json").read_text()
    (desk.claude / "SKILL.md").rename(desk.skill)
    code, shown = desk.type("review", answers=YES)
    assert code == 0, shown
    for verb in ("status", "review", "doctor"):
        assert "no such file" not in " ".join(desk.run(verb).stdout.split())
    assert "not be learned" not in (desk.home / "notice.json").read_text()


def applied(desk, name):
    """Apply an edit, as `approve` does."""
    with desk.store() as store:
        prepared = apply.prepare(store.find_proposal(name).proposal, desk.home, store)
        apply.publish(prepared, store, by="person", note="test")


def test_an_applied_edit_is_shown_as_it_was_applied(queued):
    desk, name = queued
    before = json.loads(desk.run("show", name, "--json").stdout)
    applied(desk, name)
    desk.skill.write_text(desk.skill.read_text() + "- A line of mine.\n")
    after = json.loads(desk.run("show", name, "--json").stdout)
    assert (after["state"], after["why"]) == ("applied", "test")
    assert {key: after[key] for key in ("diff", "checks")} == {key: before[key] for key in ("diff", "checks")}
    told = desk.run("show", name).stdout
    assert ("+ - Never cite a magazine" in told, "already a rule" in told) == (True, False), told


def test_the_page_for_the_dialog_begins_with_what_changes(queued):
    desk, name = queued
    told = desk.run("approve", name, "--token", approval.PREVIEW).stdout.splitlines()
    assert told[:2] == ["+ ## Learned rules", "+ - Never cite a magazine when there is a study"]
    assert ("You said" in told[2] or "The transcript says" in told[2], len(told)) == (True, 5), told
    applied(desk, name)
    back = desk.run("rollback", "research", "--token", approval.PREVIEW).stdout.splitlines()
    assert (back[0], len(back)) == ("- ## Learned rules", 4), back


def test_the_diary_says_today_and_yesterday(queued):
    desk, _ = queued
    assert re.search(r"^today      \d\d:\d\d  research: drafted", desk.run("log").stdout, re.MULTILINE)
    past = [(datetime.now(UTC).astimezone() - timedelta(days=days)).isoformat() for days in (1, 2)]
    assert [render.when(at).split()[0] for at in past] == ["yesterday", past[1][:10]]


def test_a_lesson_of_which_an_edit_waits_says_so(queued):
    desk, name = queued
    assert f"edit {name} was made of it: it waits for you" in desk.run("digest", desk.transcript).stdout


def test_diff_status_verify_and_doctor_after_a_change(queued):
    desk, name = queued
    applied(desk, name)
    assert "+- Never cite a magazine" in desk.run("diff", "research").stdout
    assert json.loads(desk.run("status", "--json").stdout)["proposals"] == {"applied": 1}
    assert json.loads(desk.run("verify", "--json").stdout)["problems"] == []
    assert json.loads(desk.run("doctor", "--json").stdout)["bad"] == 0


@pytest.mark.parametrize(
    "content",
    [None, b"", b"\x00\x01\x02" * 100, b'{"type":"user","mess'],
)
def test_a_bad_transcript_is_a_clear_message(desk, tmp_path, content):
    path = tmp_path / "bad.jsonl"
    if content is not None:
        path.write_bytes(content)
    done = subprocess.run(
        desk.argv("digest", path), capture_output=True, text=True, env=desk.env, check=False
    )
    assert done.returncode in (1, 2), done
    assert str(path) in done.stderr
    assert "→" in done.stderr


def test_invalid_rules_stop_everything_naming_the_line(desk):
    desk.home.mkdir()
    (desk.home / "config.toml").write_text('[apply]\nmode = "auto"\n[sources\n')
    done = desk.run("constraints", code=1)
    assert f"{desk.home / 'config.toml'}:3" in done.stderr


def test_rules_that_can_no_longer_be_read_are_said_once_with_what_to_do(queued):
    desk, _ = queued
    (desk.home / "config.toml").write_text('[apply]\nmode = "auot"\n')
    said = f'{desk.home / "config.toml"}:2: apply.mode must be "auto" or "review"\n  → correct the value'
    for verb, code in (("status", 0), ("review", 1), ("constraints", 1)):
        done = desk.run(verb, code=code)
        assert (done.stdout + done.stderr).count("apply.mode must be") == 1
        assert said in render.tilde(done.stdout + done.stderr), verb


def test_an_empty_home_says_so(desk):
    told = [desk.run(verb).stdout for verb in ("review", "log")]
    assert told == ["nothing is waiting\n", "nothing has happened yet\n"]
    assert [desk.run(verb, "--json").stdout for verb in ("review", "log")] == ["", ""]


def test_the_diary_says_that_there_is_no_configuration_yet(queued):
    desk, _ = queued
    assert "config.toml: not there yet\n" in desk.run("log").stdout


def test_a_shell_completes_verbs_skills_and_ids(queued):
    desk, name = queued
    words = (
        'COMP_WORDS=(skillloop "$@"); COMP_CWORD=$#; _skillloop_completion skillloop; echo "${COMPREPLY[@]}"'
    )
    script = f"{desk.run('completion', 'bash').stdout}\nskillloop() {{ true; }}\n{words}"
    folder = str(Path(sys.executable).parent)
    desk.env |= {"SKILLLOOP_HOME": str(desk.home), "PATH": f"{folder}:{os.environ['PATH']}"}

    def completed(*words):
        bash = ["bash", "-c", script, "bash", *words]
        return subprocess.run(bash, env=desk.env, capture_output=True, text=True, check=True).stdout.split()

    assert completed("ro") == ["rollback"]
    assert completed("log", "res") == ["research"]
    assert completed("show", "") == [name]
    assert "--limit" in completed("review", "--")


ZSH = """zmodload zsh/zpty; zpty z zsh -f -i
zpty -w z 'ZSH_DISABLE_COMPFIX=true; eval "$(skillloop completion zsh)"; echo READY:$?'
zpty -r -m z out '*READY:0*'
zpty -w -n z $'skillloop log res\\t'
zpty -r -m z out '*log research*' && print found
zpty -w -n z $'\\C-uskillloop show \\t'
zpty -r -m z out "*show $1*" && print $1
"""


@pytest.mark.parametrize("shell", ["fish", "zsh"])
def test_other_shells_complete_as_well(queued, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    desk, name = queued
    folder = str(Path(sys.executable).parent)
    desk.env |= {"SKILLLOOP_HOME": str(desk.home), "PATH": f"{folder}:{os.environ['PATH']}", "TERM": "dumb"}
    fish = 'skillloop completion fish | source; for each in ro "log res" "show "; complete -C "skillloop $each"; end'
    command = (
        ["fish", "--no-config", "-c", fish] if shell == "fish" else ["zsh", "-f", "-c", ZSH, "zsh", name]
    )
    done = subprocess.run(command, env=desk.env, capture_output=True, text=True, check=True, timeout=60)
    shown = [line.split("\t")[0] for line in done.stdout.splitlines() if line]
    assert shown == (["rollback", "research", name] if shell == "fish" else ["found", name])


def test_a_file_for_the_rules_is_begun_once_and_edited_in_the_editor(desk, tmp_path):
    file = desk.home / "config.toml"
    assert desk.run("init").stdout == f"written: {file}\n"
    assert desk.run("config", "path").stdout == f"{file}\n"
    file.write_text("[apply]\n")
    assert "left as it is" in desk.run("init", code=2).stderr
    assert file.read_text() == "[apply]\n"
    assert "needs a terminal" in desk.run("config", "edit", code=4).stderr
    desk.env["EDITOR"] = desk.env["VISUAL"] = (
        f"{sys.executable} -c \"import sys; open(sys.argv[1], 'w').write('a')\""
    )
    code, shown = desk.type("config", "edit", answers=[])
    assert code == 1
    assert f"{file}:1: not TOML" in shown
    assert desk.run("config", "show", code=1).stderr == desk.run("constraints", code=1).stderr


@pytest.mark.parametrize("text", ["---\nname: x\n", b"---\nname: x\n---\n\xff\n"])
def test_a_skill_that_cannot_be_edited_safely_is_said_and_left(desk, text):
    data = text if isinstance(text, bytes) else text.encode()
    desk.skill.write_bytes(data)
    assert f"{desk.skill}:" in desk.run("digest", desk.transcript).stdout
    assert desk.skill.read_bytes() == data


def test_rules_of_a_project_that_cannot_be_read_are_said_there(queued, monkeypatch):
    desk, _ = queued
    rules = desk.claude / "skillloop.toml"
    rules.write_text("[aply]\n")
    monkeypatch.chdir(desk.claude.parent)
    for told in (desk.run("status").stdout, desk.run("review").stderr):
        assert "skillloop.toml:1: unknown section [aply]" in told


def test_auto_mode_that_waits_for_a_confirmation_is_not_said_to_apply(queued):
    desk, _ = queued
    (desk.home / "config.toml").write_text('[apply]\nmode = "auto"\n')
    (desk.claude / "skillloop.toml").write_text("")
    with desk.store() as store:
        confirmation.record_changes(store, desk.home, desk.claude.parent)
    (desk.claude / "skillloop.toml").write_text("[aply]\n")  # it hides no other file
    told = desk.run("status").stdout
    assert "mode        auto, but paused where a setting is not confirmed: edits wait until" in told
    (desk.claude / "skillloop.toml").write_text("")
    desk.type("constraints", "--confirm", answers=[("Type ", shown_code)])
    assert (
        "mode        auto: edits that pass every check are applied without you" in desk.run("status").stdout
    )


def test_a_home_that_is_a_file_is_a_clear_error(desk):
    desk.home.write_text("in the way")
    assert str(desk.home) in desk.run("status", code=2).stderr


def test_the_next_start_does_not_ask_for_what_is_decided(queued):
    from skillloop.worker.notice import leave_notice

    desk, name = queued
    leave_notice(desk.home)
    for _ in range(2):  # each start says so
        assert "1 skill edit is waiting: /skillloop:review" in session_hook.notice(str(desk.home))
        with desk.store() as store:
            store.set_state(name, "stale", "the file is another one now", by="auto")
        leave_notice(desk.home)
    code, shown = desk.type("reject", name, answers=[("Type ", shown_code)])
    assert code == 0, shown
    assert "skill edit" not in (desk.home / "notice.json").read_text()


def test_the_demo_waits_for_a_key_after_each_part_if_it_is_told_to(desk):
    goes_on = ("press any key to continue", " ")
    code, shown = desk.type("demo", "--play", answers=[goes_on, goes_on])
    assert (code, "identical to the original" in shown) == (0, True), shown


def test_explain_names_the_signals_that_spoke(desk):
    shown = desk.run("digest", desk.transcript, "--dry-run", "--explain").stdout
    assert "  for      after it, Claude: “you're right”\n" in shown
    assert "for      after it" not in desk.run("digest", desk.transcript, "--dry-run").stdout


@pytest.mark.parametrize("doubt", ["nothing", "tainted", "unattributed", "pasted"])
def test_words_that_may_not_be_the_persons_are_marked(desk, doubt):
    made = Transcript(version="2.0.64" if doubt == "unattributed" else "2.1.197").typed("How much sleep?")
    made.skill("research", str(desk.skill)).says("Eight hours. I have finished the answer.")
    if doubt == "tainted":
        made.tool("Bash", command=f"echo x >> {desk.transcript}")
    said = f"{SAID}\n\n- a list\n- that was copied" if doubt == "pasted" else SAID
    made.typed(said).says("You're right, sorry.").write(desk.transcript)
    shown = desk.run("digest", desk.transcript, "--dry-run").stdout
    assert ("(words not shown: a Bash call touched .claude/projects)" in shown) == (doubt == "tainted")
    assert ("    “Never cite a magazine" in shown) == (doubt != "tainted")
    assert ("(not proven to be yours)" in shown) == (doubt != "nothing")


def test_a_rule_that_nobody_is_known_to_have_typed_has_a_way_on(desk):
    made = Transcript().typed("How much sleep?").says("Eight hours. I have finished the answer.")
    made.tool("Bash", command=f"echo x >> {desk.transcript}").typed(SAID).says("You're right, sorry.")
    made.write(desk.transcript)
    shown = desk.run("digest", desk.transcript, "--dry-run").stdout
    assert "nothing proves that you typed it; `skillloop remember RULE` keeps a rule of yours" in shown


def test_a_reader_that_stops_early_is_no_failure(desk):
    code = f"{' '.join(desk.argv('digest', *[desk.transcript] * 400, '--dry-run', '--json'))} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, env=desk.env, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_rules_that_cannot_be_read_stop_a_digest_and_nothing_is_lost(desk):
    desk.home.mkdir()
    (desk.home / "config.toml").write_text("[aply]\n")
    assert "config.toml:1" in desk.run("digest", desk.transcript, code=1).stderr
    (desk.home / "config.toml").unlink()
    desk.run("digest", desk.transcript)
    assert json.loads(desk.run("status", "--json").stdout)["proposals"] == {"needs a look": 1}


def test_one_bad_skill_does_not_end_the_review(queued):
    desk, _ = queued
    desk.skill.unlink()
    code, shown = desk.type("review", answers=[("q quit", "s")])
    assert code == 0, shown


def test_what_no_longer_fits_can_be_seen_and_dropped(queued):
    desk, _ = queued
    desk.skill.unlink()
    assert "there is no such file" in json.loads(desk.run("status", "--json").stdout)["queue"][0]["why"]
    desk.type("review", answers=[("q quit", "n"), ("why", "out of date\n")])
    assert json.loads(desk.run("status", "--json").stdout)["proposals"] == {"rejected": 1}


def test_the_same_wish_in_another_session_waits_only_once(queued):
    desk, name = queued
    other = desk.transcript.with_name("5e55104e-0000-4000-8000-000000000009.jsonl")
    said = desk.transcript.read_text().replace("000000000001", "000000000009")
    other.write_text(
        said.replace('uuid":"', 'uuid":"9').replace('Uuid":"', 'Uuid":"9')
    )  # another saying, no copy
    assert f"waits as {name}" in desk.run("digest", other).stdout
    assert json.loads(desk.run("status", "--json").stdout)["proposals"] == {"needs a look": 1}


@pytest.mark.parametrize("verb", ["status", "log", "review"])
def test_verbs_that_only_read_make_no_home(desk, verb):
    desk.run(verb)
    assert not desk.home.exists()


def test_review_of_an_unknown_skill_says_so(queued):
    desk, _ = queued
    assert "research" in desk.run("review", "nosuch", code=2).stderr
    assert "1 waiting" in desk.run("review", "research").stderr


def test_status_tells_what_stands_of_what_was_applied_and_which_session_failed(queued):
    desk, name = queued
    with desk.store() as store:
        item = store.find_proposal(name)
        apply.publish(apply.prepare(item.proposal, desk.home, store), store, by="person", note="test")
        history.rollback(store, desk.skill)
    job = desk.home / "inbox" / "failed" / "a.json"
    job.parent.mkdir(parents=True)
    job.write_text('{"session_id": "a", "transcript_path": "/a.jsonl", "error": "no disk"}')
    shown = desk.run("status").stdout
    assert "1 of those applied no longer in the skill" in shown
    assert "not digested: /a.jsonl: no disk" in shown
    rules = desk.home / "config.toml"
    waits = job.rename(desk.home / "inbox" / "a.json")
    waits.write_text(
        json.dumps({"session_id": "a", "transcript_path": "/a.jsonl", "error": f"{rules}:2: odd"})
    )
    rules.write_text("")
    os.utime(rules, (0, 0))
    assert "not digested: /a.jsonl" in desk.run("status").stdout
    os.utime(rules)
    assert "not digested" not in desk.run("status").stdout, "it was changed since"


def test_no_colour_means_no_escape_at_all_and_piped_lines_end_where_they_end(queued):
    desk, name = queued
    desk.env.pop("NO_COLOR")
    assert "\x1b" not in desk.type("--color", "never", "show", name, answers=[])[1]
    shown = desk.run("show", name).stdout
    assert [line for line in shown.splitlines() if line != line.rstrip() and line.strip()] == []


def test_a_span_beyond_the_calendar_is_a_usage_error(desk):
    desk.run("digest", "--since", "99999999999d", code=2)


def test_every_way_to_a_skill_means_that_skill(queued):
    desk, _ = queued
    link = desk.skill.parents[1] / "another"
    link.symlink_to(desk.skill.parent)
    for way in ("research", link, link / "SKILL.md", desk.skill.parent / ".." / "research", desk.skill):
        assert desk.run("log", way).returncode == 0


def test_json_holds_nothing_that_a_terminal_obeys(capsys):
    said = "a\x1b[31m\x9b2J\u202eb\u2028c\u200bé😀不"
    options.App(Path()).emit({"quote": said})
    shown = capsys.readouterr().out
    assert shown.removesuffix("\n").isprintable()
    assert ("é😀不" in shown, json.loads(shown)["quote"]) == (True, said)


def test_status_does_not_print_words_that_may_be_forged(desk):
    made = Transcript().typed("How much sleep?").skill("research", str(desk.skill)).witnessed(desk.home)
    made.says("Eight hours.").typed(SAID).says("You're right, sorry.").write(desk.transcript)
    desk.run("digest", desk.transcript)
    shown = desk.run("status").stdout
    assert "Never cite" not in shown
    assert "words not shown" in shown


@pytest.fixture
def forbidden(desk):
    """A desk whose rule forbids what the person said."""
    desk.home.mkdir(mode=0o700)
    (desk.home / "config.toml").write_text('[sources]\ntrusted = ["magazine.test"]\n')
    desk.transcript.write_text(desk.transcript.read_text().replace("cite a magazine", "cite magazine.test"))
    desk.run("digest", desk.transcript)
    with desk.store() as store:
        (item,) = store.proposals(states=("discarded",))
    return desk, item.proposal.id


def test_a_lesson_that_the_persons_rule_blocks_is_said_with_its_line_until_they_let_it_go(forbidden):
    desk, name = forbidden
    blocked = f"blocked by your setting, {desk.home / 'config.toml'}:2"
    leave_notice(desk.home)
    notice = json.loads((desk.home / "notice.json").read_text().splitlines()[0])["systemMessage"]
    assert "Not learned, “Never cite magazine.test" in notice
    assert "blocked by your setting" in notice
    for verb in ("status", "review", "doctor"):
        assert blocked in " ".join(desk.run(verb).stdout.split())
    (line,) = map(json.loads, desk.run("review", "--json").stdout.splitlines())
    assert (line["lesson"], line["blocked"]) == (name, True)
    assert f"edit {name} is {blocked}" in " ".join(desk.run("approve", name, code=4).stderr.split())
    code, shown = desk.type("reject", name, answers=[("Type ", shown_code)])
    assert code == 0, shown
    for verb in ("status", "review", "doctor"):
        assert "blocked by your setting" not in " ".join(desk.run(verb).stdout.split())


def test_status_gives_the_reasons_of_today(forbidden):
    desk, name = forbidden
    rules = (desk.home / "config.toml").read_text()
    (desk.home / "config.toml").unlink()
    before = (desk.home / "skillloop.db").read_bytes()
    (edit,) = json.loads(desk.run("status", "--json").stdout)["queue"]
    assert (edit["id"], edit["state"]) == (name, "needs a look")
    assert (desk.home / "skillloop.db").read_bytes() == before
    (desk.home / "config.toml").write_text(rules)
    desk.skill.unlink()
    told = json.loads(desk.run("status", "--json").stdout)
    assert (told["queue"], len(told["unlearnt"])) == ([], 1)


CHANGES = {
    "the file": lambda desk, _: desk.skill.write_text(desk.skill.read_text() + "\n- One more.\n"),
    "the person's rules": lambda desk, _: (desk.home / "config.toml").write_text("[budget]\nlines = 9\n"),
    "rules beside the skill": lambda desk, _: (desk.skill.parent / "skillloop.toml").write_text(""),
    "what was said": lambda desk, _: desk.transcript.unlink(),
    "its history": lambda desk, store: store.record("kept", skill=str(desk.skill), number=1),
}


@pytest.mark.parametrize("what", CHANGES)
def test_status_judges_an_edit_again_once_what_it_rests_on_has_changed(queued, what):
    desk, name = queued
    with desk.store() as store:
        assert apply.as_judged(store.find_proposal(name), desk.home, store)
        CHANGES[what](desk, store)
        assert not apply.as_judged(store.find_proposal(name), desk.home, store)


def test_a_start_says_once_what_was_applied_without_the_person(desk):
    desk.home.mkdir(mode=0o700)
    (desk.home / "config.toml").write_text('[apply]\nmode = "auto"\n')
    folder = desk.home / "env" / "current"
    folder.mkdir(parents=True)
    with desk.store() as store:
        item = offline_drafter.reworded(
            _waiting(desk, store), ["- Never cite a magazine when there is a study"]
        )
        prepared = apply.prepare(item, desk.home, store)
        store.save_proposal(item, prepared.verdict, state="queued", reason="")
        apply.publish(prepared, store, by="auto", note="test")
    leave_notice(desk.home)
    said = json.loads(session_hook.notice(str(desk.home)))["systemMessage"]
    assert "research now says: “Never cite a magazine when there is a study”" in said
    assert "/skillloop:rollback research --only 2" in said
    leave_notice(desk.home)
    assert "now says" not in session_hook.notice(str(desk.home))
    with desk.store() as store:
        edit = replace(item.edits[0], op="replace", old=item.edits[0].new, new="- Cite studies.")
        prepared = apply.prepare(replace(item, id="other", edits=(edit,)), desk.home, store)
        store.save_proposal(prepared.proposal, prepared.verdict, state="queued", reason="")
        apply.publish(prepared, store, by="auto", note="test")
    leave_notice(desk.home)
    said = json.loads(session_hook.notice(str(desk.home)))["systemMessage"]
    assert (
        "research now says: “Cite studies.”, no longer “Never cite a magazine when there is a study”" in said
    )
    with desk.store() as store:
        for name in ("Date it.", "Sign it.", "Send it."):
            new = replace(item.edits[0], new=f"- {name}")
            prepared = apply.prepare(replace(item, id=name, edits=(new,)), desk.home, store)
            store.save_proposal(prepared.proposal, prepared.verdict, state="queued", reason="")
            apply.publish(prepared, store, by="auto", note="test")
    leave_notice(desk.home)
    said = json.loads(session_hook.notice(str(desk.home)))["systemMessage"]
    assert re.findall(r"“(\w+).*?--only (\d)", said) == [("Send", "6"), ("Sign", "5")]
    assert "And 1 more applied: `skillloop log`." in said


def _waiting(desk, store):
    desk.run("digest", desk.transcript)
    return store.proposals()[0].proposal


SECRET = "sk-ant-api03-" + "Zq7Rw2Lk9Vb4Nx8Ty3Hp6Mc1" * 4
MARKS = {
    SECRET: "<SECRET:",
    "\x1b[31m": "",
    "\u202e": "",
    "<system-reminder>": "",
    "<|im_start|>": "",
    "[INST]": "",
}


@pytest.mark.parametrize("named", [False, True])
def test_no_output_shows_a_secret_a_control_or_a_speakers_mark(desk, named):
    planted = "Never trust " + " ".join(MARKS)
    desk.run("digest", desk.transcript)
    with desk.store() as store:
        item = store.proposals()[0]
        quoted = (replace(item.proposal.evidence[0], quote=planted),)
        edited = (replace(item.proposal.edits[0], new=f"- {planted}"),)
        new = replace(
            item.proposal,
            id="0123456789ab",
            evidence=quoted,
            rationale=planted,
            edits=edited,
            drafter=planted,
        )
        if named:
            new = replace(new, skill=planted)
        store.save_proposal(new, item.verdict, state="queued", reason=planted, context=[planted])
        blocked = Verdict(
            Outcome.DISCARD, (Check("sources", False, True, planted, Rule(planted, "/r.toml", 1)),)
        )
        store.save_proposal(replace(new, id="ba9876543210"), blocked, state="discarded", reason=planted)
        (lesson,) = store.lessons()
        store.set_trouble(lesson.id, planted)
    leave_notice(desk.home)
    outputs = [(desk.home / "notice.json").read_text()]
    for verb in (
        "status",
        "review",
        "doctor",
        "log",
        "show 0123456789ab",
        "show ba9876543210",
        f"show {planted!r}",
    ):
        for extra in ((), ("--json",)):
            done = command_line.run(["--home", desk.home, *shlex.split(verb), *extra], desk.env)
            outputs += [done.stdout, done.stderr]
    assert any("Never trust" in output for output in outputs)
    for output in outputs:
        assert not [mark for mark in MARKS if mark in output], output


RULES = (
    "Never cite a magazine when there is a study.",
    "Always give the sample size next to each effect.",
    "Never round percentages in a table.",
    "Always name the journal of every source.",
    "From now on write dates as 2026-11-01.",
    "Never call a correlation a cause.",
    "Always say when a trial was stopped early.",
    "Never answer about dosage without a guideline.",
    "Always put the conclusion before the methods.",
    "From now on link the preprint as well.",
    "Never use the passive voice in summaries.",
    "Always translate abstracts from German.",
    "Never list more than five references.",
)


@pytest.fixture
def thirteen(desk):
    """A desk with thirteen edits that are all ready."""
    made = Transcript().typed("How much sleep do adults need?").skill("research", str(desk.skill))
    for rule in RULES:
        made.says("Here is the answer, with sources and a table.").typed(f"No, that's wrong. {rule}")
    made.says("You're right, sorry.").witnessed(desk.home).write(desk.transcript)
    desk.run("digest", desk.transcript)
    with desk.store() as store:
        assert len(store.proposals(states=("queued",))) == len(RULES)
    return desk


def reviewed(desk, *keys):
    """Review in a terminal, a key for each edit that is shown; returns what was pressed, and the last screen."""
    pressed = []

    def counting(answer):
        def press(text):
            pressed.append(answer if isinstance(answer, str) else answer(text))
            return pressed[-1]

        return press

    answers = [(wait, counting(answer)) for wait, answer in keys]
    code, shown = desk.type("review", answers=answers)
    assert code == 0, shown
    return "".join(pressed), shown


def test_thirteen_edits_that_are_right_take_at_most_twenty_keys(thirteen):
    pressed, _ = reviewed(thirteen, *YES, *[("? more", "y")] * 12, END)
    assert len(pressed) <= 20
    text = thirteen.skill.read_text()
    assert [rule for rule in RULES if " ".join(rule[:-1].split()[-3:]) not in text] == []


def test_all_that_are_ready_for_a_file_are_applied_at_once(thirteen):
    pressed, _ = reviewed(thirteen, ("? more", "a"), ("apply these", shown_code), ("? more", "q"))
    assert len(pressed) == 7
    assert thirteen.skill.read_text().count("\n- ") > 8
    assert json.loads(thirteen.run("verify", "--json").stdout)["problems"] == []


def test_what_was_decided_is_undone_and_asked_again(thirteen):
    keys = (
        "u",
        "o",
        "b",
        "u",
        "s",
        "b",
        "q",
    )  # yes to the first, undone, once only, nothing before it, undone, …
    reviewed(thirteen, *YES, *[("? more", key) for key in keys])
    assert thirteen.skill.read_text() == SKILL
    with thirteen.store() as store:
        assert {item.state for item in store.proposals()} == {"queued"}
    assert json.loads(thirteen.run("verify", "--json").stdout)["problems"] == []


def test_what_was_applied_at_once_is_undone_at_once(thirteen):
    all_of_them = [("? more", "a"), ("apply these", shown_code)]
    reviewed(thirteen, *all_of_them, ("? more", "u"), ("? more", "q"))
    assert thirteen.skill.read_text() == SKILL
    with thirteen.store() as store:
        assert {item.state for item in store.proposals()} == {"queued"}
    assert json.loads(thirteen.run("verify", "--json").stdout)["problems"] == []


@pytest.mark.parametrize("keys", [[*YES], [("? more", "o")], [("? more", "n"), ("why", "\n")]])
def test_the_last_decision_is_undone_too(queued, keys):
    desk, name = queued
    reviewed(desk, *keys, ("Enter ends", "u"), ("? more", "s"))
    assert desk.skill.read_text() == SKILL
    with desk.store() as store:
        assert store.find_proposal(name).state == "queued"
    reviewed(desk, ("? more", "o"), END)
    with desk.store() as store:
        assert store.find_proposal(name).state == "rejected"


def test_what_is_risky_asks_for_a_code_of_its_own(desk):
    made = Transcript().typed("How much sleep?").skill("research", str(desk.skill)).says("Eight.")
    for rule in (RULES[0], "Always delete the old database when done.", RULES[2]):
        made.typed(f"No, that's wrong. {rule}").says("Sorry, I have finished it.")
    made.witnessed(desk.home).write(desk.transcript)
    desk.run("digest", desk.transcript)
    reviewed(
        desk,
        *YES,
        ("? more", "y"),
        ("to apply", lambda text: "no\n" * ("Look closely" in text)),
        ("? more", "s"),
        ("? more", "y"),
    )
    assert "database" not in desk.skill.read_text()
    assert "Never round percentages" in desk.skill.read_text()


def test_an_edit_reworded_against_a_line_asks_for_a_code_of_its_own(desk, tmp_path):
    desk.skill.write_text(SKILL.replace("Start with the answer in one sentence.", "Put the answer first."))
    made = Transcript().typed("How much sleep?").skill("research", str(desk.skill)).says("Eight.")
    for rule in (RULES[0], RULES[2]):
        made.typed(f"No, that's wrong. {rule}").says("Sorry, I have finished it.")
    made.witnessed(desk.home).write(desk.transcript)
    desk.run("digest", desk.transcript)
    edits_by(desk, tmp_path, "echo 'Put the answer at the very end' > \"$1\"")
    closely = ("to apply", lambda text: "no\n" * ("Look closely: line" in text))
    reviewed(desk, *YES, ("? more", "e"), ("? more", "y"), closely, ("? more", "q"))
    assert "at the very end" not in desk.skill.read_text()


@pytest.fixture
def pair(desk):
    """A desk with an edit that would take the place of a line."""
    desk.skill.write_text(
        SKILL.replace(
            "Start with the answer in one sentence.", "Always cite a magazine when there is a study."
        )
    )
    desk.run("digest", desk.transcript)
    assert "- - Always cite a magazine" in desk.run("review").stdout
    return desk


def test_both_lines_of_a_pair_can_be_kept(pair):
    reviewed(
        pair, ("k keep both", "k"), ("? more", lambda text: "y" if "Both lines stay" in text else "q"), YES[1]
    )
    text = pair.skill.read_text()
    assert text.index("- Always cite a magazine when there is a study.\n- Never cite a magazine")
    assert "you changed “Never cite a magazine when there is a study” (kept beside" in pair.run("log").stdout


def test_a_pair_is_edited_whole(pair, tmp_path):
    edits_by(pair, tmp_path, "sed -i 's/there is a study/a study exists/' \"$1\"")
    reviewed(pair, ("k keep both", "e"), *YES)
    assert (
        "- Always cite a magazine when a study exists.\n- Never cite a magazine when a study exists"
        in pair.skill.read_text()
    )


def test_editing_the_new_line_of_a_pair_alone_still_replaces_the_old_one(pair, tmp_path):
    edits_by(pair, tmp_path, "sed -i 's/Never cite/Do not cite/' \"$1\"")
    reviewed(pair, ("k keep both", "e"), *YES)
    text = pair.skill.read_text()
    assert "- Do not cite a magazine when there is a study" in text
    assert "Always cite a magazine" not in text
    assert "<!--" not in text


def test_what_does_nothing_says_so(queued):
    desk, _ = queued
    seen = []

    def then(key):
        return lambda text: seen.append(text) or key

    reviewed(
        desk,
        ("? more", "m"),
        ("leave it", "99\n"),
        ("leave it", then("s\n")),
        ("? more", "b"),
        ("? more", then("y")),
        ("Type", "zzz0\n"),
        ("? more", then("q")),
    )
    screens = "".join(seen)
    assert "Unknown choice: '99'" in screens
    assert "nothing before this one waits" in screens
    assert "'zzz0' is not" in screens


def test_an_edit_is_moved_to_any_file_but_its_own(queued, monkeypatch):
    desk, _ = queued
    monkeypatch.chdir(desk.claude.parent)
    desk.env["HOME"] = str(desk.claude.parent)
    seen = []
    reviewed(desk, ("? more", "m"), ("leave it", lambda text: seen.append(text) or "s\n"), ("? more", "q"))
    offered = [line.split()[1] for line in seen[0].splitlines() if line.strip()[:1].isdigit() and "(" in line]
    assert offered == ["my-rules"]


def test_the_keys_are_explained_and_the_checks_shown(queued):
    desk, _ = queued
    reviewed(
        desk,
        ("? more", "?"),
        ("? more", lambda text: "c" if "show this list" in text else "q"),
        ("? more", "y"),
        ("to apply", shown_code),
    )
    assert "Never cite" in desk.skill.read_text()
    told = desk.run("review", "--help").stdout
    for key in sitting.KEYS:
        assert re.search(rf"(?m)(?:^|  ){re.escape(key)} \w", told), key


@pytest.mark.parametrize(
    "words", ["", "This is what a person wrote of the notes and how they should be. " * 8]
)
def test_an_edit_fits_a_terminal_of_24_lines_of_80(pair, words, monkeypatch):
    monkeypatch.setenv("HOME", str(pair.claude.parent))
    with pair.store() as store:
        queued = store.proposals()[0]
        prepared = apply.prepare(queued.proposal, pair.home, store)
    said = tuple(replace(item, quote=words or item.quote) for item in prepared.proposal.evidence)
    prepared = replace(prepared, proposal=replace(prepared.proposal, evidence=said))
    out = render.Terminal(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    show.page(out, replace(queued, context=(f"assistant: {words or 'Done.'}",)), prepared)
    assert out.file.getvalue().count("\n") + 3 <= 24, out.file.getvalue()  # with the head and the keys


def test_much_the_same_for_two_files_stands_together(thirteen):
    with thirteen.store() as store:
        first, *_, last = store.proposals()
        copy = offline_drafter.moved(first.proposal, "", rules_file(None))
        store.save_proposal(copy, last.verdict, state="queued", reason="")
        order = [item.proposal.id for item in review.in_order(store)]
    assert order.index(copy.id) == order.index(first.proposal.id) + 1


@pytest.mark.parametrize("words", ["{}", "{} " + "很长的一句话，" * 80, "{} " + "very long words " * 60])
def test_the_json_of_a_review_has_pages_that_a_client_passes_on(thirteen, words):
    with thirteen.store() as store:
        old = store.proposals()[0]
        for number in range(17):
            said = replace(old.proposal.evidence[0], quote=words.format(number))
            edit = replace(old.proposal.edits[0], new=f"- {words.format(number)}")
            item = replace(old.proposal, id=f"{number:012x}", edits=(edit,), evidence=(said,))
            store.save_proposal(item, old.verdict, state="queued", reason="")
    seen, command = [], "skillloop review --json"
    while command:
        page = thirteen.run(*shlex.split(command)[1:]).stdout
        assert len(page.encode()) <= 16_000
        lines = [json.loads(line) for line in page.splitlines()]
        assert {line["version"] for line in lines} == {1}
        assert max(len(line.encode()) for line in page.splitlines()) <= 1_500
        command = lines[-1].get("next")
        seen += [line["id"] for line in lines if "id" in line]
    assert len(seen) == len(set(seen)) == 30
    limited = thirteen.run("review", "--json", "--limit", "3").stdout.splitlines()
    assert len(limited) == 4
    assert json.loads(limited[-1])["more"] == 27


ONCE = ("Put the year behind the title, please.", "The references look odd, use footnotes.")


@pytest.fixture
def once(desk):
    """A desk where two things were said that may be meant for good."""
    made = Transcript().typed("How much sleep?").skill("research", str(desk.skill)).says("Eight hours. Done.")
    for said in ONCE:
        made.typed(said).says("Done, all finished.")
    made.write(desk.transcript)
    assert json.loads(desk.run("digest", desk.transcript, "--json").stdout)["proposals"] == []
    return desk


def candidates(desk):
    lines = map(json.loads, desk.run("review", "--json").stdout.splitlines())
    return [line["text"] for line in lines if "candidate" in line]


def test_what_was_said_once_is_asked_at_the_end_and_kept_with_one_key(once):
    assert candidates(once) == ["Use footnotes", "Put the year behind the title"]
    reviewed(once, ("q quit", "n"), ("q quit", "k"), *YES)
    assert "- Put the year behind the title" in once.skill.read_text()
    assert candidates(once) == []
    assert "said once" not in once.run("review").stdout


def test_what_was_said_once_is_queued_for_a_session_and_never_applied(once):
    (once.home / "config.toml").write_text('[apply]\nmode = "auto"\n')
    (line, _) = map(json.loads, once.run("review", "--json").stdout.splitlines())
    once.run(*line["keep"].split()[1:])
    (kept, _) = map(json.loads, once.run("review", "--json").stdout.splitlines())
    assert (kept["edit"][-1], kept["state"]) == ("+ - Use footnotes", "needs a look")
    assert "you said it once" in kept["why"]
    assert "learned: there is no rule" not in once.run("digest", once.transcript, "--dry-run").stdout
    assert f"{kept['skill']}: you keep “Use footnotes”\n" in once.run("log").stdout


@pytest.mark.parametrize("key", ["o", "n"])
def test_what_was_said_once_is_asked_again_if_the_answer_is_undone(once, key):
    reviewed(once, ("q quit", key), ("q quit", key), ("Enter ends", "u"), ("q quit", "u"), ("q quit", "q"))
    assert candidates(once) == ["Use footnotes", "Put the year behind the title"]


@pytest.mark.parametrize(("key", "lifted"), [("o", True), ("n", False)])
def test_a_second_saying_lifts_what_was_once_but_not_what_is_never_to_be_asked(once, key, lifted):
    reviewed(once, ("q quit", key), ("q quit", "q"))
    assert candidates(once) == ["Put the year behind the title"]
    other = Transcript(session_id="5e55104e-0000-4000-8000-000000000009").typed("And naps?")
    other.skill("research", str(once.skill)).says("Twenty minutes. Done.").typed(ONCE[1]).says("Done.")
    other = other.write(once.transcript.with_name("5e55104e-0000-4000-8000-000000000009.jsonl"))
    other.write_text(other.read_text().replace('uuid":"', 'uuid":"9').replace('Uuid":"', 'Uuid":"9'))
    once.run("digest", other)
    with once.store() as store:
        assert bool(store.proposals()) == lifted
    assert "Use footnotes" not in candidates(once)


RULE = "Never cite a magazine when there is a study"


def test_a_rule_is_remembered_for_the_skill_that_is_about_it_and_decided_at_once(desk):
    said = "Research answers from sources name the journal first"
    code, shown = desk.type("remember", said, answers=[("? more", "y"), ("to apply", shown_code)])
    assert code == 0, shown
    assert f"- {said}\n" in desk.skill.read_text()
    assert json.loads(desk.run("verify", "--json").stdout)["problems"] == []


def test_a_remembered_rule_goes_where_the_person_says_and_is_ready(desk):
    code, shown = desk.type("remember", RULE, "--skill", "research", answers=[("? more", "s")])
    assert code == 0, shown
    (line,) = map(json.loads, desk.run("review", "--json").stdout.splitlines())
    assert (line["skill"], line["state"], line["edit"][-1]) == ("research", "ready", f"+ - {RULE}")
    told = json.loads(desk.run("remember", RULE, "--everywhere", "--json").stdout)
    assert (told["skill"], told["path"]) == ("my-rules", str(desk.claude / "rules" / "learned.md"))
    assert "skills: my-rules" in desk.run("remember", RULE, "--skill", "nosuch", code=2).stderr
    assert "only one of" in desk.run("remember", RULE, "--project", "--everywhere", code=2).stderr


def test_a_rule_to_remember_is_never_lost_to_one_that_is_like_it(desk):
    asked = ("Keep commit subjects short", "Keep commit bodies short", "keep the commit subject short!")
    told = [json.loads(desk.run("remember", rule, "--skill", "research", "--json").stdout) for rule in asked]
    assert [each["state"] for each in told] == ["needs a look", "needs a look", "known"]
    assert (f"as {told[0]['id']}, which waits" in told[1]["why"], told[2]["id"]) == (True, told[0]["id"])
    answers = [("? more", lambda text: "y" if "is similar" in text else "q"), *YES[1:], ("? more", "q")]
    assert desk.type("review", answers=answers)[0] == 0
    known = json.loads(desk.run("remember", asked[0], "--skill", "research", "--json").stdout)
    at = desk.skill.read_text().splitlines().index(f"- {asked[0]}") + 1
    assert f"it is a rule already: {desk.skill}:{at} {asked[0]}" in known["why"]


@pytest.mark.parametrize("inside", [True, False])
def test_what_an_assistant_remembers_always_waits(desk, inside):
    desk.home.mkdir(mode=0o700)
    (desk.home / "config.toml").write_text('[apply]\nmode = "auto"\n')
    if inside:
        desk.env["CLAUDE_CODE_CHILD_SESSION"] = "1"
        desk.type("remember", RULE, "--skill", "research", answers=[])
    else:
        desk.run("remember", RULE, "--skill", "research")
    assert desk.skill.read_text() == SKILL
    (line,) = map(json.loads, desk.run("review", "--json").stdout.splitlines())
    assert line["state"] == "needs a look"
    assert (
        line["why"] == "Claude or a script ran `skillloop remember`: the rule counts only once you approve it"
    )


def test_a_rule_that_waits_already_is_shown_and_decided(desk):
    given = "remember", RULE, "--skill", "research"
    first = desk.run(*given).stdout
    known, approve = desk.run(*given).stdout.splitlines()
    assert (f"waits as {approve[-12:]}: - {RULE}" in known, first.endswith(f"\n{approve}\n")) == (True, True)
    assert approve == f"apply it: skillloop approve {approve[-12:]}"
    assert desk.type(*given, answers=YES)[0] == 0
    assert f"- {RULE}\n" in desk.skill.read_text()


def test_in_auto_mode_a_remembered_rule_is_shown_before_it_is_applied(desk):
    desk.home.mkdir(mode=0o700)
    (desk.home / "config.toml").write_text('[apply]\nmode = "auto"\n')
    code, shown = desk.type(
        "remember",
        RULE,
        "--skill",
        "research",
        answers=[("? more", lambda text: "s" if f"+ - {RULE}" in text else "q\n")],
    )
    assert (code, desk.skill.read_text()) == (0, SKILL), shown
    code, shown = desk.type("remember", "Always give the year of a study", "--skill", "research", answers=YES)
    assert (code, "applied" in shown) == (0, True), shown
    assert "- Always give the year of a study\n" in desk.skill.read_text()


def test_a_remembered_rule_passes_the_gate_like_any(desk):
    desk.home.mkdir(mode=0o700)
    (desk.home / "config.toml").write_text('[sources]\ntrusted = ["magazine.test"]\n')
    refused = desk.run("remember", "Never cite magazine.test", "--skill", "research", code=4).stdout
    assert "blocked by your setting" in refused
    known = json.loads(desk.run("remember", "Start with the answer in one sentence", "--json").stdout)
    assert known["state"] in {"known", "needs a look"}
    desk.run("remember", f"Use the key {SECRET} for the journal", "--skill", "research", "--json")
    assert SECRET not in "".join(path.read_text() for path in (desk.home / "remembered").iterdir())


def test_a_second_table_in_the_rules_is_named_with_the_line_of_the_first(desk):
    desk.home.mkdir()
    file = desk.home / "config.toml"
    for text, line, name, first in (
        ('[protect]\nheadings = ["Safety"]\n\n[protect]\n', 4, "protect", 1),
        ('[apply]\nmode = "auto"\nmode = "review"\n', 3, "apply.mode", 2),
    ):
        file.write_text(text)
        told = desk.run("config", "show", code=1).stderr
        assert f"{file}:{line}: not TOML: {name} stands at line {first} already" in told


def test_the_rules_of_a_skill_are_shown_by_its_name_and_an_unknown_name_is_said(desk):
    desk.skill.with_name("skillloop.toml").write_text("[edit]\nper_session = 1\n")
    for name in ("research", desk.skill, desk.skill.parent):
        assert f"{desk.skill.with_name('skillloop.toml')}:2" in desk.run("config", "show", name).stdout
    assert "my-rules, project-rules, research" in desk.run("config", "show", "nosuch", code=2).stderr


@pytest.mark.parametrize("said", ["yes", "No, that's wrong. Never guess the target of a rule."])
def test_the_last_session_is_one_with_work_or_a_correction_in_it(desk, said):
    own = Transcript().skill("skillloop:review", "/plugin/skills/review/SKILL.md", by="person")
    path = (
        own.says("One edit waits. Apply it?")
        .typed(said)
        .says("Sorry. Done.")
        .write(desk.transcript.with_name("0e.jsonl"))
    )
    os.utime(desk.transcript, (1, 1))
    read = json.loads(desk.run("digest", "--last", "--dry-run", "--json").stdout)["path"]
    assert read == str(desk.transcript if said == "yes" else path)
    desk.transcript.unlink()
    assert json.loads(desk.run("digest", "--last", "--dry-run", "--json").stdout)["path"] == str(path)


def test_a_digest_of_one_session_shows_the_line_and_what_comes_next(desk):
    dry, real = (desk.run("digest", "--last", *more).stdout for more in (["--dry-run"], []))
    assert dry.endswith("\n      + - Never cite a magazine when there is a study\nNothing was written.\n")
    assert real == dry.replace("Nothing was written.", "Decide with: skillloop review")


def test_a_digest_says_what_became_of_a_one_off(desk):
    made = Transcript().typed("How much sleep?").skill("research", str(desk.skill)).says("Done: [1].")
    made.typed("No, that's the wrong file, it is in docs.").says("You're right, sorry.").witnessed(desk.home)
    made.write(desk.transcript)
    told = desk.run("digest", "--last").stdout
    assert "it is in docs.”\n    → nothing is learned: there is no rule for later in it\n" in told


def test_the_diary_of_a_new_configuration_says_nothing_of_tighter_rules(desk):
    desk.run("digest", desk.transcript)
    desk.run("init")
    desk.transcript.write_text(desk.transcript.read_text())
    desk.run("digest", desk.transcript)
    told = desk.run("log").stdout
    assert ("config.toml: edited; no setting was loosened" in told, "tightened" in told) == (True, False)


def test_a_key_that_does_nothing_for_an_edit_says_so_and_is_not_in_the_list(queued):
    desk, _ = queued
    (desk.home / "config.toml").write_text("[edit]\nmax_added_lines = 0\n")
    shown = []

    def read(text):
        shown.append(text)
        return "?"

    keys = ("? more", lambda text: shown.append(text) or "q")
    code, _ = desk.type("review", answers=[("? more", "y"), ("? more", read), keys])
    assert code == 0
    assert "y does nothing here: blocked by your setting" in shown[0]
    assert "── 1 of" not in shown[0]
    assert ("n  reject it" in shown[1], "y  apply it" in shown[1]) == (True, False)


def test_a_reason_that_many_edits_share_is_said_once_with_a_count(tmp_path, capsys):
    item = {"id": "p1", "skill": "research", "line": "- Never cite.", "state": "needs a look"}
    queue = [item | {"why": BEFORE}, item | {"why": f"a fence; {BEFORE}"}, item | {"why": "a fence"}]
    for shown, count in ((queue, "of 2 edits below: "), (queue[:1], "needs a look: ")):
        status._say_queue(App(tmp_path).console(), {"queue": shown, "troubles": []})
        told = capsys.readouterr().out
        assert told.count(BEFORE) == told.count(count + BEFORE) == 1
        assert told.count("needs a look: a fence") == 2 * (shown is queue)
