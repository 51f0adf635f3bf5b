"""The sections of a constraint file, which are also the reference: one field per key, with default and meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from skillloop.config.values import aliases, allowed, at_least, at_most, choice, names, text
from skillloop.model import Rule


@dataclass(frozen=True, slots=True)
class Sources:
    """`[sources]`: hosts (`nature.com` covers its subdomains), patterns (`*.edu`) and plain names (`Twitter`)."""

    trusted: tuple[str, ...] | None = allowed(
        "the only sources an edit may introduce, in order of preference; without the key, any that is not untrusted"
    )
    untrusted: tuple[str, ...] = names("sources that no edit may introduce; wins over trusted")
    aliases: Mapping[str, tuple[str, ...]] = aliases("other names of a source, by source")
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
        "patterns (`*` and `?` as in a shell, any letter case); a line that holds one stays"
    )
    lines: tuple[str, ...] = names("whole lines that stay, without their list marker")


@dataclass(frozen=True, slots=True)
class EditLimits:
    """`[edit]`: how much may change."""

    max_added_lines: int = at_most(3, "lines that one proposal may add")
    max_growth: int = at_most(10, "lines that automatic edits may add to the person's own version")
    max_bytes: int = at_most(100_000, "bytes that a SKILL.md may grow to")
    per_session: int = at_most(3, "lines that one session may add to one skill automatically")
    unseen: int = at_most(
        10, "lines that automatic edits may add to one skill until you next decide anything about it"
    )


@dataclass(frozen=True, slots=True)
class Apply:
    """`[apply]`: what is applied without asking."""

    mode: Literal["auto", "review"] = choice(
        "auto", "review", default="review", doc='"review" asks for every edit, "auto" for the doubtful ones'
    )
    min_confidence: float = at_least(0.6, "how sure the detector must be for an automatic edit")
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
    """`[model]`: which model drafts and judges. Settings, so only the person's own file has them; others may say "offline"."""

    backend: Literal["auto", "anthropic", "claude", "offline"] = choice(
        "auto",
        "anthropic",
        "claude",
        "offline",
        default="offline",
        doc='"offline" asks no model, "claude" asks through the installed client, "anthropic" through the API, "auto" takes what is there',
    )
    cheap: str = text("model for many small questions", "claude-haiku-5-5")
    careful: str = text("model that drafts and judges", "claude-sonnet-5-5")
    second_opinion: Literal["on", "off"] = choice(
        "on", "off", default="on", doc="whether the cheap model is asked where the detector is unsure"
    )
    candidates: int = at_most(1, "drafts to ask for, for each lesson")
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
        """Where `key` (such as "edit.unseen"), or one entry of a list key, comes from."""
        for found in ((key, entry), (key, None)):
            if found in self.rules:
                return self.rules[found]
        section, name = key.split(".")
        return rule_of(key, getattr(getattr(self, section), name) if entry is None else [entry])


SECTIONS: tuple[tuple[str, type[Any]], ...] = (
    ("sources", Sources),
    ("protect", Protect),
    ("edit", EditLimits),
    ("apply", Apply),
    ("budget", Budget),
    ("model", Model),
)


def reference() -> Iterator[tuple[str, Any, str]]:
    """Every key with its default and its meaning, in the order of the reference."""
    for section, cls in SECTIONS:
        default = cls()
        for item in fields(cls):
            if "kind" in item.metadata:
                yield f"{section}.{item.name}", getattr(default, item.name), item.metadata["doc"]


def rule_of(key: str, value: Any, file: str | None = None, line: int | None = None) -> Rule:
    """The rule as the file would spell it."""
    return Rule(f"{key} = {json.dumps(value, ensure_ascii=False)}", file, line)
