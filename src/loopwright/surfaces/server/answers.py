"""What the server answers: success, success in part, and errors, in protobuf or JSON as the request was.

An error is `google.rpc.Status`, as OTLP says: a code and a message, `{"code": 3, "message": "..."}` in JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTracePartialSuccess, ExportTraceServiceResponse
from starlette.responses import Response

from loopwright.wording import counted

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 421: 3, 422: 3, 429: 8, 500: 13, 503: 14}
"""Status codes of HTTP as those of gRPC."""

_REASONS = 10
"""So many reasons of refusal are named at most."""


class Refusal(Exception):  # noqa: N818 - the answer to a request, and no fault of ours
    """A request that is not taken. `retry_after` is seconds, for those that may be taken later."""

    def __init__(
        self, status: int, problem: str, retry_after: int | None = None, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.status = status
        self.problem = problem
        self.retry_after = retry_after
        self.headers = headers
        super().__init__(problem)


def error(refusal: Refusal, content_type: str = JSON) -> Response:
    """The answer to a request that is not taken."""
    code = _CODES.get(refusal.status, 2)
    headers = dict(refusal.headers)
    if refusal.retry_after is not None:
        headers["retry-after"] = str(refusal.retry_after)
    if content_type == PROTOBUF:
        from google.rpc.status_pb2 import Status  # noqa: PLC0415

        body = Status(code=code, message=refusal.problem).SerializeToString()
    else:
        body = msgspec.json.encode({"code": code, "message": refusal.problem})
        content_type = JSON
    return Response(body, refusal.status, headers, content_type)


def taken(signal: str, refused: Counter[str], content_type: str) -> Response:
    """The answer to an export: what was refused, how much of it and why, and nothing where all was taken."""
    count = refused.total()
    message = reasons(refused, "span" if signal == "traces" else "log record")
    if content_type == PROTOBUF:
        if not count:
            return Response(b"", media_type=PROTOBUF)
        answer: Any
        if signal == "traces":
            part = ExportTracePartialSuccess(rejected_spans=count, error_message=message)
            answer = ExportTraceServiceResponse(partial_success=part)
        else:
            logs = ExportLogsPartialSuccess(rejected_log_records=count, error_message=message)
            answer = ExportLogsServiceResponse(partial_success=logs)
        return Response(answer.SerializeToString(), media_type=PROTOBUF)
    name = "rejectedSpans" if signal == "traces" else "rejectedLogRecords"
    told = {"partialSuccess": {name: str(count), "errorMessage": message}} if count else {}
    return Response(msgspec.json.encode(told), media_type=JSON)


def reasons(refused: Counter[str], what: str) -> str:
    """Why so many were refused, the most frequent reasons first."""
    if not refused:
        return ""
    named = [f"{count} x {reason}" for reason, count in refused.most_common(_REASONS)]
    more = len(refused) - len(named)
    return f"{counted(refused.total(), what)} refused: " + "; ".join(named) + (f"; and {more} more reasons" if more else "")
