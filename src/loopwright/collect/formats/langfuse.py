"""Langfuse: traces, observations and scores, as its pages, its API and its scheduled exports write them.

An observation becomes a span in Langfuse's own OpenTelemetry names, with the attributes that it was made of, where Langfuse kept
them. A trace that comes by itself, or with no one observation around all others, becomes a span around them, under its own id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from loopwright.collect.dialects.reading import decoded
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
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.trace import Feedback, Span
from loopwright.errors import RecordError

NAME = "langfuse"
TYPES = frozenset(
    ("SPAN", "EVENT", "GENERATION", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL")
)  # fmt: skip
_SOURCES = {"ANNOTATION": "HUMAN", "EVAL": "LLM"}
PARTIAL = "loopwright.partial"
"""The field of a record that says that it is some of one too large to be held."""

_PARENT = ("parentObservationId", "parent_observation_id")
_LISTS = ("data", "traces", "observations", "scores")


def tells(record: Mapping[str, Any]) -> bool:
    """Whether a record is a trace, an observation, a score, or a page of these."""
    return _is_observation(record) or _is_score(record) or _is_trace(record) or _is_session(record) or _is_page(record)


def read(record: Mapping[str, Any]) -> Found:
    """What the record holds; raises `RecordError` naming what is wrong."""
    if _is_observation(record):
        return Found(spans=(_span(record, {}),))
    if _is_score(record):
        return Found(feedback=tuple(_scores([record])))
    if _is_trace(record):
        return _trace(record, _whole(record.get("observations")), partial=PARTIAL in record)
    if _is_session(record):
        shared = {"sessionId": id_of(record, "id"), "environment": record.get("environment")}
        return together(
            _trace({**shared, **item}, _whole(item.get("observations"))) for item in objects(record["traces"], "traces")
        )
    told = mapping(record.get("trace"))
    if told:
        found = _trace(told, objects(record.get("observations"), "observations"), partial=PARTIAL in record)
        return replace(found, feedback=(*found.feedback, *_scores(objects(record.get("scores"), "scores"), told)))
    return together(_part(item) for name in _LISTS for item in objects(record.get(name), name))


def _part(item: Mapping[str, Any]) -> Found:
    if not (_is_observation(item) or _is_score(item) or _is_trace(item)):
        keys = ", ".join(list(item)[:8])
        raise RecordError(f"this is no trace, observation or score: its keys are {keys}", reason="unknown format")
    return read(item)


def _is_observation(record: Mapping[str, Any]) -> bool:
    type = record.get("type")
    return (
        isinstance(type, str)
        and type.upper() in TYPES
        and "id" in record
        and not record.keys().isdisjoint(("traceId", "trace_id"))
        and not record.keys().isdisjoint(("startTime", "start_time"))
    )


def _is_score(record: Mapping[str, Any]) -> bool:
    named = isinstance(record.get("name"), str) and "id" in record
    typed = not record.keys().isdisjoint(("dataType", "data_type", "authorUserId", "author_user_id", "configId", "stringValue"))
    placed = not record.keys().isdisjoint(("traceId", "trace_id", "sessionId", "session_id", "datasetRunId", "subject"))
    return named and typed and placed and not record.keys().isdisjoint(("value", "stringValue", "string_value", "comment"))


_OF_A_TRACE = (
    "projectId",
    "project_id",
    "userId",
    "user_id",
    "sessionId",
    "session_id",
    "htmlPath",
    "bookmarked",
    "observations",
)


def _is_trace(record: Mapping[str, Any]) -> bool:
    return (
        "id" in record
        and "timestamp" in record
        and "name" in record
        and "messages" not in record
        and record.keys().isdisjoint(("traceId", "trace_id", "dataType"))
        and sum(name in record for name in _OF_A_TRACE) >= 2
    )


def _is_session(record: Mapping[str, Any]) -> bool:
    """Whether it is a session with its traces, which do not say again what session they are of."""
    traces = record.get("traces")
    if "id" not in record or record.keys().isdisjoint(("createdAt", "created_at")) or not isinstance(traces, list) or not traces:
        return False
    return all(isinstance(one, Mapping) and "id" in one and "timestamp" in one for one in traces)


def _is_page(record: Mapping[str, Any]) -> bool:
    told = record.get("trace")
    if isinstance(told, Mapping) and "observations" in record:
        return True
    for name in _LISTS:
        items = record.get(name)
        if isinstance(items, list) and items and isinstance(items[0], Mapping):
            return _is_observation(items[0]) or _is_score(items[0]) or _is_trace(items[0])
    meta = record.get("meta")
    return record.get("data") == [] and isinstance(meta, Mapping)


def _trace(told: Mapping[str, Any], observations: Sequence[Mapping[str, Any]], *, partial: bool = False) -> Found:
    """A trace with those of its observations that came with it. What comes in pieces has its outermost span in one of them."""
    trace_id = id_of(told, "id")
    shared = _of_trace(told)
    inner = [{"traceId": trace_id, **item} for item in observations]
    known = {str(item.get("id")) for item in inner}
    outermost = [item for item in inner if str(field(item, *_PARENT)) not in known]
    if partial and inner:
        outermost = [item for item in outermost if field(item, *_PARENT) is None][:1]
    spans = [_span(item, shared) for item in inner if item is not (outermost[0] if len(outermost) == 1 else None)]
    if len(outermost) == 1:
        spans.insert(0, _span(outermost[0], {**shared, **_content_of_trace(told)}))
    elif not (partial and inner):
        spans.insert(0, _around(told, trace_id, shared, spans))
    return Found(spans=tuple(spans), feedback=tuple(_scores(_whole(told.get("scores")), told)))


def _whole(items: Any) -> list[Mapping[str, Any]]:
    """Those that came whole with a trace; a list of nothing but their ids gives none, for they come by themselves."""
    if isinstance(items, list) and all(isinstance(item, str) for item in items):
        return []
    return objects(items, "observations")


def _around(told: Mapping[str, Any], trace_id: str, shared: Mapping[str, Any], spans: Sequence[Span]) -> Span:
    """A trace as the span around its observations."""
    started = time(told, "timestamp")
    ends = [span.ended_at for span in spans if span.ended_at is not None]
    starts = [span.started_at for span in spans if span.started_at is not None]
    content = {"langfuse.observation.type": "chain", **_io(told)}
    return Span(
        trace_id,
        trace_id,
        label(told, "name") or "trace",
        started_at=min([*starts, *([started] if started else [])], default=None),
        ended_at=max(ends, default=None),
        attributes={**_original(told), **shared, **content, **_metadata(told, "langfuse.trace.metadata")},
        resource=_resource(told),
    )


def _span(item: Mapping[str, Any], shared: Mapping[str, Any]) -> Span:
    """One observation."""
    level = label(item, "level")
    status_message = label(item, "statusMessage", "status_message") or ""
    attributes = {
        **_original(item),
        **_metadata(item, "langfuse.observation.metadata"),
        **shared,
        **_of_observation(item),
        **_io(item),
    }
    return Span(
        id_of(item, "traceId", "trace_id"),
        id_of(item, "id"),
        label(item, "name") or str(item.get("type", "")).lower(),
        optional_id(item, *_PARENT),
        started_at=time(item, "startTime", "start_time"),
        ended_at=time(item, "endTime", "end_time"),
        status="error" if level == "ERROR" else "unset",
        status_message=status_message,
        attributes=attributes,
        resource=_resource(item),
    )


def _of_observation(item: Mapping[str, Any]) -> dict[str, Any]:
    """What an observation tells, in the names under which Langfuse takes it from OpenTelemetry."""
    kind = str(item.get("type", "")).lower()
    usage = mapping(field(item, "usageDetails", "usage_details")) or _old_usage(mapping(item.get("usage")))
    cost = mapping(field(item, "costDetails", "cost_details")) or _total_cost(item)
    return present(
        {
            "langfuse.observation.type": kind,
            "langfuse.observation.level": label(item, "level"),
            "langfuse.observation.status_message": label(item, "statusMessage", "status_message"),
            "langfuse.observation.model.name": label(item, "model", "providedModelName", "provided_model_name"),
            "langfuse.observation.model.parameters": text(present(mapping(field(item, "modelParameters", "model_parameters")))),
            "langfuse.observation.usage_details": text(dict(usage)) if usage else None,
            "langfuse.observation.cost_details": text(dict(cost)) if cost else None,
            "langfuse.observation.prompt.name": label(item, "promptName", "prompt_name"),
            "langfuse.observation.prompt.version": field(item, "promptVersion", "prompt_version"),
            "langfuse.observation.completion_start_time": label(item, "completionStartTime", "completion_start_time"),
            "langfuse.observation.tool_calls": text(item.get("toolCalls")) if item.get("toolCalls") else None,
            "langfuse.observation.tool_definitions": text(item.get("toolDefinitions")) if item.get("toolDefinitions") else None,
            "langfuse.trace.name": label(item, "traceName", "trace_name"),
            **_of_trace(item, named=False),
        }
    )


def _of_trace(told: Mapping[str, Any], *, named: bool = True) -> dict[str, Any]:
    """What a trace tells of all of its observations."""
    return present(
        {
            "langfuse.trace.name": label(told, "name") if named else None,
            "session.id": label(told, "sessionId", "session_id"),
            "user.id": label(told, "userId", "user_id"),
            "langfuse.trace.tags": told.get("tags"),
            "langfuse.release": label(told, "release"),
            "langfuse.version": label(told, "version"),
            "langfuse.environment": label(told, "environment"),
        }
    )


def _content_of_trace(told: Mapping[str, Any]) -> dict[str, Any]:
    """What a trace tells besides, which belongs to its outermost span."""
    content = {f"langfuse.trace.{name}": _content(told.get(name)) for name in ("input", "output")}
    return present({**content, **_metadata(told, "langfuse.trace.metadata")})


def _io(item: Mapping[str, Any]) -> dict[str, Any]:
    return present({f"langfuse.observation.{name}": _content(item.get(name)) for name in ("input", "output")})


def _content(value: Any) -> str | None:
    """An input or output as text. What was written as JSON text twice, as pages do, is written so once."""
    if isinstance(value, str) and value[:2] in ('"{', '"[') and value[-1:] == '"':
        value = decoded(value)
    return text(value)


def _original(item: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of the span that Langfuse was sent, those kept."""
    return present(mapping(mapping(item.get("metadata")).get("attributes")))


