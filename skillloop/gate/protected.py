"""What the person protects is byte-equal after any edit: headings, locked regions, lines that must stay.

Beside that, lines that carry safety words ("never", "must", "security", in several languages) are only changed or
removed by a person, whoever asked: a lesson that weakens a safeguard looks like any other lesson.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator

from skillloop.gate.input import GateInput
from skillloop.gate.schema import body_of
from skillloop.model import Check, Proposal
from skillloop.skills import document
from skillloop.skills.document import SkillFile
from skillloop.text.words import fold

_LOCK = re.compile(r"<!--[ \t]{0,8}(/?)[ \t]{0,8}skillloop:lock[ \t]{0,8}-->", re.IGNORECASE)

_SAFETY = re.compile(
    r"\b(?:never|must|always|mandatory|required?|do(?: not|n't)|only|forbid\w*|prohibit\w*|not allowed|refuse|reject|stop|confirm\w*|ask|approv\w*"
    r"|permission\w*|secur\w*|safe\w*|unsafe|secret\w*|credential\w*|password\w*|token\w*|private|danger\w*|destructive|irreversibl\w*"
    r"|backup\w*|verif\w*|trust\w*|untrusted|sandbox\w*|warn\w*|careful\w*|critical\w*|important"
    r"|nunca|jamás|siempre|debe\w*|obligatori\w*|prohibid\w*|segur\w*|contraseña\w*|secret[oa]\w*|confirma\w*|peligros\w*|solo|sólo"
    r"|nie|niemals|immer|muss|müssen|nicht|kein\w*|verboten\w*|sicher\w*|passwort\w*|geheim\w*|gefährlich\w*|nur"
    r"|jamais|toujours|doit|doivent|obligatoire\w*|interdi\w*|sécurité|secret\w*|dangereu\w*|seulement|uniquement"
    r"|nunca|sempre|deve\w*|obrigatóri\w*|proibid\w*|senha\w*|perigos\w*|apenas|somente|não"
    r"|mai|deve|devono|obbligatori\w*|vietat\w*|sicur\w*|pericolos\w*|soltanto"
    r"|никогда|нельзя|всегда|должн\w*|обязательн\w*|запрещ\w*|безопасн\w*|парол\w*|секрет\w*|опасн\w*|только|не)\b"
    r"|绝不|永远|不要|不得|不能|禁止|必须|务必|一定|始终|安全|密码|密钥|机密|危险|确认|只能|仅"
    r"|決して|絶対|必ず|禁止|ない|してはいけ|べき|安全|パスワード|秘密|危険|確認|のみ|だけ"
)


def check(_proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Hard for headings, locks and must-keep lines; soft for lines with safety words."""
    yield _headings(inputs)
    changed = _locked(inputs.base) != _locked(inputs.text)
    yield Check(
        "locked",
        not changed,
        detail="a locked region would change" if changed else "locked regions are unchanged",
    )
    yield _must_keep(inputs)
    touched = next((line for line in inputs.removed if carries_safety(line)), None)
    detail = (
        f"{touched.strip()[:120]!r} carries safety words: only a person changes it"
        if touched
        else "no such line is touched"
    )
    yield Check("safety lines", touched is None, hard=False, detail=detail)


def carries_safety(line: str) -> bool:
    """Whether a line holds a word by which people mark a safeguard."""
    return bool(_SAFETY.search(fold(line[:4_000])))


def _headings(inputs: GateInput) -> Check:
    headings = inputs.config.protect.headings
    before, after = (document.parse(text) if headings else None for text in (inputs.base, inputs.text))
    for heading in headings:
        if before is None or after is None or _under(before, heading) != _under(after, heading):
            rule = inputs.config.rule("protect.headings", heading)
            return Check("headings", passed=False, detail=f"the section {heading!r} would change", rule=rule)
    return Check("headings", passed=True, detail="protected sections are unchanged")


def _under(skill: SkillFile, heading: str) -> list[str]:
    """The text of each section with this heading, subsections included."""
    wanted = " ".join(fold(heading.lstrip("#")).split())
    found = []
    for number, section in enumerate(skill.sections):
        if section.heading is not None and " ".join(fold(section.heading).split()) == wanted:
            after = (later.start for later in skill.sections[number + 1 :] if later.level <= section.level)
            found.append("".join(skill.lines[section.start : next(after, len(skill.lines))]))
    return found


def _locked(text: str) -> list[str]:
    """The locked regions with their markers. One that is not closed goes on to the end; locks may nest."""
    regions, depth, start = [], 0, 0
    for marker in _LOCK.finditer(text):
        closing = bool(marker[1])
        if not closing and depth == 0:
            start = marker.start()
        depth = max(0, depth - 1) if closing else depth + 1
        if closing and depth == 0:
            regions.append(text[start : marker.end()])
            start = marker.end()
    return [*regions, text[start:]] if depth else regions


def _must_keep(inputs: GateInput) -> Check:
    """No line that a pattern or a `lines` entry names goes, changes or moves."""
    protect, rules = inputs.config.protect, inputs.config
    named = [("protect.must_keep", one, _holding(one)) for one in protect.must_keep if inputs.removed]
    named += [("protect.lines", one, _whole(one)) for one in protect.lines if inputs.removed]
    for key, entry, pattern in named:
        lost = next((line for line in inputs.removed if pattern.match(_match_text(key, line))), None)
        if lost is not None:
            detail = f"{lost.strip()[:120]!r} must stay as it is"
            return Check("must keep", passed=False, detail=detail, rule=rules.rule(key, entry))
    return Check("must keep", passed=True, detail="every line that must stay is there")


def _holding(pattern: str) -> re.Pattern[str]:
    """A shell pattern anywhere in a line. `fnmatch` translates `*` into atomic groups, so matching stays linear."""
    return re.compile(fnmatch.translate(f"*{fold(pattern)}*"))


def _whole(line: str) -> re.Pattern[str]:
    return re.compile(re.escape(body_of(line.strip())[1].strip()) + r"\Z")


def _match_text(key: str, line: str) -> str:
    return fold(line) if key == "protect.must_keep" else body_of(line)[1].strip()
