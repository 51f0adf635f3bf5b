"""A turn of a person with what stands around it: what the assistant did before and after, and what the person said earlier.

Limit: both sides are the nearest run of the assistant's turns. What lies further away is not looked at, but for the last few
turns of the person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from skillloop.model import Origin, Session, Turn
from skillloop.text import lexicon

EARLIER = 8  # turns of the person before this one that are kept
LONGEST_ORDER = 2500  # characters, with the findings that are to be worked through
REPEATED = 30  # characters from which a line that the assistant wrote before counts as repeated

_NO_LETTERS = re.compile(r"[\W\d_]+")


@dataclass(frozen=True, slots=True)
class Scene:
    """One human turn with both of its sides. `position` counts the human turns before it."""

    turn: Turn
    before: tuple[Turn, ...]  # the assistant's last run of turns; words sent twice at once have it in common
    after: tuple[Turn, ...]  # the assistant's next run of turns
    earlier: tuple[Turn, ...]  # what the person said before, newest first
    position: int

    @property
    def opens_work(self) -> bool:
        """Whether the turn is an order rather than a remark on work: nothing came before it, or a skill was launched for it."""
        return not self.before or any(tool.name == "Skill" for turn in self.after for tool in turn.tools)

    @property
    def question(self) -> str:
        """What the assistant asked last, if it has a tool for questions and used it; else ""."""
        asked = (tool.brief for turn in self.before for tool in turn.tools if tool.name == "AskUserQuestion")
        return max(enumerate(asked), default=(0, ""))[1]

    @property
    def only_orders(self) -> bool:
        """Whether the turn orders other work, or to go on with it, and says nothing of what was done."""
        orders = lexicon.pattern("scene.orders", r"\W{0,9}<all>\W{0,9}")
        return len(self.turn.text) <= LONGEST_ORDER and bool(orders.fullmatch(self.turn.text))

    def own_prose(self) -> str:
        """Return the turn's text without the lines that it repeats from what the assistant just said."""
        lines = self.turn.text.splitlines()
        if len(lines) < 2:
            return self.turn.text
        if max(map(len, lines)) < REPEATED:
            return "\n".join(lines)
        before = _letters("".join(turn.text for turn in self.before))
        return "\n".join(line for line in lines if len(line) < REPEATED or _letters(line) not in before)


def _letters(text: str) -> str:
    return _NO_LETTERS.sub("", text).lower()


def scenes(session: Session) -> Iterator[Scene]:
    """Yield each turn of a person, in order, with what stands around it."""
    turns = session.turns
    human: list[Turn] = []
    for i, turn in enumerate(turns):
        if turn.role != "human":
            continue
        if turn.origin is not Origin.MACHINE:
            before, after = _run(turns, range(i - 1, -1, -1)), _run(turns, range(i + 1, len(turns)))
            yield Scene(turn, before[::-1], after, tuple(reversed(human[-EARLIER:])), len(human))
        human.append(turn)


def _run(turns: tuple[Turn, ...], indexes: range) -> tuple[Turn, ...]:
    """Return the assistant's nearest run of turns in a direction."""
    run = []
    for index in indexes:
        if turns[index].role == "assistant":
            run.append(turns[index])
        elif run:
            break
    return tuple(run)
