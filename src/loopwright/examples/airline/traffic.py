"""Who writes to the agent: a seeded generator of customers with goals and moods, whose mix changes over the weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from loopwright.examples.airline import policy
from loopwright.examples.airline.database import DAYS_AHEAD, TODAY, Flight, Reservation, User, World
from loopwright.examples.airline.goals import Goal, GoalKind

MIX: Mapping[GoalKind, float] = {
    "cancel": 0.2,
    "change": 0.19,
    "book": 0.2,
    "baggage": 0.1,
    "add_bags": 0.07,
    "check_in": 0.07,
    "status": 0.1,
    "compensate": 0.06,
}
"""What customers write about in the first week, as shares."""

PETS_SHARE = 0.14
"""Share of requests about pets, from the week on in which they arrive."""

ODD_REQUESTS = (
    "I would like to bring my cello and buy a seat for it, how does that work?",
    "My surname changed when I got married last month, can you correct it on my ticket?",
    "My son is eleven and travels alone, who takes care of him at the gate?",
    "I left my headphones on the plane yesterday, how do I get them again?",
    "I am in a wheelchair and need somebody at the gate, please arrange that.",
    "We are a choir of forty, can you make us a group offer?",
    "I need an invoice with the address of my company, in euros.",
    "Can I bring my late grandmother's ashes with me in the cabin?",
    "I am allergic to peanuts, will you serve any on board?",
    "My frequent flyer points of last year are missing.",
    "The app shows someone else's boarding pass when I open it.",
    "Can my husband take my seat instead of me if I am ill?",
)


@dataclass(frozen=True, slots=True)
class Mood:
    """How a customer behaves: seconds they wait for an answer, bad answers they take, and how closely they read."""

    name: str
    patience: float
    tolerance: int
    attentive: float
    vocal: float


MOODS = (
    Mood("calm", 75.0, 3, 0.6, 0.12),
    Mood("chatty", 90.0, 3, 0.5, 0.2),
    Mood("hurried", 35.0, 1, 0.35, 0.15),
    Mood("irritated", 40.0, 1, 0.75, 0.4),
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """One customer with what they want today.

    `explores` are days that they ask about first; `mistyped` is a wrong reservation number that they give at first.
    """

    number: int
    user: User
    goals: tuple[Goal, ...]
    mood: Mood
    explores: tuple[date, ...] = ()
    mistyped: str = ""


def mix_of(week: int, new_topic_week: int | None) -> dict[GoalKind, float]:
    """The shares of a week: from `new_topic_week` on people ask about pets; odd requests grow a little each week."""
    odd = min(0.07, 0.02 + 0.008 * week)
    pets = PETS_SHARE if new_topic_week is not None and week >= new_topic_week else 0.0
    rest = 1.0 - odd - pets
    return {**{kind: share * rest for kind, share in MIX.items()}, "odd": odd, "pets": pets}


def visitor(world: World, seed: int, number: int, week: int = 0, new_topic_week: int | None = None) -> Visitor:
    """The customer of that number: the same for the same seed, whatever the agent is like."""
    rng = Random(f"{seed} visitor {number}")
    mix = mix_of(week, new_topic_week)
    users = list(world.users.values())
    user = rng.choice(users)
    first = _goal(world, user, rng, rng.choices(list(mix), list(mix.values()))[0])
    user = world.users[first.user_id]
    goals = [first]
    if first.reservation_id and len(_upcoming(world, user)) > 1 and rng.random() < 0.22:
        other = next(row for row in _upcoming(world, user) if row.reservation_id != first.reservation_id)
        goals.append(_about(world, user, other, rng, rng.choice(("cancel", "change", "add_bags", "baggage"))))
    explores: tuple[date, ...] = ()
    if first.kind in ("book", "change") and rng.random() < 0.4:
        count = rng.choice((1, 2, 3, 4, 5, 5, 6))
        days = [d for d in (TODAY + timedelta(i) for i in range(2, DAYS_AHEAD)) if d != first.day]
        explores = tuple(rng.sample(days, count))
    mistyped = ""
    if first.reservation_id and rng.random() < 0.06:
        mistyped = rng.choice([r.reservation_id for r in world.reservations.values() if r.user_id != user.user_id])
    mood = rng.choices(MOODS, (0.45, 0.2, 0.2, 0.15))[0]
    return Visitor(number, user, tuple(goals), mood, explores, mistyped)


def _upcoming(world: World, user: User) -> list[Reservation]:
    return [row for key in user.reservations if (row := world.reservations[key]).day > TODAY]


def _goal(world: World, user: User, rng: Random, kind: GoalKind) -> Goal:
    if kind == "book":
        return _booking(world, user, rng)
    if kind == "odd":
        return Goal("odd", user.user_id, text=rng.choice(ODD_REQUESTS))
    if kind == "check_in":
        return Goal("check_in", user.user_id, amount=policy.CHECK_IN_OPENS_HOURS)
    if kind == "pets":
        return Goal("pets", user.user_id, amount=policy.PET_FEE)
    if kind == "compensate":
        late = [row for row in world.reservations.values() if row.day < TODAY and _owed(world, row)]
        if not late:
            return _booking(world, user, rng)
        row = rng.choice(late)
        return Goal("compensate", row.user_id, row.reservation_id, amount=_owed(world, row))
    rows = _upcoming(world, user)
    return _about(world, user, rng.choice(rows), rng, kind) if rows else _booking(world, user, rng)


def _owed(world: World, row: Reservation) -> int:
    return policy.compensation_due(row, world.flights[row.number, row.day])


def _about(world: World, user: User, row: Reservation, rng: Random, kind: GoalKind) -> Goal:
    flight = world.flights[row.number, row.day]
    key = row.reservation_id
    if kind == "cancel":
        due = policy.refund_due(row, flight)
        return Goal("cancel", user.user_id, key, amount=due, keep=rng.random() < 0.4)
    if kind == "change":
        return _changing(world, user, row, rng)
    if kind == "baggage":
        return Goal("baggage", user.user_id, key, amount=policy.free_bags(user, row))
    if kind == "add_bags":
        bags = rng.randrange(1, 4)
        return Goal("add_bags", user.user_id, key, bags=bags, amount=policy.bag_fee(user, row, bags))
    said = "cancelled" if flight.delay is None else f"delayed by {flight.delay}" if flight.delay else "on time"
    return Goal("status", user.user_id, key, row.day, (row.number,), text=said)


def _changing(world: World, user: User, row: Reservation, rng: Random) -> Goal:
    route = world.routes[row.number]
    rules = frozenset(["nonstop"] if rng.random() < 0.3 else ["not_early"] if rng.random() < 0.2 else [])
    for _ in range(20):
        day = TODAY + timedelta(rng.randrange(3, DAYS_AHEAD))
        found = suitable(world, (route.origin, route.destination), day, row.cabin, row.passengers, rules)
        numbers = tuple(f.route.number for f in found if (f.route.number, f.day) != (row.number, row.day))
        if numbers and day != row.day:
            return Goal("change", user.user_id, row.reservation_id, day, numbers, rules=rules, people=row.passengers)
    return Goal("baggage", user.user_id, row.reservation_id, amount=policy.free_bags(user, row))


def _booking(world: World, user: User, rng: Random) -> Goal:
    cabin = rng.choice(("basic", "economy", "economy", "business"))
    people = rng.choice((1, 1, 2, 3))
    rules = {"nonstop"} if rng.random() < 0.4 else {"not_early"} if rng.random() < 0.3 else set()
    routes = list(world.routes.values())
    while True:
        route, day = rng.choice(routes), TODAY + timedelta(rng.randrange(3, DAYS_AHEAD))
        found = suitable(world, (route.origin, route.destination), day, cabin, people, frozenset(rules))
        if found:
            break
    dearest = max(f.fares[cabin] * people for f in found)
    if dearest <= user.credit and rng.random() < 0.7:
        rules.add("credit")
    return Goal(
        "book",
        user.user_id,
        day=day,
        flights=tuple(f.route.number for f in found),
        origin=route.origin,
        destination=route.destination,
        cabin=cabin,
        people=people,
        rules=frozenset(rules),
    )


def suitable(world: World, ends: tuple[str, str], day: date, cabin: str, people: int, rules: frozenset[str]) -> Sequence[Flight]:
    """The flights that keep to the customer's rules and have the seats."""
    numbers = (number for number, route in world.routes.items() if (route.origin, route.destination) == ends)
    flights = (world.flights[number, day] for number in numbers)
    return [
        f
        for f in flights
        if f.delay is not None
        and f.seats[cabin] >= people
        and not ("nonstop" in rules and f.route.stops)
        and not ("not_early" in rules and f.route.departs < 600)
    ]
