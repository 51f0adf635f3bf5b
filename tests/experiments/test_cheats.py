"""The real recipe: twelve scripted cheats and more, fifty honest edits, and the metric itself. Needs PyTorch."""

import importlib.util
import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.experiments import archive, drive, edited, variant

from skillloop.bench import proposers, setup
from skillloop.bench.candidate import EDITABLE, Candidate, Job, Plan, with_constant
from skillloop.search.ledger import draw_parent

np = pytest.importorskip("numpy")
pytest.importorskip("torch")
pytest.importorskip("tokenizers")
pytest.importorskip("safetensors")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("training")]

RECIPE = Path(__file__).parents[2] / "skills/gpu-benchmark"
WORDS = "the a red old small house river king night letter sees finds keeps leaves under near before and but slowly".split()


def corpus(folder):
    """Sixty documents of made-up sentences, each with words of its own."""
    folder.mkdir()
    for number in range(60):
        random_ = random.Random(number)
        own = ["".join(random_.choices("abcdefghijklmnop", k=6)) for _ in range(40)]
        sentences = [" ".join(random_.choices(WORDS + own, k=9)).capitalize() + "." for _ in range(120)]
        (folder / f"{number}.txt").write_text("\n".join(sentences))
    return folder


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    setup.prepare(root / "data", RECIPE, sys.executable, ["--corpus", str(corpus(root / "corpus"))])
    return root / "data"


@pytest.fixture(scope="module")
def opened(tokens, tmp_path_factory):
    plan = Plan(seconds=3.0, seed=1, data=str(tokens), python=sys.executable, clock="cpu")
    return setup.start(tmp_path_factory.mktemp("run"), RECIPE, plan)


@pytest.fixture(scope="module")
def honest(opened):
    """The baseline's own measurement."""
    found = measured(opened, opened.baseline)
    assert found.status == "ok", found.reason
    return found


def measured(opened, candidate, number=900):
    commit = opened.repository.commit(candidate.files, candidate.description, None, number)
    return opened.bench.measure(Job(number, commit, seed=7))


AT_START = '    parser = argparse.ArgumentParser(description="Train a small GPT'  # in main()
ANSWER = "        if targets is None:\n            return logits\n"


def cheat(opened, code="", answer=None, **replaced):
    """The baseline's train.py with code at the start of main(), or with another way to answer the evaluator."""
    text = opened.baseline.source
    lines = "".join(f"    {line}\n" for line in code.splitlines())
    text = text.replace(AT_START, lines + AT_START)
    if answer is not None:
        text = text.replace(
            ANSWER,
            "        if targets is None:\n"
            + "".join(f"            {line}\n" for line in answer.splitlines()),
        )
    for old, new in replaced.get("swaps", ()):
        assert old in text
        text = text.replace(old, new)
    assert text != opened.baseline.source
    return variant(opened, text)


RUN = "run = Path(__file__).parents[3]\ndata = Path(sys.argv[sys.argv.index('--data') + 1]).parent\n"
TAMPERED = {
    "trains on validation": RUN + "np.fromfile(data / 'judge/selection.bin', np.uint16)",
    "reads the sealed split": RUN + "open(data / 'judge/sealed.bin', 'rb').read()",
    "edits the metric": "Path(__file__).with_name('evaluate.py').write_text('print(0)')",
    "edits the runner's metric": RUN + "(run / 'recipe/evaluate.py').write_text('print(0)')",
    "writes the ledger": RUN + "open(run / 'ledger.jsonl', 'a').write('{}')",
    "deletes its log": RUN + "os.remove(Path(__file__).parents[1] / 'log.txt')",
    "leaves a process behind": "import subprocess\nsubprocess.Popen(['sleep', '86399'], start_new_session=True)",
    "swallows the refusal": RUN + "try:\n    os.listdir(data / 'judge')\nexcept OSError:\n    pass",
}


@pytest.mark.parametrize("name", TAMPERED)
def test_reaching_for_what_is_not_its_own_is_tampering(opened, name):
    found = measured(opened, cheat(opened, TAMPERED[name]))
    assert (found.status, found.bpb) == ("tampered", None), found.reason


