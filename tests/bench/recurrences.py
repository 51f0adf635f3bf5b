"""How well a saying is recognized as the wish of a rule, on pairs of our own in fourteen languages.

    python tests/bench/recurrences.py [--show]

tests/data/recurrences.tsv holds language, same | other | opposite, saying, rule; the pairs were written before the code was
looked at (Italian and Dutch after a first version of it). A hash of the line puts each into one of two halves: rules and words are tuned on `dev` only.
The files beside it hold pairs written later; nothing was tuned on the sixth, the seventh was written to tune on. rules_alike.tsv holds pairs of rules, the others with one
word that matters changed: an edit is dropped only where two are one rule (`same_rule`). Only a `same` pair should count, so an `opposite` one that does is a mistake of its own kind.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from skillloop.text import lexicon
from skillloop.text.wishes import same_rule, same_wish

FILES = [
    Path(__file__).parents[1] / "data" / f"recurrences{name}.tsv"
    for name in ("", "_third", "_fourth", "_fifth", "_sixth", "_seventh")
]
RULES = FILES[0].with_name("rules_alike.tsv")


@dataclass(frozen=True)
class Pair:
    """One line of the file."""

    language: str
    kind: str
    saying: str
    rule: str
    dev: bool

    @property
    def found(self) -> bool:
        """Whether the saying is taken for the rule's wish."""
        return same_wish(self.saying, self.rule)


def pairs(file: Path = FILES[0]) -> list[Pair]:
    """Every pair of a file, in its order."""
    lines = file.read_text("utf-8").splitlines()
    return [Pair(*line.split("\t"), dev=hashlib.sha256(line.encode()).digest()[0] % 2 == 0) for line in lines]


def measured(chosen: Iterable[Pair]) -> dict[str, float]:
    """Counts, precision and recall over some pairs."""
    chosen = list(chosen)
    found = [pair.kind for pair in chosen if pair.found]
    counts = {f"{kind} found": found.count(kind) for kind in ("same", "other", "opposite")}
    same = sum(pair.kind == "same" for pair in chosen)
    rates = {
        "precision": found.count("same") / max(len(found), 1),
        "recall": found.count("same") / max(same, 1),
    }
    return {"pairs": len(chosen), "same": same, **counts, **rates}


def halves() -> dict[str, list[Pair]]:
    """The pairs in languages that skillloop knows, by half, and those in the others."""
    known = {language.code for language in lexicon.languages()}
    found: dict[str, list[Pair]] = {"dev": [], "held out": [], "unknown": []}
    for pair in pairs():
        strange = not known.issuperset(pair.language.split("+"))
        found["unknown" if strange else "dev" if pair.dev else "held out"].append(pair)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--show", action="store_true", help="print the mistakes in the dev half")
    options = parser.parse_args()
    rows = halves() | {file.stem.partition("_")[2]: pairs(file) for file in FILES[1:]}
    for pair in pairs():
        rows.setdefault(pair.language, []).append(pair)
    rules = pairs(RULES)
    for kind in ("same", "other"):
        told = [same_rule(pair.saying, pair.rule) for pair in rules if pair.kind == kind]
        half = [same_rule(pair.saying, pair.rule) for pair in rules if pair.kind == kind and not pair.dev]
        print(f"rules, {kind}: {sum(told)} of {len(told)} taken for one, held out {sum(half)} of {len(half)}")
    for name, chosen in rows.items():
        values = measured(chosen).items()
        print(f"{name:<9}", *(f"{key} {value:<4.3g}" for key, value in values), sep="  ")
    for pair in rows["dev"] if options.show else ():
        if pair.found != (pair.kind == "same"):
            print(
                "found" if pair.found else "missed",
                pair.language,
                pair.kind,
                pair.saying,
                pair.rule,
                sep=" | ",
            )


if __name__ == "__main__":
    main()
