"""What the agent can do: real tools over the session's database, which refuse what is not allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from loopwright.examples.airline import policy
from loopwright.examples.airline.database import AIRPORTS, CABINS, Flight, Reservation, User
from loopwright.examples.airline.faults import ToolError
from loopwright.examples.airline.toolbox import Tool, Toolbox, day_of

IDENTITY, APPROVAL = "identity", "approval"


def show_user(user: User) -> dict[str, Any]:
    """A customer as the tools give it: without what proves their identity."""
    return {
        "user_id": user.user_id,
        "name": user.name,
        "email": user.email,
        "tier": user.tier,
        "travel_credit": user.credit,
        "reservations": list(user.reservations),
    }


def show_flight(flight: Flight, seats: Mapping[str, int]) -> dict[str, Any]:
    """A flight as the tools give it."""
    return {
        "flight": flight.route.number,
        "date": flight.day.isoformat(),
        "departs": flight.route.departure_time,
        "stops": flight.route.stops,
        "fares": dict(flight.fares),
        "seats": dict(seats),
    }


def show_reservation(box: Toolbox, row: Reservation) -> dict[str, Any]:
    """A reservation as the tools give it."""
    route = box.database.world.routes[row.number]
    flight = box.database.world.flights[row.number, row.day]
    return {
        "reservation_id": row.reservation_id,
        "user_id": row.user_id,
        "flight": row.number,
        "origin": route.origin,
        "destination": route.destination,
        "date": row.day.isoformat(),
        "departs": route.departure_time,
        "cabin": row.cabin,
        "passengers": row.passengers,
        "checked_bags": row.bags,
        "insured": row.insured,
        "booked_hours_ago": row.hours_old,
        "paid": row.paid,
        "payment": row.payment,
        "status": row.status,
        "refunded": row.refunded,
        "airline_cancelled": flight.delay is None,
    }


def _get_user(box: Toolbox, a: Mapping[str, Any]) -> Any:
    return show_user(box.user(a["user_id"]))


def _verify_identity(box: Toolbox, a: Mapping[str, Any]) -> Any:
    user = box.user(a["user_id"])
    if user.born != day_of(a["birth_date"]):
        raise ToolError("not_verified", "the date of birth does not match")
    box.granted.add(IDENTITY)
    box.identified = user.user_id
    return {"verified": True, "user_id": user.user_id}


def _get_reservation(box: Toolbox, a: Mapping[str, Any]) -> Any:
    return show_reservation(box, box.reservation(a["reservation_id"]))


def _search_flights(box: Toolbox, a: Mapping[str, Any]) -> Any:
    for end in (a["origin"], a["destination"]):
        if end not in AIRPORTS.values():
            raise ToolError("invalid", f"{end} is no airport that we fly to")
    day = day_of(a["date"])
    found = [
        flight
        for route in box.database.world.routes.values()
        if (route.origin, route.destination) == (a["origin"], a["destination"])
        and (flight := box.database.world.flights.get((route.number, day))) is not None
    ]
    rows = [show_flight(f, {c: box.database.seats(f, c) for c in CABINS}) for f in found if f.delay is not None]
    return {"flights": rows}


def _flight_status(box: Toolbox, a: Mapping[str, Any]) -> Any:
    flight = box.flight(a["flight"], a["date"])
    status = "cancelled" if flight.delay is None else f"delayed by {flight.delay} minutes" if flight.delay else "on time"
    return {
        "flight": flight.route.number,
        "date": a["date"],
        "departs": flight.route.departure_time,
        "status": status,
        "delay_minutes": flight.delay,
    }


def _pay(box: Toolbox, user: User, amount: int, payment: str) -> None:
    if payment not in ("card", "credit"):
        raise ToolError("invalid", "payment is card or credit")
    if payment == "credit":
        if user.credit < amount:
            raise ToolError("invalid", f"the travel credit is ${user.credit}, less than ${amount}")
        box.database.users[user.user_id] = replace(user, credit=user.credit - amount)


def _book_flight(box: Toolbox, a: Mapping[str, Any]) -> Any:
    user, flight, cabin, count = box.user(a["user_id"]), box.flight(a["flight"], a["date"]), a["cabin"], a["passengers"]
    if user.user_id != box.identified:
        raise ToolError("permission_denied", "bookings are for the customer identified")
    if cabin not in CABINS or not 1 <= count <= 6:
        raise ToolError("invalid", "cabin is basic, economy or business, for 1 to 6 passengers")
    if flight.delay is None or box.database.seats(flight, cabin) < count:
        raise ToolError("invalid", f"{a['flight']} has no {count} seats left in {cabin}")
    total = flight.fares[cabin] * count
    _pay(box, user, total, a["payment"])
    new_id = f"N{user.user_id[-2:]}X{len(box.database.reservations) % 1000:03d}"
    row = Reservation(new_id, user.user_id, flight.route.number, flight.day, cabin, count, 0, False, 0, total, a["payment"])
    box.database.reservations[new_id] = row
    box.database.take_seats(flight, cabin, count)
    return show_reservation(box, row) | {"charged": total}


def _change_flight(box: Toolbox, a: Mapping[str, Any]) -> Any:
    row, flight = box.own(a["reservation_id"]), box.flight(a["flight"], a["date"])
    user = box.user(row.user_id)
    route = box.database.world.routes[row.number]
    if (route.origin, route.destination) != (flight.route.origin, flight.route.destination):
        raise ToolError("invalid", "the new flight goes elsewhere")
    if not policy.changeable(row):
        raise ToolError("invalid", "a basic ticket cannot be changed this long after booking")
    if flight.delay is None or box.database.seats(flight, row.cabin) < row.passengers:
        raise ToolError("invalid", f"{a['flight']} has no {row.passengers} seats left in {row.cabin}")
    cost = policy.change_cost(user, row, flight)
    _pay(box, user, cost, a["payment"])
    box.database.take_seats(box.database.world.flights[row.number, row.day], row.cabin, -row.passengers)
    box.database.take_seats(flight, row.cabin, row.passengers)
    new = replace(row, number=flight.route.number, day=flight.day, paid=row.paid + cost)
    box.database.reservations[row.reservation_id] = new
    return show_reservation(box, new) | {"charged": cost}


def _cancel_reservation(box: Toolbox, a: Mapping[str, Any]) -> Any:
    row, refund = box.own(a["reservation_id"]), a["refund"]
    if not 0 <= refund <= row.paid:
        raise ToolError("invalid", f"a refund is between $0 and the ${row.paid} paid")
    new = replace(row, status="cancelled", refunded=refund)
    box.database.reservations[row.reservation_id] = new
    box.database.take_seats(box.database.world.flights[row.number, row.day], row.cabin, -row.passengers)
    return show_reservation(box, new)


def _baggage_allowance(box: Toolbox, a: Mapping[str, Any]) -> Any:
    row = box.reservation(a["reservation_id"])
    free = policy.free_bags(box.user(row.user_id), row)
    return {
        "reservation_id": row.reservation_id,
        "free_bags": free,
        "bags_booked": row.bags,
        "fee_each_further": policy.BAG_FEE,
    }


def _add_bags(box: Toolbox, a: Mapping[str, Any]) -> Any:
    row = box.own(a["reservation_id"])
    if not 1 <= a["bags"] <= 5 or row.bags + a["bags"] > 10:
        raise ToolError("invalid", "one to five bags at a time, ten in all")
    user = box.user(row.user_id)
    fee = policy.bag_fee(user, row, a["bags"])
    _pay(box, user, fee, a["payment"])
    new = replace(row, bags=row.bags + a["bags"], paid=row.paid + fee)
    box.database.reservations[row.reservation_id] = new
    return show_reservation(box, new) | {"charged": fee}


def _request_approval(box: Toolbox, a: Mapping[str, Any]) -> Any:
    if not 0 < a["amount"] <= 600:
        raise ToolError("invalid", "the desk approves amounts up to $600")
    box.granted.add(APPROVAL)
    return {"approved": True, "amount": a["amount"]}


def _issue_certificate(box: Toolbox, a: Mapping[str, Any]) -> Any:
    user = box.user(a["user_id"])
    if user.user_id != box.identified:
        raise ToolError("permission_denied", "certificates are for the customer identified")
    if not 0 < a["amount"] <= 600:
        raise ToolError("invalid", "a certificate is worth $1 to $600")
    box.database.certificates.append((user.user_id, a["amount"]))
    return {"user_id": user.user_id, "certificate": a["amount"], "number": f"TC{len(box.database.certificates):03d}"}


def _lookup_policy(box: Toolbox, a: Mapping[str, Any]) -> Any:
    article = policy.ARTICLES.get(a["topic"])
    if article is None:
        raise ToolError("not_found", f"no article on {a['topic']}; there are {', '.join(policy.ARTICLES)}")
    return {"topic": a["topic"], "article": article}


def _transfer_to_human(box: Toolbox, a: Mapping[str, Any]) -> Any:
    box.handed_over = a["summary"] or "no summary"
    return {"transferred": True}


_ROWS = (
    Tool("get_user", "A customer's profile and reservation ids.", {"user_id": "text"}, "customers", _get_user),
    Tool(
        "verify_identity",
        "Check the date of birth; grants the scope identity.",
        {"user_id": "text", "birth_date": "text"},
        "customers",
        _verify_identity,
    ),
    Tool("get_reservation", "One reservation.", {"reservation_id": "text"}, "reservations", _get_reservation),
    Tool(
        "search_flights",
        "Flights between two airports (IATA codes) on a day (YYYY-MM-DD).",
        {"origin": "text", "destination": "text", "date": "text"},
        "flights",
        _search_flights,
        seconds=1.6,
        cost=0.002,
    ),
    Tool("flight_status", "One day's flight.", {"flight": "text", "date": "text"}, "flights", _flight_status),
    Tool(
        "book_flight",
        "Book a flight; payment is card or credit. Needs the scope identity.",
        {"user_id": "text", "flight": "text", "date": "text", "cabin": "text", "passengers": "int", "payment": "text"},
        "payments",
        _book_flight,
        (IDENTITY,),
        2.4,
        0.006,
    ),
    Tool(
        "change_flight",
        "Move a reservation to another flight; payment is card or credit. Needs the scope identity.",
        {"reservation_id": "text", "flight": "text", "date": "text", "payment": "text"},
        "payments",
        _change_flight,
        (IDENTITY,),
        2.2,
        0.005,
    ),
    Tool(
        "cancel_reservation",
        "Cancel a reservation and give back `refund` dollars. Needs the scope identity.",
        {"reservation_id": "text", "refund": "int"},
        "payments",
        _cancel_reservation,
        (IDENTITY,),
        1.8,
        0.004,
    ),
    Tool(
        "baggage_allowance", "Free and booked bags.", {"reservation_id": "text"}, "reservations", _baggage_allowance, seconds=0.6
    ),
    Tool(
        "add_bags",
        "Add checked bags; payment is card or credit. Needs the scope identity.",
        {"reservation_id": "text", "bags": "int", "payment": "text"},
        "payments",
        _add_bags,
        (IDENTITY,),
        1.5,
        0.003,
    ),
    Tool(
        "request_approval",
        "Ask the desk to approve an amount; grants the scope approval.",
        {"amount": "int", "reason": "text"},
        "customers",
        _request_approval,
        (IDENTITY,),
        3.0,
        0.004,
    ),
    Tool(
        "issue_certificate",
        "Give a customer a travel certificate. Needs the scopes identity and approval.",
        {"user_id": "text", "amount": "int", "reason": "text"},
        "payments",
        _issue_certificate,
        (IDENTITY, APPROVAL),
        1.8,
        0.004,
    ),
    Tool("lookup_policy", "The airline's rules on a topic.", {"topic": "text"}, "customers", _lookup_policy, seconds=0.5),
    Tool("transfer_to_human", "Hand the conversation over to a colleague.", {"summary": "text"}, "customers", _transfer_to_human),
)

TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in _ROWS}
"""All tools by name."""
