"""Every error that skillloop raises on purpose, each with the exit code that the command line ends with.

    SkillloopError            1  it failed: message, and what to do
    ├── UsageError            2  the call was wrong (a path that is not there, an option that does not fit)
    ├── Refused               4  the gate said no
    ├── Stale                 5  the file is not what the proposal was drafted on
    └── Locked                5  another skillloop holds the lock

Exit code 3 is a bug (any other exception; the crash log's path is printed) and 130 an interrupt.
"""


class SkillloopError(Exception):
    """Something failed: `message` says what, to which file and line, in one sentence; `hint` what to do about it, or ""."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def told(self) -> str:
        """The message, and under it what to do."""
        return self.message + f"\n  → {self.hint}" * bool(self.hint)


class UsageError(SkillloopError):
    """The call itself was wrong."""

    exit_code = 2


class Refused(SkillloopError):  # noqa: N818  (a refusal is an answer, not an accident)
    """The gate, or a rule about who may approve, said no."""

    exit_code = 4


class Stale(SkillloopError):  # noqa: N818
    """The live file is not the text the proposal was drafted on."""

    exit_code = 5


class Locked(SkillloopError):  # noqa: N818
    """Another process holds the lock."""

    exit_code = 5
