"""What an edit may touch at all: the body of a SKILL.md of the person's own, one line at a time, and nothing protected.

*place*: whose a skill is, `skillpath` says; skillloop's own skills are part of what judges. The folder's name is checked
because it reaches paths and terminals. *edits*: the gate applies them itself, so what a person reviews is what the checks saw.
*frontmatter*, *markup*: frontmatter grants tools, installs hooks and decides when a skill fires; `` !`…` `` and
``` ```! ``` run before the model sees the text; `@path` attaches files; `$1` and `${…}` are substituted; a comment can
hide text. How often each occurs, folded (NFKC, invisible characters out), may not rise; no pattern reaches over a line's
end, so the changed lines tell. Invariant: whatever the edits, the bytes up to the closing `---` are those of the base.
*headings*, *locked*, *must keep*: what the person protects is byte-equal after any edit. *safety lines* ("never", "must")
are only changed by a person, whoever asked. *size*, *drift*: lines are counted, not time, so a wrong clock changes nothing.
"""

import fnmatch
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from skillloop.errors import SkillloopError
from skillloop.gate.input import GateInput, body_of, finding, lines_of
from skillloop.model import Check, Edit, Proposal, sha256
from skillloop.skillpath import OWN_SKILLS, SkillPath, is_rules, malformed_path
from skillloop.skills import document
from skillloop.text import lexicon
from skillloop.text.lexicon import table
from skillloop.text.words import counted, fold

OWN = "skillloop never edits its own skills"
_SPEC_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def place(proposal: Proposal, inputs: GateInput) -> Check:
    """Hard where the file must never be edited, soft where its folder's name or its plugin is for a person to judge."""
    own = proposal.skill.casefold().startswith("skillloop:")
    if wrong := OWN if own else forbidden(inputs.target):
        return finding("place", wrong)
    name, odd = PurePosixPath(proposal.path).parent.name, ""
    if not _SPEC_NAME.fullmatch(name):
        odd = f"the skill's folder {name!r} is not a name of the skill format (a-z, 0-9 and -)"
    elif ":" in proposal.skill:
        odd = f"{proposal.skill!r} is a plugin's skill that runs from a folder of yours"
    return finding("place", odd, "an editable SKILL.md", hard=not odd)


def forbidden(skill: SkillPath) -> str:
    """Return why this path, or the file that it leads to, must never be edited; or ""."""
    if wrong := malformed_path(skill.path):
        return wrong
    if not skill.real.isprintable():
        return f"it leads to {skill.real!r}"
    if PurePosixPath(skill.real).is_relative_to(OWN_SKILLS):
        return OWN
    return f"it {skill.reason}; {skill.hint}" if skill.reason else ""


# --- the form of an edit ---------------------------------------------------------------------------------------------

LONGEST = 500  # characters of a rule
LONGEST_LINE = 4_000  # characters of any new line; beyond, no other check looks at it
_FIELDS = {"insert": (False, True), "replace": (True, True), "delete": (True, False)}
"""By operation, whether it needs an old line and a new one."""
_STRUCTURE = re.compile(table("markup")["structure"])


def edits(proposal: Proposal, inputs: GateInput) -> Check:
    """Hard: the form of every edit, and that they lead to `inputs.text`."""
    wrong = next(filter(None, map(malformed, proposal.edits)), "") if proposal.edits else "there is no edit"
    if not wrong and proposal.base != sha256(inputs.base):
        wrong = "it was drafted for a different text from the one that is judged"
    if not wrong:
        try:
            text = document.apply(inputs.base, proposal.edits, proposal.path)
            wrong = "" if text == inputs.text else "the edits do not lead to the text that is judged"
        except SkillloopError as error:
            wrong = error.message
    return finding("edits", wrong, "well-formed edits of single lines")


def overlong(inputs: GateInput) -> Check:
    """Hard: no new line is too long to look at. Asked before all checks, so that they stay quick."""
    longest = max(map(len, inputs.added), default=0)
    wrong = f"a line of {longest:,} characters; the limit is {LONGEST_LINE:,}"
    return finding("line length", wrong * (longest > LONGEST_LINE))


def malformed(edit: Edit) -> str:
    """Return what is wrong with an edit by itself, or ""."""
    if edit.op not in _FIELDS:
        return f"{edit.op!r} is not an edit operation"
    if _FIELDS[edit.op] != (edit.old is not None, edit.new is not None):
        return f"{edit.op} does not have the fields that it needs"
    if (new := edit.new) is None:
        return ""
    if len(new) > LONGEST:
        return f"a line of {len(new)} characters; the limit is {LONGEST}"
    if any((ord(c) < 32 and c != "\t") or ord(c) == 127 or c in "\x85\u2028\u2029" for c in new):
        return "a line break or control character in a line"
    marker = body_of(new)[0]
    if edit.op == "insert" and not marker:
        return "an inserted line must be a list item"
    if edit.op == "replace" and marker != body_of(edit.old or "")[0]:
        return "a replaced line must keep its list marker"
    text = new[len(marker) :]
    odd = not text.strip() or _STRUCTURE.match(text)
    return f"{text[:40]!r} would change the structure of the file" if odd else ""


