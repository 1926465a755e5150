"""The routes that take something in: /v1/traces and /v1/logs as OpenTelemetry sends them, and /v1/feedback."""

from __future__ import annotations

import asyncio
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from loopwright.collect.joining import GivenFeedback, read_given
from loopwright.errors import RecordError, StoreError
from loopwright.ports import Key, Split
from loopwright.surfaces.server.answers import JSON, PROTOBUF, Refusal, error, taken
from loopwright.surfaces.server.bodies import Account, read_body
from loopwright.surfaces.server.service import Service

log = logging.getLogger("loopwright")

_SMALL = 32 * 1024
"""A body of fewer bytes is cut up at once; a larger one in a thread, so that nobody else waits for it."""

_RETRY_S = 1


def doors(service: Service) -> dict[str, ASGIApp]:
    """What answers a POST to each path; no framework stands between, since every span passes here."""
    return {
        "/v1/traces": _Export(service, "traces"),
        "/v1/logs": _Export(service, "logs"),
        "/v1/feedback": _Feedback(service),
    }


ELSEWHERE = {
    "/v1/metrics": "metrics are not taken; set OTEL_METRICS_EXPORTER=none where they come from",
    "/": "nothing is taken here; send traces to /v1/traces, logs to /v1/logs, feedback to /v1/feedback",
}
"""Where senders come by mistake, and what to tell them."""


class _Intake(ABC):
    """A route as an ASGI application: it reads a body, keeps it, and answers once it is on disk."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            with self.service.load.account() as account:
                answer = await self.take(request, content_type, account)
        except Refusal as refusal:
            answer = error(refusal, content_type)
        except StoreError as found:
            log.warning("the store cannot be written, senders are told to try again: %s", found)
            answer = error(Refusal(503, "the store cannot be written now; send it again later", _RETRY_S), content_type)
        except Exception:
            log.exception("a request failed")
            answer = error(Refusal(500, "this is a bug; nothing of the request was kept"), content_type)
        await answer(scope, receive, send)

    @abstractmethod
    async def take(self, request: Request, content_type: str, account: Account) -> Response:
        """Keep what a request holds."""

    async def body(self, request: Request, account: Account) -> bytes:
        """The request's body, within the limits of its key."""
        limits = self.service.parts.limits
        key: Key | None = request.scope["state"]["key"]
        own = None if key is None else key.max_bytes
        return await read_body(request, account, limits.request if own is None else min(own, limits.request), limits.body_s)

    async def off_the_loop(self, body: bytes, work: Callable[[bytes], Any]) -> Any:
        """`work` on a body, in a thread where it is large; a `RecordError` is a refusal of the request."""
        try:
            if len(body) < _SMALL:
                return work(body)
            return await asyncio.get_running_loop().run_in_executor(self.service.decoding, work, body)
        except RecordError as found:
            raise Refusal(400, str(found)) from None


class _Export(_Intake):
    """/v1/traces or /v1/logs."""

    def __init__(self, service: Service, signal: str) -> None:
        super().__init__(service)
        self.signal = signal

    async def take(self, request: Request, content_type: str, account: Account) -> Response:
        """Keep what an export request holds."""
        body = await self.body(request, account)
        if content_type not in (PROTOBUF, JSON):
            raise Refusal(415, f"the content type is {content_type[:60]!r}; send {PROTOBUF} or {JSON}")
        receiver = self.service.receiver
        with receiver.request():
            split: Split = await self.off_the_loop(body, self._split_json if content_type == JSON else self._split_protobuf)
            await asyncio.gather(receiver.spans(split.parts), receiver.feedback(split.feedback))
        return taken(self.signal, split.refused, content_type)

    def _split_protobuf(self, body: bytes) -> Split:
        splitter = self.service.parts.splitter
        return splitter.traces(body) if self.signal == "traces" else splitter.logs(body)

    def _split_json(self, body: bytes) -> Split:
        message = decoded(body)
        if not isinstance(message, dict):
            raise RecordError(f"the body is no JSON object, but {type(message).__name__}", cure="send an export request")
        groups = ("resourceSpans", "resource_spans") if self.signal == "traces" else ("resourceLogs", "resource_logs")
        given = {name: message[name] for name in groups if name in message}
        if message and not given:  # an empty request is one, but what is acknowledged has been understood
            held = ", ".join(sorted(str(name)[:40] for name in message)[:5])
            raise RecordError(f"the body has no {groups[0]}, but {held}", cure=f"send an export request of {self.signal}")
        return self.service.parts.splitter.json(given)


class _Feedback(_Intake):
    """/v1/feedback."""

    async def take(self, request: Request, content_type: str, account: Account) -> Response:
        """Keep one verdict, or a list of them: all, or, where one of them cannot be taken, none."""
        body = await self.body(request, account)
        if content_type != JSON:
            raise Refusal(415, f"the content type is {content_type[:60]!r}; send {JSON}")
        with self.service.receiver.request():
            given = await self.off_the_loop(body, self._given)
            counts = await self.service.receiver.feedback(given)
        return Response(msgspec.json.encode({"new": counts.new, "unchanged": counts.unchanged}), media_type=JSON)

    def _given(self, body: bytes) -> list[GivenFeedback]:
        message = decoded(body)
        records = message if isinstance(message, list) else [message]
        if not all(isinstance(record, dict) for record in records):
            raise RecordError("feedback is an object, or a list of objects", cure='send {"trace_id": ..., "feedback": ...}')
        redact = self.service.parts.splitter.record
        return [read_given(redact(record)) for record in records]


def decoded(body: bytes) -> Any:
    """A body as JSON; raises `RecordError` where it is none, or nested too deep to be read.

    Half a character, as JavaScript leaves it where it cuts a text short, becomes U+FFFD: one such text would take with it all
    else that came in its batch.
    """
    try:
        try:
            return msgspec.json.decode(body)
        except msgspec.DecodeError:
            mended = _ESCAPE.sub(_whole, body)
            if mended == body:
                raise
            return msgspec.json.decode(mended)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as found:
        raise RecordError(f"the body is no JSON: {found}") from None


_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""One escape: a character in two halves, half of one alone, or any other, which may be a backslash."""


def _whole(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if escape["half"] else escape[0]
