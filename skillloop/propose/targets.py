"""Which file a lesson goes to: the skill that it is about, else a rules file.

A skill that is in force need not be what the person speaks about: they went on to other work, or name another skill's
matter. So each known skill is scored by the rare words that it shares with the lesson, and the skill in force also by what
stands around: whether the turns since its last work did something else, and whether the lesson speaks of its output.
The skill in force is chosen where that speaks for it; a skill that worked earlier and has a line that the lesson contradicts or
says again, or one that it is about, is only offered (a person must look); and what is about none of them goes to the rules
file of the project, or of the person where there is no project.

The weights were chosen on one half of `tests/data/targets.jsonl` and hold on the other (tests/propose/test_targets.py).
"""

import math
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path

from skillloop import fs
from skillloop.detect import durability
from skillloop.errors import SkillloopError
from skillloop.model import Lesson, Scope, Session, SkillRef
from skillloop.skillpath import SkillPath, client_folder, malformed_path, rules_file, target_name
from skillloop.skills import document, placement
from skillloop.text import lexicon
from skillloop.text.wishes import same_rule
from skillloop.text.words import content_words, fold

FIELDS = {"name": 1.0, "description": 0.9, "heading": 0.6}
"""How much a word of a skill says of what it is about, by where it stands; in the body it is less, the longer that is."""

TYPICAL = 300  # words of a body of which one counts as 0.45
WEIGHTS = {"": 1.0, "about": 6.0, "rival": -12.0, "output": 2.0, "disagrees": 0.5, "elsewhere": -2.0}
"""What speaks for the skill in force, in log-odds."""

ABOUT_AT = 0.3  # score from which a skill that is not in force is offered
NAMED = 0.5
"""Score of a skill that is named. Where one is in force, another that was not used needs as much, or a word of its name."""
SURE_AT = 1.0
"""Log-odds from which the skill in force is chosen without asking; from 0 on it is, but a person must look."""

RECORDED = re.compile(r"\b(?:CLAUDE|AGENTS|GEMINI)\.md\b")
"""Rules files by name: what a person wants in one is for no skill."""

DIRECT_AT = 0.95
"""Confidence of a correction from which it speaks of the answer that it follows, also without a word in common with it."""

_KEYS = re.compile(r"^[\w-]+:", re.MULTILINE)  # of the front matter: no word of what a skill is about

NOT_IN_FORCE, EARLIER, UNSURE = "was not in force", "was used earlier", "may not be about"
AGAINST, THERE = "it may contradict", "m moves it there"

RELATED = 0.25
"""Share of an exchange's words, known from the skill or from its last work, from which it is work of the skill."""


_Exchange = tuple[frozenset[str], frozenset[str]]  # words of a message and of its answer


@dataclass(frozen=True)
class KnownSkill:
    """A skill that may learn, and how much each word says that something is about it."""

    ref: SkillRef
    text: str

    @cached_property
    def spoken(self) -> str:
        """The name as it is said, without a plugin's."""
        return re.sub(r"[-_]", " ", self.ref.name.rpartition(":")[2])

    @cached_property
    def name(self) -> frozenset[str]:
        """The content words of the name."""
        return content_words(self.spoken)

    @cached_property
    def words(self) -> dict[str, float]:
        """The weight of each content word, 0 to 1."""
        return _weights(self.ref.name, self.text)


@lru_cache(maxsize=256)
def _weights(name: str, text: str) -> dict[str, float]:
    """Weigh the words of a skill, once for all sessions that it is known in."""
    try:
        skill = document.parse(text)
    except SkillloopError:
        return dict.fromkeys(content_words(name), FIELDS["name"])
    body = [line for _, line in document.visible(skill.lines, skill.body)]
    counts = Counter(word for line in body for word in content_words(line))
    length = 0.25 + 0.75 * sum(counts.values()) / TYPICAL
    found = {word: count / (count + 1.2 * length) for word, count in counts.items()}
    headings = " ".join(section.heading or "" for section in skill.sections)
    for field, words in (
        ("heading", headings),
        ("description", _KEYS.sub("", "".join(skill.lines[: skill.body]))),
        ("name", name.replace("-", " ").replace("_", " ").replace(":", " ")),
    ):
        found |= {word: max(found.get(word, 0.0), FIELDS[field]) for word in content_words(words)}
    return found


def known_skills(session: Session) -> list[KnownSkill]:
    """Return the skills that were in force in a session, and those of its project and of the person."""
    by_file: dict[str, SkillRef] = {}
    for ref in (*session.skills, *skills_in(project_of(session))):
        by_file.setdefault(os.path.realpath(ref.path) if ref.path else ref.name, ref)
    return [KnownSkill(ref, text_of(ref.path)) for ref in by_file.values()]


