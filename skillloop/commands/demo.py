"""`skillloop demo`: the whole loop on a bundled example, in a temporary home."""

from __future__ import annotations

import tempfile
from importlib import resources
from pathlib import Path

import click

from skillloop import render
from skillloop.commands import digest, show
from skillloop.commands.options import App
from skillloop.hosts.claude_code.hooks import receipts
from skillloop.hosts.claude_code.transcript import read
from skillloop.pipeline import gather, session
from skillloop.skills import document, history
from skillloop.store import Store


@click.command()
@click.pass_obj
def command(app: App) -> int:
    """See the whole loop on a bundled example: an edit is drafted, checked and applied, another blocked; then rolled back.

    Runs the real pipeline in a temporary home, which it removes. Touches nothing of yours; needs no network.

    \b
    Example:
      skillloop demo
    """  # noqa: D301
    with tempfile.TemporaryDirectory(prefix="skillloop-demo-") as folder:
        root = Path(folder).resolve()
        skill, transcript = unpack(root)
        own = App(home=root / ".skillloop", color=app.color)
        with own.store() as store:
            _play(own, store, skill, transcript)
    return 0


def unpack(root: Path) -> tuple[Path, Path]:
    """Lay the example out under `root` as on a person's machine; returns the SKILL.md and the transcript."""
    example = resources.files("skillloop") / "data" / "example"
    skill = root / ".claude" / "skills" / "research" / "SKILL.md"
    transcript = root / ".claude" / "projects" / "demo" / "session.jsonl"
    config = root / ".skillloop" / "config.toml"
    for path in (skill, transcript, config):
        path.parent.mkdir(parents=True, mode=0o700)
        path.write_text((example / path.name).read_text("utf-8").replace("@HOME@", str(root)), "utf-8")
    return skill, transcript


def _play(app: App, store: Store, skill: Path, transcript: Path) -> None:
    out = app.console()
    before = skill.read_bytes()
    ended = read(transcript)
    for turn in ended.human_turns:  # as the plugin's hook does at each prompt
        receipts.issue(app.home, ended.session_id, turn.text)
    out.say("\n1  A session has ended. What did you correct in it?", "bold cyan")
    digest.print_digest(out, session.digest(ended, app.home, store), dry_run=False)

    out.say("\n2  One edit: your words, and the line that changes", "bold cyan")
    queued = store.proposals(states=("queued",))[0]
    prepared = gather.prepare(queued.proposal, app.home, store)
    show.page(out, queued, prepared)

    out.say("\n3  A wish of yours that your own rule about sources blocks", "bold cyan")
    vetoed = store.proposals(states=("discarded",))[0]
    show.page(out, vetoed, gather.prepare(vetoed.proposal, app.home, store))

    out.say("\n4  Approved: the skill is changed, the version kept", "bold cyan")
    gather.publish(prepared, store, by="person", note="approved in the demo")
    out.print(render.diff(document.diff(before.decode(), skill.read_text("utf-8"), skill, "applied")), end="")
    for version in history.versions(store, skill):
        out.say(f"  version {version.number}  {version.kind:<9} {version.sha[:8]}  {version.note}")

    out.say("\n5  Rolled back, byte for byte", "bold cyan")
    version = history.rollback(store, skill)
    same = "identical to the original" if skill.read_bytes() == before else "NOT identical to the original"
    out.say(f"  version {version.number}  {version.kind:<9} {version.sha[:8]}  {version.note}: {same}")
    problems = store.verify()
    out.say(f"  log: {store.entries()} entries, {len(problems)} problems")
    out.say("\nOn your own sessions, writing nothing:  skillloop digest --last --dry-run", "bold")
