"""LangSmith: runs, one a line or as a tree, pages of them, the bodies that its SDKs send, and feedback.

A run becomes a span in the names that LangSmith's own OpenTelemetry export uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from loopwright.collect.dialects.verdicts import verdict
from loopwright.collect.formats.found import (
    Found,
    field,
    id_of,
    label,
    mapping,
    objects,
    optional_id,
    present,
    text,
    time,
    together,
)
from loopwright.collect.intake import shown
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.trace import Feedback, Span
from loopwright.errors import RecordError

NAME = "langsmith"
TYPES = frozenset(("llm", "chain", "tool", "retriever", "embedding", "prompt", "parser"))
_LISTS = ("runs", "post", "patch", "data")
_SESSION = ("session_id", "thread_id", "conversation_id")
_USER = ("user_id", "user")
_OPERATIONS = {"llm": "chat", "tool": "execute_tool", "retriever": "retrieval", "embedding": "embeddings"}
_MAX_RUNS = 100_000


def tells(record: Mapping[str, Any]) -> bool:
    """Whether a record is a run, feedback on one, or a page or body of runs."""
    if _is_run(record) or _is_feedback(record):
        return True
    if "post" in record or "patch" in record:
        return record.keys() <= {"post", "patch", "feedback"}
    return any(
        isinstance(items := record.get(name), list) and items and isinstance(items[0], Mapping) and _is_run(items[0])
        for name in ("runs", "data")
    ) or (record.get("runs") == [] and "cursors" in record)


def read(record: Mapping[str, Any]) -> Found:
    """What the record holds; raises `RecordError` naming what is wrong."""
    if _is_feedback(record):
        return Found(feedback=tuple(_feedback(record)))
    if _is_run(record):
        return _tree(record)
    if "post" in record or "patch" in record:
        return together(_tree(run) for run in _merged(record))
    return together(_tree(run) for name in ("runs", "data") for run in objects(record.get(name), name))


def _is_run(record: Mapping[str, Any]) -> bool:
    told = not record.keys().isdisjoint(("dotted_order", "inputs", "outputs", "parent_run_id", "child_runs", "trace_id", "extra"))
    return isinstance(record.get("run_type"), str) and "id" in record and told


def _is_feedback(record: Mapping[str, Any]) -> bool:
    return "key" in record and "run_id" in record and not record.keys().isdisjoint(("score", "value", "comment", "correction"))


def _merged(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The runs of a body: what was posted, with what was changed about it since."""
    runs: dict[str, dict[str, Any]] = {}
    for name in ("post", "patch"):
        for item in objects(record.get(name), name):
            id = optional_id(item, "id") or _last_of(label(item, "dotted_order"))
            if id is None:
                raise RecordError(f"a run of {name} has no id", cure="export runs with their ids", reason="bad id")
            told = {key: value for key, value in item.items() if value not in (None, {}, [])}
            runs[id] = {**runs.get(id, {}), **told, "id": id}
    return list(runs.values())


def _last_of(dotted_order: str | None) -> str | None:
    """The run's own id: the last part of a dotted order is its time, a Z, and the id."""
    return dotted_order.rpartition(".")[2].partition("Z")[2] or None if dotted_order else None


def _tree(run: Mapping[str, Any]) -> Found:
    """A run with the runs within it."""
    root_id = id_of(run, "id")
    waiting = [(run, optional_id(run, "trace_id") or _first_of(label(run, "dotted_order")) or root_id, _parent(run))]
    spans: list[Span] = []
    feedback: list[GivenFeedback] = []
    while waiting:
        item, trace_id, parent = waiting.pop()
        span = _span(item, trace_id, parent)
        spans.append(span)
        feedback.extend(_stats(item, span))
        children = objects(item.get("child_runs"), "child_runs")
        waiting += [(child, trace_id, _parent(child) or span.span_id) for child in reversed(children)]
        if len(spans) > _MAX_RUNS:
            raise RecordError(f"a tree of more than {_MAX_RUNS:,} runs", cure="export one run a line")
    return Found(spans=tuple(spans), feedback=tuple(feedback))


def _first_of(dotted_order: str | None) -> str | None:
    return dotted_order.partition(".")[0].partition("Z")[2] or None if dotted_order else None


def _parent(run: Mapping[str, Any]) -> str | None:
    given = optional_id(run, "parent_run_id", "parent_id")
    if given is None and (order := label(run, "dotted_order")) and "." in order:
        return _last_of(order.rpartition(".")[0])
    return given


def _span(run: Mapping[str, Any], trace_id: str, parent: str | None) -> Span:
    error = label(run, "error")
    failed = error is not None or run.get("status") == "error"
    events = [event for event in _listed(run.get("events")) if isinstance(event, Mapping)]
    return Span(
        trace_id,
        id_of(run, "id"),
        label(run, "name") or str(run.get("run_type", "")),
        parent,
        started_at=time(run, "start_time"),
        ended_at=time(run, "end_time"),
        status="error" if failed else "unset",
        status_message=error or "",
        attributes=_attributes(run),
        events=tuple(
            {
                "name": str(event.get("name") or "event"),
                "at": label(event, "time"),
                "attributes": present(_rest(event, ("name", "time"))),
            }
            for event in events
        ),
    )


