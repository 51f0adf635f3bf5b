"""The person's rules and settings: three TOML files combined by restriction.

`$SKILLLOOP_HOME/config.toml` is the person's own and may set anything. `PROJECT/.claude/skillloop.toml` and
`SKILL_DIR/skillloop.toml` come with folders that others may have written, so they can only tighten: a smaller
budget, "review" over "auto", more protected lines, fewer trusted sources. Invariant: adding a lower file never
allows what was refused without it. Every value knows the file and line it comes from (`Config.rule`), so that the
gate can name whose constraint decided. skillloop never writes these files.

The sections in `config.sections` are the reference: each field is one key, with its default and meaning.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from skillloop.config import source
from skillloop.config.sections import (
    SECTIONS,
    Apply,
    Budget,
    Config,
    EditLimits,
    Model,
    Protect,
    Sources,
    reference,
    rule_of,
)
from skillloop.config.source import ConfigError, Source
from skillloop.config.values import Kind, covers
from skillloop.model import Rule

__all__ = [
    "Apply",
    "Budget",
    "Config",
    "ConfigError",
    "EditLimits",
    "Model",
    "Protect",
    "Sources",
    "covers",
    "effective",
    "files",
    "load",
    "loosened",
    "reference",
]

Values = dict[tuple[str, str], Any]
"""What one file sets: (section, key) → value as its kind read it."""


def files(home: Path, project: Path | None = None, skill_dir: Path | None = None) -> list[Path]:
    """Where the rules may stand, the person's own file first. See `load`."""
    folders = [] if project is None else [*reversed(project.parents), project]
    paths = [home / "config.toml", *(folder / ".claude" / "skillloop.toml" for folder in folders)]
    return paths if skill_dir is None else [*paths, skill_dir / "skillloop.toml"]


def load(
    home: Path,
    project: Path | None = None,
    skill_dir: Path | None = None,
    read: Callable[[Path], Source | None] = source.read,
) -> Config:
    """The effective rules, from the files that are there.

    Args:
        home: $SKILLLOOP_HOME.
        project: The project's folder or one inside it (a session may start there), or None. The rules of every
            folder above it count too.
        skill_dir: The folder of the SKILL.md, or None.
        read: What gives a file's content; None where there is none.

    Raises:
        ConfigError: a file is not TOML, or holds a key or value that does not exist; it names file and line.
    """
    config = Config()
    first, *others = files(home, project, skill_dir)
    own = read(first)
    if own is not None:
        config = _set(config, own, _values(own, own=True))
    for path in others:
        lower = read(path)
        if lower is not None:
            config = _restrict(config, lower, _values(lower, own=False))
    return config


def effective(config: Config) -> list[tuple[str, Any, Rule]]:
    """Each rule in force with where it comes from: one row per key, or per entry where the key is a list."""
    rows: list[tuple[str, Any, Rule]] = []
    for key, _, _ in reference():
        section, name = key.split(".")
        value = getattr(getattr(config, section), name)
        if isinstance(value, dict):
            rows += [(f"{key}.{entry}", value[entry], config.rule(key, entry)) for entry in value]
        elif isinstance(value, tuple) and value:
            rows += [(key, entry, config.rule(key, entry)) for entry in value]
        else:
            rows.append((key, value, config.rule(key)))
    return rows


def loosened(old: Config, new: Config) -> list[str]:
    """The keys by which `new` allows anything that `old` does not, such as "apply.mode"."""
    found = []
    for section, cls in SECTIONS:
        for item in fields(cls):
            before, after = (getattr(getattr(config, section), item.name) for config in (old, new))
            kind = item.metadata.get("kind")
            if kind is not None and after != before and not _tighter(kind, before, after):
                found.append(f"{section}.{item.name}")
    return found


def _tighter(kind: Kind, before: Any, after: Any) -> bool:
    """Whether a value is the stricter one of two; a table of aliases and a text are never."""
    if after is None or isinstance(after, dict):
        return False
    strict = kind.restrict(before, after)
    return bool(strict == after) or (before is not None and kind.any_order and set(strict) == set(after))


