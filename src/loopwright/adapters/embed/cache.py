"""Vectors on disk, by content and model, so that a text is embedded once.

One SQLite file, which several processes may read and write at once. It holds nothing that cannot be made again: a damaged
file is thrown away with a note, and where no file can be kept, work goes on without one.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loopwright.ports import Embedder

FILE_NAME = "vectors-1.db"
_WAIT_S = 30.0
_TEXTS_AT_ONCE = 512
_KEYS_AT_ONCE = 500
_SCHEMA = "CREATE TABLE IF NOT EXISTS vectors (model TEXT, text BLOB, vector BLOB, PRIMARY KEY (model, text)) WITHOUT ROWID"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)

Vector = NDArray[np.float32]


def default_folder(environ: Mapping[str, str], home: Path) -> Path:
    """`$XDG_CACHE_HOME/loopwright`, by default `~/.cache/loopwright`; a relative value is ignored, as its standard demands."""
    base = Path(environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else home / ".cache") / "loopwright"


class CachedEmbedder:
    """An embedder that asks `inner` only for texts that no process has embedded before.

    New vectors are written every 512 texts, so that an interrupted run goes on from there. `note` is told, once, when the
    file was damaged and when none can be kept.
    """

    def __init__(self, inner: Embedder, folder: Path, note: Callable[[str], None]) -> None:
        self._inner = inner
        self._shelf: VectorFile | None = VectorFile(folder / FILE_NAME)
        self._note = note

    @property
    def name(self) -> str:
        """The inner embedder's."""
        return self._inner.name

    def embed(self, texts: Sequence[str]) -> Vector:
        """What the inner embedder would answer."""
        distinct = list(dict.fromkeys(texts))
        known = self._read(distinct)
        absent = [text for text in distinct if text not in known]
        for begin in range(0, len(absent), _TEXTS_AT_ONCE):
            batch = absent[begin : begin + _TEXTS_AT_ONCE]
            made = dict(zip(batch, np.asarray(self._inner.embed(batch), np.float32), strict=True))
            self._write(made)
            known.update(made)
        return np.stack([known[text] for text in texts]) if texts else np.asarray(self._inner.embed(()), np.float32)

    def _read(self, texts: Sequence[str]) -> dict[str, Vector]:
        found: dict[str, Vector] = {}
        with self._trouble():
            if self._shelf is not None:
                found = self._shelf.read(self.name, texts)
        return found

    def _write(self, vectors: Mapping[str, Vector]) -> None:
        with self._trouble():
            if self._shelf is not None:
                self._shelf.write(self.name, vectors)

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        """A damaged file is discarded; any other trouble ends the use of the cache. Both are told, neither stops the work."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            shelf, self._shelf = self._shelf, None
            if shelf is None:
                return
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED and shelf.discard():
                self._shelf = shelf
                self._note(f"the vector cache was damaged and is built anew: {shelf.path}")
            else:
                self._note(f"vectors are not cached: {error} ({shelf.path})")


class VectorFile:
    """The SQLite file at `path`. It is opened for one call at a time; both methods raise `sqlite3.Error` or `OSError`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, model: str, texts: Sequence[str]) -> dict[str, Vector]:
        """The vectors of those texts that are there and whole."""
        if not self.path.exists():
            return {}
        keys = {_key(text): text for text in texts}
        found: dict[str, Vector] = {}
        with closing(self._open()) as connection:
            wanted = list(keys)
            for begin in range(0, len(wanted), _KEYS_AT_ONCE):
                some = wanted[begin : begin + _KEYS_AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = connection.execute(
                    f"SELECT text, vector FROM vectors WHERE model = ? AND text IN ({marks})",  # noqa: S608 (question marks)
                    [model, *some],
                )
                for key, blob in rows:
                    vector = _unpack(blob)
                    if vector is not None:
                        found[keys[key]] = vector
        return found

    def write(self, model: str, vectors: Mapping[str, Vector]) -> None:
        """Add vectors, in one transaction; one that is there is replaced."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            rows = [(model, _key(text), _pack(vector)) for text, vector in vectors.items()]
            connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)

    def discard(self) -> bool:
        """Throw the file away; False if that is not allowed."""
        try:
            aside = self.path.with_suffix(f".damaged-{os.getpid()}")
            self.path.replace(aside).unlink()
            Path(f"{self.path}-journal").unlink(missing_ok=True)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
        try:
            connection.execute(_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def _pack(vector: Vector) -> bytes:
    data = np.ascontiguousarray(vector, "<f4").tobytes()
    return zlib.crc32(data).to_bytes(4, "little") + data


def _unpack(blob: object) -> Vector | None:
    """The vector, or None where the bytes are not those that were written."""
    if not isinstance(blob, bytes) or len(blob) < 8 or len(blob) % 4:
        return None
    if zlib.crc32(blob[4:]) != int.from_bytes(blob[:4], "little"):
        return None
    return np.frombuffer(blob, "<f4", offset=4).astype(np.float32)