def skills_in(project: str | Path | None) -> list[SkillRef]:
    """Return the person's own skills, and those of a project."""
    roots = [client_folder().absolute() / "skills"]
    if project is not None:
        roots.append(Path(project) / ".claude" / "skills")
    files = (file for root in roots for file in sorted(root.glob("*/SKILL.md")))
    return [SkillRef(file.parent.name, str(file)) for file in files]


def text_of(path: str | None) -> str:
    """Return the text of a file that may learn; "" where it cannot be read."""
    try:
        with fs.open_skill(path or "") as skill:
            return skill.read().decode("utf-8", "replace")
    except (SkillloopError, OSError):
        return ""


def project_of(session: Session) -> str | None:
    """Return the folder of the project that a session worked in, if any: where Git or the client says that one begins."""
    if not session.cwd or not os.path.isabs(session.cwd):  # noqa: PTH117
        return None
    here, home = str(Path(session.cwd)), str(Path.home())
    folder = here
    while folder != home:
        if os.path.exists(f"{folder}/.git") or os.path.isdir(f"{folder}/.claude"):  # noqa: PTH110, PTH112
            return folder
        if folder == (folder := os.path.dirname(folder)):  # noqa: PTH120
            break
    return None if here == home or len(Path(here).parts) < 2 else here


def read_in(session: Session) -> list[str]:
    """Return the files that Claude read in a session: the skills that were used, and the rules files that it always loads."""
    used = [skill.path for skill in session.skills if skill.path and not malformed_path(skill.path)]
    project = project_of(session)
    return list(map(fs.canonical, (*used, rules_file(None), *([rules_file(project)] if project else ()))))


def aimed(
    lesson: Lesson, session: Session, known: Sequence[KnownSkill], corrections: Collection[int] = ()
) -> Lesson:
    """Return a lesson with the file that it goes to: of one of the skills that are `known`, or of rules.

    `corrections` are the indexes of the turns that correct what was done: none of them begins other work.
    """
    said = session.turns[lesson.turn].text
    sentence = durability.sentence_of(said, lesson.evidence.quote, len(said))  # before it, what it is for
    scores = _scores(lesson.text, known, session.skills, sentence)
    path = lesson.skill.path if lesson.skill else None
    active = next((skill for skill in known if path and skill.ref.path == path), None)
    spoken = lesson.skill.name.rpartition(":")[2] if lesson.skill else ""
    others = [skill for skill in known if skill is not active and skill.ref.path]
    # where a plugin's was in force, not the person's own of the same name
    others = [skill for skill in others if skill.ref.name.rpartition(":")[2] != spoken]
    if RECORDED.search(lesson.evidence.quote):
        active, others = None, []
    exchanges = list(_exchanges(active.ref, lesson.turn, session, corrections)) if active else []
    odds, mine, since, about = 0.0, 0.0, 0, content_words(lesson.text)
    if active is not None:
        alone, since = _speaks_for(active, lesson, exchanges, scores[active.ref])
        odds = alone + _rivalled(scores[active.ref], (scores[x.ref] for x in others))
        # it wins over one that was not used and only shares words, but then a person looks
        others = [x for x in others if x.ref in session.skills or x.name & about or scores[x.ref] >= NAMED]
        mine = alone + _rivalled(scores[active.ref], (scores[x.ref] for x in others))
    own = [active] if active else []
    used = [skill for skill in (*own, *reversed(others)) if skill.ref in session.skills]  # the latest first
    best = next((skill for skill in used if _has(skill, lesson.text)), None)
    if active is not None and mine > 0:
        there = active.words.keys() | {word for pair in exchanges for said in pair for word in said}
        telling = content_words(lexicon.whole("placement.put").sub(" ", fold(lesson.text)))
        # what corrects the one answer of the one skill is about it, whatever words it has
        direct = len(session.skills) == len(exchanges) == 1 and lesson.confidence >= DIRECT_AT
        sure = odds >= SURE_AT and (direct or not there.isdisjoint(telling))
        if sure or best in (None, active):
            why = f"“{active.ref.name}” {EARLIER}" if since else f"it {UNSURE} “{active.ref.name}”"
            look = lesson.look if sure and not since else (*lesson.look, why)
            return replace(lesson, scope=Scope.SKILL, target=active.ref.path, look=look)
    likely = max((*own, *others), key=lambda skill: scores[skill.ref], default=None)
    if best is None and likely is not None and scores[likely.ref] >= ABOUT_AT:
        best = likely
    if best is not None:
        look = (*lesson.look, f"“{best.ref.name}” {EARLIER if best.ref in session.skills else NOT_IN_FORCE}")
        return replace(lesson, scope=Scope.SKILL, target=best.ref.path, look=look)
    project = project_of(session)
    scope = Scope.PROJECT if project else Scope.PERSON
    left = (x.ref.name for x in used if SkillPath.of(x.ref.path or "").owner.editable)
    hint = tuple(f"“{name}” {EARLIER}: {THERE}" for name in islice(left, 1))
    return replace(lesson, scope=scope, target=rules_file(project), look=(*lesson.look, *hint))


