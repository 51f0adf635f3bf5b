"""Check that a new line keeps its meaning where it is put, repeats or contradicts no other line, and takes none away.

*setting*: "Use sudo" under the heading "Never" says the opposite. The headings above a new line, and the sentence that
announces its list ("Never do any of these:"), may not negate, except or exemplify what the person said plainly, unless the
line is a prohibition itself. *repeat*: a rule that is added again would drown what it repeats; one only like it waits.
"""

import re
from collections.abc import Iterator

from skillloop.gate.input import GateInput, body_of, finding, lines_of
from skillloop.gate.structure import LONGEST
from skillloop.model import Check, Proposal
from skillloop.skills import document, placement
from skillloop.text import lexicon, words
from skillloop.text.contradiction import contradict, shared
from skillloop.text.wishes import same_order, same_rule

LIKE = 0.75  # similarity from which two lines with the same polarity and the same figures may be one rule
_FIGURES = re.compile(r"\d+(?:[.,]\d+)*|[\w-]*[._/-][\w./-]+")


def setting(proposal: Proposal, inputs: GateInput) -> Check:
    """Soft: no new line stands where its meaning would be turned round."""
    new, reverse = {edit.new for edit in proposal.edits if edit.new}, lexicon.whole("gate.reverse")
    skill = document.parse(inputs.text if new else "")
    lines = ((n, skill.lines[n].rstrip("\r\n")) for n in range(skill.body, len(skill.lines)))
    told = (n for n, line in lines if line in new and not _negates(body_of(line)[1]))
    above = (each for n in told for each in _above(skill, n))
    turns = next((each for each in above if _negates(each) or reverse.search(words.fold(each))), None)
    wrong = "" if turns is None else f"under {turns.strip()[:80]!r} the line may mean the opposite"
    return finding("setting", wrong, "no heading above the new lines turns them round", hard=not wrong)


def shown(proposal: Proposal, inputs: GateInput) -> Check:
    """Soft: each new line stands where a reader of the page sees a list."""
    new = (edit.new for edit in proposal.edits if edit.new)
    hidden = next((line for line in new if not placement.is_listed(inputs.text, line)), "")
    wrong = f"{hidden.strip()[:80]!r} would stand inside code, a comment or a table" if hidden else ""
    return finding("hidden place", wrong, "every new line is an item of a list", hard=not wrong)


def contradiction(proposal: Proposal, inputs: GateInput) -> Check:
    """Soft: no other line says the opposite of a new one."""
    gone = {body_of(edit.old)[1].strip() for edit in proposal.edits if edit.old}
    for edit in proposal.edits:
        for _, item in placement.contradicted(inputs.base, body_of(edit.new)[1]) if edit.new else ():
            if item.text.strip() not in gone:
                wrong = f"line {item.line + 1} says something else: {item.text[:80]!r}"
                return finding("contradiction", wrong, hard=False)
    return finding("contradiction", "", "no line says the opposite")


def near(proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Soft, but in review mode: a new line shares half of its words, and two, with a line that stays: perhaps the opposite."""
    if inputs.config.apply.mode == "review":
        return
    gone = {_said(edit.old) for edit in proposal.edits if edit.old}
    there = [(at, _said(line)) for at, line in enumerate(lines_of(inputs.base), 1) if len(line) <= LONGEST]
    verbs = frozenset(map(words.stem, lexicon.words("placement.verbs")))
    for new in (_said(edit.new) for edit in proposal.edits if edit.new):
        rare = words.content_words(new) - words.scope() - verbs
        for at, old in there:
            both = frozenset() if old in gone else shared(rare, words.content_words(old))
            if len(both) >= 2 and 2 * len(both) >= len(rare):
                yield finding("near", f"it may be about the same as line {at}: {old[:80]!r}", hard=False)
                return


def removal(proposal: Proposal, _inputs: GateInput) -> Check:
    """Soft: nothing is taken away without a person."""
    gone = next((edit.old.strip() for edit in proposal.edits if edit.old is not None), "")
    wrong = f"{gone[:80]!r} would go: only you decide that" if gone else ""
    return finding("removal", wrong, "nothing is taken away", hard=not wrong)


def _above(skill: document.SkillFile, number: int) -> list[str]:
    """Return what governs a line: the items it is nested in, the text that announces its list, the headings; nearest first."""
    announcing = []
    inner = document.indent(skill.lines[number])
    for at in range(number - 1, skill.body - 1, -1):
        line = skill.lines[at].rstrip("\r\n")
        marker, text = body_of(line)
        if marker and document.indent(line) < inner:  # the item that this one is nested in
            announcing.append(text)
            inner = document.indent(line)
        elif line.strip() and not marker and line[0] not in " \t":
            announcing += [line] if line.rstrip("*_ ").endswith((":", "：")) else []
            break
    headings, level = [], 7
    for section in reversed(skill.sections):
        if section.heading is not None and section.start < number and section.level < level:
            headings.append(section.heading)
            level = section.level
    return announcing + headings


def _negates(text: str) -> bool:
    return any(name in ("not", "except", "without") for name, _, _ in words.polar(words.tokens(text)))


def repeat(proposal: Proposal, inputs: GateInput) -> Check:
    """Hard: no new line is one that the skill has; an earlier edit's old line is gone. Soft: none is like one."""
    there = [(number, _said(line)) for number, line in enumerate(lines_of(inputs.base), 1)]
    like = ""
    for edit in proposal.edits:
        new, gone = map(_said, (edit.new, edit.old))
        at = next((at for at, (_, line) in enumerate(there) if gone and line == gone), None)
        there = there if at is None else there[:at] + there[at + 1 :]
        rare = [stem[:-1] for stem in sorted(words.content_words(new), key=len)[-3:]]  # a cheap first look
        for number, old in there if new else ():
            folded = old.casefold()
            if len(old) <= LONGEST and any(piece in folded for piece in rare):
                if same_rule(new, old):
                    return finding("repeat", f"{new[:80]!r} is already a rule: line {number}, {old[:80]!r}")
                figures = _FIGURES.findall(new) == _FIGURES.findall(old)
                alike = figures and words.alike(new, old, LIKE) and not contradict(new, old)
                if alike or same_order(new, old):
                    like = like or f"perhaps the same as line {number}: {old[:80]!r}"
        there.append((len(there) + 1, new))
    return finding("repeat", like, "no line says the same already", hard=not like)


def _said(line: str | None) -> str:
    return body_of(line or "")[1].lstrip("# ").strip()
