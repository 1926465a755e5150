from __future__ import annotations

import json
from typing import Any

import pytest

from builders import case, failure, mode
from loopwright.effects import Reply, Request
from loopwright.evaluate.case import CaseStatus, EvalCase, Layer
from loopwright.evaluate.generate import FIELDS
from loopwright.evaluate.written import SCHEMA, TAG, UNTRIED, Written, write_case

TEMPLATE = case("case-of-mode", tags=("refunds",), mode_id="mode-1", source_trace_ids=("t1",), status=CaseStatus.DRAFT)
WRITTEN = {
    "id": "anything",
    "input": "Refund order 17 for ada@example.com",
    "expected_behaviour": "Asks for what is missing.",
    "failure_indicator": "Invents an order.",
    "scoring_rubric": ["Asks for the order's number."],
    "tags": ["refunds", "orders"],
    "severity": 4,
}


def run(reply: Reply) -> tuple[Request, Written]:
    failures = [failure(f"t{i}", f"Refund {i}, I am ada@example.com") for i in range(9)]
    step = write_case(TEMPLATE, mode(representatives=("t7", "t5")), failures)
    asked = next(step)
    with pytest.raises(StopIteration) as stop:
        step.send(reply)
    return asked, stop.value.value


def test_the_model_sees_three_failures_the_most_typical_first_without_personal_data() -> None:
    asked, _ = run(Reply(json.dumps(WRITTEN)))
    assert asked.schema == SCHEMA
    assert [asked.prompt.find(f"Refund {i}") > 0 for i in (7, 5, 0, 1)] == [True, True, True, False]
    assert asked.prompt.find("Refund 7") < asked.prompt.find("Refund 5") < asked.prompt.find("Refund 0")
    assert "ada@example.com" not in asked.prompt


def test_its_case_is_a_draft_that_its_rubric_decides() -> None:
    _, written = run(Reply(json.dumps(WRITTEN), cost_usd=0.02))
    made = written.case
    assert (written.problem, written.cost_usd) == ("", 0.02)
    assert (made.id, made.mode_id, made.source_trace_ids, made.status) == ("case-of-mode", "mode-1", ("t1",), CaseStatus.DRAFT)
    assert (made.layer, made.checks, made.fails_on_source, made.not_admitted) == (Layer.SEMANTIC, (), None, UNTRIED)
    assert (made.scoring_rubric, made.severity) == (("Asks for the order's number.",), 4)
    assert made.tags == ("refunds", "orders", TAG)
    assert "ada@example.com" not in made.input


def test_messages_and_objects_may_be_the_input() -> None:
    def given(value: Any) -> EvalCase:
        return run(Reply(json.dumps(WRITTEN | {"input": value})))[1].case

    messages = [{"role": "user", "content": "hi"}]
    assert given(messages).input == messages
    assert given({"order": 17}).input == '{"order": 17}'


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply("", error="openai:m: status 500"), "status 500"),
        (Reply("sorry, I can't"), "holds no JSON object"),
        (Reply(json.dumps(WRITTEN | {"severity": 9})), "severity in the model's reply is 9"),
        (Reply(json.dumps(WRITTEN | {"input": [{"role": "user", "content": 3, "tool_calls": "x"}]})), "input[0].content is 3"),
    ],
)
def test_a_failure_leaves_the_template_and_says_why(reply: Reply, told: str) -> None:
    _, written = run(reply)
    assert written.case == TEMPLATE
    assert told in written.problem


def test_the_schema_asks_for_the_articles_fields() -> None:
    assert tuple(SCHEMA["properties"]) == tuple(SCHEMA["required"]) == FIELDS
