"""The person's rules and settings: three TOML files combined by restriction.

`$SKILLLOOP_HOME/config.toml` is the person's own and may set anything. `PROJECT/.claude/skillloop.toml` and
`SKILL_DIR/skillloop.toml` come with folders that others may have written, so they can only tighten: a smaller
budget, "review" over "auto", more protected lines, fewer trusted sources. Invariant: adding a lower file never
allows what was refused without it. Every value knows the file and line it comes from (`Config.rule`), so that the
gate can name whose constraint decided. skillloop never changes these files.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from skillloop.config.sections import KINDS, Config, covers, field_of, reference, rule_of
from skillloop.errors import SkillloopError
from skillloop.model import Rule

LARGEST = 1_000_000  # bytes of a constraint file

_PART = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_PATH = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*\[\[?[ \t]*({_PATH})[ \t]*\]\]?")
_KEY = re.compile(rf"[ \t]*({_PATH})[ \t]*=")


class ConfigError(SkillloopError):
    """A constraint file that cannot be understood. Nothing is decided on half-read rules."""


class Source(NamedTuple):
    """A constraint file: its tables, and where each key stands."""

    path: Path
    tables: dict[str, Any]
    lines: tuple[str, ...]
    places: dict[tuple[str, ...], int]  # key path → 0-based line

    def line(self, *key: str, entry: str | None = None) -> int:
        """Return the 1-based line of a key, or of one string in its value; the nearest known one where the scan missed it."""
        while key and key not in self.places:
            key = key[:-1]
        start = self.places.get(key, 0)
        if entry is not None:
            after = [line for line in self.places.values() if line > start]
            spelled = (json.dumps(entry, ensure_ascii=False), f"'{entry}'")
            for number in range(start, min(after, default=len(self.lines))):
                if any(text in self.lines[number] for text in spelled):
                    return number + 1
        return start + 1

    def wrong(self, message: str, hint: str, *key: str) -> ConfigError:
        """Return the error for something wrong at a key."""
        return ConfigError(f"{self.path}:{self.line(*key)}: {message}", hint)


def read_bytes(path: Path) -> bytes | None:
    """Return the bytes of a file, `LARGEST` and one at most, or None where there is none. ConfigError: it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        hint = "make the file readable, or move it out of the way"
        raise ConfigError(f"{path}: {error.strerror}", hint) from None


def read(path: Path) -> Source | None:
    """Return the file, or None where there is none. Raises ConfigError where it cannot be read, or is not TOML."""
    data = read_bytes(path)
    return None if data is None else parse(path, data)


def parse(path: Path, data: bytes) -> Source:
    """Return the content of a constraint file, or raise ConfigError: it is not TOML, or too large."""
    if len(data) > LARGEST:
        raise ConfigError(f"{path}: larger than {LARGEST:,} bytes", "is this a configuration file?")
    try:
        text = data.decode("utf-8")
        tables = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text", "save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = int(where[1]) if where else data.count(b"\n") + 1
        what, hint = str(error).split(" (at ", maxsplit=1)[0], "see https://toml.io for the format"
        if what.startswith(("Cannot declare", "Cannot overwrite")):
            marks = [*_marks(text.splitlines()[:line])]
            name = marks[-1][1]
            first = next(at for at, found in marks if found[: len(name)] == name) + 1
            what = f"{'.'.join(name)} stands at line {first} already"
            hint = "keep one of the two, with all that you need"
        raise ConfigError(f"{path}:{line}: not TOML: {what}", hint) from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply", "is this a configuration file?") from None
    lines = tuple(text.splitlines())
    places: dict[tuple[str, ...], int] = {}
    for number, name in _marks(lines):
        places.setdefault(name, number)
    return Source(path, tables, lines, places)


