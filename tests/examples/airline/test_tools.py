from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.examples.airline import policy
from loopwright.examples.airline.clock import SimulatedClock
from loopwright.examples.airline.database import CABINS, TODAY, Database, world
from loopwright.examples.airline.faults import Faults, ToolError
from loopwright.examples.airline.toolbox import Toolbox
from loopwright.examples.airline.tools import TOOLS

WORLD = world(7)
USERS, ROWS = sorted(WORLD.users), sorted(WORLD.reservations)
DAYS = [(TODAY + timedelta(i)).isoformat() for i in range(-3, 20)]
VALUES: dict[str, Any] = {
    "user_id": st.sampled_from([*USERS[:6], "C00000"]),
    "reservation_id": st.sampled_from([*ROWS[:12], "nothing"]),
    "birth_date": st.sampled_from([WORLD.users[u].born.isoformat() for u in USERS[:6]]),
    "flight": st.sampled_from([WORLD.reservations[r].number for r in ROWS[:12]]),
    "date": st.sampled_from([*DAYS, "soon"]),
    "cabin": st.sampled_from([*CABINS, "deck"]),
    "passengers": st.integers(-1, 8),
    "bags": st.integers(-1, 7),
    "refund": st.integers(-5, 4000),
    "amount": st.integers(-5, 900),
    "payment": st.sampled_from(["card", "credit", "shells"]),
    "origin": st.sampled_from(["BOS", "XXX"]),
    "destination": st.sampled_from(["ORD", "MIA"]),
    "topic": st.sampled_from([*policy.ARTICLES, "ufos"]),
    "reason": st.just("test"),
    "summary": st.just("test"),
}


def toolbox(outage: bool = False) -> Toolbox:
    faults = Faults(Random(1), blip=0.0, outage=1.0 if outage else 0.0)
    return Toolbox(Database.of(WORLD), SimulatedClock(), Random(2), faults, TOOLS)


def identified(user_id: str) -> Toolbox:
    box = toolbox()
    box.call("verify_identity", {"user_id": user_id, "birth_date": WORLD.users[user_id].born.isoformat()})
    return box


def own(**wanted: Any) -> Any:
    return next(r for r in WORLD.reservations.values() if r.day > TODAY and all(getattr(r, k) == v for k, v in wanted.items()))


def call_of(name: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.fixed_dictionaries({key: VALUES[key] for key in TOOLS[name].parameters}).map(lambda given: (name, given))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(USERS[:6]), st.lists(st.sampled_from(sorted(TOOLS)).flatmap(call_of), max_size=25))
def test_whatever_is_called_the_books_stay_right(user_id: str, calls: list[tuple[str, dict[str, Any]]]) -> None:
    box = identified(user_id)
    for name, arguments in calls:
        before = box.clock.now, box.spent
        try:
            box.call(name, arguments)
        except ToolError as error:
            assert error.kind in ("not_found", "invalid", "permission_denied", "not_verified")
        assert box.clock.now > before[0]
        assert box.spent > before[1]
    names = {name for name, _ in calls}
    for key, row in box.database.changed().items():
        assert row.user_id in {user_id, *(a.get("user_id") for n, a in calls if n == "verify_identity")}
        assert 0 <= row.refunded <= row.paid
        assert (row.status == "cancelled") or not row.refunded
        assert names & {"book_flight", "change_flight", "cancel_reservation", "add_bags"}
        assert key == row.reservation_id
    assert all(user.credit >= 0 for user in box.database.users.values())
    for (number, day, cabin), taken in box.database.seats_taken.items():
        assert taken <= WORLD.flights[number, day].seats[cabin]
    assert not box.database.certificates or "approval" in box.granted


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.sampled_from(sorted(TOOLS)),
    st.dictionaries(st.text(max_size=8), st.one_of(st.none(), st.text(), st.integers(), st.booleans())),
)
def test_arguments_that_do_not_fit_are_refused(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ToolError) as caught:
        toolbox().call(name, arguments)
    assert caught.value.kind in ("invalid", "permission_denied")


def test_sensitive_tools_need_their_scopes() -> None:
    row = own(cabin="economy")
    box = toolbox()
    with pytest.raises(ToolError, match="needs the scope identity") as caught:
        box.call("cancel_reservation", {"reservation_id": row.reservation_id, "refund": 0})
    assert caught.value.kind == "permission_denied"
    box = identified(row.user_id)
    with pytest.raises(ToolError, match="needs the scope approval"):
        box.call("issue_certificate", {"user_id": row.user_id, "amount": 50, "reason": "x"})
    box.call("request_approval", {"amount": 50, "reason": "x"})
    box.call("issue_certificate", {"user_id": row.user_id, "amount": 50, "reason": "x"})
    assert box.database.certificates == [(row.user_id, 50)]


def test_nobody_touches_the_bookings_of_others() -> None:
    row = own()
    other = next(u for u in USERS if u != row.user_id)
    with pytest.raises(ToolError, match="belongs to another customer"):
        identified(other).call("cancel_reservation", {"reservation_id": row.reservation_id, "refund": 0})


def test_a_session_never_changes_the_world_of_another() -> None:
    row = own()
    identified(row.user_id).call("cancel_reservation", {"reservation_id": row.reservation_id, "refund": row.paid})
    assert WORLD.reservations[row.reservation_id] == row
    assert world(7) is WORLD


def test_an_outage_ends_only_when_it_is_left_alone() -> None:
    box = toolbox(outage=True)
    name, arguments = {
        "reservations": ("get_reservation", {"reservation_id": ROWS[0]}),
        "flights": ("search_flights", {"origin": "BOS", "destination": "ORD", "date": DAYS[5]}),
        "payments": ("add_bags", {"reservation_id": ROWS[0], "bags": 1, "payment": "card"}),
    }[box.faults.down]
    box.faults.calls_until = 0
    for _ in range(8):
        with pytest.raises(ToolError) as caught:
            box.call(name, arguments)
        assert caught.value.kind == "timeout"
    box.clock.advance(25)
    try:
        box.call(name, arguments)
    except ToolError as error:
        assert error.kind != "timeout"


def test_schemas_name_every_argument() -> None:
    for tool in TOOLS.values():
        assert set(tool.schema["required"]) == set(tool.parameters)
        assert tool.schema["additionalProperties"] is False
