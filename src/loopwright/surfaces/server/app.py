"""The application: routes, who may use them, and what goes on beside them while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from loopwright.surfaces.server import intake, reading
from loopwright.surfaces.server.access import Access
from loopwright.surfaces.server.answers import Refusal, error
from loopwright.surfaces.server.bodies import Load
from loopwright.surfaces.server.openapi import INTAKE, SECURITY
from loopwright.surfaces.server.service import Parts, Service
from loopwright.workflows.receiving import Receiver, keep_settling, settle_in_thread

_NOWHERE = "there is no such path; /openapi.json lists those that there are"
READERS = 2
"""Threads that read the store."""


def application(parts: Parts, version: str = "0") -> ASGIApp:
    """The server as an ASGI application with a lifespan: it writes and settles between its startup and its shutdown."""
    writing = ThreadPoolExecutor(1, "loopwright-write")
    service = Service(
        parts,
        Load(parts.limits.under_way),
        Receiver(parts.store, parts.clock, writing),
        ThreadPoolExecutor(1, "loopwright-decode"),
        ThreadPoolExecutor(READERS, "loopwright-read"),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()

        def settle(limit: int) -> Awaitable[int]:
            return settle_in_thread(parts.store, parts.read_part, parts.clock, limit, parts.quiet_s, parts.finish)

        receiving = asyncio.create_task(service.receiver.run())
        settling = asyncio.create_task(keep_settling(settle, lambda: service.receiver.busy, stop))
        try:
            yield
        finally:
            service.draining = True
            stop.set()
            service.receiver.close()
            await asyncio.gather(receiving, settling)
            for threads in (service.decoding, service.reading, writing):
                threads.shutdown()

    app = FastAPI(title="Loopwright", version=version, lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.include_router(reading.router(service))
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _bug)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return Access(_Doors(app, intake.doors(service)), parts.ring, parts.hosts, parts.keyless)


class _Doors:
    """What is sent goes to its door at once; all else is FastAPI's."""

    def __init__(self, app: ASGIApp, doors: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        posted = scope["type"] == "http" and scope["method"] == "POST"
        await (self._doors.get(scope["path"], self._app) if posted else self._app)(scope, receive, send)


async def _refused(_: Request, found: Exception) -> Response:
    assert isinstance(found, Refusal)
    return error(found)


async def _http(request: Request, found: Exception) -> Response:
    assert isinstance(found, HTTPException)
    lost = found.status_code == HTTPStatus.NOT_FOUND
    problem = intake.ELSEWHERE.get(request.url.path, _NOWHERE) if lost else str(found.detail)
    sent = request.headers.get("content-type", "")
    return error(Refusal(found.status_code, problem, headers=tuple((found.headers or {}).items())), sent)


async def _invalid(_: Request, found: Exception) -> Response:
    assert isinstance(found, RequestValidationError)
    problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in found.errors()]
    return error(Refusal(422, "; ".join(problems)))


async def _bug(_: Request, __: Exception) -> Response:
    return error(Refusal(500, "this is a bug; please report it with what the server logged"))


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, routes=app.routes, description=SECURITY["description"])
        for path, operations in INTAKE.items():
            made["paths"].setdefault(path, {}).update(operations)
        made.setdefault("components", {})["securitySchemes"] = SECURITY["schemes"]
        made["security"] = [{}, {"key": []}]
        app.openapi_schema = made
    return app.openapi_schema
