"""Claude Code itself as the proposer: the skill in the real client, its own edits, and a runner that judges them."""

import json
import subprocess
import sys

import client
import pytest
from helpers.experiments import data, recipe
from stub import text, tool

pytestmark = [
    pytest.mark.client,
    pytest.mark.slow,
    pytest.mark.xdist_group("client"),
    pytest.mark.skipif(client.missing() is not None, reason=str(client.missing())),
]

MINUTES = 120.0  # seconds; each training of the toy takes about one


@pytest.fixture
def toy(tmp_path):
    """Options of a run of the toy recipe, with an interpreter that has modules by the names that the real one needs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    (packages,) = (tmp_path / "env").glob("lib/python*/site-packages")
    for name in ("torch", "numpy", "safetensors", "tokenizers"):
        (packages / f"{name}.py").touch()
    python = tmp_path / "env" / "bin" / "python"
    parts = {"--recipe": recipe(tmp_path / "recipe"), "--data": data(tmp_path / "data"), "--python": python}
    return " ".join(f"{name} {value}" for name, value in parts.items())


def edit(old, new):
    """Claude Code's own edit of train.py: it has to read the file first."""
    return [
        [tool("Read", file_path="{project}/train.py")],
        [tool("Edit", file_path="{project}/train.py", old_string=old, new_string=new)],
    ]


def placed(replies, project):
    return json.loads(json.dumps(replies).replace("{project}", str(project)))


def test_claude_code_edits_and_the_runner_judges(machine, toy):
    take = "git -C bench-run/repository show best:train.py > train.py"
    better, worse = (
        f'skillloop bench try train.py -m "{what}"' for what in ("a lower level", "a higher level")
    )
    replies = [
        [tool("Bash", command=f"skillloop bench run {toy} --seconds 5 --trials 0 --no-sealed && {take}")],
        *edit("LEVEL = 2.0", "LEVEL = 1.5"),
        [tool("Bash", command=f"{better}; echo ended with $?; {take}")],
        *edit("LEVEL = 1.5", "LEVEL = 1.8"),
        [tool("Bash", command=f"{worse}; echo ended with $?")],
        [text("One was kept.")],
    ]
    with machine.terminal(client.binary(), "--permission-mode", "bypassPermissions") as terminal:
        machine.stub.replies[:] = placed(replies, machine.project)
        terminal.see("bypass permissions on")
        terminal.type("/skillloop:gpu-benchmark")
        terminal.see("One was kept.", MINUTES)
    told = str(machine.stub.requests[-1]["messages"])
    assert "Train better, and know that it is better" in told, "the skill's text"
    assert told.index("ended with 0") < told.index("ended with 4")
    rows = [
        json.loads(line) for line in (machine.project / "bench-run" / "ledger.jsonl").read_text().splitlines()
    ]
    trials = [row for row in rows if row["event"] == "trial"]
    decided = {row["description"]: (row["proposer"], row["status"]) for row in trials}
    assert decided == {
        "baseline": ("baseline", "keep"),
        "a lower level": ("agent", "keep"),
        "a higher level": ("agent", "discard"),
    }
    assert (machine.project / "bench-run" / "report.html").exists()
