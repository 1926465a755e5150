"""A connection: closed where no request comes over it, and refused where there are too many.

uvicorn waits without end for the head of a request. Whoever opens connections and says nothing, or a byte now and then, would
use up all that the process may have open, and with them its store.
"""

from __future__ import annotations

import asyncio
import resource
from typing import ClassVar, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle


class Connection(H11Protocol):
    """uvicorn's, with a time within which the head of a request has to come, and at most `most` at once."""

    head_s: ClassVar[float] = 30.0
    """From the opening of the connection, or the first byte after an answer, to the end of the head."""

    most: ClassVar[int] = min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
    """Half of what the process may have open is left for the store."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request; too many connections are broken off, and senders try again."""
        stream = cast("asyncio.Transport", transport)
        super().connection_made(stream)
        if len(self.connections) > self.most:
            stream.abort()
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what came. Once a request is under way, its body has a time of its own."""
        if self._patience is None and not self._under_way:
            self._wait()
        super().data_received(data)
        if self._under_way:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._wait_no_more()
        super().connection_lost(exc)

    @property
    def _under_way(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever its declaration says
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        self._patience = self.loop.call_later(self.head_s, self._give_up)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if not self._under_way:
            self.transport.close()
