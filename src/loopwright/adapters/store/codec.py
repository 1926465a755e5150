"""Records as bytes: compressed JSON that gives back exactly what was put in.

JSON alone loses tuples, enums, times, NaN, large integers, lone surrogates and keys that are not text. Such a value is written
as an object with a `"$"` that names what it is; so are the records themselves, without those of their fields that are empty.
A field that a later version adds reads as its default from what an earlier version wrote.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
import zlib
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from functools import cache
from numbers import Integral, Real
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from loopwright.cluster.mode import FailureMode, ModeDescription, Recipe
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.trace import Feedback, Message, Step, ToolCall, Trace, Usage
from loopwright.errors import StoreError
from loopwright.evaluate.case import EvalCase
from loopwright.evaluate.queue import Queued
from loopwright.evaluate.result import EvalResult, Run
from loopwright.gate.override import Override
from loopwright.gate.quarantine import Quarantine
from loopwright.improve.proposal import HarnessChange, Proposal, Verification
from loopwright.judge.verdict import Label, Verdict
from loopwright.mine.signal import FailureTrace
from loopwright.ports import LoopStep, StoredDecision
from loopwright.release.record import Release
from loopwright.watch.finding import AcceptedInputs, DriftFinding

T = TypeVar("T")

RECORDS_WITHIN: frozenset[type] = frozenset((Trace, Message, ToolCall, Step, Usage, Feedback))
"""Those of which there are most: known by their type alone."""

RECORDS: tuple[type, ...] = (
    Trace, FailureTrace, FailureMode, Recipe, EvalCase, EvalResult, Run, StoredDecision, LoopStep, Release, Queued,
    Proposal, Verification, HarnessChange,
    Verdict, Label, ModeDescription, GivenFeedback, DriftFinding, AcceptedInputs, Quarantine, Override,
)  # fmt: skip
LEVEL = 3  # of zlib: levels above save little more and take up to three times as long; see bench/store.py
MARK = "$"


def encode(record: Any) -> bytes:
    """`record` as compressed bytes; raises `StoreError` for a value that could not be read back."""
    return zlib.compress(to_json(record), LEVEL)


def decode(payload: bytes, kind: type[T]) -> T:
    """The record in `payload`; raises `StoreError` where the bytes are damaged or hold something else."""
    try:
        text = zlib.decompress(payload)
    except zlib.error as error:
        raise damaged(kind.__name__, error) from None
    return decode_json(text, kind)


def decode_json(text: bytes, kind: type[T]) -> T:
    """The record in `text`; raises `StoreError` where it is damaged or holds something else."""
    try:
        record = from_json(text)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise damaged(kind.__name__, error) from None
    if not isinstance(record, kind):
        raise StoreError(f"a stored {kind.__name__} holds a {type(record).__name__}; restore the store from a copy")
    return record


def damaged(what: str, error: Exception) -> StoreError:
    """What is said of bytes in the store that cannot be read."""
    return StoreError(f"a stored {what} is damaged ({' '.join(str(error).split())}); restore the store from a copy")


def json_and_fingerprint(record: Any) -> tuple[bytes, str]:
    """`to_json` and `fingerprint` of a record, in one walk."""
    try:
        plain = _plain(record)
        return msgspec.json.encode(plain), _digest(msgspec.json.encode(plain, order="deterministic"))
    except RecursionError:
        raise _too_deep() from None


def fingerprint(record: Any) -> str:
    """32 hex digits (128 bits) that are the same for equal content, whatever the order of its keys."""
    return _digest(_serialise(record, order="deterministic"))


def to_json(value: Any) -> bytes:
    """`value` as JSON, not compressed."""
    return _serialise(value)


def from_json(text: bytes | str) -> Any:
    """What `to_json` wrote."""
    return _READER.decode(text if isinstance(text, str) else text.decode())


def _serialise(value: Any, order: Any = None) -> bytes:
    try:
        return msgspec.json.encode(_plain(value), order=order)
    except RecursionError:
        raise _too_deep() from None


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:32]


def _too_deep() -> StoreError:
    return StoreError("a record nests too deeply to be stored; leave out its innermost parts")


def _plain(value: Any) -> Any:
    kind = type(value)
    writer = _WRITERS.get(kind)
    if writer is not None:
        return writer(value)
    return _plain_record(value) if kind in RECORDS_WITHIN else _plain_other(value)


def _plain_other(value: Any) -> Any:
    """Records, enums, and the subclasses and relatives of what JSON knows, such as numpy's numbers."""
    if isinstance(value, Enum):
        return {MARK: _known(type(value)), "v": _plain(value.value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain_record(value)
    for kind in (str, Integral, Real, dict, list, tuple, datetime, bytes):
        if isinstance(value, kind):
            return _BASE_WRITERS[kind](value)
    raise StoreError(
        f"a value of type {type(value).__name__} cannot be stored: {str(value)[:80]!r}; use text, numbers, lists or objects"
    )


def _plain_record(value: Any) -> dict[str, Any]:
    kind: Any = type(value)
    plain: dict[str, Any] = {MARK: _known(kind)}
    for name, empty in _empties(kind):
        content = getattr(value, name)
        if content is not empty and not (content == empty and type(content) is type(empty)):
            plain[name] = _plain(content)
    return plain


def _plain_text(value: str) -> Any:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return {MARK: "text", "v": json.dumps(value)}
    return value


def _plain_int(value: int) -> Any:
    return value if -(2**63) <= value < 2**64 else {MARK: "int", "v": hex(value)}


def _plain_float(value: float) -> Any:
    return value if math.isfinite(value) else {MARK: "float", "v": repr(value)}


def _plain_dict(value: dict[Any, Any]) -> dict[str, Any]:
    plain = {}
    for key, content in value.items():
        if type(key) is not str or key == MARK or not (key.isascii() or _plain_text(key) is key):
            return {MARK: "map", "v": [[_plain(k), _plain(v)] for k, v in value.items()]}
        plain[key] = _plain(content)
    return plain


def _plain_list(value: list[Any]) -> list[Any]:
    return [_plain(v) for v in value]


_WRITERS: dict[type, Callable[[Any], Any]] = {
    type(None): lambda v: v,
    bool: lambda v: v,
    str: _plain_text,
    int: _plain_int,
    float: _plain_float,
    dict: _plain_dict,
    list: _plain_list,
    tuple: lambda v: {MARK: "tuple", "v": _plain_list(v)},
    set: lambda v: {MARK: "set", "v": sorted(map(_plain, v), key=msgspec.json.encode)},
    frozenset: lambda v: {MARK: "frozenset", "v": sorted(map(_plain, v), key=msgspec.json.encode)},
    bytes: lambda v: {MARK: "bytes", "v": base64.b64encode(v).decode()},
    datetime: lambda v: {MARK: "time", "v": v.isoformat()},
}
_BASE_WRITERS: dict[type, Callable[[Any], Any]] = {
    **_WRITERS,
    str: lambda v: _plain_text(str.__str__(v)),
    Integral: lambda v: _plain_int(int(v)),
    Real: lambda v: _plain_float(float(v)),
    dict: lambda v: _plain_dict(dict(v)),
    list: lambda v: _plain_list(list(v)),
}


def _restored(plain: dict[str, Any]) -> Any:
    """One JSON object, the innermost first, as what was written; most are just that."""
    if MARK not in plain:
        return plain
    name = plain[MARK]
    if name in _READERS:
        return _READERS[name](plain["v"])
    kind: Any = _vocabulary()[name]
    if issubclass(kind, Enum):
        return kind(plain["v"])
    fields = _fields(kind)
    return kind(**{name: value for name, value in plain.items() if name in fields})


@cache
def _fields(kind: type) -> frozenset[str]:
    return frozenset(name for name, _ in _empties(kind))


_READERS: dict[str, Callable[[Any], Any]] = {
    "text": json.loads,
    "int": lambda v: int(v, 16),
    "float": float,
    "map": dict,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "bytes": base64.b64decode,
    "time": datetime.fromisoformat,
}
_READER = json.JSONDecoder(object_hook=_restored)
"""Twice as fast as msgspec followed by a walk over everything: only objects are looked at."""


_EMPTY: tuple[Any, ...] = (None, "", (), {}, [])
_REQUIRED = object()


@cache
def _empties(kind: Any) -> tuple[tuple[str, Any], ...]:
    """The fields of a record, each with the empty default that need not be written.

    Only nothing, empty text and empty collections are left out: another default may change between versions.
    """
    rows: list[tuple[str, Any]] = []
    for field in dataclasses.fields(kind):
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        rows.append((field.name, default if default in _EMPTY else _REQUIRED))
    return tuple(rows)


@cache
def _known(kind: type) -> str:
    if _vocabulary().get(kind.__name__) is not kind:
        raise StoreError(f"a value of type {kind.__name__} is not part of what is stored; use text, numbers, lists or objects")
    return kind.__name__


@cache
def _vocabulary() -> dict[str, type]:
    """Every record and enum that a stored record can hold, by name."""
    found: dict[str, type] = {}
    waiting: list[Any] = list(RECORDS)
    while waiting:
        hint = waiting.pop()
        waiting.extend(get_args(hint))
        if not isinstance(hint, type) or hint.__name__ in found:
            continue
        if issubclass(hint, Enum):
            found[hint.__name__] = hint
        elif dataclasses.is_dataclass(hint):
            found[hint.__name__] = hint
            waiting.extend(get_type_hints(hint).values())
    return found
