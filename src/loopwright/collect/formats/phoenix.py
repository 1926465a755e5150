"""Spans as JSON objects: Phoenix's API, files and flattened dataframes, and what OpenTelemetry's SDKs print.

All carry OpenInference's or other attributes under their own names; here they only become spans.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from loopwright.collect.dialects.reading import decoded, number
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
_CODES = {1: "OK", 2: "ERROR"}
_NANOS = (("start_time_unix_nano", "startTimeUnixNano"), ("end_time_unix_nano", "endTimeUnixNano"))
_DEPTH = 32
_RESULT = ("label", "score", "explanation")
_READ = frozenset(
    ("id", "name", "context", "span_kind", "spanKind", "kind", "start_time", "startTime", "end_time", "endTime", "status_code",
     "statusCode", "status_message", "statusMessage", "status", "attributes", "events", "resource", "links", "annotations",
     "flags", "__index_level_0__", *_TRACE, *_SPAN, *_PARENT, *_NANOS[0], *_NANOS[1])
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
    timed = not record.keys().isdisjoint(("start_time", "startTime", *_NANOS[0]))
    typed = not record.keys().isdisjoint(("span_kind", "spanKind", "attributes", "status_code", "statusCode"))
    return named and timed and typed and any(name in record for name in _TRACE) and any(name in record for name in _SPAN)


def _is_annotation(record: Mapping[str, Any]) -> bool:
    columns = (*_RESULT, *(f"result.{name}" for name in _RESULT))
    told = isinstance(record.get("result"), Mapping) or not record.keys().isdisjoint(columns)
    named = isinstance(field(record, "name", "annotation_name"), str)
    placed = not record.keys().isdisjoint(("span_id", "trace_id", "session_id"))
    return "annotator_kind" in record and named and told and (placed or "annotation_name" in record)


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
        time(record, "start_time", "startTime", *_NANOS[0]),
        time(record, "end_time", "endTime", *_NANOS[1]),
        status,
        message,
        _attributes(record),
        tuple(_events(decoded(record.get("events")))),
        flattened(_pairs(mapping(record.get("resource")).get("attributes"))),
    )
    inner = decoded(record.get("annotations"))
    told = [item for item in inner if isinstance(item, Mapping)] if isinstance(inner, list) else []
    return Found(spans=(span,), feedback=tuple(_annotations(told, {"trace_id": trace_id, "span_id": span_id})))


def _hex(id: str) -> str:
    return id[2:].lower() if id[:2] in ("0x", "0X") else id


def _kind(record: Mapping[str, Any]) -> str:
    kind = record.get("kind")
    if type(kind) is int:
        return _KINDS[kind - 1] if 0 < kind <= len(_KINDS) else "internal"
    name = str(kind or "").rpartition(".")[2].lower().removeprefix("span_kind_")
    return name if name in _KINDS else "internal"


def _status(record: Mapping[str, Any]) -> tuple[Literal["unset", "ok", "error"], str]:
    inner = mapping(record.get("status"))
    told = field({**inner, **record}, "status_code", "statusCode", "code")
    code = str(_CODES.get(told, "") if type(told) is int else told or "").upper()
    message = label(record, "status_message", "statusMessage") or label(inner, "description", "message") or ""
    return _STATUS.get(code.rpartition(".")[2].removeprefix("STATUS_CODE_"), "unset"), message


def _attributes(record: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes flat, whether they came nested, flat, or as columns of their own."""
    found = flattened(_pairs(record.get("attributes")), _WHOLE)
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


def _pairs(attributes: Any) -> Mapping[str, Any]:
    """Attributes as an object, where they came as OTLP's list of keys and values."""
    listed = decoded(attributes)
    if not isinstance(listed, list):
        return mapping(listed)
    return {str(pair.get("key")): _plain(pair.get("value")) for pair in listed if isinstance(pair, Mapping)}


def _plain(value: Any, depth: int = 0) -> Any:
    """A value of OTLP, in the names of its JSON or of its protobuf, as itself."""
    if not isinstance(value, Mapping) or depth > _DEPTH:
        return value
    name, inner = next(((name, inner) for name, inner in value.items() if inner is not None), ("", None))
    kind = name.lower().replace("_", "")
    if kind == "intvalue" and isinstance(inner, str):
        return int(inner) if inner.lstrip("-").isdecimal() else inner
    if kind == "arrayvalue":
        return [_plain(item, depth + 1) for item in mapping(inner).get("values") or ()]
    if kind == "kvlistvalue":
        pairs = mapping(inner).get("values") or ()
        return {str(pair.get("key")): _plain(pair.get("value"), depth + 1) for pair in pairs if isinstance(pair, Mapping)}
    return inner


def _events(events: Any) -> Iterator[dict[str, Any]]:
    for event in events if isinstance(events, list) else []:
        if isinstance(event, Mapping):
            at = time(event, "timestamp", "time", "time_unix_nano", "timeUnixNano")
            yield {
                "name": str(event.get("name") or "event"),
                "at": None if at is None else at.isoformat(),
                "attributes": flattened(_pairs(event.get("attributes"))),
            }


def _score(told: Mapping[str, Any]) -> Any:
    """The score, a number where it came as the text of one, as out of a table."""
    score = told.get("score")
    return number(score) if isinstance(score, str) else score


def _annotations(items: list[Mapping[str, Any]], place: Mapping[str, str]) -> Iterator[GivenFeedback]:
    for item in items:
        columns = {name: item[f"result.{name}"] for name in _RESULT if f"result.{name}" in item}
        told = {**item, **columns, **mapping(item.get("result")), "name": field(item, "name", "annotation_name")}
        found = verdict({**told, "score": _score(told), "annotator_kind": field(item, "annotator_kind", "annotatorKind")})
        if found is None:
            continue
        where = {**item, **place}
        trace_id, span_id = optional_id(where, *_TRACE), optional_id(where, *_SPAN)
        session_id = optional_id(where, "session_id") if not (trace_id or span_id) else None
        if not (trace_id or span_id or session_id):
            cure = "export the dataframe with its index: reset_index() before to_json"
            raise RecordError("an annotation names no span", cure=cure, reason="feedback without a place")
        at = time(item, "updated_at", "created_at")
        yield GivenFeedback((found,), trace_id and _hex(trace_id), session_id, at, span_id and _hex(span_id))
