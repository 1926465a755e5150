from __future__ import annotations

import pytest

from builders import trace
from loopwright.adapters.llm.prices import price as listed
from loopwright.collect.pricing import PRICED, priced
from loopwright.collect.trace import Step, Usage

PER_TOKEN = {"m": 0.001, "dear": 1.0}


def price(model, provider, usage, at):
    if model not in PER_TOKEN:
        return None
    return PER_TOKEN[model] * ((usage.input_tokens or 0) + (usage.output_tokens or 0))


def call(id: str, model: str | None = "m", tokens: int | None = 10, cost: float | None = None, parent: str | None = None) -> Step:
    usage = None if tokens is None and cost is None else Usage(tokens, cost_usd=cost)
    return Step(id, "model", id, parent, model=model, usage=usage)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([call("a"), call("b", "dear", 2)], 2.01),
        ([call("a"), call("b", cost=0.5)], 0.51),
        ([call("a"), call("b", "unheard-of")], None),
        ([call("a"), call("b", parent="a")], 0.01),
        ([call("a"), Step("t", "tool", "t", "a"), call("b", parent="t")], 0.01),
        ([call("a"), call("b", tokens=None)], 0.01),
        ([call("a", None)], None),
        ([call("a", parent="b"), call("b", parent="a")], None),
        ([], None),
    ],
)
def test_a_trace_costs_what_its_outer_calls_cost(steps, expected):
    made = priced(trace(steps=tuple(steps)), price)
    cost = made.usage.cost_usd
    assert (cost == pytest.approx(expected)) if expected is not None else not cost


def test_what_is_reckoned_is_said_and_what_was_told_is_left():
    made = priced(trace(steps=(call("a"),), usage=Usage(10)), price)
    assert (made.attributes[PRICED], made.steps[0].usage.cost_usd, made.usage.input_tokens) == (["m"], 0.01, 10)
    told = trace(steps=(call("a"),), usage=Usage(10, cost_usd=3.0))
    assert priced(told, price) is told
    assert priced(made, price) is made


def test_price_lists():
    told = Usage(1_000_000, 0)
    assert listed("gpt-4o", "openai", told, None) == pytest.approx(2.5)
    assert listed("gpt-4o-2024-08-06", None, told, None) == pytest.approx(2.5)
    assert listed("gpt-4o", "a reseller that nobody knows", told, None) == pytest.approx(2.5)
    assert listed("gpt-4o", None, Usage(1_000_000, 0, cache_read_tokens=1_000_000), None) == pytest.approx(1.25)
    assert listed("a model of our own", None, told, None) is None
    assert listed("gpt-4o", None, Usage(1, 0, cache_read_tokens=9), None) is None
