"""Things too many to hold: kept in memory up to a limit, then in a temporary file that goes with the process."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from typing import IO


class Spool:
    """Bytes under names, in the order in which the names came; no more than `limit` bytes of them stay in memory.

    In memory remain each name and 8 bytes for each piece.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._file: IO[bytes] | None = None
        self._held: dict[str, list[bytes]] = {}
        self._places: dict[str, array[int]] = {}
        self._size = self._end = 0

    def add(self, name: str, data: bytes) -> bool:
        """Keep a piece; returns whether its name is new."""
        new = name not in self._places
        if new:
            self._places[name] = array("Q")
        self._held.setdefault(name, []).append(data)
        self._size += len(data)
        if self._size > self._limit:
            self._spill()
        return new

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def pieces(self, name: str) -> list[bytes]:
        """The pieces under a name, in order."""
        found = []
        for place in self._places[name]:
            if self._file is not None:
                self._file.seek(place)
                found.append(self._file.read(int.from_bytes(self._file.read(8), "little")))
        return found + self._held.get(name, [])

    def close(self) -> None:
        """Forget everything."""
        if self._file is not None:
            self._file.close()
        self._file, self._held, self._places = None, {}, {}

    def _spill(self) -> None:
        """Write all that is held in memory to the file."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="loopwright-")  # noqa: SIM115 - it lives as long as the spool
        self._file.seek(self._end)
        for name, pieces in self._held.items():
            for data in pieces:
                self._places[name].append(self._end)
                self._file.write(len(data).to_bytes(8, "little") + data)
                self._end += 8 + len(data)
        self._held, self._size = {}, 0
