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

FOLDER = Path(__file__).parents[1] / "prompts"


@cache
def _source(name: str) -> str:
    return (FOLDER / f"{name}.j2").read_text("utf-8")


def prompt(name: str, **values: Any) -> Prompt:
    """A prompt filled in with our own values (numbers, lists of words; never a transcript's: those are data)."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415  (30 ms that an offline run saves)

    source = _source(name)
    text = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True).from_string(source)  # noqa: S701  (a prompt is no HTML)
    return Prompt(f"{name}@{sha256(source)[:12]}", text.render(**values).strip())
