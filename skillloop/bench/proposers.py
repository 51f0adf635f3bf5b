"""Where candidates come from when no model is at hand: a list of known ideas, and a search over declared knobs.

A proposer is a function `(archive, sources, key) -> Candidate | None`: pure, so that a resumed run proposes the same.
`sources` gives the files of a candidate by its id; `key` seeds whatever is drawn.
"""

from __future__ import annotations

import math
import random
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from skillloop.bench.archive import Archive
from skillloop.bench.candidate import EDITABLE, Candidate
from skillloop.bench.source import Knob, knobs, same_but_for_seeds, with_constant
from skillloop.errors import UsageError

Sources = Callable[[str], Mapping[str, str]]
Proposer = Callable[[Archive, Sources, str], Candidate | None]

TRIES = 20  # draws before a search gives up finding something new


def first_of(proposers: Sequence[Proposer]) -> Proposer:
    """Ask each in turn: the next is asked when the one before has nothing left."""

    def propose(archive: Archive, sources: Sources, key: str) -> Candidate | None:
        found = (proposer(archive, sources, key) for proposer in proposers)
        return next((candidate for candidate in found if candidate is not None), None)

    return propose


def given(candidates: Sequence[Candidate]) -> Proposer:
    """Candidates that somebody else made: Claude Code through the skill, a person, a test."""

    def propose(archive: Archive, _sources: Sources, _key: str) -> Candidate | None:
        return next((c for c in candidates if not archive.known(c.id)), None)

    return propose


def ideas(path: Path) -> Proposer:
    """The known ideas of a TOML file, each tried once on the best so far; what does not apply there is passed over.

    An `[[idea]]` has a `title`, `set = {NAME = value}` for constants ("*1.5" scales the one in force), and
    `replace = [[old, new], …]` for text that must be there once.

    Raises:
        UsageError: the file is not such TOML.
    """
    try:
        known = tomllib.loads(path.read_text("utf-8"))["idea"]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not a list of ideas: {error}") from error

    def propose(archive: Archive, sources: Sources, _key: str) -> Candidate | None:
        tried = {row["description"] for row in archive.rows if row["proposer"] == "ideas"}
        best = archive.best
        assert best is not None
        files = sources(best)
        for idea in known:
            text = _edited(files[EDITABLE], idea, archive.config(best))
            made = text and Candidate({**files, EDITABLE: text}, idea["title"], "ideas", best)
            if made and idea["title"] not in tried and not archive.known(made.id):
                return made
        return None

    return propose


def _edited(text: str, idea: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    """The text with an idea applied; None where it does not apply."""
    for old, new in idea.get("replace", ()):
        if text.count(old) != 1:
            return None
        text = text.replace(old, new)
    for name, value in idea.get("set", {}).items():
        try:
            text = with_constant(text, name, _value(value, config[name]))
        except KeyError:
            return None
    return text


def _value(wanted: Any, current: Any) -> Any:
    """A text like "*1.5" scales the current value, an integer staying one; anything else is taken as it is."""
    if not (isinstance(wanted, str) and wanted.startswith("*")):
        return wanted
    scaled = current * float(wanted[1:])
    return max(1, round(scaled)) if isinstance(current, int) else float(f"{scaled:.4g}")


def search(archive: Archive, sources: Sources, key: str) -> Candidate | None:
    """One to three declared knobs of a parent at new values: by Optuna's TPE where it is installed, else drawn near.

    Optuna sees every measured trial whose recorded settings lie in the knobs' ranges, whoever proposed it.
    """
    parent = archive.parent(key)
    files, config = sources(parent), archive.config(parent)
    declared = [knob for knob in knobs(files[EDITABLE]) if isinstance(config.get(knob.name), (int, float))]
    for attempt in range(TRIES if declared else 0):
        random_ = random.Random(f"{key}:{attempt}")
        chosen = random_.sample(declared, min(len(declared), random_.choice((1, 1, 2, 3))))
        values = _optuna(chosen, archive, random_) or {
            k.name: _near(k, config[k.name], random_) for k in chosen
        }
        text = files[EDITABLE]
        for name, value in values.items():
            text = with_constant(text, name, value)
        said = ", ".join(f"{name} {config[name]:.4g} -> {value:.4g}" for name, value in values.items())
        made = Candidate({**files, EDITABLE: text}, said, "search", parent)
        if not archive.known(made.id) and not same_but_for_seeds(files[EDITABLE], text):
            return made
    return None


def _near(knob: Knob, current: float, random_: random.Random) -> float | int:
    """A neighbour: the next choice up or down, or a step of about a fifth of the range."""
    if knob.choices:
        others = sorted((c for c in knob.choices if c != current), key=lambda c: abs(math.log(c / current)))
        return random_.choice(others[:2])
    low, high = (math.log(knob.low), math.log(knob.high)) if knob.log else (knob.low, knob.high)
    start = math.log(current) if knob.log else current
    found = min(high, max(low, random_.gauss(start, (high - low) / 5)))
    return float(f"{math.exp(found) if knob.log else found:.4g}")


def _optuna(
    chosen: Sequence[Knob], archive: Archive, random_: random.Random
) -> dict[str, float | int] | None:
    """What TPE would try next for these knobs; None without Optuna, or before it has seen enough."""
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
    sampler = optuna.samplers.TPESampler(seed=random_.randrange(2**31), n_startup_trials=8)
    study = optuna.create_study(sampler=sampler)
    for name, runs in archive.runs.items():
        settings = {k: archive.config(name).get(k) for k in spaces}
        if all(_fits(spaces[k], v) for k, v in settings.items()):
            value = sum(runs) / len(runs)
            study.add_trial(optuna.trial.create_trial(params=settings, distributions=spaces, value=value))
    if len(study.trials) < 8:
        return None
    asked = study.ask(spaces).params
    return {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in asked.items()}


def _fits(space: Any, value: Any) -> bool:
    """Whether a recorded setting lies in a knob's range."""
    if hasattr(space, "choices"):
        return value in space.choices
    return isinstance(value, (int, float)) and bool(space.low <= value <= space.high)