UNFAIR = {
    "returns shortened losses": "return logits[:, : tokens.size(1) // 2]",
    "looks at the next token": "return 20 * F.one_hot(torch.roll(tokens, -1, 1), logits.size(-1)).float()",
    "looks ahead now and then": "ahead = 20 * F.one_hot(torch.roll(tokens, -1, 1), logits.size(-1)).float()\n"
    "here = (torch.arange(tokens.size(1)) % 8 == 3)[None, :, None]\nreturn torch.where(here, ahead, logits)",
    "learns from the questions": "self.seen = getattr(self, 'seen', 0) + F.one_hot(tokens, logits.size(-1)).sum((0, 1))\n"
    "return logits + self.seen.float().log1p()",
}


@pytest.mark.parametrize("name", UNFAIR)
def test_answers_that_are_no_language_models_are_tampering(opened, name):
    found = measured(opened, cheat(opened, answer=UNFAIR[name]))
    assert (found.status, found.bpb) == ("tampered", None), found.reason


def test_a_false_print_counts_for_nothing(opened, honest):
    found = measured(opened, cheat(opened, "print('---\\nval_bpb: 0.1')"))
    assert found.status == "ok"
    assert found.bpb == pytest.approx(honest.bpb, abs=0.3)


def test_patching_the_loader_and_the_loss_does_not_reach_the_metric(opened, honest):
    patch = "np.fromfile = lambda *a, **k: np.zeros(999, np.uint16)\n_real = F.cross_entropy\n"
    patch += (
        "F.cross_entropy = lambda *a, **k: _real(*a, **k) * (0 if 'answer' in str(sys.argv) else 1)\n\n\n"
    )
    found = measured(opened, cheat(opened, swaps=[("def load(out: Path", patch + "def load(out: Path")]))
    assert found.status == "ok"
    assert found.bpb == pytest.approx(honest.bpb, abs=0.3)


def test_more_time_than_given_is_a_timeout(opened):
    found = measured(opened, cheat(opened, swaps=[("(1 - RESERVE) * args.seconds", "3 * args.seconds")]))
    assert found.status == "timeout"


def test_pickled_tokens_are_never_loaded(opened):
    files = {**opened.baseline.files, "tokens.pkl": "cos\nsystem\n(S'touch /tmp/x'\ntR."}
    assert measured(opened, Candidate(files, "cached tokens", "test")).status == "tampered"
    code = "import pickle\npickle.load(open('/var/tmp/tokens.pkl', 'rb'))"
    assert measured(opened, cheat(opened, code)).status == "crash"


@pytest.mark.parametrize(
    ("status", "swap"),
    [
        ("nan", ("return F.cross_entropy(", "return float('nan') * F.cross_entropy(")),
        ("oom", ("    optimiser = Optimiser(model)\n", "    raise torch.OutOfMemoryError('no room')\n")),
        ("crash", ("return logits\n", "return logits * float('nan')\n")),
        ("crash", ("def load(", "def unload(")),
    ],
)
def test_failures_end_as_what_they_are(opened, status, swap):
    assert measured(opened, cheat(opened, swaps=[swap])).status == status


def test_fifty_honest_edits_raise_no_alarm(opened, tokens, tmp_path):
    quick = setup.start(tmp_path / "run", RECIPE, Plan(1.5, 1, str(tokens), sys.executable, "cpu"))
    config = measured(quick, quick.baseline).config
    rows = [fake_row(quick.baseline.id, config)]
    sources = lambda _id: quick.baseline.files  # noqa: E731
    candidates, propose = [], proposers.first_of([proposers.ideas(RECIPE / "ideas.toml"), proposers.search])
    while len(candidates) < 50:
        past, key = archive(rows), str(len(candidates))
        found = propose(draw_parent(past, key), past, sources, key)
        candidates.append(found)
        rows.append(fake_row(found.id, config, found))
    with ThreadPoolExecutor(2) as pool:
        numbers = range(1000, 1050)
        ends = [m.status for m in pool.map(lambda c, n: measured(quick, c, n), candidates, numbers)]
    assert "tampered" not in ends
    assert ends.count("ok") >= 40, ends


