"""The normalised form of a trace, and what is written beside it: its words, and the spans and responses that it holds.

A form of a trace that has parts is compressed with them at hand, since its text is all in them: what it adds is small. Without
parts it is compressed by itself, as every other record is.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from loopwright.adapters.store.chunks import rows_in
from loopwright.adapters.store.codec import LEVEL, decode, decode_json, json_and_fingerprint
from loopwright.adapters.store.database import Database
from loopwright.adapters.store.parts import Blocks, Raw, compressor, expand, prepared, raw_parts
from loopwright.adapters.store.tables import forms, places
from loopwright.adapters.store.words import texts, words
from loopwright.collect.joining import response_ids
from loopwright.collect.trace import Trace

WITH_PARTS = 6
"""The level of zstd for forms that have parts, which nobody waits for: a fifth less room than level 3 on long conversations, in
twice the time; level 9 saves 4 % more."""


class Form(NamedTuple):
    """A trace ready to be written; `parts` is of how many parts it was made."""

    trace: Trace
    parts: int
    payload: bytes
    fingerprint: str
    words: set[str]


def made(trace: Trace, raw: Sequence[Raw] = ()) -> Form:
    """The form of a trace that was made of these parts; raises `StoreError` for a value that cannot be stored."""
    text, mark = json_and_fingerprint(trace)
    payload = compressor(_like(raw), WITH_PARTS).compress(text) if raw else zlib.compress(text, LEVEL)
    return Form(trace, len(raw), payload, mark, words(texts(trace)))


def read(connection: Connection, held: Blocks, rows: Iterable[tuple[int, int, bytes]]) -> dict[int, Trace]:
    """Traces by number, out of rows of `trace_forms`."""
    found = list(rows)
    raw = raw_parts(connection, held, [number for number, count, _ in found if count])
    return {
        number: decode_json(expand(payload, _like(raw[number][:count]), "trace"), Trace) if count else decode(payload, Trace)
        for number, count, payload in found
    }


def write(connection: Connection, database: Database, held: Blocks, new: Mapping[int, Form]) -> None:
    """Write forms by their traces' numbers, each in the place of an earlier one."""
    forget(connection, database, held, list(new))
    if not new:
        return
    connection.execute(
        forms.insert(), [{"trace": number, "parts": form.parts, "payload": form.payload} for number, form in new.items()]
    )
    database.dialect.add_words(connection, [(number, form.words) for number, form in new.items()])
    rows = [{"place": place, "trace": number} for number, form in new.items() for place in _places(form.trace)]
    if rows:
        connection.execute(places.insert(), rows)


def forget(connection: Connection, database: Database, held: Blocks, numbers: Sequence[int]) -> None:
    """Remove the forms of these traces, where there are any."""
    query = select(forms.c.trace, forms.c.parts, forms.c.payload)
    old = read(connection, held, rows_in(connection, query, forms.c.trace, numbers))
    if not old:
        return
    database.dialect.remove_words(connection, [(number, words(texts(trace))) for number, trace in old.items()])
    for number, trace in old.items():
        connection.execute(places.delete().where(places.c.trace == number, places.c.place.in_(list(_places(trace)))))
        connection.execute(forms.delete().where(forms.c.trace == number))


def _like(raw: Sequence[Raw]) -> Any:
    """What a form repeats, as a dictionary for zstd: the text of the parts, and the ids of their spans, which it spells out."""
    return prepared(b"".join(data for data, _ in raw) + b"".join(ids for _, ids in raw))


def holding(connection: Connection, id: str) -> list[int]:
    """The numbers of traces that hold a span or a response of this id; rarely one too many."""
    return list(connection.scalars(select(places.c.trace).where(places.c.place == place(id)).order_by(places.c.trace)))


def place(id: str) -> int:
    """48 bits of a digest of a span's or a response's id."""
    return int.from_bytes(hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=6).digest()) - 2**47


def _places(trace: Trace) -> set[int]:
    return {place(id) for id in [*(step.span_id for step in trace.steps), *response_ids(trace)] if id}


def row_of(trace: Trace) -> dict[str, Any]:
    """What a trace tells of the columns by which it is looked up; None where it does not."""
    return {
        "session_id": trace.session_id,
        "user_id": trace.user_id,
        "agent": trace.agent,
        "version": trace.version,
        "started_at": trace.started_at,
        "ended_at": trace.ended_at,
    }
