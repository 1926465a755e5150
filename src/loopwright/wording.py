"""Figures in words, written one way wherever a person reads them: counted nouns and percentages."""

from __future__ import annotations


def number(value: float) -> str:
    """A whole number with thousands separators."""
    return f"{value:,.0f}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 trace`, `2,000 traces`; `plural` where it is not the noun with an s."""
    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"


def percent(share: float, decimals: int | None = 1) -> str:
    """`0.123` as `12.3 %`; nothing and everything without decimals.

    With `decimals` None as many as the figure has, up to three digits: for what somebody chose, as `5 %`.
    """
    value = 100 * share
    if decimals is None:
        return f"{value:.3g} %"
    return f"{value:.0f} %" if value in (0, 100) else f"{value:.{decimals}f} %"
