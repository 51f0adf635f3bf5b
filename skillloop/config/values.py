"""Kinds of values: how each is read from TOML, and which of two is the stricter.

Invariant of every `restrict(upper, lower)`: it allows nothing that `upper` refuses.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """`read` checks a TOML value (its ValueError says what the value must be); `restrict` combines two levels."""

    read: Callable[[Any], Any]
    restrict: Callable[[Any, Any], Any]
    any_order: bool = False  # of a list: the order of its entries says nothing


def covers(wide: str, narrow: str) -> bool:
    """Whether one entry of a source list speaks of all that another (or a host) does.

    An entry, `*` and `?` included, stands for every host that it or a parent domain of which it matches.
    """
    wide, narrow = wide.casefold(), narrow.casefold()
    if wide == narrow:
        return True
    labels = narrow.split(".")
    parents = (".".join(labels[start:]) for start in range(len(labels)))
    exact = not ("?" in wide or "[" in wide)  # "a?" is matched by the text "a*", which stands for more
    return any(fnmatch.fnmatchcase(parent, wide) for parent in parents if exact or "*" not in parent)


def at_most(default: float, doc: str) -> Any:
    """A key whose smaller value is the stricter."""
    read = _count if isinstance(default, int) else _number
    return field(default=default, metadata={"kind": Kind(read, min), "doc": doc})


def at_least(default: float, doc: str) -> Any:
    """A key from 0 to 1 whose larger value is the stricter."""
    return field(default=default, metadata={"kind": Kind(_share, max), "doc": doc})


def choice(*loose_to_strict: str, default: str, doc: str) -> Any:
    """A key with a few values, the strictest last."""

    def read(value: Any) -> str:
        if value not in loose_to_strict:
            raise ValueError(" or ".join(f'"{name}"' for name in loose_to_strict))
        return str(value)

    def stricter(upper: str, lower: str) -> str:
        return max(upper, lower, key=loose_to_strict.index)

    return field(default=default, metadata={"kind": Kind(read, stricter), "doc": doc})


def names(doc: str, default: tuple[str, ...] = ()) -> Any:
    """A list that every level may lengthen."""
    return field(default=default, metadata={"kind": Kind(_names, _union, any_order=True), "doc": doc})


def allowed(doc: str) -> Any:
    """A list of the only things allowed; None allows everything."""
    return field(default=None, metadata={"kind": Kind(_names, _both), "doc": doc})


def aliases(doc: str) -> Any:
    """A table from a name to its other names."""
    return field(default_factory=dict, metadata={"kind": Kind(_aliases, _more_names), "doc": doc})


def text(doc: str, default: str = "") -> Any:
    """A string that only the person's own file sets."""
    return field(default=default, metadata={"kind": Kind(_text, lambda upper, _lower: upper), "doc": doc})


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


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a non-empty string")
    return value


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise ValueError('a list of non-empty strings, such as ["one", "two"]')
    return tuple(dict.fromkeys(value))


def _aliases(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ValueError('a table of lists, such as {"x.com" = ["Twitter"]}')  # noqa: TRY004  (see Kind.read)
    return {name: _names(others) for name, others in value.items()}


def _union(upper: tuple[str, ...], lower: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(upper + lower))


def _both(upper: tuple[str, ...] | None, lower: tuple[str, ...]) -> tuple[str, ...]:
    if upper is None:
        return lower
    common = [name for name in upper if any(covers(wide, name) for wide in lower)]
    common += [name for name in lower if any(covers(wide, name) for wide in upper)]
    return tuple(dict.fromkeys(common))


def _more_names(
    upper: Mapping[str, tuple[str, ...]], lower: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    return {name: _union(upper.get(name, ()), lower.get(name, ())) for name in (*upper, *lower)}
