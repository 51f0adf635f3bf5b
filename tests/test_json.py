"""What each command prints with `--json` is valid by its schema, and each schema is seen in what a command prints."""

import json
import os
import re
import shlex
from importlib import resources
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from helpers import command_line
from helpers.experiments import Formula, drive, edited, start, value
from helpers.sessions import rewrites
from jsonschema import Draft202012Validator
from transcripts import Transcript

from skillloop import JSON_VERSION, cli
from skillloop.bench import proposers
from skillloop.commands import options
from skillloop.commands.demo import unpack
from skillloop.hosts.claude_code.hooks import approval

pytestmark = pytest.mark.xdist_group("json")  # one life for all
SCHEMAS = json.loads((resources.files("skillloop") / "data" / "schemas.json").read_text("utf-8"))
SHAPES = SCHEMAS["$defs"]
PRINTED = (
    *(
        "approve",
        "blame",
        "check",
        "config path",
        "config show",
        "constraints --confirm",
        "diff",
        "digest",
        "digest --plan",
    ),
    *(
        "doctor",
        "error",
        "evolve",
        "export",
        "import",
        "judge",
        "init",
        "log",
        "log SKILL",
        "propose",
        "reject",
        "remember",
        "report",
    ),
    *("review", "review --keep", "rollback", "show", "status", "turns", "uninstall", "verify"),
)
SAYS = "Short naps help too. I have finished the answer."


class Life:
    """A home in which everything happens once; `seen` has every object that was printed, by the shape it must have."""

    def __init__(self, root):
        self.home, self.seen = root / ".skillloop", {}
        self.skill, self.transcript = unpack(root)
        self.env = {**os.environ, "CLAUDE_CONFIG_DIR": str(root / ".claude"), "HOME": str(root)}
        self.play(root)

    def run(self, shape, line, *, yes=False, fails=False, given=""):
        """Run a command line; what it prints is of `shape`. `yes`: a person agrees in the client's dialog."""
        args = ["--home", str(self.home), *shlex.split(line)]
        if yes:
            asked = command_line.run([*args, "--token", approval.PREVIEW], self.env).stdout
            told = json.loads(asked.splitlines()[-1])
            args += ["--token", approval.issue_token(self.home, told["action"], told["digest"])]
        done = command_line.run([*args, "--json"], self.env, given=given)
        assert bool(done.returncode) == fails, (line, done.stdout, done.stderr)
        printed = [json.loads(text) for text in (done.stderr if fails else done.stdout).splitlines()]
        self.seen.setdefault(shape, []).extend(printed)
        return printed

    def session(self, number, made):
        """Digest one more session."""
        path = self.transcript.with_name(f"{made.session_id}.jsonl")
        made.says(SAYS).witnessed(self.home).write(path)
        text = path.read_text()
        path.write_text(text.replace('uuid":"', f'uuid":"{number}').replace('Uuid":"', f'Uuid":"{number}'))
        return self.run("digest", f"digest {path}")

    def talk(self, number, *turns):
        """Return a session in which the skill answers and the person says these."""
        made = Transcript(session_id=f"5e55104e-0000-4000-8000-{number:012}").typed("And naps?")
        made.skill("research", str(self.skill))
        for said in turns:
            made.says(SAYS).typed(said)
        return made

    def play(self, root):
        self.run("status", "status")
        self.run("config path", "config path")
        self.run("digest", f"digest {self.transcript}")
        self.session(
            1,
            self.talk(
                1, "Never push to main, always push to a branch.", "The references look odd, use footnotes."
            ),
        )
        self.session(
            2,
            rewrites(
                self.talk(2), self.skill, self.skill.read_text() + "- Always copy the whole department in.\n"
            ),
        )
        self.run("evolve", "evolve research --trials 3")
        self.run("judge", "judge")
        self.run("evolve", "evolve --operators")
        config = root / ".skillloop" / "config.toml"
        config.write_text(config.read_text() + '\n[model]\nbackend = "claude"\n')
        self.run("digest --plan", f"digest {self.transcript} --plan")
        turns = self.run("turns", "turns 5e55104e-0000-4000-8000-000000000001")
        lesson = {"cites": [turns[1]["id"]], "lesson": "Push to a branch, never to main."}
        self.run(
            "propose",
            "propose 5e55104e-0000-4000-8000-000000000001",
            given=json.dumps([lesson, {"cites": []}]),
        )
        self.run("remember", 'remember "Name the journal of every source" --skill research')
        waiting = self.run("review", "review")
        self.run("review", "review --limit 1")
        self.run("status", "status")
        edits = [each for each in waiting if "id" in each]
        (change,) = [each["change"] for each in waiting if "change" in each]
        self.run("show", f"show {edits[0]['id']}")
        self.run("show", f"show {change}")
        (once,) = [each["candidate"] for each in waiting if "candidate" in each][:1]
        self.run("review --keep", f"review --keep {once}")
        self.run("approve", f"approve {edits[1]['id']}", yes=True)
        self.run("approve", f"approve {change}", yes=True)
        self.run("show", f"show {edits[1]['id']}")
        self.run("reject", f"reject {edits[2]['id']} --reason later", yes=True)
        self.run("log", "log")
        self.run("log SKILL", "log research")
        self.run("blame", "blame research")
        self.run("report", f"report {root / 'report.html'}")
        self.run("diff", "diff research")
        self.run("rollback", "rollback research", yes=True)
        self.run("config show", "config show")
        self.run("constraints --confirm", "constraints --confirm", yes=True)
        self.run("check", f"check {self.skill}")
        self.run("verify", "verify")
        self.run("doctor", "doctor")
        self.run("export", f"export {root / 'all.db'}")
        self.run("export", f"export {root / 'cases'} --evals research")
        self.run("uninstall", "uninstall")
        self.run("error", "show nosuch", fails=True)
        elsewhere, self.home = self.home, root / "other"
        self.run("import", f"import {root / 'all.db'}")
        self.run("init", "init")
        broken = elsewhere / "skillloop.db"
        data = bytearray(broken.read_bytes())
        data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
        broken.write_bytes(data)
        self.home = elsewhere


