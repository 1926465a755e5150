"""Phoenix: the spans of one project, and the annotations on spans, traces and sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from loopwright.adapters.connectors.http import NotTaken, NotThere, Service
from loopwright.adapters.connectors.paging import by_cursor
from loopwright.adapters.connectors.slices import Placed, Row
from loopwright.collect.formats import phoenix
from loopwright.collect.formats.found import Found
from loopwright.collect.times import moment
from loopwright.errors import RecordError, ServiceError

A_PAGE = 500
IDS_ASKED = 100
LEVELS = ("span", "trace", "session")


def headers(api_key: str | None) -> dict[str, str]:
    """The login, as the API takes it; a Phoenix without one needs none."""
    return {"Authorization": f"Bearer {api_key}", "api_key": api_key} if api_key else {}


class Phoenix:
    """The rows of a project are spans."""

    def __init__(self, service: Service, project: str) -> None:
        self.service = service
        self._project = project
        self._path = f"/v1/projects/{quote(project, safe='')}"

    def check(self) -> None:
        """Whether there is such a project; raises `ServiceError` where there is none."""
        try:
            self.service.get(self._path)
        except (NotThere, NotTaken):
            raise ServiceError(
                f"{self.service.name}: there is no project {self._project!r}; give the name it has in Phoenix"
            ) from None

    def rows(self, start: datetime, end: datetime) -> Iterator[list[Row]]:
        """See `slices.Rows`."""
        return self._spans({"start_time": start.isoformat(), "end_time": end.isoformat()})

    def placed(self, row: Row) -> Placed | None:
        """See `slices.Rows`."""
        context = row.get("context")
        ids = context if isinstance(context, Mapping) else {}
        try:
            at = moment(row.get("start_time"), "start_time")
        except RecordError:
            return None
        trace_id, span_id = ids.get("trace_id"), ids.get("span_id")
        return None if at is None or not trace_id or not span_id else Placed(str(trace_id), str(span_id), at)

    def of_trace(self, trace_id: str) -> list[Row]:
        """All spans of one trace."""
        try:
            rows = [row for page in self._spans({"trace_id": [trace_id]}) for row in page]
        except NotThere:
            return []
        return [row for row in rows if (placed := self.placed(row)) is not None and placed.trace_id == trace_id]

    def records(self, trace_id: str, rows: list[Row]) -> list[Row]:
        """Each row is a span."""
        return rows

    def read(self, record: Row) -> Found:
        """A span."""
        return phoenix.read(record)

    def read_score(self, row: Row) -> Found:
        """An annotation."""
        return phoenix.read(row)

    def scores(self, start: datetime, end: datetime, done: Mapping[str, list[Row]]) -> Iterator[Row]:
        """The annotations on the traces that are done."""
        asked: dict[str, dict[str, str | None]] = {level: {} for level in LEVELS}
        for trace_id, rows in done.items():
            asked["trace"][trace_id] = trace_id
            asked["span"] |= dict.fromkeys((str(row["context"]["span_id"]) for row in rows), trace_id)
            sessions = (_session(row) for row in rows)
            asked["session"] |= dict.fromkeys((session for session in sessions if session), None)
        for level, ids in asked.items():
            listed = list(ids)
            for first in range(0, len(listed), IDS_ASKED):
                for row in self._annotations(level, listed[first : first + IDS_ASKED]):
                    yield {"trace_id": ids.get(str(row.get("span_id"))), **row} if level == "span" else row

    def _annotations(self, level: str, ids: list[str]) -> Iterator[Row]:
        def ask(cursor: str | None) -> Any:
            given: dict[str, Any] = {f"{level}_ids": ids, "limit": A_PAGE, **({"cursor": cursor} if cursor else {})}
            return self.service.get(f"{self._path}/{level}_annotations", given)

        try:
            for page in by_cursor(self.service.name, ask, "data", lambda page: page.get("next_cursor")):
                yield from page
        except NotThere:
            return  # none of them has any, or the server is older than annotations of this level

    def _spans(self, asked: dict[str, Any]) -> Iterator[list[Row]]:
        def ask(cursor: str | None) -> Any:
            given = {**asked, "limit": A_PAGE, **({"cursor": cursor} if cursor else {})}
            return self.service.get(f"{self._path}/spans", given, shrink="limit")

        return by_cursor(self.service.name, ask, "data", lambda page: page.get("next_cursor"))


def _session(row: Row) -> str | None:
    attributes = row.get("attributes")
    session = attributes.get("session.id") if isinstance(attributes, Mapping) else None
    return session if isinstance(session, str) else None
