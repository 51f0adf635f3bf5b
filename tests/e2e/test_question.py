"""The client's own question dialog in `/skillloop:review`: keep, reword, move or only once. The approval has a dialog of its own."""

import json

import client
import pytest
from machine import READY, SKILL
from stub import text, tool

pytestmark = [
    pytest.mark.client,
    pytest.mark.slow,
    pytest.mark.xdist_group("client"),
    pytest.mark.skipif(client.missing() is not None, reason=str(client.missing())),
]

CHOICES = ["Apply it", "Reword it", "Move it", "Reject it, it was meant once only"]
RULE = "Always cite PubMed, and give the link."


def ask(question, *choices):
    options = [{"label": each, "description": f"{each}."} for each in choices]
    asked = {"question": question, "header": "Edit", "options": options, "multiSelect": False}
    return [tool("AskUserQuestion", questions=[asked])]


def run(command):
    return [tool("Bash", command=command, description="Runs it")]


def choose(terminal, question, choice, *choices):
    """Answer the question dialog, which shows every choice."""
    shown = terminal.see(question)
    assert all(each in shown for each in choices)
    terminal.answer(str(choices.index(choice) + 1))
    client.until(
        lambda: f"1. {choices[0]}" not in terminal.screen, "the question stays", 30, lambda: terminal.screen
    )


def allow(terminal, *words):
    """Say yes in the permission dialog, which shows these words."""
    shown = terminal.see("Do you want to proceed?")
    assert all(each in shown for each in words), shown
    terminal.answer("Enter")
    client.until(
        lambda: "Do you want to proceed?" not in terminal.screen,
        "the dialog stays",
        30,
        lambda: terminal.screen,
    )


def review(machine, terminal, choice, *after):
    """Open the review, and answer its question; `after` is what Claude does then."""
    question = "Always cite PubMed. What shall become of it?"
    machine.stub.replies[:] = [run("skillloop review --json"), ask(question, *CHOICES), *after]
    terminal.see(READY)
    terminal.type("/skillloop:review")
    choose(terminal, question, choice, *CHOICES)


def told(machine):
    return json.dumps(machine.stub.requests[-1]["messages"])


def test_the_question_offers_to_apply_and_the_dialog_does(machine, proposal):
    with machine.terminal(client.binary()) as terminal:
        review(
            machine, terminal, "Apply it", run(f"skillloop approve {proposal['id']}"), [text("That was all.")]
        )
        allow(terminal, "You said", "PubMed")
        terminal.see("That was all.")
    assert "PubMed" in machine.skill.read_text()
    assert "Apply it" in told(machine)
    offered = machine.stub.requests[-1]["tools"]
    (schema,) = (each["input_schema"] for each in offered if each["name"] == "AskUserQuestion")
    questions = schema["properties"]["questions"]
    assert questions["items"]["properties"]["options"]["maxItems"] == len(CHOICES)
    assert questions["maxItems"] == 4
    assert machine.queue == []


def test_what_was_meant_once_only_is_rejected_and_not_offered_again(machine, proposal):
    reject = f'skillloop reject {proposal["id"]} --reason "meant once only"'
    with machine.terminal(client.binary()) as terminal:
        review(machine, terminal, CHOICES[3], run(reject), [text("That was all.")])
        allow(terminal, "PubMed")
        terminal.see("That was all.")
    machine.idle()
    assert machine.queue == []
    assert machine.skill.read_text() == SKILL
    assert "meant once only" in machine.run(machine.skillloop / "bin" / "skillloop", "log").stdout


@pytest.mark.parametrize("choice", ["Reword it", "Move it"])
def test_an_edit_is_reworded_or_moved(machine, proposal, choice):
    reason, where = ("reworded", "--skill research") if choice == "Reword it" else ("moved", "--project")
    reject = f'skillloop reject {proposal["id"]} --reason "{reason}"'
    sure = ask("It would say so. Apply it?", "Yes", "No")
    with machine.terminal(client.binary()) as terminal:
        review(
            machine, terminal, choice, run(reject), run(f"skillloop remember '{RULE}' {where} --json"), sure
        )
        allow(terminal, "PubMed")
        terminal.see("It would say so.")
        (waiting,) = machine.queue
        machine.stub.replies[:] = [run(f"skillloop approve {waiting['id']}"), [text("That was all.")]]
        choose(terminal, "It would say so.", "Yes", "Yes", "No")
        allow(terminal, "give the link")
        terminal.see("That was all.")
    learned = machine.project / ".claude" / "rules" / "learned.md"
    changed, kept = (machine.skill, learned) if choice == "Reword it" else (learned, machine.skill)
    assert RULE.rstrip(".") in changed.read_text()
    assert not kept.exists() or kept.read_text() == SKILL
    assert machine.queue == []
