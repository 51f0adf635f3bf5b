"""The sections of a constraint file, which are also the reference: one field per key, with default and meaning.

Each field has a `Kind`: how its value is read from TOML, and which of two values is the stricter. Invariant of every
`restrict(upper, lower)`: it allows nothing that `upper` refuses.
"""

import fnmatch
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from keyword import iskeyword
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
    doc: str
    any_order: bool = False  # of a list: the order of its entries says nothing

    def read(self, value: Any) -> Any:
        """Return a value of TOML as this key has it; a ValueError says what it must be."""
        try:
            read = msgspec.convert(value, self.type)
        except msgspec.ValidationError:
            raise ValueError(self.words) from None
        return tuple(dict.fromkeys(read)) if isinstance(read, tuple) else read


def covers(wide: str, narrow: str) -> bool:
    """Return whether one entry of a source list speaks of all that another (or a host) does.

    An entry, `*` and `?` included, stands for every host that it or a parent domain of which it matches.
    """
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
_How = tuple[Any, str, Callable[[Any, Any], Any]]
_ALLOWED = (_Words, _LIST, _both)
_TABLE: _How = (
    dict[str, _Words],
    'a table of lists, such as {"x.com" = ["Twitter"]}',
    lambda upper, lower: {x: _union(upper.get(x, ()), lower.get(x, ())) for x in (*upper, *lower)},
)
_SHARE = (Annotated[float, msgspec.Meta(ge=0, le=1)], "a number from 0 to 1", max)


def key(default: Any, doc: str, how: _How | None = None) -> Any:
    """Make a key; `how` has the first fields of its `Kind`, where these do not follow from its annotation (see `_kind`)."""
    return field(default_factory=lambda: default, metadata={"doc": doc, "how": how})


def _kind(annotation: Any, doc: str, how: _How | None) -> Kind:
    """Return the kind of a key: of a few values the last is the strictest, of numbers the smallest; every level may lengthen a list.

    A string is for the person's own file alone to set.
    """
    if how is not None:
        return Kind(*how, doc)
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
        words = " or ".join(f'"{name}"' for name in choices)
        return Kind(annotation, words, partial(max, key=choices.index), doc)
    if annotation is str:
        return Kind(_Word, "a non-empty string", lambda upper, _lower: upper, doc)
    if annotation in {int, float}:
        words = "a whole number of at least 0" if annotation is int else "a number of at least 0"
        return Kind(Annotated[annotation, msgspec.Meta(ge=0)], words, min, doc)
    return Kind(_Words, _LIST, _union, doc, any_order=True)


@dataclass(frozen=True, slots=True)
class Sources:
    """`[sources]`: hosts (`nature.com` covers its subdomains), patterns (`*.edu`) and plain names (`Twitter`)."""

    trusted: tuple[str, ...] | None = key(
        None,
        "sources an edit may introduce without asking, in order of preference; without the key, any that is not untrusted",
        _ALLOWED,
    )
    untrusted: tuple[str, ...] = key((), "sources that no edit may introduce; wins over trusted")
    aliases: Mapping[str, tuple[str, ...]] = key({}, "other names of a source, by source", _TABLE)
    unknown: Literal["review", "refuse"] = key(
        "review",
        'a source that no list names, where there is a trusted list: "review" asks you, "refuse" discards the edit',
    )
    kept: tuple[str, ...] = ()
    """Not a key: every source that any level trusts. No edit may remove, soften or reorder a mention of these."""


@dataclass(frozen=True, slots=True)
class Protect:
    """`[protect]`: what is byte-equal after any edit, beside the frontmatter and `<!-- skillloop:lock -->` regions."""

    headings: tuple[str, ...] = key((), "headings whose sections, subsections included, no edit may touch")
    must_keep: tuple[str, ...] = key(
        (), "patterns (`*` and `?` as in a shell, any letter case); a line that matches one stays"
    )
    lines: tuple[str, ...] = key((), "whole lines that stay, without their list marker")


@dataclass(frozen=True, slots=True)
class EditLimits:
    """`[edit]`: how much may change."""

    max_added_lines: int = key(3, "lines that one edit may add")
    max_growth: int = key(10, "lines that automatic edits may add to what you last wrote or approved")
    max_bytes: int = key(100_000, "bytes that a SKILL.md may grow to")
    per_session: int = key(3, "lines that one session may add automatically")
    unseen: int = key(
        10, "lines that automatic edits may add to one skill until you next decide anything about it"
    )


