"""The server's keys as a file beside the store, `keys.json`, which its owner alone may read. It holds digests, never a key."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from loopwright.adapters.store.folder import make_folder
from loopwright.adapters.store.whole_file import write_whole
from loopwright.errors import StoreError, UsageError
from loopwright.ports import Key


class KeyFile:
    """Implements `ports.KeyRing`. The file is read again when it changed, so that keys come and go while a server runs."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._seen: tuple[int, int, int] | None = None
        self._keys: tuple[Key, ...] = ()

    def keys(self) -> Sequence[Key]:
        """All of them, in the order in which they were made; none where there is no file."""
        try:
            found = self.file.stat()
            state = (found.st_mtime_ns, found.st_size, found.st_ino)
            if state != self._seen:
                self._keys = tuple(msgspec.json.decode(self.file.read_bytes(), type=list[Key]))
                self._seen = state
        except FileNotFoundError:
            self._keys, self._seen = (), None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreError(f"{self.file} cannot be read as keys: {error}; mend it, or move it away and make new keys") from None
        return self._keys

    def add(self, key: Key) -> None:
        """Keep one more."""
        with self._alone():
            self._write((*self.keys(), key))

    def remove(self, key_id: str) -> Key:
        """Forget one; raises `UsageError` where there is no such one."""
        with self._alone():
            keys = self.keys()
            gone = next((key for key in keys if key.key_id == key_id), None)
            if gone is None:
                raise UsageError(f"there is no key {key_id!r}; loopwright keys lists them")
            self._write(tuple(key for key in keys if key is not gone))
        return gone

    def _write(self, keys: Sequence[Key]) -> None:
        try:
            write_whole(self.file, msgspec.json.format(msgspec.json.encode(list(keys)), indent=2).decode() + "\n", new_mode=0o600)
        except OSError as error:
            raise StoreError(f"{self.file} cannot be written: {error.strerror}; make room, or see to its rights") from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer at a time, over processes."""
        try:
            make_folder(self.file.parent)
            lock = os.open(self.file.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise StoreError(f"{self.file.parent} cannot be written: {error.strerror}; see to its rights") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
