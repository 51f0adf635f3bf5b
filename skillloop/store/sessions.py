"""The sessions that were digested, the disagreements and lessons found in them, and where reading goes on."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec

from skillloop import fs
from skillloop.errors import UsageError
from skillloop.model import Disagreement, Lesson, Session, SkillRef, sha256
from skillloop.skillpath import SkillPath, malformed_path, not_command
from skillloop.store.audit import Tables
from skillloop.store.database import encode, now
from skillloop.text.wishes import same_rule


class Saying(NamedTuple):
    """What the person said in a session, as it was understood."""

    session: str
    id: str  # of its evidence
    text: str
    skill: str | None  # the SKILL.md in force
    corrects: bool


class _Quote(msgspec.Struct):
    quote: str


class _Wish(msgspec.Struct):
    """What is decoded of a disagreement or lesson to know what was wished: there are thousands."""

    evidence: _Quote
    text: str | None = None
    source: str = "detector"


class Sessions(Tables):
    """The tables sessions, exposures, disagreements and lessons."""

    def sessions(self) -> list[str]:
        """Return the ids of the digested sessions, the last digested first."""
        return [row[0] for row in self._database.rows("SELECT session_id FROM sessions ORDER BY seq DESC")]

    def save_digest(
        self,
        session: Session,
        found: Sequence[Disagreement],
        lessons: Sequence[Lesson] = (),
        read: Iterable[str] = (),
    ) -> None:
        """Remember that this session was read up to `session.end`, the disagreements in it and what it teaches.

        `read` are the skills and rules files that Claude read in it. A lesson that is known keeps the target that a person
        gave it; what was found in an earlier reading stays. A candidate that was said again is offered from then on.
        """
        database, name = self._database, session.session_id
        with self.transaction():
            known = database.rows("SELECT end, digest FROM sessions WHERE session_id = ?", name)
            if known != [(session.end, session.digest)]:
                database.run(
                    "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (session_id) DO UPDATE SET "
                    "seq = excluded.seq, path = excluded.path, end = excluded.end, digest = excluded.digest, at = excluded.at",
                    *(name, database.next("sessions"), session.path, session.end, session.digest, now()),
                )
                self.audit.append("digested", session=name, end=session.end, digest=session.digest)
            own = [turn.timestamp for turn in session.human_turns if turn.timestamp and not turn.copied_from]
            for target in read if own else ():
                database.insert("exposures", (target, name, own[0]), known=True)
            for each in found:
                data = encode(each)
                where = (each.id, database.next("disagreements"), name, skill_path(each.skill))
                database.insert("disagreements", (*where, data, sha256(data), 0), known=True)
            for lesson in lessons:
                data = encode(lesson)
                row = (lesson.id, database.next("lessons"), name, lesson.offered, 0, "", data, sha256(data))
                if not database.insert("lessons", row, known=True) and lesson.offered:
                    change = "UPDATE lessons SET offered = 1, data = ?, sha = ? WHERE id = ? AND NOT offered"
                    database.run(change, data, sha256(data), lesson.id)

    def exposures(self, target: str) -> dict[str, str]:
        """Return when the person first spoke in each session that read a file, by the id of the session."""
        rows = self._database.rows("SELECT session_id, at FROM exposures WHERE target = ?", target)
        return dict(rows)

    def sayings(self, target: str) -> list[Saying]:
        """Return what the person said in the sessions that read a file, but for what they dropped."""
        query = (
            "SELECT data, sha, session_id{} FROM {} "
            "WHERE session_id IN (SELECT session_id FROM exposures WHERE target = ?) AND NOT dismissed"
        )
        found = [
            Saying(session, item.disagreement or item.id, item.text, skill_path(item.skill), corrects=False)
            for item, session in self._database.documents(Lesson, query.format("", "lessons"), target)
        ]
        corrections = self._database.documents(Disagreement, query.format(", skill", "disagreements"), target)
        return found + [
            Saying(name, item.id, item.evidence.quote, skill, True) for item, name, skill in corrections
        ]

    def disagreements(self, *, session_id: str | None = None) -> list[Disagreement]:
        """Return the disagreements in the order they were found; of one session, or all."""
        where, values = ("TRUE", ()) if session_id is None else ("session_id = ?", (session_id,))
        query = f"SELECT data, sha FROM disagreements WHERE {where} ORDER BY seq"  # noqa: S608
        return [found for (found,) in self._database.documents(Disagreement, query, *values)]

    def lessons(self, *, waiting: bool = False) -> list[Lesson]:
        """Return the lessons in the order they were found; `waiting`: those offered that no file can learn, none dropped."""
        found = self._lessons("NOT ? OR (offered AND NOT dismissed)", waiting)
        targets = {each.target for each, _, _ in found if each.target} if waiting else set()
        learning = {target for target in targets if SkillPath.of(target).owner.editable}
        return [each for each, trouble, _ in found if trouble or each.target not in learning]

    def troubles(self) -> list[tuple[Lesson, str]]:
        """Return the lessons that something stands in the way of, each with what it is, in the order they were found."""
        return [(lesson, why) for lesson, why, _ in self._lessons("trouble != '' AND NOT dismissed")]

    def _lessons(self, where: str, *values: object) -> list[tuple[Lesson, str, int]]:
        query = f"SELECT data, sha, trouble, dismissed FROM lessons WHERE {where} ORDER BY seq"  # noqa: S608
        found = self._database.documents(Lesson, query, *values)
        return [(replace(each, target=not_command(each.target)), *rest) for each, *rest in found]

    def set_trouble(self, lesson_id: str, reason: str) -> None:
        """Say what stands in the way of a lesson, for a person; "" once nothing does. An unknown lesson has none."""
        with self.transaction():
            change = "UPDATE lessons SET trouble = ? WHERE id = ? AND trouble != ?"
            if self._database.run(change, reason, lesson_id, reason):
                self.audit.append("trouble", lesson=lesson_id, reason=reason)

    def find_lesson(self, lesson_id: str) -> Lesson | None:
        """Return a lesson, or None."""
        found = self._lessons("id = ?", lesson_id)
        return found[0][0] if found else None

    def lesson(self, lesson_id: str) -> Lesson:
        """Return a lesson. Raises UsageError: there is none."""
        found = self.find_lesson(lesson_id)
        if found is None:
            raise UsageError(f"there is no lesson {lesson_id}")
        return found

    def attach(self, lesson_id: str, skill: SkillRef) -> Lesson:
        """Say which skill a lesson is for; the changed lesson. Raises UsageError: no such lesson, or no path of a skill."""
        target = skill_path(skill)
        with self.transaction():
            found = replace(self.lesson(lesson_id), skill=skill, target=target)
            self._rewrite(found, "trouble = ''")
            self.audit.append("attached", skill=target, lesson=lesson_id)
        return found

    def candidates(self) -> list[Lesson]:
        """Return what was said once and may be for good, the likeliest first, without what is never asked again."""
        found = self._lessons("(NOT offered AND NOT dismissed) OR dismissed = 2")
        never = [lesson.text for lesson, _, answer in found if answer]
        asked = [lesson for lesson, _, answer in found if not answer]
        asked = [x for x in asked if not any(same_rule(x.text, text) for text in never)]
        return sorted(asked, key=lambda lesson: -lesson.chance)

    def keep(self, lesson_id: str) -> Lesson:
        """Offer a candidate, since the person means it for good; the changed lesson. Raises UsageError: there is none."""
        with self.transaction():
            found = replace(self.lesson(lesson_id), offered=True)
            self._rewrite(found, "offered = 1")
            self.audit.append("promoted", lesson=lesson_id)
        return found

    def _rewrite(self, lesson: Lesson, change: str) -> None:
        data = encode(lesson)
        query = f"UPDATE lessons SET {change}, data = ?, sha = ? WHERE id = ?"  # noqa: S608
        self._database.run(query, data, sha256(data), lesson.id)

    def dismiss(self, lesson_id: str, *, never: bool = False, again: bool = False) -> None:
        """Ask about a lesson no more, or `again`; saying it again lifts it, but not with `never`. Raises UsageError: no such lesson."""
        with self.transaction():
            found, answer = self.lesson(lesson_id), 0 if again else 1 + never
            self._database.run("UPDATE lessons SET dismissed = ? WHERE id = ?", answer, lesson_id)
            turn = found.disagreement or found.id
            self._database.run("UPDATE disagreements SET dismissed = ? WHERE id = ?", answer, turn)
            self.audit.append("asked again" if again else "dismissed", lesson=lesson_id, never=never)

    def wishes(self, *, before: str) -> dict[str, str]:
        """Return what the person wished in earlier sessions than `before` (all, if it is unknown), by id of its evidence."""
        wishes = {}
        for table in ("disagreements", "lessons"):
            found = self._database.documents(
                _Wish,
                f"SELECT data, sha, id FROM {table} WHERE dismissed != 2 AND session_id != ? AND seq < coalesce("  # noqa: S608
                f"(SELECT min(seq) FROM {table} WHERE session_id = ?), 9e15) ORDER BY seq",
                before,
                before,
            )
            for wish, name in found:  # of what others made of it, only the quote is the person's
                own = wish.text if wish.source == "detector" else None
                wishes[name] = wish.evidence.quote if own is None else own
        return wishes


def skill_path(skill: SkillRef | None) -> str | None:
    """Return the canonical path of a skill's SKILL.md, where it has one; as it is where no skill can have it."""
    if skill is None or skill.path is None:
        return None
    return skill.path if malformed_path(skill.path) else fs.canonical(skill.path)
