"""skillloop: Claude Code skills that learn from every correction, under rules only a person can change.

This file stays importable by Python 3.8 and imports nothing: the hook runs through it.
"""

__version__ = "0.1.0"
JSON_VERSION = 1  # of the JSON shapes in docs/json.md
