"""Figures by their names, in several domains: told differently later, and what accounts for it."""

from __future__ import annotations

import pytest

from loopwright.guards.check_consistency import CheckConsistency
from loopwright.guards.figures import figures
from shown_guard import Shown

OTHERWISE = [
    ("The deposit for the flat is $900. Shall I reserve it?", "Done, it is reserved: a deposit of $950 was taken."),
    ("You would get a refund of €35 for order #4411.", "Order #4411 is returned, and the refund is €53."),
    ("It costs $120 to repair the phone. Shall I order the part?", "The part is ordered, which costs you $140."),
    ("Your appointment A7741 on 2026-03-02 is kept.", "To sum up: I noted A7741 on March 3 for you."),
    ("A total of $64.50 for the four tickets.", "All set! The total is $46.50."),
]


@pytest.mark.parametrize(("before", "now"), OTHERWISE)
def test_a_figure_told_otherwise_is_stopped_once(before: str, now: str) -> None:
    session = Shown(CheckConsistency())
    assert session.answer(before).action == "allow"
    session.user("Yes, please.")
    session.both("place_order", '{"ok": true}')
    decision = session.answer(now)
    assert decision.action == "block"
    assert "Before:" in decision.reason
    assert session.answer(now).action == "allow"


@pytest.mark.parametrize(
    ("before", "asked", "given", "now"),
    [
        ("The total is $40.", "Yes", '{"charged": 45}', "The total was $45."),
        ("The total is $40.", "Please add a bag", '{"ok": true}', "The total is $55."),
        ("The total is $40.", "It was $45, no?", '{"ok": true}', "Right, the total is $45."),
        ("The total is $40.", "Book it for 3 people", '{"ok": true}', "The total is $120."),
        ("The total is $40.", "Yes", '{"room": 20, "breakfast": 12, "spa": 30}', "The total is $62."),
        ("The total is $40 per night.", "Yes", '{"ok": true}', "The total is $120."),
        ("The fee is up to $40.", "Yes", '{"ok": true}', "The fee is $25."),
        ("If you return it late, the fee is $40.", "Yes", '{"ok": true}', "The fee is $25."),
        ("Is the fee $40?", "Yes", '{"ok": true}', "The fee is $25."),
        ("The refund for #1111 is $40.", "Yes", '{"ok": true}', "The refund for #2222 is $25."),
        ("The refund is $40, and the fee $25.", "Yes", '{"ok": true}', "The fee is $25, the refund $40."),
        ("1) A total of $40. 2) A total of $50.", "Yes", '{"ok": true}', "The total is $50."),
        ("B1234 was shipped on May 3.", "Yes", '{"ok": true}', "B1234 arrives on May 6."),
        ("The total is $40.", "Yes", '{"ok": true}', "My mistake: the total is $45."),
    ],
)
def test_what_accounts_for_a_difference(before: str, asked: str, given: str, now: str) -> None:
    session = Shown(CheckConsistency())
    session.answer(before)
    session.user(asked)
    session.both("place_order", given)
    assert session.answer(now).action == "allow"


def test_a_tool_that_gives_the_old_amount_confirms_it() -> None:
    session = Shown(CheckConsistency())
    session.answer("The total is $40.")
    session.both("place_order", '{"charged": 40, "order": 77123}')
    assert session.answer("It is done, the total was $44.").action == "block"


def test_a_figure_is_read_with_its_name_and_what_it_is_about() -> None:
    (found,) = figures("Order #4411 is ready. The remaining balance is $1,250.00.")
    assert (found.name, found.ids, found.which, found.value) == (
        "balance",
        frozenset({"#4411"}),
        frozenset({"remaining"}),
        ("money", "1250"),
    )
    assert figures("The price is $5, and the price is $6.") == ()
    assert figures("") == figures("Nothing of note here.") == ()


def test_the_comparison_is_switched_with_what_was_said() -> None:
    session = Shown(CheckConsistency(said=False))
    session.answer("The total is $40.")
    assert session.answer("The total is $44.").action == "allow"
