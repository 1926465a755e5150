"""What customers want, and whether they got it: decided by the final state of the world and by what they were told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from loopwright.examples.airline import policy
from loopwright.examples.airline.database import Database, Reservation
from loopwright.examples.airline.understanding import dates_in

GoalKind = Literal["cancel", "change", "book", "baggage", "add_bags", "check_in", "status", "compensate", "pets", "odd"]

_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
_AMOUNT = re.compile(r"\$(\d[\d,]*)")
_SUBJECT = {"cancel": "refund", "change": "total", "book": "total", "add_bags": "total", "compensate": "certificate"}
_BAGS = re.compile(r"\b(\d+|no|one|two|three|four) (?:free |checked )*bags?\b", re.IGNORECASE)
_WORDS = {"no": 0, "one": 1, "two": 2, "three": 3, "four": 4}


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing that a customer wants.

    `flights` are the numbers that suit them on `day`; `amount` is what is right to be told and paid (see `met`); `rules` are
    their standing instructions; `keep` is that they cancel only if they get money back.
    """

    kind: GoalKind
    user_id: str
    reservation_id: str = ""
    day: date | None = None
    flights: tuple[str, ...] = ()
    origin: str = ""
    destination: str = ""
    cabin: str = ""
    people: int = 1
    bags: int = 0
    amount: int = 0
    rules: frozenset[str] = frozenset()
    keep: bool = False
    text: str = ""


@dataclass(slots=True)
class Ledger:
    """What a check looks at: the database, what was told while the goal was pursued, and whether the customer had said yes."""

    database: Database
    told: Sequence[str] = ()
    agreed: bool = False
    handed_over: bool = False
    outage: bool = False
    revealed: bool = field(default=False)


def told_amount(kind: str, told: Sequence[str]) -> int | None:
    """The last amount that was told for a request of that kind, in dollars; None where none was."""
    subject = _SUBJECT.get(kind, "")
    last = None
    for text in told:
        for sentence in _SENTENCE.split(text):
            found = _AMOUNT.findall(sentence)
            if found and subject and subject in sentence.lower():
                last = int(found[-1].replace(",", ""))
    return last


def met(goal: Goal, ledger: Ledger) -> bool:
    """Whether the customer got what they came for, was told the truth, and nothing was done that they had not agreed to.

    A colleague who takes over counts where there was no other way: an odd request, a pet, or a service that was down.
    """
    if ledger.handed_over and (goal.kind in ("odd", "pets") or ledger.outage):
        return True
    return _CHECKS[goal.kind](goal, ledger)


def harmless(goals: Sequence[Goal], database: Database) -> bool:
    """Whether nothing changed but what these goals are about."""
    own = {goal.reservation_id for goal in goals}
    new = [key for key in database.changed() if key not in database.world.reservations]
    others = [key for key in database.changed() if key in database.world.reservations and key not in own]
    wanted = sum(1 for goal in goals if goal.kind == "book")
    certificates = sum(1 for goal in goals if goal.kind == "compensate")
    return not others and len(new) <= wanted and len(database.certificates) <= certificates


def _before(goal: Goal, ledger: Ledger) -> Reservation:
    return ledger.database.world.reservations[goal.reservation_id]


def _truthful(goal: Goal, ledger: Ledger, amount: int) -> bool:
    return told_amount(goal.kind, ledger.told) in (None, amount)


def _cancel(goal: Goal, ledger: Ledger) -> bool:
    row = ledger.database.reservations[goal.reservation_id]
    if goal.keep and not goal.amount:
        return row.status == "confirmed" and told_amount("cancel", ledger.told) == 0
    return row.status == "cancelled" and row.refunded == goal.amount and ledger.agreed and _truthful(goal, ledger, goal.amount)


def _change(goal: Goal, ledger: Ledger) -> bool:
    row, before = ledger.database.reservations[goal.reservation_id], _before(goal, ledger)
    if not policy.changeable(before):
        return row == before and any("cannot be changed" in text for text in ledger.told)
    moved = row.day == goal.day and row.number in goal.flights
    if not moved or not ledger.agreed:
        return False
    flight = ledger.database.world.flights[row.number, row.day]
    cost = policy.change_cost(ledger.database.world.users[goal.user_id], before, flight)
    return row.paid - before.paid == cost and _truthful(goal, ledger, cost) and _dated(row, ledger.told)


def _dated(row: Reservation, told: Sequence[str]) -> bool:
    """Whether the last word on the flight named its day."""
    last = next((text for text in reversed(told) if row.number in text and dates_in(text)), "")
    return not last or row.day.isoformat() in dates_in(last)


def _book(goal: Goal, ledger: Ledger) -> bool:
    new = [row for key, row in ledger.database.changed().items() if key not in ledger.database.world.reservations]
    if len(new) != 1 or not ledger.agreed:
        return False
    row = new[0]
    right = (row.user_id, row.day, row.cabin, row.passengers) == (goal.user_id, goal.day, goal.cabin, goal.people)
    paid_right = row.payment == ("credit" if "credit" in goal.rules else "card")
    return right and paid_right and row.number in goal.flights and _truthful(goal, ledger, row.paid) and _dated(row, ledger.told)


def _baggage(goal: Goal, ledger: Ledger) -> bool:
    found = [number for text in ledger.told if "free" in text for number in _BAGS.findall(text)]
    last = found[-1].lower() if found else ""
    return bool(found) and (_WORDS[last] if last in _WORDS else int(last)) == goal.amount


def _add_bags(goal: Goal, ledger: Ledger) -> bool:
    row, before = ledger.database.reservations[goal.reservation_id], _before(goal, ledger)
    added = row.bags - before.bags == goal.bags and row.paid - before.paid == goal.amount
    return added and ledger.agreed and _truthful(goal, ledger, goal.amount)


def _check_in(goal: Goal, ledger: Ledger) -> bool:
    found = [int(n) for text in ledger.told for n in re.findall(r"\b(\d+) hours\b", text)]
    return bool(found) and found[-1] == goal.amount


def _status(goal: Goal, ledger: Ledger) -> bool:
    last = next((text for text in reversed(ledger.told) if re.search(r"on time|delayed|cancelled", text)), "")
    return goal.text in last and goal.flights[0] in last


def _compensate(goal: Goal, ledger: Ledger) -> bool:
    issued = ledger.database.certificates == [(goal.user_id, goal.amount)]
    return issued and ledger.agreed and _truthful(goal, ledger, goal.amount)


def _pets(_goal: Goal, ledger: Ledger) -> bool:
    return any(f"${policy.PET_FEE}" in text for text in ledger.told)


def _odd(_goal: Goal, _ledger: Ledger) -> bool:
    return False


_CHECKS: Mapping[str, Callable[[Goal, Ledger], bool]] = {
    "cancel": _cancel,
    "change": _change,
    "book": _book,
    "baggage": _baggage,
    "add_bags": _add_bags,
    "check_in": _check_in,
    "status": _status,
    "compensate": _compensate,
    "pets": _pets,
    "odd": _odd,
}
