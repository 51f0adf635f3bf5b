"""Where candidates come from: somebody else, a list of known ideas, a search over declared knobs, or a model.

A proposer is a function `(parent, archive, sources, key) -> Candidate | None`: pure, so that a resumed run proposes the
same. `parent` is the candidate drawn to be worked on, `sources` gives the files of a candidate by its id, and `key` seeds
whatever is drawn. None means that nothing is left to try. Invariants of a model's: its answer is data; what is no usable edit is
a discarded trial with its reason, unmeasured; where the budget or the model ends, it says why, and the run ends well.
"""

import ast
import math
import random
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from skillloop import llm
from skillloop.bench.candidate import EDITABLE, Candidate, Knob, kind, knobs, reseeded, with_constant
from skillloop.errors import UsageError
from skillloop.llm import ModelClient, Request
from skillloop.search.ledger import Archive
from skillloop.text import redact

Sources = Callable[[str], Mapping[str, str]]
Proposer = Callable[[str, Archive, Sources, str], Candidate | None]
IN_A_ROW = 3  # edits of one part of train.py; then another part's turn comes
PLATEAU = 8  # candidates in a row of which none was kept: then edits become larger
TRIES = 20  # draws before a search gives up finding something new
STARTUP = 8  # trials that Optuna must have seen before it is asked
PROMPT = "experiment.v2"
TRIED = 60  # trials that the model is told of, the newest
LONGEST = 100  # characters of a description
SCHEMA = llm.schema(**{name: {"type": "string"} for name in ("old", "new", "what", "why", "insight")})


def tired(archive: Archive) -> str | None:
    """Return the part of train.py that the last IN_A_ROW candidates edited, where it was one: another's turn comes."""
    parts = [row.get("kind") for name, row in archive.last.items() if name != archive.baseline][-IN_A_ROW:]
    return parts[0] if len(parts) == IN_A_ROW and len(set(parts)) == 1 else None


def plateau(archive: Archive) -> int:
    """Return how many candidates in a row were not kept, up to now."""
    names = list(archive.last)
    return len(names) - 1 - names.index(archive.kept[-1])


def varied(candidates: Iterable[Candidate], archive: Archive, sources: Sources) -> Candidate | None:
    """Return the first candidate that edits no tired part, else the first; None where there is none."""
    first, waiting = None, tired(archive)
    for candidate in candidates:
        if waiting is None or kind(sources(str(candidate.parent))[EDITABLE], candidate.source) != waiting:
            return candidate
        first = first or candidate
    return first


def first_of(proposers: Sequence[Proposer]) -> Proposer:
    """Ask each in turn: the next is asked when the one before has nothing left, or nothing but a tired part's."""

    def propose(parent: str, archive: Archive, sources: Sources, key: str) -> Candidate | None:
        proposed = (proposer(parent, archive, sources, key) for proposer in proposers)
        return varied(filter(None, proposed), archive, sources)

    return propose


def given(candidates: Sequence[Candidate]) -> Proposer:
    """Propose candidates that somebody else made: Claude Code through the skill, a person, a test."""

    def propose(_parent: str, archive: Archive, _sources: Sources, _key: str) -> Candidate | None:
        return next((each for each in candidates if each.id not in archive.known), None)

    return propose


def ideas(path: Path) -> Proposer:
    """Propose the known ideas of a TOML file, each once on the best so far; what does not apply there is passed over.

    An `[[idea]]` has a `title`, `set = {NAME = value}` for constants ("*1.5" scales the one in force, "+1" adds to it),
    `replace = [[old, new], …]` for text that must be there once, and maybe `why`. Raises UsageError: not such TOML.
    """
    try:
        known = tomllib.loads(path.read_text("utf-8"))["idea"]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not a list of ideas: {error}") from error

    def propose(_parent: str, archive: Archive, sources: Sources, _key: str) -> Candidate | None:
        tried = {row["description"] for row in archive.rows if row["proposer"] == "ideas"}
        best = str(archive.best)
        files = sources(best)
        left = (
            Candidate({**files, EDITABLE: text}, idea["title"], "ideas", best, idea.get("why", ""))
            for idea in known
            if idea["title"] not in tried
            and (text := edited(files[EDITABLE], idea, archive.last[best]["config"]))
        )
        return varied((made for made in left if made.id not in archive.known), archive, sources)

    return propose


