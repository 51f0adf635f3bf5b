"""The plugin's files say the same things, and each is of the form that Claude Code and the skill format demand."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

import skillloop

ROOT = Path(__file__).parents[1]
MANIFEST = json.loads((ROOT / ".claude-plugin" / "plugin.json").read_text())
MARKET = json.loads((ROOT / ".claude-plugin" / "marketplace.json").read_text())
HOOKS = json.loads((ROOT / "hooks" / "hooks.json").read_text())["hooks"]
SKILLS = sorted((ROOT / "skills").glob("*/SKILL.md"))


def commands(event):
    return [hook for entry in HOOKS[event] for hook in entry["hooks"]]


def test_the_plugin_has_the_version_and_licence_of_the_package():
    assert MANIFEST["version"] == skillloop.__version__
    assert MANIFEST["license"] == "MIT"
    assert MANIFEST["author"]["name"]


def test_the_marketplace_offers_this_folder_under_the_plugins_name():
    (offered,) = MARKET["plugins"]
    assert (offered["name"], offered["source"]) == (MANIFEST["name"], "./")
    assert MARKET["description"]


def test_every_hook_runs_a_stand_alone_module_through_the_one_script():
    for event in HOOKS:
        for hook in commands(event):
            found = re.fullmatch(r'sh "\$\{CLAUDE_PLUGIN_ROOT\}/hooks/run" (\w+)( \w+)?', hook["command"])
            module = ROOT / "skillloop/hosts/claude_code/hooks" / f"{found[1]}.py"
            assert '__name__ == "__main__"' in module.read_text(), "else it runs and does nothing"


def test_no_tool_call_starts_a_process_unless_it_is_about_skillloop_or_what_it_keeps_safe():
    names = ("skillloop", "/SKILL.md)", "/rules/learned.md)")
    assert all(any(name in hook["if"] for name in names) for hook in commands("PreToolUse"))


def test_no_prompt_waits_for_its_receipt():
    assert all(hook["async"] for hook in commands("UserPromptSubmit"))


def test_only_the_manifests_lie_in_the_manifest_folder():
    assert {path.name for path in (ROOT / ".claude-plugin").iterdir()} == {"plugin.json", "marketplace.json"}


@pytest.mark.parametrize("path", SKILLS, ids=lambda path: path.parent.name)
def test_each_skill_is_valid_by_the_open_format(path):
    head = re.match(r"---\n(.*?)\n---\n", path.read_text(), re.DOTALL)[1]
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    assert fields["name"] == path.parent.name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", fields["name"])
    assert "Use when" in fields["description"]
    assert len(fields["description"]) <= 1024
    assert not set("<>") & set(fields["description"])


def test_what_every_session_reads_of_the_skills_is_short():
    """As the client lists them; skills that only a person calls are not listed. English has over three characters a token."""
    listed = ""
    for path in SKILLS:
        head = path.read_text().split("---")[1]
        if "disable-model-invocation: true" not in head:
            about = re.search("description: (.*)", head)[1]
            listed += f"- skillloop:{path.parent.name}: {about}\n"
    assert listed.count("\n") == 2, "what a session rarely needs is called by the person"
    assert len(listed) / 3 <= 120, listed


@pytest.mark.parametrize("path", SKILLS, ids=lambda path: path.parent.name)
def test_the_skills_name_only_commands_that_there_are(path):
    from skillloop.cli import VERBS

    named = re.findall(r"`skillloop (\w+)", path.read_text())
    assert set(named) <= set(VERBS)


def test_the_sessions_launcher_leads_to_the_installed_command(home):
    environment = {"PATH": os.environ["PATH"], "SKILLLOOP_HOME": str(home)}
    run = [ROOT / "bin" / "skillloop", "status", "two words"]
    missing = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    assert missing.returncode == 1
    assert "not ready yet" in missing.stderr
    (home / "bin").mkdir()
    (home / "bin" / "skillloop").write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    (home / "bin" / "skillloop").chmod(0o755)
    assert (
        subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout
        == "status|two words|"
    )
