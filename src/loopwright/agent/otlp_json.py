"""OTLP as JSON, as the Collector's file exporter writes it: ids in hexadecimal, 64-bit integers as text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

STATUS_CODES = {"unset": 0, "ok": 1, "error": 2}
KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
MAX_DEPTH = 64


def request(groups: Iterable[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]], scope: str = "loopwright") -> dict[str, Any]:
    """An ExportTraceServiceRequest of spans (see `span`), by the resource that they come from."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes(resource)},
                "scopeSpans": [{"scope": {"name": scope}, "spans": list(spans)}],
            }
            for resource, spans in groups
        ]
    }


def span(
    ids: tuple[str, str, str | None],
    name: str,
    kind: str,
    times: tuple[int | None, int | None],
    status: tuple[str, str],
    content: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """A span: its trace's, its own and its parent's id; start and end in nanoseconds since 1970; status and what it says."""
    trace_id, span_id, parent_id = ids
    started, ended = times
    made: dict[str, Any] = {
        "traceId": trace_id,
        "spanId": span_id,
        "name": name,
        "kind": KINDS.get(kind, 0),
        "startTimeUnixNano": str(started or 0),
        "endTimeUnixNano": str(ended or 0),
        "attributes": attributes(content),
        "events": list(events),
        "status": {"code": STATUS_CODES[status[0]], **({"message": status[1]} if status[1] else {})},
    }
    if parent_id:
        made["parentSpanId"] = parent_id
    return made


def event(name: str, at: int | None, content: Mapping[str, Any]) -> dict[str, Any]:
    """An event of a span, at nanoseconds since 1970."""
    return {"timeUnixNano": str(at or 0), "name": name, "attributes": attributes(content)}


def attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Attributes as OTLP lists them."""
    return [{"key": str(key), "value": any_value(value)} for key, value in values.items()]


def any_value(value: Any, depth: int = 0) -> dict[str, Any]:
    """One value. What OTLP lacks is written as text, numbers that JSON lacks among it."""
    if depth > MAX_DEPTH:
        return {"stringValue": "..."}
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if -(2**63) <= value < 2**63 else {"stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else str(value).replace("inf", "Infinity").replace("nan", "NaN")}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": [{"key": str(k), "value": any_value(v, depth + 1)} for k, v in value.items()]}}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [any_value(item, depth + 1) for item in value]}}
    return {"stringValue": value if isinstance(value, str) else str(value)}


def line(message: Mapping[str, Any]) -> bytes:
    """A message on a line of its own. Half a surrogate pair, which no UTF-8 holds, becomes a replacement character."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace") + b"\n"
