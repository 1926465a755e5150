"""What a call of a model cost, by the price lists of `genai-prices`."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from math import isclose
from typing import Any, NamedTuple

from loopwright.collect.trace import Usage

_PROBES = (1_000, 5_000_000)
"""Tokens: below and above every threshold at which a price list changes its price."""


class _Rates(NamedTuple):
    """Dollars a token; those of caches are what they add to the price of input, of which they are a part."""

    input: float
    output: float
    cache_read: float
    cache_write: float


def price(model: str, provider: str | None, usage: Usage, at: datetime | None) -> float | None:
    """Implements `ports.Pricer`: US dollars; None for a model without a known price, and for counts that cannot be right."""
    counts = (usage.input_tokens or 0, usage.output_tokens or 0, usage.cache_read_tokens or 0, usage.cache_write_tokens or 0)
    rates = _rates(model, provider)
    if rates is None or min(counts) < 0 or counts[2] + counts[3] > counts[0]:
        return listed_price(model, provider, usage, at)
    return sum(rate * count for rate, count in zip(rates, counts, strict=True))


def listed_price(model: str, provider: str | None, usage: Usage, at: datetime | None) -> float | None:
    """As `price`, reckoned by the lists' own code in every case, which takes a hundred times as long."""
    from genai_prices import Usage as Counts  # noqa: PLC0415

    found = _found(model, provider)
    if found is None:
        return None
    seller, listed = found
    counts = Counts(
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    try:
        return float(listed.calc_price(counts, seller, genai_request_timestamp=at).total_price)
    except (ValueError, LookupError):
        return None


@lru_cache(maxsize=1024)
def _rates(model: str, provider: str | None) -> _Rates | None:
    """What a token costs, where that depends neither on their number nor on the time; None where it does, or is not known."""
    found = _found(model, provider)
    if found is None or isinstance(found[1].prices, list):
        return None
    few, many = (_probed(model, provider, tokens) for tokens in _PROBES)
    if few is None or many is None or not all(isclose(one, other, rel_tol=1e-9) for one, other in zip(few, many, strict=True)):
        return None
    mixed = Usage(input_tokens=10_000, output_tokens=700, cache_read_tokens=3_000, cache_write_tokens=2_000)
    whole = listed_price(model, provider, mixed, None)
    expected = few.input * 10_000 + few.output * 700 + few.cache_read * 3_000 + few.cache_write * 2_000
    return few if whole is not None and isclose(whole, expected, rel_tol=1e-9) else None


def _probed(model: str, provider: str | None, tokens: int) -> _Rates | None:
    """The price of a token of each kind, of so many."""
    asked = (
        Usage(input_tokens=tokens),
        Usage(output_tokens=tokens),
        Usage(input_tokens=tokens, cache_read_tokens=tokens),
        Usage(input_tokens=tokens, cache_write_tokens=tokens),
    )
    costs = [listed_price(model, provider, usage, None) for usage in asked]
    known = [cost / tokens for cost in costs if cost is not None]
    if len(known) < len(costs):
        return None
    return _Rates(known[0], known[1], known[2] - known[0], known[3] - known[0])


@lru_cache(maxsize=1024)
def _found(model: str, provider: str | None) -> tuple[Any, Any] | None:
    """The provider and the model in the price lists, whoever serves it where the provider does not list it."""
    return _listed(model, provider) or _listed(model, None)


def _listed(model: str, provider: str | None) -> tuple[Any, Any] | None:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415

    try:
        return get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        return None
