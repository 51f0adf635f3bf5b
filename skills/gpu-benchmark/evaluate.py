"""The metric: bits per byte on a held-out split. FIXED: no trial may change this file; the runner checks its hash.

    python evaluate.py --data DATA/judge --split selection --tree TREE --out OUT

Two processes. The *judge* (this one) holds the tokens, computes the loss itself and runs no line of the candidate's
code. The *answerer* imports TREE/train.py, calls its `load(OUT, device)`, and gets token rows and gives logits through
a piece of shared memory; whatever else it says or patches stays in its own process. `--wrap` is a command prefix that
starts it without access to any file but TREE and OUT.

    bits per byte = sum of -log2 p(token | tokens before it in the row) / sum of the tokens' raw bytes

Rows are consecutive pieces of the split; each token but the first of all is predicted once. BOS has no bytes and
counts in neither sum. Logits go through a log-softmax here, so that any answer is a proper distribution.

A second metric stands beside it, the *anchor*: how surely the model takes the true end of a piece of text among four, all
from other rows than the first metric's where the split is long enough. A model that fits the first metric and not the
language shows there.

    anchor = mean of -ln softmax(nats per token of the four ends)[the true one]; ln 4 is chance

Before an answer counts: it has the asked shape; it is finite; positions do not change when *later* tokens do (rows
whose ends were swapped with another row's are mixed in, and nothing marks them); the same rows get the same answer
at the end as at the beginning.
"""

from __future__ import annotations

import argparse
import json
import math
import mmap
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 16  # in one question
AUDIT = 2  # every so many questions one is asked again with swapped ends
CHOICES = 4  # ends of each piece of the anchor
PIECES = 32  # of them
END = 16  # tokens of an end
CLOSE = 0.03  # logits of equal prefixes may differ by this (bf16 kernels need not be exact)


class Unfair(Exception):
    """The answers cannot be those of a language model that reads left to right."""


class Broken(Exception):
    """The candidate's code failed, or its answers are not finite."""