def valid(shape):
    return Draft202012Validator(SCHEMAS | {"$ref": f"#/$defs/{shape}".replace(" ", "%20")})


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    return Life(tmp_path_factory.mktemp("life"))


def test_the_schemas_are_schemas_and_allow_no_other_field():
    Draft202012Validator.check_schema(SCHEMAS)
    for name, shape in SHAPES.items():
        told = json.dumps(shape)
        closed = told.count('"properties"') == told.count('"additionalProperties": false')
        assert closed or name == "event", name


@pytest.mark.parametrize("shape", PRINTED)
def test_what_is_printed_is_valid(life, shape):
    assert life.seen[shape]
    for said in life.seen[shape]:
        valid(shape).validate(said)
        assert next(iter(said.items())) == ("version", JSON_VERSION)


def test_every_kind_of_line_in_a_review_was_among_them(life):
    kinds = [next(key for key in said if key != "version") for said in life.seen["review"]]
    assert set(kinds) == {"id", "change", "lesson", "candidate", "more"}


def test_the_cases_of_a_skill_are_exported_as_the_client_reads_them(life):
    written = next(said for said in life.seen["export"] if "cases" in said)
    folders = list(Path(written["file"]).iterdir())
    assert len(folders) == written["cases"] > 0
    assert all((each / "prompt.md").exists() and any((each / "graders").iterdir()) for each in folders)


def test_a_rebuilt_database_is_told_in_its_shape(life, monkeypatch):
    monkeypatch.setattr(options.App, "require_person", lambda *_args, **_more: "a test")
    told = CliRunner().invoke(cli.app, ["--home", str(life.home), "doctor", "--rebuild", "--json"]).stdout
    valid("doctor --rebuild").validate(json.loads(told))


def test_the_ledger_of_a_search_is_told_in_its_shape(tmp_path):
    opened = start(tmp_path)
    drive(opened, proposers.given([edited(opened, "lower", LEVEL=1.5)]), Formula(opened, value))
    told = CliRunner().invoke(cli.app, ["bench", "log", "--json", "--dir", str(opened.folder.root)]).stdout
    assert len(told.splitlines()) > 3
    for line in told.splitlines():
        valid("bench").validate(json.loads(line))


@pytest.mark.parametrize("wrong", [{"id": 1}, {"extra": True}, {"edit": None}])
def test_another_shape_is_not_valid(life, wrong):
    said = next(each for each in life.seen["review"] if "id" in each)
    assert not valid("review").is_valid(said | wrong)


def with_json(command, name=""):
    """The names of a command and of those below it that have --json."""
    context = click.Context(command, info_name=name)
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            yield from with_json(command.get_command(context, each), f"{name} {each}".strip())
    elif any("--json" in option.opts for option in command.params):
        yield name


def test_every_command_with_json_has_a_schema_and_can_print_it():
    for name in with_json(cli.app):
        assert re.sub("^bench .*", "bench", name) in SHAPES, name
    told = CliRunner().invoke(cli.app, ["config", "schema", "log SKILL"]).stdout
    assert not Draft202012Validator(json.loads(told)).is_valid({"version": 1})
    assert "nosuch" in str(CliRunner().invoke(cli.app, ["config", "schema", "nosuch"]).exception)


def test_every_shape_is_seen_here():
    parts = set(re.findall(r"#/\$defs/([\w ]+)", json.dumps(SCHEMAS)))
    same = {"watch", "constraints", "bench", "doctor --rebuild"}  # by another name, or in a test of its own
    assert SHAPES.keys() - parts - same == set(PRINTED) - parts
