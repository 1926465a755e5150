"""A server in this process, over a store of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from loopwright import wiring
from loopwright.ports import KeyRing
from loopwright.settings import Settings
from loopwright.surfaces.server.app import application
from loopwright.surfaces.server.service import Limits, Parts
from loopwright.wiring import collecting

LOCAL = ("localhost", "127.0.0.1", "testserver")


@contextmanager
def serving(
    folder: Path, ring: KeyRing | None = None, limits: Limits | None = None, quiet_s: float = 0.0, **changes: Any
) -> Iterator[TestClient]:
    """A client of a server over the store in `folder`. `changes` take the place of parts."""
    settings = Settings(folder=folder)
    with wiring.store(settings) as store:
        made = {
            "store": store,
            "splitter": collecting.splitter(settings),
            "read_part": collecting.part_reader(),
            "ring": ring or collecting.key_ring(settings),
            "clock": wiring.clock(),
            "quiet_s": quiet_s,
            "hosts": LOCAL,
            "limits": limits or Limits(),
        }
        with TestClient(application(Parts(**{**made, **changes})), raise_server_exceptions=False) as client:
            yield client


def wait_until(holds: Callable[[], Any], seconds: float = 30) -> None:
    """Wait for what a server does behind; fails where it does not come."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
