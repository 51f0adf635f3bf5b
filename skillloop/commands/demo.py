"""`skillloop demo`: the whole loop on a bundled example, in a temporary folder."""

import tempfile
from importlib import resources
from pathlib import Path

import click

from skillloop import render
from skillloop.commands.options import App, flag, interactive
from skillloop.commands.show import state_of
from skillloop.commands.sitting import press
from skillloop.hosts.claude_code.hooks import receipts
from skillloop.hosts.claude_code.transcript import read
from skillloop.pipeline import apply, session
from skillloop.skills import history

COLOURS = {"r": "green", "n": "yellow", "b": "red"}  # by the first letter of a state


@click.command()
@flag("--play")
@click.pass_obj
def command(app: App, *, play: bool) -> None:
    """See the whole loop on a bundled example: four corrections, what becomes of each, and how one is undone."""
    with tempfile.TemporaryDirectory(prefix="skillloop-demo-") as folder:
        root = Path(folder).resolve()
        skill, transcript = unpack(root)
        out = app.console()
        own = App(home=root / ".skillloop", color=app.color)

        def say(text: str, style: str = "") -> None:
            out.say(text.replace(str(root), "~"), style)

        def pause() -> None:
            if play and interactive():
                press("press any key to continue")

        with own.store() as store:
            ended = read(transcript)
            for turn in ended.human_turns:  # as the plugin's hook does at each prompt
                receipts.issue(own.home, ended.session_id, turn.text)
            session.digest(ended, own.home, store)
            say("1  A session ends. What you said in it, and what becomes of it", "bold cyan")
            for queued in store.proposals():
                state, why = state_of(queued, queued.verdict)
                say(f"  “{queued.proposal.evidence[0].quote}”", "italic")
                say(f"    → {queued.proposal.skill}, {state}" + f": {why}" * bool(why), COLOURS[state[0]])
            pause()
            before = skill.read_bytes()
            say("\n2  You say yes to each that may be applied", "bold cyan")
            for queued in store.proposals(states=("queued",)):
                prepared = apply.prepare(queued.proposal, own.home, store)
                apply.publish(prepared, store, by="person", note="approved in the demo")
                newest = history.versions(store, skill)[-1].number
                say(f"  {prepared.proposal.path}, version {newest}")
                out.print(render.diff("\n".join(render.changed(prepared.diff))), end="")
            pause()
            say("\n3  You think again, about the newest one and then about all", "bold cyan")
            version = history.rollback(store, skill, only=newest)
            say(f"  skillloop rollback research --only {newest}: version {version.number}, {version.note}")
            version = history.rollback(store, skill, to=1)
            say(f"  skillloop rollback research --to 1: version {version.number}, {version.note}")
            same = "identical to" if skill.read_bytes() == before else "NOT identical to"
            log = f"{len(store.audit)} entries, {len(store.verify())} of them altered"
            say(f"  the skill is {same} the original; the log: {log}")
    say("\nYour own last session, writing nothing:  skillloop digest --last --dry-run", "bold")


def unpack(root: Path) -> tuple[Path, Path]:
    """Lay the example out under `root` as on a person's machine; returns the SKILL.md and the transcript."""
    example = resources.files("skillloop") / "data" / "example"
    skill = root / ".claude" / "skills" / "research" / "SKILL.md"
    transcript = root / ".claude" / "projects" / "demo" / "session.jsonl"
    config = root / ".skillloop" / "config.toml"
    for path in (skill, transcript, config):
        path.parent.mkdir(parents=True, mode=0o700)
        path.write_text((example / path.name).read_text("utf-8").replace("@HOME@", str(root)), "utf-8")
    (root / "project" / ".git").mkdir(parents=True)
    return skill, transcript
