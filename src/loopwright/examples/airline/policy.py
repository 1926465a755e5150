"""The airline's rules, as functions of the records: what the tools apply, and what a correct answer says."""

from __future__ import annotations

from loopwright.examples.airline.database import Flight, Reservation, User

REFUND_WINDOW_HOURS = 24
BAG_FEE = 45
CHANGE_FEE = 60
CHECK_IN_OPENS_HOURS = 24
CHECK_IN_CLOSES_MINUTES = 60
PET_FEE = 95
LONG_DELAY_MINUTES = 180

_FREE_BAGS = {"basic": 0, "economy": 1, "business": 2}
_TIER_BAGS = {"standard": 0, "silver": 1, "gold": 2}

ARTICLES = {
    "refund": (
        f"Tickets are refunded in full within {REFUND_WINDOW_HOURS} hours of booking, and at any time in business, with travel "
        "insurance, or when we cancelled the flight. All other tickets are not refunded."
    ),
    "change": (
        f"Business and gold members change without a fee; all others pay ${CHANGE_FEE}. Basic tickets cannot be changed more "
        f"than {REFUND_WINDOW_HOURS} hours after booking. A dearer flight costs the difference in fare; a cheaper one gives "
        "nothing back."
    ),
    "baggage": (
        "Free checked bags for each booking: basic 0, economy 1, business 2; silver members one more, gold members two more. "
        f"Each further bag costs ${BAG_FEE}."
    ),
    "check-in": (
        f"Check-in opens {CHECK_IN_OPENS_HOURS} hours before departure and closes {CHECK_IN_CLOSES_MINUTES} minutes before it."
    ),
    "compensation": "A delay of three hours or more: $75 for each passenger. A flight we cancelled: $150 for each passenger.",
    "pets": f"A small cat or dog in a carrier under 8 kg travels in the cabin for ${PET_FEE}; not in business.",
}


def free_bags(user: User, reservation: Reservation) -> int:
    """Checked bags that cost nothing on this booking."""
    return _FREE_BAGS[reservation.cabin] + _TIER_BAGS[user.tier]


def bag_fee(user: User, reservation: Reservation, more: int) -> int:
    """What `more` bags beyond those on the booking cost, in dollars."""
    free_left = max(0, free_bags(user, reservation) - reservation.bags)
    return BAG_FEE * max(0, more - free_left)


def refund_due(reservation: Reservation, flight: Flight) -> int:
    """What a cancellation gives back, in dollars."""
    covered = reservation.cabin == "business" or reservation.insured or flight.delay is None
    return reservation.paid if covered or reservation.hours_old <= REFUND_WINDOW_HOURS else 0


def changeable(reservation: Reservation) -> bool:
    """Whether the ticket may be changed at all."""
    return reservation.cabin != "basic" or reservation.hours_old <= REFUND_WINDOW_HOURS


def change_cost(user: User, reservation: Reservation, new: Flight) -> int:
    """What a change to that flight costs, in dollars: the fee, and the difference to a dearer fare."""
    fee = 0 if reservation.cabin == "business" or user.tier == "gold" else CHANGE_FEE
    return fee + max(0, new.fares[reservation.cabin] * reservation.passengers - reservation.paid)


def compensation_due(reservation: Reservation, flight: Flight) -> int:
    """What a late or cancelled flight gives, in dollars."""
    if flight.delay is None:
        return 150 * reservation.passengers
    return 75 * reservation.passengers if flight.delay >= LONG_DELAY_MINUTES else 0