def _resource(item: Mapping[str, Any]) -> dict[str, Any]:
    return present(mapping(mapping(item.get("metadata")).get("resourceAttributes")))


def _metadata(item: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """All else of the metadata, under names of its own."""
    told = mapping(item.get("metadata"))
    if not told and item.get("metadata") not in (None, "", {}, []):
        return {prefix: text(item["metadata"])}
    return present(
        {
            f"{prefix}.{name}": value if isinstance(value, str | int | float | bool) else text(value)
            for name, value in told.items()
            if name not in ("attributes", "resourceAttributes", "scope") and value is not None
        }
    )


def _old_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Usage as older versions write it."""
    pairs = (("input", "input", "promptTokens"), ("output", "output", "completionTokens"), ("total", "total", "totalTokens"))
    return present({name: field(usage, *names) for name, *names in pairs})


def _total_cost(item: Mapping[str, Any]) -> dict[str, Any]:
    total = field(item, "totalCost", "total_cost", "calculatedTotalCost")
    return {} if not isinstance(total, int | float) or isinstance(total, bool) else {"total": total}


def _scores(scores: Sequence[Mapping[str, Any]], told: Mapping[str, Any] | None = None) -> Iterator[GivenFeedback]:
    for given in scores:
        score = {**given, **_subject(given)}
        found = _verdict(score)
        trace_id = optional_id(score, "traceId", "trace_id") or (optional_id(told, "id") if told else None)
        span_id = optional_id(score, "observationId", "observation_id")
        session_id = optional_id(score, "sessionId", "session_id") if trace_id is None else None
        if found is None:
            continue
        if not (trace_id or span_id or session_id):
            raise RecordError("a score names neither a trace nor a session", reason="feedback without a place")
        yield GivenFeedback((found,), trace_id, session_id, found.at, span_id)


_TRUTH = ("True", "False")
_SUBJECTS = {"trace": "traceId", "observation": "observationId", "session": "sessionId", "experiment": "datasetRunId"}


def _subject(score: Mapping[str, Any]) -> dict[str, Any]:
    """What a score is on, where it says so in an object of its own."""
    told = mapping(score.get("subject"))
    name = _SUBJECTS.get(str(told.get("kind")))
    return present({"traceId": told.get("traceId"), name: told.get("id")}) if name else {}


def _verdict(score: Mapping[str, Any]) -> Feedback | None:
    """A score as feedback; None for one that says nothing."""
    kind = str(field(score, "dataType", "data_type") or "").upper()
    value, said = score.get("value"), field(score, "stringValue", "string_value", "longStringValue", "long_string_value")
    spoken = said if isinstance(said, str) or not isinstance(value, str) else value
    if kind == "CORRECTION":
        return Feedback("correction", str(spoken), True, at=_at(score)) if spoken else None
    if (kind == "BOOLEAN" or (not kind and said in _TRUTH)) and isinstance(value, int | float):
        value, said = bool(value), None
    elif kind in ("CATEGORICAL", "TEXT"):
        value, said = None, spoken
    found = verdict(
        {
            "name": str(score.get("name", "")).replace("-", "_"),
            "score": value,
            "label": said if kind != "NUMERIC" else None,
            "explanation": score.get("comment"),
            "annotator_kind": _SOURCES.get(str(score.get("source") or "").upper()),
        }
    )
    if found is None:
        return None
    return replace(found, at=_at(score))


def _at(score: Mapping[str, Any]) -> datetime | None:
    return time(score, "timestamp", "createdAt", "created_at")
