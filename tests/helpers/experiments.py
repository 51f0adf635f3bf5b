"""A toy experiment for tests: a recipe of the standard library alone, and an executor that measures by a formula."""

import json
import random
import sys
from concurrent.futures import Future

from skillloop.bench import experiment, measure, proposers, setup
from skillloop.bench.candidate import EDITABLE, Candidate, Measurement, Plan, with_constant
from skillloop.search.ledger import Archive

TRAIN = '''"""Pretend to train: leave a number, which the evaluator will read as the bits per byte."""
import argparse, json, pathlib, random
parser = argparse.ArgumentParser()
for name in ("--data", "--out", "--seconds", "--seed"):
    parser.add_argument(name)
args = parser.parse_args()
LEVEL = 2.0  # knob: 1..3
SIZE = 8  # knob: 2 | 4 | 8 | 16
out = pathlib.Path(args.out)
noise = random.Random(args.seed).gauss(0, 0.001)
(out / "weights.safetensors").write_text(str(LEVEL + SIZE / 1000 + noise))
(out / "config.json").write_text(json.dumps({"LEVEL": LEVEL, "SIZE": SIZE}))
(out / "curve.jsonl").write_text("".join(json.dumps({"step": i, "seconds": i, "loss": 5 - i / 9}) + "\\n" for i in range(30)))
print("---")
print("num_steps: 30")
print("peak_vram_mb: 512.0")
'''

EVALUATE = '''"""Pretend to evaluate: the sealed split is a little harder."""
import argparse, json, pathlib
parser = argparse.ArgumentParser()
for name in ("--data", "--split", "--wrap", "--tree", "--out"):
    parser.add_argument(name)
args = parser.parse_args()
value = float(pathlib.Path(args.out, "weights.safetensors").read_text())
print(json.dumps({"status": "ok", "bpb": value + 0.1 * (args.split == "sealed")}))
'''


def recipe(folder, train=TRAIN):
    """The toy recipe as a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ((EDITABLE, train), ("evaluate.py", EVALUATE), ("prepare.py", "# fixed\n")):
        (folder / name).write_text(text, "utf-8")
    return folder


def data(folder):
    """A data folder that looks like one."""
    for part in ("train", "judge"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "judge/sealed.bin").write_bytes(b"sealed tokens")
    (folder / "judge/selection.bin").write_bytes(b"selection tokens")
    (folder / "manifest.json").write_text(json.dumps({"sha256": {}}), "utf-8")
    return folder


def start(root, train=TRAIN, **options):
    """An open run of the toy recipe."""
    plan = Plan(
        **{"seconds": 5.0, "seed": 1, "data": str(data(root / "data")), "python": sys.executable} | options
    )
    opened = setup.start(root / "run", recipe(root / "recipe", train), plan)
    opened.bench.preload = ()
    return opened


def edited(opened, description="an edit", parent=None, **constants):
    """A candidate with some constants of the baseline's (or another text's) changed."""
    text = (parent or opened.baseline).source
    for name, value in constants.items():
        text = with_constant(text, name, value)
    return variant(opened, text, description, parent)


def variant(opened, text, description="an edit", parent=None):
    """A candidate with this train.py."""
    of = parent or opened.baseline
    return Candidate({**of.files, EDITABLE: text}, description, "test", of.id)


def drive(opened, proposer, runs=None, limit=None, slots=1):
    """Run the loop to its end and return the ledger's trials."""
    runs = runs or measure.Local(opened.bench, lambda _number, _line: None, slots)
    try:
        for row in experiment.run(opened, proposer, runs, limit):
            assert row.items() <= opened.ledger.trials[-1].items()  # on the disk before it is told
    finally:
        runs.close()
    return opened.ledger.trials


def judged(opened, *candidates, **options):
    """Put candidates through the loop and return the last row of the last one."""
    rows = drive(opened, proposers.given(candidates), **options)
    return [row for row in rows if row["candidate"] == candidates[-1].id][-1]


class Formula:
    """Measures without training: bits per byte are `value(files, seed)`."""

    def __init__(self, opened, value, slots=1):
        self.opened, self.value, self.slots = opened, value, slots

    def submit(self, job):
        future = Future()
        text = self.opened.repository.files(job.commit)[EDITABLE]
        future.set_result(Measurement("ok", bpb=self.value(text, job.seed), config={"LEVEL": 2.0, "SIZE": 8}))
        return future

    def close(self):
        pass


def noisy(sigma, seed=0):
    """A value that is nothing but noise, fresh for each training."""
    return lambda _text, run: 2.0 + random.Random(f"{seed}:{run}").gauss(0, sigma)


def value(text, seed):
    """A value that is the level and a little noise, fixed by the seed."""
    return float(text.split("LEVEL = ")[1].split()[0]) + random.Random(seed).gauss(0, 0.01)


def search_and_ideas(folder):
    """A proposer of two ideas, one of which does not apply, then of a search."""
    path = folder / "ideas.toml"
    path.write_text(
        '[[idea]]\ntitle = "smaller"\nset = {SIZE = "*0.5"}\n[[idea]]\ntitle = "no such"\nset = {DEPTH = 1}\n'
    )
    return proposers.first_of([proposers.ideas(path), proposers.search])


def row(name, bpb, config=None, outcome="keep", parent=None):
    """A trial's row, as far as an archive needs it."""
    fields = {"description": name, "early": None, "lines": 1, "mean": bpb, "proposer": "test", "spent": 1.0}
    return fields | {
        "candidate": name,
        "bpb": bpb,
        "outcome": outcome,
        "parent": parent,
        "config": config or {},
    }


def archive(rows):
    """The archive of such rows."""
    return Archive(rows, (), "bpb")
