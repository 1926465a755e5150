from __future__ import annotations

from typing import Any

import pytest

from loopwright.guards.pin_instructions import MARK, MOST_STANDING, PinInstructions, gives_standing_instruction
from shown_guard import Shown


def chat(count: int, first: str = "hello") -> list[dict[str, Any]]:
    return [{"role": "user", "content": first}] + [{"role": "assistant", "content": "ok"}] * (count - 1)


def test_a_long_context_ends_with_the_instructions() -> None:
    guard = PinInstructions(instructions=("Answer in English.",), after_messages=3)
    assert Shown(guard).show("model_call", messages=chat(2)).action == "allow"
    decision = Shown(guard).show("model_call", messages=chat(3))
    assert decision.replacement == [*chat(3), {"role": "system", "content": f"{MARK}\n- Answer in English."}]


def test_many_characters_are_long_too() -> None:
    guard = PinInstructions(instructions=("x",), after_characters=100)
    assert Shown(guard).show("model_call", messages=chat(1, "y" * 100)).action == "replace"


def test_a_pin_is_replaced_and_not_repeated() -> None:
    guard = PinInstructions(instructions=("x",), after_messages=2)
    once = Shown(guard).show("model_call", messages=chat(2)).replacement
    assert Shown(guard).show("model_call", messages=once).replacement == once


def test_what_the_user_asked_for_is_pinned() -> None:
    guard = PinInstructions(after_messages=2)
    decision = Shown(guard).show("model_call", messages=chat(2, "Hi there. From now on, call me Captain."))
    assert decision.replacement[-1]["content"].endswith("- From now on, call me Captain.")
    assert (
        Shown(PinInstructions(after_messages=2, standing=False)).show("model_call", messages=chat(2, "Always do.")).action
        == "allow"
    )


def test_the_last_ten_stand() -> None:
    said = " ".join(f"Always do {n}." for n in range(20))
    pinned = Shown(PinInstructions(after_messages=1)).show("model_call", messages=chat(1, said)).replacement[-1]["content"]
    assert pinned.count("\n- ") == MOST_STANDING
    assert pinned.endswith("Always do 19.")


@pytest.mark.parametrize(
    ("sentence", "stands"),
    [
        ("Never mention my age.", True),
        ("Please always write in French.", True),
        ("I never got my refund.", False),
        ("It always crashes.", False),
        ("Do you always do that?", False),
        ("Book it.", False),
        ("No shellfish, please.", True),
        ("And please, only ground floor rooms.", True),
        ("I drink decaf, keep that in mind.", True),
        ("Use my gift card for it.", True),
        ("Never call my office, I am always out.", True),
        ("No, thanks.", False),
        ("No problem.", False),
        ("I have no idea.", False),
        ("I only wanted to ask.", False),
    ],
)
def test_an_instruction_is_told_from_a_habit(sentence: str, stands: bool) -> None:
    assert gives_standing_instruction(sentence) is stands


@pytest.mark.parametrize("bad", [{"after_messages": 0}, {"after_characters": 0}, {"role": "robot"}])
def test_senseless_parameters_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="; give"):
        PinInstructions(**bad)
