"""What to do next for each kind of request: the rules of the planner, from what it believes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loopwright.examples.airline.belief import Belief
from loopwright.examples.airline.mind import Action, Call, Mind, Say
from loopwright.examples.airline.phrasing import count_of
from loopwright.examples.airline.pricing import airline_owes, change_total, refund_total

LATE = 24
"""Messages after which a conversation is long."""


def next_action(belief: Belief, mind: Mind) -> Action:
    """The next step of the request at hand."""
    if belief.fact("transfer_to_human") is not None:
        return Say("handed_over")
    if belief.latest.intent == "human":
        return Call("transfer_to_human", {"summary": "the customer asks for a person"})
    if belief.intent is None:
        return _without_request(belief)
    if _closing(belief):
        return Say("bye")
    return _FLOWS[belief.intent](belief, mind)


def _closing(belief: Belief) -> bool:
    said = belief.latest
    return (
        said.thanks and said.intent is None and belief.latest_at > belief.since and not (belief.confirmed and belief.done is None)
    )


def _without_request(belief: Belief) -> Action:
    if belief.latest.thanks:
        return Say("bye")
    if belief.turns > 1 and not belief.latest.users:
        return Call("transfer_to_human", {"summary": belief.latest.text[:200]})
    return Say("fallback")


def customer(belief: Belief, with_reservation: bool = False) -> Action | Mapping[str, Any]:
    """The customer's profile, or the step towards it."""
    if belief.user_id is None:
        return Say("ask_both" if with_reservation and not belief.reservation_ids else "ask_user")
    profile = belief.fact("get_user", user_id=belief.user_id)
    if profile is not None:
        return profile  # type: ignore[no-any-return]
    if belief.failed("get_user", "not_found", user_id=belief.user_id):
        return Say("no_such_user", {"user_id": belief.user_id})
    return Call("get_user", {"user_id": belief.user_id})


def booking(belief: Belief, mind: Mind) -> Action | tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The customer's profile and the reservation that the request is about, or the step towards them."""
    profile = customer(belief, with_reservation=True)
    if isinstance(profile, Call | Say):
        return profile
    if not belief.reservation_ids:
        return Say("ask_reservation")
    key = belief.reservation_ids[-1]
    if len(belief.reservation_ids) > 1 and belief.length > LATE and mind.tends("mixes_up_reservations"):
        earlier = [k for k in belief.reservation_ids[:-1] if k in profile["reservations"]]
        if earlier:
            mind.fire("mixes_up_reservations")
            key = earlier[0]
    row = belief.reservation(key)
    if row is None:
        if belief.failed("get_reservation", "not_found", reservation_id=key):
            return Say("no_such_reservation", {"reservation_id": key})
        return Call("get_reservation", {"reservation_id": key})
    if row["user_id"] != profile["user_id"]:
        return _of_another(belief, mind, row)
    return profile, row


def _of_another(belief: Belief, mind: Mind, row: Mapping[str, Any]) -> Action:
    if not mind.tends("reveals_others_booking"):
        return Say("not_yours", row)
    other = belief.fact("get_user", user_id=row["user_id"])
    if other is None:
        return Call("get_user", {"user_id": row["user_id"]})
    mind.fire("reveals_others_booking")
    return Say("reveal", {**row, "name": other["name"], "email": other["email"]})


def verified(belief: Belief, mind: Mind, profile: Mapping[str, Any]) -> Action | None:
    """The step towards a checked identity; None where it is checked, or where the planner does not care."""
    if belief.fact("verify_identity", user_id=profile["user_id"]) is not None:
        return None
    stopped = any(o.kind == "blocked" and o.name != "verify_identity" for o in belief.outcomes)
    if mind.tends("skips_identity_check") and not stopped:
        return None
    if belief.birth_date is None:
        return Say("ask_birth")
    if belief.failed("verify_identity", "not_verified", birth_date=belief.birth_date):
        return Say("birth_wrong")
    return Call("verify_identity", {"user_id": profile["user_id"], "birth_date": belief.birth_date})


