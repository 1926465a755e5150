"""What a call of a model cost, by the price lists of `genai-prices`."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from loopwright.collect.trace import Usage


def price(model: str, provider: str | None, usage: Usage, at: datetime | None) -> float | None:
    """Implements `ports.Pricer`: US dollars; None for a model without a known price, and for counts that cannot be right."""
    from genai_prices import Usage as Counts  # noqa: PLC0415

    found = _listed(model, provider) or _listed(model, None)
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
def _listed(model: str, provider: str | None) -> tuple[Any, Any] | None:
    """The provider and the model in the price lists."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415

    try:
        return get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        return None
