"""The Markdown that skillloop reads and writes: the one definition of a list item, a heading and a fence.

CommonMark's forms, but that an item may stand at any depth of indent. Who asks what a reader of a file might take for
markup, as the gate does, looks for more than this.
"""

from __future__ import annotations

import re

MARKER = r"(?:[-*+]|\d{1,9}[.)])"
"""What a list item begins with, after its indent and before its blank."""

ITEM = re.compile(rf"(?P<marker>(?P<indent>[ \t]*){MARKER}[ \t]+)(?P<text>\S.*)")
"""A line that begins a list item."""

HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
"""A heading: its signs, its text."""

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
"""The start of a line that opens or closes a block of code."""
