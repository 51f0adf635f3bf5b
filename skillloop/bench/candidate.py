"""The nouns of an experiment: a candidate, a job, a measurement, and what stays fixed over a whole run."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from skillloop.model import sha256

EDITABLE = "train.py"
LOCKED = ("prepare.py", "evaluate.py")

Status = Literal["ok", "crash", "nan", "oom", "timeout", "tampered"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version of train.py, and what it claims to be. `files` are all files that differ from the locked recipe."""

    files: Mapping[str, str]
    description: str
    proposer: str
    parent: str | None = None  # id of the candidate it was made from
    hypothesis: str = ""  # what its proposer expects of it
    insight: str = ""  # what its proposer learned from the trials before it
    refused: str = ""  # why it is not to be measured: its proposer had no usable edit
    key: str = ""  # of the proposal, where it was refused: tells one such from another

    @property
    def id(self) -> str:
        """The hash of the content: the same edit is the same candidate, whoever proposes it."""
        content = "\0".join(f"{name}\0{text}" for name, text in sorted(self.files.items()))
        return sha256(f"{content}\0{self.key}" if self.refused else content)[:12]

    @property
    def source(self) -> str:
        """The text of train.py."""
        return self.files.get(EDITABLE, "")


@dataclass(frozen=True, slots=True)
class Plan:
    """What no trial of a run may change: recorded when the run starts, compared whenever it goes on."""

    seconds: float  # of one training
    seed: int
    data: str  # the data folder
    python: str  # the interpreter with PyTorch
    clock: Literal["wall", "cpu"] = "wall"  # cpu: processor time, which other load does not change
    early: float = 0.0  # part of the time given to a first stage, 0 is none
    sealed: int = 3  # how often the sealed split may be read
    hashes: Mapping[str, str] = field(default_factory=dict)  # of the locked files and of the data's manifest

    def seed_of(self, number: int) -> int:
        """Return the seed of a trial's training: given by the runner, so that seeds are drawn and not chosen."""
        return random.Random(f"{self.seed}:{number}").randrange(1, 2**31)


@dataclass(frozen=True, slots=True)
class Job:
    """One training to measure."""

    number: int
    commit: str
    seed: int
    hopeless: float | None = None  # the first stage ends the trial above this, in bits per byte


@dataclass(frozen=True, slots=True)
class Measurement:
    """The result of one training."""

    status: Status
    bpb: float | None = None  # on the selection split
    anchor: float | None = None  # the judge's second metric, lower is better
    reason: str = ""
    early: float | None = None  # bits per byte after the first stage
    seconds: float = 0.0  # of training, as the runner's clock has it
    spent: float = 0.0  # with start, evaluation and first stage
    config: Mapping[str, Any] = field(default_factory=dict)  # effective, as the run recorded it
    summary: Mapping[str, str] = field(default_factory=dict)  # the `key: value` lines that it printed
    landlock: int = 0


class Folder:
    """The paths of a run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.plan = root / "run.json"
        self.ledger = root / "ledger.jsonl"
        self.results = root / "results.tsv"  # the table in autoresearch's columns
        self.report = root / "report.html"
        self.repository = root / "repository"  # git, of the candidates
        self.recipe = root / "recipe"  # the locked files, as they were when the run started

    def trial(self, number: int) -> Path:
        """Return the folder of one trial."""
        return self.root / "trials" / f"{number:04d}"
