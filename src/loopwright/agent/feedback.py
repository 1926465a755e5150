"""What a person thought of an answer, on its way to the answer's trace."""

from __future__ import annotations

import json
import logging
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loopwright.agent import otlp_json
from loopwright.agent.instrument import destination, is_url
from loopwright.agent.trace_file import append_line
from loopwright.agent.tracing import current_trace_id
from loopwright.errors import UsageError

log = logging.getLogger("loopwright")
TIMEOUT_S = 5.0


def feedback(
    verdict: bool | float | str | Mapping[str, Any],
    *,
    trace_id: str | None = None,
    session_id: str | None = None,
    comment: str = "",
    to: str | os.PathLike[str] | None = None,
) -> bool:
    """Record a verdict on a trace or a session; True where it was handed over. A failure to write is logged, not raised.

        loopwright.feedback("down", trace_id=trace_id, comment="wrong date")
        loopwright.feedback({"rating": 2}, session_id="s-17")
        loopwright.feedback({"correction": "the flight is on May 20"}, trace_id=trace_id)
        loopwright.feedback("escalated", session_id="s-17")

    `verdict` is read as in `loopwright import`: a thumb (True, False, "up", "down"), a rating, an object, or text. It may be
    given before or long after the trace is written. `trace_id` is what `tracing.current_trace_id()` gave inside the agent; within
    a trace it need not be named. Feedback on a session goes to the last of its traces that had begun. `to` is as for
    `instrument`, and by default the place given there: a line in that file, or an evaluation event to that endpoint.

    Raises `UsageError` where there is nothing to say, no trace and no session, or no place.
    """
    said = {**verdict} if isinstance(verdict, Mapping) else {"value": verdict}
    if comment:
        said["comment"] = comment
    if not said or (set(said) == {"value"} and said["value"] in (None, "")):
        raise UsageError('the feedback says nothing; give a verdict, such as feedback("down", trace_id=...)')
    trace_id = trace_id or (current_trace_id() if session_id is None else None)
    if not trace_id and not session_id:
        raise UsageError("the feedback is on nothing; name trace_id or session_id")
    place = os.fspath(to) if to is not None else destination()
    if place is None:
        raise UsageError('the feedback has nowhere to go; call loopwright.instrument first, or name a place: to="traces.jsonl"')
    named = {key: value for key, value in (("trace_id", trace_id), ("session_id", session_id)) if value}
    return _send(place, named, said) if is_url(place) else _write(Path(place), named, said)


def _write(path: Path, named: Mapping[str, str], said: Mapping[str, Any]) -> bool:
    """Add a line to the file of traces."""
    at = datetime.fromtimestamp(time.time(), UTC).isoformat()
    try:
        append_line(path.absolute(), otlp_json.line({**named, "feedback": said, "timestamp": at}))
    except (OSError, ValueError, TypeError) as error:
        log.warning("feedback was lost: %s cannot be written: %s", path, error)
        return False
    return True


def _send(url: str, named: Mapping[str, str], said: Mapping[str, Any]) -> bool:
    """Post an evaluation event to the endpoint's `/v1/logs`."""
    try:
        body = otlp_json.line(_event(named, said))
        request = urllib.request.Request(  # noqa: S310 - an http(s) URL: see is_url
            f"{url.rstrip('/').removesuffix('/v1/traces')}/v1/logs", body, {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310
            return True
    except (OSError, ValueError, TypeError, urllib.error.URLError) as error:
        log.warning("feedback was lost: %s did not take it: %s", url, error)
        return False


def _event(named: Mapping[str, str], said: Mapping[str, Any]) -> dict[str, Any]:
    """A `gen_ai.evaluation.result` event that tells the verdict in full."""
    content: dict[str, Any] = {
        "gen_ai.evaluation.name": "user_feedback",
        "loopwright.feedback": json.dumps(said, ensure_ascii=False, allow_nan=False),
    }
    if "session_id" in named:
        content["session.id"] = named["session_id"]
    if said.get("comment"):
        content["gen_ai.evaluation.explanation"] = str(said["comment"])
    record: dict[str, Any] = {
        "timeUnixNano": str(time.time_ns()),
        "eventName": "gen_ai.evaluation.result",
        "attributes": otlp_json.attributes(content),
    }
    if "trace_id" in named:
        record["traceId"] = named["trace_id"]
    return {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {"name": "loopwright"}, "logRecords": [record]}]}]}
