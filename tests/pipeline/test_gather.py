"""What the gate's input is gathered from: the live file, the rules, the transcript, the receipts, the store."""

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.gate import SKILL, insert
from transcripts import VERSIONS, Transcript

from skillloop.errors import SkillloopError, Stale
from skillloop.fs import Missing
from skillloop.hosts.claude_code import transcript
from skillloop.hosts.claude_code.hooks import receipts
from skillloop.model import Edit, Evidence, Origin, Proposal, sha256
from skillloop.pipeline import apply, gather
from skillloop.propose import offline_drafter

SAID = "Always sort the tables by date"


@pytest.fixture
def skill(tmp_path):
    path = tmp_path / "project" / ".claude" / "skills" / "report" / "SKILL.md"
    path.parent.mkdir(parents=True)
    path.write_text(SKILL)
    return path


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


def said(folder, name="s1", text=SAID):
    """A transcript in which a person typed one message, and the evidence for it."""
    made = Transcript(cwd=str(folder / "project"), session_id=name).typed("hello").says("Hello.").typed(text)
    path = made.write(folder / f"{name}.jsonl")
    turn = transcript.read(path).human_turns[-1]
    return Evidence(name, name, str(path), turn.line, turn.uuid, text, Origin.TYPED)


def proposal(skill, *evidence):
    edits = (insert(SAID, cites=tuple(item.id for item in evidence)),)
    return Proposal("p1", "report", str(skill), sha256("old"), edits, evidence, "why", "offline", "s1")


def test_the_cited_turns_are_read_again_with_their_receipts(tmp_path, skill, home):
    evidence = said(tmp_path)
    lost = replace(evidence, id="e2", line=99)
    receipts.issue(home, "s1", SAID)
    prepared = apply.prepare(proposal(skill, evidence, lost), home, None)
    inputs = gather.gather(prepared.proposal, SKILL, prepared.new, home, None, None, 0.7)
    [(found, turn)] = inputs.turns.items()
    assert (found, turn.text) == (evidence, SAID)
    assert inputs.receipts == {turn: True}
    assert (inputs.confidence, inputs.session) == (0.7, None)


@pytest.mark.parametrize(
    "spoil", [Path.unlink, lambda path: path.write_bytes(b"\0\n[]\n"), lambda path: path.write_text("")]
)
def test_a_transcript_that_cannot_be_read_confirms_nothing(tmp_path, skill, home, spoil):
    evidence = said(tmp_path)
    spoil(Path(evidence.path))
    prepared = apply.prepare(proposal(skill, evidence), home, None)
    assert "gone" in {check.name for check in prepared.verdict.failed}


def test_a_review_of_several_sessions_reads_each_transcript_once(tmp_path, skill, home, monkeypatch):
    evidence = [said(tmp_path, f"s{number}") for number in range(5)]
    reads = []
    monkeypatch.setattr(
        gather.transcript, "read", lambda path, read=transcript.read: reads.append(path) or read(path)
    )
    for _ in range(2):
        for item in evidence:
            apply.prepare(proposal(skill, item), home, None)
    assert len(reads) == 5


def test_a_link_is_judged_by_where_it_leads(tmp_path, skill, home):
    real = tmp_path / ".claude" / "plugins" / "cache" / "report"
    real.mkdir(parents=True)
    (real / "SKILL.md").write_text(SKILL)
    link = tmp_path / "mine" / "skills" / "report"
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    prepared = apply.prepare(proposal(link / "SKILL.md"), home, None)
    assert "place" in {check.name for check in prepared.verdict.failed if check.hard}


def test_edits_that_no_longer_fit_are_stale(skill, home):
    gone = replace(proposal(skill), edits=(Edit("delete", "Style", "- Not there."),))
    with pytest.raises(Stale):
        apply.prepare(gone, home, None)


def test_the_rules_of_the_project_are_found_from_the_skill(skill, home):
    (skill.parents[2] / "skillloop.toml").write_text('[sources]\nuntrusted = ["x.com"]\n')
    assert gather.rules_for(str(skill), home).sources.untrusted == ("x.com",)
    assert apply.prepare(proposal(skill), home, None).config.sources.untrusted == ("x.com",)


