"""Amounts as the planner works them out, from what the tools told it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loopwright.examples.airline.mind import Mind
from loopwright.examples.airline.policy import CHANGE_FEE, LONG_DELAY_MINUTES, REFUND_WINDOW_HOURS


def refund_total(row: Mapping[str, Any]) -> int:
    """The refund for a reservation, in dollars."""
    covered = row["cabin"] == "business" or row["insured"] or row["airline_cancelled"]
    return int(row["paid"]) if covered or row["booked_hours_ago"] <= REFUND_WINDOW_HOURS else 0


def change_total(profile: Mapping[str, Any], row: Mapping[str, Any], new: Mapping[str, Any], mind: Mind) -> int:
    """What moving a reservation to the flight `new` costs, in dollars."""
    fee = 0 if row["cabin"] == "business" or profile["tier"] == "gold" else CHANGE_FEE
    people, paid = row["passengers"], row["paid"]
    if fee and mind.tends("forgets_change_fee"):
        mind.fire("forgets_change_fee")
        fee = 0
    if people > 1 and mind.tends("prices_one_passenger"):
        mind.fire("prices_one_passenger")
        people, paid = 1, paid // row["passengers"]
    return int(fee + max(0, new["fares"][row["cabin"]] * people - paid))


def airline_owes(row: Mapping[str, Any], status: Mapping[str, Any]) -> int:
    """The compensation for a flight of that status, in dollars."""
    delay = status["delay_minutes"]
    if delay is None:
        return 150 * int(row["passengers"])
    return 75 * int(row["passengers"]) if delay >= LONG_DELAY_MINUTES else 0