class Answerer:
    """The other process, seen from the judge: a memory file for tokens and logits, and two pipes to take turns."""

    def __init__(self, args: argparse.Namespace, row: int, vocabulary: int) -> None:
        self.row, self.vocabulary, self.device = row, vocabulary, args.device
        self.memory = os.memfd_create("skillloop")
        os.ftruncate(self.memory, ROWS * row * 8 + ROWS * row * vocabulary * 4)
        self.tokens, self.logits = views(self.memory, row, vocabulary)
        ask, self.ask = os.pipe()
        self.said, say = os.pipe()
        fds = [self.memory, ask, say]
        start = json.loads(args.wrap) or [sys.executable, "-B"]
        command = [*start, __file__, "--tree", str(args.tree), "--out", str(args.out)]
        command += ["--answer", *map(str, fds), str(row), str(vocabulary), args.device]
        self.process = subprocess.Popen(command, pass_fds=fds, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        os.close(ask)
        os.close(say)
        self.wait()

    def wait(self) -> None:
        """Until the other side has answered."""
        said = os.read(self.said, 4096)
        if said == b"ok":
            return
        if said.startswith(b"shape"):
            raise Unfair(said.decode(errors="replace"))
        raise Broken(said.decode(errors="replace") or "the model's process ended")

    def __call__(self, rows: np.ndarray) -> torch.Tensor:
        """float32 [rows, row, vocabulary] on the device: the logits, copied once, and out of the other side's reach."""
        self.tokens[: len(rows)] = rows
        os.write(self.ask, bytes([len(rows)]))
        self.wait()
        answer = torch.from_numpy(self.logits[: len(rows)]).to(self.device, copy=True)
        if not torch.isfinite(answer).all():
            raise Broken("the logits are not finite")
        return answer

    def close(self) -> None:
        """End the other side."""
        self.process.kill()
        self.process.wait()


def views(memory: int, row: int, vocabulary: int) -> tuple[np.ndarray, np.ndarray]:
    """int64 [ROWS, row] and float32 [ROWS, row, vocabulary] over the shared memory."""
    buffer = mmap.mmap(memory, 0)
    tokens = np.ndarray((ROWS, row), np.int64, buffer)
    return tokens, np.ndarray((ROWS, row, vocabulary), np.float32, buffer, offset=ROWS * row * 8)


def answer(args: argparse.Namespace) -> None:
    """The answerer's whole life. Everything the candidate wrote runs here and nowhere else."""
    memory, ask, say, row, vocabulary = map(int, args.answer[:5])
    device = args.answer[5]
    try:
        sys.path.insert(0, str(args.tree))
        import train  # the candidate's

        model = train.load(args.out, device)
        tokens, logits = views(memory, row, vocabulary)
        os.write(say, b"ok")
        while count := os.read(ask, 1):
            rows = torch.from_numpy(tokens[: count[0]].copy()).to(device)
            with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                found = model(rows)
            if found.shape != (*rows.shape, vocabulary):
                asked = (*rows.shape, vocabulary)
                os.write(say, f"shape: {tuple(found.shape)} logits for {asked} asked".encode())
                return
            torch.from_numpy(logits[: count[0]]).copy_(found)
            os.write(say, b"ok")
    except BaseException as error:
        os.write(say, f"{type(error).__name__}: {error}"[:2000].encode())
        raise


def questions(stream: np.ndarray, row: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(inputs, targets), int64 [up to ROWS, row] each."""
    count = (len(stream) - 1) // row
    inputs = stream[: count * row].reshape(count, row).astype(np.int64)
    targets = stream[1 : count * row + 1].reshape(count, row).astype(np.int64)
    for i in range(0, count, ROWS):
        yield inputs[i : i + ROWS], targets[i : i + ROWS]


def audit(
    ask: Answerer, rows: np.ndarray, answer: torch.Tensor, losses: torch.Tensor, random: np.random.Generator
) -> None:
    """Swap the rows' ends after random cuts; what stands before the cuts must be answered as before.

    In every other row the cut comes right after one of the tenth of positions that were predicted best: a model that
    looks ahead only now and then does so there.
    """
    swapped = rows.copy()
    cuts = random.integers(1, rows.shape[1], len(rows))
    best = losses.view(rows.shape)[:, :-1].argsort(dim=1)[:, : max(1, rows.shape[1] // 10)].cpu().numpy()
    for i in range(0, len(rows), 2):
        cuts[i] = 1 + random.choice(best[i])
    for i, cut in enumerate(cuts):
        swapped[i, cut:] = rows[(i + 1) % len(rows), cut:] if len(rows) > 1 else rows[i, cut:][::-1]
    again = ask(swapped)
    for i, cut in enumerate(cuts):
        if (again[i, :cut] - answer[i, :cut]).abs().max() > CLOSE:
            raise Unfair(f"an answer changed with the tokens after it (row {i}, cut {cut})")


def bits_per_byte(ask: Answerer, stream: np.ndarray, lengths: np.ndarray, row: int, device: str) -> dict:
    """The metric over a stream of tokens, with its two sums."""
    random = np.random.default_rng(int.from_bytes(os.urandom(8), "big"))  # the cuts cannot be foreseen
    lengths = torch.from_numpy(lengths).to(device)
    first: tuple[np.ndarray, torch.Tensor] | None = None
    nats, size, count = 0.0, 0, 0
    for number, (inputs, targets) in enumerate(questions(stream, row)):
        logits = ask(inputs)
        first = first or (inputs, logits)
        wanted = torch.from_numpy(targets).to(device)
        losses = torch.nn.functional.cross_entropy(
            logits.view(-1, logits.size(-1)), wanted.view(-1), reduction="none"
        )
        weights = lengths[wanted.view(-1)]
        nats += losses[weights > 0].double().sum().item()
        size += int(weights.sum().item())
        count += targets.size
        if number % AUDIT == 0:
            audit(ask, inputs, logits, losses, random)
    assert first is not None, "the split is shorter than a row"
    if (ask(first[0]) - first[1]).abs().max() > CLOSE:
        raise Unfair(
            "the same rows were answered differently at the end: the model learns from the questions"
        )
    return {"bpb": nats / (math.log(2) * size), "nats": nats, "bytes": size, "tokens": count}


def anchor(ask: Answerer, stream: np.ndarray, row: int) -> float | None:
    """The anchor over the last rows of a stream; None where it has fewer rows than there are choices."""
    count = min(PIECES, (len(stream) - 1) // row)
    if count < CHOICES:
        return None
    pieces = stream[-count * row :].reshape(count, row).astype(np.int64)
    scores = []
    for shift in range(CHOICES):  # 0 is the true end
        rows = pieces.copy()
        rows[:, -END:] = np.roll(pieces[:, -END:], shift, axis=0)
        for i in range(0, count, ROWS):
            said = ask(rows[i : i + ROWS])[:, -END - 1 : -1].log_softmax(dim=-1)
            wanted = torch.from_numpy(rows[i : i + ROWS, -END:]).to(said.device)
            scores.append(said.gather(2, wanted.unsqueeze(2)).mean(dim=(1, 2)))
    chosen = torch.cat(scores).view(CHOICES, count).double().log_softmax(dim=0)
    return -chosen[0].mean().item()


def judge(args: argparse.Namespace) -> dict:
    """Ask for the whole split and say how well it was predicted."""
    start = time.monotonic()
    facts = json.loads((args.data / "data.json").read_text("utf-8"))
    everything = np.fromfile(args.data / f"{args.split}.bin", np.uint16)
    stream = everything[: facts["judged"] + 1]
    lengths = np.load(args.data / "bytes.npy", allow_pickle=False)
    torch.set_num_threads(1)  # the answerer has the work
    ask = None
    try:
        ask = Answerer(args, facts["row"], facts["vocabulary"])
        found = {"status": "ok", **bits_per_byte(ask, stream, lengths, facts["row"], args.device)}
        found["anchor"] = anchor(ask, everything, facts["row"])
    except Unfair as error:
        found = {"status": "tampered", "reason": str(error)}
    except Broken as error:
        found = {"status": "crash", "reason": str(error)}
    finally:
        if ask is not None:
            ask.close()
    return found | {"seconds": round(time.monotonic() - start, 2)}


def main() -> None:
    """One JSON object on stdout."""
    parser = argparse.ArgumentParser(description="Measure bits per byte of a trained candidate.")
    parser.add_argument("--data", type=Path, help="the judge part of the data folder")
    parser.add_argument("--split", choices=["selection", "sealed"], default="selection")
    parser.add_argument("--tree", type=Path, required=True, help="the folder with the candidate's train.py")
    parser.add_argument("--out", type=Path, required=True, help="what its training left")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--wrap", default="[]", help="JSON list: a command prefix for the process that runs the model"
    )
    parser.add_argument("--answer", nargs=6, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.answer:
        answer(args)
    else:
        print(json.dumps(judge(args)))


if __name__ == "__main__":
    main()
