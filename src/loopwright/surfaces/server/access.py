"""Who may do what: the `Host` of a request, its key, and how often a key may come. Cross-origin requests are granted nothing.

Where there are no keys, a server that listens on this machine alone takes all requests, and a page in a browser, which may send
requests here, is kept out by the name it must use: a name of its own that leads here (DNS rebinding) is not ours. Once there is a
key, every request needs one: a key for ingest to send, a key for reading to read. A server that others reach takes nothing
without a key, whatever becomes of the keys while it runs.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from time import monotonic

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from loopwright.errors import StoreError
from loopwright.ports import Key, KeyKind, KeyRing
from loopwright.surfaces.server.answers import JSON, PROTOBUF, Refusal, error

log = logging.getLogger("loopwright")

OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"})
"""What needs no key: it tells nothing that is kept."""

LOCAL = ("localhost", "127.0.0.1", "::1")
_BURST_S = 2.0
"""A key may use up so many seconds of its rate at once."""
_DISCARD_S = 5.0
"""So long the body of a request that was refused is read, at most."""
_RETRY_S = 1


@dataclass(slots=True)
class _Bucket:
    """What a key may still use."""

    left: float
    at: float


class Rates:
    """How often each key came of late."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._buckets: dict[str, _Bucket] = {}

    def wait(self, key: Key) -> float:
        """Count a request of the key; seconds to wait where it came too often, 0 where it did not."""
        rate = key.requests_per_second
        if rate is None:
            return 0.0
        now, most = self._now(), max(1.0, rate * _BURST_S)
        bucket = self._buckets.setdefault(key.key_id, _Bucket(most, now))
        bucket.left = min(most, bucket.left + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.left < 1:
            return (1 - bucket.left) / rate
        bucket.left -= 1
        return 0.0


class Access:
    """The middleware that lets a request in, or answers it with 401, 403, 421, 429 or 503. `hosts` None takes any `Host`.

    `keyless` is whether requests are taken without a key while there is none. The key is handed on as `scope["state"]["key"]`,
    None where there are none.
    """

    def __init__(self, app: ASGIApp, ring: KeyRing, hosts: Sequence[str] | None, keyless: bool = True) -> None:
        self._app = app
        self._ring = ring
        self._keyless = keyless
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)
        self._rates = Rates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_host(headers)
            key = None if scope["path"] in OPEN else self._check_key(headers, scope["method"])
        except Refusal as refusal:
            sent = PROTOBUF if headers.get("content-type", "").startswith(PROTOBUF) else JSON
            answer = error(refusal, sent)
            if not await _discard(receive):
                answer.headers["connection"] = "close"
            await answer(scope, receive, send)
            return
        scope.setdefault("state", {})["key"] = key
        await self._app(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        if self._hosts is None:
            return
        name = host_name(headers.get("host", ""))
        if name not in self._hosts:
            problem = f"the host {name[:100]!r} is not this server's; use one of its own names, or add it to serve.allowed_hosts"
            raise Refusal(421, problem)

    def _check_key(self, headers: Headers, method: str) -> Key | None:
        try:
            keys = self._ring.keys()
        except StoreError as found:
            log.warning("nobody is let in, since the keys cannot be read: %s", found)
            raise Refusal(503, "the keys cannot be read now; send it again later", _RETRY_S) from None
        if not keys and self._keyless:
            return None
        needed: KeyKind = "ingest" if method == "POST" else "read"
        scheme, _, given = headers.get("authorization", "").partition(" ")
        key = known(keys, given.strip()) if scheme.lower() == "bearer" else None
        if key is None:
            problem = f"send a key for {_USES[needed]} as Authorization: Bearer KEY; loopwright keys makes one"
            raise Refusal(401, problem, headers=(("www-authenticate", "Bearer"),))
        if key.kind != needed:
            raise Refusal(403, f"the key {key.name!r} is for {_USES[key.kind]} alone; this needs one for {_USES[needed]}")
        wait = self._rates.wait(key)
        if wait:
            raise Refusal(429, f"the key {key.name!r} may come {key.requests_per_second:g} times a second", ceil(wait))
        return key


_USES = {"ingest": "sending", "read": "reading"}


def known(keys: Sequence[Key], given: str) -> Key | None:
    """The key that a text is, in a time that does not tell how much of it was right."""
    found = None
    given_digest = digest(given)
    for key in keys:
        if hmac.compare_digest(key.digest, given_digest):
            found = key
    return found


def digest(key: str) -> str:
    """What is kept of a key. It has 256 random bits, so that a fast digest is enough."""
    return sha256(key.encode("utf-8", "replace")).hexdigest()


def host_name(host: str) -> str:
    """The name in a `Host` header, without its port, in lower case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")


async def _discard(receive: Receive, seconds: float = _DISCARD_S, most: int = 8 * 1024 * 1024) -> bool:
    """Read what is being sent, so that the sender sees the answer and no broken connection; False where there is no end to it."""
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while size < most:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return True
    return False
