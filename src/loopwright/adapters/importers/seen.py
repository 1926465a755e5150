"""Which ids one import has met, in little memory."""

from __future__ import annotations

import hashlib
from array import array

_LOAD = 0.6


class SeenIds:
    """A set of ids with the place where each was met first: about 27 to 54 bytes an id, however long the ids are.

    An open-addressing table of 64-bit digests: among ten million ids, some two share one with a chance of about 3 in a million.
    """

    def __init__(self) -> None:
        self._count = 0
        self._keys, self._places = array("Q"), array("Q")
        self._resize(1024)

    def __len__(self) -> int:
        return self._count

    def add(self, id: str, place: int) -> int | None:
        """Note that `id` stands at `place` (a number from 0); returns the place of an earlier one, else None."""
        key = int.from_bytes(hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=8).digest()) or 1
        slot = self._slot(key)
        if self._keys[slot] == key:
            return self._places[slot]
        self._keys[slot], self._places[slot] = key, place
        self._count += 1
        if self._count > _LOAD * len(self._keys):
            self._resize(2 * len(self._keys))
        return None

    def _slot(self, key: int) -> int:
        """Where `key` is, or the free slot where it belongs."""
        keys, mask = self._keys, len(self._keys) - 1
        slot = key & mask
        while keys[slot] not in (0, key):
            slot = (slot + 1) & mask
        return slot

    def _resize(self, slots: int) -> None:
        keys, places = self._keys, self._places
        self._keys, self._places = array("Q", bytes(8 * slots)), array("Q", bytes(8 * slots))
        for key, place in zip(keys, places, strict=True):
            if key:
                slot = self._slot(key)
                self._keys[slot], self._places[slot] = key, place