@dataclass(frozen=True, slots=True)
class Apply:
    """`[apply]`: what is applied without asking."""

    mode: Literal["auto", "review"] = key(
        "review", '"review" asks for every edit, "auto" for the doubtful ones'
    )
    as_: Literal["file", "commit", "branch"] = key(
        "file",
        'for a file in git: "commit" commits each edit, "branch" puts it on a branch of its own and leaves the file alone',
    )
    share: Literal["quotes", "rules", "nothing"] = key(
        "nothing",
        'what `.claude/skillloop/` in the repository tells others of each edit: "rules", or with the words that taught them, "quotes"',
    )
    undo: Literal["auto", "review"] = key(
        "review",
        '"auto" takes back an edit that was applied without you, once it made things worse beyond chance; "review" asks you',
    )
    min_confidence: float = key(0.6, "how sure the detector must be for an automatic edit", _SHARE)
    never_auto: tuple[str, ...] = key(
        ("delete",),
        "operations (insert, replace, delete) and skill names (`*` allowed) that always wait for you",
    )


@dataclass(frozen=True, slots=True)
class Budget:
    """`[budget]`: what a model may cost. Enforced outside the model."""

    money_per_session: float = key(0.25, "US dollars")
    money_per_day: float = key(2.0, "US dollars")
    tokens_per_session: int = key(1_000_000, "input and output tokens together")
    tokens_per_day: int = key(5_000_000, "input and output tokens together")
    calls_per_session: int = key(500, "model calls")
    calls_per_day: int = key(2_000, "model calls")
    money_per_command: float = key(1.0, "US dollars that one run of a command may cost")
    tokens_per_command: int = key(2_000_000, "input and output tokens together")
    calls_per_command: int = key(2_000, "model calls")


@dataclass(frozen=True, slots=True)
class Model:
    """`[model]`: which model reads sessions and judges. Settings, so only the person's own file has them; others may say "offline"."""

    backend: Literal["auto", "anthropic", "claude", "offline"] = key(
        "offline",
        '"offline" asks no model, "claude" asks through Claude Code, "anthropic" through the API, "auto" uses whichever is available',
    )
    cheap: str = key("claude-haiku-5-5", "model that replays cases")
    careful: str = key("claude-sonnet-5-5", "model that is asked once about each session, and judges")
    runs: int = key(8, "times that a case is replayed with each text")


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
        each.name.rstrip("_"): _kind(each.type, **each.metadata)
        for each in fields(getattr(Config(), section.name))
        if each.metadata
    }
    for section in fields(Config)
    if section.name != "rules"
}
"""The keys of each section."""


def reference() -> Iterator[tuple[str, Any, str]]:
    """Yield every key with its default and its meaning, in the order of the reference."""
    for section, keys in KINDS.items():
        for name, kind in keys.items():
            yield f"{section}.{name}", Config().get(f"{section}.{name}"), kind.doc


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a configuration file."""
    closed = {"type": "object", "additionalProperties": False}
    sections = {
        section: closed
        | {
            "properties": {
                name: msgspec.json.schema(kind.type)
                | {"description": kind.doc, "default": Config().get(f"{section}.{name}")}
                for name, kind in keys.items()
            }
        }
        for section, keys in KINDS.items()
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **closed, "properties": sections}


def commented() -> str:
    """Return a configuration file that sets nothing: each key with its default and its meaning, as comments."""
    lines = [
        "# Your settings. Remove the # from what you want to set; `skillloop config show` prints what is in force."
    ]
    for key, default, meaning in reference():
        section, _, name = key.partition(".")
        if f"[{section}]" not in lines:
            lines += ["", f"[{section}]"]
        lines += [
            f"# {meaning}",
            f"# {name} = {json.dumps(['docs.python.org'] if default is None else default)}",
        ]
    return "\n".join(lines) + "\n"


def rule_of(key: str, value: Any, file: str | None = None, line: int | None = None) -> Rule:
    """Return the rule as the file would spell it."""
    return Rule(f"{key} = {json.dumps(value, ensure_ascii=False)}", file, line)
