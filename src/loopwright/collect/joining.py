"""Feedback that came by itself, before or after its trace, is joined with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from loopwright.audit.digest import content_id
from loopwright.collect.feedback import read_feedback
from loopwright.collect.intake import shown
from loopwright.collect.times import moment
from loopwright.collect.trace import Feedback, Trace
from loopwright.errors import RecordError

_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_HEX = frozenset("0123456789abcdef")
_PLACES = ("trace_id", "session_id")


@dataclass(frozen=True, slots=True)
class GivenFeedback:
    """Verdicts on a trace, or, where no trace is named, on a session. `at` is when they were given, if that is known."""

    verdicts: tuple[Feedback, ...]
    trace_id: str | None = None
    session_id: str | None = None
    at: datetime | None = None

    @property
    def feedback_id(self) -> str:
        """Derived from the content: the same verdict given twice at one time is one."""
        return content_id("feedback", self.trace_id, self.session_id, self.verdicts)


def read_given(record: Mapping[str, Any]) -> GivenFeedback:
    """`{"trace_id" or "session_id", "feedback", "timestamp"?, "message_index"?, "source"?}`; see `read_feedback` for `feedback`.

    Raises `RecordError` where it names neither a trace nor a session, or says nothing.
    """
    ids = {name: _name(record.get(name), name) for name in _PLACES}
    at = moment(record.get("timestamp", record.get("at")), "timestamp")
    said = record.get("feedback")
    verdicts = () if said in ("", [], {}) else read_feedback(said)
    if not verdicts or not any(ids.values()):
        lacking = "says nothing" if not verdicts else "names neither a trace nor a session"
        cure = 'give {"trace_id": ..., "feedback": {"thumb": "down", "comment": ...}}, or "session_id"'
        raise RecordError(
            f"the feedback {lacking}", cure=cure, reason="empty feedback" if not verdicts else "feedback without a place"
        )
    return GivenFeedback(tuple(replace(verdict, at=verdict.at or at) for verdict in verdicts), **ids, at=at)


def joined(trace: Trace, verdicts: Iterable[Feedback]) -> Trace:
    """The trace with these verdicts too; one that it has already is not added again."""
    added = [verdict for verdict in dict.fromkeys(verdicts) if verdict not in trace.feedback]
    return replace(trace, feedback=(*trace.feedback, *added)) if added else trace


def place(given: GivenFeedback, candidates: Sequence[tuple[str, datetime | None]]) -> str | None:
    """The trace that feedback on a session belongs to, out of the session's traces (id and start): the last before it was given.

    Where that cannot be told, the last; None where there is none.
    """
    ordered = sorted(candidates, key=lambda pair: (pair[1] or _FIRST, pair[0]))
    before = [id for id, start in ordered if given.at is not None and start is not None and start <= given.at]
    return before[-1] if before else ordered[-1][0] if ordered else None


def join(traces: Sequence[Trace], given: Iterable[GivenFeedback]) -> tuple[list[Trace], list[GivenFeedback]]:
    """The traces with the feedback given on them, in their order; and the feedback that belongs to none of them."""
    known = {trace.trace_id for trace in traces}
    sessions: dict[str, list[tuple[str, datetime | None]]] = {}
    for trace in traces:
        if trace.session_id is not None:
            sessions.setdefault(trace.session_id, []).append((trace.trace_id, trace.started_at))
    verdicts: dict[str, list[Feedback]] = {}
    left: list[GivenFeedback] = []
    for item in given:
        id = item.trace_id if item.trace_id is not None else place(item, sessions.get(item.session_id or "", []))
        if id in known:
            verdicts.setdefault(str(id), []).extend(item.verdicts)
        else:
            left.append(item)
    return [joined(trace, verdicts.get(trace.trace_id, ())) for trace in traces], left


def _name(value: Any, name: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str | int) and not isinstance(value, bool):
        text = str(value).strip()
        return text.lower() if name == "trace_id" and len(text) == 32 and _HEX.issuperset(text.lower()) else text
    raise RecordError(f"{name} is {shown(value)}", cure="give text", reason="bad id")
