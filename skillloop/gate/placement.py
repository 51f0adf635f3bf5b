"""A line means what its place makes of it: "Use sudo" under the heading "Never" says the opposite.

The headings above a new line, and the sentence that announces its list ("Never do any of these:"), may not negate,
except or exemplify what the person said plainly. Such a place goes to a person, unless the line is a prohibition
itself.
"""

from __future__ import annotations

import re

from skillloop.gate.input import GateInput
from skillloop.gate.schema import body_of
from skillloop.model import Check, Proposal
from skillloop.skills import document
from skillloop.skills.document import SkillFile
from skillloop.text.words import fold, polar, tokens

_TURNS_ROUND = re.compile(
    r"\b(?:anti-?patterns?|pitfalls?|mistakes?|bad|wrong|poor|forbidden|deprecated|obsolete|legacy|old|out of scope|non-goals?|exceptions?|examples?"
    r"|ejemplos?|excepciones|errores|prohibido|mal|beispiele?|ausnahmen?|fehler|verboten|schlecht|exemples?|erreurs?|interdits?|mauvais|exemplos?|exceções|erros"
    r"|proibido|esempi\w*|eccezioni|errori|vietat\w|пример\w*|исключени\w*|ошибк\w*|запрещ\w*)\b|反例|例子|示例|错误|例外|禁止|反面|悪い例|失敗"
)


def check(proposal: Proposal, inputs: GateInput) -> Check:
    """Soft: no new line stands where its meaning would be turned round."""
    new = {edit.new for edit in proposal.edits if edit.new}
    skill = document.parse(inputs.text) if new else None
    for number in range(skill.body if skill else 0, len(skill.lines) if skill else 0):
        assert skill is not None
        line = skill.lines[number].rstrip("\r\n")
        if line in new and not _negates(body_of(line)[1]):
            turning = next(
                (
                    above
                    for above in _above(skill, number)
                    if _negates(above) or _TURNS_ROUND.search(fold(above))
                ),
                None,
            )
            if turning is not None:
                detail = f"under {turning.strip()[:80]!r} the line may mean the opposite"
                return Check("setting", passed=False, hard=False, detail=detail)
    return Check("setting", passed=True, detail="no heading above the new lines turns them round")


def _above(skill: SkillFile, number: int) -> list[str]:
    """What governs a line: the items it is nested in, the text that announces its list, the headings; nearest first."""
    announcing = []
    indent = _indent(skill.lines[number])
    for at in range(number - 1, skill.body - 1, -1):
        line = skill.lines[at].rstrip("\r\n")
        marker, text = body_of(line)
        if marker and _indent(line) < indent:  # the item that this one is nested in
            announcing.append(text)
            indent = _indent(line)
        elif line.strip() and not marker and line[0] not in " \t":
            announcing += [line] if line.rstrip("*_ ").endswith((":", "：")) else []
            break
    headings, level = [], 7
    for section in reversed(skill.sections):
        if section.heading is not None and section.start < number and section.level < level:
            headings.append(section.heading)
            level = section.level
    return announcing + headings


def _indent(line: str) -> int:
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip(" "))


def _negates(text: str) -> bool:
    return any(name in ("not", "except", "without") for name, _, _ in polar(tokens(text)))
