"""Which dictionary blocks are written with: made of the parts that came, and made anew when the traffic has changed."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from loopwright.adapters.store.parts import Dictionary, Packer

SIZE = 64 * 1024
PIECE = 16 * 1024
LOOK_EVERY = 16 * 1024 * 1024
WORTH = 0.9


class Chooser:
    """Holds the packer of the moment, and tries another now and then.

    The beginnings of blocks are gathered into a dictionary; the blocks after them are packed with it beside the one of the
    moment, and where that saves a tenth it takes its place. Then a time passes without a look. `keep` writes a dictionary and
    returns its number; 0 where it cannot be written for good now.
    """

    def __init__(self, newest: Dictionary, keep: Callable[[bytes], int]) -> None:
        self.packer = Packer(newest)
        self._keep = keep
        self._lock = Lock()
        self._pieces: list[bytes] = []
        self._size = 0
        self._tried: Packer | None = None
        self._before = self._after = self._tested = 0
        self._wait = LOOK_EVERY if newest.number else 0

    def saw(self, data: bytes, packed: int) -> None:
        """Look at a block that is about to be written; `packed` is to how many bytes it was compressed."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._wait > 0:
                self._wait -= len(data)
            elif self._tried is None:
                self._gather(data)
            else:
                self._test(data, packed)
        finally:
            self._lock.release()

    def _gather(self, data: bytes) -> None:
        self._pieces.append(data[:PIECE])
        self._size += len(self._pieces[-1])
        if self._size >= SIZE:
            self._tried = Packer(Dictionary(-1, b"".join(self._pieces)[-SIZE:]))
            self._pieces, self._size = [], 0

    def _test(self, data: bytes, before: int) -> None:
        if self._tried is None:
            return
        self._before += before
        self._after += len(self._tried.pack(data))
        self._tested += len(data)
        if self._tested < SIZE:
            return
        if self._after < WORTH * self._before:
            content = self._tried.dictionary.content
            number = self._keep(content)
            if number:
                self.packer = Packer(Dictionary(number, content))
        self._tried, self._before, self._after, self._tested = None, 0, 0, 0
        self._wait = LOOK_EVERY
