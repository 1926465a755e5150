"""`loopwright serve` as a process of its own, and what a client reads of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Served:
    """A running server: its URL, and its answers."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=20) as response:
            return json.load(response)

    def settled(self, wanted: int, seconds: float = 30) -> list[dict[str, Any]]:
        """The traces, whole, once so many are there and read."""
        end = time.monotonic() + seconds
        while True:
            listed = self.get("/v1/traces")
            lines = listed.get("traces", listed) if isinstance(listed, dict) else listed
            if len(lines) >= wanted and all(line["settled"] for line in lines):
                return [self.get(f"/v1/traces/{line['trace_id']}") for line in lines]
            assert time.monotonic() < end, listed
            time.sleep(0.1)


@contextmanager
def loopwright_serve(folder: Path, *options: str) -> Iterator[Served]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LOOPWRIGHT_")}
    command = [
        sys.executable,
        "-m",
        "loopwright",
        "serve",
        "--port",
        "0",
        "--store",
        f"sqlite:///{folder / 'served.db'}",
        *options,
    ]
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            first = process.stderr.readline()
            assert "listening on http://" in first, first + process.stderr.read()
            yield Served(first.split()[-1].strip())
        finally:
            process.terminate()
            process.communicate(timeout=30)