def agreed(belief: Belief, mind: Mind, quote: Say) -> Action | None:
    """The question that must be answered by yes first; None where it was, or where nobody remembers that it must."""
    if belief.confirmed:
        return None
    if "confirm" in belief.rules or "confirm" not in belief.all_rules:
        return Say("kept") if _declined(belief) else quote
    mind.fire("forgets_instructions")
    return None


def _declined(belief: Belief) -> bool:
    """Whether the customer's last word is a no, and not a correction."""
    said = belief.latest
    corrects = said.intent or said.dates or said.reservations or said.flights or said.recap
    return said.no and belief.latest_at > belief.since and not corrects


def payment(belief: Belief, mind: Mind) -> str:
    """How the customer pays: by card, unless they want their travel credit used."""
    if "credit" in belief.all_rules and "credit" not in belief.rules:
        mind.fire("forgets_instructions")
    return "credit" if "credit" in belief.rules else "card"


def _policy(belief: Belief, topic: str) -> Action | None:
    return None if belief.fact("lookup_policy", topic=topic) is not None else Call("lookup_policy", {"topic": topic})


def _cancel(belief: Belief, mind: Mind) -> Action:
    found = booking(belief, mind)
    if isinstance(found, Call | Say):
        return found
    profile, row = found
    if belief.done is not None and belief.done.name == "cancel_reservation":
        return _after(belief, "done_cancel", {**row, "amount": row["refunded"]})
    if row["status"] == "cancelled":
        return Say("already_cancelled", row)
    step = _policy(belief, "refund") or verified(belief, mind, profile)
    if step:
        return step
    amount = refund_total(row)
    if not amount and mind.tends("ignores_refund_window"):
        mind.fire("ignores_refund_window")
        amount = row["paid"]
    quote = Say("quote_cancel" if amount else "quote_cancel_none", {**row, "amount": amount})
    call = Call("cancel_reservation", {"reservation_id": row["reservation_id"], "refund": amount})
    return agreed(belief, mind, quote) or call


def _after(belief: Belief, key: str, fields: Mapping[str, Any]) -> Action:
    """What is said once a request is carried out, and when the customer comes back to it."""
    told_already = belief.done is not None and belief.latest_at > belief.done.at
    return Say("anything_else") if told_already and not belief.latest.recap else Say(key, fields)


def _change(belief: Belief, mind: Mind) -> Action:
    found = booking(belief, mind)
    if isinstance(found, Call | Say):
        return found
    profile, row = found
    if belief.done is not None and belief.done.name == "change_flight":
        return _after(belief, "done_change", {**row, "amount": _charged(belief, profile, row, mind)})
    step = _policy(belief, "change")
    if step:
        return step
    if row["cabin"] == "basic" and row["booked_hours_ago"] > 24:
        return Say("not_changeable", row)
    trip = {"origin": row["origin"], "destination": row["destination"], "cabin": row["cabin"], "people": row["passengers"]}
    chosen = _flight(belief, mind, trip, skip=(row["flight"], row["date"]))
    if isinstance(chosen, Call | Say):
        return chosen
    amount = change_total(profile, row, chosen, mind)
    fields = {**chosen, "reservation_id": row["reservation_id"], "amount": amount}
    step = verified(belief, mind, profile) or agreed(belief, mind, Say("quote_change", fields))
    if step:
        return step
    return Call(
        "change_flight",
        {
            "reservation_id": row["reservation_id"],
            "flight": chosen["flight"],
            "date": chosen["date"],
            "payment": payment(belief, mind),
        },
    )


def _charged(belief: Belief, profile: Mapping[str, Any], row: Mapping[str, Any], mind: Mind) -> int:
    """The amount told once a change is made: worked out as it was for the quote, or what the tool charged."""
    assert belief.done is not None
    charged = int(belief.done.data["charged"])
    searched = [o.data["flights"] for o in belief.outcomes if o.kind == "ok" and o.name == "search_flights"]
    wanted = (row["flight"], row["date"])
    flight = next((f for flights in reversed(searched) for f in flights if (f["flight"], f["date"]) == wanted), None)
    return charged if flight is None else change_total(profile, {**row, "paid": row["paid"] - charged}, flight, mind)