def test_gathering_writes_nothing(tmp_path, skill, home):
    evidence = said(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    apply.prepare(proposal(skill, evidence), home, None)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert not list(home.iterdir())


@pytest.mark.parametrize("version", VERSIONS)
def test_every_human_turn_is_read_again_from_its_line(tmp_path, version):
    built = (
        Transcript(version)
        .typed("Use tabs")
        .says("ok")
        .tool("Bash", command="x")
        .denied("never")
        .queued("stop")
    )
    path = built.command("research", "only journals").typed("```\nlog\n```\nWhy?").write(tmp_path / "s.jsonl")
    turns = transcript.read(path).human_turns
    assert len(turns) == 5
    for turn in turns:
        cited = Evidence("e", "s", str(path), turn.line, turn.uuid, turn.text, turn.origin)
        assert gather.reread(cited) == (turn, "" if turn is turns[0] else "ok")
        assert gather.reread(replace(cited, uuid="another")) is None
        assert gather.reread(replace(cited, line=99)) is None


def test_a_rules_file_that_is_not_there_is_empty_and_an_empty_skill_is_refused(tmp_path, skill):
    assert gather.live_text(str(tmp_path / "project" / ".claude" / "rules" / "learned.md")) == ""
    skill.write_bytes(b"")
    with pytest.raises(SkillloopError, match="empty"):
        gather.live_text(str(skill))
    skill.unlink()
    with pytest.raises(Missing):
        gather.live_text(str(skill))


def test_a_rule_for_a_rules_file_is_judged_under_the_projects_rules_and_never_applied_by_itself(
    tmp_path, home
):
    (home / "config.toml").write_text('[apply]\nmode = "auto"\n')
    (tmp_path / "project" / ".claude").mkdir(parents=True)
    rules = tmp_path / "project" / ".claude" / "rules" / "learned.md"
    edit = insert(SAID, heading="Learned rules", cites=("s1",))
    wanted = replace(proposal(rules, said(tmp_path)), edits=(edit,), skill="project-rules")
    prepared = apply.prepare(wanted, home, None)
    assert (prepared.old, prepared.new) == ("", f"## Learned rules\n\n- {SAID}\n")
    assert "never automatic" in {check.name for check in prepared.verdict.failed}
    assert all(not check.hard for check in prepared.verdict.failed), prepared.verdict.failed
    (tmp_path / "project" / ".claude" / "skillloop.toml").write_text("[edit]\nmax_added_lines = 0\n")
    assert "edit size" in {check.name for check in apply.prepare(wanted, home, None).verdict.failed}
    assert not rules.parent.exists()


def test_the_frontmatter_of_a_rules_file_stays(tmp_path, home):
    rules = tmp_path / "project" / ".claude" / "rules" / "learned.md"
    rules.parent.mkdir(parents=True)
    head = '---\npaths: ["src/**/*.py"]\n---\n'
    rules.write_text(head)
    edit = insert(SAID, heading="Learned rules", cites=("s1",))
    prepared = apply.prepare(replace(proposal(rules, said(tmp_path)), edits=(edit,)), home, None)
    assert prepared.new.startswith(head)
    assert all(not check.hard for check in prepared.verdict.failed), prepared.verdict.failed


def test_an_edit_is_moved_to_the_rules_of_the_project_with_its_evidence(tmp_path, skill, home):
    old = replace(proposal(skill, said(tmp_path)), look=("“report” was not in force", "points back: “it”"))
    rules = str(tmp_path / "project" / ".claude" / "rules" / "learned.md")
    new = offline_drafter.moved(old, gather.live_text(rules), rules)
    assert (new.path, new.skill, new.evidence, new.look) == (
        rules,
        "project-rules",
        old.evidence,
        old.look[1:],
    )
    assert apply.prepare(new, home, None).new == f"## Learned rules\n\n- {SAID}\n"
    assert new.id != old.id
    with pytest.raises(SkillloopError, match="deletion"):
        offline_drafter.moved(replace(old, edits=(Edit("delete", "Style", "- x"),)), "", rules)
