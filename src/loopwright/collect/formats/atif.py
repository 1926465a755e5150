"""ATIF, the Agent Trajectory Interchange Format: a trajectory is one trace, and so is each trajectory within it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from loopwright.collect.conversation import read_messages, read_steps
from loopwright.collect.formats.found import Found, field, id_of, label, mapping, objects, optional_id, present, text, time
from loopwright.collect.intake import shown
from loopwright.collect.trace import Trace, Usage
from loopwright.errors import RecordError

NAME = "atif"
_ROLES = {"system": "system", "user": "user", "agent": "assistant"}
_MOST = 1000
_STEP_READ = frozenset(("step_id", "source", "message", "tool_calls", "observation", "timestamp"))


def tells(record: Mapping[str, Any]) -> bool:
    """Whether a record is a trajectory."""
    version = record.get("schema_version")
    return isinstance(version, str) and version.upper().startswith("ATIF") and "steps" in record


def read(record: Mapping[str, Any]) -> Found:
    """The trajectory and those within it; raises `RecordError` naming what is wrong."""
    traces: list[Trace] = []
    waiting: list[tuple[Mapping[str, Any], str | None]] = [(record, None)]
    while waiting:
        item, within = waiting.pop()
        traces.append(_trace(item, within))
        if len(traces) > _MOST:
            raise RecordError(f"more than {_MOST:,} trajectories within one", cure="write each to a file of its own")
        waiting += [
            (inner, traces[-1].trace_id)
            for inner in reversed(objects(item.get("subagent_trajectories"), "subagent_trajectories"))
        ]
    return Found(tuple(traces))


def _trace(item: Mapping[str, Any], within: str | None) -> Trace:
    steps = objects(item.get("steps"), "steps")
    told: list[dict[str, Any]] = []
    rest: dict[str, Any] = {}
    for number, step in enumerate(steps):
        if kept := present({name: value for name, value in step.items() if name not in _STEP_READ}):
            rest[str(len(told))] = kept
        told.extend(_messages(step, number))
    messages = read_messages(told, "steps")
    agent = mapping(item.get("agent"))
    times = [at for step in steps if (at := time(step, "timestamp")) is not None]
    started, ended = min(times, default=None), max(times, default=None)
    session = optional_id(item, "session_id")
    return Trace(
        id_of(item, "trajectory_id", "session_id"),
        messages,
        tuple(replace(step, model=label(agent, "model_name")) if step.kind == "model" else step for step in read_steps(messages)),
        session_id=session,
        agent=label(agent, "name"),
        version=label(agent, "version"),
        started_at=started,
        ended_at=ended,
        usage=_usage(item, steps, started, ended),
        attributes=present(
            {
                **mapping(item.get("extra")),
                "models": sorted({name for one in (agent, *steps) if (name := label(one, "model_name"))}),
                "tools": _tools(agent.get("tool_definitions")),
                "notes": item.get("notes"),
                "atif.version": item.get("schema_version"),
                "atif.agent": dict(mapping(agent.get("extra"))),
                "atif.steps": rest,
                "atif.within": within,
                "atif.continued": item.get("continued_trajectory_ref"),
                "atif.final_metrics": dict(mapping(item.get("final_metrics"))),
            }
        ),
    )


def _messages(step: Mapping[str, Any], number: int) -> Iterator[dict[str, Any]]:
    """A step as messages: what was said with the calls made, then what came of each call."""
    source = step.get("source")
    if source not in _ROLES:
        raise RecordError(f"steps[{number}].source is {shown(source)}", cure="give system, user or agent")
    role = _ROLES[str(source)]
    calls = [_call(call) for call in objects(step.get("tool_calls"), "tool_calls")]
    content = step.get("message")
    results = objects(mapping(step.get("observation")).get("results"), "observation.results")
    if content not in (None, "", []) or calls or role == "assistant" or not results:
        made: dict[str, Any] = {"role": role, "content": content if isinstance(content, str | list) else text(content)}
        if calls:
            made["tool_calls"] = calls
        yield made
    for place, result in enumerate(results):
        yield _result(result, calls, place)


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": field(call, "tool_call_id", "id"),
        "name": field(call, "function_name", "name") or "tool",
        "arguments": call.get("arguments"),
    }


def _result(result: Mapping[str, Any], calls: Sequence[Mapping[str, Any]], place: int) -> dict[str, Any]:
    """What came of a call: the one named; where none is named, the one in the same place, if there are as many."""
    id = label(result, "source_call_id", "tool_call_id")
    call = next((call for call in calls if call["id"] == id), None) if id else calls[place] if place < len(calls) else None
    content = result.get("content")
    made: dict[str, Any] = {"role": "tool", "content": content if isinstance(content, str | list) else text(content)}
    if made["content"] is None and result.get("subagent_trajectory_ref"):
        made["content"] = text({"subagent_trajectory_ref": result["subagent_trajectory_ref"]})
    if id or (call and call["id"]):
        made["tool_call_id"] = id or call["id"]  # type: ignore[index]
    if call:
        made["name"] = call["name"]
    return made


def _usage(
    item: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], started: datetime | None, ended: datetime | None
) -> Usage:
    """The totals, or what the steps add up to; steps copied from another trajectory count there."""
    final = mapping(item.get("final_metrics"))
    own = [mapping(step.get("metrics")) for step in steps if step.get("is_copied_context") is not True]

    def total(name: str) -> Any:
        given = final.get(f"total_{name}")
        known = [value for metrics in own if isinstance(value := metrics.get(name), int | float) and not isinstance(value, bool)]
        return given if isinstance(given, int | float) and not isinstance(given, bool) else sum(known) if known else None

    tokens = {
        name: None if (found := total(name)) is None else int(found)
        for name in ("prompt_tokens", "completion_tokens", "cached_tokens")
    }
    cost = total("cost_usd")
    return Usage(
        tokens["prompt_tokens"],
        tokens["completion_tokens"],
        None if cost is None else float(cost),
        (ended - started).total_seconds() * 1000 if started is not None and ended is not None else None,
        cache_read_tokens=tokens["cached_tokens"],
    )


def _tools(definitions: Any) -> list[str]:
    listed = definitions if isinstance(definitions, list) else []
    names = (label(mapping(mapping(one).get("function")) or mapping(one), "name") for one in listed)
    return sorted({name for name in names if name})
