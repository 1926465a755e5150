"""Spans of tracers that have names of their own for a span's parts: MLflow, Weave, Opik, Braintrust.

A span becomes one in OpenInference's names. MLflow's attributes are read as they are.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from loopwright.collect.dialects.reading import decoded, number
from loopwright.collect.dialects.verdicts import verdict
from loopwright.collect.formats import phoenix
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
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.trace import Span

NAME = "tracer"
_KINDS = {
    "llm": "LLM", "tool": "TOOL", "agent": "AGENT", "retriever": "RETRIEVER", "retrieval": "RETRIEVER", "guardrail": "GUARDRAIL",
    "score": "EVALUATOR", "scorer": "EVALUATOR", "embedding": "EMBEDDING",
}  # fmt: skip
_SOURCES = {"LLM_JUDGE": "LLM", "AI_JUDGE": "LLM", "ONLINE_SCORING": "LLM", "HUMAN": "HUMAN", "UI": "HUMAN", "CODE": "CODE"}
_TOKENS = {
    "llm.token_count.prompt": ("prompt_tokens", "input_tokens"),
    "llm.token_count.completion": ("completion_tokens", "output_tokens"),
    "llm.token_count.prompt_details.cache_read": ("prompt_cached_tokens", "cache_read_input_tokens"),
}
_ASKS = ("messages", "input", "contents", "prompt")


def tells(record: Mapping[str, Any]) -> bool:
    """Whether a record is a trace or a span of one of these."""
    return _is_mlflow(record) or any(known.tells(record) for known in _TRACERS)


def read(record: Mapping[str, Any]) -> Found:
    """What the record holds; raises `RecordError` naming what is wrong."""
    if _is_mlflow(record):
        return _mlflow(record)
    known = next(known for known in _TRACERS if known.tells(record))
    read = known.read(record)
    span = Span(
        read.trace_id,
        read.span_id,
        read.name,
        read.parent_id,
        started_at=time({"at": read.start}, "at"),
        ended_at=time({"at": read.end}, "at"),
        status="error" if read.error else "unset",
        status_message=read.error or "",
        attributes=present(
            {
                "openinference.span.kind": _KINDS.get(read.kind.lower(), "CHAIN"),
                "tool.name": read.name if read.kind.lower() == "tool" else None,
                "input.value": text(record.get(read.input)),
                "output.value": text(record.get("output")),
                "session.id": read.session,
                "user.id": read.user,
                "llm.model_name": read.model,
                **{name: field(read.usage, *names) for name, names in _TOKENS.items()},
                "llm.cost.total": number(read.cost),
                **{f"{known.name}.{name}": text(value) for name, value in read.rest.items() if value not in (None, "", [], {})},
            }
        ),
    )
    return Found(spans=(span,), feedback=tuple(_verdicts(read.scores, span)))


class _Read(NamedTuple):
    """The parts of a span, by whatever names it had them."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    start: Any
    end: Any
    error: str | None
    input: str = "input"
    model: str | None = None
    usage: Mapping[str, Any] = {}
    cost: Any = None
    session: str | None = None
    user: str | None = None
    scores: tuple[Mapping[str, Any], ...] = ()
    rest: Mapping[str, Any] = {}


class _Tracer(NamedTuple):
    name: str
    tells: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any]], _Read]


def _is_weave(record: Mapping[str, Any]) -> bool:
    return {"op_name", "trace_id", "inputs", "started_at"} <= record.keys()


def _weave(record: Mapping[str, Any]) -> _Read:
    inputs, summary = mapping(record.get("inputs")), mapping(record.get("summary"))
    path = str(record.get("op_name")).rpartition("/")[2].partition(":")[0]
    used = [(name, mapping(usage)) for name, usage in mapping(summary.get("usage")).items()]
    asks = isinstance(inputs.get("model"), str) and not inputs.keys().isdisjoint(_ASKS)
    kind = label(mapping(mapping(record.get("attributes")).get("weave")), "kind") or ("llm" if asks and len(used) < 2 else "")
    model, usage = used[0] if kind == "llm" and used else (label(inputs, "model") if kind == "llm" else None, {})
    return _Read(
        id_of(record, "trace_id"), id_of(record, "id"), optional_id(record, "parent_id"),
        label(record, "display_name") or path, kind,
        record.get("started_at"), record.get("ended_at"), label(record, "exception"), "inputs", model, usage,
        session=label(record, "thread_id"), user=label(record, "wb_user_id"),
        rest={"attributes": record.get("attributes"), "op_name": record.get("op_name"), "turn_id": record.get("turn_id")},
    )  # fmt: skip


def _is_opik(record: Mapping[str, Any]) -> bool:
    told = not record.keys().isdisjoint(("project_id", "project_name", "feedback_scores", "span_feedback_scores"))
    spans = "trace_id" in record and "type" in record
    return told and {"id", "name", "start_time", "input"} <= record.keys() and (spans or not _SPAN_NAMES & record.keys())


_SPAN_NAMES = frozenset(("trace_id", "traceId", "run_type", "type"))


def _opik(record: Mapping[str, Any]) -> _Read:
    error = mapping(record.get("error_info"))
    span_id = id_of(record, "id")
    is_span = "trace_id" in record
    return _Read(
        optional_id(record, "trace_id") or span_id, span_id,
        (optional_id(record, "parent_span_id") or id_of(record, "trace_id")) if is_span else None,
        label(record, "name") or "", str(record.get("type") or ""), record.get("start_time"), record.get("end_time"),
        (label(error, "message", "exception_type") or "error") if error else None,
        model=label(record, "model"), usage=mapping(record.get("usage")) if is_span else {},
        cost=record.get("total_estimated_cost") if is_span else None, session=label(record, "thread_id"),
        scores=tuple(objects(record.get("feedback_scores"), "feedback_scores")),
        rest={"metadata": record.get("metadata"), "tags": record.get("tags"), "provider": record.get("provider")},
    )  # fmt: skip