# --- where authority enters a SKILL.md ---------------------------------------------------------------------------------

_MARKUP = [(x["what"], x["hard"], re.compile("(?mi)" + x["pattern"])) for x in table("markup")["mark"]]
_TWINS = str.maketrans("ǃⵑ‼❗❕ꜝˋ‵՝｀﹫﹩", "!!!!!!````@$")
_UNSEEN = frozenset({"Cf", "Cc", "Mn", "Me"})
_PLAIN_FRONTMATTER = re.compile(r"---(\r?\n)(?:(?!---)[^\n]*\n)*---(?:\r?\n|\Z)")
_ODD_FRONTMATTER = re.compile(table("markup")["odd-frontmatter"])


def authority(_proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Hard: frontmatter and live markup. Soft: what only looks like live markup."""
    before, wrong = frontmatter(inputs.base), ""
    if before is None:
        wrong = "the frontmatter is not in the plain form (--- alone on its lines, no odd characters), so its end is in doubt"
    elif frontmatter(inputs.text) != before:
        wrong = "the frontmatter would change"
    yield finding("frontmatter", wrong, "the same bytes as before")
    before_after = zip(_MARKUP, counts(inputs.removed), counts(inputs.added), strict=True)
    risen = [(what, hard) for (what, hard, _), old, new in before_after if new > old]
    live = "; ".join(name for name, hard in risen if hard)
    yield finding("markup", live and f"the text gains {live}", "no live markup is added")
    if near := "; ".join(name for name, hard in risen if not hard):
        yield finding("near markup", f"the text gains {near}", hard=False)


def frontmatter(text: str) -> str | None:
    """Return the frontmatter with both fences, where every reader takes it alike; "" where there is none; else None.

    That form: `---` alone on the first line and on the closing one, LF or CRLF throughout, no other line that some
    reader might take for a fence, no separator that YAML takes for a line break. A byte order mark may stand before it.
    """
    mark = "\ufeff" * text.startswith("\ufeff")
    text = text.removeprefix(mark)
    if not document.fenced(text):
        return mark
    match = _PLAIN_FRONTMATTER.match(text)
    if match is None or _ODD_FRONTMATTER.search(match[0]):
        return None
    block = match[0]
    mixed = block.count("\n") != block.count("\r\n") if match[1] == "\r\n" else "\r" in block
    return None if mixed else mark + block


def counts(lines: Iterable[str]) -> list[int]:
    """Count each kind of live markup in lines."""
    folded = plain("\n".join(lines))
    return [sum(1 for _ in pattern.finditer(folded)) for _, _, pattern in _MARKUP]


def plain(text: str) -> str:
    """Return the text with look-alikes folded and invisible characters out: what a lenient reader might make of it."""
    if text.isascii():
        return text
    folded = unicodedata.normalize("NFKC", text.translate(_TWINS)).translate(_TWINS)
    unseen = {c for c in set(folded) - set("\n\t") if unicodedata.category(c) in _UNSEEN}
    return folded.translate({ord(c): None for c in unseen})


# --- what the person protects ------------------------------------------------------------------------------------------

_LOCK = re.compile(r"<!--[ \t]{0,8}(/?)[ \t]{0,8}skillloop:lock[ \t]{0,8}-->", re.IGNORECASE)


def protected(_proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Hard for headings, locks and must-keep lines; soft for lines with safety words."""
    headings = inputs.config.protect.headings
    sides = [document.parse(text) for text in (inputs.base, inputs.text) if headings]
    gone = next((one for one in headings if _under(sides[0], one) != _under(sides[1], one)), None)
    wrong = "" if gone is None else f"the section {gone!r} would change"
    rule = None if gone is None else inputs.config.rule("protect.headings", gone)
    yield finding("headings", wrong, "protected sections are unchanged", rule=rule)
    changed = _locked(inputs.base) != _locked(inputs.text)
    yield finding("locked", "a locked region would change" * changed, "locked regions are unchanged")
    yield _must_keep(inputs)
    safety = lexicon.whole("gate.safety")  # words by which people mark a safeguard
    touched = next((line for line in inputs.removed if safety.search(fold(line[:LONGEST_LINE]))), None)
    wrong = f"{touched.strip()[:120]!r} contains safety words: only a person may change it" if touched else ""
    yield finding("safety lines", wrong, "no such line is touched", hard=False)


def _under(skill: document.SkillFile, heading: str) -> list[str]:
    """Return the text of each section with this heading, subsections included, without the blank lines at its end."""
    wanted = " ".join(fold(heading.lstrip("#")).split())
    found = []
    for number, section in enumerate(skill.sections):
        if section.heading is not None and " ".join(fold(section.heading).split()) == wanted:
            after = (later.start for later in skill.sections[number + 1 :] if later.level <= section.level)
            text = "".join(skill.lines[section.start : next(after, len(skill.lines))])
            found.append(text.rstrip("\r\n"))  # one comes when a section is added behind the last
    return found


def _locked(text: str) -> list[str]:
    """Return the locked regions with their markers. One that is not closed goes on to the end; locks may nest."""
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
    """Hard: no line that a pattern or a `lines` entry names goes, changes or moves; `fnmatch` stays linear with many stars."""
    protect = inputs.config.protect
    whole = [body_of(line)[1].strip() for line in inputs.removed]
    folded = [fold(line) for line in inputs.removed] if protect.must_keep else []
    globs = [(entry, fnmatch.translate(f"*{fold(entry)}*")) for entry in protect.must_keep]
    exact = [(entry, re.escape(body_of(entry.strip())[1].strip()) + r"\Z") for entry in protect.lines]
    named = *(("must_keep", folded, *each) for each in globs), *(("lines", whole, *each) for each in exact)
    for key, lines, entry, pattern in named:
        for line, text in zip(inputs.removed, lines, strict=True):
            if re.match(pattern, text):
                rule = inputs.config.rule(f"protect.{key}", entry)
                return finding("must keep", f"{line.strip()[:120]!r} must stay as it is", rule=rule)
    return finding("must keep", "", "every line that must stay is there")


# --- how much may change -------------------------------------------------------------------------------------------------


def size(_proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Hard: lines of one proposal, bytes of the file."""
    added = count(inputs.added)
    yield _at_most(inputs, "edit size", added, "max_added_lines", f"it adds {counted(added, 'line')}")
    before, after = (len(text.encode("utf-8", "surrogatepass")) for text in (inputs.base, inputs.text))
    if after > before or after <= inputs.config.edit.max_bytes:
        yield _at_most(inputs, "file size", after, "max_bytes", f"the file would have {after:,} bytes")


def drift(_proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Soft: lines per session, since a person last decided, and since the text that the person last wrote or approved."""
    added = count(inputs.added)
    if added == 0:
        return
    session, unseen = inputs.added_in_session + added, inputs.added_unseen + added
    detail = f"this session would have added {counted(session, 'line')}"
    yield _at_most(inputs, "session budget", session, "per_session", detail, hard=False)
    detail = f"{counted(unseen, 'line')} would have been added since you last decided"
    yield _at_most(inputs, "unseen budget", unseen, "unseen", detail, hard=False)
    if inputs.own is not None:
        grown = count((Counter(lines_of(inputs.text)) - Counter(lines_of(inputs.own))).elements())
        detail = f"the skill would have {counted(grown, 'line')} beyond what you last wrote or approved"
        yield _at_most(inputs, "growth", grown, "max_growth", detail, hard=False)


BEFORE = "it was said before you last confirmed your settings"


def automatic(proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Soft: what is never applied without a person. In review mode, where nothing is, only that the settings were loosened."""
    apply, rule = inputs.config.apply, inputs.config.rule
    if inputs.unconfirmed:
        detail = f"{inputs.unconfirmed[0]}; if it was you: `skillloop constraints --confirm`"
        yield finding("rules", detail, hard=False)
    if apply.mode == "review":
        return
    if is_rules(inputs.target.path):
        detail = "an edit to a rules file, which every session loads, always waits for you"
        yield finding("never automatic", detail, hard=False)
    if any((said.timestamp or "")[:19] < inputs.confirmed[:19] for said in proposal.evidence):
        yield finding("never automatic", BEFORE, hard=False)
    if inputs.breaker:
        yield finding("breaker", f"{inputs.breaker}; until you decide, the next ones wait", hard=False)
    operations = {edit.op for edit in proposal.edits}
    for entry in apply.never_auto:
        if entry in operations or fnmatch.fnmatchcase(proposal.skill.casefold(), entry.casefold()):
            detail = f"{entry!r} always waits for you"
            yield finding("never automatic", detail, hard=False, rule=rule("apply.never_auto", entry))
    if inputs.confidence is not None and inputs.confidence < apply.min_confidence:
        sure = f"{inputs.confidence:.0%} sure, and your setting asks for {apply.min_confidence:.0%}"
        detail = f"skillloop is not sure enough that this was a correction ({sure})"
        yield finding("confidence", detail, hard=False, rule=rule("apply.min_confidence"))


def count(lines: Iterable[str]) -> int:
    """Count the lines that say something; the heading of the learned rules is skillloop's own."""
    return sum(1 for line in lines if line.strip() and line.lstrip("# ").rstrip() != document.LEARNED)


def _at_most(inputs: GateInput, name: str, value: int, key: str, detail: str, *, hard: bool = True) -> Check:
    limit, rule = getattr(inputs.config.edit, key), inputs.config.rule(f"edit.{key}")
    return Check(name, value <= limit, hard, f"{detail}; the limit is {limit:,}", rule)