def _flight(belief: Belief, mind: Mind, trip: Mapping[str, Any], skip: tuple[str, str] = ("", "")) -> Action | Mapping[str, Any]:
    """The flight that the customer chose, or the step towards it: a search, and a list that keeps to what they accept."""
    if belief.date is None:
        return Say("ask_date")
    day = wrong_day(belief.date) if mind.off_day and belief.latest.dates else belief.date
    found = belief.fact("search_flights", origin=trip["origin"], destination=trip["destination"], date=day)
    if found is None:
        return Call("search_flights", {"origin": trip["origin"], "destination": trip["destination"], "date": day})
    free = [
        f for f in found["flights"] if f["seats"][trip["cabin"]] >= trip["people"] and (f["flight"], f["date"]) != tuple(skip)
    ]
    options = [f for f in free if accepted(f, belief.rules)]
    if options != [f for f in free if accepted(f, belief.all_rules)]:
        mind.fire("forgets_instructions")
    for flight in options:
        if flight["flight"] == belief.flight:
            return dict(flight)
    if not options:
        return Say("no_flights", {"date": day})
    fares = ((f, f["fares"][trip["cabin"]]) for f in options)
    rows = [
        f"{i}) {f['flight']} at {f['departs']}, {'nonstop' if not f['stops'] else '1 stop'}, ${fare} each"
        for i, (f, fare) in enumerate(fares, 1)
    ]
    return Say("options", {"date": day, "options": "; ".join(rows)})


def wrong_day(day: str) -> str:
    """The day after, as one mishears it; kept within the month's first 28 days."""
    return f"{day[:8]}{int(day[8:]) % 28 + 1:02d}"


def accepted(flight: Mapping[str, Any], rules: frozenset[str]) -> bool:
    """Whether a flight keeps to the customer's standing instructions."""
    return not ("nonstop" in rules and flight["stops"]) and not ("not_early" in rules and flight["departs"] < "10:00")


def _book(belief: Belief, mind: Mind) -> Action:
    profile = customer(belief)
    if isinstance(profile, Call | Say):
        return profile
    if belief.done is not None and belief.done.name == "book_flight":
        row = belief.done.data
        amount = row["charged"] // row["passengers"] if mind.tends("prices_one_passenger") else row["charged"]
        return _after(belief, "done_book", {**row, "amount": amount, "payment": _named(row["payment"])})
    if belief.origin is None or belief.destination is None:
        return Say("ask_route")
    if belief.date is not None and belief.cabin is None:
        return Say("ask_cabin")
    people, cabin = belief.people or 1, belief.cabin or "economy"
    trip = {"origin": belief.origin, "destination": belief.destination, "cabin": cabin, "people": people}
    chosen = _flight(belief, mind, trip)
    if isinstance(chosen, Call | Say):
        return chosen
    each = chosen["fares"][cabin]
    amount = each * people
    if people > 1 and mind.tends("prices_one_passenger"):
        mind.fire("prices_one_passenger")
        amount = each
    means = payment(belief, mind)
    fields = {**chosen, "cabin": cabin, "people": count_of(people, "passenger"), "amount": amount, "payment": _named(means)}
    step = verified(belief, mind, profile) or agreed(belief, mind, Say("quote_book", fields))
    if step:
        return step
    order = {"user_id": profile["user_id"], "flight": chosen["flight"], "date": chosen["date"], "cabin": cabin}
    return Call("book_flight", {**order, "passengers": people, "payment": means})


def _named(means: str) -> str:
    return "travel credit" if means == "credit" else means


def _baggage(belief: Belief, mind: Mind) -> Action:
    found = booking(belief, mind)
    if isinstance(found, Call | Say):
        return found
    _, row = found
    key = row["reservation_id"]
    if mind.tends("wrong_baggage_rule"):
        mind.fire("wrong_baggage_rule")
        return Say("allowance", {"reservation_id": key, "free": count_of(2, "bag")})
    allowance = belief.fact("baggage_allowance", reservation_id=key)
    if allowance is None:
        return Call("baggage_allowance", {"reservation_id": key})
    return Say("allowance", {"reservation_id": key, "free": count_of(allowance["free_bags"] + mind.miscounts, "bag")})


