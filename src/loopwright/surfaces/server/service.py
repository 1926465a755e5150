"""What the routes share while a server runs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from loopwright.collect.trace import Trace
from loopwright.ports import Clock, KeyRing, PartReader, Splitter, Store
from loopwright.surfaces.server.bodies import Load
from loopwright.workflows.receiving import Receiver


@dataclass(frozen=True, slots=True)
class Limits:
    """What requests may take.

    `request` and `under_way` are bytes, unpacked, of one and of all at once; `body_s` is how long a body may take to come,
    `drain_s` how long the end of the server waits for requests under way.
    """

    request: int = 32 * 1024 * 1024
    under_way: int = 64 * 1024 * 1024
    body_s: float = 30.0
    drain_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What a server is put together from; `wiring` builds them.

    `hosts` None takes any `Host`; `keyless` is whether requests are taken without a key while there is none.
    """

    store: Store
    splitter: Splitter
    read_part: PartReader
    ring: KeyRing
    clock: Clock
    quiet_s: float
    hosts: tuple[str, ...] | None = None
    limits: Limits = Limits()
    finish: Callable[[Trace], Trace] | None = None
    keyless: bool = True


@dataclass(slots=True)
class Service:
    """A server that runs: its parts, what it holds, and the threads that decode, write and read."""

    parts: Parts
    load: Load
    receiver: Receiver
    decoding: Executor
    reading: Executor
    draining: bool = False
