"""Prices: known models, and the dearest for any other."""

from skillloop.config.sections import Model
from skillloop.llm import request as prices


def test_the_models_are_in_the_sdk_s_current_list_and_not_deprecated():
    from typing import get_args

    from anthropic.resources.messages.messages import DEPRECATED_MODELS
    from anthropic.types import model_param

    literal = get_args(model_param.ModelParam)[0]
    assert {Model().cheap, Model().careful, *prices.PRICES} <= set(get_args(literal))
    assert not {Model().cheap, Model().careful} & set(DEPRECATED_MODELS)


def test_an_unknown_model_is_charged_at_the_dearest_prices():
    assert prices.price("some-local-model") == prices.UNKNOWN
    assert prices.price("claude-haiku-4-5-20251001") == prices.PRICES["claude-haiku-4-5"]
    assert prices.price(Model().cheap, 100_001).input == 500
