from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import failure, mode
from loopwright.cluster.mode import ModeDescription
from loopwright.cluster.narrating import SHOWN, Narrated, narrate, parse, prompt
from loopwright.effects import Reply

TEXTS = {"what": "Refunds fail.", "why": "The order is not found.", "possible_fix": "Ask for the number."}


def run(reply: Reply) -> Narrated:
    step = narrate(mode(), [failure()])
    next(step)
    with pytest.raises(StopIteration) as stop:
        step.send(reply)
    result: Narrated = stop.value.value
    return result


def test_a_reply_is_the_description_with_its_author() -> None:
    found = run(Reply(json.dumps(TEXTS), model="openai:m", cost_usd=0.1))
    assert found.description == ModeDescription("mode-1", *TEXTS.values(), model="openai:m")
    assert (found.problem, found.cost_usd) == ("", 0.1)


@pytest.mark.parametrize("text", ["", "Refunds fail.", "[]", '{"what": "a", "why": "b"}', json.dumps(TEXTS | {"why": " "}), "3"])
def test_anything_else_is_none(text: str) -> None:
    assert parse(text) is None
    assert "no JSON object with what, why, possible_fix" in run(Reply(text)).problem
    assert run(Reply("", error="down")).problem == "down"


def test_a_text_is_one_line_without_control_characters() -> None:
    assert parse(json.dumps(TEXTS | {"what": "a\x1b[31m\nb"})) == ("a [31m b", TEXTS["why"], TEXTS["possible_fix"])


def test_so_many_failures_are_shown() -> None:
    asked = prompt(mode(), [failure(text=f"request number {i} of mine") for i in range(20)])
    assert asked.count("of mine") == SHOWN


@given(st.text(max_size=100))
def test_production_text_cannot_hold_the_marks_around_it(text: str) -> None:
    asked = prompt(mode(name=text), [failure(text=text)])
    (mark,) = set(re.findall(r"<(production-[0-9a-f]{16})> and", asked))
    assert mark not in text
    assert asked.count(f"</{mark}>") == 2
