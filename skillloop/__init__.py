"""skillloop: Claude Code skills that learn from your corrections, and only the way you allow.

This file stays importable by Python 3.8 and imports nothing: the hook runs through it.
"""

__version__ = "0.2.0"
JSON_VERSION = 1  # of the JSON shapes in docs/json.md
