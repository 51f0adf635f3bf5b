"""Sessions in which a skill answers and the person corrects it."""

from difflib import SequenceMatcher

from transcripts import Transcript

from skillloop.detect.lesson import rules
from skillloop.hosts.claude_code.transcript import read
from skillloop.pipeline import session

SORRY = "You're right, sorry. I will do that from now on."
RULE = "No, that's wrong. Never cite a magazine when there is a study."


def corrected(skill, *words, **about):
    """A session in which the skill answers and the person then says `words`, one turn each."""
    transcript = (
        Transcript(**{"version": "2.1.197"} | about)
        .typed("How much sleep do adults need? Look it up.")
        .skill("research", str(skill))
        .says("Eight hours, says a health magazine. I have finished the answer.")
    )
    for said in words:
        transcript.typed(said).says("You're right, sorry. I will do that from now on.")
    return transcript


def digest(transcript, tmp_path, home, store=None):
    return session.digest(read(transcript.write(tmp_path / "t" / "session.jsonl")), home, store)


def rewrites(transcript, path, text, *, tool="Edit", modified=False):
    """Claude changes a file with one of its tools, as the client does and tells it."""
    before = path.read_bytes().decode() if path.exists() else None
    old, new = (each.replace("\r\n", "\n").splitlines(keepends=True) for each in (before or "", text))
    hunks = []
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(3):
        lines = []
        for kind, i, i_end, j, j_end in group:
            if kind == "equal":
                lines += [f" {line.rstrip()}" for line in old[i:i_end]]
            else:
                lines += [f"-{line.rstrip()}" for line in old[i:i_end]]
                lines += [f"+{line.rstrip()}" for line in new[j:j_end]]
        hunks.append({"oldStart": group[0][1] + 1, "newStart": group[0][3] + 1, "lines": lines})
    payload = {"filePath": str(path), "structuredPatch": hunks, "userModified": modified}
    payload |= {"type": "create", "content": text, "structuredPatch": []} if before is None else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((text.replace("\n", "\r\n") if before and "\r\n" in before else text).encode())
    return transcript.tool(tool, file_path=str(path)).result("The file was updated.", payload=payload)


def first_rule(text):
    """Return what of a turn reads most like a durable rule, if anything may be one."""
    return next(iter(rules(text, most=1)), None)
