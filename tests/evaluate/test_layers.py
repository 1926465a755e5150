from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loopwright.evaluate.case import Layer
from loopwright.evaluate.fingerprint import Fingerprint, changed_parts, changes
from loopwright.evaluate.layers import choose

D, S, B = Layer
BEFORE = Fingerprint("c1", prompt="p1", tools="t1", model="m1", harness="h1")


@pytest.mark.parametrize(
    ("now", "layers", "said"),
    [
        ({}, (D,), "nothing changed since the baseline"),
        ({"code": "c2"}, (D,), "only the code changed since the baseline"),
        ({"code": "c1-dirty"}, (D,), "only the code changed"),
        ({"code": "c2", "prompt": "p2"}, (D, S), "prompt changed"),
        ({"prompt": "p2"}, (D, S), "prompt changed"),
        ({"tools": "t2", "model": "m2"}, (D, S), "tools and model changed"),
        ({"harness": ""}, (D, S), "harness changed"),
        ({"release": "v2"}, (D, S, B), "it is release v2"),
    ],
)
def test_what_changed_says_what_is_run(now: dict[str, Any], layers: tuple[Layer, ...], said: str) -> None:
    choice = choose(replace(BEFORE, **now), BEFORE, "the baseline")
    assert choice.layers == layers
    assert said in choice.why


def test_the_first_run_is_of_everything() -> None:
    choice = choose(BEFORE, None, "no earlier run")
    assert (choice.layers, choice.changed) == ((D, S, B), None)
    assert "no earlier run" in choice.why


def test_where_no_prompt_is_named_the_code_may_be_one() -> None:
    bare = Fingerprint("c1", harness="h")
    assert choose(replace(bare, code="c2"), bare, "the baseline").layers == (D, S)
    assert choose(bare, bare, "the baseline").layers == (D,)


def test_code_that_nobody_can_tell_of_counts_as_changed() -> None:
    assert changes(Fingerprint(None), Fingerprint(None)) == ("code",)
    assert changes(Fingerprint("c-dirty"), Fingerprint("c-dirty")) == ("code",)
    assert changes(Fingerprint("c"), Fingerprint("c")) == ()


def test_changed_files_are_sorted_into_parts() -> None:
    parts = {"prompt": frozenset({"prompts/a.md"}), "harness": frozenset({"harness.toml"})}
    assert changed_parts(["prompts/a.md"], parts) == ("prompt",)
    assert changed_parts(["src/agent.py", "harness.toml"], parts) == ("code", "harness")
    assert changed_parts([], parts) == ()
