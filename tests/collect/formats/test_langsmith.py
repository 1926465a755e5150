from __future__ import annotations

import pytest

from loopwright.collect.formats import catalogue
from loopwright.collect.spans import assemble
from loopwright.errors import RecordError

ROOT = {
    "id": "r1", "name": "agent", "run_type": "chain", "start_time": "2026-01-01T00:00:00", "end_time": "2026-01-01T00:00:03",
    "inputs": {"input": "Where is my order?"}, "outputs": {"output": "On its way."}, "trace_id": "r1", "session_id": "project",
    "extra": {"metadata": {"thread_id": "s1", "revision_id": "v3", "tier": "gold"}}, "tags": ["a", "b"], "error": None,
    "feedback_stats": {"helpful": {"n": 1, "avg": 0.25}},
}  # fmt: skip
MODEL = {
    "id": "r2", "name": "ChatOpenAI", "run_type": "llm", "parent_run_id": "r1", "trace_id": "r1", "start_time": 1767225601000,
    "end_time": 1767225602000, "prompt_tokens": 7, "completion_tokens": 3, "total_cost": "0.5",
    "extra": {"metadata": {"ls_model_name": "gpt-4o", "ls_provider": "openai"}},
    "inputs": {"messages": [[
        {"lc": 1, "id": ["x", "HumanMessage"], "kwargs": {"content": "Where is my order?", "type": "human"}}]]},
    "outputs": {
        "generations": [[{"message": {"lc": 1, "id": ["x", "AIMessage"], "kwargs": {
            "content": "", "type": "ai", "tool_calls": [{"id": "c1", "name": "look_up", "args": {"order": 7}}]}}}]]
    },
}  # fmt: skip
TOOL = {
    "id": "r3", "name": "look_up", "run_type": "tool", "parent_run_id": "r1", "trace_id": "r1", "start_time": 1767225602000,
    "inputs": {"order": 7}, "outputs": {"output": "shipped"}, "error": "ToolException('no')", "status": "error",
}  # fmt: skip


def one(*records: dict):
    found = [catalogue.read(record)[0] for record in records]
    (trace,) = assemble(span for item in found for span in item.spans)
    return trace, [given for item in found for given in item.feedback]


@pytest.mark.parametrize(
    "records",
    [
        [ROOT, MODEL, TOOL],
        [{**ROOT, "child_runs": [{**MODEL, "parent_run_id": None}, TOOL]}],
        [{"runs": [ROOT, MODEL, TOOL], "cursors": {"next": None}}],
        [{"post": [ROOT, {**MODEL, "outputs": {}}], "patch": [MODEL]}, {"post": [TOOL]}],
    ],
    ids=["lines", "tree", "page", "bodies"],
)
def test_runs_in_their_shapes(records):
    trace, feedback = one(*records)
    steps = {step.span_id: step for step in trace.steps}
    assert (trace.trace_id, trace.session_id, trace.version) == ("r1", "s1", "v3")
    assert (steps["r2"].kind, steps["r2"].model, steps["r2"].parent_id, steps["r2"].usage.cost_usd) == (
        "model",
        "gpt-4o",
        "r1",
        0.5,
    )
    assert (steps["r3"].kind, steps["r3"].output, steps["r3"].error) == ("tool", "shipped", "ToolException('no')")
    assert [message.role for message in trace.messages[:2]] == ["user", "assistant"]
    (call,) = trace.messages[1].tool_calls
    assert (call.id, call.name, call.arguments) == ("c1", "look_up", {"order": 7})
    assert (feedback[0].trace_id, feedback[0].span_id, feedback[0].verdicts[0].value) == ("r1", "r1", 0.25)


def test_a_body_that_changes_a_run_names_it_by_its_order():
    trace, _ = one(
        {
            "post": [{**MODEL, "parent_run_id": None, "trace_id": "r2"}],
            "patch": [{"dotted_order": "20260101T000000Zr2", "end_time": 1767225699000}],
        }
    )
    assert trace.ended_at.second == 39


def test_feedback_on_a_run():
    record = {"id": "f", "run_id": "r2", "key": "user_score", "score": 0, "comment": "wrong", "correction": {"text": "Friday"}}
    (given,) = catalogue.read(record)[0].feedback
    assert [(v.kind, v.negative) for v in given.verdicts] == [("evaluation", None), ("correction", True)]
    assert given.span_id == "r2"


@pytest.mark.parametrize(
    ("change", "said"), [({"id": None}, "there is no id"), ({"start_time": "x"}, "start_time"), ({"child_runs": 3}, "child_runs")]
)
def test_what_cannot_be_read_is_named(change, said):
    with pytest.raises(RecordError, match=said):
        catalogue.read({**ROOT, **change})
