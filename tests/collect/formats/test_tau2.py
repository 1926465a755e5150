"""Results of tau2-bench, in the shape of its data model (sierra-research/tau2-bench, `data_model/simulation.py`)."""

from __future__ import annotations

from typing import Any

import pytest

from loopwright.collect.formats import catalogue
from loopwright.errors import RecordError

MESSAGES: list[dict[str, Any]] = [
    {"role": "assistant", "content": "Hi!", "tool_calls": None, "turn_idx": 0, "cost": 0.0, "usage": None},
    {"role": "user", "content": "no signal", "cost": 0.5, "usage": {"completion_tokens": 10, "prompt_tokens": 100}},
    {"role": "assistant", "content": None, "cost": 0.01, "usage": {"completion_tokens": 20, "prompt_tokens": 200},
     "tool_calls": [{"id": "c1", "name": "find", "arguments": {"id": "C1"}, "requestor": "assistant"},
                    {"id": "c2", "name": "line", "arguments": {}, "requestor": "assistant"}]},
    {"role": "tool", "tool_messages": [
        {"id": "c1", "role": "tool", "content": "Ann", "requestor": "assistant", "error": False},
        {"id": "c2", "role": "tool", "content": "Error: no line", "requestor": "assistant", "error": True}]},
    {"role": "assistant", "content": "Toggle it", "cost": 0.01, "usage": {"completion_tokens": 5, "prompt_tokens": 250}},
    {"role": "user", "content": None, "tool_calls": [{"id": "u1", "name": "toggle", "arguments": {}, "requestor": "user"}]},
    {"id": "u1", "role": "tool", "content": "on", "requestor": "user", "error": False},
]  # fmt: skip
SIMULATION: dict[str, Any] = {
    "id": "1f0b", "task_id": "t1", "trial": 0, "start_time": "2026-01-02T10:00:00", "end_time": "2026-01-02T10:00:10",
    "duration": 10.0, "termination_reason": "user_stop", "agent_cost": 0.02, "user_cost": 0.5,
    "reward_info": {"reward": 0.0}, "messages": MESSAGES,
}  # fmt: skip
RESULTS: dict[str, Any] = {
    "timestamp": "2026-01-02T10:00:00",
    "info": {"git_commit": "abc", "agent_info": {"implementation": "llm_agent", "llm": "gpt-4.1"},
             "environment_info": {"domain_name": "telecom", "policy": "Be good"}},
    "tasks": [{"id": "t1", "evaluation_criteria": {"actions": []}}],
    "simulations": [SIMULATION, {**SIMULATION, "id": "2", "trial": 1}],
}  # fmt: skip


def test_each_simulation_is_a_trace():
    found, name = catalogue.read(RESULTS)
    assert (name, [trace.trace_id for trace in found.traces]) == ("tau2-bench", ["1f0b", "2"])
    trace = found.traces[0]
    assert (trace.agent, trace.version, trace.attributes["tau2.domain"]) == ("llm_agent", "abc", "telecom")
    assert (trace.usage.input_tokens, trace.usage.cost_usd, trace.usage.latency_ms) == (450, 0.02, 10_000)
    assert [message.role for message in trace.messages] == [
        "assistant",
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
        "user",
        "tool",
    ]
    assert "reward" not in str(trace)


def test_steps_are_those_of_the_agent():
    [trace] = catalogue.read(SIMULATION)[0].traces
    assert [(step.kind, step.name, step.output, step.error) for step in trace.steps if step.kind == "tool"] == [
        ("tool", "find", "Ann", None),
        ("tool", "line", "Error: no line", "Error: no line"),
    ]
    assert [step.usage and step.usage.input_tokens for step in trace.steps if step.kind == "model"] == [None, 200, 250]


def test_a_simulation_without_anything_that_names_it_is_refused():
    with pytest.raises(RecordError, match="no id"):
        catalogue.read({"info": {}, "simulations": [{"task_id": "t1", "messages": []}]})
