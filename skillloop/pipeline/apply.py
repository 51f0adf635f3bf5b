"""Judge a proposal on the live SKILL.md, and publish it once somebody approves.

A draft can be days old. Before anybody sees it or approves it, its edits are applied to the SKILL.md as it is *now*
and the gate judges the result again. The *digest* binds an approval to exactly the bytes that were shown.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from skillloop import gate
from skillloop.config import confirmation
from skillloop.config.sections import Config
from skillloop.errors import Refused, SkillloopError, Stale
from skillloop.model import Outcome, Proposal, Session, Verdict, Version, sha256
from skillloop.pipeline import gather
from skillloop.skills import document, history, team
from skillloop.store import By, Queued, Store

RECENT = 100  # entries of a file's log among which an edit's own is looked for


@dataclass(frozen=True, slots=True)
class Prepared:
    """A proposal whose base is the live text, with the text it leads to and the gate's verdict on that."""

    proposal: Proposal
    old: str
    new: str
    verdict: Verdict
    config: Config

    @property
    def digest(self) -> str:
        """Hex sha256 over path, old and new text: what an approval is bound to."""
        return sha256("\0".join((self.proposal.path, sha256(self.old), sha256(self.new))))

    @property
    def diff(self) -> str:
        """The unified diff from the live text to the new one."""
        return document.diff(self.old, self.new, self.proposal.path)


def prepare(
    proposal: Proposal,
    home: Path,
    store: Store | None,
    session: Session | None = None,
    confidence: float | None = None,
    old: str | None = None,
) -> Prepared:
    """Apply the edits to the live SKILL.md, which may be newer than their base, and judge the result. Writes nothing.

    `session` and `confidence` are what was just read; `old` stands for the live text: what a dry run would have written.
    Raises Stale: the edits no longer fit the live file; SkillloopError: it cannot be read, or is not a SKILL.md.
    """
    old = old or gather.live_text(proposal.path)
    try:
        new = document.apply(old, proposal.edits, proposal.path)
    except document.EditError as error:
        raise Stale(error.message, error.hint) from None
    fresh = replace(proposal, base=sha256(old))
    inputs = gather.gather(fresh, old, new, home, store, session, confidence)
    return Prepared(fresh, old, new, gate.judge(fresh, inputs), inputs.config)


def as_judged(item: Queued, home: Path, store: Store) -> bool:
    """Return whether an edit's file and rules are, by all that the log tells, those on which it was judged when it was drafted."""
    path, forbidden = item.proposal.path, item.verdict.forbidding
    log = store.log(path, limit=RECENT)
    saved = next((x for x in log if x.event != "proposal" or x.detail["proposal"] == item.proposal.id), None)
    if saved is None or saved.event != "proposal" or forbidden or item.state != "queued":
        return False
    said = all(Path(evidence.path).exists() for evidence in item.proposal.evidence)
    known = said and sha256(gather.live_text(path)) == item.proposal.base
    return known and confirmation.unchanged(store, saved.seq, home, *gather.rules_folders(path))


def refuse_if_forbidden(prepared: Prepared) -> None:
    """Raise Refused where a hard check failed, which no approval overrides; SkillloopError where the gate broke on it."""
    outcome, check = prepared.verdict.outcome, next(iter(prepared.verdict.failed), None)
    if check and outcome is Outcome.CRASH:
        raise SkillloopError(f"a check broke on edit {prepared.proposal.id}: {check.detail}")
    if check and outcome is Outcome.DISCARD:
        rule = f"; the setting is {check.rule}" if check.rule else ""
        hint = "no approval overrides this; only you can, by changing that setting"
        raise Refused(f"{check.name}: {check.detail}{rule}", hint)


def publish(prepared: Prepared, store: Store, *, by: By, note: str) -> Version | None:
    """Write the new text, record the version, mark the proposal applied; `note` says in the log how it was decided.

    In git as the person's rules say (`apply.as`); None where the edit is on a branch of its own, and the file as it was.
    Raises Refused: a hard check failed; Stale: the file changed between preparing and writing, or since its last commit.
    """
    refuse_if_forbidden(prepared)
    item, rules = prepared.proposal, prepared.config.apply
    place = team.repository(item.path) if rules.as_ != "file" or rules.share != "nothing" else None
    if place is not None and rules.as_ != "file":
        place.check_committed(prepared.old)
    if place is not None and rules.as_ == "branch":
        branch = team.on_branch(item, place, prepared.new, rules.share)
        store.set_state(item.id, "applied", team.ON_BRANCH + branch, by=by)
        return None
    data = prepared.new.encode()
    version = history.publish(store, Path(item.path), item.base, data, proposal_id=item.id, by=by, note=note)
    if place is not None:
        try:
            team.tell(item, place, rules.share, commit=rules.as_ == "commit")
        except SkillloopError as error:  # as where a hook of the repository's refuses: the edit stands
            store.record("not shared", skill=item.path, proposal=item.id, reason=error.message)
    return version
