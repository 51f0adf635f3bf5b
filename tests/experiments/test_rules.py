"""What the loop watches beside one metric: the anchor, the scale, the parts that edits are about, plateaus."""

import ast
import random
import sys
from pathlib import Path

import pytest
from helpers.experiments import TRAIN, Formula, archive, drive, edited, judged, row, start

from skillloop.bench import experiment, proposers
from skillloop.bench.candidate import EDITABLE, Candidate, Measurement
from skillloop.report import run as report_run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")

PARTS = TRAIN.replace("LEVEL = 2.0", "# Model\nLEVEL = 2.0").replace(
    "SIZE = 8", "# Optimisation\nDEPTH = 4\nSIZE = 8"
)


def number(text, name):
    return float(text.split(f"{name} = ")[1].split()[0])


class Measures(Formula):
    """Bits per byte are the level, with a little noise; `anchor` and `deep` say what the other two come to."""

    def __init__(self, opened, anchor=lambda _level: 0.5, deep=lambda level: level):
        super().__init__(opened, None)
        self.anchor, self.deep, self.depths = anchor, deep, []

    def submit(self, job):
        text = self.opened.repository.files(job.commit)[EDITABLE]
        level, depth, noise = number(text, "LEVEL"), number(text, "DEPTH"), random.Random(job.seed)
        self.depths.append(depth)
        measured = Measurement(
            "ok",
            bpb=(self.deep(level) if depth == 6 else level) + noise.gauss(0, 0.0005),
            anchor=self.anchor(level) + noise.gauss(0, 0.005),
            config={"LEVEL": level, "SIZE": 8, "DEPTH": int(depth)},
        )
        return type("Done", (), {"result": lambda _self: measured})()


@pytest.fixture
def opened(tmp_path):
    return start(tmp_path, PARTS)


def test_a_gain_that_hurts_the_anchor_is_measured_again_and_then_waits(opened):
    runs = Measures(opened, anchor=lambda level: 0.5 + (2 - level))
    last = judged(opened, edited(opened, "overfits", LEVEL=1.9), runs=runs)
    assert (last["status"], last["outcome"], last["runs"]) == ("wait", "discard", 3)
    assert "beyond the noise, but the anchor got worse by 0.0" in last["reason"]
    assert opened.ledger.archive().best == opened.baseline.id
    assert experiment.results(opened.ledger.trials).splitlines()[-1].endswith("discard\twait: overfits")
    told = list(report_run.problems(report_run.find(opened.folder.root, str(opened.folder.root))))
    assert len(told) == 1, told
    assert "there is no" in told[0], "no report was drawn; each decision follows from its rows"


def test_a_best_whose_anchor_is_chance_holds_nothing_back(opened):
    runs = Measures(opened, anchor=lambda level: 1.38 + (2 - level))
    assert judged(opened, edited(opened, LEVEL=1.9), runs=runs)["status"] == "keep"


def test_a_gain_with_an_anchor_inside_its_noise_is_kept(opened):
    runs = Measures(opened, anchor=lambda level: 0.5 + (2 - level) / 100)
    assert judged(opened, edited(opened, LEVEL=1.9), runs=runs)["status"] == "keep"


@pytest.mark.parametrize(
    ("deep", "verdict"),
    [
        (lambda level: level, "confirmed"),
        (lambda _level: 2.0, "inside the noise"),
        (lambda level: 4 - level, "lost"),
    ],
)
def test_every_fifth_kept_candidate_is_trained_deeper_beside_the_baseline(opened, deep, verdict):
    runs = Measures(opened, deep=deep)
    better = [edited(opened, str(step), LEVEL=round(2 - step / 20, 2)) for step in range(1, 7)]
    drive(opened, proposers.given(better), runs)
    (said,) = opened.ledger.events("scale")
    assert (said["verdict"], runs.depths.count(6)) == (verdict, 2)
    assert opened.ledger.archive().last[said["candidate"]]["description"] == "5"
    assert verdict in report_run.page(report_run.Run(opened.folder.root, opened.ledger))


