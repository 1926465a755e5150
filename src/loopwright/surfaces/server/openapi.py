"""What OpenAPI says of the routes that take something in: they are not FastAPI's, and described by hand."""

from __future__ import annotations

from typing import Any

SECURITY: dict[str, Any] = {
    "description": "Traces in, by OTLP/HTTP, and feedback; traces out. Once the server has keys, sending needs a key for ingest, "
    "and reading one for reading.",
    "schemes": {"key": {"type": "http", "scheme": "bearer"}},
}
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_PROBLEMS: dict[str, Any] = {
    code: {"description": text, "content": {kind: {"schema": _PROBLEM} for kind in kinds}}
    for code, text, kinds in (
        ("4XX", "The request cannot be taken, and why.", ("application/json", "application/x-protobuf")),
        ("5XX", "The server cannot take it now; nothing was kept.", ("application/json", "application/x-protobuf")),
    )
}


def _export(what: str, request: str, answer: str, groups: str, rejected: str) -> dict[str, Any]:
    """An OTLP route."""
    partial = {
        "type": "object",
        "properties": {
            "partialSuccess": {
                "type": "object",
                "properties": {rejected: {"type": "string", "pattern": "^[0-9]+$"}, "errorMessage": {"type": "string"}},
            }
        },
    }
    sent = {"type": "object", "properties": {groups: {"type": "array", "items": {"type": "object"}}}}
    binary = {"type": "string", "format": "binary"}
    return {
        "post": {
            "summary": f"Keep {what}",
            "description": f"{request} in protobuf or JSON, as it is or as gzip, deflate or zstd. All that the answer does not "
            "name as refused is on disk.",
            "operationId": f"keep_{groups}",
            "requestBody": {
                "required": True,
                "content": {"application/x-protobuf": {"schema": binary}, "application/json": {"schema": sent}},
            },
            "responses": {
                "200": {
                    "description": f"{answer}: kept, but for what it names.",
                    "content": {"application/x-protobuf": {"schema": binary}, "application/json": {"schema": partial}},
                },
                **_PROBLEMS,
            },
        }
    }


_PLACES = ("trace_id", "span_id", "response_id", "session_id")
_GIVEN = {
    "type": "object",
    "properties": {
        **{name: {"type": "string"} for name in _PLACES},
        "feedback": {
            "description": 'A thumb, a rating, a text, an object such as {"thumb": "down", "comment": "..."}, or a list.'
        },
        "timestamp": {"type": ["string", "number"]},
        "source": {"type": "string"},
    },
    "required": ["feedback"],
}
INTAKE: dict[str, dict[str, Any]] = {
    "/v1/traces": _export(
        "spans", "ExportTraceServiceRequest", "ExportTraceServiceResponse", "resourceSpans", "rejectedSpans"
    ),
    "/v1/logs": _export(
        "events of spans and evaluation results", "ExportLogsServiceRequest", "ExportLogsServiceResponse", "resourceLogs",
        "rejectedLogRecords",
    ),
    "/v1/feedback": {
        "post": {
            "summary": "Keep a verdict on a trace, a span, a response or a session",
            "description": "One, or a list of them; the trace may come later. The same again changes nothing.",
            "operationId": "keep_feedback",
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"anyOf": [_GIVEN, {"type": "array", "items": _GIVEN}]}},
                },
            },
            "responses": {
                "200": {
                    "description": "Kept.",
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {"new": {"type": "integer"}, "unchanged": {"type": "integer"}},
                                "required": ["new", "unchanged"],
                            }
                        }
                    },
                },
                **_PROBLEMS,
            },
        }
    },
}  # fmt: skip