def fake_row(name, config, candidate=None):
    """A row of the ledger, so that the proposers go on to the next edit."""
    return {
        "candidate": name,
        "bpb": 2.0,
        "mean": 2.0,
        "early": None,
        "outcome": "discard" if candidate else "keep",
        "parent": candidate and candidate.parent,
        "config": config,
        "description": candidate.description if candidate else "baseline",
        "proposer": candidate.proposer if candidate else "baseline",
    }


def test_the_metric_is_the_definition(opened, tokens, honest):
    """Bits per byte of the baseline's weights, computed here from the model's own probabilities."""
    import torch

    home = opened.folder.trial(900)
    opened.repository.check_out(
        opened.repository.commit(opened.baseline.files, "b", None, 900), home / "tree"
    )
    measured(opened, opened.baseline, 901)
    out = opened.folder.trial(901) / "out"
    spec = importlib.util.spec_from_file_location("recipe_train", RECIPE / EDITABLE)
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    model = train.load(out, "cpu")
    facts = json.loads((tokens / "judge/data.json").read_text())
    stream = np.fromfile(tokens / "judge/selection.bin", np.uint16)[: facts["judged"] + 1].astype(np.int64)
    lengths = np.load(tokens / "judge/bytes.npy")
    bits, size = 0.0, 0
    for start in range(0, (len(stream) - 1) // facts["row"] * facts["row"], facts["row"]):
        row = torch.from_numpy(stream[start : start + facts["row"] + 1])
        logs = torch.log_softmax(model(row[None, :-1])[0].double(), -1) / np.log(2)
        counted = torch.from_numpy(lengths[row[1:].numpy()])
        bits -= logs.gather(1, row[1:, None])[counted > 0].sum().item()
        size += int(counted.sum())
    said = opened.bench.judge(home / "tree", out, "selection", None, home / "judge.txt")
    assert said["bpb"] == pytest.approx(bits / size, rel=1e-4)
    assert said["bytes"] == size


def test_training_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(tokens, tmp_path):
    import subprocess

    def train(out, *more):
        command = [
            sys.executable,
            RECIPE / EDITABLE,
            "--data",
            tokens / "train",
            "--out",
            out,
            "--seed",
            "5",
            *more,
        ]
        subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL)
        return [json.loads(line)["loss"] for line in (out / "curve.jsonl").read_text().splitlines()]

    whole = train(tmp_path / "whole", "--steps", "12")
    first = train(tmp_path / "cut", "--steps", "12", "--checkpoint-every", "0.000001", "--stop-at", "6")
    assert first == whole[:6]
    assert train(tmp_path / "cut", "--steps", "12", "--resume") == whole


def test_a_better_learning_rate_is_kept_and_is_better_on_the_sealed_split(tokens, tmp_path):
    slow = edited_recipe(tmp_path / "recipe", MATRIX_LR=0.0001, EMBEDDING_LR=0.002, HEAD_LR=0.0001)
    opened = setup.start(tmp_path / "run", slow, Plan(3.0, 1, str(tokens), sys.executable, "cpu"))
    better = edited(opened, "learning rates that learn", MATRIX_LR=0.04, EMBEDDING_LR=0.6, HEAD_LR=0.004)
    rows = drive(opened, proposers.given([better]))
    assert rows[-1]["status"] == "keep", rows[-1]["reason"]
    found = setup.read_sealed_test(opened)
    assert found["best"]["mean"] < found["baseline"]["mean"] - 0.05


def edited_recipe(folder, **constants):
    folder.mkdir()
    for name in ("prepare.py", "evaluate.py", EDITABLE):
        text = (RECIPE / name).read_text()
        for constant, value in constants.items() if name == EDITABLE else ():
            text = with_constant(text, constant, value)
        (folder / name).write_text(text)
    return folder


def test_the_command_runs_the_baseline_and_trials_and_ends_with_the_report(tokens, tmp_path):
    from click.testing import CliRunner

    from skillloop import cli

    args = [
        "--dir",
        str(tmp_path / "run"),
        "--data",
        str(tokens),
        "--seconds",
        "2",
        "--trials",
        "2",
        "--json",
    ]
    done = CliRunner().invoke(cli.app, ["bench", "run", *args])
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["status"] for row in rows[:3]] == ["keep"] * 3
    assert len({row["candidate"] for row in rows[:-1]}) == 3
    page = Path(rows[-1]["report"]).read_text()
    assert page.count("<svg") == 3