def edited(text: str, idea: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    """Return a train.py with an idea's edits, for the configuration in force; None where one does not apply."""
    for old, new in idea.get("replace", ()):
        if text.count(old) != 1:
            return None
        text = text.replace(old, new)
    with suppress(KeyError):
        for name, value in idea.get("set", {}).items():
            wanted, current = value, config[name]
            if isinstance(value, str) and value.startswith(("*", "+")):
                by = float(value[1:])
                scaled = current * by if value[0] == "*" else current + by
                wanted = max(1, round(scaled)) if isinstance(current, int) else _rounded(scaled)
            text = with_constant(text, name, wanted)
        return text
    return None


def search(parent: str, archive: Archive, sources: Sources, key: str) -> Candidate | None:
    """Propose one to three declared knobs of the parent at new values: by Optuna's TPE if installed, else drawn near.

    Optuna sees every measured trial in the knobs' ranges. On a plateau three knobs take steps of twice the size, without it.
    """
    stuck = plateau(archive) >= PLATEAU
    files, config = sources(parent), archive.last[parent]["config"]
    declared = [knob for knob in knobs(files[EDITABLE]) if isinstance(config.get(knob.name), (int, float))]

    def drawn() -> Iterator[Candidate]:
        for attempt in range(TRIES if declared else 0):
            random_ = random.Random(f"{key}:{attempt}")
            count = 3 if stuck else random_.choice((1, 1, 2, 3))
            chosen = random_.sample(declared, min(len(declared), count))
            values = (not stuck and _optuna(chosen, archive, random_)) or {
                knob.name: _near(knob, config[knob.name], random_, 2.0 if stuck else 1.0) for knob in chosen
            }
            text = files[EDITABLE]
            for name, value in values.items():
                text = with_constant(text, name, value)
            edit = ", ".join(f"{name} {config[name]:.4g} -> {value:.4g}" for name, value in values.items())
            made = Candidate({**files, EDITABLE: text}, edit, "search", parent)
            if made.id not in archive.known and not reseeded(files[EDITABLE], text):
                yield made

    return varied(drawn(), archive, sources)


def _near(knob: Knob, current: float, random_: random.Random, reach: float) -> float | int:
    """Draw a neighbour: one of the nearest choices, or a step of about a fifth of the range; `reach` scales both."""
    if knob.choices:
        others = sorted((c for c in knob.choices if c != current), key=lambda c: abs(math.log(c / current)))
        return random_.choice(others[: round(2 * reach)])
    low, high = (math.log(knob.low), math.log(knob.high)) if knob.log else (knob.low, knob.high)
    start = math.log(current) if knob.log else current
    drawn = min(high, max(low, random_.gauss(start, reach * (high - low) / 5)))
    return _rounded(math.exp(drawn) if knob.log else drawn)


def _optuna(chosen: Sequence[Knob], archive: Archive, random_: random.Random) -> dict[str, float] | None:
    """Ask TPE what to try next for these knobs; None without Optuna, or before it has seen enough."""
    try:
        import optuna
    except ImportError:
        return None
    spaces: dict[str, optuna.distributions.BaseDistribution] = {
        knob.name: optuna.distributions.CategoricalDistribution(knob.choices)
        if knob.choices
        else optuna.distributions.FloatDistribution(knob.low, knob.high, log=knob.log)
        for knob in chosen
    }
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # optuna 5 turned these on, 4 had them off: said here, the same seed draws the same in each
    same: dict[str, Any] = {"multivariate": False, "constant_liar": False}
    seed = random_.randrange(2**31)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP, **same)
    study = optuna.create_study(sampler=sampler)
    for name, runs in archive.runs.items():
        settings = {knob.name: archive.last[name]["config"].get(knob.name) for knob in chosen}
        value = sum(runs) / len(runs)
        with suppress(ValueError):  # a setting outside its knob's range
            study.add_trial(optuna.trial.create_trial(params=settings, distributions=spaces, value=value))
    if len(study.trials) < STARTUP:
        return None
    values = study.ask(spaces).params
    return {name: _rounded(value) if isinstance(value, float) else value for name, value in values.items()}


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def model(client: ModelClient, name: str, program: str, say: Callable[[str], None]) -> Proposer:
    """Return a proposer that asks a model, which is told `program`; `say` is told once why there will be no more proposals."""
    ended = False

    def propose(parent: str, archive: Archive, sources: Sources, key: str) -> Candidate | None:
        nonlocal ended
        if ended:
            return None
        files = sources(parent)
        request = _request(parent, archive, files, program, name)
        try:
            reply = client.complete(request)
        except (llm.BudgetExceeded, llm.ModelError) as error:
            ended = True
            say(f"no more proposals from the model: {error.message}")
            return None
        what, text, trouble, thoughts = "an unusable answer", files[EDITABLE], reply.trouble, ["", ""]
        if reply.value is not None:
            what, text, trouble = _edited(text, reply.value)
            thoughts = [_line(reply.value[name]) for name in ("why", "insight")]
        by = f"{client.backend.name}:{name}:{request.prompt.name}"
        made = Candidate({**files, EDITABLE: text}, what, by, parent, *thoughts)
        if not trouble and made.id in archive.known:
            trouble = f"the same was tried before, as candidate {made.id}"
        return replace(made, refused=trouble, key=key)

    return propose


def _request(parent: str, archive: Archive, files: Mapping[str, str], program: str, name: str) -> Request:
    """Return what is sent for one proposal: the program, the parent's train.py, and the newest trials, oldest first."""
    tried = [
        {
            "candidate": candidate,
            "from": row["parent"],
            "what": redact.redact(row["description"]),
            "status": row["status"],
            "bits per byte": round(archive.mean(candidate), 5) if candidate in archive.runs else None,
            "runs": len(archive.runs.get(candidate, ())),
            "why": redact.redact(row["reason"]),
            "expected": row.get("hypothesis", ""),
            "insight": row.get("insight", ""),
        }
        for candidate, row in list(archive.last.items())[-TRIED:]
    ]
    data = {
        "parent": parent,
        "noise": round(archive.noise.sigma, 6),
        "not_kept_in_a_row": plateau(archive),
        "avoid": tired(archive) or "",
        "tried": tried,
    }
    shared = {"program": redact.redact(program), "train": redact.redact(files[EDITABLE])}
    prompt, sample = llm.prompt(PROMPT), archive.number
    return Request("experiment", name, prompt, data, SCHEMA, max_tokens=12_000, sample=sample, shared=shared)


def _line(text: str) -> str:
    return redact.redact(" ".join(text.split()))[: 3 * LONGEST]


def _edited(text: str, value: Mapping[str, str]) -> tuple[str, str, str]:
    """Return an answer's description, the text with its edit, and why that edit is unusable, or ""."""
    what = _line(value["what"])[:LONGEST] or "an unnamed edit"
    count = text.count(value["old"]) if value["old"] else 0
    if count != 1:
        return what, text, f"the text to replace occurs {count} times"
    new = text.replace(value["old"], value["new"])
    try:
        ast.parse(new)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return what, text, f"not valid Python: {error}"
    return what, new, ""
