"""The airline's reservation system: one immutable world for a seed, and a copy of it for each session.

The world stands at one moment, `TODAY`, whatever the date of the visit: so a conversation of any week can be played again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import Literal

Cabin = Literal["basic", "economy", "business"]
Tier = Literal["standard", "silver", "gold"]
CABINS: tuple[Cabin, ...] = ("basic", "economy", "business")
TODAY = date(2026, 5, 4)
DAYS_BEFORE, DAYS_AHEAD = 6, 28

AIRPORTS: Mapping[str, str] = {
    "Boston": "BOS",
    "Chicago": "ORD",
    "Denver": "DEN",
    "Seattle": "SEA",
    "Miami": "MIA",
    "Austin": "AUS",
    "Portland": "PDX",
    "Atlanta": "ATL",
}
_FIRST = ("Ada", "Bruno", "Clara", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Keiko", "Lars", "Mina", "Nils")
_LAST = ("Abel", "Brandt", "Costa", "Duval", "Ekman", "Fischer", "Grimaldi", "Hoang", "Ivers", "Jensen", "Kovac", "Lindqvist")
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


@dataclass(frozen=True, slots=True)
class User:
    """A customer. `credit` is travel credit in whole dollars; `born` proves who they are."""

    user_id: str
    name: str
    email: str
    born: date
    tier: Tier
    credit: int
    reservations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A flight number: it leaves every day at the same minute of the day."""

    number: str
    origin: str
    destination: str
    departs: int
    minutes: int
    stops: int

    @property
    def departure_time(self) -> str:
        """Such as `08:10`."""
        return f"{self.departs // 60:02d}:{self.departs % 60:02d}"


@dataclass(frozen=True, slots=True)
class Flight:
    """One day's flight. `delay` is minutes, None where the airline cancelled it; fares are whole dollars, seats those left."""

    route: Route
    day: date
    fares: Mapping[str, int]
    seats: Mapping[str, int]
    delay: int | None = 0


@dataclass(frozen=True, slots=True)
class Reservation:
    """A booked flight. `paid` and `refunded` are whole dollars; `hours_old` counts from booking to `TODAY`."""

    reservation_id: str
    user_id: str
    number: str
    day: date
    cabin: Cabin
    passengers: int
    bags: int
    insured: bool
    hours_old: int
    paid: int
    payment: Literal["card", "credit"] = "card"
    status: Literal["confirmed", "cancelled"] = "confirmed"
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """What every session starts from; never changed."""

    users: Mapping[str, User]
    routes: Mapping[str, Route]
    flights: Mapping[tuple[str, date], Flight]
    reservations: Mapping[str, Reservation]


