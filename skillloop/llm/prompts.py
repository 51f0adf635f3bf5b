"""The instructions that are sent, as files: `prompts/NAME.vN.j2`, one version a file. A released one is never changed.

A prompt's name holds the hash of its file, and every proposal and call holds that name, so that what was asked can be
told years later.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from skillloop.llm.request import Prompt
from skillloop.model import sha256

FOLDER = Path(__file__).parents[1] / "data" / "prompts"


@cache
def _source(name: str) -> str:
    return (FOLDER / f"{name}.j2").read_text("utf-8")


def prompt(name: str, **values: Any) -> Prompt:
    """A prompt filled in with our own values (numbers, lists of words; never a transcript's: those are data)."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415  (30 ms that an offline run saves)

    # A prompt is no HTML, so nothing is escaped.
    environment = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True)  # noqa: S701
    text = environment.from_string(_source(name))
    return Prompt(versioned(name), text.render(**values).strip())


def versioned(name: str) -> str:
    """The name of a prompt with the hash of its file."""
    return f"{name}@{sha256(_source(name))[:12]}"
