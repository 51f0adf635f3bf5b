"""`skillloop review`: list what waits, or walk a person through it."""

import shlex
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import click

from skillloop import config, outcomes
from skillloop.commands import show
from skillloop.commands.options import OPEN, App, interactive, known_skill, option, some_skill, verb
from skillloop.commands.sitting import Sitting, alike, drafted, not_learned
from skillloop.config import confirmation
from skillloop.errors import SkillloopError, UsageError
from skillloop.model import Lesson
from skillloop.pipeline import session
from skillloop.skills.history import WaitingChange
from skillloop.store import Queued, Store
from skillloop.text.words import content_words
from skillloop.worker.notice import Unlearnt, unlearnt

Entry = Queued | WaitingChange | Unlearnt | Lesson

LEAST = 0.01  # chance from which a review asks whether what was said once is meant for good
MOST = 5  # of what was said once, the likeliest, that one review asks about
MET = 0.5  # share of words that two lines have in common before they are compared at all
PAGE = 14_000  # bytes of one page of JSON: what an assistant's client passes on whole


@verb(
    some_skill,
    option("--keep", metavar="ID"),
    option("--limit", type=click.IntRange(min=1), metavar="N"),
    option("--after", metavar="ID"),
)
def command(app: App, skill: str | None, keep: str | None, limit: int | None, after: str | None) -> None:
    """Decide on waiting edits, one key each: your words, the line that changes, and what needs a look."""
    if keep is not None:
        with app.store() as store:
            told = drafted(app, store, store.keep(keep), "you said it once")
        app.tell(told, f"{told['state']}: {told['why'] or told['id']}")
        return
    with app.history() as store:
        config.load(app.home)  # no edit can be judged by rules that cannot be read
        for error in confirmation.unreadable(store, app.home):
            app.say(f"skillloop is off in one folder: {error.told}", err=True)
        ask = interactive() and not app.as_json
        if ask:
            session.try_again(app.home, store)
        path = None
        if skill is not None:
            waits = (Path(item.proposal.path) for item in store.proposals(states=OPEN))
            path = known_skill(store, skill, waits)
        entries: list[Entry] = [*in_order(store, path, after or "")]
        entries += [change for change in outcomes.waiting(store) if path in (None, change.skill)]
        entries += [*unlearnt(store), *candidates(store)] if path is None else []
        if after is not None:
            ids = [_id(entry) for entry in entries]
            if after not in ids:
                raise UsageError(f"there is no edit {after!r} in this list", "start without --after")
            entries = entries[ids.index(after) + 1 :]
        entries = [entry for entry in entries if not isinstance(entry, Queued) or entry.state in OPEN]
        if not (entries or app.as_json):
            app.say("nothing is waiting")
        elif not ask:
            _list(app, store, entries, limit or len(entries), skill)
        else:
            try:
                Sitting(app, store, [_id(e) if isinstance(e, Queued) else e for e in entries]).run()
            finally:
                app.after_decision()


def in_order(store: Store, path: Path | None = None, keep: str = "") -> list[Queued]:
    """Return what waits, the oldest first, much the same lines together; the edit `keep` even if it is decided."""
    everything = store.proposals(skill=path)
    first: dict[str, int] = {}
    for number, item in enumerate(everything):
        first.setdefault(item.proposal.path, number)
    found: list[Queued] = []
    saying: dict[str, list[tuple[str, int]]] = defaultdict(list)  # by word: ids, and how many words each has
    for item in sorted(everything, key=lambda item: first[item.proposal.path]):
        if item.state in OPEN or item.proposal.id == keep:
            said = content_words(item.proposal.edits[0].new or "") or {""}
            met = Counter(other for word in said for other in saying[word])  # of all pairs few are alike
            near = {name for (name, size), n in met.items() if 2 * n / (len(said) + size) >= MET}
            places = [at for at, other in enumerate(found) if other.proposal.id in near] if near else []
            alikes = (at for at in reversed(places) if alike(item.proposal, found[at].proposal))
            found.insert(next(alikes, len(found) - 1) + 1, item)
            for word in said:
                saying[word].append((item.proposal.id, len(said)))
    return found


def candidates(store: Store) -> list[Lesson]:
    """Return what was said once and may be meant for good: the likeliest few that no edit was made of."""
    once = [each for each in store.candidates() if each.chance >= LEAST]
    made = (said for item in store.proposals() for said in item.proposal.evidence) if once else ()
    cited = {name for said in made for name in (said.uuid, said.id)}
    likely: dict[str, Lesson] = {}
    for each in once:
        if (each.evidence.uuid or each.evidence.id) not in cited:
            likely.setdefault(each.text.casefold(), each)
    return list(likely.values())[:MOST]


def _id(entry: Entry) -> str:
    return entry.proposal.id if isinstance(entry, Queued) else entry.id


def _list(app: App, store: Store, entries: Sequence[Entry], limit: int, skill: str | None) -> None:
    """Print what waits; as JSON no more than a page of it, and how to get the next one."""
    room, last = PAGE, ""
    for number, entry in enumerate(entries):
        try:
            size = room + 1 if number == limit else _print(app, store, entry, room if last else PAGE)
        except SkillloopError as error:
            app.say(f"skillloop: {_id(entry)}: {error.told}", err=True)
            continue
        if size > room and last:
            named = [skill] if skill else []
            command = shlex.join(["skillloop", "review", *named, "--json", "--after", last])
            app.emit({"more": len(entries) - number, "next": command}) if app.as_json else None
            break
        room, last = room - size, _id(entry)
    if not app.as_json:
        waiting = sum(isinstance(entry, Queued) for entry in entries)
        app.say(f"{waiting} waiting; decide with `skillloop review` in a terminal", err=True)


def _print(app: App, store: Store, entry: Entry, room: int) -> int:
    """Print one of what waits, as JSON if it has no more than `room` bytes; return how many it has."""
    out = app.console()
    if isinstance(entry, Queued):
        prepared = show.as_it_is(store, entry, app.home)
        if app.as_json:
            return app.emit(show.in_brief(entry, prepared), room=room)
        show.page(out, entry, prepared)
        out.print()
    elif isinstance(entry, WaitingChange):
        if app.as_json:
            brief = show.change_as_object(entry)
            return app.emit(brief | {"diff": show.cut(brief["diff"], 3 * show.BYTES)}, room=room)
        show.change_page(out, entry)
    elif app.as_json:
        return app.emit(show.lesson_as_object(entry), room=room)
    elif isinstance(entry, Lesson):
        quote = entry.evidence.quote.strip()
        out.say(f"said once, maybe for good: {entry.text}" + f"  (“{quote}”)" * (quote != entry.text))
    else:
        out.say(not_learned(entry))
    return 0
