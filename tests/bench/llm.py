"""The whole with a real model: how many edits are accepted, how many cases flip, and what an accepted edit costs.

    ANTHROPIC_API_KEY=…  python tests/bench/llm.py ~/.claude/projects/-home-me-app --money 1
    python tests/bench/llm.py SESSION.jsonl --backend claude --skill ~/.claude/skills/research/SKILL.md

Works on copies: the skills are copied into a temporary home, nothing of yours is changed. Shows first what it may cost
and asks, unless --yes. Sessions are taken oldest first; with --skill that one skill is in force in all of them, so that
also sessions without one can be used.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from skillloop import llm
from skillloop.config import load
from skillloop.hosts.claude_code import transcript
from skillloop.model import Outcome, SkillRef
from skillloop.pipeline import session as pipeline
from skillloop.propose import targets
from skillloop.propose.targets import KnownSkill
from skillloop.store import Store


def relocated(session, skills: Path, only: Path | None):
    """The session with a copy of each skill in the skill's place."""
    copies: dict[SkillRef | None, SkillRef | None] = {None: None}
    for ref in {*session.skills, *([SkillRef(only.parent.name, str(only))] if only else ())}:
        copy = skills / ref.name.replace(":", "-") / "SKILL.md"
        if ref.path and Path(ref.path).is_file() and not copy.exists():
            copy.parent.mkdir(parents=True)
            shutil.copyfile(ref.path, copy)
        copies[ref] = SkillRef(ref.name, str(copy)) if copy.exists() else None
    one = copies[SkillRef(only.parent.name, str(only))] if only else None
    turns = tuple(replace(turn, skill=one or copies.get(turn.skill)) for turn in session.turns)
    known = (one,) if one else tuple(filter(None, copies.values()))
    return replace(session, turns=turns, skills=known)


def measure(sessions, home: Path) -> dict[str, object]:
    """Digest the sessions and count."""
    outcomes: Counter[str] = Counter()
    checks: Counter[str] = Counter()
    by: Counter[str] = Counter()
    with Store.open(home) as store:
        for session in sessions:
            result = pipeline.digest(session, home, store)
            for trial in result.trials:
                outcomes[trial.decision.outcome.value] += 1
                by[trial.proposal.drafter.partition(":")[0]] += 1
                checks.update(c.name if c.passed else f"not {c.name}" for c in trial.verdict.checks)
            for trouble in result.troubles:
                print(trouble, file=sys.stderr)
        spend = store.calls.spend()
    accepted = outcomes[Outcome.KEEP.value]
    trials = sum(outcomes.values())
    return {
        "trials": trials,
        "outcomes": dict(outcomes),
        "drafted by": dict(by),
        "accept rate": round(accepted / trials, 4) if trials else None,
        "flips": f"{checks['own case']} of {checks['own case'] + checks['not own case']}",
        "unscored": checks["not cases"],
        "judge for / against": f"{checks['judge']} / {checks['not judge']}",
        "dollars": spend.dollars,
        "dollars per accepted edit": round(spend.dollars / accepted, 6) if accepted else None,
        "calls": spend.calls,
        "tokens": spend.tokens,
        "without an answer": spend.unanswered,
    }


def main() -> int:
    """Plan, ask, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--backend", default="auto", choices=["auto", "anthropic", "claude"])
    parser.add_argument("--skill", type=Path)
    parser.add_argument("--money", type=float, default=1.0, help="US dollars that all of it may cost")
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--yes", action="store_true")
    options = parser.parse_args()
    files = sorted(f for path in options.paths for f in ([path] if path.is_file() else path.rglob("*.jsonl")))
    with tempfile.TemporaryDirectory(prefix="skillloop-llm-") as folder:
        home, skills = Path(folder).resolve() / "home", Path(folder).resolve() / ".claude" / "skills"
        home.mkdir(mode=0o700)
        money = "".join(f"money_per_{scope} = {options.money}\n" for scope in ("session", "day", "command"))
        (home / "config.toml").write_text(
            f'[model]\nbackend = "{options.backend}"\nruns = {options.runs}\n'
            f'[budget]\n{money}[apply]\nmode = "auto"\n'
        )
        name, why = llm.choose(load(home))
        print(f"back end: {name} ({why})", file=sys.stderr)
        if name == "offline":
            return 1
        # the other skills of the person are no copies
        targets.known_skills = lambda session: [
            KnownSkill(ref, targets.text_of(ref.path)) for ref in session.skills
        ]
        sessions = [relocated(transcript.read(path), skills, options.skill) for path in files]
        with Store.open(home) as store:
            asked = [each for session in sessions for each in pipeline.plan(session, home, store)]
        likely = sum(item.cost.likely for item in asked) / 1e9
        print(
            f"{len(asked)} requests, about ${likely:.4f}, and then replays; at most ${options.money:.2f}",
            file=sys.stderr,
        )
        if not options.yes and input("go? [y/N] ").strip().lower() != "y":
            return 1
        print(json.dumps(measure(sessions, home), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
