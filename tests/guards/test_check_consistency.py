from __future__ import annotations

import pytest

from loopwright.guards.check_consistency import MOST_HEARD, CheckConsistency
from shown_guard import Shown

PAIRS = [
    ("The cancellation fee is $50.", "You'll be charged a $75 cancellation fee."),
    ("Your ticket is refundable.", "Your ticket is non-refundable."),
    ("You are eligible for a full refund.", "Unfortunately, you are not eligible for a full refund."),
    ("The flight departs on May 12.", "The flight departs on 2024-05-13."),
    ("The flight departs at 5:30 pm.", "The flight departs at 18:30."),
    ("You have two free checked bags.", "You have one free checked bag."),
    ("Reservation ABC123 is confirmed.", "Your reservation ABC123 has been cancelled."),
]
APART = [
    ("The cancellation fee is $50.", "The cancellation fee is 50 dollars."),
    ("Reservation ABC123 costs $50.", "Reservation XYZ999 costs $75."),
    ("The return flight costs $50.", "The outbound flight costs $75."),
    ("The cancellation fee is $50.", "Is the cancellation fee $75?"),
    ("The cancellation fee is $50.", "If you cancel late, the cancellation fee is $75."),
    ("The cancellation fee is $50.", "I misspoke earlier. The cancellation fee is $75."),
    ("Economy costs $50 in all.\nEconomy costs $80 in all.", "Economy costs $75 in all."),
    ("- Price: $50", "- Price: $75"),
]


@pytest.mark.parametrize(("before", "now"), PAIRS)
def test_a_contradiction_is_stopped_once_naming_both(before: str, now: str) -> None:
    session = Shown(CheckConsistency())
    assert session.answer(before).action == "allow"
    session.user("Are you sure?")
    decision = session.answer(now)
    assert decision.action == "block"
    assert before in decision.reason
    assert session.answer(now).action == "allow"
    assert session.answer(now).action == "allow"


@pytest.mark.parametrize(("before", "now"), APART)
def test_what_is_no_contradiction_passes(before: str, now: str) -> None:
    session = Shown(CheckConsistency())
    session.answer(before)
    assert session.answer(now).action == "allow"


def test_a_change_in_between_accounts_for_it() -> None:
    session = Shown(CheckConsistency())
    session.answer("Reservation ABC123 is confirmed.")
    session.both("cancel_reservation", "done")
    assert session.answer("Reservation ABC123 is now cancelled.").action == "allow"


def test_what_a_tool_or_the_user_said_since_accounts_for_it() -> None:
    session = Shown(CheckConsistency())
    session.answer("Bag ABC123 weighs 20 kilos.")
    session.both("weigh", '{"kilos": 23}')
    assert session.answer("Bag ABC123 weighs 23 kilos.").action == "allow"
    session.answer("The total cost is $100.")
    session.user("And with 3 passengers to Boston on May 3?")
    assert session.answer("The total cost is $300.").action == "allow"


def test_what_a_tool_found_stands_against_the_answer() -> None:
    session = Shown(CheckConsistency())
    session.both("get", '{"reservation_id": "ABC123", "total_price": 320, "status": "cancelled"}')
    decision = session.answer("The total price of reservation ABC123 is $450.")
    assert decision.action == "block"
    assert "get found" in decision.reason
    assert session.answer("Reservation ABC123 is confirmed.").action == "block"
    assert session.answer("The total price of reservation ABC123 is $320.").action == "allow"


def test_a_result_that_never_came_is_objected_to_once() -> None:
    session = Shown(CheckConsistency())
    session.both("search", "found")
    session.call("get", {"id": 1})
    assert "the result of get" in session.answer("It is sunny.").reason
    assert session.answer("It is sunny.").action == "allow"


def test_the_comparisons_can_be_switched_off() -> None:
    session = Shown(CheckConsistency(said=False, found=False, unanswered=False))
    session.both("get", '{"id": "ABC123", "price": 1}')
    session.call("get")
    session.answer("The price of ABC123 is $2.")
    assert session.answer("The price of ABC123 is $3.").action == "allow"


def test_memory_is_bounded() -> None:
    session = Shown(CheckConsistency())
    for n in range(300):
        session.answer(f"Reservation AB{n:04} costs {n} dollars. It departs on May {n % 28 + 1}.")
    assert len(session.state.heard) == MOST_HEARD
    assert len(session.state.said) == 200
