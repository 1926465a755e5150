"""Inspect's `.eval` logs: an archive with a member a sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from loopwright.adapters.importers.decoding import decode_object
from loopwright.adapters.importers.json_parts import Part, parts
from loopwright.adapters.importers.zip_members import Archive
from loopwright.errors import RecordError

_HEADER, _STARTED = "header.json", "_journal/start.json"
_SAMPLES = "samples/"
_EVENTS = ("events",)


def samples(file: IO[bytes], limit: int) -> Iterator[tuple[int, dict[str, Any] | RecordError]]:
    """The log's samples, numbered from 1, each as a log with nothing else; one that cannot be read is an error in its place.

    Of a sample's events only the first and the last are kept: the messages tell what happened. Raises `RecordError` for what is
    no such log.
    """
    archive = Archive(file)
    header = _header(archive, limit)
    names = sorted(name for name in archive.names if name.startswith(_SAMPLES) and name.endswith(".json"))
    for number, name in enumerate(names, start=1):
        try:
            yield number, {**header, "samples": [_sample(archive, name, limit)]}
        except RecordError as error:
            yield number, error


def _header(archive: Archive, limit: int) -> dict[str, Any]:
    name = next((name for name in (_HEADER, _STARTED) if name in archive.names), None)
    if name is None:
        raise RecordError("is a zip archive, and no log of Inspect", cure="unpack it first", reason="unknown format")
    read = b""
    for chunk in archive.chunks(name):
        read += chunk
        if len(read) > limit:
            raise RecordError(f"{name} has more than {limit:,} bytes", reason="record too long")
    return {"status": "started", **decode_object(read, constants=True)}


def _sample(archive: Archive, name: str, limit: int) -> dict[str, Any]:
    cutting = parts(archive.chunks(name), [_EVENTS], limit)
    first: Part | None = None
    last: Part | None = None
    while True:
        try:
            last = next(cutting)
        except StopIteration as stopped:
            sample = decode_object(stopped.value, constants=True)
            break
        first = first or last
    ends = [
        decode_object(part.data, constants=True) for part in ([first] if first is last else [first, last]) if part is not None
    ]
    return {**sample, "events": ends}
