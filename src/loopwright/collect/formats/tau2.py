"""tau2-bench: a file of results, of which each simulation is a trace. How a simulation was rewarded is not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from loopwright.collect.conversation import read_messages, read_steps
from loopwright.collect.dialects.reading import count, number
from loopwright.collect.formats.found import Found, label, mapping, objects, optional_id, present, time
from loopwright.collect.trace import Step, Trace, Usage
from loopwright.errors import RecordError

NAME = "tau2-bench"
_READ = frozenset(
    ("id", "task_id", "trial", "messages", "reward_info", "timestamp", "start_time", "end_time", "duration", "agent_cost",
     "user_cost", "ticks", "review", "user_only_review", "auth_classification", "hallucination_check")
)  # fmt: skip


def tells(record: Mapping[str, Any]) -> bool:
    """Whether a record is a file of results, or one simulation of it."""
    listed = record.get("simulations")
    if isinstance(listed, list):
        return "info" in record and all(isinstance(one, Mapping) and "task_id" in one for one in listed)
    return _is_simulation(record)


def _is_simulation(record: Mapping[str, Any]) -> bool:
    return "task_id" in record and "termination_reason" in record and isinstance(record.get("messages"), list)


def read(record: Mapping[str, Any]) -> Found:
    """The simulations; raises `RecordError` naming what is wrong."""
    if _is_simulation(record):
        return Found((_trace(record, {}),))
    info = mapping(record.get("info"))
    return Found(tuple(_trace(one, info) for one in objects(record.get("simulations"), "simulations")))


def _trace(item: Mapping[str, Any], info: Mapping[str, Any]) -> Trace:
    """One simulation. What the simulated user did with tools of its own is what the user said."""
    listed = list(_flat(objects(item.get("messages"), "messages")))
    messages = read_messages([_chat(one) for one in listed])
    agent, domain = mapping(info.get("agent_info")), label(mapping(info.get("environment_info")), "domain_name")
    task, trial = label(item, "task_id"), label(item, "trial")
    id = optional_id(item, "id") or (f"{task}-{trial}" if task and trial else None)
    if id is None:
        raise RecordError("a simulation has no id", cure="export it with its id, or its task_id and trial", reason="bad id")
    model, seconds = label(agent, "llm"), number(item.get("duration"))
    return Trace(
        id,
        messages,
        tuple(_told(read_steps(messages), listed, model)),
        agent=label(agent, "implementation"),
        version=label(info, "git_commit"),
        started_at=time(item, "start_time"),
        ended_at=time(item, "end_time"),
        usage=replace(_usage(listed), cost_usd=number(item.get("agent_cost")), latency_ms=seconds and 1000 * seconds),
        attributes=present(
            {
                **{name: value for name, value in item.items() if name not in _READ},
                "tau2.task_id": task,
                "tau2.trial": item.get("trial"),
                "tau2.domain": domain,
                "models": [model] if model else None,
            }
        ),
    )


def _flat(items: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The messages, results of several tools one by one."""
    for item in items:
        inner = item.get("tool_messages")
        if isinstance(inner, list):
            yield from objects(inner, "tool_messages")
        else:
            yield item


def _chat(item: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"role": item.get("role"), "content": item.get("content")}
    if item.get("tool_calls"):
        made["tool_calls"] = item["tool_calls"]
    if item.get("role") == "tool":
        made["tool_call_id"] = label(item, "id", "tool_call_id")
    return made


def _told(steps: tuple[Step, ...], listed: list[Mapping[str, Any]], model: str | None) -> Iterator[Step]:
    """The steps: a model's with its name and usage, a tool's with its error, which its result only marks.

    A tool that the simulated user has is no step of the agent.
    """
    failed = {
        label(item, "id", "tool_call_id"): str(item.get("content") or "error") for item in listed if item.get("error") is True
    }
    for step in steps:
        place = int(step.span_id.split("-")[1])
        item = listed[place]
        if step.kind == "model":
            yield replace(step, model=label(mapping(item.get("raw_data")), "model") or model, usage=_usage([item]))
        elif item.get("requestor") != "user":
            calls = objects(item.get("tool_calls"), "tool_calls")
            number_of_call = step.span_id.rpartition("-call-")[2]
            call = calls[int(number_of_call)] if calls and number_of_call.isdecimal() else item
            yield replace(step, error=failed.get(label(call, "id")))


def _usage(listed: list[Mapping[str, Any]]) -> Usage:
    """What the agent's own messages took; those of the simulated user are no part of it."""
    own = [item for item in listed if item.get("role") == "assistant"]

    def total(name: str) -> int | None:
        known = [found for item in own if (found := count(mapping(item.get("usage")).get(name))) is not None]
        return sum(known) if known else None

    costs = [cost for item in own if (cost := number(item.get("cost"))) is not None]
    return Usage(total("prompt_tokens"), total("completion_tokens"), sum(costs) if costs else None)
