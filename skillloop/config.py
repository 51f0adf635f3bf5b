"""The person's rules and settings: three TOML files combined by restriction.

`$SKILLLOOP_HOME/config.toml` is the person's own and may set anything. `PROJECT/.claude/skillloop.toml` and
`SKILL_DIR/skillloop.toml` come with folders that others may have written, so they can only tighten: a smaller
budget, "review" over "auto", more protected lines, fewer trusted sources. Invariant: adding a lower file never
allows what was refused without it. Every value knows the file and line it comes from (`Config.rule`), so that the
gate can name whose constraint decided. skillloop never writes these files.

The sections below are the reference: each field is one key, with its default and meaning.
"""

from __future__ import annotations

import fnmatch
import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from skillloop.errors import SkillloopError
from skillloop.model import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


class ConfigError(SkillloopError):
    """A constraint file that cannot be understood. Nothing is decided on half-read rules."""


# --- kinds of values: how each is read, and which of two is the stricter -----------------------------------------


@dataclass(frozen=True, slots=True)
class _Kind:
    """`read` checks a TOML value (ValueError says what it must be); `restrict(upper, lower)` is never looser than upper."""

    read: Callable[[Any], Any]
    restrict: Callable[[Any, Any], Any]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ValueError("a number of at least 0")
    return float(value)


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("a number from 0 to 1")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a whole number of at least 0")
    return value


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise ValueError('a list of non-empty strings, such as ["one", "two"]')
    return tuple(dict.fromkeys(value))


