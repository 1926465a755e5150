"""Feedback that came by itself, before or after its trace, is joined with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from loopwright.audit.digest import content_id
from loopwright.collect.feedback import check_ratings, read_feedback
from loopwright.collect.intake import shown
from loopwright.collect.record import PLACES
from loopwright.collect.times import moment
from loopwright.collect.trace import Feedback, Trace
from loopwright.errors import RecordError

_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_HEX = frozenset("0123456789abcdef")
_LONGEST_ID = 500
_HEX_DIGITS = {"trace_id": 32, "span_id": 16}


@dataclass(frozen=True, slots=True)
class GivenFeedback:
    """Verdicts on what the first of these names: a trace, the trace of a span, the trace of a model's response, a session.

    A `span_id` or `response_id` beside a `trace_id` says which part of the trace is meant. `at` is when the verdicts were given,
    if that is known.
    """

    verdicts: tuple[Feedback, ...]
    trace_id: str | None = None
    session_id: str | None = None
    at: datetime | None = None
    span_id: str | None = None
    response_id: str | None = None

    @property
    def feedback_id(self) -> str:
        """Derived from the content: the same verdict given twice at one time is one."""
        inner = [{"span_id": self.span_id, "response_id": self.response_id}] if self.span_id or self.response_id else []
        return content_id("feedback", self.trace_id, self.session_id, self.verdicts, *inner)


def read_given(record: Mapping[str, Any]) -> GivenFeedback:
    """`{"trace_id", "span_id", "response_id" or "session_id", "feedback", "timestamp"?}`; see `read_feedback` for `feedback`.

    Raises `RecordError` where it names none of the four, says nothing, or has a rating that is not on its scale.
    """
    ids = {name: _name(record.get(name), name) for name in PLACES}
    at = moment(record.get("timestamp", record.get("at")), "timestamp")
    said = record.get("feedback")
    check_ratings(said)
    verdicts = () if said in ("", [], {}) else read_feedback(said)
    if not verdicts or not any(ids.values()):
        lacking = "says nothing" if not verdicts else "names neither a trace nor a session"
        cure = 'give {"trace_id": ..., "feedback": {"thumb": "down", "comment": ...}}, or another id: span, response, session'
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


def response_ids(trace: Trace) -> tuple[str, ...]:
    """The ids of the models' responses in a trace, by which feedback may name it; each once."""
    return tuple(dict.fromkeys(step.response_id for step in trace.steps if step.response_id))


def join(traces: Sequence[Trace], given: Iterable[GivenFeedback]) -> tuple[list[Trace], list[GivenFeedback]]:
    """The traces with the feedback given on them, in their order; and the feedback that belongs to none of them."""
    places = _Places(traces)
    verdicts: dict[str, list[Feedback]] = {}
    left: list[GivenFeedback] = []
    for item in given:
        id = places.of(item)
        if id is None:
            left.append(item)
        else:
            verdicts.setdefault(id, []).extend(item.verdicts)
    return [joined(trace, verdicts.get(trace.trace_id, ())) for trace in traces], left


class _Places:
    """Where feedback on these traces belongs, by whatever it names."""

    def __init__(self, traces: Sequence[Trace]) -> None:
        self._traces = {trace.trace_id for trace in traces}
        self._spans = {step.span_id: trace.trace_id for trace in traces for step in trace.steps}
        self._responses = {id: trace.trace_id for trace in traces for id in response_ids(trace)}
        self._sessions: dict[str, list[tuple[str, datetime | None]]] = {}
        for trace in traces:
            if trace.session_id is not None:
                self._sessions.setdefault(trace.session_id, []).append((trace.trace_id, trace.started_at))

    def of(self, given: GivenFeedback) -> str | None:
        """The id of the trace that it belongs to; None where that is not among them."""
        if given.trace_id is not None:
            return given.trace_id if given.trace_id in self._traces else None
        if given.span_id is not None:
            return self._spans.get(given.span_id)
        if given.response_id is not None:
            return self._responses.get(given.response_id)
        return place(given, self._sessions.get(given.session_id or "", []))


def _name(value: Any, name: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str | int) and not isinstance(value, bool):
        text = str(value).strip()
        if len(text) > _LONGEST_ID or "\0" in text:
            cure = f"give the id of a trace, span, response or session, of at most {_LONGEST_ID} characters"
            raise RecordError(f"{name} is {shown(value)}", cure=cure, reason="bad id")
        return text.lower() if len(text) == _HEX_DIGITS.get(name) and _HEX.issuperset(text.lower()) else text
    raise RecordError(f"{name} is {shown(value)}", cure="give text", reason="bad id")
