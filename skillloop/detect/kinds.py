"""Which kind of disagreement a turn is: the kind whose learned score is the highest."""

from __future__ import annotations

from collections.abc import Mapping

from skillloop.detect.classifier import learned
from skillloop.model import Kind


def kind(features: Mapping[str, float]) -> Kind:
    """The likeliest kind; the order of `Kind` breaks a tie."""
    scores = {name: learned().kinds[name.value].confidence(features) for name in Kind}
    return max(Kind, key=lambda name: scores[name])
