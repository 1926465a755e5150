"""The prices that are reckoned fast are those of the lists' own code, for every model that the lists have."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from genai_prices.data_snapshot import get_snapshot

from loopwright.adapters.llm.prices import listed_price, price
from loopwright.collect.trace import Usage

MODELS = [(model.id, provider.id) for provider in get_snapshot().providers for model in provider.models]
TIMES = (None, datetime(2025, 3, 1, 3, tzinfo=UTC), datetime(2026, 11, 1, 18, tzinfo=UTC))


def _usage(rng: random.Random) -> Usage:
    tokens = rng.choice((0, 17, 1_900, 131_000, 260_000, 1_200_000))
    read, written = rng.choice((None, 0, tokens // 3)), rng.choice((None, 0, tokens // 5))
    return Usage(
        input_tokens=tokens, output_tokens=rng.choice((None, 0, 33, 70_000)), cache_read_tokens=read, cache_write_tokens=written
    )


def test_every_listed_model_costs_what_the_lists_say() -> None:
    rng = random.Random(5)
    priced = 0
    for model, provider in rng.sample(MODELS, 400):
        for _ in range(4):
            usage, at = _usage(rng), rng.choice(TIMES)
            expected = listed_price(model, provider, usage, at)
            found = price(model, provider, usage, at)
            priced += found is not None
            assert found == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-15)), (model, provider, usage)
    assert priced > 800


def test_counts_that_cannot_be_right_have_no_price() -> None:
    usage = Usage(input_tokens=10, output_tokens=1, cache_read_tokens=11)
    assert price("gpt-4o", "openai", usage, None) == listed_price("gpt-4o", "openai", usage, None)
