"""The routes that read: traces, sessions, counts, and whether the server is well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from pydantic import AfterValidator, BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from loopwright.collect.record import trace_object
from loopwright.errors import StoreError
from loopwright.ports import Store, TraceFilter, TraceLine
from loopwright.surfaces.server.answers import JSON, Refusal
from loopwright.surfaces.server.service import Service
from loopwright.workflows.settling import opened

Id = Annotated[str, Path(max_length=500, pattern=r"^[^\x00]*$")]
Name = Annotated[str | None, Query(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]


def _in_utc(at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


Time = Annotated[datetime | None, AfterValidator(_in_utc)]
"""ISO 8601; a day is its beginning, and a time without an offset counts as UTC, as everywhere."""


class Line(BaseModel):
    """One trace in a list."""

    trace_id: str
    name: str | None
    session_id: str | None
    user_id: str | None
    agent: str | None
    version: str | None
    started_at: datetime | None
    ended_at: datetime | None
    spans: int = Field(description="How many different spans of it came.")
    error: bool
    settled: bool = Field(description="Whether its normalised form is current.")


class Lines(BaseModel):
    """A page of traces, newest first."""

    traces: list[Line]
    next: str | None = Field(description="What to give as `before` for the next page; null at the end.")


class Conversation(BaseModel):
    """The traces of one session, oldest first; the newest thousand of them."""

    session_id: str
    traces: list[Line]


class Stats(BaseModel):
    """What is kept, in counts."""

    spans: int
    traces: int = Field(description="Traces that have a normalised form.")
    pending: int = Field(description="Traces with spans that their normalised form lacks.")


class Health(BaseModel):
    """Whether the server is well."""

    status: str


class Problem(BaseModel):
    """Why a request was not answered: `google.rpc.Status`."""

    code: int
    message: str


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "The request cannot be taken, and why."},
    "5XX": {"model": Problem, "description": "The server cannot take it now."},
}
_SESSION_TRACES = 1000


def router(service: Service) -> APIRouter:
    """The routes, over a service that runs."""
    made = APIRouter(responses=_PROBLEMS)
    store = service.parts.store

    @made.get("/v1/traces", summary="The newest traces that fit", dependencies=[Depends(_only_known)])
    async def traces(  # noqa: PLR0913, PLR0917 - each is a filter of its own
        agent: Name = None,
        version: Name = None,
        session: Name = None,
        user: Name = None,
        error: bool | None = None,
        since: Annotated[Time, Query(description="Those that began then, or later.")] = None,
        until: Annotated[Time, Query(description="Those that began before then.")] = None,
        q: Annotated[str | None, Query(max_length=1000, description="Words that all stand in inputs or outputs.")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[str | None, Query(min_length=1, max_length=500, description="The trace after which to begin.")] = None,
    ) -> Lines:
        wanted = TraceFilter(agent, version, session, user, error, since, until, q or None)
        found = await _read(service, partial(_page, store, wanted, limit + 1, before))
        page = [_line(item) for item in found[:limit]]
        return Lines(traces=page, next=page[-1].trace_id if len(found) > limit else None)

    @made.get("/v1/traces/{trace_id:path}", summary="One trace, normalised", response_model=dict[str, Any])
    async def trace(trace_id: Id) -> Response:
        parts = service.parts
        found = await _read(service, partial(opened, store, parts.read_part, trace_id, parts.finish))
        if found is None:
            raise Refusal(404, "there is no such trace")
        return Response(msgspec.json.encode(trace_object(found), enc_hook=str), media_type=JSON)

    @made.get("/v1/sessions/{session_id:path}", summary="The traces of one session")
    async def session(session_id: Id) -> Conversation:
        found = await _read(service, partial(store.find, TraceFilter(session_id=session_id), _SESSION_TRACES))
        if not found:
            raise Refusal(404, "there is no such session")
        return Conversation(session_id=session_id, traces=[_line(item) for item in reversed(found)])

    @made.get("/v1/stats", summary="Counts")
    async def stats() -> Stats:
        counts = await _read(service, lambda: (store.count_spans(), store.count_traces(), store.count_pending()))
        return Stats(spans=counts[0], traces=counts[1], pending=counts[2])

    @made.get("/healthz", summary="Whether the process lives")
    async def healthz() -> Health:
        return Health(status="ok")

    @made.get("/readyz", summary="Whether it takes requests, and reads its store")
    async def readyz() -> Health:
        if service.draining:
            raise Refusal(503, "the server is stopping", 1)
        await _read(service, store.count_spans)
        return Health(status="ready")

    return made


def _page(store: Store, wanted: TraceFilter, limit: int, before: str | None) -> Sequence[TraceLine]:
    """The newest that fit, before a trace; raises `Refusal` where there is no such trace, and where there is nothing to find."""
    if wanted.text is not None and not any(map(str.isalnum, wanted.text)):
        raise Refusal(422, f"q {wanted.text[:40]!r} holds no word; give one of letters or digits")
    found = store.find(wanted, limit, before)
    if before is not None and not found and not store.find(TraceFilter(trace_id=before), 1):
        raise Refusal(404, f"there is no trace {before[:100]!r} before which to begin; give the `next` of an earlier page")
    return found


_FILTERS = ("agent", "version", "session", "user", "error", "since", "until", "q", "limit", "before")


async def _only_known(request: Request) -> None:
    """A filter whose name is misspelt would find everything."""
    strange = next((name for name in request.query_params if name not in _FILTERS), None)
    if strange is not None:
        raise Refusal(422, f"there is no filter {strange[:100]!r}; there are {', '.join(_FILTERS)}")


async def _read(service: Service, work: Callable[[], Any]) -> Any:
    """What a reading thread finds in the store."""
    try:
        return await asyncio.get_running_loop().run_in_executor(service.reading, work)
    except StoreError as found:
        raise Refusal(503, f"the store cannot be read now: {found}", 1) from None


def _line(item: TraceLine) -> Line:
    return Line(**{name: getattr(item, name) for name in Line.model_fields})
