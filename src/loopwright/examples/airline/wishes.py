"""How customers put what they want, in their own words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from random import Random

from loopwright.examples.airline.database import AIRPORTS
from loopwright.examples.airline.goals import Goal

_CITIES = {code: name for name, code in AIRPORTS.items()}

OPENINGS: Mapping[str, tuple[str, ...]] = {
    "cancel": (
        "I need to cancel my trip {rid}.",
        "Please cancel reservation {rid} and refund me.",
        "We can't travel after all, I want my money back for {rid}.",
        "how do i cancel {rid}? i'm not going to travel",
    ),
    "change": (
        "I'd like to move my flight {rid} to {day}.",
        "Can you change reservation {rid} to {day}?",
        "Something came up, I have to rebook {rid} for {day}.",
        "need to switch my flight to {day}, booking {rid}",
    ),
    "book": (
        "I'd like to book a flight from {origin} to {destination} on {day}, {cabin}, for {people}.",
        "I need a flight from {origin} to {destination} on {day} in {cabin} for {people}.",
        "Can you get me a seat from {origin} to {destination}, {day}? {cabin}, {people}.",
        "want to fly from {origin} to {destination} {day}, {people}, {cabin} class",
    ),
    "baggage": (
        "How many bags can I check for free on {rid}?",
        "What's my baggage allowance for reservation {rid}?",
        "Do I have to pay for luggage on {rid}? How many suitcases are included?",
    ),
    "add_bags": (
        "I want to add {bags} to {rid}.",
        "Please add {bags} to my reservation {rid}.",
        "we have extra luggage: {bags} more for {rid} please",
    ),
    "check_in": (
        "When can I check in for my flight?",
        "From when is online check-in possible?",
        "how early does check-in open?",
    ),
    "status": (
        "Is my flight {rid} on time?",
        "What's the status of my flight? The reservation is {rid}.",
        "Is {rid} delayed?",
    ),
    "compensate": (
        "My flight was terribly late, reservation {rid}. I want compensation.",
        "We sat at the gate for hours on {rid}. What compensation do I get?",
        "I would like a voucher for the trouble with {rid}.",
    ),
    "pets": (
        "Can I bring my dog in the cabin, and what does it cost?",
        "I'm travelling with a small cat, what do I need?",
        "We got a puppy. Can it fly with us in a carrier bag?",
        "how much is it to take my rabbit along as carry-on luggage?",
    ),
    "odd": ("{text}",),
}
AGAIN: Mapping[str, tuple[str, ...]] = {
    "cancel": ("I asked you to cancel {rid}.", "Again: cancel {rid}, please."),
    "change": ("I want to move {rid} to {day}, that is all.", "As I said, please change {rid} to {day}."),
    "book": (
        "I want to book a flight from {origin} to {destination} on {day}, {cabin}, for {people}.",
        "Once more: book me from {origin} to {destination} on {day}, {cabin}, {people}.",
    ),
    "baggage": ("I only want to know how many free bags I have on {rid}.", "So what about my bags on {rid}?"),
    "add_bags": ("Please just add {bags} to {rid}.", "I want to add {bags} to {rid}, can you do it?"),
    "check_in": ("I am asking when check-in opens.", "So when does check-in start?"),
    "status": ("I just want to know whether {rid} is on time.", "So is the flight of {rid} delayed or not?"),
    "compensate": ("I want compensation for {rid}.", "What about my compensation for {rid}?"),
    "pets": ("I mean my pet, the dog. Can it come along?", "It is about travelling with a cat."),
    "odd": ("That's not what I asked. {text}", "{text}"),
}
RULES: Mapping[str, tuple[str, ...]] = {
    "nonstop": (
        "And please, only nonstop flights, whatever else comes up.",
        "I take only direct flights, keep that in mind.",
        "No connections please.",
        "Always nonstop please, never anything with a stop.",
    ),
    "not_early": ("No flights before 10 in the morning, please.", "And never anything before 10, I am not a morning person."),
    "credit": (
        "Please pay with my travel credit.",
        "Don't touch my card, use my travel credit.",
        "Never charge my card, I always pay with my travel credit.",
    ),
}


def said_day(day: date | None, rng: Random) -> str:
    """A date as people say it."""
    if day is None:
        return ""
    return rng.choice((f"{day:%B} {day.day}", f"{day.day} {day:%B}", f"{day:%b} {day.day}", day.isoformat()))


def wish(goal: Goal, wordings: Mapping[str, tuple[str, ...]], rng: Random, reservation_id: str = "") -> str:
    """What the customer wants, in one of the wordings; `reservation_id` in place of the right one, where it is mistyped."""
    people = "one person" if goal.people == 1 else f"{('two', 'three', 'four')[goal.people - 2]} people"
    bags = "one bag" if goal.bags == 1 else f"{goal.bags} bags"
    return rng.choice(wordings[goal.kind]).format(
        rid=reservation_id or goal.reservation_id,
        day=said_day(goal.day, rng),
        origin=_CITIES.get(goal.origin, ""),
        destination=_CITIES.get(goal.destination, ""),
        cabin=goal.cabin,
        people=people,
        bags=bags,
        text=goal.text,
    )


def rules_of(goal: Goal, rng: Random) -> str:
    """The customer's standing instructions, as sentences."""
    return " ".join(rng.choice(RULES[rule]) for rule in sorted(goal.rules))
