"""`http(s)://…`: a service that is sent the input as a JSON body, and answers with text or JSON."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from loopwright.adapters.targets.answer import MAX_ANSWER_BYTES, TOO_LONG, reply_from_text
from loopwright.effects import CallTarget, TargetReply
from loopwright.errors import UsageError, without_credentials

_CHUNK = 64 * 1024


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A redirect would turn a POST into a GET: it is an error instead."""

    def redirect_request(self, *_args: Any) -> None:
        """Follow nothing."""


class HttpService:
    """The target that posts to a URL. Any status but 2xx is an error; the whole exchange is under the time-out."""

    def __init__(self, url: str) -> None:
        if not urlsplit(url).hostname:
            raise UsageError(f"target {url!r} names no host; give http://host:port/path")
        self._url = url
        self._opener = urllib.request.build_opener(_StayHere())

    @property
    def name(self) -> str:
        """As the user wrote it, without the credentials in it: names are shown and kept."""
        return without_credentials(self._url)

    async def open(self) -> None:
        """Nothing to get ready."""

    async def call(self, request: CallTarget) -> TargetReply:
        """Post the input once, in a thread that is left behind at the time-out."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(request.timeout_s):
                return await _in_thread(lambda: self._post(request, started))
        except TimeoutError:
            took = (time.perf_counter() - started) * 1000
            return TargetReply(error=f"timed out after {request.timeout_s:g} s", timed_out=True, latency_ms=took)

    async def close(self) -> None:
        """Nothing is held."""

    def _post(self, request: CallTarget, started: float) -> TargetReply:
        body = json.dumps(request.input).encode()
        post = urllib.request.Request(self._url, body, {"Content-Type": "application/json"}, method="POST")  # noqa: S310
        try:
            with self._opener.open(post, timeout=request.timeout_s) as response:
                taken = _taken(response, started + request.timeout_s)
            text = taken.decode("utf-8")
        except urllib.error.HTTPError as error:
            said = error.read(500).decode("utf-8", "replace").strip()
            return TargetReply(error=f"the service answered {error.code} {error.reason}{': ' + said if said else ''}")
        except TimeoutError:
            return TargetReply(error=f"timed out after {request.timeout_s:g} s", timed_out=True)
        except UnicodeDecodeError:
            return TargetReply(error="the answer is not UTF-8")
        except OSError as error:
            reason = getattr(error, "reason", error)
            timed_out = isinstance(reason, TimeoutError)
            return TargetReply(error=f"the service cannot be reached: {reason}", timed_out=timed_out)
        except ValueError as error:
            return TargetReply(error=str(error))
        return reply_from_text(text, (time.perf_counter() - started) * 1000)


def _taken(response: Any, deadline: float) -> bytes:
    taken = bytearray()
    while chunk := response.read1(_CHUNK):
        taken += chunk
        if len(taken) > MAX_ANSWER_BYTES:
            raise ValueError(TOO_LONG)
        if time.perf_counter() > deadline:
            raise TimeoutError
    return bytes(taken)


async def _in_thread(work: Callable[[], TargetReply]) -> TargetReply:
    """Run `work` in a thread that never keeps the process from ending."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[TargetReply] = loop.create_future()

    def settle(reply: TargetReply) -> None:
        if not outcome.done():
            outcome.set_result(reply)

    def run() -> None:
        try:
            reply = work()
        except Exception as error:
            reply = TargetReply(error=f"the exchange failed: {type(error).__name__}: {error}")
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, reply)

    threading.Thread(target=run, daemon=True).start()
    return await outcome