def _attributes(run: Mapping[str, Any]) -> dict[str, Any]:
    """What a run tells, in the names that LangSmith's OpenTelemetry export uses."""
    kind = str(run.get("run_type", "")).lower()
    extra = mapping(run.get("extra"))
    metadata = mapping(extra.get("metadata")) or mapping(run.get("metadata"))
    outputs = mapping(run.get("outputs"))
    usage = mapping(outputs.get("usage_metadata")) or mapping(metadata.get("usage_metadata"))
    invocation = mapping(extra.get("invocation_params"))
    named = {
        f"langsmith.metadata.{key}": value if isinstance(value, str | int | float | bool) else text(value)
        for key, value in metadata.items()
    }
    return present(
        {
            **named,
            "langsmith.span.kind": kind,
            "gen_ai.operation.name": _OPERATIONS.get(kind),
            "gen_ai.tool.name": label(run, "name") if kind == "tool" else None,
            "gen_ai.prompt": _content(run.get("inputs")),
            "gen_ai.completion": _content(run.get("outputs")),
            "gen_ai.request.model": label(metadata, "ls_model_name") or label(invocation, "model", "model_name"),
            "gen_ai.response.model": label(outputs, "model"),
            "gen_ai.response.id": label(outputs, "id") if kind == "llm" else None,
            "gen_ai.system": label(metadata, "ls_provider"),
            "gen_ai.usage.input_tokens": field(run, "prompt_tokens") or field(usage, "input_tokens"),
            "gen_ai.usage.output_tokens": field(run, "completion_tokens") or field(usage, "output_tokens"),
            "gen_ai.usage.cost": _number(field(run, "total_cost") or field(usage, "total_cost")),
            "gen_ai.usage.cache_read.input_tokens": mapping(usage.get("input_token_details")).get("cache_read"),
            "gen_ai.usage.reasoning.output_tokens": mapping(usage.get("output_token_details")).get("reasoning"),
            "gen_ai.tool.definitions": text(field(invocation, "tools", "functions")),
            "langsmith.trace.session_name": label(run, "session_name", "project_name"),
            "langsmith.project_id": label(run, "session_id"),
            "langsmith.span.tags": ", ".join(str(tag) for tag in _listed(run.get("tags"))),
            "langsmith.reference_example_id": label(run, "reference_example_id"),
            "langsmith.dotted_order": label(run, "dotted_order"),
            "langsmith.status": label(run, "status"),
            "langsmith.first_token_time": label(run, "first_token_time"),
            "langsmith.runtime": text(dict(mapping(extra.get("runtime")))) if extra.get("runtime") else None,
            "langsmith.invocation_params": text(dict(invocation)) if invocation else None,
            "session.id": label(metadata, *_SESSION),
            "user.id": label(metadata, *_USER),
        }
    )


def _content(value: Any) -> str | None:
    return None if value in (None, "", {}, []) else text(value)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _rest(record: Mapping[str, Any], read: tuple[str, ...]) -> dict[str, Any]:
    return {
        key: value if isinstance(value, str | int | float | bool) else text(value)
        for key, value in record.items()
        if key not in read
    }


def _stats(run: Mapping[str, Any], span: Span) -> Iterator[GivenFeedback]:
    """The averages that a run carries of feedback on it, and feedback that was exported within it."""
    for item in _listed(run.get("feedbacks")) + _listed(run.get("feedback")):
        if isinstance(item, Mapping) and "key" in item:
            yield from _feedback({"trace_id": span.trace_id, "run_id": span.span_id, **item})
    for key, told in mapping(run.get("feedback_stats")).items():
        stats = mapping(told)
        found = verdict({"name": key, "score": stats.get("avg"), "explanation": _comments(stats)})
        if found is not None:
            yield GivenFeedback((found,), span.trace_id, span_id=span.span_id)


def _comments(stats: Mapping[str, Any]) -> str:
    values = stats.get("values")
    said = [comment for comment in _listed(stats.get("comments")) if isinstance(comment, str) and comment]
    return "; ".join([*([text(values) or ""] if values else []), *said])


def _feedback(record: Mapping[str, Any]) -> Iterator[GivenFeedback]:
    trace_id, span_id = optional_id(record, "trace_id"), optional_id(record, "run_id")
    at = time(record, "created_at", "modified_at")
    source = str(mapping(record.get("feedback_source")).get("type") or "").lower()
    value, score = record.get("value"), record.get("score")
    told = {
        "name": str(record.get("key") or "").replace("-", "_"),
        "score": score,
        "label": value if isinstance(value, str) and score is None else None,
        "explanation": record.get("comment") or (value if isinstance(value, str) and score is not None else None),
        "annotator_kind": {"app": "HUMAN", "model": "LLM", "auto_eval": "LLM"}.get(source),
    }
    verdicts = []
    found = verdict(told)
    if found is not None:
        verdicts.append(replace(found, at=at))
    correction = record.get("correction")
    if correction:
        verdicts.append(Feedback("correction", text(correction), True, at=at))
    if not verdicts:
        return
    if trace_id is None and span_id is None:
        raise RecordError(f"feedback {shown(record.get('key'))} names no run", reason="feedback without a place")
    yield GivenFeedback(tuple(verdicts), trace_id, None, at, span_id)
