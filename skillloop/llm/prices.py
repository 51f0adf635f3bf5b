"""What a call costs, by model (`data/prices.toml`).

Prices are kept in whole nano-dollars a token, which is dollars a million tokens times 1000, so that sums are exact. A
model that is not in the table is charged at the dearest prices in it: a budget may stop too early, never too late.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import mul
from typing import NamedTuple

from skillloop.llm.request import Usage
from skillloop.text.lexicon import table


class Price(NamedTuple):
    """Nano-dollars for one token of each sort, in the order of `Usage`."""

    input: int
    output: int
    cache_write: int
    cache_read: int

    @classmethod
    def read(cls, row: Mapping[str, float]) -> Price:
        """Read the dollars a million tokens of the table."""
        return cls(**{name: round(dollars * 1000) for name, dollars in row.items()})

    def of(self, usage: Usage) -> int:
        """Return what these tokens cost, in nano-dollars."""
        return sum(map(mul, self, usage))


PRICES: dict[str, Price] = {model: Price.read(row["price"]) for model, row in table("prices").items()}

UNKNOWN = Price(*map(max, zip(*PRICES.values(), strict=True)))


def price(model: str, prompt_tokens: int = 0) -> Price:
    """Return the prices of a call to `model` with so long a prompt. A dated name (`…-20251001`) is its family's."""
    family = model if model in PRICES else model.rpartition("-")[0]
    over = table("prices").get(family, {}).get("over")
    if over and prompt_tokens > over["tokens"]:
        return Price.read(over["price"])
    return PRICES.get(family, UNKNOWN)


def cost(model: str, usage: Usage) -> int:
    """Return what a call cost, in nano-dollars."""
    return price(model, usage.input + usage.cache_write + usage.cache_read).of(usage)
