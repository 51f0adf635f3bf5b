"""The nouns of an experiment: a candidate, a job, a measurement, and what stays fixed over a whole run."""

from __future__ import annotations

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
    refused: str = ""  # why it is not to be measured: what its proposer said was no edit
    key: str = ""  # of the proposal, where it was refused: tells one such from another

    @property
    def id(self) -> str:
        """Of the content: the same edit is the same candidate, whoever proposes it."""
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
    clock: Literal["wall", "cpu"] = (
        "wall"  # cpu: processor time, which other load on the machine does not change
    )
    early: float = 0.0  # part of the time given to a first stage, 0 is none
    sealed: int = 3  # how often the sealed split may be read
    hashes: Mapping[str, str] = field(default_factory=dict)  # of the locked files and of the data's manifest

    def seed_of(self, number: int) -> int:
        """The seed of a trial's training: given by the runner, so that seeds are drawn and not chosen."""
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
    """What a training came to."""

    status: Status
    bpb: float | None = None  # on the selection split
    reason: str = ""
    early: float | None = None  # bits per byte after the first stage
    seconds: float = 0.0  # of training, as the runner's clock has it
    spent: float = 0.0  # with start, evaluation and first stage
    config: Mapping[str, Any] = field(default_factory=dict)  # effective, as the run recorded it
    summary: Mapping[str, str] = field(default_factory=dict)  # the `key: value` lines that it printed
    landlock: int = 0


@dataclass(frozen=True, slots=True)
class Folder:
    """The paths of a run."""

    root: Path

    @property
    def plan(self) -> Path:
        """The plan, as JSON."""
        return self.root / "run.json"

    @property
    def ledger(self) -> Path:
        """The ledger."""
        return self.root / "ledger.jsonl"

    @property
    def results(self) -> Path:
        """The table in autoresearch's columns."""
        return self.root / "results.tsv"

    @property
    def report(self) -> Path:
        """The report."""
        return self.root / "report.html"

    @property
    def repository(self) -> Path:
        """The git repository of the candidates."""
        return self.root / "repository"

    @property
    def recipe(self) -> Path:
        """The locked files, as they were when the run started."""
        return self.root / "recipe"

    def trial(self, number: int) -> Path:
        """The folder of one trial."""
        return self.root / "trials" / f"{number:04d}"
