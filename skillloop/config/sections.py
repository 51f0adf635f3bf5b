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
from typing import Annotated, Any, Literal

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


def key(default: Any, kind: Any, words: str, restrict: Callable[[Any, Any], Any], doc: str) -> Any:
    """Make a key; see `Kind`. The order of a list's entries says something."""
    return field(default_factory=lambda: default, metadata={"kind": Kind(kind, words, restrict, doc)})


def at_most(default: float, doc: str) -> Any:
    """Make a key whose smaller value is the stricter."""
    whole = isinstance(default, int)
    number: Any = Annotated[int if whole else float, msgspec.Meta(ge=0)]
    words = "a whole number of at least 0" if whole else "a number of at least 0"
    return key(default, number, words, min, doc)


def choice(*loose_to_strict: str, default: str, doc: str) -> Any:
    """Make a key with a few values, the strictest last."""
    words = " or ".join(f'"{name}"' for name in loose_to_strict)
    stricter = partial(max, key=loose_to_strict.index)
    return key(default, Literal.__getitem__(loose_to_strict), words, stricter, doc)


_LIST = 'a list of non-empty strings, such as ["one", "two"]'


def names(doc: str, default: tuple[str, ...] = ()) -> Any:
    """Make a list that every level may lengthen."""
    return field(default=default, metadata={"kind": Kind(_Words, _LIST, _union, doc, any_order=True)})


def text(doc: str, default: str) -> Any:
    """Make a string that only the person's own file sets."""
    return key(default, _Word, "a non-empty string", lambda upper, _lower: upper, doc)


@dataclass(frozen=True, slots=True)
class Sources:
    """`[sources]`: hosts (`nature.com` covers its subdomains), patterns (`*.edu`) and plain names (`Twitter`)."""

    trusted: tuple[str, ...] | None = key(
        None,
        _Words,
        _LIST,
        _both,
        "the only sources an edit may introduce, in order of preference; without the key, any that is not untrusted",
    )
    untrusted: tuple[str, ...] = names("sources that no edit may introduce; wins over trusted")
    aliases: Mapping[str, tuple[str, ...]] = key(
        {},
        dict[str, _Words],
        'a table of lists, such as {"x.com" = ["Twitter"]}',
        lambda upper, lower: {x: _union(upper.get(x, ()), lower.get(x, ())) for x in (*upper, *lower)},
        "other names of a source, by source",
    )
    unknown: Literal["review", "refuse"] = choice(
        "review",
        "refuse",
        default="review",
        doc="what becomes of a source that no list names, where there is a trusted list",
    )
    kept: tuple[str, ...] = ()
    """Not a key: every source that any level trusts. No edit may remove, soften or reorder a mention of these."""


@dataclass(frozen=True, slots=True)
class Protect:
    """`[protect]`: what is byte-equal after any edit, beside the frontmatter and `<!-- skillloop:lock -->` regions."""

    headings: tuple[str, ...] = names("headings whose sections, subsections included, no edit may touch")
    must_keep: tuple[str, ...] = names(
        "patterns (`*` and `?` as in a shell, any letter case); a line that matches one stays"
    )
    lines: tuple[str, ...] = names("whole lines that stay, without their list marker")


@dataclass(frozen=True, slots=True)
class EditLimits:
    """`[edit]`: how much may change."""

    max_added_lines: int = at_most(3, "lines that one proposal may add")
    max_growth: int = at_most(10, "lines that automatic edits may add to the person's own version")
    max_bytes: int = at_most(100_000, "bytes that a SKILL.md may grow to")
    per_session: int = at_most(3, "lines that one session may add automatically")
    unseen: int = at_most(
        10, "lines that automatic edits may add to one skill until you next decide anything about it"
    )


@dataclass(frozen=True, slots=True)
class Apply:
    """`[apply]`: what is applied without asking."""

    mode: Literal["auto", "review"] = choice(
        "auto", "review", default="review", doc='"review" asks for every edit, "auto" for the doubtful ones'
    )
    as_: Literal["file", "commit", "branch"] = choice(
        "file",
        "commit",
        "branch",
        default="file",
        doc='for a file in git: "commit" commits each edit, "branch" puts it on a branch of its own and leaves the file alone',
    )
    share: Literal["quotes", "rules", "nothing"] = choice(
        "quotes",
        "rules",
        "nothing",
        default="nothing",
        doc='what `.claude/skillloop/` in the repository tells others of each edit: "rules", or with the words that taught them, "quotes"',
    )
    undo: Literal["auto", "review"] = choice(
        "auto",
        "review",
        default="review",
        doc='"auto" takes an edit that was applied without you back once it made it worse beyond chance, "review" asks',
    )
    min_confidence: float = key(
        0.6,
        Annotated[float, msgspec.Meta(ge=0, le=1)],
        "a number from 0 to 1",
        max,
        "how sure the detector must be for an automatic edit",
    )
    never_auto: tuple[str, ...] = names(
        "operations (insert, replace, delete) and skill names (`*` allowed) that always wait for a person",
        default=("delete",),
    )


@dataclass(frozen=True, slots=True)
class Budget:
    """`[budget]`: what a model may cost. Enforced outside the model."""

    money_per_session: float = at_most(0.25, "US dollars")
    money_per_day: float = at_most(2.0, "US dollars")
    tokens_per_session: int = at_most(1_000_000, "input and output tokens together")
    tokens_per_day: int = at_most(5_000_000, "input and output tokens together")
    calls_per_session: int = at_most(500, "model calls")
    calls_per_day: int = at_most(2_000, "model calls")
    money_per_command: float = at_most(1.0, "US dollars that one run of a command may cost")
    tokens_per_command: int = at_most(2_000_000, "input and output tokens together")
    calls_per_command: int = at_most(2_000, "model calls")


@dataclass(frozen=True, slots=True)
class Model:
    """`[model]`: which model reads sessions and judges. Settings, so only the person's own file has them; others may say "offline"."""

    backend: Literal["auto", "anthropic", "claude", "offline"] = choice(
        "auto",
        "anthropic",
        "claude",
        "offline",
        default="offline",
        doc='"offline" asks no model, "claude" asks through the installed client, "anthropic" through the API, "auto" uses whichever is available',
    )
    cheap: str = text("model that replays cases", "claude-haiku-5-5")
    careful: str = text("model that is asked once about each session, and judges", "claude-sonnet-5-5")
    runs: int = at_most(8, "times that a case is replayed with each text")


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
        item.name.rstrip("_"): item.metadata["kind"]
        for item in fields(getattr(Config(), section.name))
        if item.metadata
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
        "# Your rules. Remove the # from what you want to set; `skillloop config show` prints what is in force."
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
