"""What the PreToolUse hook runs: let a call pass at once that `approval` would have no say in, and ask that about any other.

`approval` imports much of the standard library, so most calls are told by their bytes: one in which no word stands that
decides something, no name of what is kept safe, and nothing that could hide such a word (a backslash, a quote that a shell takes
away). Invariant: what `approval` answers never passes here. It runs by path on any Python from 3.8 on: `os` and `sys` only.
"""

import os
import sys

WORDS = b"approve reject rollback uninstall remember --confirm skillloop.toml SKILL.md learned.md".split()
HIDING = (b"\\", b"'")  # a double quote stands in JSON behind a backslash


def concerns(event: bytes, home: str) -> bool:
    """Return whether a tool call may decide something, or touch the state in `home`, the rules or a skill."""
    name = os.path.basename(os.path.abspath(home))
    return any(word in event for word in (*WORDS, *HIDING, os.fsencode(name)))


def main() -> None:
    """Serve the hook: one tool call on stdin."""
    event = sys.stdin.buffer.read()
    # as in session.py
    home = os.path.abspath(os.environ.get("SKILLLOOP_HOME") or os.path.expanduser("~/.skillloop"))
    if concerns(event, home):
        sys.dont_write_bytecode = True  # not into the plugin's folder
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        __import__("approval").main(event)


if __name__ == "__main__":
    main()
