#!/usr/bin/env python3
"""Draw `skillloop review` and the client's dialog as a terminal of 80 by 24 shows them, from a session in the real client.

python tests/e2e/draw.py            # writes docs/pictures/review.svg and dialog.svg; needs npm and tmux
"""

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import client
from machine import READY, Machine, talk
from picture import PICTURES, svg
from stub import Stub, text, tool

SIZE = (80, 24)
SECOND = "Never give the year of every study, it clutters the text."


def save(name: str, title: str, screen: str) -> None:
    """Write a screen as a picture, without the empty lines at its end."""
    (PICTURES / f"{name}.svg").write_text(svg(screen.rstrip("\n"), title, name, SIZE[0], 760), "utf-8")
    print(f"wrote {PICTURES / name}.svg")


def main() -> None:
    """Correct Claude twice, then look at what waits in both places."""
    stub = Stub()
    with tempfile.TemporaryDirectory(prefix="ana-") as folder:
        machine = Machine(Path(folder), stub)
        machine.restore()
        hook = next(machine.home.glob(".claude/plugins/cache/skillloop/skillloop/*/hooks/run"))
        subprocess.run(
            ["sh", hook, "session", "start"], env=machine.environment, check=True, capture_output=True
        )
        client.until(
            (machine.skillloop / "bin" / "skillloop").exists, "no environment", 90, lambda: machine.log
        )
        with machine.terminal(client.binary()) as terminal:
            talk(terminal, stub)
            stub.replies[:] = [[text("You are right, sorry.")]]
            terminal.type(SECOND)
            terminal.see("You are right")
            terminal.type("/exit")
            terminal.gone()
        client.until(lambda: len(machine.queue) == 2, "nothing waits", 30, lambda: machine.log)
        with machine.terminal(machine.skillloop / "bin" / "skillloop", "review", size=SIZE) as terminal:
            terminal.see("? more")
            terminal.press("s")
            client.until(
                lambda: "2 of 2" in terminal.screen and terminal.screen.count("? more"), "no second edit"
            )
            save("review", "skillloop review", terminal.coloured)
        approve = tool(
            "Bash", command=f"skillloop approve {machine.queue[-1]['id']}", description="Apply the edit"
        )
        stub.replies[:] = [[approve], [text("Applied.")]]
        with machine.terminal(client.binary(), size=SIZE) as terminal:
            terminal.see(READY)
            terminal.type("yes, replace the line")
            terminal.see("Do you want to proceed?")
            save("dialog", "Claude Code", terminal.coloured)
            terminal.answer("Escape")
        machine.idle()
    stub.close()


if __name__ == "__main__":
    main()
