from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.effects import Reply, Request
from loopwright.errors import InputError
from loopwright.judge.rubric import SCHEMA, judge_of, judged, parse, prompt
from loopwright.judge.verdict import CriterionVerdict, Verdict, rubric_digest

TWO = ("Is polite.", "Is right.")


def said(*rows: tuple[int, bool, str]) -> str:
    return json.dumps({"criteria": [{"number": n, "passed": p, "reason": r} for n, p, r in rows]})


def run(reply: Reply) -> tuple[Request, Verdict]:
    step = judged(judge_of("openai:m"), "t1", "the record", TWO)
    asked = next(step)
    with pytest.raises(StopIteration) as stop:
        step.send(reply)
    return asked, stop.value.value


def test_one_request_is_made_and_the_reply_is_the_verdict() -> None:
    asked, verdict = run(
        Reply(said((1, True, "it says please"), (2, False, "the date is wrong")), model="openai:m", cost_usd=0.01)
    )
    assert (asked.schema, asked.model) == (SCHEMA, "openai:m")
    assert "1. Is polite.\n2. Is right." in asked.prompt
    assert verdict == Verdict(
        "t1", judge_of("openai:m").judge_id, False,
        (CriterionVerdict("Is polite.", True, "it says please"), CriterionVerdict("Is right.", False, "the date is wrong")),
        rubric_digest(TWO), "openai:m", 0.01,
    )  # fmt: skip
    assert verdict.score == 0.5
    assert [c.criterion for c in verdict.failed] == ["Is right."]


def test_all_criteria_pass_it_in_any_order() -> None:
    assert run(Reply(said((2, True, "b"), (1, True, "a"))))[1].passed is True
    assert run(Reply("```json\n" + said((1, True, "a"), (2, True, "b")) + "\n```"))[1].passed is True


@pytest.mark.parametrize(
    "reply",
    [
        "", "passed", "[]", "{}", "null", '{"criteria": 3}', "NaN", said(),
        said((1, True, "a")), said((1, True, "a"), (1, True, "b")),
        said((1, True, "a"), (3, True, "b")), said((1, True, "a"), (2, True, " ")), said((0, True, "a"), (1, True, "b")),
        '{"criteria": [{"number": 1, "passed": "true", "reason": "a"}, {"number": 2, "passed": true, "reason": "b"}]}',
        '{"criteria": [{"number": 1, "passed": 1, "reason": "a"}, {"number": 2, "passed": true, "reason": "b"}]}',
        '{"criteria": [{"number": true, "passed": true, "reason": "a"}, {"number": 2, "passed": true, "reason": "b"}]}',
        '{"criteria": [], "criteria": []}', said((1, True, "a"), (2, True, "b")) + " so it passes", "[" * 5000,
    ],
)  # fmt: skip
def test_half_a_verdict_is_none(reply: str) -> None:
    with pytest.raises(InputError):
        parse(reply, TWO)
    _, verdict = run(Reply(reply))
    assert verdict.passed is None
    assert verdict.score is None
    assert verdict.error


def test_a_model_that_fails_gives_no_verdict_with_its_reason() -> None:
    _, verdict = run(Reply("", error="openai:m: status 500: on fire"))
    assert (verdict.passed, verdict.criteria, verdict.error) == (None, (), "openai:m: status 500: on fire")


@given(st.text(max_size=200), st.text(max_size=60))
def test_the_record_cannot_hold_the_marks_around_it(material: str, expected: str) -> None:
    asked = prompt(TWO, material, expected)
    (mark,) = set(re.findall(r"\A.*?<(record-[0-9a-f]{16})> and", asked, flags=re.DOTALL))
    assert mark not in material
    assert asked.count(f"</{mark}>") == 2
    assert f"<{mark}>\n{material}\n</{mark}>" in asked


def test_braces_and_criteria_with_line_ends_do_no_harm() -> None:
    asked = prompt(["one\ntwo {x}"], "{mark} {0} %s")
    assert "1. one two {x}" in asked
    assert "{mark} {0} %s" in asked
    with pytest.raises(ValueError, match="without criteria"):
        prompt([], "x")


def test_another_model_is_another_judge() -> None:
    assert judge_of("openai:a").judge_id != judge_of("openai:b").judge_id
    assert judge_of("openai:a").judge_id == judge_of("openai:a", calibrated=True).judge_id


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda x: st.lists(x) | st.dictionaries(st.text(max_size=5), x),
    )
)
def test_any_json_is_a_verdict_or_an_input_error(value: Any) -> None:
    with pytest.raises(InputError):
        parse(json.dumps({"criteria": value}) if not isinstance(value, dict) else json.dumps(value), TWO)
