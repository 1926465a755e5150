"""What a conversation leaves behind: feedback, and business events that are joined by session."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from loopwright.examples.airline.loop import AirlineAgent
from loopwright.examples.airline.toolbox import Toolbox
from loopwright.examples.airline.traffic import Visitor
from loopwright.examples.airline.traveller import Traveller

_OUTCOMES = {"cancel": "cancelled", "change": "rebooked", "book": "booked", "add_bags": "bags_added", "compensate": "compensated"}
_COMMENTS = (
    "this did not help at all",
    "wrong information",
    "had to ask three times",
    "took forever",
    "it did not do what I asked",
)


def outcome_of(guest: Traveller, someone: Visitor, box: Toolbox) -> str:
    """What the business would book it as: rebooked, refunded, cancelled, booked, answered, escalated, abandoned, refused, ..."""
    if box.handed_over:
        return "escalated"
    if guest.left in ("abandoned", "escalated"):
        return "abandoned"
    changed = box.database.changed()
    goal = someone.goals[0]
    if goal.kind == "cancel" and any(row.refunded for row in changed.values()):
        return "refunded"
    if goal.kind in _OUTCOMES:
        return _OUTCOMES[goal.kind] if changed or box.database.certificates else "refused"
    return "answered"


def feedback_events(guest: Traveller, at: datetime, rng: Random) -> Iterator[dict[str, Any]]:
    """Thumbs, corrections and escalations as the customer gave them: their own view, which can be wrong."""
    stamp = at.isoformat()
    vocal = guest.visitor.mood.vocal
    draws = [rng.random() for _ in range(3)]
    if guest.escalated:
        yield {"timestamp": stamp, "kind": "escalation", "value": True}
    if guest.corrections and draws[0] < vocal:
        yield {"timestamp": stamp, "kind": "correction", "value": guest.corrections[-1]}
    unhappy = guest.left == "abandoned" or bool(guest.corrections) or not guest.pleased
    if draws[1] < (vocal * 1.5 if unhappy else vocal * 0.8):
        row: dict[str, Any] = {"timestamp": stamp, "kind": "thumb", "value": "down" if unhappy else "up"}
        if unhappy and draws[2] < 0.4:
            row["comment"] = rng.choice(_COMMENTS)
        yield row


def business_events(
    guest: Traveller, agent: AirlineAgent, outcome: str, success: bool, at: datetime, rng: Random
) -> Iterator[dict[str, Any]]:
    """What the company's systems record: `timestamp`, `metric`, `value`.

    `resolved` (0 or 1, as the agent's own side sees it), `escalated`, `handling_seconds`, `refund_usd`, `sales_usd`; and days
    later `repeat_contact` and `complaint` where a customer finds that something was wrong.
    """
    stamp = at.isoformat()
    database = agent.toolbox.database
    changed = database.changed()
    refunds = sum(row.refunded for row in changed.values())
    sales = sum(row.paid for key, row in changed.items() if key not in database.world.reservations)
    yield {"timestamp": stamp, "metric": "resolved", "value": 0 if outcome in ("abandoned", "escalated", "refused") else 1}
    yield {"timestamp": stamp, "metric": "escalated", "value": 1 if outcome == "escalated" else 0}
    yield {"timestamp": stamp, "metric": "handling_seconds", "value": round(agent.worked, 3)}
    if refunds:
        yield {"timestamp": stamp, "metric": "refund_usd", "value": refunds}
    if sales:
        yield {"timestamp": stamp, "metric": "sales_usd", "value": sales}
    draws = [rng.random() for _ in range(3)]
    later = (at + timedelta(days=1 + 3 * draws[2])).isoformat()
    yield {"timestamp": later, "metric": "repeat_contact", "value": 1 if draws[0] < (0.03 if success else 0.45) else 0}
    if not success and draws[1] < 0.25:
        yield {"timestamp": later, "metric": "complaint", "value": 1}
