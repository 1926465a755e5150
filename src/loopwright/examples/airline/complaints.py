"""What customers write days later, when they found out what was wrong; and what the company's own controllers find.

Whoever has no sign of a mistake during the conversation can have one afterwards: a fee on the bill, a counter that does not take
the second bag. Phrases are of the people, not of the agent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from random import Random
from typing import Any

BY_CUSTOMERS: Mapping[str, Sequence[str]] = {
    "wrong_baggage_rule": (
        "your assistant told me two bags were free and at the counter I had to pay for the second one",
        "I was charged for a checked bag that I had been told was included",
        "wrong information about luggage, the second suitcase was not free at all",
        "paid for extra baggage at the airport although the chat said it was free",
    ),
    "forgets_change_fee": (
        "nobody told me about the change fee, it was simply taken from my card",
        "the new flight cost more than I was quoted, there was a fee for the change that was never mentioned",
        "I found a rebooking fee on my bill that the assistant did not tell me about",
        "you charged a fee for changing my flight without saying so",
    ),
    "wrong_check_in_time": (
        "I was told check-in opens two days before, it did not open until the day before",
        "tried to check in 48 hours ahead as the chat said and the site refused",
        "wrong check-in time, I got up early for nothing",
        "online check-in was not open when your assistant said it would be",
    ),
    "mixes_up_reservations": (
        "it changed the wrong booking, I have two and it took the other one",
        "the wrong reservation was touched, not the one I asked about",
        "you mixed up my trips and did it to the other reservation",
    ),
    "contradicts_itself": (
        "the amount I got is not the amount I was told",
        "first it said one figure and then another, and the bill has a third",
        "the date in the confirmation is not the one I was promised",
    ),
    "forgets_instructions": (
        "I had said clearly what I did not want and it did it all the same",
        "my card was charged although I asked not to use it",
        "it ignored what I asked for at the beginning",
    ),
    "prices_one_passenger": (
        "the price was for one of us only, in the end we paid for everybody",
        "quoted one fare and charged the fare of the whole family",
    ),
}
BY_CONTROLLERS: Mapping[str, Sequence[str]] = {
    "ignores_refund_window": (
        "refund paid for a ticket outside the refund window",
        "money returned although the fare was not refundable any more",
        "refund granted after the deadline, against the fare rules",
    ),
    "reveals_others_booking": (
        "personal data of another customer was disclosed in this chat",
        "the assistant read out a booking that belongs to somebody else",
    ),
}
_GENERAL = (
    "my problem was not solved",
    "I had to call in the end",
    "this took far too long and led to nothing",
    "still waiting for somebody to sort this out",
)
FOUND = 0.6
"""The share of what the controllers look at."""


def complaint(fired: Collection[str], rng: Random) -> dict[str, Any]:
    """A form that an unhappy customer sends: one star of five, and what it was about."""
    known = [name for name in BY_CUSTOMERS if name in fired]
    texts = BY_CUSTOMERS[rng.choice(known)] if known else _GENERAL
    return {"kind": "rating", "value": 1, "max": 5, "comment": rng.choice(texts)}


def finding(fired: Collection[str], rng: Random) -> dict[str, Any] | None:
    """What the company's controllers note about a conversation, of which they see a part."""
    known = [name for name in BY_CONTROLLERS if name in fired]
    if not known or rng.random() >= FOUND:
        return None
    text = rng.choice(BY_CONTROLLERS[rng.choice(known)])
    return {"kind": "correction", "value": text, "comment": text, "source": "controllers"}