def _values(file: Source, *, own: bool) -> Values:
    """The checked values of one file.

    Raises:
        ConfigError: an unknown section or key, a value of the wrong kind, or a setting that this file may not make.
    """
    sections = dict(SECTIONS)
    values: Values = {}
    for section, table in file.tables.items():
        if section not in sections or not isinstance(table, dict):
            raise file.wrong(f"unknown section [{section}]", _meant(section, sections), section)
        kinds = {item.name: item.metadata["kind"] for item in fields(sections[section]) if item.metadata}
        for name, value in table.items():
            if name not in kinds:
                raise file.wrong(f"unknown key {section}.{name}", _meant(name, kinds), section, name)
            try:
                values[section, name] = kinds[name].read(value)
            except ValueError as error:
                message = f"{section}.{name} must be {error}"
                raise file.wrong(
                    message, "correct the value; nothing is decided until then", section, name
                ) from None
    if not own:
        _refuse_settings(file, values)
    return values


def _refuse_settings(file: Source, values: Values) -> None:
    """A folder's file may switch the model off; which one runs, and so where words are sent, only the person says."""
    for (section, name), value in values.items():
        if section == "model" and (name, value) != ("backend", "offline"):
            hint = 'set it in your own config.toml; this file may only say backend = "offline"'
            raise file.wrong(f"model.{name} is not for a project or a skill to choose", hint, section, name)


def _meant(name: str, known: dict[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else "known are: " + ", ".join(known)


def _set(config: Config, file: Source, values: Values) -> Config:
    """The person's own file: what it sets replaces the defaults."""
    values = dict(values)
    if ("sources", "unknown") in values:
        values.setdefault(("sources", "trusted"), ())  # "unknown" without a list: every source is unknown
    values["sources", "kept"] = values.get(("sources", "trusted"), ())
    return _replaced(config, file, values)


def _restrict(config: Config, file: Source, values: Values) -> Config:
    """A lower file: of each two values the stricter."""
    wanted = dict(values)
    trusted = wanted.get(("sources", "trusted"), ())
    if ("sources", "unknown") in wanted:
        wanted.setdefault(("sources", "trusted"), config.sources.trusted or ())
    if ("sources", "aliases") in wanted:
        wanted["sources", "aliases"] = _harmless(config.sources, wanted["sources", "aliases"])
    combined: Values = {}
    sections = dict(SECTIONS)
    for (section, name), value in wanted.items():
        kind = next(item.metadata["kind"] for item in fields(sections[section]) if item.name == name)
        combined[section, name] = kind.restrict(getattr(getattr(config, section), name), value)
    combined["sources", "kept"] = tuple(dict.fromkeys((*config.sources.kept, *trusted)))
    return _replaced(config, file, combined)


def _harmless(sources: Sources, aliases: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """A lower file's aliases, without those that would make another name pass for a source that is already trusted."""
    return {
        name: others
        for name, others in aliases.items()
        if not any(covers(trusted, one) for trusted in sources.trusted or () for one in (name, *others))
    }


def _replaced(config: Config, file: Source, values: Values) -> Config:
    """The config with these values, and for each that is new the rule that says where it comes from."""
    rules = dict(config.rules)
    for (section, name), value in values.items():
        part = getattr(config, section)
        rules.update(_changes(file, section, name, getattr(part, name), value, rules))
        config = replace(config, **{section: replace(part, **{name: value})})
    return replace(config, rules=rules)


def _changes(
    file: Source, section: str, name: str, old: Any, new: Any, rules: dict[tuple[str, str | None], Rule]
) -> Iterator[tuple[tuple[str, str | None], Rule]]:
    """Where the value now comes from, as a whole and entry by entry. `kept` is told by the `trusted` it comes from."""
    path, derived = str(file.path), name == "kept"
    name = "trusted" if derived else name
    key = f"{section}.{name}"
    if not derived and (new != old or (key, None) not in rules):
        yield (key, None), rule_of(key, new, path, file.line(section, name))
    for entry in new if isinstance(new, tuple | dict) else ():
        if (key, entry) in rules:
            continue
        if isinstance(new, dict):
            yield (key, entry), rule_of(key, {entry: new[entry]}, path, file.line(section, name, entry))
        else:
            yield (key, entry), rule_of(key, [entry], path, file.line(section, name, entry=entry))
