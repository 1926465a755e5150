"""A service's project as traces and feedback: its rows read as its exports are, redacted, and put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from loopwright.adapters.connectors.http import Service
from loopwright.adapters.connectors.slices import Row, Rows, Stretch, stretches
from loopwright.collect.formats.found import Found
from loopwright.collect.intake import shown
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.spans import assemble
from loopwright.collect.trace import Feedback, Span, Trace
from loopwright.errors import RecordError
from loopwright.ports.connecting import Pulled, Unread
from loopwright.wording import counted

OURS = "loopwright."
"""What the names of verdicts begin with that were written back: these are no feedback, or a failure would prove itself."""


class Project(Rows, Protocol):
    """One project of a service: its rows, and how they are read."""

    service: Service

    def check(self) -> None:
        """Raises `ServiceError` where there is no such project, or the credentials are not for it."""

    def of_trace(self, trace_id: str) -> list[Row]:
        """All rows of one trace."""

    def read(self, trace_id: str, rows: list[Row]) -> Found:
        """The rows of a trace; raises `RecordError`."""

    def scores(self, start: datetime, end: datetime, done: Mapping[str, list[Row]]) -> Iterator[Row]:
        """The verdicts of a stretch of time, or on the traces that are done in it, whichever the service can tell."""

    def read_score(self, row: Row) -> Found:
        """A verdict; raises `RecordError`."""


class Redacting(Protocol):
    """What redacts text and JSON."""

    def text(self, value: str) -> str:
        """Text without what is to be redacted."""

    def value(self, value: Any) -> Any:
        """JSON without what is to be redacted."""


class Connection:
    """Implements `ports.TraceService`."""

    def __init__(self, project: Project, finish: Callable[[Trace], Trace], redactor: Redacting | None) -> None:
        self._project = project
        self._finish = finish
        self._redactor = redactor

    @property
    def name(self) -> str:
        """What the project is called."""
        return self._project.service.name

    def pull(self, since: datetime, until: datetime, quiet: timedelta) -> Iterator[Pulled]:
        """All that began in that time, oldest first, in stretches that fit in memory."""
        self._project.check()
        for stretch in stretches(self._project, since, until, quiet):
            yield self._read(stretch)

    def whole(self, trace_id: str) -> Trace | None:
        """One trace as the service holds it now; None where it has none that can be read."""
        rows = self._project.of_trace(trace_id)
        try:
            return self._trace(trace_id, rows) if rows else None
        except RecordError:
            return None

    def close(self) -> None:
        """Let the connections go."""
        self._project.service.close()

    def _read(self, stretch: Stretch) -> Pulled:
        traces: list[Trace] = []
        given: dict[str, GivenFeedback] = {}
        unread = [
            Unread(shown(row.get("id")), "it names no trace, or no time that can be read", "no place") for row in stretch.lost
        ]
        for trace_id, rows in stretch.done.items():
            try:
                traces.append(self._trace(trace_id, rows))
            except RecordError as error:
                unread.append(Unread(trace_id, str(error), error.reason))
        for row in self._project.scores(stretch.start, stretch.end, stretch.done):
            if str(row.get("name") or row.get("key") or "").startswith(OURS):
                continue
            try:
                found = self._project.read_score(row).feedback
            except RecordError as error:
                unread.append(Unread(shown(row.get("id")), str(error), error.reason))
                continue
            redacted = [item if self._redactor is None else redact_given(item, self._redactor) for item in found]
            given |= {item.feedback_id: item for item in redacted}
        return Pulled(tuple(traces), tuple(given.values()), tuple(unread), stretch.until, stretch.waiting)

    def _trace(self, trace_id: str, rows: list[Row]) -> Trace:
        """The trace that rows make up; raises `RecordError`."""
        found = self._project.read(trace_id, rows)
        spans = found.spans if self._redactor is None else tuple(redact_span(span, self._redactor) for span in found.spans)
        made = [*found.traces, *assemble(spans)]
        trace = next((trace for trace in made if trace.trace_id == trace_id), None)
        if trace is None:
            raise RecordError(
                f"what is there ({counted(len(rows), 'row')}) makes up no trace {shown(trace_id)}", reason="no trace"
            )
        return self._finish(trace)


def redact_span(span: Span, redactor: Redacting) -> Span:
    """A span whose text, wherever it stands, is redacted; ids and times stay."""
    return replace(
        span,
        name=redactor.text(span.name),
        status_message=redactor.text(span.status_message),
        attributes=redactor.value(span.attributes),
        events=tuple({**event, "attributes": redactor.value(event.get("attributes") or {})} for event in span.events),
        resource=redactor.value(span.resource),
    )


def redact_given(given: GivenFeedback, redactor: Redacting) -> GivenFeedback:
    """Feedback whose text is redacted."""
    return replace(given, verdicts=tuple(_redact_verdict(verdict, redactor) for verdict in given.verdicts))


def _redact_verdict(verdict: Feedback, redactor: Redacting) -> Feedback:
    value = redactor.text(verdict.value) if isinstance(verdict.value, str) else verdict.value
    return replace(verdict, value=value, comment=redactor.text(verdict.comment))
