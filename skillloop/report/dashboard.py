"""What skillloop knows of each file that learns, as one page: corrections a week, what each rule did, what waits, who wrote what."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from skillloop import outcomes, report
from skillloop.model import Version
from skillloop.skillpath import target_name, tilde
from skillloop.skills import history
from skillloop.store import Queued, Store

WEEKS = 52  # that a chart goes back


class Week(NamedTuple):
    """Seven days of one file."""

    begins: date  # a Monday
    sessions: int  # that read it
    corrections: int
    edits: tuple[Version, ...]  # but for the first version


class Target(NamedTuple):
    """A file that learns."""

    name: str
    path: str
    weeks: tuple[Week, ...]
    rules: tuple[outcomes.RuleOutcome, ...]
    authors: dict[str, int]  # lines of the newest version
    waiting: tuple[Queued, ...]


def targets(store: Store) -> list[Target]:
    """Return every file with a history, or for which an edit waits, those with the most sessions first."""
    waiting: dict[str, list[Queued]] = {str(path): [] for path in store.skills()}
    for each in store.proposals(states=("queued", "stale")):
        waiting.setdefault(each.proposal.path, []).append(each)
    found = []
    for path, mine in waiting.items():
        lines = history.annotate(store, path)
        authors = Counter("as found" if each.kind == "import" else each.author for _, each in lines)
        rules = tuple(outcomes.of(store, path, lines))
        found.append(Target(target_name(path), path, weeks(store, path), rules, dict(authors), tuple(mine)))
    return sorted(found, key=lambda target: -sum(week.sessions for week in target.weeks))


def weeks(store: Store, path: str) -> tuple[Week, ...]:
    """Return the weeks of a file from its first session or edit to its last, the oldest first; at most `WEEKS`."""
    spoken = store.exposures(path)
    said = (spoken[x.session] for x in store.sayings(path) if x.corrects and x.skill == path)
    corrections = Counter(map(_monday, said))
    sessions = Counter(map(_monday, spoken.values()))
    edits: dict[date, list[Version]] = {}
    for version in history.versions(store, path)[1:]:
        edits.setdefault(_monday(version.created), []).append(version)
    last = max((*sessions, *edits), default=None)
    if last is None:
        return ()
    count = min(WEEKS, (last - min((*sessions, *edits))).days // 7 + 1)
    mondays = [last - timedelta(weeks=n) for n in reversed(range(count))]
    return tuple(Week(day, sessions[day], corrections[day], tuple(edits.get(day, ()))) for day in mondays)


def _monday(at: str) -> date:
    day = datetime.fromisoformat(at).astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def page(store: Store) -> str:
    """Return the report as one HTML document."""
    found = targets(store)
    return report.render(
        "dashboard.html",
        tilde=tilde,
        targets=found,
        rules=[(each, rule) for each in found for rule in each.rules],
        sessions=len(store.sessions()),
        states=Counter(each.state for each in store.proposals()),
        corrections=len(store.disagreements()),
        spent=store.calls.spend(),
        made=datetime.now(UTC).date(),
    )
