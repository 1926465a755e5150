"""Langfuse: observations (v2 where the server has it, else v1 with its traces) and scores (v3, else v2) of one project."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from loopwright.adapters.connectors.http import NotTaken, NotThere, Service
from loopwright.adapters.connectors.paging import by_cursor, by_number, rows_of
from loopwright.adapters.connectors.slices import Placed, Row
from loopwright.collect.formats import langfuse
from loopwright.collect.formats.found import Found
from loopwright.collect.times import moment
from loopwright.errors import RecordError, ServiceError

API = "/api/public"
FIELDS = "core,basic,time,io,metadata,model,usage,prompt,metrics"
CONTEXT = "trace_context"
CUT_AT = 200
"""Characters after which the server cuts values of metadata that were not asked for by key."""

A_PAGE = 200
SCORES_A_PAGE = 100
TRACE = "TRACE"
"""The type of a row that is a trace, among observations."""


def headers(public_key: str, secret_key: str) -> dict[str, str]:
    """The login, as the API takes it."""
    return {"Authorization": "Basic " + b64encode(f"{public_key}:{secret_key}".encode()).decode("ascii")}


class Langfuse:
    """The rows of a project are observations, and, of older servers, traces beside them."""

    def __init__(self, service: Service, project: str) -> None:
        self.service = service
        self._project = project
        self._legacy = False
        self._legacy_scores = False
        self._fields = f"{FIELDS},{CONTEXT}"
        self._expanded: dict[str, None] = {}

    def check(self) -> None:
        """Whether the keys are those of the project; raises `ServiceError` naming the one that they are of."""
        found = rows_of(self.service.name, self.service.get(f"{API}/projects"), "data")
        if not any(self._project in (row.get("id"), row.get("name")) for row in found):
            names = ", ".join(str(row.get("name")) for row in found) or "no project"
            raise ServiceError(f"{self.service.name}: the keys are those of {names}; set the keys of {self._project}")

    def rows(self, start: datetime, end: datetime) -> Iterator[list[Row]]:
        """See `slices.Rows`."""
        if not self._legacy:
            try:
                yield from self._observations({"fromStartTime": _iso(start), "toStartTime": _iso(end)})
            except NotThere:
                self._legacy = True
            else:
                return
        times = {"fromTimestamp": _iso(start), "toTimestamp": _iso(end), "orderBy": "timestamp.asc"}
        for page in self._numbered("/traces", times):
            yield [{**row, "type": TRACE} for row in page]
        yield from self._numbered("/observations", {"fromStartTime": _iso(start), "toStartTime": _iso(end)})

    def placed(self, row: Row) -> Placed | None:
        """See `slices.Rows`."""
        is_trace = row.get("type") == TRACE
        trace_id, id = row.get("id" if is_trace else "traceId"), row.get("id")
        at = _time(row.get("timestamp" if is_trace else "startTime"))
        if not isinstance(trace_id, str) or not isinstance(id, str) or not trace_id or at is None:
            return None
        return Placed(trace_id, f"{TRACE}:{id}" if is_trace else id, at)

    def of_trace(self, trace_id: str) -> list[Row]:
        """All rows of one trace."""
        if not self._legacy:
            try:
                return [row for page in self._observations({"traceId": trace_id}) for row in page]
            except NotThere:
                self._legacy = True
        try:
            trace = self.service.get(f"{API}/traces/{trace_id}")
        except NotThere:
            return []
        return [
            {**trace, "observations": None, "scores": None, "type": TRACE},
            *rows_of(self.service.name, trace, "observations"),
        ]

    def records(self, trace_id: str, rows: list[Row]) -> list[Row]:
        """A trace with its observations, where the server keeps traces; otherwise each observation is read by itself."""
        observations = [row for row in rows if row.get("type") != TRACE]
        told = next((row for row in rows if row.get("type") == TRACE), None)
        if told is None:
            return [{"trace": {"id": trace_id}, "observations": [row], langfuse.PARTIAL: True} for row in observations]
        trace = {key: value for key, value in told.items() if key not in ("type", "observations", "scores")}
        return [{"trace": trace, "observations": observations}]

    def read(self, record: Row) -> Found:
        """What an export of a trace holds."""
        return langfuse.read(record)

    def read_score(self, row: Row) -> Found:
        """A score; one of an experiment says nothing of a trace."""
        return Found() if row.get("datasetRunId") and not row.get("traceId") else langfuse.read({"dataType": None, **row})

    def scores(self, start: datetime, end: datetime, done: Mapping[str, list[Row]]) -> Iterator[Row]:
        """The scores of a stretch of time, as exports hold them."""
        times = {"fromTimestamp": _iso(start), "toTimestamp": _iso(end)}
        if not self._legacy_scores:
            try:
                asked = {**times, "fields": "details,subject,annotation", "limit": SCORES_A_PAGE}
                for page in self._cursored("/v3/scores", asked):
                    yield from (_flat(row) for row in page)
            except NotThere:
                self._legacy_scores = True
            else:
                return
        for page in self._numbered("/v2/scores", times):
            yield from page

    def _observations(self, asked: dict[str, str]) -> Iterator[list[Row]]:
        return self._cursored("/v2/observations", {**asked, "limit": A_PAGE}, fields=True)

    def _cursored(self, path: str, asked: dict[str, Any], fields: bool = False) -> Iterator[list[Row]]:
        def ask(cursor: str | None) -> Any:
            given = {**asked, **({"cursor": cursor} if cursor else {})}
            return self._whole(path, given) if fields else self.service.get(API + path, given, shrink="limit")

        return by_cursor(self.service.name, ask, "data", lambda page: (page.get("meta") or {}).get("cursor"))

    def _whole(self, path: str, asked: dict[str, Any]) -> Any:
        """A page of observations with their metadata uncut: keys whose values were cut are asked for by name."""
        page = self._page(path, asked)
        cut = {key: None for row in rows_of(self.service.name, page, "data") for key in _cut(row) if key not in self._expanded}
        if not cut:
            return page
        self._expanded |= cut
        return self._page(path, asked)

    def _page(self, path: str, asked: dict[str, Any]) -> Any:
        expanded = {"expandMetadata": ",".join(self._expanded)} if self._expanded else {}
        try:
            return self.service.get(API + path, {**asked, "fields": self._fields, **expanded}, shrink="limit")
        except NotTaken:
            if CONTEXT not in self._fields:
                raise
            self._fields = FIELDS  # a server that does not know the newest group
            return self._page(path, asked)

    def _numbered(self, path: str, asked: dict[str, Any]) -> Iterator[list[Row]]:
        return by_number(
            self.service.name, lambda number: self.service.get(API + path, {**asked, "page": number, "limit": SCORES_A_PAGE})
        )


def _flat(row: Row) -> dict[str, Any]:
    """A score of v3 as exports hold it: what it is on stands beside it, not in `subject`."""
    subject = row.get("subject")
    flat = {key: value for key, value in row.items() if key != "subject"}
    if isinstance(subject, Mapping):
        kind, id = subject.get("kind"), subject.get("id")
        if kind == "observation":
            flat |= {"traceId": subject.get("traceId"), "observationId": id}
        elif kind in ("trace", "session"):
            flat[f"{kind}Id"] = id
        else:
            flat["datasetRunId"] = id
    if isinstance(flat.get("value"), str):
        flat["stringValue"] = flat["value"]
    return flat


def _cut(row: Row) -> list[str]:
    """The keys of an observation's metadata whose values may have been cut."""
    metadata = row.get("metadata")
    if not isinstance(metadata, Mapping):
        return []
    return [
        key for key, value in metadata.items() if isinstance(value, str) and CUT_AT <= len(value) <= CUT_AT + 3 and "," not in key
    ]


def _iso(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def _time(value: Any) -> datetime | None:
    try:
        return moment(value, "time")
    except RecordError:
        return None