def _aliases(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ValueError('a table of lists, such as {"x.com" = ["Twitter", "the bird site"]}')  # noqa: TRY004
    return {source: _names(names) for source, names in value.items()}


def _one_of(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(" or ".join(f'"{choice}"' for choice in choices))
        return str(value)

    return read


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a non-empty string")
    return value


def _union(upper: tuple[str, ...], lower: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(upper + lower))


def covers(pattern: str, host: str) -> bool:
    """Whether an entry of a source list speaks of another: equal, a subdomain of it, or matched by its `*`."""
    pattern, host = pattern.casefold(), host.casefold()
    return pattern == host or host.endswith("." + pattern) or fnmatch.fnmatchcase(host, pattern)


def _both(upper: tuple[str, ...] | None, lower: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Allow-lists: what both allow. None allows everything."""
    if upper is None or lower is None:
        return upper if lower is None else lower
    allowed = [name for name in lower if any(covers(wide, name) for wide in upper)]
    allowed += [name for name in upper if any(covers(wide, name) for wide in lower)]
    return tuple(dict.fromkeys(allowed))


def _more_names(upper: Mapping[str, tuple[str, ...]], lower: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    return {name: _union(upper.get(name, ()), lower.get(name, ())) for name in (*upper, *lower)}


def _at_most(default: float, doc: str) -> Any:
    read = _count if isinstance(default, int) else _number
    return field(default=default, metadata={"kind": _Kind(read, min), "doc": doc})


def _at_least(default: float, doc: str) -> Any:
    return field(default=default, metadata={"kind": _Kind(_share, max), "doc": doc})


def _list(doc: str, default: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"kind": _Kind(_names, _union), "doc": doc})


def _choice(*loose_to_strict: str, default: str, doc: str) -> Any:
    def stricter(upper: str, lower: str) -> str:
        return max(upper, lower, key=loose_to_strict.index)

    return field(default=default, metadata={"kind": _Kind(_one_of(*loose_to_strict), stricter), "doc": doc})


# --- the sections ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sources:
    """`[sources]`: hosts (`nature.com` covers its subdomains), patterns (`*.edu`) and plain names (`Twitter`)."""

    trusted: tuple[str, ...] | None = field(
        default=None,
        metadata={
            "kind": _Kind(_names, _both),
            "doc": "the only sources an edit may introduce, in order of preference; without the key, any that is not untrusted",
        },
    )
    untrusted: tuple[str, ...] = _list("sources that no edit may introduce; wins over trusted")
    aliases: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict,
        metadata={"kind": _Kind(_aliases, _more_names), "doc": "other names of a source, by source"},
    )
    unknown: Literal["review", "refuse"] = _choice(
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

    headings: tuple[str, ...] = _list("headings whose sections, subsections included, no edit may touch")
    must_keep: tuple[str, ...] = _list(
        "patterns (`*` and `?` as in a shell, any letter case); a line that holds one stays"
    )
    lines: tuple[str, ...] = _list("whole lines that stay, without their list marker")


@dataclass(frozen=True, slots=True)
class EditLimits:
    """`[edit]`: how much may change."""

    max_added_lines: int = _at_most(3, "lines that one proposal may add")
    max_growth: int = _at_most(10, "lines that automatic edits may add to the person's own version")
    max_bytes: int = _at_most(100_000, "bytes that a SKILL.md may grow to")
    per_session: int = _at_most(3, "lines that one session may add to one skill automatically")
    per_week: int = _at_most(10, "lines that seven days may add to one skill automatically")


@dataclass(frozen=True, slots=True)
class Apply:
    """`[apply]`: what is applied without asking."""

    mode: Literal["auto", "review"] = _choice(
        "auto", "review", default="review", doc='"review" asks for every edit, "auto" for the doubtful ones'
    )
    min_confidence: float = _at_least(0.7, "how sure the detector must be for an automatic edit")
    never_auto: tuple[str, ...] = _list(
        "operations (insert, replace, delete) and skill names (`*` allowed) that always wait for a person",
        default=("delete",),
    )


@dataclass(frozen=True, slots=True)
class Budget:
    """`[budget]`: what a model may cost. Enforced outside the model."""

    money_per_session: float = _at_most(0.25, "US dollars")
    money_per_day: float = _at_most(2.0, "US dollars")
    tokens_per_session: int = _at_most(200_000, "input and output tokens together")
    tokens_per_day: int = _at_most(2_000_000, "input and output tokens together")
    calls_per_session: int = _at_most(20, "model calls")
    calls_per_day: int = _at_most(200, "model calls")


@dataclass(frozen=True, slots=True)
class Model:
    """`[model]`: which model drafts and judges. Settings, so only the person's own file has them; others may say "none"."""

    backend: Literal["api", "claude", "none"] = _choice(
        "api",
        "claude",
        "none",
        default="none",
        doc='"none" works offline, "claude" calls the installed client, "api" the Anthropic API',
    )
    draft: str = field(
        default="", metadata={"kind": _Kind(_text, lambda upper, _: upper), "doc": "model that drafts"}
    )
    judge: str = field(
        default="", metadata={"kind": _Kind(_text, lambda upper, _: upper), "doc": "model that judges"}
    )


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
        """Where `key` (such as "edit.per_week"), or one entry of a list key, comes from."""
        for found in ((key, entry), (key, None)):
            if found in self.rules:
                return self.rules[found]
        section, name = key.split(".")
        return _rule(key, getattr(getattr(self, section), name) if entry is None else [entry])


SECTIONS: tuple[tuple[str, type[Any]], ...] = (
    ("sources", Sources),
    ("protect", Protect),
    ("edit", EditLimits),
    ("apply", Apply),
    ("budget", Budget),
    ("model", Model),
)


def keys() -> Iterator[tuple[str, Any, str]]:
    """Every key with its default and its meaning, in the order of the reference."""
    for section, cls in SECTIONS:
        default = cls()
        for item in fields(cls):
            if "kind" in item.metadata:
                yield f"{section}.{item.name}", getattr(default, item.name), item.metadata["doc"]


def load(home: Path, project: Path | None = None, skill_dir: Path | None = None) -> Config:
    """The effective rules, from the three files that are there.

    Args:
        home: $SKILLLOOP_HOME.
        project: The project's root, or None.
        skill_dir: The folder of the SKILL.md, or None.

    Raises:
        ConfigError: a file is not TOML, or holds a key or value that does not exist; it names file and line.
    """
    raise NotImplementedError


def effective(config: Config) -> list[tuple[str, Any, Rule]]:
    """Each rule in force with where it comes from: one row per key, and one per entry of a list."""
    raise NotImplementedError


def _rule(key: str, value: Any, file: str | None = None, line: int | None = None) -> Rule:
    shown = json.dumps(value, ensure_ascii=False, default=list)
    return Rule(f"{key} = {shown}", file, line)