def _is_braintrust(record: Mapping[str, Any]) -> bool:
    return {"span_id", "root_span_id"} <= record.keys() and not record.keys().isdisjoint(("span_attributes", "span_parents"))


def _braintrust(record: Mapping[str, Any]) -> _Read:
    told, metrics, metadata = (mapping(record.get(name)) for name in ("span_attributes", "metrics", "metadata"))
    parents = decoded(record.get("span_parents"))
    parent = next((one for one in parents if isinstance(one, str)), None) if isinstance(parents, list) else None
    error = record.get("error")
    scores = tuple({"name": name, "value": value} for name, value in mapping(record.get("scores")).items())
    return _Read(
        id_of(record, "root_span_id"), id_of(record, "span_id"), parent, label(told, "name") or "span",
        str(told.get("type") or ""), field(metrics, "start") or record.get("created"), metrics.get("end"),
        None if error in (None, "") else text(error), model=label(metadata, "model"), usage=metrics,
        cost=field(metrics, "estimated_cost"), session=label(metadata, "session_id", "thread_id"),
        user=label(metadata, "user_id", "user"), scores=scores,
        rest={"metadata": metadata, "tags": record.get("tags"), "id": record.get("id")},
    )  # fmt: skip


_TRACERS = (
    _Tracer("braintrust", _is_braintrust, _braintrust),
    _Tracer("weave", _is_weave, _weave),
    _Tracer("opik", _is_opik, _opik),
)


def _is_mlflow(record: Mapping[str, Any]) -> bool:
    info, data = record.get("info"), record.get("data")
    named = isinstance(info, Mapping) and not info.keys().isdisjoint(("trace_id", "request_id"))
    return named and isinstance(data, Mapping) and isinstance(data.get("spans"), list)


def _mlflow(record: Mapping[str, Any]) -> Found:
    """A trace of MLflow, with its spans in the names of OTLP, ids in base 64, or in those of MLflow 2."""
    info = mapping(record.get("info"))
    trace_id = id_of(info, "trace_id", "request_id").removeprefix("tr-")
    about = {**mapping(field(info, "trace_metadata", "request_metadata")), **mapping(info.get("tags"))}
    shared = {name: about[name] for name in ("mlflow.trace.session", "mlflow.trace.user") if about.get(name)}
    found = []
    for item in objects(mapping(record.get("data")).get("spans"), "data.spans"):
        context = mapping(item.get("context"))
        attributes = {name: _plain(value) for name, value in mapping(item.get("attributes")).items()}
        parent = optional_id(item, "parent_span_id", "parent_id")
        tags = {f"mlflow.{name}": value for name, value in about.items() if not name.startswith("mlflow.")}
        made = {
            **item,
            "context": {"trace_id": trace_id, "span_id": _hex(id_of({**item, **context}, "span_id"))},
            "parent_id": None if parent is None else _hex(parent),
            "parent_span_id": None,
            "attributes": {**attributes, **shared, **({} if parent else tags)},
        }
        found.append(phoenix.read(made))
    return together([*found, Found(feedback=tuple(_assessments(objects(info.get("assessments"), "assessments"), trace_id)))])


def _assessments(items: list[Mapping[str, Any]], trace_id: str) -> Iterator[GivenFeedback]:
    """What was said of a trace or a span; what was expected of it is no verdict."""
    for item in items:
        told = mapping(item.get("feedback"))
        source = str(mapping(item.get("source")).get("source_type") or "").upper()
        made = {**item, "name": item.get("assessment_name"), "value": told.get("value"), "reason": item.get("rationale")}
        span_id = optional_id(item, "span_id")
        if told and item.get("valid") is not False:
            span = Span(trace_id, _hex(span_id) if span_id else "", "")
            yield from _verdicts(({**made, "source": source},), span, field(item, "create_time", "create_time_ms"))


def _verdicts(scores: tuple[Mapping[str, Any], ...], span: Span, at: Any = None) -> Iterator[GivenFeedback]:
    for score in scores:
        value = decoded(score.get("value"))
        found = verdict(
            {
                "name": score.get("name"),
                "score": value if isinstance(value, int | float) else None,
                "label": value if isinstance(value, str) else None,
                "explanation": score.get("reason"),
                "annotator_kind": _SOURCES.get(str(score.get("source") or "").upper()),
            }
        )
        if found is not None:
            yield GivenFeedback((found,), span.trace_id, None, time({"at": at}, "at"), span.span_id or None)


def _hex(id: str) -> str:
    """An id as OpenTelemetry shows it, where it came in base 64 as protobuf's JSON has it."""
    if id[:2] in ("0x", "0X") or not id.endswith("="):
        return id
    try:
        return base64.b64decode(id, validate=True).hex()
    except (binascii.Error, ValueError):
        return id


def _plain(value: Any) -> Any:
    """An attribute out of the JSON text that MLflow keeps it as; objects and lists stay text."""
    if isinstance(value, str) and value[:1] == '"' == value[-1:]:
        made = decoded(f"[{value}]")
        return made[0] if isinstance(made, list) and len(made) == 1 else value
    return value
