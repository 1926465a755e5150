"""LangSmith: the runs of one project (a "session" in its API), and the feedback on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from loopwright.adapters.connectors.http import NotThere, Service
from loopwright.adapters.connectors.paging import by_cursor
from loopwright.adapters.connectors.slices import Placed, Row
from loopwright.collect.formats import langsmith
from loopwright.collect.formats.found import Found
from loopwright.collect.times import moment
from loopwright.errors import RecordError, ServiceError

API = "/api/v1"
A_PAGE = 100
RUNS_ASKED = 50
SELECT = [
    "id", "name", "run_type", "start_time", "end_time", "extra", "error", "serialized", "events", "inputs", "outputs",
    "reference_example_id", "parent_run_id", "tags", "session_id", "trace_id", "dotted_order", "status", "prompt_tokens",
    "completion_tokens", "total_tokens", "prompt_cost", "completion_cost", "total_cost", "first_token_time",
    "feedback_stats",
]  # fmt: skip


def headers(api_key: str, workspace_id: str | None) -> dict[str, str]:
    """The login, as the API takes it."""
    return {"x-api-key": api_key, **({"X-Tenant-Id": workspace_id} if workspace_id else {})}


class LangSmith:
    """The rows of a project are runs."""

    def __init__(self, service: Service, project: str) -> None:
        self.service = service
        self._project = project
        self._session_id: str | None = None

    def check(self) -> None:
        """Whether there is such a project; raises `ServiceError` where there is none."""
        self.session_id()

    def session_id(self) -> str:
        """The project's id, by its name, or as given."""
        if self._session_id is None:
            found = self.service.get(f"{API}/sessions", {"name": self._project, "limit": 1})
            ids = [row.get("id") for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
            if not ids and _is_uuid(self._project):
                ids = [self._project]
            if not ids:
                raise ServiceError(
                    f"{self.service.name}: there is no project {self._project!r}; give the name it has in LangSmith"
                )
            self._session_id = str(ids[0])
        return self._session_id

    def rows(self, start: datetime, end: datetime) -> Iterator[list[Row]]:
        """See `slices.Rows`."""
        within = f'and(gte(start_time, "{_iso(start)}"), lt(start_time, "{_iso(end)}"))'
        return self._runs({"start_time": _iso(start), "filter": within, "order": "asc"})

    def placed(self, row: Row) -> Placed | None:
        """See `slices.Rows`."""
        id, trace_id = row.get("id"), row.get("trace_id") or row.get("id")
        try:
            at = moment(row.get("start_time"), "start_time")
        except RecordError:
            return None
        return None if at is None or not id or not trace_id else Placed(str(trace_id), str(id), at)

    def of_trace(self, trace_id: str) -> list[Row]:
        """All runs of one trace."""
        try:
            return [row for page in self._runs({"trace": trace_id}) for row in page]
        except NotThere:
            return []

    def records(self, trace_id: str, rows: list[Row]) -> Iterator[Row]:
        """Each row is a run; averages of feedback are left out, since each one is read by itself."""
        return ({**row, "trace_id": trace_id, "feedback_stats": None} for row in rows)

    def read(self, record: Row) -> Found:
        """A run."""
        return langsmith.read(record)

    def read_score(self, row: Row) -> Found:
        """Feedback on a run."""
        return langsmith.read({"key": None, "run_id": None, "score": None, **row})

    def scores(self, start: datetime, end: datetime, done: Mapping[str, list[Row]]) -> Iterator[Row]:
        """The feedback that was given in that time, on whatever trace, and that on the traces that are done.

        Of the latter only the runs that have any are asked about.
        """
        traces = {str(row["id"]): trace_id for trace_id, rows in done.items() for row in rows if row.get("feedback_stats")}
        ids = list(traces)
        asked: list[dict[str, Any]] = [{"run": ids[first : first + RUNS_ASKED]} for first in range(0, len(ids), RUNS_ASKED)]
        asked.append({"session": [self.session_id()], "min_created_at": _iso(start), "max_created_at": _iso(end)})
        seen: set[Any] = set()
        for one in asked:
            for row in self._feedback(one):
                if row.get("id") in seen:
                    continue
                seen.add(row.get("id"))
                yield {"trace_id": traces.get(str(row.get("run_id"))), **_given(row)}

    def _feedback(self, asked: dict[str, Any]) -> Iterator[Row]:
        offset = 0
        while True:
            page = self.service.get(f"{API}/feedback", {**asked, "limit": A_PAGE, "offset": offset})
            if not isinstance(page, list) or not all(isinstance(row, Mapping) for row in page):
                raise ServiceError(f"{self.service.name} answered with no list of feedback")
            yield from page
            if len(page) < A_PAGE:
                return
            offset += len(page)

    def _runs(self, asked: dict[str, Any]) -> Iterator[list[Row]]:
        body = {"session": [self.session_id()], "select": SELECT, "limit": A_PAGE, **asked}

        def ask(cursor: str | None) -> Any:
            return self.service.post(f"{API}/runs/query", {**body, **({"cursor": cursor} if cursor else {})})

        return by_cursor(self.service.name, ask, "runs", lambda page: (page.get("cursors") or {}).get("next"))


def _given(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value is not None}


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4 and all(c in "0123456789abcdefABCDEF-" for c in text)


def _iso(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
