"""The model's dataclasses as JSON and back, exactly.

Invariant: `decode(type(x), encode(x)) == x` for every value that the annotations allow, lone surrogates and odd
floats included. The JSON is ASCII with sorted keys, so that equal values have equal digests.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")


def encode(value: Any) -> str:
    """A dataclass, or a tuple of them, as compact JSON."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))


def decode(kind: type[T], text: str) -> T:
    """The value that `encode` was given.

    Args:
        kind: Its type; for a tuple `tuple[X, ...]`.
        text: What `encode` returned.

    Raises:
        ValueError, TypeError, KeyError: the text is not the JSON of such a value.
    """
    return typing.cast("T", _typed(kind, json.loads(text)))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def _typed(kind: Any, value: Any) -> Any:
    """`value` from JSON as the annotated type. Unions are only ever `X | None` in the model."""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        inner = next(item for item in arguments if item is not types.NoneType)
        return None if value is None else _typed(inner, value)
    if typing.get_origin(kind) is tuple:
        return tuple(_typed(arguments[0], item) for item in value)
    if dataclasses.is_dataclass(kind):
        hints = _hints(typing.cast("type", kind))
        return kind(**{name: _typed(hints[name], item) for name, item in value.items()})  # type: ignore[operator]
    if isinstance(kind, type) and issubclass(kind, (Enum, float)):
        return kind(value)
    return value


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)
