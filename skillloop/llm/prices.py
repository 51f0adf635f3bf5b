"""What a token costs, by model.

Source: https://platform.claude.com/docs/en/about-claude/pricing, as of 2026-10-24 (list prices, five-minute cache).
Whole nano-dollars a token, which is the page's dollars a million tokens times 1000, so that sums are exact. A model
that is not in the table is charged at the dearest prices in it: a budget may stop too early, never too late.
"""

from __future__ import annotations

from dataclasses import dataclass

from skillloop.llm.request import Usage

AS_OF = "2026-10-24"

CHEAP = "claude-haiku-5-5"
"""For many small questions: replaying cases, second opinions."""

CAREFUL = "claude-sonnet-5-5"
"""For few important ones: drafting, judging."""


@dataclass(frozen=True, slots=True)
class Price:
    """Nano-dollars for one token of each sort."""

    input: int
    output: int
    cache_write: int
    cache_read: int

    def of(self, usage: Usage) -> int:
        """What these tokens cost, in nano-dollars."""
        return (
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_write * self.cache_write
            + usage.cache_read * self.cache_read
        )


_OPUS_5 = Price(5_000, 25_000, 6_250, 500)

PRICES: dict[str, Price] = {
    "claude-haiku-5-5": Price(100, 500, 125, 10),
    "claude-haiku-4-5": Price(1_000, 5_000, 1_250, 100),
    "claude-sonnet-5-5": Price(2_000, 10_000, 2_500, 100),
    "claude-sonnet-5": Price(2_000, 10_000, 2_500, 200),
    "claude-sonnet-4-6": Price(3_000, 15_000, 3_750, 300),
    "claude-opus-5-5": Price(4_000, 20_000, 5_000, 200),
    "claude-opus-5": _OPUS_5,
    "claude-opus-4-8": _OPUS_5,
    "claude-opus-4-7": _OPUS_5,
    "claude-opus-4-6": _OPUS_5,
    "claude-opus-4-5": _OPUS_5,
    "claude-fable-5-1": Price(10_000, 50_000, 12_500, 250),
    "claude-fable-5": Price(10_000, 50_000, 12_500, 1_000),
}

LONG: dict[str, tuple[int, Price]] = {"claude-haiku-5-5": (100_000, Price(500, 2_500, 625, 50))}
"""Models that cost more, all tokens of a call, when its prompt is longer than so many tokens."""

UNKNOWN = Price(*(max(getattr(price, sort) for price in PRICES.values()) for sort in Price.__slots__))


def price(model: str, prompt_tokens: int = 0) -> Price:
    """The prices of a call to `model` with so long a prompt. A dated name (`…-20251001`) is its family's."""
    family = model if model in PRICES else model.rpartition("-")[0]
    threshold, longer = LONG.get(family, (0, UNKNOWN))
    if threshold and prompt_tokens > threshold:
        return longer
    return PRICES.get(family, UNKNOWN)


def cost(model: str, usage: Usage) -> int:
    """What a call cost, in nano-dollars."""
    return price(model, usage.input + usage.cache_write + usage.cache_read).of(usage)