def contradicting(lesson: Lesson, session: Session) -> Iterator[str]:
    """Say which line of each other file that Claude read in a session a lesson with a target may contradict."""
    for path in read_in(session):
        with suppress(SkillloopError):
            found = placement.contradicted(text_of(path), lesson.text)
            if path != fs.canonical(lesson.target or "") and (first := next(found, None)):
                there = f"; {THERE}" if SkillPath.of(path).owner.editable else ""
                yield f"{AGAINST} {target_name(path)}, line {first[1].line + 1}: {first[1].text[:80]!r}{there}"


def _has(skill: KnownSkill, rule: str) -> bool:
    """Return whether a skill that may be edited has a line that a rule contradicts, or says again."""
    if not SkillPath.of(skill.ref.path or "").owner.editable:
        return False
    with suppress(SkillloopError):
        items = (item for found in placement.lists(skill.text) for item in found.items)
        return any(placement.contradicted(skill.text, rule)) or any(same_rule(rule, x.text) for x in items)
    return False


def _scores(
    text: str, known: Sequence[KnownSkill], used: Collection[SkillRef], sentence: str = ""
) -> dict[SkillRef, float]:
    """Return how much a text is about each skill, 0 to 1: the share of its words that it has, rare words counting more.

    A single word in common says nothing, nor does one that most of the skills have; but who says the whole name of a skill
    that was used means it, and so does who says a name of several words in the sentence.
    """
    about = content_words(text)
    often = Counter(word for skill in known for word in about & skill.words.keys())
    rarity = {word: math.log(1 + (len(known) + 1) / (max(1, often[word]) + 0.5)) for word in about}
    whole = sum(rarity.values()) or 1.0
    scores, said = {}, re.sub(r"[-_]", " ", fold(sentence))
    for skill in known:
        shared = about & skill.words.keys()
        score = sum(skill.words[word] * rarity[word] for word in shared) / whole
        telling = [word for word in shared if often[word] <= max(1, len(known) // 2)]
        scores[skill.ref] = score if len(telling) > 1 else 0.0
        named = " " in skill.spoken and re.search(rf"\b{re.escape(fold(skill.spoken))}\b", said)
        if named or (skill.ref in used and skill.name and skill.name <= about):
            scores[skill.ref] = max(score, NAMED)
    return scores


def _rivalled(about: float, others: Iterable[float]) -> float:
    """Return what the best score of other skills takes from the log-odds of one that has this score."""
    rival = max(others, default=0.0)
    return WEIGHTS["rival"] * max(0.0, rival - about) * (rival >= ABOUT_AT)


def _speaks_for(
    active: KnownSkill, lesson: Lesson, exchanges: Sequence[_Exchange], about: float
) -> tuple[float, int]:
    """Return the log-odds, without rivals, that a lesson is about the skill in force, and the exchanges on other work since."""
    vocabulary, elsewhere, output = dict(active.words), 0, frozenset[str]()
    for number, (said, answered) in enumerate(exchanges):
        if number == 0:
            vocabulary |= dict.fromkeys(said | answered, 1.0)
        if number == 0 or _related(said, vocabulary) or _related(answered, vocabulary):
            elsewhere, output = 0, answered
        elif len(said | answered) >= 3:
            elsewhere += 1
    words = content_words(lesson.text)
    shared = len(words & output) / len(words) if words else 0.0
    present = {
        "": 1.0,
        "about": about,
        "output": shared,
        "disagrees": float(lesson.disagreement is not None),
        "elsewhere": float(min(elsewhere, 3)),
    }
    return sum(WEIGHTS[name] * value for name, value in present.items()), elsewhere


def _exchanges(
    skill: SkillRef, end: int, session: Session, corrections: Collection[int]
) -> Iterator[_Exchange]:
    """Yield the words of each message and of its answer, files and commands too, since a skill came into force, up to a turn."""
    start = end
    while start and session.turns[start - 1].skill == skill:
        start -= 1
    said, skipped = frozenset[str](), False
    for turn in session.turns[max(0, start - 1) : end]:
        if turn.role == "human":
            said, skipped = content_words(turn.text), turn.index in corrections
        elif not skipped:
            yield said, content_words("\n".join((turn.text, *(tool.brief for tool in turn.tools))))


def _related(words: frozenset[str], vocabulary: dict[str, float]) -> bool:
    return sum(vocabulary.get(word, 0.0) for word in words) >= max(2.0, RELATED * len(words))
