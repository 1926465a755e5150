"""What was measured of a change, in the units that a person reads: the value before, the value after, the difference."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from loopwright.improve.proposal import Effect, Verification
from loopwright.surfaces.reports import plots
from loopwright.surfaces.reports.text import percent

ROOM = 1.15
"""How much further than its interval an axis of differences reaches."""


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """One measure without and with a change; `drawn` None where it was not told.

    `tone` is `good` or `bad` where the whole interval of the difference lies on one side of zero.
    """

    name: str
    without: str
    with_: str
    change: str = ""
    between: str = ""
    drawn: plots.Difference | None = None
    tone: str = ""


def measures(verification: Verification) -> tuple[MeasureRow, ...]:
    """The four measures of a verification."""
    v = verification
    return (
        _measure("failure rate", v.failure, percent, points, lower_is_better=True),
        _measure("success rate", v.success, percent, points, lower_is_better=False),
        _measure("runtime", v.runtime_ms, *_scaled(v.runtime_ms, _seconds), lower_is_better=True),
        _measure("cost", v.cost_usd, *_scaled(v.cost_usd, _dollars), lower_is_better=True),
    )


def points(difference: float) -> str:
    """A difference of two shares in percentage points, signed."""
    return f"{signed(100 * difference, '.1f')} points"


def signed(value: float, form: str) -> str:
    """A number with its sign, as type sets it; what rounds to nothing has none."""
    text = format(abs(value), form)
    zero = float(text.replace(",", "")) == 0
    return text if zero else f"{'−' if value < 0 else '+'}{text}"


Told = Callable[[float], str]


def _measure(name: str, effect: Effect, told: Told, changed: Told, *, lower_is_better: bool) -> MeasureRow:
    if effect.without is None or effect.with_ is None:
        return MeasureRow(name, "not told", "not told")
    value = effect.difference if effect.difference is not None else effect.with_ - effect.without
    low, high = effect.low, effect.high
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return MeasureRow(name, told(effect.without), told(effect.with_), changed(value))
    rose, fell = low > 0, high < 0
    tone = "good" if (fell if lower_is_better else rose) else "bad" if (rose if lower_is_better else fell) else ""
    return MeasureRow(
        name,
        told(effect.without),
        told(effect.with_),
        changed(value),
        f"{changed(low)} to {changed(high)}".replace(" points to", " to"),
        plots.difference(value, low, high, ROOM * max(abs(low), abs(high), abs(value))),
        tone,
    )


def _scaled(effect: Effect, unit: Callable[[float], tuple[float, str, str, str]]) -> tuple[Told, Told]:
    """How a measure is told, with as many decimals as its larger value needs; and how a difference of it is."""
    scale, before, form, after = unit(max(abs(effect.without or 0.0), abs(effect.with_ or 0.0)))

    def told(value: float) -> str:
        return f"{before}{format(value / scale, form)}{after}"

    def changed(value: float) -> str:
        text = signed(value / scale, form)
        sign = text[0] if text[0] in "+−" else ""
        return f"{sign}{before}{text.removeprefix(sign)}{after}"

    return told, changed


def _seconds(largest_ms: float) -> tuple[float, str, str, str]:
    return (1000.0, "", ",.2f", " s") if largest_ms >= 1000 else (1.0, "", ".1f", " ms")


def _dollars(largest: float) -> tuple[float, str, str, str]:
    digits = 2 if largest <= 0 or not math.isfinite(largest) else min(max(3 - math.floor(math.log10(largest)), 2), 8)
    return 1.0, "$", f",.{digits}f", ""
