"""The person's rules and settings: what they mean (`sections`), how files combine (`rules`), who confirmed them."""

from __future__ import annotations

from skillloop.config.rules import ConfigError, effective, files, load, loosened
from skillloop.config.sections import (
    Apply,
    Budget,
    Config,
    EditLimits,
    Model,
    Protect,
    Sources,
    commented,
    covers,
    reference,
    schema,
)

__all__ = [
    "Apply",
    "Budget",
    "Config",
    "ConfigError",
    "EditLimits",
    "Model",
    "Protect",
    "Sources",
    "commented",
    "covers",
    "effective",
    "files",
    "load",
    "loosened",
    "reference",
    "schema",
]