def _marks(lines: Iterable[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the 0-based line of each table and key, with its whole name."""
    table: tuple[str, ...] = ()
    for number, each in enumerate(lines):
        if header := _HEADER.match(each):
            table = _parts(header[1])
            yield number, table
        elif key := _KEY.match(each):
            yield number, table + _parts(key[1])


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_PART, path))


def files(home: Path, project: Path | None = None, skill_dir: Path | None = None) -> list[Path]:
    """Return where the rules may stand, the person's own file first. See `load`."""
    folders = [] if project is None else [*reversed(project.parents), project]
    paths = [home / "config.toml", *(folder / ".claude" / "skillloop.toml" for folder in folders)]
    return paths if skill_dir is None else [*paths, skill_dir / "skillloop.toml"]


def load(
    home: Path,
    project: Path | None = None,
    skill_dir: Path | None = None,
    read: Callable[[Path], Source | None] = read,
) -> Config:
    """Return the effective rules, from the files that are there (`read` gives their content).

    The rules of every folder above the project count too, since a session may start in any folder of one. Raises
    ConfigError, with file and line, where a file is not TOML, or holds a key or value that does not exist.
    """
    config = Config()
    for number, path in enumerate(files(home, project, skill_dir)):
        if (file := read(path)) is not None:
            config = _with(config, file, own=number == 0)
    return config


def effective(config: Config) -> list[tuple[str, Any, Rule]]:
    """Return each rule in force with where it comes from: one row per key, or per entry where the key is a list, each a list of one."""
    rows: list[tuple[str, Any, Rule]] = []
    for key, _, _ in reference():
        value = config.get(key)
        if isinstance(value, dict):
            rows += [(f"{key}.{entry}", value[entry], config.rule(key, entry)) for entry in value]
        elif isinstance(value, tuple) and value:
            rows += [(key, (entry,), config.rule(key, entry)) for entry in value]
        else:
            rows.append((key, value, config.rule(key)))
    return rows


def as_toml(config: Config) -> Iterator[str]:
    """Yield the rules in force as lines of a file that sets the same, each with where it comes from."""
    for section, rows in groupby(effective(config), lambda row: row[0].partition(".")[0]):
        yield f"[{section}]"
        for key, entries in groupby(rows, itemgetter(0)):
            name, _, entry = key.removeprefix(f"{section}.").partition(".")
            head = f"{name}.{json.dumps(entry)} = " if entry else f"{name} = "
            if config.sources.trusted is None and key in {"sources.trusted", "sources.unknown"}:
                head = f"# {head}"  # to set either would be to have a list
            values = None if entry else config.get(key)
            many = isinstance(values, tuple) and values != ()
            yield from [f"{head}["] * many
            for _, value, rule in entries:
                each = value[0] if many else value
                text = "(any)" if each is None else json.dumps(each, ensure_ascii=False)
                yield f"{f'    {text},' if many else head + text:<40}  # {rule.where}"
            yield from ["]"] * many


def differences(path: Path, old: str, new: str) -> Iterator[str]:
    """Yield as lines of a diff what a text of a constraint file means otherwise than an earlier one, if that can be read."""

    def meant(text: str) -> dict[str, Any]:
        file = parse(path, text.encode())
        if path.name != "config.toml":  # there a default may be stricter than what the person's own file says
            return _values(file, own=True)
        own = _with(Config(), file, own=True)
        return {key: own.get(key) for key, _, _ in reference()}

    before, after = meant(""), meant(new)
    with suppress(ConfigError):
        before = meant(old)
    for key in before | after:
        if before.get(key) != after.get(key):
            both = (("-", before.get(key)), ("+", after.get(key)))
            yield from (sign + rule_of(key, value).text for sign, value in both if value is not None)


def loosened(old: Config, new: Config) -> list[str]:
    """Return the keys by which `new` allows anything that `old` does not, such as "apply.mode"."""
    keys = {f"{section}.{name}": kind for section, kinds in KINDS.items() for name, kind in kinds.items()}
    loose = []
    for key, kind in keys.items():
        before, after = old.get(key), new.get(key)
        tighter = bool(after == before)
        if not (tighter or after is None or isinstance(after, dict)):  # of a table, or no list, nobody knows
            strict = kind.restrict(before, after)
            same = before is not None and kind.any_order and set(strict) == set(after)
            tighter = bool(strict == after) or same
        loose += [] if tighter else [key]
    return loose


def _values(file: Source, *, own: bool) -> dict[str, Any]:
    """Return what one file sets, by key; ConfigError for what does not exist, is of the wrong kind or not its to set."""
    values: dict[str, Any] = {}
    for section, table in file.tables.items():
        homes = [name for name, keys in KINDS.items() if section in (name, *keys)]
        if homes and not isinstance(table, dict):
            hint = f"write [{homes[0]}] on a line of its own, and its settings below"
            raise file.wrong(f"{section} is no section here", hint, section)
        if section not in KINDS:
            raise file.wrong(f"unknown section [{section}]", _meant(section, KINDS), section)
        keys = KINDS[section]
        for name, value in table.items():
            key = f"{section}.{name}"
            if name not in keys:
                other = next((other for other in KINDS if name in KINDS[other]), "")
                hint = f"write it below [{other}]" if other else _meant(name, keys)
                raise file.wrong(f"unknown setting {key}", hint, section, name)
            try:
                values[key] = keys[name].read(value)
            except ValueError as error:
                hint = "correct the value; nothing is decided until then"
                raise file.wrong(f"{key} must be {error}", hint, section, name) from None
    for key, value in values.items():
        # A folder's file may switch the model off; which one runs, and so where words are sent, only the person says.
        if not own and key.startswith("model.") and (key, value) != ("model.backend", "offline"):
            hint = 'set it in your own config.toml; this file may only say backend = "offline"'
            raise file.wrong(f"{key} is not for a project or a skill to choose", hint, *key.split("."))
    return values


def _meant(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else "known are: " + ", ".join(known)


def _with(config: Config, file: Source, *, own: bool) -> Config:
    """Add a file: what the person's own sets replaces the defaults; of a lower one's, the stricter of each two values."""
    values, trusted = _values(file, own=own), config.sources.trusted or ()
    if "sources.unknown" in values:  # without a list here or above: every source is unknown
        values.setdefault("sources.trusted", trusted)
    if aliases := values.get("sources.aliases"):
        # but for those that make another name pass for a source that is trusted already
        values["sources.aliases"] = {
            name: others
            for name, others in aliases.items()
            if not any(covers(source, alias) for source in trusted for alias in (name, *others))
        }
    rules, path = dict(config.rules), str(file.path)
    for key, given in values.items():
        section, name = key.split(".")
        before = config.get(key)
        value = given if own else KINDS[section][name].restrict(before, given)
        if value != before or (key, None) not in rules:
            rules[key, None] = rule_of(key, value, path, file.line(section, name))
        for entry in given if isinstance(given, dict | tuple) else ():
            if isinstance(given, dict):
                rule = rule_of(key, {entry: value[entry]}, path, file.line(section, name, entry))
            else:
                rule = rule_of(key, [entry], path, file.line(section, name, entry=entry))
            rules.setdefault((key, entry), rule)
        config = replace(config, **{section: replace(getattr(config, section), **{field_of(name): value})})
    kept = tuple(dict.fromkeys((*config.sources.kept, *values.get("sources.trusted", ()))))
    return replace(config, rules=rules, sources=replace(config.sources, kept=kept))