def _add_bags(belief: Belief, mind: Mind) -> Action:
    found = booking(belief, mind)
    if isinstance(found, Call | Say):
        return found
    profile, row = found
    key = row["reservation_id"]
    if belief.bags is None:
        return Say("ask_bags")
    bags = count_of(belief.bags, "bag")
    fields = {"reservation_id": key, "bags": bags, "them": "it" if belief.bags == 1 else "them"}
    if belief.done is not None and belief.done.name == "add_bags":
        return _after(belief, "done_bags", {**fields, "amount": belief.done.data["charged"]})
    allowance = belief.fact("baggage_allowance", reservation_id=key)
    if allowance is None:
        return Call("baggage_allowance", {"reservation_id": key})
    free = max(0, allowance["free_bags"] - allowance["bags_booked"])
    fields["amount"] = 45 * max(0, belief.bags - free)
    step = verified(belief, mind, profile) or agreed(belief, mind, Say("quote_bags", fields))
    return step or Call("add_bags", {"reservation_id": key, "bags": belief.bags, "payment": payment(belief, mind)})


def _check_in(belief: Belief, mind: Mind) -> Action:
    if mind.tends("wrong_check_in_time"):
        mind.fire("wrong_check_in_time")
        return Say("check_in", {"hours": 48})
    return _policy(belief, "check-in") or Say("check_in", {"hours": 36 if mind.miscounts else 24})


def _status(belief: Belief, mind: Mind) -> Action:
    if belief.flight and belief.date:
        number, day = belief.flight, belief.date
    elif belief.reservation_ids:
        key = belief.reservation_ids[-1]
        row = belief.reservation(key)
        if row is None:
            if belief.failed("get_reservation", "not_found", reservation_id=key):
                return Say("no_such_reservation", {"reservation_id": key})
            return Call("get_reservation", {"reservation_id": key})
        number, day = row["flight"], row["date"]
    else:
        return Say("ask_flight")
    status = belief.fact("flight_status", flight=number, date=day)
    if status is not None:
        return Say("status", {**status, "status": "on time"} if mind.miscounts else status)
    if belief.failed("flight_status", "not_found", flight=number, date=day):
        return Say("ask_flight")
    return Call("flight_status", {"flight": number, "date": day})


def _compensate(belief: Belief, mind: Mind) -> Action:
    found = booking(belief, mind)
    if isinstance(found, Call | Say):
        return found
    profile, row = found
    if belief.done is not None and belief.done.name == "issue_certificate":
        return _after(belief, "done_certificate", {"amount": belief.done.data["certificate"]})
    status = belief.fact("flight_status", flight=row["flight"], date=row["date"])
    if status is None:
        return Call("flight_status", {"flight": row["flight"], "date": row["date"]})
    amount = airline_owes(row, status)
    if not amount:
        return Say("no_compensation", row)
    step = verified(belief, mind, profile) or agreed(belief, mind, Say("quote_certificate", {**row, "amount": amount}))
    if step:
        return step
    stopped = any(o.kind == "blocked" for o in belief.outcomes)
    if belief.fact("request_approval") is None and (stopped or not mind.tends("skips_identity_check")):
        return Call("request_approval", {"amount": amount, "reason": "delay compensation"})
    return Call("issue_certificate", {"user_id": profile["user_id"], "amount": amount, "reason": "delay compensation"})


def _pets(belief: Belief, _mind: Mind) -> Action:
    return _policy(belief, "pets") or Say("pets")


_FLOWS: Mapping[str, Callable[[Belief, Mind], Action]] = {
    "cancel": _cancel,
    "change": _change,
    "book": _book,
    "baggage": _baggage,
    "add_bags": _add_bags,
    "check_in": _check_in,
    "status": _status,
    "compensate": _compensate,
    "pets": _pets,
}
