"""Langfuse, LangSmith and Phoenix as their HTTP APIs show them, over data in memory; served by `faulty_server`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from faulty_server import Answer, Asked

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
Row = dict[str, Any]


def iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def when(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def between(rows: list[Row], key: str, start: str | None, end: str | None) -> list[Row]:
    low, high = when(start), when(end)
    return [row for row in rows if (low is None or when(row[key]) >= low) and (high is None or when(row[key]) < high)]


def page(rows: list[Row], limit: int, cursor: str | None, key: str = "id") -> tuple[list[Row], str | None]:
    """Rows from the one that the cursor names on, and the cursor of the next page."""
    keys = [row[key] for row in rows]
    first = keys.index(cursor) if cursor in keys else 0
    following = rows[first + limit : first + limit + 1]
    return rows[first : first + limit], following[0][key] if following else None


class LangfuseServer:
    """`version` 4 has observations v2 and scores v3 and no traces; 3 has the older ones only. Newest first, as the true one."""

    def __init__(self, version: int = 4, most: int = 1000) -> None:
        self.version = version
        self.most = most
        self.traces: dict[str, Row] = {}
        self.observations: list[Row] = []
        self.scores: dict[str, Row] = {}
        self.key = "pk:sk"

    def add(self, number: int, *, at: datetime | None = None, steps: int = 2) -> str:
        at = at or START + timedelta(minutes=number)
        id = f"{number:032x}"
        said = {"input": json.dumps([{"role": "user", "content": f"question {number}"}]), "output": f"answer {number}"}
        shared = {"environment": "default", "userId": f"u{number % 3}", "sessionId": f"s{number % 5}", "version": "v1"}
        self.traces[id] = {
            "id": id,
            "name": "desk",
            "timestamp": iso(at),
            **said,
            **shared,
            "metadata": {},
            "tags": [],
            "public": False,
        }
        for step in range(steps):
            began = at + timedelta(seconds=step)
            self.observations.append(
                {
                    "id": f"{number:012x}{step:04x}",
                    "traceId": id,
                    "type": "GENERATION" if step else "SPAN",
                    "name": "chat" if step else "desk",
                    "parentObservationId": f"{number:012x}{0:04x}" if step else None,
                    "startTime": iso(began),
                    "endTime": iso(began + timedelta(seconds=1)),
                    "level": "DEFAULT",
                    "statusMessage": None,
                    "providedModelName": "gpt-4.1-mini" if step else None,
                    "usageDetails": {"input": 10, "output": 5} if step else {},
                    "costDetails": {},
                    "metadata": {"note": f"{number} " + "x" * 300},
                    "traceName": "desk",
                    "tags": [],
                    "release": None,
                    **said,
                    **shared,
                }
            )
        return id

    def score(self, id: str, trace_id: str, value: Any, *, at: datetime, kind: str = "NUMERIC", comment: str = "") -> None:
        self.scores[id] = {
            "id": id, "traceId": trace_id, "name": "helpful", "value": value, "dataType": kind, "source": "ANNOTATION",
            "comment": comment, "timestamp": iso(at),
        }  # fmt: skip

    def __call__(self, asked: Asked) -> Answer | None:
        expected = "Basic " + base64.b64encode(self.key.encode()).decode()
        if asked.headers.get("authorization") != expected:
            return Answer(401, {"message": "Invalid credentials. Confirm that you've configured the correct host."})
        path = asked.path.removeprefix("/api/public")
        if path == "/projects":
            return Answer(200, {"data": [{"id": "p1", "name": "desk"}]})
        if asked.method == "POST" and path == "/scores":
            self.scores[asked.json["id"]] = {"timestamp": iso(START), "source": "API", **asked.json}
            return Answer(200, {"id": asked.json["id"]})
        limit = min(int(asked.one("limit", "50")), self.most)
        if self.version >= 4:
            return self._v4(path, asked, limit)
        return self._v3(path, asked, limit)

    def _v4(self, path: str, asked: Asked, limit: int) -> Answer | None:
        if path == "/v2/observations":
            found = [row for row in self.observations if asked.one("traceId") in (None, row["traceId"])]
            found = between(found, "startTime", asked.one("fromStartTime"), asked.one("toStartTime"))
            rows, cursor = page(sorted(found, key=lambda r: (r["startTime"], r["id"]), reverse=True), limit, asked.one("cursor"))
            kept = (asked.one("expandMetadata") or "").split(",")
            cut = [{**row, "metadata": {k: v if k in kept else v[:200] for k, v in row["metadata"].items()}} for row in rows]
            return Answer(200, {"data": cut, "meta": {"cursor": cursor} if cursor else {}})
        if path == "/v3/scores":
            if limit > 100:
                return Answer(400, {"message": "limit"})
            found = between(list(self.scores.values()), "timestamp", asked.one("fromTimestamp"), asked.one("toTimestamp"))
            rows, cursor = page(found, limit, asked.one("cursor"))
            made = [
                {**{k: v for k, v in row.items() if k != "traceId"}, "subject": {"kind": "trace", "id": row["traceId"]}}
                for row in rows
            ]
            return Answer(200, {"data": made, "meta": {"limit": limit, **({"cursor": cursor} if cursor else {})}})
        return None

    def _v3(self, path: str, asked: Asked, limit: int) -> Answer | None:
        number = int(asked.one("page", "1"))
        if path == "/traces":
            found = between(list(self.traces.values()), "timestamp", asked.one("fromTimestamp"), asked.one("toTimestamp"))
        elif path == "/observations":
            found = between(self.observations, "startTime", asked.one("fromStartTime"), asked.one("toStartTime"))
        elif path == "/v2/scores":
            found = between(list(self.scores.values()), "timestamp", asked.one("fromTimestamp"), asked.one("toTimestamp"))
        elif match := re.fullmatch(r"/traces/(\w+)", path):
            trace = self.traces.get(match[1])
            inner = [row for row in self.observations if row["traceId"] == match[1]]
            return None if trace is None else Answer(200, {**trace, "observations": inner, "scores": []})
        else:
            return None
        first = (number - 1) * limit
        meta = {"page": number, "limit": limit, "totalItems": len(found), "totalPages": -(-len(found) // limit)}
        return Answer(200, {"data": found[first : first + limit], "meta": meta})


class LangSmithServer:
    """`/api/v1` of LangSmith."""

    def __init__(self) -> None:
        self.runs: list[Row] = []
        self.feedback: dict[str, Row] = {}
        self.key = "lsv2"

    def add(self, number: int, *, at: datetime | None = None, steps: int = 2) -> str:
        at = at or START + timedelta(minutes=number)
        id = f"00000000-0000-4000-8000-{number * 16:012x}"
        for step in range(steps):
            began = at + timedelta(seconds=step)
            self.runs.append(
                {
                    "id": f"00000000-0000-4000-8000-{number * 16 + step:012x}",
                    "trace_id": id,
                    "session_id": "11111111-0000-4000-8000-000000000000",
                    "parent_run_id": id if step else None,
                    "name": "ChatOpenAI" if step else "desk",
                    "run_type": "llm" if step else "chain",
                    "start_time": began.isoformat(),
                    "end_time": (began + timedelta(seconds=1)).isoformat(),
                    "inputs": {"messages": [{"role": "user", "content": f"question {number}"}]},
                    "outputs": {"messages": [{"role": "assistant", "content": f"answer {number}"}]},
                    "extra": {"metadata": {"session_id": f"s{number % 5}"}},
                    "error": None,
                    "status": "success",
                    "tags": [],
                    "feedback_stats": None,
                }
            )
        return id

    def score(self, id: str, run_id: str, value: Any, *, at: datetime, comment: str = "") -> None:
        self.feedback[id] = {
            "id": id, "run_id": run_id, "key": "helpful", "score": value, "value": None, "comment": comment, "correction": None,
            "created_at": at.isoformat(), "feedback_source": {"type": "app"},
        }  # fmt: skip
        for run in self.runs:
            if run["id"] == run_id:
                run["feedback_stats"] = {"helpful": {"n": 1, "avg": value}}

    def __call__(self, asked: Asked) -> Answer | None:
        if asked.headers.get("x-api-key") != self.key:
            return Answer(403, {"detail": "Forbidden"})
        path = asked.path.removeprefix("/api/v1")
        if path == "/sessions":
            known = [{"id": "11111111-0000-4000-8000-000000000000", "name": "desk"}]
            return Answer(200, [row for row in known if row["name"] == asked.one("name")])
        if path == "/runs/query" and asked.method == "POST":
            body = asked.json
            assert body["session"] == ["11111111-0000-4000-8000-000000000000"]
            times = re.findall(r'"([^"]+)"', body.get("filter", "")) or [None, None]
            found = [run for run in self.runs if body.get("trace") in (None, run["trace_id"])]
            found = sorted(between(found, "start_time", *times), key=lambda r: (r["start_time"], r["id"]))
            rows, cursor = page(found, body["limit"], body.get("cursor"))
            return Answer(200, {"runs": rows, "cursors": {"next": cursor}})
        if path == "/feedback" and asked.method == "GET":
            found = [row for row in self.feedback.values() if row["run_id"] in asked.query.get("run", [row["run_id"]])]
            found = between(found, "created_at", asked.one("min_created_at"), asked.one("max_created_at"))
            first = int(asked.one("offset", "0"))
            return Answer(200, found[first : first + int(asked.one("limit", "100"))])
        if path == "/feedback" and asked.method == "POST":
            if asked.json["id"] in self.feedback:
                return Answer(409, {"detail": "Conflict"})
            self.feedback[asked.json["id"]] = {"created_at": START.isoformat(), **asked.json}
            return Answer(200, asked.json)
        if (match := re.fullmatch(r"/feedback/([\w-]+)", path)) and asked.method == "PATCH":
            self.feedback[match[1]].update(asked.json)
            return Answer(200, {})
        return None


class PhoenixServer:
    """`/v1` of Phoenix, newest span first."""

    def __init__(self, key: str | None = None) -> None:
        self.spans: list[Row] = []
        self.annotations: dict[str, dict[tuple[str, str, str], Row]] = {"span": {}, "trace": {}, "session": {}}
        self.key = key

    def add(self, number: int, *, at: datetime | None = None, steps: int = 2) -> str:
        at = at or START + timedelta(minutes=number)
        id = f"{number + 1:032x}"
        for step in range(steps):
            began = at + timedelta(seconds=step)
            self.spans.append(
                {
                    "id": f"S{number}-{step}",
                    "name": "chat" if step else "desk",
                    "context": {"trace_id": id, "span_id": f"{number + 1:012x}{step + 1:04x}"},
                    "span_kind": "LLM" if step else "AGENT",
                    "parent_id": f"{number + 1:012x}{1:04x}" if step else None,
                    "start_time": began.isoformat(),
                    "end_time": (began + timedelta(seconds=1)).isoformat(),
                    "status_code": "OK",
                    "status_message": "",
                    "attributes": {
                        "input.value": f"question {number}",
                        "output.value": f"answer {number}",
                        "session.id": f"s{number % 5}",
                    },
                    "events": [],
                }
            )
        return id

    def score(self, id: str, span_id: str, value: Any, *, at: datetime, comment: str = "") -> None:
        self.annotate("span", {"span_id": span_id, "name": "helpful", "annotator_kind": "HUMAN", "identifier": id,
                               "result": {"score": value, "label": None, "explanation": comment}}, at)  # fmt: skip

    def annotate(self, level: str, item: Mapping[str, Any], at: datetime) -> str:
        key = (item[f"{level}_id"], item["name"], item.get("identifier", ""))
        held = self.annotations[level]
        id = held[key]["id"] if key in held else f"A{level}{len(held)}"
        held[key] = {
            "metadata": {},
            "source": "API",
            **item,
            "id": id,
            "created_at": at.isoformat(),
            "updated_at": at.isoformat(),
        }
        return id

    def __call__(self, asked: Asked) -> Answer | None:
        if self.key is not None and asked.headers.get("authorization") != f"Bearer {self.key}":
            return Answer(401, b"Invalid token")
        limit = int(asked.one("limit", "100"))
        if asked.path == "/v1/projects/desk":
            return Answer(200, {"data": {"id": "UHJvamVjdDox", "name": "desk"}})
        if asked.path == "/v1/projects/desk/spans":
            wanted = asked.query.get("trace_id")
            found = [row for row in self.spans if wanted is None or row["context"]["trace_id"] in wanted]
            found = between(found, "start_time", asked.one("start_time"), asked.one("end_time"))
            rows, cursor = page(list(reversed(found)), limit, asked.one("cursor"))
            return Answer(200, {"data": rows, "next_cursor": cursor})
        if match := re.fullmatch(r"/v1/projects/desk/(span|trace|session)_annotations", asked.path):
            ids = asked.query[f"{match[1]}_ids"]
            found = [row for key, row in self.annotations[match[1]].items() if key[0] in ids]
            if not found and match[1] == "session":
                return None
            rows, cursor = page(found, limit, asked.one("cursor"))
            return Answer(200, {"data": rows, "next_cursor": cursor})
        if (match := re.fullmatch(r"/v1/(span|trace|session)_annotations", asked.path)) and asked.method == "POST":
            return Answer(200, {"data": [{"id": self.annotate(match[1], item, START)} for item in asked.json["data"]]})
        return None
