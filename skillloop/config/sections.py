"""The sections of a constraint file: one field per key, with its default. What they mean is said in data/config.toml.

Each field has a `Kind`: how its value is read from TOML, and which of two values is the stricter. Invariant of every
`restrict(upper, lower)`: it allows nothing that `upper` refuses.
"""

import fnmatch
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from keyword import iskeyword
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from skillloop.model import Rule

_Word = Annotated[str, msgspec.Meta(pattern=r"\S")]
_Words = tuple[_Word, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A key: what its values are in TOML (`type`, and in `words`), and which of two levels' is the stricter (`restrict`)."""

    type: Any
    words: str
    restrict: Callable[[Any, Any], Any]
    any_order: bool = False  # of a list: the order of its entries says nothing

    def read(self, value: Any) -> Any:
        """Return a value of TOML as this key has it; a ValueError says what it must be."""
        try:
            read = msgspec.convert(value, self.type)
        except msgspec.ValidationError:
            raise ValueError(self.words) from None
        return tuple(dict.fromkeys(read)) if isinstance(read, tuple) else read


def covers(wide: str, narrow: str) -> bool:
    """Return whether an entry of a source list (a host covers its subdomains) speaks of all that another does."""
    wide, narrow = wide.casefold(), narrow.casefold()
    if wide == narrow:
        return True
    labels = narrow.split(".")
    parents = (".".join(labels[start:]) for start in range(len(labels)))
    exact = not ("?" in wide or "[" in wide)  # "a?" is matched by the text "a*", which stands for more
    return any(fnmatch.fnmatchcase(parent, wide) for parent in parents if exact or "*" not in parent)


def _union(upper: tuple[str, ...], lower: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(upper + lower))


def _both(upper: tuple[str, ...] | None, lower: tuple[str, ...]) -> tuple[str, ...]:
    """Return what two lists of the only things allowed both allow; None allows everything."""
    if upper is None:
        return lower
    common = [name for name in upper if any(covers(wide, name) for wide in lower)]
    common += [name for name in lower if any(covers(wide, name) for wide in upper)]
    return tuple(dict.fromkeys(common))


_LIST = 'a list of non-empty strings, such as ["one", "two"]'
_List = tuple[str, ...]
_Table = Mapping[str, _List]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_KINDS: dict[Any, Kind] = {
    str: Kind(
        _Word, "a non-empty string", lambda upper, _lower: upper
    ),  # for the person's own file alone to set
    int: Kind(Annotated[int, msgspec.Meta(ge=0)], "a whole number of at least 0", min),
    float: Kind(Annotated[float, msgspec.Meta(ge=0)], "a number of at least 0", min),
    _Share: Kind(_Share, "a number from 0 to 1", max),
    _List: Kind(_Words, _LIST, _union, any_order=True),  # every level may lengthen it
    _List | None: Kind(_Words, _LIST, _both),
    _Table: Kind(
        dict[str, _Words],
        'a table of lists, such as {"x.com" = ["Twitter"]}',
        lambda upper, lower: {x: _union(upper.get(x, ()), lower.get(x, ())) for x in (*upper, *lower)},
    ),
}


def _kind(annotation: Any) -> Kind:
    """Return the kind of a key; of a few values the last is the strictest."""
    if get_origin(annotation) is not Literal:
        return _KINDS[annotation]
    choices = get_args(annotation)
    return Kind(annotation, " or ".join(f'"{name}"' for name in choices), partial(max, key=choices.index))


@dataclass(frozen=True, slots=True)
class Sources:
    """`[sources]`: hosts (`nature.com` covers its subdomains), patterns (`*.edu`) and plain names (`Twitter`)."""

    trusted: _List | None = None
    untrusted: _List = ()
    aliases: _Table = field(default_factory=dict)
    unknown: Literal["review", "refuse"] = "review"
    kept: _List = field(default=(), metadata={"key": False})
    """Every source that any level trusts. No edit may remove, soften or reorder a mention of these."""


@dataclass(frozen=True, slots=True)
class Protect:
    """`[protect]`: what is byte-equal after any edit, beside the frontmatter and `<!-- skillloop:lock -->` regions."""

    headings: _List = ()
    must_keep: _List = ()
    lines: _List = ()


@dataclass(frozen=True, slots=True)
class EditLimits:
    """`[edit]`: how much may change."""

    max_added_lines: int = 3
    max_growth: int = 10
    max_bytes: int = 100_000
    per_session: int = 3
    unseen: int = 10


@dataclass(frozen=True, slots=True)
class Apply:
    """`[apply]`: what is applied without asking."""

    mode: Literal["auto", "review"] = "review"
    as_: Literal["file", "commit", "branch"] = "file"
    share: Literal["quotes", "rules", "nothing"] = "nothing"
    undo: Literal["auto", "review"] = "review"
    min_confidence: _Share = 0.6
    never_auto: _List = ("delete",)


@dataclass(frozen=True, slots=True)
class Budget:
    """`[budget]`: what a model may cost. Enforced outside the model."""

    money_per_session: float = 0.25
    money_per_day: float = 2.0
    tokens_per_session: int = 1_000_000
    tokens_per_day: int = 5_000_000
    calls_per_session: int = 500
    calls_per_day: int = 2_000
    money_per_command: float = 1.0
    tokens_per_command: int = 2_000_000
    calls_per_command: int = 2_000


@dataclass(frozen=True, slots=True)
class Model:
    """`[model]`: which model reads sessions and judges. Settings, so only the person's own file has them; others may say "offline"."""

    backend: Literal["auto", "anthropic", "claude", "offline"] = "offline"
    cheap: str = "claude-haiku-5-5"
    careful: str = "claude-sonnet-5-5"
    runs: int = 8


@dataclass(frozen=True, slots=True)
class Config:
    """The effective rules for one skill. `rules` maps a key, or (key, entry of its list), to where it comes from."""

    sources: Sources = Sources()
    protect: Protect = Protect()
    edit: EditLimits = EditLimits()
    apply: Apply = Apply()
    budget: Budget = Budget()
    model: Model = Model()
    rules: Mapping[tuple[str, str | None], Rule] = field(default_factory=dict)

    def rule(self, key: str, entry: str | None = None) -> Rule:
        """Return where `key` (such as "edit.unseen"), or one entry of a list key, comes from."""
        found = self.rules.get((key, entry)) or self.rules.get((key, None))
        return found or rule_of(key, self.get(key) if entry is None else [entry])

    def get(self, key: str) -> Any:
        """Return the value of a key such as "edit.unseen"."""
        section, _, name = key.partition(".")
        return getattr(getattr(self, section), field_of(name))


def field_of(name: str) -> str:
    """Return the field of a section for a key: Python does not allow one called `as`."""
    return f"{name}_" * iskeyword(name) or name


KINDS: dict[str, dict[str, Kind]] = {
    section.name: {
        each.name.rstrip("_"): _kind(each.type)
        for each in fields(getattr(Config(), section.name))
        if not each.metadata
    }
    for section in fields(Config)
    if section.name != "rules"
}
"""The keys of each section."""


def reference() -> Iterator[tuple[str, Any, str]]:
    """Yield every key with its default and its meaning, in the order of the reference."""
    for part in commented().split("\n[")[1:]:
        section, _, keys = part.partition("]\n")
        for meaning, name in re.findall(r"^# (.*)\n# (\w+) = ", keys, re.MULTILINE):
            yield f"{section}.{name}", Config().get(f"{section}.{name}"), meaning


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a configuration file."""
    closed = {"type": "object", "additionalProperties": False}
    sections: dict[str, Any] = {section: closed | {"properties": {}} for section in KINDS}
    for key, default, meaning in reference():
        section, _, name = key.partition(".")
        told = msgspec.json.schema(KINDS[section][name].type)
        sections[section]["properties"][name] = told | {"description": meaning, "default": default}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **closed, "properties": sections}


def commented() -> str:
    """Return a configuration file that sets nothing: each key with its default and its meaning, as comments."""
    return (Path(__file__).parents[1] / "data" / "config.toml").read_text("utf-8")


def rule_of(key: str, value: Any, file: str | None = None, line: int | None = None) -> Rule:
    """Return the rule as the file would spell it."""
    return Rule(f"{key} = {json.dumps(value, ensure_ascii=False)}", file, line)
