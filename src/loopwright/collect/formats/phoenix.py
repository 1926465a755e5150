"""Spans as JSON objects: Phoenix's API, files and flattened dataframes, and what OpenTelemetry's SDKs print.

All carry OpenInference's or other attributes under their own names; here they only become spans.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from loopwright.collect.dialects.reading import decoded
from loopwright.collect.dialects.verdicts import verdict
from loopwright.collect.formats.found import (
    Found,
    field,
    flattened,
    id_of,
    label,
    mapping,
    objects,
    optional_id,
    present,
    time,
    together,
)
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.trace import Span
from loopwright.errors import RecordError

NAME = "phoenix"
_LISTS = ("spans", "data")
_WHOLE = ("metadata", "llm.invocation_parameters", "llm.prompt_template.variables", "tool.parameters")
_TRACE = ("trace_id", "traceId")
_SPAN = ("span_id", "spanId")
_PARENT = ("parent_id", "parentId", "parentSpanId", "parent_span_id")
_STATUS: dict[str, Literal["unset", "ok", "error"]] = {"OK": "ok", "ERROR": "error", "UNSET": "unset"}
_KINDS = ("internal", "server", "client", "producer", "consumer")
_READ = frozenset(
    ("id", "name", "context", "span_kind", "spanKind", "kind", "start_time", "startTime", "end_time", "endTime", "status_code",
     "statusCode", "status_message", "statusMessage", "status", "attributes", "events", "resource", "links", "annotations",
     *_TRACE, *_SPAN, *_PARENT)
)  # fmt: skip


def tells(record: Mapping[str, Any]) -> bool:
    """Whether a record is a span, a verdict on one, or a page of these."""
    if _is_span(record) or _is_annotation(record):
        return True
    return any(
        isinstance(items := record.get(name), list)
        and items
        and isinstance(items[0], Mapping)
        and (_is_span(items[0]) or _is_annotation(items[0]))
        for name in _LISTS
    ) or (record.get("data") == [] and "next_cursor" in record)


def read(record: Mapping[str, Any]) -> Found:
    """What the record holds; raises `RecordError` naming what is wrong."""
    if _is_span(record):
        return _of_span(record)
    if _is_annotation(record):
        return Found(feedback=tuple(_annotations([record], {})))
    return together(_part(item, record) for name in _LISTS for item in objects(record.get(name), name))


def _part(item: Mapping[str, Any], page: Mapping[str, Any]) -> Found:
    if _is_annotation(item):
        return Found(feedback=tuple(_annotations([item], {})))
    told = {name: page[name] for name in _TRACE if name in page and not _has_trace(item)}
    whole = {**told, **item}
    if not _is_span(whole):
        keys = ", ".join(list(item)[:8])
        raise RecordError(
            f"this is no span: its keys are {keys}", cure="give context.trace_id and context.span_id", reason="unknown format"
        )
    return _of_span(whole)


def _has_trace(record: Mapping[str, Any]) -> bool:
    return "context.trace_id" in record or isinstance(record.get("context"), Mapping) or any(name in record for name in _TRACE)


def _is_span(record: Mapping[str, Any]) -> bool:
    named = isinstance(record.get("name"), str)
    context = record.get("context")
    if isinstance(context, Mapping):
        return named and any(name in context for name in _TRACE)
    if named and ("context.trace_id" in record or "context.span_id" in record):
        return True
    timed = not record.keys().isdisjoint(("start_time", "startTime"))
    typed = not record.keys().isdisjoint(("span_kind", "spanKind", "attributes", "status_code", "statusCode"))
    return named and timed and typed and any(name in record for name in _TRACE) and any(name in record for name in _SPAN)


def _is_annotation(record: Mapping[str, Any]) -> bool:
    told = isinstance(record.get("result"), Mapping) or not record.keys().isdisjoint(("score", "label", "explanation"))
    placed = not record.keys().isdisjoint(("span_id", "trace_id", "session_id"))
    return "annotator_kind" in record and isinstance(record.get("name"), str) and told and placed


def _of_span(record: Mapping[str, Any]) -> Found:
    """A span, with the verdicts on it that were exported within it."""
    context = mapping(record.get("context"))
    dotted = {name.removeprefix("context."): record[name] for name in ("context.trace_id", "context.span_id") if name in record}
    ids = {**record, **context, **dotted}
    trace_id, span_id = _hex(id_of(ids, *_TRACE)), _hex(id_of(ids, *_SPAN))
    parent = optional_id(record, *_PARENT)
    status, message = _status(record)
    span = Span(
        trace_id,
        span_id,
        label(record, "name") or "",
        None if parent is None else _hex(parent),
        _kind(record),
        time(record, "start_time", "startTime"),
        time(record, "end_time", "endTime"),
        status,
        message,
        _attributes(record),
        tuple(_events(decoded(record.get("events")))),
        flattened(mapping(mapping(record.get("resource")).get("attributes"))),
    )
    inner = decoded(record.get("annotations"))
    told = [item for item in inner if isinstance(item, Mapping)] if isinstance(inner, list) else []
    return Found(spans=(span,), feedback=tuple(_annotations(told, {"trace_id": trace_id, "span_id": span_id})))


def _hex(id: str) -> str:
    return id[2:].lower() if id[:2] in ("0x", "0X") else id


def _kind(record: Mapping[str, Any]) -> str:
    name = str(record.get("kind") or "").rpartition(".")[2].lower()
    return name if name in _KINDS else "internal"


def _status(record: Mapping[str, Any]) -> tuple[Literal["unset", "ok", "error"], str]:
    inner = mapping(record.get("status"))
    code = label(record, "status_code", "statusCode") or label(inner, "status_code", "code") or ""
    message = label(record, "status_message", "statusMessage") or label(inner, "description", "message") or ""
    return _STATUS.get(code.rpartition(".")[2].upper(), "unset"), message


def _attributes(record: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes flat, whether they came nested, flat, or as columns of their own."""
    found = flattened(mapping(record.get("attributes")), _WHOLE)
    columns = {
        name.removeprefix("attributes."): decoded(value) for name, value in record.items() if name.startswith("attributes.")
    }
    found |= flattened(columns, _WHOLE)
    kind = label(record, "span_kind", "spanKind")
    if kind and "openinference.span.kind" not in found:
        found["openinference.span.kind"] = kind
    rest = {
        name: value for name, value in record.items() if name not in _READ and not name.startswith(("attributes.", "context."))
    }
    return present({**flattened({"phoenix": rest} if rest else {}), **found})


def _events(events: Any) -> Iterator[dict[str, Any]]:
    for event in events if isinstance(events, list) else []:
        if isinstance(event, Mapping):
            at = time(event, "timestamp", "time")
            yield {
                "name": str(event.get("name") or "event"),
                "at": None if at is None else at.isoformat(),
                "attributes": flattened(mapping(event.get("attributes"))),
            }


def _annotations(items: list[Mapping[str, Any]], place: Mapping[str, str]) -> Iterator[GivenFeedback]:
    for item in items:
        result = mapping(item.get("result"))
        found = verdict({**item, **result, "annotator_kind": field(item, "annotator_kind", "annotatorKind")})
        if found is None:
            continue
        where = {**item, **place}
        trace_id, span_id = optional_id(where, *_TRACE), optional_id(where, *_SPAN)
        session_id = optional_id(where, "session_id") if not (trace_id or span_id) else None
        at = time(item, "updated_at", "created_at")
        yield GivenFeedback((found,), trace_id and _hex(trace_id), session_id, at, span_id and _hex(span_id))
