from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.examples.airline.belief import read
from loopwright.examples.airline.phrasing import SYSTEM_PROMPT
from loopwright.examples.airline.understanding import dates_in, rules_in, understand


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("I want my money back for ABCD12.", "cancel"),
        ("Could you rebook me for May 14?", "change"),
        ("I need a flight from Boston to Miami.", "book"),
        ("How many bags are free?", "baggage"),
        ("Please add two bags to ABCD12.", "add_bags"),
        ("From when can I check in?", "check_in"),
        ("Is LW123 on time?", "status"),
        ("What compensation do I get?", "compensate"),
        ("Can my dog fly with me?", "pets"),
        ("Let me talk to a human.", "human"),
        ("My cello needs a seat.", None),
    ],
)
def test_requests_are_told_apart(text: str, intent: str | None) -> None:
    assert understand(text).intent == intent


def test_values_are_read_out_of_a_message() -> None:
    said = understand("It's c10048, booking abcd12, from Boston to Miami on 14 May in Business for two people; born 3 June 1971.")
    assert said.users == ("C10048",)
    assert said.reservations == ("ABCD12",)
    assert (said.origin, said.destination, said.cabin, said.people) == ("BOS", "MIA", "business", 2)
    assert said.dates == ("2026-05-14",)
    assert said.birth_date == "1971-06-03"


def test_dates_are_read_as_people_write_them() -> None:
    assert dates_in("May 14, the 15th of May, 2026-05-16, 17 May, Febuary 31, 31 February") == (
        "2026-05-14",
        "2026-05-15",
        "2026-05-16",
        "2026-05-17",
    )


def test_standing_instructions_are_heard() -> None:
    assert rules_in("Only nonstop flights, please.") == {"nonstop"}
    assert rules_in("Never charge my card, nothing before 10.") == {"credit", "not_early"}
    assert rules_in(SYSTEM_PROMPT) == {"confirm"}


def test_an_instruction_far_back_is_lost_to_a_forgetful_planner_until_it_is_said_again() -> None:
    long = [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": "Only nonstop flights, please."}]
    long += [{"role": "user", "content": "Hm."}, {"role": "assistant", "content": "Yes?"}] * 20
    assert read(long, pets=False, forgetful=False).rules == {"confirm", "nonstop"}
    assert read(long, pets=False, forgetful=True).rules == frozenset()
    for place in (1, len(long)):
        pinned = [*long[:place], {"role": "system", "content": "Only nonstop flights, please."}, *long[place:]]
        assert read(pinned, pets=False, forgetful=True).rules == {"nonstop"}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system", "tool"]), st.text(max_size=80)), max_size=12))
def test_any_conversation_can_be_read(messages: list[tuple[str, str]]) -> None:
    given_messages = [{"role": role, "content": text, "tool_call_id": "none"} for role, text in messages]
    belief = read(given_messages, pets=True, forgetful=True, misread="cancel")
    assert belief.rules <= belief.all_rules
    assert belief.turns == sum(role == "user" for role, _ in messages)
