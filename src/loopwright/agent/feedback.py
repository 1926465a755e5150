"""What a person thought of an answer, on its way to the answer's trace."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from loopwright.agent import otlp_json, outbox
from loopwright.agent.instrument import destination, environment_endpoint, environment_token, is_url
from loopwright.agent.outbox import Letter
from loopwright.agent.trace_file import append_line
from loopwright.agent.tracing import current_trace_id
from loopwright.errors import UsageError

log = logging.getLogger("loopwright")
PLACES = ("trace_id", "session_id", "span_id", "response_id")


def feedback(  # noqa: PLR0913 (four ways to name one answer)
    verdict: bool | float | str | Mapping[str, Any],
    *,
    trace_id: str | None = None,
    session_id: str | None = None,
    span_id: str | None = None,
    response_id: str | None = None,
    comment: str = "",
    to: str | os.PathLike[str] | None = None,
    token: str | None = None,
) -> bool:
    """Record a verdict on an answer; True where it was handed over. It never waits, and what is lost is logged, not raised.

        loopwright.feedback("down", trace_id=trace_id, comment="wrong date")
        loopwright.feedback({"rating": 2}, session_id="s-17")
        loopwright.feedback({"correction": "the flight is on May 20"}, response_id=completion.id)
        loopwright.feedback("escalated", session_id="s-17")

    `verdict` is read as in `loopwright import`: a thumb (True, False, "up", "down"), a rating, an object, or text. It may be
    given before or long after the trace is written. `trace_id` is what `tracing.current_trace_id()` gave inside the agent; within
    a trace nothing need be named. `span_id` is one span of it, by itself or with the trace; `response_id` is the id that a
    model's provider gave its response. Feedback on a session goes to the last of its traces that had begun.

    `to` and `token` are as for `instrument`, and by default what was given there, else LOOPWRIGHT_ENDPOINT and
    LOOPWRIGHT_TOKEN. To a file a line is added. To a server it is sent in the background and tried again as long as the process
    lives, up to 1,000 at a time; `sending()` tells how many were sent and lost.

    Raises `UsageError` where there is nothing to say, nothing it is on, or no place.
    """
    said = {**verdict} if isinstance(verdict, Mapping) else {"value": verdict}
    if comment:
        said["comment"] = comment
    if not said or (set(said) == {"value"} and said["value"] in (None, "")):
        raise UsageError('the feedback says nothing; give a verdict, such as feedback("down", trace_id=...)')
    given = zip(PLACES, (trace_id, session_id, span_id, response_id), strict=True)
    named = {name: str(id) for name, id in given if id}
    running = None if named else current_trace_id()
    if not named and running is None:
        raise UsageError("the feedback is on nothing; name trace_id, session_id, span_id or response_id")
    place, known = _place(to, token)
    return _give(place, known, named or {"trace_id": str(running)}, said)


def sending() -> tuple[int, int]:
    """How much feedback this process sent to servers, and how much was lost on the way to them."""
    boxes = outbox.all_boxes()
    return sum(box.sent for box in boxes), sum(box.lost for box in boxes)


def flush(timeout_s: float = 30.0) -> bool:
    """Wait until all feedback was sent; False where that took too long. At the end of the process it is done for five seconds."""
    return outbox.wait_until(timeout_s)


def _place(to: str | os.PathLike[str] | None, token: str | None) -> tuple[str, str | None]:
    """Where feedback goes, and with which token: what is given, else what `instrument` was, else the environment."""
    if to is not None:
        return os.fspath(to), token or environment_token()
    last, known = destination()
    place = last or environment_endpoint()
    if place is None:
        raise UsageError('the feedback has nowhere to go; call loopwright.instrument first, or name a place: to="traces.jsonl"')
    return place, token or known or environment_token()


def _give(place: str, token: str | None, named: Mapping[str, str], said: Mapping[str, Any]) -> bool:
    at = datetime.fromtimestamp(time.time(), UTC).isoformat()
    try:
        line = otlp_json.line({**named, "feedback": said, "timestamp": at})
        if is_url(place):
            return outbox.outbox(place, token).put(Letter("/v1/feedback", line, partial(_event, named, said, time.time_ns())))
        append_line(Path(place).absolute(), line)
    except (OSError, ValueError, TypeError) as error:
        log.warning("feedback was lost: %s cannot be written: %s", place, error)
        return False
    return True


def _event(named: Mapping[str, str], said: Mapping[str, Any], at_ns: int) -> Letter:
    """A `gen_ai.evaluation.result` event that tells the verdict in full, for an endpoint that speaks OTLP only."""
    content: dict[str, Any] = {
        "gen_ai.evaluation.name": "user_feedback",
        "loopwright.feedback": json.dumps(said, ensure_ascii=False, allow_nan=False),
    }
    if "session_id" in named:
        content["session.id"] = named["session_id"]
    if "response_id" in named:
        content["gen_ai.response.id"] = named["response_id"]
    if said.get("comment"):
        content["gen_ai.evaluation.explanation"] = str(said["comment"])
    record: dict[str, Any] = {
        "timeUnixNano": str(at_ns),
        "eventName": "gen_ai.evaluation.result",
        "attributes": otlp_json.attributes(content),
    }
    record.update({key: named[name] for name, key in (("trace_id", "traceId"), ("span_id", "spanId")) if name in named})
    logs = [{"resource": {}, "scopeLogs": [{"scope": {"name": "loopwright"}, "logRecords": [record]}]}]
    return Letter("/v1/logs", otlp_json.line({"resourceLogs": logs}))