@dataclass(slots=True)
class Database:
    """One session's copy of the world: `users` and `reservations` change, the schedule does not.

    `certificates` are (user id, dollars) as issued; `seats_taken` counts seats sold in this session.
    """

    world: World
    users: dict[str, User] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    certificates: list[tuple[str, int]] = field(default_factory=list)
    seats_taken: dict[tuple[str, date, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> Database:
        """A copy that starts as the world is."""
        return cls(world, dict(world.users), dict(world.reservations))

    def seats(self, flight: Flight, cabin: str) -> int:
        """Seats left in a cabin."""
        return flight.seats[cabin] - self.seats_taken.get((flight.route.number, flight.day, cabin), 0)

    def take_seats(self, flight: Flight, cabin: str, count: int) -> None:
        """Sell `count` seats; a negative count gives them back."""
        key = (flight.route.number, flight.day, cabin)
        self.seats_taken[key] = self.seats_taken.get(key, 0) + count

    def changed(self) -> dict[str, Reservation]:
        """Reservations that are new, or are no longer as the world has them."""
        old = self.world.reservations
        return {key: row for key, row in self.reservations.items() if old.get(key) is not row and old.get(key) != row}


@lru_cache(maxsize=8)
def world(seed: int = 7) -> World:
    """The world of a seed: 60 users, three flights a day between any two of eight airports, about 130 reservations."""
    rng = Random(f"airline world {seed}")
    routes = _routes(rng)
    flights = _flights(rng, routes)
    users, reservations = _customers(rng, list(routes.values()), flights)
    return World(users, routes, flights, reservations)


def _routes(rng: Random) -> dict[str, Route]:
    routes: dict[str, Route] = {}
    pairs = [(a, b) for a in AIRPORTS.values() for b in AIRPORTS.values() if a != b]
    for index, (origin, destination) in enumerate(pairs):
        minutes = rng.randrange(75, 300, 5)
        for slot, (start, stops) in enumerate(((360, 0), (660, 1), (1020, 0))):
            number = f"LW{100 + index * 3 + slot}"
            departs = start + rng.randrange(0, 240, 5)
            routes[number] = Route(number, origin, destination, departs, minutes + stops * 95, stops)
    return routes


def _flights(rng: Random, routes: Mapping[str, Route]) -> dict[tuple[str, date], Flight]:
    flights: dict[tuple[str, date], Flight] = {}
    for route in routes.values():
        base = 60 + route.minutes // 2 - 25 * route.stops
        for offset in range(-DAYS_BEFORE, DAYS_AHEAD + 1):
            fare = base + rng.randrange(0, 90, 3)
            fares = {"basic": fare, "economy": fare + 45, "business": fare * 3}
            seats = {"basic": rng.randrange(4, 30), "economy": rng.randrange(4, 30), "business": rng.randrange(3, 8)}
            flights[route.number, TODAY + timedelta(offset)] = Flight(route, TODAY + timedelta(offset), fares, seats, _delay(rng))
    return flights


def _delay(rng: Random) -> int | None:
    draw = rng.random()
    if draw < 0.04:
        return None
    if draw < 0.14:
        return rng.randrange(180, 420, 5)
    return rng.randrange(20, 120, 5) if draw < 0.26 else 0


def _customers(
    rng: Random, routes: list[Route], flights: Mapping[tuple[str, date], Flight]
) -> tuple[dict[str, User], dict[str, Reservation]]:
    users: dict[str, User] = {}
    reservations: dict[str, Reservation] = {}
    for index in range(60):
        first, last = _FIRST[index % len(_FIRST)], _LAST[(index * 5 + index // 14) % len(_LAST)]
        born = date(1950, 1, 1) + timedelta(rng.randrange(365 * 52))
        tier: Tier = rng.choice(("standard", "standard", "silver", "gold"))
        user = User(f"C{10000 + index * 37 + 11}", f"{first} {last}", "", born, tier, rng.randrange(0, 8) * 100)
        user = replace(user, email=f"{first}.{last}{index}@example.org".lower())
        ids = []
        for past in (False, False, True):
            if past and rng.random() < 0.7:
                continue
            row = _reservation(rng, user.user_id, rng.choice(routes), flights, past)
            if row.reservation_id not in reservations:
                reservations[row.reservation_id] = row
                ids.append(row.reservation_id)
        users[user.user_id] = replace(user, reservations=tuple(ids))
    return users, reservations


def _reservation(rng: Random, user_id: str, route: Route, flights: Mapping[tuple[str, date], Flight], past: bool) -> Reservation:
    day = TODAY + timedelta(rng.randrange(-DAYS_BEFORE, 0) if past else rng.randrange(3, DAYS_AHEAD - 6))
    flight = flights[route.number, day]
    cabin: Cabin = rng.choice(("basic", "economy", "economy", "business"))
    passengers = rng.choice((1, 1, 1, 2, 3))
    return Reservation(
        reservation_id="".join(rng.choice(_LETTERS) for _ in range(4)) + f"{rng.randrange(10, 100)}",
        user_id=user_id,
        number=route.number,
        day=day,
        cabin=cabin,
        passengers=passengers,
        bags=0,
        insured=rng.random() < 0.25,
        hours_old=rng.choice((3, 9, 16, 21, 40, 90, 200, 400)) if not past else rng.choice((300, 600)),
        paid=flight.fares[cabin] * passengers,
    )
