"""The report of a run: drawn from the ledger, and a digit that is otherwise in either is found."""

import json
import re

import pytest
from click.testing import CliRunner
from evolve.conftest import Desk, desk  # noqa: F401  (a fixture)
from helpers.experiments import Formula, drive, start, value

from skillloop import cli
from skillloop.bench import proposers
from skillloop.errors import SkillloopError
from skillloop.model import sha256
from skillloop.report import run


@pytest.fixture
def evolved(desk: Desk):  # noqa: F811
    """A finished run of `evolve` with its report."""
    home = desk.home()
    done = desk.run(home)
    assert done.returncode == 0, done.stderr
    (root,) = (home / "evolve").iterdir()
    assert verb(home, "report", root.name)[0] == 0
    return home, root


def verb(home, *args):
    done = CliRunner().invoke(cli.app, ["--home", str(home), *map(str, args)])
    assert done.exception is None or isinstance(done.exception, (SkillloopError, SystemExit)), done.exc_info
    return (1 if isinstance(done.exception, SkillloopError) else done.exit_code), done.output


def rewritten(root, change):
    """Write the ledger again with changed rows and a sound chain: what somebody does who knows how it is made."""
    path, head, lines = root / "ledger.jsonl", "", []
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    change(rows)
    for row in rows:
        lines.append(json.dumps({**row, "before": head}, ensure_ascii=False))
        head = sha256(lines[-1])
    path.write_text("\n".join(lines) + "\n", "utf-8")


def test_a_run_is_reported_and_verified_by_its_name_or_folder(evolved):
    home, root = evolved
    page = (root / "report.html").read_text("utf-8")
    for part in ("Methods", "Results", "Figures", "Not tested", "held-out", "σ ="):
        assert part in page
    code, said = verb(home, "verify", root.name)
    assert code == 0
    assert "each number" in said
    assert verb(home, "verify", root)[0] == 0
    assert verb(home, "verify", "nothing")[0] == 1


def test_each_figure_of_the_page_is_proved(evolved):
    home, root = evolved
    page = (root / "report.html").read_text("utf-8")
    body = page.index("<h1>")
    digits = [match.start() for match in re.finditer(r"\d", page) if match.start() > body]
    for at in digits[:: max(1, len(digits) // 25)]:
        flipped = page[:at] + str((int(page[at]) + 1) % 10) + page[at + 1 :]
        (root / "report.html").write_text(flipped, "utf-8")
        (told,) = run.problems(run.find(home, root.name))
        assert "it says" in told
    assert verb(home, "verify", root.name)[0] == 1


def test_a_digit_that_is_flipped_in_the_ledger_is_found(evolved):
    home, root = evolved
    data = (root / "ledger.jsonl").read_bytes()
    digits = [match.start() for match in re.finditer(rb"\d", data)]
    for at in digits[:: max(1, len(digits) // 25)]:
        other = b"%d" % ((int(data[at : at + 1]) + 1) % 10)
        (root / "ledger.jsonl").write_bytes(data[:at] + other + data[at + 1 :])
        assert verb(home, "verify", root.name)[0] == 1, data[at - 30 : at + 10]


@pytest.mark.parametrize("key", ["loss", "mean", "runs", "outcome", "reason", "number"])
def test_what_does_not_follow_is_found_though_the_chain_is_sound_and_the_page_drawn_anew(evolved, key):
    home, root = evolved

    def change(rows):
        row = next(each for each in rows[3:] if each["event"] == "trial" and each["loss"] is not None)
        row[key] = {
            "outcome": "discard" if row["outcome"] == "keep" else "keep",
            "reason": "it is better",
        }.get(key) or row[key] + 1

    rewritten(root, change)
    verb(home, "report", root.name)
    assert any(f"{key} is" in told for told in run.problems(run.find(home, root.name)))


def test_a_case_that_passed_otherwise_is_found(evolved):
    home, root = evolved

    def change(rows):
        passed = next(each["passed"] for each in rows if each["event"] == "trial" and each["passed"])
        passed |= {case: not value for case, value in list(passed.items())[:1]}

    rewritten(root, change)
    verb(home, "report", root.name)
    assert any("loss is" in told for told in run.problems(run.find(home, root.name)))


def test_a_training_experiment_is_reported_and_verified_the_same_way(tmp_path):
    opened = start(tmp_path)
    drive(opened, proposers.search, Formula(opened, value), 6)
    root = opened.folder.root
    assert verb(tmp_path, "verify", root)[0] == 1, "there is no report yet"
    assert verb(tmp_path, "report", root)[0] == 0
    code, said = verb(tmp_path, "verify", root)
    assert code == 0, said
    page = opened.folder.report.read_text("utf-8")
    assert "Not tested" in page
    opened.folder.report.write_text(page.replace("bits per byte over", "bits per byte over 1", 1), "utf-8")
    assert verb(tmp_path, "verify", root)[0] == 1
