"""The nouns of an experiment (a candidate, a job, a measurement, what stays fixed over a run), git of them, and a train.py read."""

import ast
import os
import random
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, NamedTuple

from skillloop.errors import SkillloopError
from skillloop.model import sha256

EDITABLE = "train.py"
LOCKED = ("prepare.py", "evaluate.py")
_SEEDERS = frozenset("manual_seed manual_seed_all seed default_rng Random RandomState PRNGKey".split())
_DECLARED = re.compile(r"^(?P<name>[A-Z][A-Z0-9_]*) = [^#\n]+?\s+#.*?\bknob:\s*(?P<range>.+)$", re.MULTILINE)
_HEADING = re.compile(r"^# ([A-Z]\w+)")  # of a part of train.py: "# Model", "# Optimiser: Muon for …"
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

    @property
    def size(self) -> int:
        """Its lines of code, as Python itself would lay them out: no blank lines, comments or docstrings."""
        try:
            return sum(map(bool, ast.unparse(_bare(self.source)).splitlines()))
        except (SyntaxError, ValueError, RecursionError):
            return len(self.source.splitlines())


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


class Job(NamedTuple):
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


_QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "commit.gpgsign=false", "-c", "gc.auto=0")
_SIGNED = {"NAME": "skillloop", "EMAIL": "skillloop@localhost", "DATE": "2000-01-01T00:00:00Z"}
# one date for all: the ledger has the times, and equal content is an equal commit
_SETTINGS = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _SIGNED.items()}
_SETTINGS |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}


class Repository:
    """The git repository of one run: each candidate is a commit on its parent, for good. No hooks or settings from around it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not (path / "HEAD").exists():
            path.mkdir(parents=True, exist_ok=True)
            self.git("init", "-q", "--bare", "-b", "best", ".")

    def git(self, *args: str, text: str = "", strip: bool = True) -> str:
        """Run git and return its output. Raises SkillloopError: git failed."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | _SETTINGS
        argv, data = ["git", *_QUIET, *args], text.encode("utf-8", "surrogateescape")
        done = subprocess.run(argv, cwd=self.path, env=env, input=data, capture_output=True, check=False)
        told, wrong = (each.decode("utf-8", "surrogateescape") for each in (done.stdout, done.stderr))
        if done.returncode:
            raise SkillloopError(f"git {args[0]} failed: {wrong.strip()}")
        return told.strip() if strip else told

    def commit(self, files: Mapping[str, str], message: str, parent: str | None, number: int) -> str:
        """Return the id of a commit that holds exactly these files; it stays reachable as refs/trials/NUMBER."""
        blobs = {name: self.git("hash-object", "-w", "--stdin", text=files[name]) for name in sorted(files)}
        listed = "".join(f"100644 blob {blob}\t{name}\n" for name, blob in blobs.items())
        tree = self.git("mktree", text=listed)
        commit = self.git("commit-tree", tree, *(("-p", parent) if parent else ()), text=message)
        self.git("update-ref", f"refs/trials/{number}", commit)
        return commit

    def files(self, commit: str) -> dict[str, str]:
        """Return the files of a commit."""
        names = self.git("ls-tree", "--name-only", commit).splitlines()
        return {name: self.git("cat-file", "blob", f"{commit}:{name}", strip=False) for name in names}

    def check_out(self, commit: str, where: Path) -> None:
        """Make a fresh worktree of the commit."""
        self.remove(where)
        self.git("worktree", "add", "-q", "--detach", str(where.resolve()), commit)

    def remove(self, where: Path) -> None:
        """Drop a worktree; the commit stays."""
        shutil.rmtree(where, ignore_errors=True)
        self.git("worktree", "prune")

    def diff(self, commit: str) -> str:
        """Return what a candidate changed against its parent; "" for the baseline."""
        parents = self.git("rev-list", "--parents", "-n", "1", commit).split()[1:]
        return self.git("diff", parents[0], commit) if parents else ""


# --- what stands in a train.py ----------------------------------------------------------------------------------------


def kind(old: str, new: str) -> str:
    """Return which part of train.py an edit is about: the heading above the first line that differs; "" for none."""
    heading = ""
    for before, after in zip_longest(old.splitlines(), new.splitlines(), fillvalue=""):
        if before != after:
            return heading
        heading = match[1] if (match := _HEADING.match(before)) else heading
    return ""


class _Seedless(ast.NodeTransformer):
    """Replaces whatever is a seed by 0: values of names like SEED, and the arguments of functions that seed."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if all(isinstance(t, (ast.Name, ast.Attribute)) and "seed" in _name(t).lower() for t in node.targets):
            node.value = ast.Constant(0)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if _name(node.func) in _SEEDERS:
            node.args = [ast.Constant(0) for _ in node.args]
        for keyword in node.keywords:
            if keyword.arg and "seed" in keyword.arg.lower():
                keyword.value = ast.Constant(0)
        if _name(node.func) == "add_argument" and node.args and "seed" in ast.unparse(node.args[0]).lower():
            node.keywords = [k for k in node.keywords if k.arg != "default"]
        return self.generic_visit(node)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _bare(text: str) -> ast.Module:
    """Parse a program without its docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            del node.body[0]
    return tree


def reseeded(old: str, new: str) -> bool:
    """Return whether two programs differ in nothing but seeds, comments, docstrings and layout. False if one does not parse."""
    try:
        before, after = (ast.dump(_Seedless().visit(_bare(text))) for text in (old, new))
    except SyntaxError:
        return False
    return before == after


class Knob(NamedTuple):
    """A constant that the file itself declares to be worth searching: `NAME = value  # knob: range`."""

    name: str
    choices: tuple[float | int, ...] = ()  # either these …
    low: float = 0.0
    high: float = 0.0  # … or from low to high
    log: bool = False


def knobs(text: str) -> list[Knob]:
    """Return the declared knobs, in the order of the file."""
    declared = []
    for match in _DECLARED.finditer(text):
        span, _, scale = match["range"].strip().partition(" ")
        if "|" in match["range"]:
            choices = tuple(ast.literal_eval(part.strip()) for part in match["range"].split("|"))
            declared.append(Knob(match["name"], choices))
        else:
            low, high = map(float, span.split(".."))
            declared.append(Knob(match["name"], (), low, high, scale.strip() == "log"))
    return declared


def with_constant(text: str, name: str, value: object) -> str:
    """Return the text with one top-level constant set anew, its comment kept. Raises KeyError: there is none; SyntaxError."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]:
            old = node.value
            assert old.end_lineno is not None
            assert old.end_col_offset is not None
            rows = text.encode().splitlines(keepends=True)  # offsets of the syntax tree count UTF-8 bytes
            before = b"".join(rows[: old.lineno - 1]) + rows[old.lineno - 1][: old.col_offset]
            after = rows[old.end_lineno - 1][old.end_col_offset :] + b"".join(rows[old.end_lineno :])
            return (before + repr(value).encode("utf-8") + after).decode("utf-8")
    raise KeyError(name)
