"""A service's project as spans and feedback: its rows read as its exports are, and redacted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from loopwright.adapters.connectors.http import Service
from loopwright.adapters.connectors.slices import Row, Rows, Stretch, stretches
from loopwright.adapters.importers.span_parts import parts_of
from loopwright.adapters.otlp.redacting import Redactor
from loopwright.collect.formats.found import Found
from loopwright.collect.intake import shown
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.trace import Feedback, Span
from loopwright.errors import RecordError
from loopwright.ports import SpanPart
from loopwright.ports.connecting import Pulled, Unread

OURS = "loopwright."
"""What the names of verdicts begin with that were written back: these are no feedback, or a failure would prove itself."""


class Project(Rows, Protocol):
    """One project of a service: its rows, and how they are read."""

    service: Service

    def check(self) -> None:
        """Raises `ServiceError` where there is no such project, or the credentials are not for it."""

    def of_trace(self, trace_id: str) -> list[Row]:
        """All rows of one trace."""

    def records(self, trace_id: str, rows: list[Row]) -> Iterable[Row]:
        """The rows of a trace as records of an export, each of which can be read whatever is missing of the others."""

    def read(self, record: Row) -> Found:
        """The spans of such a record; raises `RecordError`."""

    def scores(self, start: datetime, end: datetime, done: Mapping[str, list[Row]]) -> Iterator[Row]:
        """The verdicts of a stretch of time, or on the traces that are done in it, whichever the service can tell."""

    def read_score(self, row: Row) -> Found:
        """A verdict; raises `RecordError`."""


class Connection:
    """Implements `ports.TraceService`."""

    def __init__(self, project: Project, redactor: Redactor | None) -> None:
        self._project = project
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

    def whole(self, trace_id: str) -> list[SpanPart]:
        """One trace as the service holds it now, without what cannot be read of it; empty where it has none."""
        return self._parts(trace_id, self._project.of_trace(trace_id), [])

    def close(self) -> None:
        """Let the connections go."""
        self._project.service.close()

    def _read(self, stretch: Stretch) -> Pulled:
        parts: list[SpanPart] = []
        given: dict[str, GivenFeedback] = {}
        unread = [
            Unread(shown(row.get("id")), "it names no trace, or no time that can be read", "no place") for row in stretch.lost
        ]
        for trace_id, rows in stretch.done.items():
            parts += self._parts(trace_id, rows, unread)
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
        return Pulled(tuple(parts), tuple(given.values()), tuple(unread), stretch.until, stretch.waiting)

    def _parts(self, trace_id: str, rows: list[Row], unread: list[Unread]) -> list[SpanPart]:
        """The spans that rows tell, and what cannot be read of them added to `unread`."""
        spans: list[Span] = []
        for record in self._project.records(trace_id, rows):
            try:
                spans += self._project.read(record).spans
            except RecordError as error:
                unread.append(Unread(trace_id, str(error), error.reason))
        return parts_of(spans, self._redactor)


def redact_given(given: GivenFeedback, redactor: Redactor) -> GivenFeedback:
    """Feedback whose text is redacted."""
    return replace(given, verdicts=tuple(_redact_verdict(verdict, redactor) for verdict in given.verdicts))


def _redact_verdict(verdict: Feedback, redactor: Redactor) -> Feedback:
    value = redactor.text(verdict.value) if isinstance(verdict.value, str) else verdict.value
    return replace(verdict, value=value, comment=redactor.text(verdict.comment))
