from __future__ import annotations

import json

import pytest

from loopwright.collect.formats import catalogue
from loopwright.collect.spans import assemble
from loopwright.errors import RecordError

OBSERVATION = {
    "id": "o1", "traceId": "t1", "type": "GENERATION", "name": "answer", "startTime": "2026-01-01T00:00:00Z",
    "endTime": "2026-01-01T00:00:02Z", "parentObservationId": None, "model": "gpt-4o", "level": "DEFAULT",
    "input": [{"role": "user", "content": "Where is my order?"}], "output": {"role": "assistant", "content": "On its way."},
    "usageDetails": {"input": 7, "output": 3}, "costDetails": {"total": 0.5}, "modelParameters": {"temperature": 0},
    "metadata": {"attributes": {"custom": "kept"}, "resourceAttributes": {"service.name": "desk"}, "tier": "gold"},
}  # fmt: skip
TOOL = {
    "id": "o2", "traceId": "t1", "type": "TOOL", "name": "look_up", "startTime": "2026-01-01T00:00:01Z",
    "parentObservationId": "o1", "input": {"order": 7}, "output": "not found", "level": "ERROR", "statusMessage": "404",
}  # fmt: skip
TRACE = {
    "id": "t1", "name": "chat", "timestamp": "2026-01-01T00:00:00Z", "userId": "u1", "sessionId": "s1", "projectId": "p",
    "release": "v3", "tags": ["a"], "input": {"question": "Where?"}, "output": "On its way.",
}  # fmt: skip
SCORE = {"id": "c1", "traceId": "t1", "name": "helpful", "value": 0.2, "dataType": "NUMERIC", "source": "EVAL", "comment": "no"}


def one(*records: dict):
    found = [catalogue.read(record)[0] for record in records]
    (trace,) = assemble(span for item in found for span in item.spans)
    return trace, [given for item in found for given in item.feedback]


@pytest.mark.parametrize(
    "records",
    [
        [{"trace": {**TRACE, "scores": [SCORE]}, "observations": [OBSERVATION, TOOL]}],
        [{**TRACE, "observations": [OBSERVATION, TOOL], "scores": [SCORE]}],
        [{**TRACE, "observations": ["o1", "o2"]}, {"data": [OBSERVATION, TOOL], "meta": {"page": 1}}, {"data": [SCORE]}],
        [OBSERVATION, TOOL, SCORE, TRACE],
    ],
    ids=["page", "one trace", "api pages", "lines"],
)
def test_a_trace_its_observations_and_scores(records):
    trace, feedback = one(*records)
    steps = {step.span_id: step for step in trace.steps}
    assert (trace.trace_id, trace.session_id, trace.user_id, trace.version) == ("t1", "s1", "u1", "v3")
    assert [(m.role, m.text) for m in trace.messages[:2]] == [("user", "Where is my order?"), ("assistant", "On its way.")]
    assert (steps["o1"].kind, steps["o1"].model, steps["o1"].usage.cost_usd) == ("model", "gpt-4o", 0.5)
    assert (steps["o2"].kind, steps["o2"].input, steps["o2"].output, steps["o2"].error) == (
        "tool",
        {"order": 7},
        "not found",
        "404",
    )
    assert trace.usage.input_tokens == 7
    (given,) = feedback
    assert (given.trace_id, given.verdicts[0].value, given.verdicts[0].source) == ("t1", 0.2, "model")


def test_rows_of_the_scheduled_export_have_snake_case_and_their_trace_with_them():
    row = {
        "id": "o1", "trace_id": "t1", "type": "GENERATION", "start_time": "2026-01-01 00:00:00.000000", "name": "x",
        "parent_observation_id": "", "input": json.dumps(OBSERVATION["input"]), "output": json.dumps(OBSERVATION["output"]),
        "usage_details": {"input": 7}, "provided_model_name": "gpt-4o", "session_id": "s1", "user_id": "u1", "trace_name": "chat",
    }  # fmt: skip
    trace, _ = one(row)
    assert (trace.session_id, trace.user_id, trace.steps[0].model, trace.steps[0].parent_id) == ("s1", "u1", "gpt-4o", None)
    assert trace.messages[0].text == "Where is my order?"


def test_what_langfuse_was_sent_is_kept():
    trace, _ = one(OBSERVATION, TOOL)
    assert trace.attributes["custom"] == "kept"
    assert trace.attributes["service.name"] == "desk"
    assert trace.attributes["tier"] == "gold"


@pytest.mark.parametrize(
    ("score", "value", "negative"),
    [
        ({"dataType": "BOOLEAN", "value": 1, "name": "resolved"}, True, False),
        ({"dataType": "CATEGORICAL", "value": 0, "stringValue": "fail", "name": "judge"}, "fail", True),
        ({"dataType": "NUMERIC", "value": -1, "name": "thumb"}, False, True),
    ],
)
def test_scores_by_their_type(score, value, negative):
    _, feedback = one({**SCORE, **score, "observationId": "o1"}, OBSERVATION)
    assert (feedback[0].verdicts[0].value, feedback[0].verdicts[0].negative, feedback[0].span_id) == (value, negative, "o1")


@pytest.mark.parametrize(
    ("change", "said"),
    [({"id": ""}, "there is no id"), ({"id": "x\ny"}, "id is"), ({"startTime": "soon"}, "startTime is"), ({"id": [1]}, "id is")],
)
def test_what_cannot_be_read_is_named(change, said):
    with pytest.raises(RecordError, match=said):
        catalogue.read({**OBSERVATION, **change})


def test_expected_output_is_refused_by_name():
    with pytest.raises(RecordError, match="test output"):
        catalogue.read({"o1": {"input": {"success": True, "data": []}}})