def test_a_live_page_loads_itself_again_and_the_last_one_does_not(opened):
    drive(opened, proposers.given([edited(opened, LEVEL=1.9)]), Measures(opened))
    pages = [
        report_run.page(report_run.Run(opened.folder.root, opened.ledger), live=live)
        for live in (True, False)
    ]
    assert ['http-equiv="refresh"' in page for page in pages] == [True, False]


def test_hypothesis_insight_and_the_part_edited_are_in_the_ledger(opened):
    made = edited(opened, LEVEL=1.9)
    made = Candidate(made.files, "x", "test", made.parent, "fewer steps suffice", "the last one was too wide")
    last = judged(opened, made, runs=Measures(opened))
    assert (last["hypothesis"], last["insight"], last["kind"]) == (
        "fewer steps suffice",
        "the last one was too wide",
        "Model",
    )
    page = report_run.page(report_run.Run(opened.folder.root, opened.ledger))
    assert "Expected: fewer steps suffice<br>Learned before: the last one was too wide" in page


def tried(*kinds):
    """The archive of a baseline and candidates of these kinds, of which the first was kept."""
    rows = [row("base", 2.0)]
    rows += [
        row(str(i), 2.0, outcome="discard" if i else "keep", parent="base") | {"kind": kind}
        for i, kind in enumerate(kinds)
    ]
    return archive(rows)


def test_after_three_edits_of_one_part_another_part_s_turn_comes(opened):
    model, other = edited(opened, LEVEL=1.9), edited(opened, SIZE=4)

    def first(kinds, *made):
        return proposers.varied(made, tried(*kinds), lambda _name: opened.baseline.files)

    assert first(["Model", "Model"], model, other) == model
    assert first(["Model", "Model", "Model"], model, other) == other
    assert first(["Optimisation", "Model", "Model"], model, other) == model
    assert first(["Model", "Model", "Model"], model) == model, "nothing else is left"


def test_a_plateau_counts_the_candidates_since_the_last_kept_one():
    assert proposers.plateau(tried("a")) == 0
    assert proposers.plateau(tried("a", "b", "a")) == 2


def test_on_a_plateau_the_search_changes_more_at_once(opened, monkeypatch):
    config = {"LEVEL": 2.0, "SIZE": 8}
    rows = [row(opened.baseline.id, 2.0, config)]
    stuck = [row(str(i), 2.1, config, "discard", opened.baseline.id) for i in range(proposers.PLATEAU)]
    monkeypatch.setattr(proposers, "_optuna", lambda *_: pytest.fail("not asked on a plateau"))
    for key in range(9):
        made = proposers.search(
            opened.baseline.id, archive(rows + stuck), lambda _name: opened.baseline.files, str(key)
        )
        assert len(made.description.split(", ")) == 2, "all knobs that there are"


def test_an_idea_may_add_to_a_constant(opened, tmp_path):
    path = tmp_path / "ideas.toml"
    path.write_text('[[idea]]\ntitle = "deeper"\nwhy = "more layers"\nset = {DEPTH = "+1"}\n')
    rows = [row(opened.baseline.id, 2.0, {"DEPTH": 4})]
    made = proposers.ideas(path)("", archive(rows), lambda _name: opened.baseline.files, "")
    assert "DEPTH = 5" in made.source
    assert made.hypothesis == "more layers"


def test_the_longer_name_of_a_card_stands_before_the_shorter_one_in_it():
    text = (Path(__file__).parents[2] / "skills/gpu-benchmark/train.py").read_text()
    (peak,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PEAK"
    )
    names = list(peak)
    for place, name in enumerate(names):
        assert not [earlier for earlier in names[:place] if f" {earlier} " in f" {name} "], name
    assert {"H100", "H200", "A100"} <= set(names)


def test_a_part_is_named_by_the_heading_above_the_first_difference():
    assert (
        proposers.kind("# Model\nA = 1\n# Data: rows\nB = 1", "# Model\nA = 1\n# Data: rows\nB = 2") == "Data"
    )
    assert proposers.kind("A = 1", "A = 2") == proposers.kind("# Model\nA = 1", "# Model\nA = 1") == ""
    assert proposers.kind("# Model\nA = 1", "# Model\nA = 1\nB = 2") == "Model"
