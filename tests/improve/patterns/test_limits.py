"""Limits of users, in several domains: read, kept, broken, and left alone."""

from __future__ import annotations

import pytest

from loopwright.improve.patterns.limits import limit_of, untouched, uses

BROKEN_AND_KEPT = [
    ("No rooms over $200, please.", "The Garden Room is $240 a night.", "The Attic is $180 a night."),
    ("Nothing costing more than 50 euros.", "I can offer the oak shelf for 65 euros.", "The pine shelf is 45 euros."),
    ("And never any appointments before 9 in the morning.", "Dr. Lee can see you at 08:30.", "Dr. Lee can see you at 10:15."),
    ("No deliveries after 6 pm.", "We can come at 7:30 pm.", "We can come at 5 pm."),
    ("No nuts, please.", "Then there are: 1) noodles with nuts; 2) rice.", "Then there are: 1) noodles; 2) rice without nuts."),
    ("Never anything with gelatin.", "The mousse with gelatin is ready.", "1) The sorbet. 2) The cake, no gelatin."),
    ("I eat only vegan dishes.", "1) Vegan curry 2) Beef stew", "1) Vegan curry 2) vegan stew"),
    ("Only window seats for me.", "- 12A, window\n- 12C, aisle\n- 14F, window", "- 12A, window\n- 14F, window"),
]


@pytest.mark.parametrize(("line", "broken", "kept"), BROKEN_AND_KEPT)
def test_a_limit_is_held_against_what_is_offered(line: str, broken: str, kept: str) -> None:
    breaks = limit_of(line)
    assert breaks is not None
    assert breaks(broken) is True
    assert breaks(kept) is False
    assert breaks("Let me look that up for you.") is None


@pytest.mark.parametrize(
    "line",
    [
        "No, thanks.",
        "No problem.",
        "No need for that.",
        "I was there before 9.",
        "Not before Monday.",
        "It costs over $200 a month.",
        "I have no idea.",
        "Book me the room.",
        "",
    ],
)
def test_what_limits_nothing_is_left_alone(line: str) -> None:
    assert limit_of(line) is None


def test_what_is_told_beside_the_offer_does_not_count() -> None:
    early = limit_of("No trains before 8 am.")
    assert early is not None
    assert early("The 9:10 train from B arrives at 7:40 am; the desk opens at 06:30.") is False
    assert early("There is nothing at 7:00.") is None


def test_what_is_not_to_be_used() -> None:
    assert untouched("Please don't touch my savings account.") == "account"
    assert untouched("Never charge my card, use the voucher.") == "card"
    assert untouched("Use my card.") == ""
    assert uses({"amount": 5, "pay_from": "credit_card"}, "card")
    assert not uses({"amount": 5, "pay_from": "voucher"}, "card")
    assert uses('{"from": "savings account"}', "account")
