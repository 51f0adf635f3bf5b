"""A proposer that asks a model for one edit of train.py, through the same client and budget as everything else.

The request is a function of the ledger's rows, and an answer is kept with its charge: a run that was killed and goes on
sends the same one and pays nothing again. Invariants: the answer is data; what is no usable edit is a discarded trial with its
reason, unmeasured; where the budget or the model ends, the proposer has nothing more and says why, and the run ends well.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace

from skillloop import llm
from skillloop.bench.candidate import EDITABLE, Candidate
from skillloop.bench.proposers import Proposer, Sources, plateau, tired
from skillloop.llm import ModelClient, Request
from skillloop.search.ledger import Archive
from skillloop.text import redact

PROMPT = "experiment.v2"
TRIED = 60  # trials that the model is told of, the newest
LONGEST = 100  # characters of a description
SCHEMA = llm.schema(**{name: {"type": "string"} for name in ("old", "new", "what", "why", "insight")})


def model(client: ModelClient, name: str, program: str, say: Callable[[str], None]) -> Proposer:
    """Return a proposer that asks a model, which is told `program`; `say` is told once why there will be no more proposals."""
    ended = False

    def propose(parent: str, archive: Archive, sources: Sources, key: str) -> Candidate | None:
        nonlocal ended
        if ended:
            return None
        files = sources(parent)
        request = _request(parent, archive, files, program, name)
        try:
            reply = client.complete(request)
        except (llm.BudgetExceeded, llm.ModelError) as error:
            ended = True
            say(f"no more proposals from the model: {error.message}")
            return None
        what, text, trouble, thoughts = "an unusable answer", files[EDITABLE], reply.trouble, ("", "")
        if reply.value is not None:
            what, text, trouble = _edited(text, reply.value)
            thoughts = _line(reply.value["why"]), _line(reply.value["insight"])
        by = f"{client.backend.name}:{name}:{request.prompt.name}"
        made = Candidate({**files, EDITABLE: text}, what, by, parent, *thoughts)
        if not trouble and made.id in archive.known:
            trouble = f"the same was tried before, as candidate {made.id}"
        return replace(made, refused=trouble, key=key)

    return propose


def _request(parent: str, archive: Archive, files: Mapping[str, str], program: str, name: str) -> Request:
    """Return what is sent for one proposal: the program, the parent's train.py, and the newest trials, oldest first."""
    tried = [
        {
            "candidate": candidate,
            "from": row["parent"],
            "what": redact.redact(row["description"]),
            "status": row["status"],
            "bits per byte": round(archive.mean(candidate), 5) if candidate in archive.runs else None,
            "runs": len(archive.runs.get(candidate, ())),
            "why": redact.redact(row["reason"]),
            "expected": row.get("hypothesis", ""),
            "insight": row.get("insight", ""),
        }
        for candidate, row in list(archive.last.items())[-TRIED:]
    ]
    data = {
        "parent": parent,
        "noise": round(archive.noise.sigma, 6),
        "not_kept_in_a_row": plateau(archive),
        "avoid": tired(archive) or "",
        "tried": tried,
    }
    shared = {"program": redact.redact(program), "train": redact.redact(files[EDITABLE])}
    prompt, sample = llm.prompt(PROMPT), archive.number
    return Request("experiment", name, prompt, data, SCHEMA, max_tokens=12_000, sample=sample, shared=shared)


def _line(text: str) -> str:
    return redact.redact(" ".join(text.split()))[: 3 * LONGEST]


def _edited(text: str, value: Mapping[str, str]) -> tuple[str, str, str]:
    """Return an answer's description, the text with its edit, and why that edit is unusable, or ""."""
    what = _line(value["what"])[:LONGEST] or "an unnamed edit"
    count = text.count(value["old"]) if value["old"] else 0
    if count != 1:
        return what, text, f"the text to replace occurs {count} times"
    new = text.replace(value["old"], value["new"])
    try:
        ast.parse(new)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return what, text, f"not valid Python: {error}"
    return what, new, ""
