"""A credential never enters a skill, whoever asks for it.

A skill is read by every later session, copied and published, so a hit in what an edit adds is a hard failure without
an override. What changed is looked at together with what stands around it, since two harmless lines can make one key;
and the added lines once more with string concatenations and line breaks taken out. A long random token that no rule
knows is not refused but sent to a person: no skill line needs one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from skillloop.gate.input import GateInput, finding
from skillloop.model import Check, Proposal
from skillloop.text import words
from skillloop.text.redact import random_tokens, redact, secrets

REACH = 10_000
"""Characters on each side of a change that are looked at with it: more than the longest credential of any rule."""

_CONCATENATION = re.compile(r"""["'`]\\?\s{0,8}[+.,&]?\s{0,8}["'`]""")
_LIST_MARKER = re.compile(r"^\s{0,12}(?:[-*+>]|\d{1,3}[.)])\s{1,4}")


def check(_proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Hard: no credential in what the edits add. Soft: no long random token that the skill has not already."""
    bodies = [_LIST_MARKER.sub("", line) for line in inputs.added]
    joined = [_CONCATENATION.sub("", line) for line in bodies]
    views = {*bodies, *joined, "".join(joined), " ".join(joined)}
    types = {secret.type for view in views for secret in secrets(view)}
    around = changed(inputs.base, inputs.text)
    types |= {found.type for found in secrets(around) if around[found.start : found.end] not in inputs.base}
    shown = "; ".join(redact(line)[:120] for line in inputs.added)
    wrong = f"the added text holds a credential ({', '.join(sorted(types))}): {shown}" if types else ""
    yield finding("secrets", wrong, "no credential in the added lines")
    for line in inputs.added if not types else ():
        for token in random_tokens(line):
            if token not in inputs.base:
                detail = f"a long random token, which no rule of a skill needs: {token[:6]}…"
                yield finding("random token", detail, hard=False)
                return


def changed(base: str, text: str) -> str:
    """Return the part of `text` from the first to the last difference, with `REACH` characters on each side; "" without one."""
    if base == text:
        return ""
    start = words.shared(base, text)
    end = words.shared(base[start:][::-1], text[start:][::-1])
    return text[max(0, start - REACH) : len(text) - end + REACH]
