"""One constraint file, read: its values by section and key, each with the line it stands on.

`tomllib` knows no positions, so a small scan finds them. It can only be wrong about a line number, never about a value.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skillloop.errors import SkillloopError

LARGEST = 1_000_000  # bytes of a constraint file

_PART = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_PATH = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*\[\[?[ \t]*({_PATH})[ \t]*\]\]?")
_KEY = re.compile(rf"[ \t]*({_PATH})[ \t]*=")


class ConfigError(SkillloopError):
    """A constraint file that cannot be understood. Nothing is decided on half-read rules."""


@dataclass(frozen=True, slots=True)
class Source:
    """A constraint file: its tables, and where each key stands."""

    path: Path
    tables: dict[str, Any]
    lines: tuple[str, ...]
    places: dict[tuple[str, ...], int]  # key path → 0-based line

    def line(self, *key: str, entry: str | None = None) -> int:
        """The 1-based line of a key, or of one string in its value; the nearest known one where the scan missed it."""
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
        """The error for something wrong at a key."""
        return ConfigError(f"{self.path}:{self.line(*key)}: {message}", hint)


def read(path: Path) -> Source | None:
    """The file, or None where there is none.

    Raises:
        ConfigError: it cannot be read, or is not TOML.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}", "make the file readable, or move it out of the way"
        ) from None
    return parse(path, data)


def parse(path: Path, data: bytes) -> Source:
    """The content of a constraint file.

    Raises:
        ConfigError: it is not TOML, or too large.
    """
    if len(data) > LARGEST:
        raise ConfigError(f"{path}: larger than {LARGEST:,} bytes", "is this a constraint file?")
    try:
        text = data.decode("utf-8")
        tables = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text", "save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = int(where[1]) if where else data.count(b"\n") + 1
        what = str(error).split(" (at ", maxsplit=1)[0]
        raise ConfigError(f"{path}:{line}: not TOML: {what}", "see https://toml.io for the format") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply", "is this a constraint file?") from None
    lines = tuple(text.splitlines())
    return Source(path, tables, lines, _places(lines))


def _places(lines: tuple[str, ...]) -> dict[tuple[str, ...], int]:
    table: tuple[str, ...] = ()
    places: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(lines):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            places.setdefault(table, number)
        elif key := _KEY.match(line):
            places.setdefault(table + _parts(key[1]), number)
    return places


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_PART, path))
